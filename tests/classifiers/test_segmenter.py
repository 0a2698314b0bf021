"""The segments model is trusted only if it is what its manifest says."""

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from sorterd.classifiers.bundle import BundleFault, Manifest, Segments, find, load
from sorterd.classifiers.runtimes import MODULES, Runtime
from sorterd.classifiers.segmenter import TfliteSegmenter, open_segmenter
from sorterd.cli import main
from sorterd.clock import ManualClock
from sorterd.ports import DeviceUnavailable
from sorterd.settings import load as load_settings
from sorterd.settings.faults import SettingsFault
from sorterd.wiring.models import check_together, open_model
from sorterd.wiring.parts import region_finder
from tools.workshop.bundling import seal

TINY = Path(__file__).parent / "tiny_segments" / "segments.tflite"
TINY_BUNDLE = Path(__file__).parent / "tiny" / "int8"
TOLD = Segments(
    model="segments.tflite",
    width_px=160,
    height_px=120,
    gain=1 / 127.5,
    offset=-1.0,
    threshold=0.0,
    apart=0.0,
)
RUNTIMES: tuple[Runtime, ...] = ("ai-edge-litert", "tflite-runtime")


class TickingClock(ManualClock):
    """A clock that moves on by a millisecond whenever it is read."""

    def now_ns(self) -> int:
        """Return an instant later than the last."""
        self.sleep_until(super().now_ns() + 1_000_000)
        return super().now_ns()


def opened(
    path: Path = TINY, told: Segments = TOLD, *, runtime: Runtime = "auto"
) -> TfliteSegmenter:
    """Open on a clock that stands still."""
    return open_segmenter(path, told, runtime=runtime, threads=1, clock=ManualClock())


def show(subject: TfliteSegmenter, level: int) -> None:
    """Write one grey level all over the input."""
    spec = subject.spec
    number = level * spec.gain + spec.offset
    subject.slot()[:] = np.clip(round(number / spec.scale) + spec.zero_point, -128, 127)


def bundle_with_segments(folder: Path, told: Segments = TOLD) -> Path:
    """Make a bundle out of the tiny one and the tiny segments model."""
    shutil.copytree(TINY_BUNDLE, folder)
    shutil.copy(TINY, folder / told.model)
    manifest = load(TINY_BUNDLE).manifest
    seal(folder, manifest.model_copy(update={"segments": told}))
    return folder


def colour_settings(bundle: Path, finder: str) -> dict[str, object]:
    """Return settings for a bundle whose labels are colours."""
    return {
        "regions.finder": finder,
        "model.bundle": str(bundle),
        "bins.paper.labels": ["red"],
        "bins.glass.labels": ["green"],
        "bins.packaging.labels": ["blue"],
        "bins.compost.labels": [],
        "bins.landfill.labels": [],
    }


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_numbers_are_read_off_their_levels(runtime: Runtime) -> None:
    """It should give the numbers that the hand-set weights make, a row and column for a place."""
    assert set(RUNTIMES) == set(MODULES)
    try:
        subject = opened(runtime=runtime)
    except DeviceUnavailable as fault:
        pytest.skip(str(fault))

    told = []
    for level in (112, 132, 182):
        show(subject, level)
        numbers = subject.numbers()
        assert numbers.shape == (60, 80)
        assert numbers.dtype == np.float32
        told.append(float(np.median(numbers)))

    # Three times the distance from level 112, less 60; int8 steps are about 3.
    assert np.abs(np.array(told) - (-60, 0, 150)).max() <= 6


def test_answers_outlive_the_next_question() -> None:
    """It should hand out numbers that are the caller's own."""
    subject = opened()
    show(subject, 200)
    first = subject.numbers()
    kept = first.copy()

    show(subject, 112)
    subject.numbers()

    assert (first == kept).all()


def test_it_is_timed_by_the_clock_it_is_given() -> None:
    """It should know a typical and a worst time."""
    subject = open_segmenter(TINY, TOLD, runtime="auto", threads=1, clock=TickingClock())

    assert subject.cost == (1_000_000, 1_000_000)


def test_kept_slots_are_refused() -> None:
    """It should fail while its input is referenced, not read half-written pixels."""
    subject = opened()
    kept = subject.slot()

    with pytest.raises(RuntimeError, match="reference"):
        subject.numbers()
    assert kept.shape == (120, 160, 3)


def test_it_belongs_to_one_thread() -> None:
    """It should let the first thread in after opening, and no second one until handed over."""
    subject = opened()
    said: list[str] = []

    def ask() -> None:
        try:
            subject.numbers()
        except RuntimeError as fault:
            said.append(str(fault))

    def in_another_thread() -> None:
        other = threading.Thread(target=ask)
        other.start()
        other.join()

    in_another_thread()
    assert said == []
    with pytest.raises(RuntimeError, match="second thread"):
        subject.numbers()
    subject.hand_over()
    subject.numbers()
    in_another_thread()
    assert len(said) == 1


