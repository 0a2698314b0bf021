"""`sorterd doctor` from the command line: what is printed, and what the exit code says."""

import json
from functools import partial
from pathlib import Path

import pytest

from sorterd.cli import main
from sorterd.clock import RealClock
from sorterd.commands import doctor
from sorterd.doctor.findings import Finding, Line, Need, always, broken, found
from sorterd.doctor.here import Here, this_machine
from sorterd.doctor.lines import GROUPS
from tests.doctor.machines import Made


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Finding]:
    """Let the doctor have two lines only, on a machine that was made up, and return them."""
    seen = {"pins": found("free"), "settings": found("fit")}
    group = tuple(Line(name, always(Need.NEEDED), partial(_seen, seen, name)) for name in seen)
    monkeypatch.setattr("sorterd.doctor.examine.GROUPS", {"all": group})
    monkeypatch.setattr(doctor, "USUAL_CONFIG", tmp_path / "none.toml")
    monkeypatch.setattr("sorterd.commands.arguments.USUAL_CONFIG", tmp_path / "none.toml")
    return seen


def _seen(seen: dict[str, Finding], name: str, here: Here) -> Finding:
    del here
    return seen[name]


def test_a_station_that_can_run_is_0(
    lines: dict[str, Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should print a page without colours where nobody watches, and end well."""
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("sorterd doctor: no settings: as for most stations")
    assert f"{len(lines)} ok." in out
    assert "\x1b" not in out


def test_a_station_that_cannot_run_is_1(
    lines: dict[str, Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say so by its exit code too, also as JSON."""
    lines["pins"] = broken("GPIO17 is taken by spi0", "gpioinfo")

    assert main(["doctor"]) == 1
    assert main(["doctor", "--json"]) == 1
    text = capsys.readouterr().out.partition("{")
    assert json.loads(text[1] + text[2])["fit"] is False


def test_settings_are_read_and_their_faults_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It should go on with what it can see when the settings cannot be used."""
    asked: list[tuple[object, tuple[str, ...], Path | None]] = []

    def remember(settings: object, faults: tuple[str, ...], config: Path | None, _: object) -> Here:
        asked.append((settings, faults, config))
        return Made(faults=faults).here(tmp_path)

    monkeypatch.setattr(doctor, "this_machine", remember)
    monkeypatch.setattr("sorterd.doctor.examine.GROUPS", {})
    config = tmp_path / "odd.toml"
    config.write_text("station = 'boat'\n")

    assert main(["doctor", "--config", str(config)]) == 0
    ((settings, faults, given),) = asked
    assert (settings, given) == (None, config)
    assert "station = 'boat'" in faults[0]


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """It should tell the marks, the exit codes, and give examples."""
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    out = capsys.readouterr().out
    for words in ("FAIL", "--json", "examples:", "the station cannot run", "exit codes:"):
        assert words in out


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_wanted_or_not(
    monkeypatch: pytest.MonkeyPatch, terminal: object, environment: dict[str, str], coloured: object
) -> None:
    """It should colour on a terminal only, and not where NO_COLOR is set."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert doctor._is_coloured() is coloured


def test_this_machine_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should never fail on the machine that the test runs on, whatever that is."""
    here = this_machine(None, (), None, RealClock())
    # What is tried in processes of its own has tests of its own, and takes seconds.
    monkeypatch.setitem(vars(here), "ask", Made().here(Path("/nowhere")).ask)

    for group in GROUPS.values():
        for line in group:
            assert line.look(here).told
