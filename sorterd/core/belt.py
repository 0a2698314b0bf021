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

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

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
        view_span: The part of the belt that is looked at; follows from the others.
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
    view_span: Span = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # It is asked for a dozen times a frame.
        object.__setattr__(self, "view_span", self.span(self.view))

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

    def cut_at_rear(self, span: Span) -> bool:
        """Whether the edge at which the belt enters the view cuts a span off."""
        return span.rear_mm <= self.view_span.rear_mm + self.mm_per_px

    def cut_at_front(self, span: Span) -> bool:
        """Whether the edge at which the belt leaves the view cuts a span off."""
        return span.front_mm >= self.view_span.front_mm - self.mm_per_px
