"""The mind of a station with lids: one piece at a time, the right lid, acknowledged.

A piece is looked at once it lies still and alone; it is decided when it is
sure, when it has been looked at often enough, or when the person's patience is
over. Then its lid opens for a set time. Two pieces at once open nothing. While
a lid is open no new piece begins: what moves then is the lid, or what falls.

It has the same face as the belt's `Sorter`: events in, commands out, no clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sorterd.core.batching import Cost
from sorterd.core.deciding import Bins, Decision, decide
from sorterd.core.judging import Evidence, JudgingRules
from sorterd.core.mind import SILENCE_NS, Known, Mind
from sorterd.core.records import (
    Command,
    Crop,
    EndPiece,
    FrameCame,
    FrameSeen,
    MoveGate,
    Outcome,
    PieceView,
    Pulse,
    Reason,
)
from sorterd.core.tray import Occupant, Tray


@dataclass(frozen=True, slots=True)
class LidPlan:
    """How a lid moves: from shut to open in `move_ns`, usable again `recover_ns` after closing."""

    name: str
    move_ns: int
    recover_ns: int


@dataclass(frozen=True, slots=True)
class LidStation:
    """All that the sorter of a station with lids has to know.

    Attributes:
        mm_per_px: Size of a pixel where pieces lie.
        lids: Every lid, by name.
        bins: Which label goes where.
        judging: When evidence is enough.
        still_ns: A piece that has not moved for this long lies still.
        patience_ns: How long a lying piece is worth a decision.
        open_ns: How long a lid stays open.
        lead_ns: Shortest notice a lid honours.
        max_age_ns: A frame older than this is refused.
        stall_ns: A batch that is out for longer is a stall.
    """

    mm_per_px: float
    lids: Mapping[str, LidPlan]
    bins: Bins
    judging: JudgingRules
    still_ns: int
    patience_ns: int
    open_ns: int
    lead_ns: int
    max_age_ns: int
    stall_ns: int


@dataclass(slots=True, eq=False, kw_only=True)
class _Piece(Known):
    occupant: Occupant
    cropped_ns: int | None = None
    ended: bool = False


class LidSorter(Mind[_Piece]):
    """A station with lids. One thread.

    Args:
        station: What does not change.
        costs: What the runtime was measured to need, by batch size.
    """

    # Views of a piece that lies still differ only by the sensor's noise: ten a second are plenty.
    VIEW_GAP_NS = 100_000_000

    def __init__(self, station: LidStation, costs: Mapping[int, Cost]) -> None:
        super().__init__(
            station.bins, costs, stall_ns=station.stall_ns, max_age_ns=station.max_age_ns
        )
        self._station = station
        self._tray = Tray()
        self._pulses = 0
        self._busy_until_ns: int | None = None

    def views(self, now_ns: int) -> tuple[PieceView, ...]:
        """Show every piece as it was last seen; `now_ns` changes nothing, for it lies still."""
        del now_ns
        return tuple(
            PieceView(
                piece=piece.occupant.piece,
                box=piece.occupant.box,
                along_mm=self._middle_mm(piece)[0],
                verdict=piece.evidence.verdict,
                bin=piece.decision.bin if piece.decision else None,
                reason=piece.decision.reason if piece.decision else None,
                due_ns=self._due_ns(piece),
            )
            for piece in self._pieces.values()
            if not piece.occupant.gone
        )

    @property
    def wake_ns(self) -> int | None:
        """When to come back at the latest, with a `Tick` if nothing else has happened."""
        instants = [self._desk.wake_ns]
        for piece in self._pieces.values():
            if piece.decision is None:
                instants.append(self._due_ns(piece))
                if self._busy(self._now_ns):
                    instants.append(self._busy_until_ns)
            elif piece.pulse is not None and piece.decision.gate is not None and not piece.ended:
                clear_ns = piece.pulse.clear_ns
                shut = self._now_ns >= clear_ns
                instants.append(clear_ns + SILENCE_NS if shut else clear_ns)
        return min((instant for instant in instants if instant is not None), default=None)

    # What an event tells.

    def _expect(self, frame: FrameCame) -> None:
        """Wait for the look: a hand may be in the picture, and there is no hurry here."""

    def _was_there(self, piece: _Piece, crop: Crop) -> bool:
        del piece, crop
        return True

    def _see(self, frame: FrameSeen) -> None:
        begins = not self._busy(frame.exposed_ns)
        for occupant in self._tray.see(frame.regions, frame.exposed_ns, begins=begins):
            if occupant.piece not in self._pieces:
                self._pieces[occupant.piece] = _Piece(
                    piece=occupant.piece,
                    occupant=occupant,
                    evidence=Evidence(self._station.judging),
                )
            piece = self._pieces[occupant.piece]
            if self._worth_a_crop(piece, frame.exposed_ns):
                piece.cropped_ns = frame.exposed_ns
                self._desk.offer(
                    Crop(
                        piece=occupant.piece,
                        sequence=frame.sequence,
                        exposed_ns=frame.exposed_ns,
                        box=occupant.box,
                        due_ns=self._due_ns(piece),
                        views=piece.evidence.views,
                    )
                )

    def _worth_a_crop(self, piece: _Piece, exposed_ns: int) -> bool:
        occupant = piece.occupant
        if piece.decision or piece.stalled or occupant.crowded or piece.evidence.full:
            return False
        if exposed_ns - occupant.rests_since_ns < self._station.still_ns:
            return False
        if self._desk.holds(occupant.piece):
            return False
        return piece.cropped_ns is None or exposed_ns - piece.cropped_ns >= self.VIEW_GAP_NS

    def _along_mm(self, crop: Crop) -> float:
        # It lies still: each view is the same view.
        del crop
        return 0.0

    # What follows from it.

    def _settle(self, now_ns: int) -> Iterator[Command]:
        for piece in list(self._pieces.values()):
            if piece.decision is None:
                yield from self._try_to_decide(piece, now_ns)
            if not piece.ended and self._has_ended(piece, now_ns):
                piece.ended = True
                yield self._outcome(piece, now_ns)
            if piece.ended and (piece.occupant.gone or self._is_another(piece)):
                self._tray.forget(piece.occupant.piece)
                del self._pieces[piece.occupant.piece]
        batch = self._desk.next_batch(now_ns)
        if batch is not None:
            yield batch

    def _try_to_decide(self, piece: _Piece, now_ns: int) -> Iterator[Command]:
        reason = self._spoilt(piece)
        if reason is not None:
            piece.decided_ns = now_ns
            self._to_end_bin(piece, reason)
            return
        evidence = piece.evidence
        due = now_ns >= self._due_ns(piece)
        if not due and (self._busy(now_ns) or not (evidence.sure or evidence.full)):
            return
        piece.decided_ns = now_ns
        self._desk.withdraw(piece.occupant.piece)
        if evidence.views == 0:
            stalled = self._desk.stalled
            self._to_end_bin(piece, Reason.RUNTIME_STALLED if stalled else Reason.NO_TIME)
            return
        piece.decision = decide(evidence.verdict, self._bins)
        if piece.decision.gate is not None:
            yield from self._open(piece, piece.decision.gate, now_ns)

    def _spoilt(self, piece: _Piece) -> Reason | None:
        occupant = piece.occupant
        if occupant.crowded:
            return Reason.TWO_AT_ONCE
        if occupant.gone:
            lay_still = occupant.last_seen_ns - occupant.rests_since_ns >= self._station.still_ns
            return Reason.TAKEN_AWAY if lay_still else Reason.VANISHED
        if piece.stalled:
            return Reason.RUNTIME_STALLED
        return None

    def _open(self, piece: _Piece, lid: str, now_ns: int) -> Iterator[Command]:
        if self._busy(now_ns):
            self._to_end_bin(piece, Reason.GATE_RECOVERING)
            return
        plan = self._station.lids[lid]
        start_ns = now_ns + self._station.lead_ns
        open_ns = start_ns + plan.move_ns
        close_ns = open_ns + self._station.open_ns
        self._pulses += 1
        piece.pulse = Pulse(
            pulse=self._pulses,
            piece=piece.occupant.piece,
            gate=lid,
            start_ns=start_ns,
            open_ns=open_ns,
            close_ns=close_ns,
            clear_ns=close_ns + max(plan.recover_ns, plan.move_ns),
        )
        self._busy_until_ns = piece.pulse.clear_ns
        yield MoveGate(piece.pulse)

    def _busy(self, t_ns: int) -> bool:
        """Whether a lid was open, or on its way, at some instant."""
        return self._busy_until_ns is not None and t_ns < self._busy_until_ns

    def _is_another(self, piece: _Piece) -> bool:
        """Whether what lies there came to rest after the piece's lid had opened."""
        return piece.pulse is not None and piece.occupant.rests_since_ns > piece.pulse.open_ns

    def _has_ended(self, piece: _Piece, now_ns: int) -> bool:
        if piece.decision is None:
            return False
        if piece.pulse is None or piece.decision.gate is None:
            return piece.occupant.gone
        if now_ns >= piece.pulse.clear_ns and piece.opened_late_ns is not None:
            return True
        if now_ns >= piece.pulse.clear_ns + SILENCE_NS:
            self._to_end_bin(piece, Reason.GATE_FAULT)
        return False

    def _stop(self, now_ns: int) -> Iterator[Command]:
        for piece in list(self._pieces.values()):
            opened = piece.opened_late_ns is not None
            if piece.decision is None or (piece.decision.gate is not None and not opened):
                self._to_end_bin(piece, Reason.STOPPED)
            self._tray.forget(piece.occupant.piece)
            del self._pieces[piece.occupant.piece]
            if not piece.ended:
                yield self._outcome(piece, now_ns)

    def _outcome(self, piece: _Piece, now_ns: int) -> EndPiece:
        occupant = piece.occupant
        decision = piece.decision or Decision(self._bins.end_bin, None, Reason.STOPPED)
        along_mm, across_mm = self._middle_mm(piece)
        return EndPiece(
            Outcome(
                piece=occupant.piece,
                bin=decision.bin,
                reason=decision.reason or Reason.SORTED,
                verdict=piece.evidence.verdict,
                sightings=occupant.sightings,
                crops=piece.evidence.views,
                first_seen_ns=occupant.first_seen_ns,
                last_seen_ns=occupant.last_seen_ns,
                last_along_mm=along_mm,
                last_across_mm=across_mm,
                length_mm=occupant.box.width_px * self._station.mm_per_px,
                evidence_ns=piece.evidence.newest_ns,
                decided_ns=piece.decided_ns,
                deadline_ns=self._due_ns(piece),
                pulse=piece.pulse,
                opened_late_ns=piece.opened_late_ns,
                ended_ns=now_ns,
            )
        )

    def _middle_mm(self, piece: _Piece) -> tuple[float, float]:
        box = piece.occupant.box
        scale = self._station.mm_per_px
        return (
            (box.left_px + box.right_px) / 2 * scale,
            (box.top_px + box.bottom_px) / 2 * scale,
        )

    def _due_ns(self, piece: _Piece) -> int:
        return piece.occupant.rests_since_ns + self._station.still_ns + self._station.patience_ns
