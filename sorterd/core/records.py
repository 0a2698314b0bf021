"""The words of sorterd, as frozen records that one thread can hand to another.

Everything that happens to the sorter is an *event*, everything it wants done is
a *command*; both carry their own time. No record holds pixels, a device or a
clock, so a stream of events can be written down and played back.

Instants end in `_ns`: integer nanoseconds on the host's monotonic clock.
Lengths along the belt are millimetres from the edge at which the belt enters
the picture; lengths in a picture are pixels of the whole frame.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """How a piece ended. Each piece has exactly one; journal, report and metrics share it."""

    SORTED = "sorted"
    """A gate (or lid) put it in the bin its verdict asked for."""
    BELONGS_IN_END_BIN = "belongs_in_end_bin"
    """The verdict is sure, and its bin is the end bin: nothing had to move."""
    UNSURE = "unsure"
    """It was looked at, and no label reached its threshold."""
    TOUCHING = "touching"
    """It touched or overlapped another piece, so nothing it showed was its own."""
    AMBIGUOUS = "ambiguous"
    """It could not be told from another piece after a gap in the pictures."""
    NEVER_WHOLE = "never_whole"
    """No frame showed all of it."""
    NO_TIME = "no_time"
    """Its deadline passed before the model could be asked."""
    RUNTIME_STALLED = "runtime_stalled"
    """The model did not answer within its budget."""
    TOO_CLOSE = "too_close"
    """Its pulse would have swept another piece into the wrong bin."""
    GATE_RECOVERING = "gate_recovering"
    """The gate was still busy with, or recovering from, an earlier pulse."""
    TOO_MANY_MOVING = "too_many_moving"
    """As many gates as may move at once were already moving."""
    GATE_LATE = "gate_late"
    """The pulse reached the gate past its tolerance and was not moved."""
    GATE_FAULT = "gate_fault"
    """The gate's device failed."""
    TWO_AT_ONCE = "two_at_once"
    """Lids only: more than one piece lay in front of the camera."""
    TAKEN_AWAY = "taken_away"
    """Lids only: it was gone before its lid opened."""
    VANISHED = "vanished"
    """It was gone from a place that the camera still saw: glare, a fly, a hand."""
    STOPPED = "stopped"
    """The station stopped, or made its gates safe, while it was on its way."""


class Drop(StrEnum):
    """Why a frame, a crop or a broken beam was not used. Counted, never silent."""

    FRAME_SUPERSEDED = "frame_superseded"
    """A newer frame was there before this one was looked at."""
    FRAME_NOT_NEEDED = "frame_not_needed"
    """The belt had just been seen to be empty, and nothing can have come far into view since."""
    FRAME_TOO_OLD = "frame_too_old"
    """Its exposure lay too far back to be acted on."""
    FRAME_OUT_OF_ORDER = "frame_out_of_order"
    """It was exposed no later than one already seen."""
    FRAME_COVERED = "frame_covered"
    """Nearly the whole view had changed: a hand, a lamp, a moved camera."""
    CROP_SUPERSEDED = "crop_superseded"
    """A newer view of the same piece took its place."""
    CROP_NO_TIME = "crop_no_time"
    """No batch with it could have ended before the piece's deadline."""
    CROP_NOT_NEEDED = "crop_not_needed"
    """The piece was decided, or given up, before its turn came."""
    CROP_NOT_THERE = "crop_not_there"
    """It was cut where its piece was expected, and the frame did not show the piece there."""
    CROP_STALLED = "crop_stalled"
    """It was inside the runtime when the runtime stopped answering."""
    BEAM_NO_PIECE = "beam_no_piece"
    """It was broken where no piece should have been: one that was missed, or a false alarm."""
    BEAM_AMBIGUOUS = "beam_ambiguous"
    """More than one piece could have broken the beam."""
    BEAM_AGAIN = "beam_again"
    """Its piece had broken the beam before: a hole in it, or a beam that bounces."""
    BEAM_TOO_LATE = "beam_too_late"
    """Its piece's pulse had been sent, or could no longer have been."""
    BEAM_NOT_NOW = "beam_not_now"
    """Its instant lay too far back, or ahead, to be acted on."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box of pixels in a whole frame; width and height are at least 1."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int

    @property
    def right_px(self) -> int:
        """The first column past the box."""
        return self.left_px + self.width_px

    @property
    def bottom_px(self) -> int:
        """The first row past the box."""
        return self.top_px + self.height_px


@dataclass(frozen=True, slots=True)
class Region:
    """A box of changed pixels that may hold a piece.

    Attributes:
        box: Where it is, in pixels of the whole frame.
        area_px: Changed pixels inside the box, in pixels of the whole frame.
        lobes: How many bodies its outline suggests; 2 or more when two pieces probably touch.
    """

    box: Box
    area_px: int
    lobes: int = 1


@dataclass(frozen=True, slots=True)
class Crop:
    """A wish to have one region of one frame scored, on behalf of one piece."""

    piece: int
    sequence: int
    exposed_ns: int
    box: Box
    due_ns: int
    """Scores that come later than this can no longer help."""
    views: int = 0
    """How many views of its piece were scored before it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a piece is by all its scores together.

    Attributes:
        label: The material, or None for *unsure*.
        confidence_frac: Belief in the most likely label (or, unsure, in the best one), 0 to 1.
        stage_one: The first stage's answer (organic, recyclable, landfill), or None for unsure.
        stage_one_frac: Belief in the likeliest answer of stage one, 0 to 1.
        scores: Belief in every label, in the bundle's order; sums to 1. Empty without evidence.
    """

    label: str | None
    confidence_frac: float
    stage_one: str | None
    stage_one_frac: float
    scores: tuple[float, ...] = ()


NO_EVIDENCE = Verdict(label=None, confidence_frac=0.0, stage_one=None, stage_one_frac=0.0)


@dataclass(frozen=True, slots=True)
class Pulse:
    """One planned movement of one gate. It carries its own end.

    `start_ns <= open_ns <= close_ns <= clear_ns`: the gate begins to move, stands open,
    begins to close, and can be used again.
    """

    pulse: int
    piece: int
    gate: str
    start_ns: int
    open_ns: int
    close_ns: int
    clear_ns: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one piece ended; one row of the journal.

    Attributes:
        piece: Number of the piece, rising from 1.
        bin: The bin it was sent to; the end bin unless `reason` is SORTED.
        reason: Why it ended there.
        verdict: What it was taken for.
        sightings: Frames that showed it.
        crops: Crops of it that were scored.
        first_seen_ns: Exposure of the first frame that showed it.
        last_seen_ns: Exposure of the last frame that showed it.
        last_along_mm: Its middle along the belt in that frame (lids: across the picture).
        last_across_mm: Its middle across the belt in that frame.
        length_mm: Its extent along the belt.
        evidence_ns: Exposure of the newest frame whose scores counted; None without scores.
        decided_ns: When the decision was made; None if it never was.
        deadline_ns: The last instant at which a decision could have helped; None if unknown.
        pulse: The pulse that was sent to the gate, if any.
        opened_late_ns: How late the gate began to move; None if it did not.
        ended_ns: When this outcome became final.
    """

    piece: int
    bin: str
    reason: Reason
    verdict: Verdict
    sightings: int
    crops: int
    first_seen_ns: int
    last_seen_ns: int
    last_along_mm: float
    last_across_mm: float
    length_mm: float
    evidence_ns: int | None
    decided_ns: int | None
    deadline_ns: int | None
    pulse: Pulse | None
    opened_late_ns: int | None
    ended_ns: int


