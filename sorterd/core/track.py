"""One piece, followed: what is known of it, and how another look changes that."""

from collections import deque
from dataclasses import dataclass, field

from sorterd.core.belt import Span
from sorterd.core.records import Box, Region

# Edges of a box jump by a few pixels from frame to frame (shadow, noise, a turning piece).
EDGE_MM = 8.0
# A region fits a piece when they share this much of the shorter one along.
FIT_ALONG_FRAC = 0.6
# What a piece shows of itself may shrink (glare, a shadow that ends) or turn; its known extent
# follows a larger view at once and a smaller one with this time constant.
SHRINK_NS = 500_000_000


@dataclass(slots=True, eq=False)
class Track:
    """One piece, followed. Owned by the tracker; the sorter reads it.

    Attributes:
        piece: Its number, rising from 1.
        ground: Its known extent on the belt itself: the place minus how far the belt had run.
        first_seen_ns: Exposure of the first frame that showed it.
        last_seen_ns: Exposure of the last one.
        last_span: Its known extent in that last frame.
        length_mm: Its extent along the belt, as far as it was seen.
        shown: The region that showed it in that last frame.
        shown_run_mm: How far the belt had run by then.
        sightings: Frames that showed it.
        seen_whole: Whether any frame showed all of it.
        lobed: Sightings that suggested more than one body, of those that showed all of it.
        whole: Sightings that showed all of it.
        touching: It touched another piece.
        ambiguous: It could not be told from another piece.
        vanished: It was gone from a place the camera saw.
        beam_off_mm: How far ahead of where the pictures put it a beam has found it; None: no beam
            has.
    """

    piece: int
    ground: Span
    first_seen_ns: int
    last_seen_ns: int
    last_span: Span
    length_mm: float
    shown: Span
    shown_run_mm: float
    sightings: int = 0
    seen_whole: bool = False
    lobed: int = 0
    whole: int = 0
    touching: bool = False
    ambiguous: bool = False
    vanished: bool = False
    beam_off_mm: float | None = None
    under_one_since_ns: int | None = None
    missing_since_ns: int | None = None
    missing_frames: int = 0
    middles: deque[tuple[int, float]] = field(default_factory=deque)

    @property
    def spoilt(self) -> bool:
        """Whether what it shows is not its own."""
        return self.touching or self.ambiguous

    def fit_for_crop(self) -> bool:
        """Whether its sightings suggest a single body."""
        return not self.spoilt and 2 * self.lobed <= self.whole


@dataclass(frozen=True, slots=True)
class Sighting:
    """One region of one frame, given to one piece; `whole` if the region shows all of it."""

    track: Track
    box: Box
    span: Span
    whole: bool


def reshaped(known: Span, seen: Span, *, after_ns: int, widens: bool, leaving: bool) -> Span:
    """Return a piece's extent on the belt after another look at it.

    Args:
        known: Its extent before, on the belt itself.
        seen: What the frame shows of it, on the belt itself.
        after_ns: How long ago it was looked at before.
        widens: Whether it may turn out to be larger than known.
        leaving: Whether the view's edge cuts off its front, which is still there.
    """
    share = min(1.0, after_ns / SHRINK_NS)

    def edge(known_mm: float, seen_mm: float, sign: int) -> float:
        if (seen_mm - known_mm) * sign > 0:
            return seen_mm if widens else known_mm
        return known_mm + share * (seen_mm - known_mm)

    return Span(
        rear_mm=edge(known.rear_mm, seen.rear_mm, -1),
        front_mm=known.front_mm if leaving else edge(known.front_mm, seen.front_mm, 1),
        near_mm=edge(known.near_mm, seen.near_mm, -1),
        far_mm=edge(known.far_mm, seen.far_mm, 1),
    )


def lies_on(span: Span, ground: Span) -> bool:
    """Whether a region covers a place where a piece was seen before; no neighbour lies there."""
    shared_mm = min(span.front_mm, ground.front_mm) - max(span.rear_mm, ground.rear_mm)
    return shared_mm >= FIT_ALONG_FRAC * span.length_mm


def joined(group: list[tuple[Region, Span]]) -> tuple[int, Span]:
    """Return what the fragments of one piece show together: bodies, and extent."""
    extent = group[0][1]
    for _, span in group[1:]:
        extent = extent.hull(span)
    return max(region.lobes for region, _ in group), extent