def test_close_may_be_repeated() -> None:
    """It should let go once, and refuse to answer afterwards."""
    subject = opened()
    subject.close()
    subject.close()

    with pytest.raises(RuntimeError, match="closed"):
        subject.slot()
    with pytest.raises(RuntimeError, match="closed"):
        subject.numbers()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width_px": 320}, r"takes \[1, 120, 160, 3\], the manifest says \[1, 120, 320, 3\]"),
        ({"height_px": 96}, r"takes \[1, 120, 160, 3\], the manifest says \[1, 96, 160, 3\]"),
    ],
)
def test_a_model_of_another_size(change: dict[str, int], words: str) -> None:
    """It should say in one line what the model takes and what the manifest says."""
    with pytest.raises(BundleFault, match=words) as caught:
        opened(told=TOLD.model_copy(update=change))
    assert "\n" not in str(caught.value)


def test_a_classifier_is_no_segments_model() -> None:
    """It should refuse a model with another kind of answer."""
    told = TOLD.model_copy(update={"width_px": 16, "height_px": 16})

    with pytest.raises(BundleFault, match=r"gives \[1, 3\], not \[1, rows, columns, 1\]"):
        opened(TINY_BUNDLE / "model.tflite", told)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    """It should say that the runtime cannot read it."""
    broken = tmp_path / "segments.tflite"
    broken.write_bytes(b"nothing")

    with pytest.raises(BundleFault, match="is not a model that"):
        opened(broken)


def test_levels_of_a_manifest_must_be_in_order() -> None:
    """It should refuse a manifest in which bodies part below the threshold."""
    table = load(TINY_BUNDLE).manifest.model_dump()
    table["segments"] = TOLD.model_dump() | {"threshold": 1.0, "apart": 0.5}

    with pytest.raises(ValueError, match="apart: must be at least threshold"):
        Manifest.model_validate(table)


def test_a_bundle_without_the_model_is_one_line_that_names_the_key() -> None:
    """It should say which finders the bundle serves, and where the wish was written."""
    settings = load_settings(None, colour_settings(TINY_BUNDLE, "segments"))
    model = open_model(settings, ManualClock())

    with pytest.raises(SettingsFault) as caught:
        check_together(settings, model, model.costs)

    assert [fault.key for fault in caught.value.faults] == ["regions.finder"]
    assert str(caught.value) == (
        "regions.finder = 'segments': must be a finder that the bundle serves: difference; "
        'write "difference", or name a bundle that has a segments model [flag]'
    )
    model.close()


def test_a_finder_slower_than_frames_may_be_old(tmp_path: Path) -> None:
    """It should refuse a finder that would make every frame too old."""
    bundle = bundle_with_segments(tmp_path / "tiny")
    flags = colour_settings(bundle, "segments") | {"frames.max_age_ms": 1}
    settings = load_settings(None, flags)
    model = open_model(settings, TickingClock())

    with pytest.raises(SettingsFault, match=r"frames.max_age_ms = 1: must be above the 1.0 ms"):
        check_together(settings, model, {})
    model.close()


@pytest.mark.parametrize("finder", ["difference", "segments"])
def test_the_settings_choose_the_finder(tmp_path: Path, finder: str) -> None:
    """It should open the second model only for the finder that needs it."""
    bundle = bundle_with_segments(tmp_path / "tiny")
    settings = load_settings(None, colour_settings(bundle, finder))
    model = open_model(settings, ManualClock())

    check_together(settings, model, model.costs)
    found = region_finder(settings, model).find(np.full((480, 640, 3), 112, np.uint8), 0)

    assert (model.segmenter is None) == (finder == "difference")
    assert found.learning == (finder == "difference")
    model.close()


def test_a_dry_run_finds_its_pieces_with_it(tmp_path: Path) -> None:
    """It should go the whole road with the second finder, and count each piece once."""
    folder = Path(shutil.copytree(find("waste"), tmp_path / "waste"))
    shutil.copy(TINY, folder)
    told = TOLD.model_copy(update={"threshold": 30.0, "apart": 30.0})
    seal(folder, load(find("waste")).manifest.model_copy(update={"segments": told}))
    report = tmp_path / "report.json"
    flags = ["camera.rate_hz=12", "regions.finder=segments", f"model.bundle={folder}"]
    # To a model that takes what is not grey for a piece, the rails beside the belt are pieces.
    within = {"left_px": 0, "top_px": 24, "width_px": 640, "height_px": 432}
    flags += [f"view.region_of_interest.{key}={value}" for key, value in within.items()]
    chosen = [each for flag in flags for each in ("--set", flag)]

    assert main(["--dry-run", "--fast", "--pieces", "8", "--report", str(report), *chosen]) == 0

    story = json.loads(report.read_bytes())
    assert story["pieces"] == 8
    assert story["phantoms"] == story["late_gates"] == 0
    assert story["right_bin"] >= 3
