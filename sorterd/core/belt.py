"""Where things are on the belt: pixels to millimetres, millimetres to instants.

The belt has two axes. *Along* rises in the direction of travel and is 0 at the
edge where the belt enters the picture; *across* rises to the right of someone
who looks along the belt's travel from above. A picture of a belt that runs to
the left, up or down is that of a belt that runs to the right, turned; nothing
beyond this file knows the difference.

How far the belt has run is kept by the `Odometer`, which believes the settings
until the pieces on the belt show otherwise: a belt that halts takes every
prediction with it. What ran by while no frame was taken is kept by `Unseen`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from statistics import median

from sorterd.core.records import Box

NS_PER_S = 1_000_000_000


class Direction(StrEnum):
    """Which way the belt runs in the picture."""

    RIGHT = "right"
    LEFT = "left"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Span:
    """A box on the belt, millimetres."""

    rear_mm: float
    front_mm: float
    near_mm: float
    far_mm: float

    @property
    def along_mm(self) -> float:
        """The middle along the belt."""
        return (self.rear_mm + self.front_mm) / 2

    @property
    def across_mm(self) -> float:
        """The middle across the belt."""
        return (self.near_mm + self.far_mm) / 2

    @property
    def length_mm(self) -> float:
        """The extent along the belt."""
        return self.front_mm - self.rear_mm

    def moved(self, along_mm: float) -> "Span":
        """Return the same span, further along by `along_mm`."""
        return Span(self.rear_mm + along_mm, self.front_mm + along_mm, self.near_mm, self.far_mm)

    def hull(self, other: "Span") -> "Span":
        """Return the smallest span that holds both."""
        return Span(
            min(self.rear_mm, other.rear_mm),
            max(self.front_mm, other.front_mm),
            min(self.near_mm, other.near_mm),
            max(self.far_mm, other.far_mm),
        )

    def overlap_across_frac(self, other: "Span") -> float:
        """Return how much of the narrower one's width both share, 0 to 1."""
        shared_mm = min(self.far_mm, other.far_mm) - max(self.near_mm, other.near_mm)
        narrower_mm = min(self.far_mm - self.near_mm, other.far_mm - other.near_mm)
        return max(0.0, shared_mm / narrower_mm) if narrower_mm > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Belt:
    """The belt as the camera sees it.

    Attributes:
        speed_mm_s: Speed in the settings; more than 0.
        direction: Which way it runs in the picture.
        mm_per_px: Size of a pixel on the belt; more than 0.
        width_px: Columns of the whole frame.
        height_px: Rows of the whole frame.
        view: The part of the frame that is looked at.
        length_mm: Where the belt ends and pieces fall into the end bin.
        speed_tolerance_frac: How far the true speed may lie from what is known of it.
        longest_mm: What is longer along the belt is more than one piece.
    """

    speed_mm_s: float
    direction: Direction
    mm_per_px: float
    width_px: int
    height_px: int
    view: Box
    length_mm: float
    speed_tolerance_frac: float = 0.05
    longest_mm: float = inf

    def span(self, box: Box) -> Span:
        """Place a box of pixels on the belt."""
        left, right = box.left_px, box.right_px
        top, bottom = box.top_px, box.bottom_px
        match self.direction:
            case Direction.RIGHT:
                rear, front, near, far = left, right, top, bottom
            case Direction.LEFT:
                rear, front = self.width_px - right, self.width_px - left
                near, far = self.height_px - bottom, self.height_px - top
            case Direction.DOWN:
                rear, front = top, bottom
                near, far = self.width_px - right, self.width_px - left
            case Direction.UP:
                rear, front = self.height_px - bottom, self.height_px - top
                near, far = left, right
        scale = self.mm_per_px
        return Span(rear * scale, front * scale, near * scale, far * scale)

    def box(self, span: Span) -> Box:
        """Return the pixels that a span on the belt covers; may lie outside the frame."""
        rear, front = round(span.rear_mm / self.mm_per_px), round(span.front_mm / self.mm_per_px)
        near, far = round(span.near_mm / self.mm_per_px), round(span.far_mm / self.mm_per_px)
        match self.direction:
            case Direction.RIGHT:
                left, right, top, bottom = rear, front, near, far
            case Direction.LEFT:
                left, right = self.width_px - front, self.width_px - rear
                top, bottom = self.height_px - far, self.height_px - near
            case Direction.DOWN:
                left, right = self.width_px - far, self.width_px - near
                top, bottom = rear, front
            case Direction.UP:
                left, right = near, far
                top, bottom = self.height_px - front, self.height_px - rear
        return Box(left, top, max(1, right - left), max(1, bottom - top))

    def drift_mm(self, gap_ns: int) -> float:
        """Return how far a place may be off after `gap_ns` by what its speed is not known to."""
        return self.speed_tolerance_frac * self.speed_mm_s * gap_ns / NS_PER_S

    def visible(self, span: Span) -> Box:
        """Return the pixels of the view that a span covers; at least one."""
        whole, view = self.box(span), self.view
        left = min(max(whole.left_px, view.left_px), view.right_px - 1)
        top = min(max(whole.top_px, view.top_px), view.bottom_px - 1)
        right = min(max(whole.right_px, left + 1), view.right_px)
        bottom = min(max(whole.bottom_px, top + 1), view.bottom_px)
        return Box(left, top, right - left, bottom - top)

    @property
    def view_span(self) -> Span:
        """The part of the belt that is looked at."""
        return self.span(self.view)


