"""A bundle becomes active only if a station would start with it, and the way back is kept."""

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sorterd import exit_codes
from sorterd.classifiers.bundle import MANIFEST
from sorterd.classifiers.store import Store
from sorterd.cli import main
from sorterd.clock import RealClock
from sorterd.commands import models
from sorterd.core.batching import Cost
from sorterd.holding import Holder
from sorterd.settings import Settings, load
from sorterd.wiring.models import Model, open_bundle, open_model

TINY = Path(__file__).parents[1] / "classifiers" / "tiny" / "int8"
STATION = """
[model]
bundle = "tiny int8"
store = "{store}"
batch_sizes = [1]

[bins.paper]
gate = "paper"
labels = ["red", "green"]

[bins.landfill]
labels = ["blue"]

[gates.paper]
at_mm = 500
"""

Ask = Callable[..., int]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store that is not there yet."""
    return Store(tmp_path / "store")


@pytest.fixture
def config(tmp_path: Path, store: Store) -> Path:
    """Return the settings of a station that uses the small bundle of the tests."""
    file = tmp_path / "sorterd.toml"
    file.write_text(STATION.format(store=store.folder))
    return file


@pytest.fixture
def ask(config: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return what asks `sorterd models` something, while no station runs."""
    monkeypatch.setattr(models, "holder", lambda: None)

    def asked(action: str, *given: str) -> int:
        return main(["models", action, *given, "--config", str(config)])

    return asked


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], Path]:
    """Return what makes the small bundle anew in another version."""

    def make(version: str) -> Path:
        folder = Path(shutil.copytree(TINY, tmp_path / version))
        manifest = folder / MANIFEST
        manifest.write_text(manifest.read_text().replace('version = "1"', f'version = "{version}"'))
        return folder

    return make


def test_a_sound_bundle_becomes_active(
    ask: Ask, store: Store, made: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say what was checked, and what was before."""
    assert ask("activate", str(made("3"))) == exit_codes.DONE

    assert store.active("tiny int8") == "3"
    told = capsys.readouterr().out
    assert "tiny int8 3 fits: 3 golden answers right" in told
    assert "active: tiny int8, 3; before: none" in told


def test_a_version_of_the_list_becomes_active_again(
    ask: Ask, store: Store, made: Callable[[str], Path]
) -> None:
    """It should find NAME/VERSION in the store, and not copy it."""
    for version in ("3", "4"):
        ask("activate", str(made(version)))

    assert ask("activate", "tiny int8/3") == exit_codes.DONE
    assert (store.active("tiny int8"), store.previous("tiny int8")) == ("3", "4")


def test_wrong_golden_answers_never_become_active(
    ask: Ask, store: Store, made: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should ask the model itself: sums alone say only that the files are those of the list."""
    ask("activate", str(made("3")))
    bad = made("4")
    manifest = bad / MANIFEST
    red = "scores = [0.9947, 0.0026, 0.0026]"
    text = manifest.read_text()
    assert red in text
    manifest.write_text(text.replace(red, "scores = [0.0026, 0.9947, 0.0026]"))

    assert ask("activate", str(bad)) == exit_codes.MODEL
    assert store.active("tiny int8") == "3"
    assert store.versions("tiny int8") == ["3"]
    (line,) = capsys.readouterr().err.splitlines()
    assert "red.png is green 0.99 by the manifest and red" in line


def test_a_bundle_that_is_too_slow_never_becomes_active(
    ask: Ask,
    store: Store,
    made: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should hold the measured time against what belt and gates leave."""
    ask("activate", str(made("3")))

    def slow(folder: Path, settings: Settings, clock: RealClock) -> Model:
        model = open_bundle(folder, settings, clock)
        return replace(model, costs={1: Cost(1_900_000_000, 2_000_000_000)})

    monkeypatch.setattr(models, "open_bundle", slow)

    assert ask("activate", str(made("4")), "--set", "gates.paper.at_mm=370") == exit_codes.SETTINGS
    assert "must leave the model time" in capsys.readouterr().err
    assert store.active("tiny int8") == "3"
    assert store.versions("tiny int8") == ["3"]


def test_going_back_is_one_word(ask: Ask, store: Store, made: Callable[[str], Path]) -> None:
    """It should take the settings' own bundle if none is named."""
    for version in ("3", "4"):
        ask("activate", str(made(version)))

    assert ask("rollback") == exit_codes.DONE
    assert store.active("tiny int8") == "3"
    assert ask("rollback", "unheard of") == exit_codes.MODEL


def test_a_check_changes_nothing(
    ask: Ask, store: Store, made: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say whether a bundle would do, by its exit code too."""
    good, bad = made("3"), made("4")
    (bad / "model.tflite").write_bytes(b"no model")

    assert ask("check", str(good)) == exit_codes.DONE
    assert ask("check", str(bad)) == exit_codes.UNFIT
    assert "sha256 differs" in capsys.readouterr().err
    assert not store.folder.exists()


def test_the_list_says_what_is_in_force(
    ask: Ask, store: Store, made: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should show the state of each version, and a faulty one as such, for programs too."""
    for version in ("3", "4", "5"):
        ask("activate", str(made(version)))
    (store.folder / "tiny int8" / "3" / "model.tflite").unlink()
    capsys.readouterr()

    assert ask("list", "--json") == exit_codes.DONE
    rows = json.loads(capsys.readouterr().out)
    assert [(row["version"], row["state"]) for row in rows] == [
        ("3", "kept"),
        ("4", "previous"),
        ("5", "active"),
    ]
    assert [row["fault"] is None for row in rows] == [False, True, True]
    assert ask("list") == exit_codes.DONE
    assert "cannot be read" in capsys.readouterr().out


def test_a_station_that_runs_is_not_forgotten(
    ask: Ask,
    made: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should say that it still has the old bundle, and how that changes."""
    monkeypatch.setattr(models, "holder", lambda: Holder("sorterd run", 812))

    ask("activate", str(made("3")))
    assert "process 812, still has the old one: sudo systemctl reload" in capsys.readouterr().out


def test_a_store_that_cannot_be_written_to_is_one_line(
    ask: Ask, store: Store, made: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say where and what to do, and be no bug."""
    store.folder.write_text("a file where the store should be")

    assert ask("activate", str(made("3"))) == exit_codes.DEVICE
    assert "use sudo" in capsys.readouterr().err


def test_a_station_whose_version_went_bad_takes_the_one_before(
    ask: Ask,
    store: Store,
    config: Path,
    made: Callable[[str], Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It should run on a bundle that was good here, and say so (FarmBot/farmbot_os#791)."""
    for version in ("3", "4"):
        ask("activate", str(made(version)))
    (store.folder / "tiny int8" / "4" / "model.tflite").write_bytes(b"a worn card")

    with caplog.at_level(logging.WARNING):
        model = open_model(load(config, {}), RealClock())
    model.close()

    assert model.bundle.name == "tiny int8 3"
    assert "sorterd models rollback" in caplog.text
