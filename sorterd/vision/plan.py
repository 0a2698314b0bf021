"""What a picture of the station shows of it: its gates as they stand, its bins, its colours.

A belt has lengths; a station of lids has none. Colours are BGR. A bin has the same colour wherever
it is drawn: the first gate's bin the first colour, and so on; the end bin is grey.
"""

from dataclasses import dataclass

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

INK: Colour = (32, 27, 24)
"""The ground on which everything is written."""
PAPER: Colour = (244, 240, 236)
"""What is written; also a piece that waits for its verdict."""
FAINT: Colour = (150, 140, 132)
"""What is written beside it."""
AMBER: Colour = (48, 140, 255)
"""A gate that moves."""
RED: Colour = (86, 92, 232)
"""A piece that goes to the end bin because something was missing."""
GREY: Colour = (176, 168, 160)
"""The end bin and what belongs there."""

# Far apart to most eyes, in the order in which stations usually name paper, glass, packaging,
# compost.
_BINS: tuple[Colour, ...] = (
    (235, 160, 78),
    (188, 186, 52),
    (60, 200, 240),
    (96, 190, 100),
    (226, 128, 172),
    (160, 128, 240),
    (96, 150, 245),
)


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate at one instant.

    Attributes:
        name: Its name.
        bin: The bin it leads to.
        open_frac: How far it stands open, 0 to 1.
        at_mm: Where it stands along the belt; None for a lid.
    """

    name: str
    bin: str
    open_frac: float
    at_mm: float | None = None


@dataclass(frozen=True, slots=True)
class StationPlan:
    """A station at one instant.

    Attributes:
        gates: Its gates, or its lids.
        end_bin: Where a piece lands if nothing moves.
        view_mm: Belts only: how much of the belt the picture shows, from its entering edge.
        length_mm: Belts only: where the belt ends.
    """

    gates: tuple[GateView, ...]
    end_bin: str
    view_mm: float | None = None
    length_mm: float | None = None

    def colour_of(self, name: str) -> Colour:
        """Return a bin's colour."""
        names = list(dict.fromkeys(gate.bin for gate in self.gates))
        return _BINS[names.index(name) % len(_BINS)] if name in names else GREY