class Movement(StrEnum):
    """What a gate did with its half of a pulse."""

    OPENED = "opened"
    CLOSED = "closed"
    REFUSED_LATE = "refused_late"
    ABANDONED = "abandoned"
    FAULT = "fault"


# Events: what the sorter is told.


@dataclass(frozen=True, slots=True)
class FrameCame:
    """A frame was exposed at `exposed_ns`, came at `now_ns`, and has not been looked at."""

    sequence: int
    exposed_ns: int
    now_ns: int


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """A frame was exposed at `exposed_ns` and looked at by `now_ns`.

    `covered` says that nearly the whole view changed, so `regions` is empty and says nothing.
    """

    sequence: int
    exposed_ns: int
    now_ns: int
    regions: tuple[Region, ...]
    covered: bool = False


@dataclass(frozen=True, slots=True)
class ScoresReady:
    """The model answered batch `batch`: a row of scores (sum 1) for each of its crops."""

    batch: int
    now_ns: int
    scores: tuple[tuple[float, ...], ...]
    took_ns: int
    """How long cropping and inference held the runtime."""


@dataclass(frozen=True, slots=True)
class GateMoved:
    """A gate did, or refused, one half of a pulse; `late_ns` after the planned instant."""

    pulse: int
    gate: str
    movement: Movement
    late_ns: int
    now_ns: int


@dataclass(frozen=True, slots=True)
class BeamBroken:
    """Something broke the light barrier at `t_ns`; it became known at `now_ns`."""

    t_ns: int
    now_ns: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed and nothing else has happened."""

    now_ns: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The station is stopping: plan nothing new, end every piece."""

    now_ns: int


Event = FrameCame | FrameSeen | ScoresReady | GateMoved | BeamBroken | Tick | Stop


# Commands: what the sorter wants done.


@dataclass(frozen=True, slots=True)
class LookAt:
    """Find the regions of this frame, and answer with `FrameSeen`; it is fit to act on."""

    sequence: int


@dataclass(frozen=True, slots=True)
class RunBatch:
    """Put these crops through the interpreter of this size, after any batch that is still out."""

    batch: int
    size: int
    crops: tuple[Crop, ...]


@dataclass(frozen=True, slots=True)
class MoveGate:
    """Carry out this pulse."""

    pulse: Pulse


@dataclass(frozen=True, slots=True)
class EndPiece:
    """This piece is done with; write it down."""

    outcome: Outcome


Command = LookAt | RunBatch | MoveGate | EndPiece


# What the sorter shows to whoever looks.


@dataclass(frozen=True, slots=True)
class PieceView:
    """One piece as the sorter sees it at one instant; for pictures, not for decisions.

    Attributes:
        piece: Its number.
        box: Where it is by now, predicted; may lie outside the frame. None once it cannot show.
        along_mm: The middle of it along the belt by now.
        verdict: What it is taken for so far.
        bin: Where it is going, once decided.
        reason: Why it goes to the end bin, once that is so.
        due_ns: The last instant at which a decision can help; None if unknown.
    """

    piece: int
    box: Box | None
    along_mm: float
    verdict: Verdict
    bin: str | None
    reason: Reason | None
    due_ns: int | None
