"""A small made-up world around the belt's sorter: pieces, frames of them, a model, gates.

Everything follows from a `World`, which Hypothesis draws. What the sorter is told goes through
`run`; where each piece really fell is worked out afterwards, from where the gates stood.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from itertools import accumulate, count
from typing import Literal, TypeVar, get_args
from zlib import crc32

import pytest
from hypothesis import strategies as st

from sorterd.core.batching import Cost
from sorterd.core.belt import Belt, Direction, Span
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.records import (
    Box,
    Command,
    EndPiece,
    Event,
    FrameSeen,
    GateMoved,
    MoveGate,
    Movement,
    Outcome,
    Pulse,
    Region,
    RunBatch,
    ScoresReady,
    Stop,
    Tick,
)
from sorterd.core.scheduling import GatePlan
from sorterd.core.sorter import BeltStation, Sorter

MS = 1_000_000
SPEED_MM_S = 200.0
LABELS = ("can", "jar", "pear", "rag")
GATES = {
    name: GatePlan(name, at_mm, move_ns=120 * MS, margin_mm=15.0, recover_ns=120 * MS)
    for name, at_mm in (("metal", 450.0), ("glass", 560.0), ("compost", 780.0))
}
BINS = Bins(
    of_label={"can": "metal", "jar": "glass", "pear": "compost", "rag": "landfill"},
    gate_of={name: name for name in GATES},
    end_bin="landfill",
)
JUDGING = JudgingRules(
    labels=LABELS,
    stages=("recyclable", "recyclable", "organic", "landfill"),
    stage_one_frac=0.6,
    stage_two_frac=0.6,
    sure_frac=0.97,
    min_views=2,
    max_views=6,
    same_view_mm=20.0,
)
COSTS = {1: Cost(20 * MS, 30 * MS), 2: Cost(30 * MS, 45 * MS), 4: Cost(50 * MS, 75 * MS)}
# A made-up speed holds for this long, then the next one does.
SLICE_NS = 400 * MS
# Less of a piece than this is no region.
LEAST_PX = 4

T = TypeVar("T")
Answer = Literal["opens", "refuses", "fails", "is silent"]


@dataclass(frozen=True, slots=True)
class TruePiece:
    """A piece that enters the view once the belt has run `offset_mm`."""

    label: str
    offset_mm: float
    length_mm: float
    near_mm: float
    width_mm: float

    def span(self, travel_mm: float) -> Span:
        """Return where it is."""
        front_mm = travel_mm - self.offset_mm
        far_mm = self.near_mm + self.width_mm
        return Span(front_mm - self.length_mm, front_mm, self.near_mm, far_mm)


@dataclass(frozen=True)
class World:
    """All that happens; what comes to an end begins again.

    Attributes:
        direction: In which way the belt runs in the picture.
        pieces: By rising offset.
        speeds_frac: The belt's true speed in each slice of time, of what the settings say.
        period_ms: From one exposure to the next.
        kept: Which frames are not dropped.
        dark: Spans of time, (start, length) in ms, of which every frame is dropped.
        noise_px: How far an edge of a region may lie off.
        seed: Of that noise.
        latencies_ms: What the model needs for one call.
        answers: What the gates do with one pulse.
        stop_ms: When the station stops early, if it does.
        origin_ns: The instant at which it all begins.
    """

    direction: Direction
    pieces: tuple[TruePiece, ...]
    speeds_frac: tuple[float, ...] = (1.0,)
    period_ms: int = 33
    kept: tuple[bool, ...] = (True,)
    dark: tuple[tuple[int, int], ...] = ()
    noise_px: int = 0
    seed: int = 0
    latencies_ms: tuple[int, ...] = (20,)
    answers: tuple[Answer, ...] = ("opens",)
    stop_ms: int | None = None
    origin_ns: int = 7_003_000_019

    def station(self) -> BeltStation:
        """Return the station that stands in this world."""
        upright = self.direction in {Direction.UP, Direction.DOWN}
        width_px, height_px = (480, 640) if upright else (640, 480)
        belt = Belt(
            speed_mm_s=SPEED_MM_S,
            direction=self.direction,
            mm_per_px=0.5,
            width_px=width_px,
            height_px=height_px,
            view=Box(0, 0, width_px, height_px),
            length_mm=950.0,
        )
        return BeltStation(
            belt=belt,
            gates=GATES,
            bins=BINS,
            judging=JUDGING,
            lead_ns=40 * MS,
            moving_at_once=2,
            max_age_ns=250 * MS,
            stall_ns=500 * MS,
        )

    @cached_property
    def _slices(self) -> list[float]:
        """How far the belt has run after each slice, slices at the settings' speed."""
        return list(accumulate(self.speeds_frac, initial=0.0))

    def travel_mm(self, after_ns: int) -> float:
        """Return how far the belt has run by then."""
        whole, rest_ns = divmod(after_ns, SLICE_NS)
        rounds, part = divmod(whole, len(self.speeds_frac))
        slices = rounds * self._slices[-1] + self._slices[part]
        slices += self.speeds_frac[part] * rest_ns / SLICE_NS
        return slices * SPEED_MM_S * SLICE_NS / 1e9

    def instant_ns(self, travel_mm: float) -> int:
        """Return when the belt has run so far, to a millisecond."""
        last = next(n for n in count(1) if self.travel_mm(n * SLICE_NS) >= travel_mm)
        instants = range((last - 1) * SLICE_NS, last * SLICE_NS, MS)
        return instants[max(0, bisect_right(instants, travel_mm, key=self.travel_mm) - 1)]

    def off_px(self, *which: int) -> int:
        """Return by how much one edge of one region lies off."""
        wheel = crc32(repr((self.seed, which)).encode())
        return wheel % (2 * self.noise_px + 1) - self.noise_px


