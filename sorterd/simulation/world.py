"""What every simulated station tells: what its camera sees, and what truly became of each piece.

A world is seeded and has no clock: it is asked about an instant and answers from its seed and from
what its servos did. The camera shows pictures of it; the report reads the truth. Nothing of the
truth ever reaches the road.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sorterd.core.records import Box
from sorterd.simulation.cutout import Points
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.sprites import Sprite
from sorterd.simulation.surface import Picture


class PieceSource(Protocol):
    """Where pieces come from: drawings, or the user's photographs."""

    def take(self, rng: np.random.Generator) -> Sprite:
        """Return the piece that `rng` chooses; the same again for a generator in the same state."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TruePiece:
    """One physical piece.

    Attributes:
        number: Rising from 1 in the order in which they come.
        label: What it truly is.
        offset_mm: How far the belt has run when the middle of the piece enters the picture;
            0 on a tray.
        across_mm: Its middle across the belt, from the camera's canonical near edge.
        angle_deg: How far it is turned when it enters, against the clock.
        spin_deg_s: How fast it turns while the belt runs.
        outline_mm: float64[N, 2], its hull about its middle at angle 0.
        touches: The numbers of the pieces it touches or overlaps.
    """

    number: int
    label: str
    offset_mm: float
    across_mm: float
    angle_deg: float
    spin_deg_s: float
    outline_mm: Points = field(repr=False)
    touches: tuple[int, ...] = ()

    @property
    def longest_mm(self) -> float:
        """Its longest extent in any direction, taken from the hull's box at angle 0."""
        return float(np.ptp(self.outline_mm, axis=0).max())


@dataclass(frozen=True, slots=True)
class GatePlace:
    """A gate of the world: its servo's name, where it stands along the belt, where it leads."""

    name: str
    at_mm: float
    bin: str


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a piece truly fell.

    Attributes:
        number: Of the piece.
        label: What it truly is.
        bin: The bin it lies in.
        at_ns: When it left the belt or tray.
        swept: The gate's opening had already taken another piece.
    """

    number: int
    label: str
    bin: str
    at_ns: int
    swept: bool


Servos = Mapping[str, SimulatedServo]
"""The servo of each gate, by the gate's name."""


class View(Protocol):
    """What a camera is shown of a simulated station. Any thread; one answer at a time."""

    width_px: int
    height_px: int

    def picture(self, t_ns: int) -> Picture:
        """Return a new picture of what the camera sees: uint8[height_px, width_px, 3], BGR."""
        ...

    def over(self, t_ns: int) -> bool:
        """Tell whether every piece has landed by `t_ns` and no other comes."""
        ...


class World(View, Protocol):
    """A simulated station with all that is true of it. Any thread; one answer at a time."""

    def present(self, t_ns: int) -> tuple[int, ...]:
        """Return the numbers of the pieces in or just beside the picture at `t_ns`, rising."""
        ...

    def piece(self, number: int) -> TruePiece:
        """Return what is true of a piece.

        Raises:
            KeyError: There is no such piece.
        """
        ...

    def place(self, number: int, t_ns: int) -> tuple[float, float] | None:
        """Return the middle of a piece, (along, across) in millimetres as `core.belt` counts them.

        None when it is not there: not put down yet, or landed.
        """
        ...

    def box(self, number: int, t_ns: int) -> Box | None:
        """Return the pixels a piece covers, also past the picture's edges; None if not there."""
        ...

    def landings(self, until_ns: int) -> tuple[Landing, ...]:
        """Return every piece that has landed by `until_ns`, in that order."""
        ...