class Odometer:
    """How far the belt has run, and how fast it runs; one thread.

    Args:
        belt: Gives the speed to believe until pieces show another.
    """

    # A speed is measured between two sightings of one piece that lie this far apart: edges jump by
    # a pixel or two (1 mm), so 0.3 s at 200 mm/s measures to 2%.
    WINDOW_NS = 300_000_000
    # Slow drift is followed with this time constant; one noisy edge must not move an arrival.
    SMOOTHING_NS = 1_000_000_000
    # A speed this far from the believed one is no noise: the belt was halted, or started again.
    JUMP_FRAC = 0.35
    # With nothing on the belt to show its speed for so long, the settings are believed again.
    MEMORY_NS = 3_000_000_000
    # Below this share of its speed a belt halts or starts, and no arrival can be told.
    RUNNING_FRAC = 0.5

    def __init__(self, belt: Belt) -> None:
        self._belt = belt
        self._speed_mm_s = belt.speed_mm_s
        self._anchor_ns: int | None = None
        self._anchor_mm = 0.0
        self._measured_ns: int | None = None
        self._jumped_ns: int | None = None

    @property
    def speed_mm_s(self) -> float:
        """The speed believed at present."""
        return self._speed_mm_s

    def travel_mm(self, t_ns: int) -> float:
        """Return how far the belt has run at `t_ns`, from an arbitrary beginning."""
        if self._anchor_ns is None:
            self._anchor_ns = t_ns
        return self._anchor_mm + self._speed_mm_s * (t_ns - self._anchor_ns) / NS_PER_S

    def corrected(self, off_mm: float, t_ns: int) -> None:
        """Take in that the belt has run so much further than believed; negative: less far."""
        self._anchor_mm = self.travel_mm(t_ns) + off_mm
        self._anchor_ns = t_ns

    def measured(self, speeds_mm_s: Sequence[float], t_ns: int) -> None:
        """Take in what the pieces of one frame show; an empty sequence shows nothing."""
        if not speeds_mm_s:
            if self._measured_ns is not None and t_ns - self._measured_ns > self.MEMORY_NS:
                self._run_at(self._belt.speed_mm_s, t_ns)
                self._measured_ns = None
            return
        shown_mm_s = min(max(median(speeds_mm_s), 0.0), 2 * self._belt.speed_mm_s)
        before_ns = t_ns - self.SMOOTHING_NS if self._measured_ns is None else self._measured_ns
        self._measured_ns = t_ns
        if abs(shown_mm_s - self._speed_mm_s) > self.JUMP_FRAC * self._belt.speed_mm_s:
            self._jumped_ns = t_ns
        if self._changing(t_ns):
            self._run_at(shown_mm_s, t_ns)
            return
        share = min(1.0, (t_ns - before_ns) / self.SMOOTHING_NS)
        self._run_at(self._speed_mm_s + share * (shown_mm_s - self._speed_mm_s), t_ns)

    def _changing(self, t_ns: int) -> bool:
        """Whether what was measured may still hold some of the speed before a jump."""
        return self._jumped_ns is not None and t_ns - self._jumped_ns <= self.WINDOW_NS

    def _run_at(self, speed_mm_s: float, t_ns: int) -> None:
        self._anchor_mm = self.travel_mm(t_ns)
        self._anchor_ns = t_ns
        self._speed_mm_s = speed_mm_s

    def ns_until(self, distance_mm: float) -> int | None:
        """Return how long the belt needs for a distance; negative for the past.

        None while the belt stands, halts or starts: it may take for ever.
        """
        changing = self._measured_ns is not None and self._changing(self._measured_ns)
        if changing or self._speed_mm_s < self.RUNNING_FRAC * self._belt.speed_mm_s:
            return None
        return round(distance_mm / self._speed_mm_s * NS_PER_S)


class Unseen:
    """The stretches of belt that no frame has shown: what lies there nobody knows. One thread.

    Args:
        belt: How much of it a frame shows, and where it ends.
        odometer: How far it has run.
    """

    def __init__(self, belt: Belt, odometer: Odometer) -> None:
        self._belt = belt
        self._odometer = odometer
        # On the belt itself: the place minus how far the belt had run.
        self._stretches: deque[Span] = deque()
        self._shown_from_mm: float | None = None
        self._frame_ns = 0

    def shown(self, t_ns: int) -> None:
        """Take in that a frame exposed at `t_ns` showed the whole view."""
        travel_mm = self._odometer.travel_mm(t_ns)
        stretch = self._since_frame(t_ns, self._belt.view_span.front_mm)
        if stretch.length_mm > 0:
            self._stretches.append(stretch.moved(-travel_mm))
        while self._stretches and self._stretches[0].rear_mm + travel_mm > self._belt.length_mm:
            self._stretches.popleft()
        self._shown_from_mm = self._belt.view_span.rear_mm - travel_mm
        self._frame_ns = t_ns

    def spans(self, t_ns: int) -> list[Span]:
        """Return the stretches where they are at `t_ns`, the one that is still growing as well."""
        travel_mm = self._odometer.travel_mm(t_ns)
        ended = [stretch.moved(travel_mm) for stretch in self._stretches]
        return [*ended, self._since_frame(t_ns, self._belt.view_span.rear_mm)]

    def _since_frame(self, t_ns: int, rear_mm: float) -> Span:
        """Return the stretch ahead of `rear_mm` that has come by since the last frame."""
        front_mm = self._belt.length_mm
        if self._shown_from_mm is not None:
            drift_mm = self._belt.drift_mm(t_ns - self._frame_ns)
            front_mm = self._shown_from_mm + self._odometer.travel_mm(t_ns) + drift_mm
        view = self._belt.view_span
        return Span(rear_mm, max(rear_mm, front_mm), view.near_mm, view.far_mm)
