from collections.abc import Iterator
from pathlib import Path

import pytest

from sorterd.classifiers.bundle import load
from sorterd.clock import ManualClock
from sorterd.core.records import EndPiece
from sorterd.pipeline import Job, answer
from sorterd.ports import Frame
from sorterd.settings import Settings, cross_faults
from sorterd.wiring.models import Model
from tools.workshop.bench.frames import FRAME_NS, belt_frames, empty_frames
from tools.workshop.bench.opening import bench_settings, open_single, road
from tools.workshop.bench.rows import QUICK, Bench

PROJECT = Path(__file__).resolve().parents[2]
BUNDLES = (
    PROJECT / "models" / "waste",
    *(PROJECT / "tests" / "classifiers" / "tiny" / name for name in ("int8", "float32", "heads")),
)


def bench_of(folder: Path) -> Bench:
    """A bench with a bundle."""
    return Bench(load(folder), "auto", QUICK)


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[Settings, Model]]:
    """A tiny bundle, opened for one crop a call."""
    settings, model = open_single(bench_of(BUNDLES[1]))
    yield settings, model
    model.close()


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda folder: folder.name)
def test_any_bundle_has_settings_that_fit_it(folder: Path) -> None:
    """It should give each label a bin and each bin a gate, so that no fault is left."""
    bench = bench_of(folder)
    settings = bench_settings(bench, {})
    assert cross_faults(settings, labels=bench.bundle.labels, cost_ms={1: 2.0}) == []
    held = {label for each in settings.bins.values() for label in each.labels}
    assert held == set(bench.bundle.labels)


def test_every_frame_of_a_piece_asks_for_a_crop(opened: tuple[Settings, Model]) -> None:
    """It should open a station that asks for a crop in every frame of a piece, never fewer."""
    settings, model = opened
    clock = ManualClock()
    station = road(settings, model, clock)
    jobs = ends = 0
    for sequence, pixels in enumerate([*empty_frames(), *belt_frames(1, count=42) * 2], 1):
        clock.sleep_until(clock.now_ns() + FRAME_NS)
        waiting = list(station.pipeline.see(Frame(sequence, clock.now_ns(), pixels)))
        while waiting:
            command = waiting.pop(0)
            ends += isinstance(command, EndPiece)
            if isinstance(command, Job):
                jobs += 1
                scores = answer(command, station.classifier, station.cropper, clock)
                waiting += station.pipeline.step(scores)
    assert jobs >= 0.95 * 84


def test_settings_are_those_asked_for() -> None:
    """It should let a chapter change a setting, and take a wrong one for a bug."""
    bench = bench_of(BUNDLES[1])
    assert bench_settings(bench, {"model.threads": 2}).model.threads == 2
    with pytest.raises(ValueError, match="thread"):
        bench_settings(bench, {"model.thread": 2})


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should measure the same station whatever the environment says."""
    bench = bench_of(BUNDLES[1])
    before = bench_settings(bench, {})
    monkeypatch.setenv("SORTERD_MODEL__THREADS", "3")
    assert bench_settings(bench, {}) == before