@dataclass(slots=True)
class Ran:
    """What came of a world.

    Attributes:
        world: The world.
        sorter: The sorter at the end of it.
        commands: Every command with the instant at which it was given.
        sizes: After each step, how much the sorter held, by the name of what holds it.
        events: Every event.
        moved: The pulses that gates carried out.
        end_ns: When it stopped.
    """

    world: World
    sorter: Sorter
    commands: list[tuple[int, Command]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    moved: list[Pulse] = field(default_factory=list)
    end_ns: int = 0

    @property
    def outcomes(self) -> list[Outcome]:
        """Return how the pieces ended, in that order."""
        return [command.outcome for _, command in self.commands if isinstance(command, EndPiece)]

    @property
    def pulses(self) -> list[tuple[int, Pulse]]:
        """Return the pulses, each with the instant at which it was sent."""
        return [
            (at, command.pulse) for at, command in self.commands if isinstance(command, MoveGate)
        ]

    @property
    def batches(self) -> list[tuple[int, RunBatch]]:
        """Return the batches, each with the instant at which it was sent."""
        return [(at, command) for at, command in self.commands if isinstance(command, RunBatch)]

    def fell_into(self, piece: TruePiece) -> str | None:
        """Return the bin a piece really fell into; None if it is still on the belt.

        A gate that is more than half open when the middle of a piece passes diverts it.
        """
        for gate in sorted(GATES.values(), key=lambda gate: gate.at_mm):
            middle_mm = piece.offset_mm + piece.length_mm / 2
            passes_ns = self.world.origin_ns + self.world.instant_ns(middle_mm + gate.at_mm)
            if passes_ns >= self.end_ns:
                return None
            for pulse in self.moved:
                half_open_ns = pulse.start_ns + gate.move_ns // 2
                half_shut_ns = pulse.close_ns + gate.move_ns // 2
                if pulse.gate == gate.name and half_open_ns < passes_ns < half_shut_ns:
                    return gate.name
        return BINS.end_bin


class _Stage:
    """Plays one world to one sorter."""

    def __init__(self, world: World, costs: Mapping[int, Cost]) -> None:
        self.ran = Ran(world, Sorter(world.station(), costs))
        self._world = world
        self._belt = world.station().belt
        self._now_ns = world.origin_ns
        self._pending: list[tuple[int, int, Event]] = []
        self._numbers = count()
        self._answers = count()
        last_mm = max(piece.offset_mm + piece.length_mm for piece in world.pieces)
        self._dark_after_ns = world.instant_ns(last_mm + self._belt.view_span.front_mm + 20)
        after_ns = world.instant_ns(last_mm + self._belt.length_mm + 200)
        if world.stop_ms is not None:
            after_ns = min(after_ns, world.stop_ms * MS)
        self.ran.end_ns = world.origin_ns + after_ns
        for sequence in range(1, self._dark_after_ns // (world.period_ms * MS)):
            self._expose(sequence)

    def play(self) -> Ran:
        """Play it to its end."""
        ran = self.ran
        while True:
            due_ns = self._pending[0][0] if self._pending else ran.end_ns
            wake_ns = ran.sorter.wake_ns
            if wake_ns is not None and wake_ns < due_ns:
                assert wake_ns > self._now_ns, "a wake-up in the past is a busy loop"
                due_ns = wake_ns
            if due_ns >= ran.end_ns:
                break
            self._now_ns = due_ns
            if self._pending and self._pending[0][0] == due_ns:
                self._tell(heappop(self._pending)[2])
            else:
                self._tell(Tick(due_ns))
        self._now_ns = ran.end_ns
        self._tell(Stop(ran.end_ns))
        return ran

    def _tell(self, event: Event) -> None:
        self.ran.events.append(event)
        for command in self.ran.sorter.step(event):
            self.ran.commands.append((self._now_ns, command))
            match command:
                case RunBatch():
                    self._ask_model(command)
                case MoveGate():
                    self._move(command.pulse)
                case EndPiece():
                    pass

    def _later(self, due_ns: int, event: Event) -> None:
        heappush(self._pending, (due_ns, next(self._numbers), event))

    def _expose(self, sequence: int) -> None:
        world = self._world
        after_ms = sequence * world.period_ms
        if not world.kept[sequence % len(world.kept)]:
            return
        if any(start <= after_ms < start + length for start, length in world.dark):
            return
        exposed_ns = world.origin_ns + after_ms * MS
        now_ns = exposed_ns + 8 * MS
        travel_mm = world.travel_mm(after_ms * MS)
        regions = [
            self._region(piece.span(travel_mm), sequence, number)
            for number, piece in enumerate(world.pieces)
        ]
        shown = tuple(region for region in regions if region is not None)
        self._later(now_ns, FrameSeen(sequence, exposed_ns, now_ns, shown))

    def _region(self, span: Span, sequence: int, number: int) -> Region | None:
        view, box = self._belt.view, self._belt.box(span)
        if not 0 < span.front_mm or not span.rear_mm < self._belt.view_span.front_mm:
            return None
        off = [self._world.off_px(sequence, number, edge) for edge in range(4)]
        left, right = max(box.left_px + off[0], 0), min(box.right_px + off[1], view.right_px)
        top, bottom = max(box.top_px + off[2], 0), min(box.bottom_px + off[3], view.bottom_px)
        if right - left < LEAST_PX or bottom - top < LEAST_PX:
            return None
        return Region(Box(left, top, right - left, bottom - top), (right - left) * (bottom - top))

    def _ask_model(self, batch: RunBatch) -> None:
        world = self._world
        took_ns = world.latencies_ms[batch.batch % len(world.latencies_ms)] * MS
        scores = tuple(self._score(crop.box, crop.exposed_ns) for crop in batch.crops)
        done_ns = self._now_ns + took_ns
        self._later(done_ns, ScoresReady(batch.batch, done_ns, scores, took_ns))

    def _score(self, box: Box, exposed_ns: int) -> tuple[float, ...]:
        """The model tells the truth: what it is shown most of."""
        shown = self._belt.span(box)
        travel_mm = self._world.travel_mm(exposed_ns - self._world.origin_ns)

        def shared_mm2(piece: TruePiece) -> float:
            span = piece.span(travel_mm)
            along_mm = min(span.front_mm, shown.front_mm) - max(span.rear_mm, shown.rear_mm)
            across_mm = min(span.far_mm, shown.far_mm) - max(span.near_mm, shown.near_mm)
            return max(0.0, along_mm) * max(0.0, across_mm)

        label = max(self._world.pieces, key=shared_mm2).label
        return tuple(0.97 if each == label else 0.01 for each in LABELS)

    def _move(self, pulse: Pulse) -> None:
        world = self._world
        answer = world.answers[next(self._answers) % len(world.answers)]
        if answer in {"opens", "is silent"}:
            self.ran.moved.append(pulse)
        if answer == "opens":
            self._moved(pulse, Movement.OPENED, pulse.start_ns)
            self._moved(pulse, Movement.CLOSED, pulse.close_ns)
        elif answer == "refuses":
            self._moved(pulse, Movement.REFUSED_LATE, pulse.start_ns)
        elif answer == "fails":
            self._moved(pulse, Movement.FAULT, pulse.start_ns)

    def _moved(self, pulse: Pulse, movement: Movement, due_ns: int) -> None:
        at_ns = max(due_ns, self._now_ns)
        event = GateMoved(pulse.pulse, pulse.gate, movement, at_ns - due_ns, at_ns)
        self._later(at_ns, event)


LABEL = st.sampled_from(LABELS)
LENGTH_MM = st.integers(30, 45) | st.integers(30, 120)


@st.composite
def rows(draw: st.DrawFn, most: int = 6) -> tuple[TruePiece, ...]:
    """Draw pieces in two lanes, none nearer than 6 mm to the one ahead in its lane."""
    pieces: list[TruePiece] = []
    rear_mm, front_mm = [0.0, 0.0], 0.0
    for _ in range(draw(st.integers(1, most))):
        lane = draw(st.sampled_from((0, 0, 1)))
        length_mm = float(draw(LENGTH_MM))
        gap_mm = draw(st.integers(6, 25) | st.integers(6, 260))
        offset_mm = max(front_mm, rear_mm[lane] + gap_mm)
        near_mm = draw(st.integers(10, 30)) + 120.0 * lane
        pieces.append(
            TruePiece(draw(LABEL), offset_mm, length_mm, near_mm, draw(st.integers(30, 80)))
        )
        rear_mm[lane], front_mm = offset_mm + length_mm, offset_mm
    return tuple(pieces)


def cycles(of: st.SearchStrategy[T], most: int) -> st.SearchStrategy[tuple[T, ...]]:
    """Draw what comes again and again."""
    return st.lists(of, min_size=1, max_size=most).map(tuple)


SPEEDS_FRAC = cycles(st.sampled_from((1.0, 0.95, 0.98, 1.02, 1.05)), 5)
DARK = st.lists(st.tuples(st.integers(0, 8000), st.integers(100, 2500)), max_size=3).map(tuple)


def any_worlds() -> st.SearchStrategy[World]:
    """Draw worlds in which frames, the model and the gates may do anything."""
    return st.builds(
        World,
        direction=st.sampled_from(Direction),
        pieces=rows(),
        speeds_frac=SPEEDS_FRAC,
        period_ms=st.integers(17, 100),
        kept=cycles(st.booleans(), 12),
        dark=DARK,
        noise_px=st.integers(0, 4),
        seed=st.integers(0, 999),
        latencies_ms=cycles(st.sampled_from((5, 20, 40, 70, 900)), 6),
        answers=cycles(st.sampled_from(get_args(Answer)), 5),
        stop_ms=st.none() | st.integers(100, 9000),
    )


def dim_worlds() -> st.SearchStrategy[World]:
    """Draw worlds in which only pictures are missing, so that most pieces come to their gates."""
    return st.builds(
        World,
        direction=st.sampled_from(Direction),
        pieces=rows(),
        speeds_frac=SPEEDS_FRAC,
        period_ms=st.integers(17, 100),
        kept=st.just((True,)) | cycles(st.booleans(), 12),
        dark=DARK,
        noise_px=st.integers(0, 4),
        seed=st.integers(0, 999),
        latencies_ms=cycles(st.sampled_from((20, 5, 40, 70)), 4),
    )


def run_world(world: World, costs: Mapping[int, Cost] = COSTS) -> Ran:
    """Play a world to its end."""
    return _Stage(world, costs).play()


@pytest.fixture(scope="session")
def run() -> Callable[..., Ran]:
    """Return what plays a world."""
    return run_world


@pytest.fixture(scope="session")
def worlds() -> st.SearchStrategy[World]:
    """Return all worlds."""
    return any_worlds()
