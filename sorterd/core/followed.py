"""What is known of one piece that is followed along a belt."""

from dataclasses import dataclass

from sorterd.core.mind import Known
from sorterd.core.records import Box
from sorterd.core.track import Track


@dataclass(frozen=True, slots=True)
class Expected:
    """A crop that was cut where its piece was expected, in a frame that is not looked at yet.

    Attributes:
        sequence: Of the frame.
        box: What was cut.
        cropped_before_mm: Where the piece was when it was last cropped before.
    """

    sequence: int
    box: Box
    cropped_before_mm: float | None


@dataclass(slots=True, eq=False, kw_only=True)
class Followed(Known):
    """What is known of a piece on a belt.

    Attributes:
        track: Where it is.
        cropped_at_mm: Where it was when it was last cropped.
        expected: Its crop that no look has borne out so far.
        deadline_ns: What was its deadline when it was decided; None while it is not, or on a belt
            that stood still then.
        beam_spoke: The light barrier was broken when this piece may have been there, or later.
    """

    track: Track
    cropped_at_mm: float | None = None
    expected: Expected | None = None
    deadline_ns: int | None = None
    beam_spoke: bool = False

    @property
    def bound_for(self) -> str | None:
        """The gate that is to move for it."""
        return self.decision.gate if self.decision else None
