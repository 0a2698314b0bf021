"""Which piece has broken the light barrier, if that can be told.

A beam knows an instant and nothing else, so it is believed only where one piece
alone could have been there: the one whose front should be within `tolerance_mm`
of the beam. With two, or with none, nothing is placed and the reason is counted.

The rule that makes a wrong beam harmless stands in `Places.reach`: a beam adds
to where a piece may be and takes nothing away.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sorterd.core.records import Drop


@dataclass(frozen=True, slots=True)
class Beam:
    """Where the beam crosses the belt.

    Attributes:
        at_mm: Its place along the belt.
        tolerance_mm: How far off a piece may be believed to be, and yet be the one; above 0.
    """

    at_mm: float
    tolerance_mm: float

    def piece_at(self, fronts_mm: Mapping[int, float]) -> int | Drop:
        """Return the piece that has broken the beam, or why that cannot be told.

        Args:
            fronts_mm: Where the front of every piece is believed to be at that instant.
        """
        near = [
            piece
            for piece, front_mm in fronts_mm.items()
            if abs(front_mm - self.at_mm) <= self.tolerance_mm
        ]
        if not near:
            return Drop.BEAM_NO_PIECE
        return near[0] if len(near) == 1 else Drop.BEAM_AMBIGUOUS

    def may_have_come(self, front_mm: float) -> bool:
        """Whether a piece whose front is believed to be here may have reached the beam, or more."""
        return front_mm >= self.at_mm - self.tolerance_mm
