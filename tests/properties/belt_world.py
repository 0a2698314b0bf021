"""A small made-up belt: pieces on it, frames of them, and the bins into which they really fall."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate, count
from typing import TypeVar, get_args

from hypothesis import strategies as st

from sorterd.core.batching import Cost
from sorterd.core.beam import Beam
from sorterd.core.belt import Belt, Direction, Span
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.records import Box, Crop, FrameSeen, Region
from sorterd.core.scheduling import GatePlan
from sorterd.core.sorter import BeltStation
from tests.properties.player import Answer, Played

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
COSTS: Mapping[int, Cost] = {
    1: Cost(20 * MS, 30 * MS),
    2: Cost(30 * MS, 45 * MS),
    4: Cost(50 * MS, 75 * MS),
}
# A made-up speed holds for this long, then the next one does.
SLICE_NS = 400 * MS
# Less of a piece than this is no region.
LEAST_PX = 4
# From exposure until a frame has been looked at.
LOOK_NS = 8 * MS

T = TypeVar("T")


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
    """All that happens on the belt; what comes to an end begins again.

    Attributes:
        direction: In which way the belt runs in the picture.
        pieces: By rising offset; no two touch.
        speeds_frac: The belt's true speed in each slice of time, of what the settings say.
        period_ms: From one exposure to the next.
        kept: Which frames are not dropped.
        dark: Spans of time, (start, length) in ms, of which every frame is dropped.
        noise_px: How far an edge of a region may lie off.
        seed: Of that noise.
        latencies_ms: What the model needs for one call.
        answers: What the gates do with one pulse.
        stop_ms: When the station stops early, if it does.
        stall_ms: When a call of the model is a stall.
        origin_ns: The instant at which it all begins.
        beam: The light barrier, if there is one.
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
    stall_ms: int = 500
    origin_ns: int = 7_003_000_019
    beam: Beam | None = None

    @cached_property
    def station(self) -> BeltStation:
        """The station that stands in this world."""
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
            stall_ns=self.stall_ms * MS,
            beam=self.beam,
        )

    @cached_property
    def _slices(self) -> list[float]:
        """How far the belt has run after each slice, in slices at the settings' speed."""
        return list(accumulate(self.speeds_frac, initial=0.0))

    def travel_mm(self, after_ns: int) -> float:
        """Return how far the belt has run by then."""
        whole, rest_ns = divmod(after_ns, SLICE_NS)
        rounds, part = divmod(whole, len(self.speeds_frac))
        slices = rounds * self._slices[-1] + self._slices[part]
        slices += self.speeds_frac[part] * rest_ns / SLICE_NS
        return slices * SPEED_MM_S * SLICE_NS / 1e9

    def after_ns(self, travel_mm: float) -> int:
        """Return after what time the belt has run so far, to a millisecond."""
        last = next(n for n in count(1) if self.travel_mm(n * SLICE_NS) >= travel_mm)
        instants = range((last - 1) * SLICE_NS, last * SLICE_NS, MS)
        return instants[max(0, bisect_right(instants, travel_mm, key=self.travel_mm) - 1)]

    @cached_property
    def end_ns(self) -> int:
        """When the station stops: early, or once the last piece has left the belt."""
        last_mm = max(piece.offset_mm + piece.length_mm for piece in self.pieces)
        after_ns = self.after_ns(last_mm + self.station.belt.length_mm + 200)
        if self.stop_ms is not None:
            after_ns = min(after_ns, self.stop_ms * MS)
        return self.origin_ns + after_ns

    def frames(self) -> Iterator[FrameSeen]:
        """Yield the frames that are not dropped; the camera rests once the last piece is past."""
        last_mm = max(piece.offset_mm + piece.length_mm for piece in self.pieces)
        rest_ms = self.after_ns(last_mm + self.station.belt.view_span.front_mm + 20) // MS
        for sequence in range(1, rest_ms // self.period_ms):
            after_ms = sequence * self.period_ms
            in_dark = any(start <= after_ms < start + length for start, length in self.dark)
            if self.kept[sequence % len(self.kept)] and not in_dark:
                yield self._frame(sequence, after_ms * MS)

    def _frame(self, sequence: int, after_ns: int) -> FrameSeen:
        travel_mm = self.travel_mm(after_ns)
        view_mm = self.station.belt.view_span.front_mm
        regions = [
            self._region(piece.span(travel_mm), sequence, number)
            for number, piece in enumerate(self.pieces)
            # Most pieces of a long row are not in the view.
            if 0 < travel_mm - piece.offset_mm < view_mm + piece.length_mm
        ]
        shown = tuple(region for region in regions if region is not None)
        exposed_ns = self.origin_ns + after_ns
        return FrameSeen(sequence, exposed_ns, exposed_ns + LOOK_NS, shown)

    def _region(self, span: Span, sequence: int, number: int) -> Region | None:
        belt = self.station.belt
        view, box = belt.view, belt.box(span)
        off = self._off_px(sequence, number)
        left, right = max(box.left_px + off[0], 0), min(box.right_px + off[1], view.right_px)
        top, bottom = max(box.top_px + off[2], 0), min(box.bottom_px + off[3], view.bottom_px)
        if right - left < LEAST_PX or bottom - top < LEAST_PX:
            return None
        return Region(Box(left, top, right - left, bottom - top), (right - left) * (bottom - top))

    def _off_px(self, sequence: int, number: int) -> list[int]:
        """Return by how much each of the four edges of one region lies off."""
        four = blake2b(b"%d %d %d" % (self.seed, sequence, number), digest_size=4).digest()
        return [each % (2 * self.noise_px + 1) - self.noise_px for each in four]

    def score(self, crop: Crop) -> tuple[float, ...]:
        """Tell the truth, as a good model would: the label of what the crop shows most of."""
        shown = self.station.belt.span(crop.box)
        travel_mm = self.travel_mm(crop.exposed_ns - self.origin_ns)

        def shared_mm2(piece: TruePiece) -> float:
            span = piece.span(travel_mm)
            along_mm = min(span.front_mm, shown.front_mm) - max(span.rear_mm, shown.rear_mm)
            across_mm = min(span.far_mm, shown.far_mm) - max(span.near_mm, shown.near_mm)
            return max(0.0, along_mm) * max(0.0, across_mm)

        label = max(self.pieces, key=shared_mm2).label
        return tuple(0.97 if each == label else 0.01 for each in LABELS)

    def fell_into(self, piece: TruePiece, played: Played) -> str | None:
        """Return the bin a piece really fell into; None if it is still on the belt.

        A gate that is more than half open when the middle of a piece passes diverts it.
        """
        for gate in sorted(GATES.values(), key=lambda gate: gate.at_mm):
            middle_mm = piece.offset_mm + piece.length_mm / 2
            passes_ns = self.origin_ns + self.after_ns(middle_mm + gate.at_mm)
            if passes_ns >= played.end_ns:
                return None
            for pulse in played.moved:
                half_open_ns = pulse.start_ns + gate.move_ns // 2
                half_shut_ns = pulse.close_ns + gate.move_ns // 2
                if pulse.gate == gate.name and half_open_ns < passes_ns < half_shut_ns:
                    return gate.name
        return BINS.end_bin


@st.composite
def rows(draw: st.DrawFn, most: int = 6) -> tuple[TruePiece, ...]:
    """Draw pieces in two lanes, none nearer than 6 mm to the one ahead of it in its lane."""
    pieces: list[TruePiece] = []
    rear_mm, front_mm = [0.0, 0.0], 0.0
    for _ in range(draw(st.integers(1, most))):
        lane = draw(st.sampled_from((0, 0, 1)))
        length_mm = float(draw(st.integers(30, 45) | st.integers(30, 120)))
        gap_mm = draw(st.integers(6, 25) | st.integers(6, 260))
        offset_mm = max(front_mm, rear_mm[lane] + gap_mm)
        near_mm = draw(st.integers(10, 30)) + 120.0 * lane
        label = draw(st.sampled_from(LABELS))
        width_mm = float(draw(st.integers(30, 80)))
        pieces.append(TruePiece(label, offset_mm, length_mm, near_mm, width_mm))
        rear_mm[lane], front_mm = offset_mm + length_mm, offset_mm
    return tuple(pieces)


def cycles(of: st.SearchStrategy[T], most: int) -> st.SearchStrategy[tuple[T, ...]]:
    """Draw what comes again and again."""
    return st.lists(of, min_size=1, max_size=most).map(tuple)


SPEEDS_FRAC = cycles(st.sampled_from((1.0, 0.95, 0.98, 1.02, 1.05)), 5)
DARK = st.lists(st.tuples(st.integers(0, 8000), st.integers(100, 2500)), max_size=3).map(tuple)
DIRECTION = st.sampled_from(Direction)
PERIOD_MS = st.integers(17, 100)
NOISE_PX = st.integers(0, 4)
SEED = st.integers(0, 999)


def any_worlds() -> st.SearchStrategy[World]:
    """Draw worlds in which frames, the model and the gates may do anything."""
    return st.builds(
        World,
        direction=DIRECTION,
        pieces=rows(),
        speeds_frac=SPEEDS_FRAC,
        period_ms=PERIOD_MS,
        kept=cycles(st.booleans(), 12),
        dark=DARK,
        noise_px=NOISE_PX,
        seed=SEED,
        latencies_ms=cycles(st.sampled_from((20, 5, 40, 70, 900)), 6),
        answers=cycles(st.sampled_from(get_args(Answer)), 5),
        stop_ms=st.none() | st.integers(100, 9000),
    )


def dim_worlds() -> st.SearchStrategy[World]:
    """Draw worlds in which only pictures are missing, so that most pieces come to their gates."""
    return st.builds(
        World,
        direction=DIRECTION,
        pieces=rows(),
        speeds_frac=SPEEDS_FRAC,
        period_ms=PERIOD_MS,
        kept=st.just((True,)) | cycles(st.booleans(), 12),
        dark=DARK,
        noise_px=NOISE_PX,
        seed=SEED,
        latencies_ms=cycles(st.sampled_from((20, 5, 40, 70)), 4),
    )
