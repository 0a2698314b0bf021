"""Pieces per second through the daemon when there is always another one: G5.

The camera hands on a frame as soon as the last one was taken, but no more of them than hold twice
the crops that the model could score. Several pieces are in view, each asks for a crop in every
frame, and the newest view wins. Told as crops scored a second times a raw
invoke: 1 would be a model that never waits. Raw invokes are taken between spells of a quarter of a
second, while the station stands idle, so that both see the same machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from sorterd.classifiers.runtimes import Runtime
from sorterd.core.records import Drop
from sorterd.settings import Settings
from sorterd.wiring.models import open_model
from tools.workshop.bench.bench_camera import ToldCamera
from tools.workshop.bench.driving import MS_NS, TRAVEL_PX, empty_film, film, one_bin
from tools.workshop.bench.opening import EVERY_FRAME, bench_settings
from tools.workshop.bench.raw_invoke import RawInvoke
from tools.workshop.bench.riding import Outcomes, riding
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.bench.watched import WatchedPipeline, watched_station

TITLE: Final = "Pieces per second when there is always another one"

_PIECES: Final = (4, 8)
_SPELL_NS = 250_000_000
_RAW_CALLS = 25
# A spell begins with an empty road; this much of it does not count.
_WARM_SHARE = 0.2
# A piece crosses the view in 48 ticks of the film; the model has time for so many scores of it.
_LOOKS = 24
_CROSSING_TICKS = 48


@dataclass(frozen=True, slots=True)
class Throughput:
    """What came through.

    Attributes:
        crops_hz: Crops scored a second, median over the spells; those cut in vain are not counted.
        raw_ms: Median raw invoke.
        share: Median over the spells of crops a second times the raw invoke around the spell.
        frames_hz: Frames taken a second.
        vain_frac: Share of scored crops that were cut in vain.
        batch: Crops in a call, on average.
        runtime: Which one it was.
    """

    crops_hz: float
    raw_ms: float
    share: float
    frames_hz: float
    vain_frac: float
    batch: float
    runtime: str

    def figures(self) -> dict[str, float]:
        """Return what a row shows."""
        return {
            "crops_hz": self.crops_hz,
            "raw_ms": self.raw_ms,
            "share_of_raw": self.share,
            "frames_hz": self.frames_hz,
            "crops_a_call": self.batch,
            "cut_in_vain_frac": self.vain_frac,
        }


def seconds(depth: Depth) -> float:
    """Return how long it takes here."""
    return len(_PIECES) * (2.0 + 0.3 * _spells(depth))


def measure(bench: Bench) -> Chapter:
    """Saturate the station with four pieces in view, then with eight.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The runtime does not work here.
        DeviceFault: It failed.
    """
    rows, shares = [], []
    for pieces in _PIECES:
        through = saturate(bench, pieces, spells=_spells(bench.depth))
        shares.append(through.share)
        rows.append(Row(f"{pieces} pieces in view", through.figures(), through.runtime))
    return Chapter("throughput", TITLE, rows, {"G5": shares[0]}, {"pieces": [*_PIECES]})


def saturate(
    bench: Bench, pieces: int, *, spells: int, runtime: str | None = None, threads: int = 1
) -> Throughput:
    """Hand on frames with so many pieces as fast as they are taken.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The runtime does not work here.
        DeviceFault: It failed.
    """
    clock, runtime = bench.clock, runtime or bench.runtime
    raw = RawInvoke(bench.bundle, runtime=cast("Runtime", runtime), threads=threads, clock=clock)
    tick_ns = round(_LOOKS / _CROSSING_TICKS * pieces * raw.typical_ns(_RAW_CALLS))
    settings = _settings(bench, runtime, threads, tick_ns=tick_ns)
    model = open_model(settings, clock)
    camera = ToldCamera(clock, empty_film(), film(pieces), tick_ns=tick_ns)
    tap = _Tap(camera.tell)
    station, pipeline = watched_station(
        settings, model, model.costs, None, clock, tap.taken, driven=True
    )
    try:
        with riding(clock, station, camera, Outcomes()) as daemon:
            camera.ready.wait()
            told = [_spell(bench, raw, tap, pipeline) for _ in range(spells)]
            vain = daemon.dropped().get(Drop.CROP_NOT_THERE, 0)
    finally:
        model.close()
    crops = sum(len(answer.crops) for answer in pipeline.seen.answers)
    vain_frac = vain / max(1, crops)
    fair_hz = np.array([spell.crops_hz for spell in told]) * (1 - vain_frac)
    raw_ns = np.array([spell.raw_ns for spell in told])
    return Throughput(
        crops_hz=float(np.median(fair_hz)),
        raw_ms=float(np.median(raw_ns)) / MS_NS,
        share=float(np.median(fair_hz * raw_ns / 1e9)),
        frames_hz=float(np.median([spell.frames_hz for spell in told])),
        vain_frac=vain_frac,
        batch=crops / max(1, len(pipeline.seen.answers)),
        runtime=raw.runtime,
    )


class _Tap:
    """Lets frames through while it is open: each as soon as the last one was taken."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._open = False
        self.frames = 0

    def taken(self) -> None:
        """Ask for the next frame; called on the sort thread."""
        self.frames += 1
        if self._open:
            self._tell()

    def turn(self, *, on: bool) -> None:
        """Open or shut."""
        self._open = on
        if on:
            self._tell()


