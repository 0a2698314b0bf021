"""What lies in front of the camera of a station with lids, and whether it lies still.

A hand puts a piece down; the region that shows it moves, changes its shape and
then rests. Only a piece that rests alone is looked at. Two at once are both
flagged: nobody could say which of them an open lid is meant for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sorterd.core.records import Box, Region

# A resting region's edges move by no more than this (noise, a shadow that settles), pixels.
REST_PX = 12
# Two regions for this long are two pieces; less is a flicker of the outline.
TOGETHER_NS = 150_000_000
# A place that stays empty for this long is empty: the piece fell, or was taken.
GONE_NS = 250_000_000


@dataclass(slots=True, eq=False)
class Occupant:
    """One piece in front of the camera. Owned by the tray; the sorter reads it.

    Attributes:
        piece: Its number, rising from 1.
        box: Where it was last seen.
        first_seen_ns: Exposure of the first frame that showed it.
        last_seen_ns: Exposure of the last one.
        rests_since_ns: Since when it has not moved.
        sightings: Frames that showed it.
        crowded: It was not alone.
        gone: It is no longer there.
    """

    piece: int
    box: Box
    first_seen_ns: int
    last_seen_ns: int
    rests_since_ns: int
    resting_box: Box
    sightings: int = 0
    crowded: bool = False
    gone: bool = False


class Tray:
    """Follows what is put down. One thread."""

    def __init__(self) -> None:
        self._pieces = 0
        self._together_since_ns: int | None = None
        self.occupants: dict[int, Occupant] = {}

    def forget(self, piece: int) -> None:
        """Stop following a piece."""
        del self.occupants[piece]

    def see(self, regions: Sequence[Region], t_ns: int) -> tuple[Occupant, ...]:
        """Take in one frame.

        Args:
            regions: All regions of a frame whose view was not covered.
            t_ns: Its exposure; later than any before.

        Returns:
            The occupants it showed.
        """
        seen = []
        free = dict(self.occupants)
        for region in regions:
            occupant = self._nearest(region.box, free) or self._begin(region.box, t_ns)
            free.pop(occupant.piece, None)
            self._sight(occupant, region.box, t_ns)
            seen.append(occupant)
        self._flag_crowd(seen, regions, t_ns)
        for occupant in free.values():
            occupant.gone = t_ns - occupant.last_seen_ns >= GONE_NS
        return tuple(seen)

    def _nearest(self, box: Box, free: dict[int, Occupant]) -> Occupant | None:
        return min(
            (occupant for occupant in free.values() if not occupant.gone),
            key=lambda occupant: (_middle_distance_px(box, occupant.box), occupant.piece),
            default=None,
        )

    def _begin(self, box: Box, t_ns: int) -> Occupant:
        self._pieces += 1
        occupant = Occupant(self._pieces, box, t_ns, t_ns, t_ns, box)
        self.occupants[occupant.piece] = occupant
        return occupant

    def _sight(self, occupant: Occupant, box: Box, t_ns: int) -> None:
        if _edge_distance_px(box, occupant.resting_box) > REST_PX:
            occupant.resting_box = box
            occupant.rests_since_ns = t_ns
        occupant.box = box
        occupant.last_seen_ns = t_ns
        occupant.sightings += 1

    def _flag_crowd(self, seen: list[Occupant], regions: Sequence[Region], t_ns: int) -> None:
        if len(seen) < 2 and not any(region.lobes > 1 for region in regions):
            self._together_since_ns = None
            return
        if self._together_since_ns is None:
            self._together_since_ns = t_ns
        if t_ns - self._together_since_ns >= TOGETHER_NS:
            for occupant in seen:
                # A piece that moves may trail its own shadow: only what rests is a crowd.
                occupant.crowded |= t_ns - occupant.rests_since_ns >= TOGETHER_NS


def _edge_distance_px(one: Box, other: Box) -> int:
    return max(
        abs(one.left_px - other.left_px),
        abs(one.right_px - other.right_px),
        abs(one.top_px - other.top_px),
        abs(one.bottom_px - other.bottom_px),
    )


def _middle_distance_px(one: Box, other: Box) -> int:
    across_px = one.left_px + one.right_px - other.left_px - other.right_px
    down_px = one.top_px + one.bottom_px - other.top_px - other.bottom_px
    return abs(across_px) + abs(down_px)
