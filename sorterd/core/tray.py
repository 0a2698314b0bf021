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

    def see(
        self, regions: Sequence[Region], t_ns: int, *, begins: bool = True
    ) -> tuple[Occupant, ...]:
        """Take in one frame.

        Args:
            regions: All regions of a frame whose view was not covered.
            t_ns: Its exposure; later than any before.
            begins: Whether a region that shows none of the pieces is a new one.

        Returns:
            The occupants it showed.
        """
        given = self._pair(regions, t_ns)
        seen = []
        for index, region in enumerate(regions):
            occupant = given.get(index)
            if occupant is None:
                if not begins:
                    continue
                occupant = self._begin(region.box, t_ns)
            self._sight(occupant, region.box, t_ns)
            seen.append(occupant)
        self._flag_crowd(seen, regions, t_ns)
        for occupant in self.occupants.values():
            occupant.gone |= t_ns - occupant.last_seen_ns >= GONE_NS
        return tuple(seen)

    def _pair(self, regions: Sequence[Region], t_ns: int) -> dict[int, Occupant]:
        """Give regions (by index) to the pieces nearest to them; the nearest pair comes first."""
        distances = sorted(
            (_middle_distance_px(region.box, occupant.box), occupant.piece, index)
            for occupant in self.occupants.values()
            for index, region in enumerate(regions)
            if not occupant.gone and _may_be(occupant, region.box, t_ns)
        )
        given: dict[int, Occupant] = {}
        taken: set[int] = set()
        for _, piece, index in distances:
            if piece not in taken and index not in given:
                given[index] = self.occupants[piece]
                taken.add(piece)
        return given

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


def _may_be(occupant: Occupant, box: Box, t_ns: int) -> bool:
    """Whether a region may show a piece; after a gap only one that lies where the piece lay."""
    there = occupant.box
    overlap = (
        box.left_px < there.right_px
        and there.left_px < box.right_px
        and box.top_px < there.bottom_px
        and there.top_px < box.bottom_px
    )
    return overlap or t_ns - occupant.last_seen_ns < GONE_NS


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
