"""Show pictures of a data set on a page, small: one by one, or two side by side."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from sorterd.recordings.pictures import Unusable
from tools.workshop.decoding import decoded
from tools.workshop.explore.exploring import Explored
from tools.workshop.explore.gathering import ALL
from tools.workshop.explore.inspection import SEEN_PX, shrunk
from tools.workshop.pages import Page
from tools.workshop.places import Place

Pixels = npt.NDArray[np.uint8]

_SHOWN_PX = 150
_GAP_PX = 4


class Showcase:
    """A page in the making and the pictures that it shows.

    Args:
        page: Filled section by section.
        place: Where the pictures are.
        found: Which there are; pictures are named by their places in it.
        most: Pictures or pairs shown at once.
        seed: Of what is drawn by lot.
    """

    def __init__(self, page: Page, place: Place, found: Explored, *, most: int, seed: int) -> None:
        self.page = page
        self.place = place
        self.found = found
        self.most = most
        self.rng = np.random.default_rng(seed)

    def key(self, place: int) -> str:
        """The name of a picture."""
        return self.found.pictures[place].row.key

    def show(self, some: Iterable[tuple[int, str]]) -> None:
        """Show pictures, each with its caption."""
        shown = ((self._tile(place), caption) for place, caption in some)
        self.page.pictures([(tile, caption) for tile, caption in shown if tile is not None])

    def pairs(self, pairs: Iterable[tuple[int, int, str]]) -> None:
        """Show the first of some pairs, each with what was found about it."""
        tiles = []
        for (first, second, how), _ in zip(pairs, range(self.most), strict=False):
            both = self._tile(first), self._tile(second)
            if both[0] is not None and both[1] is not None:
                names = " | ".join(self._named(place) for place in (first, second))
                tiles.append((side_by_side(both[0], both[1]), f"{how}: {names}"))
        self.page.pictures(tiles)

    def more(self, all_of_them: int, shown: int) -> None:
        """Say how many are not shown."""
        if all_of_them > shown:
            self.page.text(f"... and {all_of_them - shown} more; --json lists all of them.")

    def _tile(self, place: int) -> Pixels | None:
        pixels = seen_again(self.place, self.key(place))
        return None if pixels is None else tile_of(pixels)

    def _named(self, place: int) -> str:
        part = self.found.part(place)
        return self.key(place) + ("" if part == ALL else f" ({part})")


def seen_again(place: Place, key: str) -> Pixels | None:
    """A picture at the size at which it was measured: uint8[H, W, 3], BGR; None if it is gone bad.

    Raises:
        WorkshopFault: The bucket cannot be read.
    """
    pixels = decoded(place, key, longer_px=SEEN_PX)
    return None if isinstance(pixels, Unusable) else shrunk(pixels, SEEN_PX)


def tile_of(pixels: Pixels) -> Pixels:
    """A picture as small as a page shows it."""
    return shrunk(pixels, _SHOWN_PX)


def side_by_side(first: Pixels, second: Pixels) -> Pixels:
    """Two pictures in one, on white."""
    height = max(first.shape[0], second.shape[0])
    width = first.shape[1] + _GAP_PX + second.shape[1]
    both = np.full((height, width, 3), 255, np.uint8)
    both[: first.shape[0], : first.shape[1]] = first
    both[: second.shape[0], first.shape[1] + _GAP_PX :] = second
    return both
