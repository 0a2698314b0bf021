"""Drive a station's daemon with one piece in view, a frame at a time, and a raw invoke after each.

The belt is the drawn one, run so fast that each piece is looked at twice. Two views are all that is
asked for, so the second look decides; every label belongs to one bin; and the gate stands where its
pulse is planned at once: the earliest instant at which the station would plan it falls between the
second look and its scores. All that is the station's own doing; nothing is told to hurry.

The frame's road begins where the camera hands it on and ends where the pulse is put into the gate
thread's mailbox. The raw invoke follows while the station stands idle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.runtimes import Runtime
from sorterd.core.records import Drop, Reason
from sorterd.settings import Settings
from sorterd.wiring.models import open_model
from tools.workshop.bench.bench_camera import ToldCamera
from tools.workshop.bench.frames import Pixels, belt_frames, empty_frames
from tools.workshop.bench.opening import bench_settings
from tools.workshop.bench.raw_invoke import RawInvoke
from tools.workshop.bench.riding import Outcomes, riding
from tools.workshop.bench.rows import Bench
from tools.workshop.bench.stopwatch import Stamp, Stopwatch
from tools.workshop.bench.watched import Turn, WatchedPipeline, watched_station

MS_NS: Final = 1_000_000
TRAVEL_PX: Final = 200.0 / 0.5 / 30
"""How far the drawn belt moves from one frame of its film to the next."""

# A piece of 78 px comes by every 560 px, which are 42 ticks. It is shown twice, half of that apart,
# where it is whole and no other piece is in view: its front 186 and 466 px from the left.
_PITCH_PX = 560.0
_PITCH_TICKS = 42
_LOOKS = (11, 32)
_SECOND_FRONT_PX = 78 / 2 + TRAVEL_PX * _LOOKS[1]
# This share of an invoke, and a little, after the second look its pulse may be planned. Before the
# look would be too early, or the piece was decided without it; and no scores come before a whole
# invoke is over.
_PLANNED_AFTER = 0.95
_PLANNED_MS = 0.1
# Leads that the station plans ahead of the last moment: `EARLY_LEADS` and the lead itself.
_LEADS = 4
_MOVE_MS = 1
# The settings' own bounds.
_FASTEST_MM_S = 3000.0
_FINEST_MM = 0.1
_USUAL_MM_PER_PX = 0.5
_USUAL_AREA_MM2 = 150.0
# A belt that is too fast for the machine shows in the first frames; then it is run slower.
_FIRST_FRAMES = 40
_LEAST_SHARE = 0.25
_SLOWER = 1.6
_TRIES = 5
# Before these nothing counts: caches, the background, the planner's costs.
_WARM_ROADS = 10
# A busy machine may need several times what it should; then what there is has to do.
_IMPATIENCE = 2.5


@dataclass(frozen=True, slots=True)
class Way:
    """How a station is driven.

    Attributes:
        runtime: "auto", or one by name.
        threads: Of the interpreters.
        roads: Decisions to measure.
        period_ns: Time from frame to frame; None for the next as soon as the road is done.
    """

    runtime: str
    threads: int
    roads: int
    period_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Road:
    """One decision, and the raw invoke after it; nanoseconds.

    Attributes:
        took_ns: From exposure to the pulse.
        worked_ns: Processor time of the whole process meanwhile.
        own_ns: The invoke within it.
        raw_ns: The raw invoke after it.
        raw_worked_ns: Processor time of the raw invoke.
        exposed_ns: When it began.
        stamps: Of its stages, and of what followed before the next frame.
    """

    took_ns: int
    worked_ns: int
    own_ns: int
    raw_ns: int
    raw_worked_ns: int
    exposed_ns: int
    stamps: tuple[Stamp, ...]


@dataclass(slots=True)
class Drive:
    """What a drive has shown.

    Attributes:
        runtime: Which one it was.
        roads: Every decision whose pulse followed at once.
        first_looks: The same for pieces that were seen for the first time, from exposure to the
            scores taken in; nothing is decided by them.
        not_there: Crops that were cut in vain: their piece was not where it was expected.
        late: Pieces whose pulse came to nothing because the road was late.
        frames: Frames that were asked for.
    """

    runtime: str
    roads: list[Road] = field(default_factory=list)
    first_looks: list[Road] = field(default_factory=list)
    not_there: int = 0
    late: int = 0
    frames: int = 0

    def took_ms(self) -> npt.NDArray[np.float64]:
        """Return every road, in the order in which they were driven."""
        return np.array([road.took_ns for road in self.roads]) / 1e6

    def raw_ms(self) -> npt.NDArray[np.float64]:
        """Return the raw invoke after each road."""
        return np.array([road.raw_ns for road in self.roads]) / 1e6

    def ratio(self) -> float:
        """Return the median of road / raw, pair by pair."""
        return float(np.median(self.took_ms() / self.raw_ms()))

    def beside_ratio(self) -> float:
        """Return the median of (road - its own invoke) / raw, pair by pair."""
        own_ms = np.array([road.own_ns for road in self.roads]) / 1e6
        return float(np.median((self.took_ms() - own_ms) / self.raw_ms()))

    def tail_ratio(self) -> float:
        """Return p99 of the roads / p99 of the raw invokes."""
        return float(np.percentile(self.took_ms(), 99) / np.percentile(self.raw_ms(), 99))


@cache
def film(pieces: int) -> tuple[Pixels, ...]:
    """Return the drawn belt with so many pieces; it is drawn once."""
    return tuple(belt_frames(pieces))


@cache
def empty_film() -> tuple[Pixels, ...]:
    """Return the empty belt, as long as a station needs to learn it; it is drawn once."""
    return tuple(empty_frames())


def drive(bench: Bench, way: Way) -> Drive:
    """Open a station and drive it.

    Args:
        bench: Says which bundle.
        way: How.

    Returns:
        What was seen; fewer roads than asked for on a machine that is far too busy.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The runtime does not work here.
        DeviceFault: It failed, or no road came to its end.
    """
    raw = RawInvoke(
        bench.bundle,
        runtime=cast("Runtime", way.runtime),
        threads=way.threads,
        clock=bench.clock,
    )
    # A guess at one turn back to back: two invokes, and all else.
    frame_ns = way.period_ns or round(2.2 * raw.typical_ns(20) + 2.5 * MS_NS)
    for attempt in range(_TRIES):
        driven = _driven(bench, way, raw, frame_ns, last=attempt == _TRIES - 1)
        if driven is not None:
            return driven
        frame_ns = round(frame_ns * _SLOWER)
    raise AssertionError("the last attempt always returns")


def _driven(bench: Bench, way: Way, raw: RawInvoke, frame_ns: int, *, last: bool) -> Drive | None:
    """Drive a belt that shows a piece every `frame_ns`; None if that is too fast."""
    clock = bench.clock
    tick_ns = round(frame_ns / (_LOOKS[1] - _LOOKS[0]))
    settings = _settings(bench, way, tick_ns=tick_ns, raw_ns=raw.typical_ns(20))
    model = open_model(settings, clock)
    watch = Stopwatch(clock)
    station, pipeline = watched_station(settings, model, model.costs, watch, clock, driven=True)
    rounds = range(0, len(film(1)), _PITCH_TICKS)
    camera = ToldCamera(
        clock,
        empty_film(),
        film(1),
        tick_ns=tick_ns,
        shown=[first + look for first in rounds for look in _LOOKS],
    )
    outcomes, driven = Outcomes(), Drive(raw.runtime)
    try:
        with riding(clock, station, camera, outcomes) as daemon:
            camera.ready.wait()
            fit = _Driver(bench, way, camera, pipeline, watch, raw).go(driven, frame_ns, last=last)
            driven.not_there = daemon.dropped().get(Drop.CROP_NOT_THERE, 0)
    finally:
        model.close()
    driven.late = outcomes.reasons()[Reason.NO_TIME.value]
    return driven if fit else None


@dataclass(frozen=True, slots=True)
class _Driver:
    bench: Bench
    way: Way
    camera: ToldCamera
    pipeline: WatchedPipeline
    watch: Stopwatch
    raw: RawInvoke

    def go(self, driven: Drive, frame_ns: int, *, last: bool) -> bool:
        """Fill in what is seen; return False, soon, if the belt is too fast for the machine."""
        now_ns = self.bench.clock.now_ns
        wanted = self.way.roads + _WARM_ROADS
        until_ns = now_ns() + round(_IMPATIENCE * wanted * 2 * frame_ns)
        decided = 0
        while decided < wanted and now_ns() < until_ns:
            turn, road = self._once()
            driven.frames += 1
            decided += turn.pulses > 0
            too_fast = driven.frames == _FIRST_FRAMES and decided < _LEAST_SHARE * _FIRST_FRAMES
            if too_fast and not last:
                return False
            if decided <= _WARM_ROADS or road is None:
                continue
            if turn.pulses:
                driven.roads.append(road)
            elif turn.first:
                driven.first_looks.append(road)
        return True

    def _once(self) -> tuple[Turn, Road | None]:
        clock, period_ns = self.bench.clock, self.way.period_ns
        self.watch.take()
        self.pipeline.begin_turn()
        self.camera.tell()
        turn = self.pipeline.turn()
        if period_ns is not None:
            # Halfway to the next frame the cores are as cold for the raw invoke as for the frame.
            clock.sleep_until(turn.exposed_ns + period_ns // 2)
        raw_ns, raw_worked_ns = self.raw.once()
        stamps = tuple(self.watch.take())
        own_ns = [stamp.took_ns for stamp in stamps if stamp.stage == "infer"]
        if not own_ns:
            return turn, None
        road = Road(
            took_ns=turn.ended_ns - turn.exposed_ns,
            worked_ns=turn.worked_ns - self.camera.cpu_ns,
            own_ns=sum(own_ns),
            raw_ns=raw_ns,
            raw_worked_ns=raw_worked_ns,
            exposed_ns=turn.exposed_ns,
            stamps=stamps,
        )
        return turn, road


def _settings(bench: Bench, way: Way, *, tick_ns: int, raw_ns: float) -> Settings:
    """Return a station whose belt runs as fast as the film does, everything else in proportion."""
    px_s = TRAVEL_PX / tick_ns * 1e9
    mm_per_px = min(_FINEST_MM, _FASTEST_MM_S / px_s)
    shrunk = (mm_per_px / _USUAL_MM_PER_PX) ** 2
    # Half a frame: the shorter, the fewer pieces are on their way to the gate.
    lead_ms = max(1, round((_LOOKS[1] - _LOOKS[0]) * tick_ns / MS_NS / 2))
    ahead_ms = _PLANNED_AFTER * raw_ns / MS_NS + _PLANNED_MS + _LEADS * lead_ms + _MOVE_MS
    gate_px = _SECOND_FRONT_PX + ahead_ms / 1000 * px_s
    return bench_settings(
        bench,
        {
            **one_bin(bench, at_mm=gate_px * mm_per_px, move_ms=_MOVE_MS, margin_mm=0.0),
            "belt.speed_mm_s": px_s * mm_per_px,
            "belt.length_mm": max(10.0, (gate_px + _PITCH_PX / 2) * mm_per_px),
            "view.mm_per_px": mm_per_px,
            "regions.min_area_mm2": max(1.0, _USUAL_AREA_MM2 * shrunk),
            "lead_ms": lead_ms,
            "judging.min_views": 2,
            "judging.max_views": 2,
            # Every frame of a piece is a view of its own.
            "judging.same_view_mm": TRAVEL_PX * mm_per_px,
            "model.runtime": way.runtime,
            "model.threads": way.threads,
            "model.batch_sizes": (1,),
        },
    )


def one_bin(bench: Bench, *, at_mm: float, move_ms: int, margin_mm: float) -> dict[str, object]:
    """Return settings with which every piece is sure to be sent to one and the same gate."""
    gate = {"at_mm": at_mm, "move_ms": move_ms, "recover_ms": move_ms, "margin_mm": margin_mm}
    bins: Mapping[str, Mapping[str, object]] = {
        "all": {"gate": "only", "labels": list(bench.bundle.labels)},
        "end": {},
    }
    return {
        "gates": {"only": gate},
        "bins": bins,
        "end_bin": "end",
        "judging.stage_one_frac": 0.0,
        "judging.stage_two_frac": 0.0,
    }


def of_stage(roads: Iterable[Road], stage: str) -> list[Stamp]:
    """Return the stamps of one stage over all roads."""
    return [stamp for road in roads for stamp in road.stamps if stamp.stage == stage]