@dataclass(frozen=True, slots=True)
class _Spell:
    crops_hz: float
    frames_hz: float
    raw_ns: float


def _spell(bench: Bench, raw: RawInvoke, tap: _Tap, pipeline: WatchedPipeline) -> _Spell:
    clock = bench.clock
    before_ns = [raw.once()[0] for _ in range(_RAW_CALLS)]
    began_ns = clock.now_ns()
    # A slow runtime needs longer spells for as many crops.
    until_ns = began_ns + max(_SPELL_NS, round(60 * float(np.median(before_ns))))
    frames = tap.frames
    tap.turn(on=True)
    clock.sleep_until(until_ns)
    tap.turn(on=False)
    frames_hz = (tap.frames - frames) * 1e9 / (clock.now_ns() - began_ns)
    # What is still on the road shall not meet the raw invokes.
    clock.sleep_until(clock.now_ns() + round(20 * float(np.median(before_ns))))
    after_ns = [raw.once()[0] for _ in range(_RAW_CALLS)]
    from_ns = began_ns + round(_WARM_SHARE * (until_ns - began_ns))
    counted = [each for each in pipeline.seen.answers if from_ns <= each.now_ns <= until_ns]
    crops_hz = 0.0
    if len(counted) > 1:
        # From answer to answer: the first one's crops were scored before.
        took_ns = counted[-1].now_ns - counted[0].now_ns
        crops_hz = sum(len(each.crops) for each in counted[1:]) * 1e9 / took_ns
    return _Spell(crops_hz, frames_hz, float(np.median(before_ns + after_ns)))


def _spells(depth: Depth) -> int:
    return max(4, round(2 * depth.load_s))


def _settings(bench: Bench, runtime: str, threads: int, *, tick_ns: int) -> Settings:
    px_s = TRAVEL_PX / tick_ns * 1e9
    mm_per_px = min(0.1, 3000.0 / px_s)
    # Just behind the view, so that a piece is looked at until it leaves.
    gate_px = 700 + px_s * 0.005
    return bench_settings(
        bench,
        {
            **EVERY_FRAME,
            **one_bin(bench, at_mm=gate_px * mm_per_px, move_ms=1, margin_mm=0.0),
            "belt.speed_mm_s": px_s * mm_per_px,
            "belt.length_mm": max(10.0, (gate_px + 200) * mm_per_px),
            "view.mm_per_px": mm_per_px,
            "regions.min_area_mm2": max(1.0, 150.0 * (mm_per_px / 0.5) ** 2),
            "lead_ms": 1,
            "judging.min_views": 100,
            "judging.same_view_mm": TRAVEL_PX * mm_per_px,
            "model.runtime": runtime,
            "model.threads": threads,
        },
    )
