"""What the sorter of a belt and that of a station with lids have in common.

Events in, commands out; what is known of every piece; the desk where crops wait.
How pieces are followed, when they are decided and when a gate moves is each
sorter's own.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from sorterd.core.batching import BatchDesk, Cost
from sorterd.core.deciding import Bins, Decision
from sorterd.core.health import Frames
from sorterd.core.judging import Evidence
from sorterd.core.records import (
    BeamBroken,
    Command,
    Crop,
    Drop,
    Event,
    FrameCame,
    FrameSeen,
    GateMoved,
    LookAt,
    Movement,
    PieceView,
    Pulse,
    Reason,
    ScoresReady,
    Stop,
)

# A gate that has not answered for its pulse this long after it should be shut is broken.
SILENCE_NS = 500_000_000


@dataclass(slots=True, eq=False, kw_only=True)
class Known:
    """What is known of one piece, however it is followed.

    Attributes:
        piece: Its number.
        evidence: Its scores so far.
        decision: Where it goes; None until that is decided.
        decided_ns: When that was.
        pulse: What was sent to its gate.
        opened_late_ns: How late its gate began to open; None until it has.
        stalled: A crop of it was lost in a stalled runtime.
    """

    piece: int
    evidence: Evidence
    decision: Decision | None = None
    decided_ns: int | None = None
    pulse: Pulse | None = None
    opened_late_ns: int | None = None
    stalled: bool = False


P = TypeVar("P", bound=Known)


class Mind(ABC, Generic[P]):
    """A sorter. One thread.

    Args:
        bins: Which label goes where.
        costs: What the runtime was measured to need, by batch size.
        stall_ns: A batch that is out for longer is a stall.
        max_age_ns: A frame older than this is refused.
    """

    def __init__(
        self, bins: Bins, costs: Mapping[int, Cost], *, stall_ns: int, max_age_ns: int
    ) -> None:
        self._bins = bins
        self._desk = BatchDesk(costs, stall_ns=stall_ns)
        self._frames = Frames(max_age_ns=max_age_ns)
        self._pieces: dict[int, P] = {}
        self._beams: Counter[Drop] = Counter()
        self.placed = 0
        """How many pieces a beam has placed."""
        self._now_ns = 0

    @property
    def drops(self) -> Counter[Drop]:
        """How many frames, crops and broken beams were not used, and why."""
        return self._frames.drops + self._desk.drops + self._beams

    @property
    def frames_seen(self) -> int:
        """How many frames were looked at, fit or not."""
        return self._frames.seen

    @property
    def newest_frame_ns(self) -> int | None:
        """Exposure of the newest frame that was acted on; None before the first."""
        return self._frames.newest_ns

    @property
    def stalled(self) -> bool:
        """Whether the runtime has not answered within its budget."""
        return self._desk.stalled

    @property
    @abstractmethod
    def wake_ns(self) -> int | None:
        """When to come back at the latest, with a `Tick` if nothing else has happened."""

    @property
    def rests_until_ns(self) -> int | None:
        """No frame exposed before this is worth a look; None: every one is."""
        return None

    @property
    def beam_silent(self) -> int:
        """How many pieces in a row have passed the beam, which was not broken; 0 without one."""
        return 0

    def frames_needed(self) -> frozenset[int]:
        """Return the sequences of frames whose pixels a later command may ask for."""
        return self._desk.frames_needed()

    @abstractmethod
    def views(self, now_ns: int) -> tuple[PieceView, ...]:
        """Show every piece as it should be by now."""

    def step(self, event: Event) -> tuple[Command, ...]:
        """Take in one event.

        Args:
            event: What has happened; in the order in which it became known.

        Returns:
            What is to be done, in this order.
        """
        # An answer that came while a frame was looked at is older than the frame's own event.
        self._now_ns = now_ns = max(self._now_ns, event.now_ns)
        if isinstance(event, FrameCame) and self._frames.worth_a_look(event):
            return self._came(event, now_ns)
        if isinstance(event, Stop):
            return tuple(self._stop(now_ns))
        match event:
            case FrameSeen():
                if self._frames.fit(event):
                    self._see(event)
            case ScoresReady():
                self._hear(event)
            case GateMoved():
                self._moved(event)
            case BeamBroken():
                self._note(self._place(event))
        for crop in self._desk.stall(now_ns):
            if crop.piece in self._pieces:
                self._pieces[crop.piece].stalled = True
        return tuple(self._settle(now_ns))

    def _came(self, frame: FrameCame, now_ns: int) -> tuple[Command, ...]:
        # Only what makes the model start: all else has time until the frame has been looked at.
        self._expect(frame)
        batch = self._desk.next_batch(now_ns)
        look = LookAt(frame.sequence)
        return (look,) if batch is None else (batch, look)

    @abstractmethod
    def _expect(self, frame: FrameCame) -> None:
        """Offer the crops of a frame that can be told before it is looked at."""

    @abstractmethod
    def _see(self, frame: FrameSeen) -> None:
        """Take in a frame that is fit to act on."""

    def _place(self, beam: BeamBroken) -> P | Drop:
        """Take in a broken beam; return the piece that is placed by it, or why none is."""
        del beam  # only a belt has one
        return Drop.BEAM_NO_PIECE

    def _note(self, placed: P | Drop) -> None:
        if isinstance(placed, Drop):
            self._beams[placed] += 1
        else:
            self.placed += 1

    @abstractmethod
    def _settle(self, now_ns: int) -> Iterator[Command]:
        """Do what follows from all that is known by now."""

    @abstractmethod
    def _stop(self, now_ns: int) -> Iterator[Command]:
        """End every piece."""

    @abstractmethod
    def _along_mm(self, crop: Crop) -> float:
        """Return where a crop shows its piece; tells how much of a new view it is."""

    def _hear(self, ready: ScoresReady) -> None:
        batch = self._desk.answered(ready)
        if batch is None:
            return
        for crop, scores in zip(batch.crops, ready.scores, strict=True):
            piece = self._pieces.get(crop.piece)
            if piece is None or not self._was_there(piece, crop):
                continue
            if piece.decision is None:
                piece.evidence.add(
                    scores, along_mm=self._along_mm(crop), exposed_ns=crop.exposed_ns
                )

    @abstractmethod
    def _was_there(self, piece: P, crop: Crop) -> bool:
        """Whether a crop that was scored showed its piece; it may have been cut on expectation."""

    def _moved(self, moved: GateMoved) -> None:
        for piece in self._pieces.values():
            if piece.pulse is None or piece.pulse.pulse != moved.pulse:
                continue
            match moved.movement:
                case Movement.OPENED:
                    piece.opened_late_ns = moved.late_ns
                case Movement.REFUSED_LATE:
                    self._to_end_bin(piece, Reason.GATE_LATE)
                case Movement.ABANDONED:
                    self._to_end_bin(piece, Reason.STOPPED)
                case Movement.FAULT:
                    self._to_end_bin(piece, Reason.GATE_FAULT)
                case Movement.CLOSED:
                    pass

    def _to_end_bin(self, piece: P, reason: Reason) -> None:
        piece.decision = Decision(self._bins.end_bin, None, reason)
        self._desk.withdraw(piece.piece)
