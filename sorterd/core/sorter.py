"""The belt station's mind: events in, commands out, and the only state in the core.

For each piece the sorter keeps what is followed (its track) and what is known
(its evidence), and asks at every step: can it be decided, must it be, is its
pulse due, has it arrived? Everything else has a room of its own.

A piece is decided when it is sure, when it has been looked at often enough, or
when the deadline of the gate that its verdict points to has come. Without a
verdict it runs on to the end bin, which is safe.

Nothing here reads a clock: each event carries its time, and `wake_ns` says when
the next one must come at the latest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sorterd.core.asking import Asking
from sorterd.core.barrier import Barrier
from sorterd.core.batching import Cost
from sorterd.core.beam import Beam
from sorterd.core.belt import NS_PER_S, Belt
from sorterd.core.deadlines import Deadlines
from sorterd.core.deciding import Bins, Decision, decide
from sorterd.core.followed import Followed
from sorterd.core.judging import Evidence, JudgingRules
from sorterd.core.mind import SILENCE_NS, Mind
from sorterd.core.odometer import Odometer, Unseen
from sorterd.core.records import (
    BeamBroken,
    Command,
    Crop,
    Drop,
    EndPiece,
    FrameCame,
    FrameSeen,
    MoveGate,
    Outcome,
    PieceView,
    Pulse,
    Reason,
    RunBatch,
)
from sorterd.core.scheduling import GatePlan, Passing, Schedule
from sorterd.core.tracking import Tracker

# Stands for whatever may lie on a stretch of belt that no frame has shown; pieces count from 1.
NOBODY_SAW = 0


@dataclass(frozen=True, slots=True)
class BeltStation:
    """All that the sorter of a belt has to know.

    Attributes:
        belt: Speed, direction, scale and length.
        gates: Every gate, by name.
        bins: Which label goes where.
        judging: When evidence is enough.
        lead_ns: Shortest notice a gate honours.
        moving_at_once: How many gates may move at the same time.
        max_age_ns: A frame older than this is refused.
        stall_ns: A batch that is out for longer is a stall.
        beam: The light barrier, if there is one.
    """

    belt: Belt
    gates: Mapping[str, GatePlan]
    bins: Bins
    judging: JudgingRules
    lead_ns: int
    moving_at_once: int
    max_age_ns: int
    stall_ns: int
    beam: Beam | None = None


class Sorter(Mind[Followed]):
    """A belt station. One thread.

    Args:
        station: What does not change.
        costs: What the runtime was measured to need, by batch size.
    """

    # What comes into an empty view is of no use before it is whole: the belt may run so much of the
    # view before the next look (40 mm of the usual one). But what is put down on a slow belt is not
    # kept waiting for longer than this.
    REST_FRAC = 1 / 8
    REST_NS = 200_000_000

    def __init__(self, station: BeltStation, costs: Mapping[int, Cost]) -> None:
        super().__init__(
            station.bins, costs, stall_ns=station.stall_ns, max_age_ns=station.max_age_ns
        )
        self._station = station
        rest_mm = self.REST_FRAC * station.belt.view_span.length_mm
        self._rest_ns = min(self.REST_NS, round(rest_mm / station.belt.speed_mm_s * NS_PER_S))
        self._rests_until_ns: int | None = None
        self._odometer = Odometer(station.belt)
        self._unseen = Unseen(station.belt, self._odometer)
        self._tracker = Tracker(station.belt, self._odometer)
        self._places = self._tracker.places
        self._schedule = Schedule(
            station.gates, lead_ns=station.lead_ns, moving_at_once=station.moving_at_once
        )
        self._deadlines = Deadlines(
            station.bins,
            self._schedule,
            self._places,
            self._odometer,
            lead_ns=station.lead_ns,
            length_mm=station.belt.length_mm,
        )
        self._barrier = Barrier(
            station.beam,
            station.gates,
            self._places,
            self._deadlines,
            max_age_ns=station.max_age_ns,
        )
        self._asking = Asking(
            station.belt, station.judging, self._tracker, self._desk, self._crop_due_ns
        )

    @property
    def rests_until_ns(self) -> int | None:
        """On an empty belt the next look can wait until the belt has run a little."""
        return self._rests_until_ns

    @property
    def beam_silent(self) -> int:
        """How many pieces in a row have passed the beam, which was not broken."""
        return self._barrier.silent

    def views(self, now_ns: int) -> tuple[PieceView, ...]:
        """Show every piece as it should be by now."""
        shown = []
        for piece in self._pieces.values():
            span = self._places.span(piece.track, now_ns)
            in_view = self._places.in_view(piece.track, now_ns)
            shown.append(
                PieceView(
                    piece=piece.track.piece,
                    box=self._station.belt.box(span) if in_view else None,
                    along_mm=span.along_mm,
                    verdict=piece.evidence.verdict,
                    bin=piece.decision.bin if piece.decision else None,
                    reason=piece.decision.reason if piece.decision else None,
                    due_ns=self._deadlines.due_ns(piece, self._now_ns),
                )
            )
        return tuple(shown)

    @property
    def wake_ns(self) -> int | None:
        """When to come back at the latest, with a `Tick` if nothing else has happened."""
        instants = [self._deadlines.wake_ns(piece, self._now_ns) for piece in self._pieces.values()]
        instants.append(self._desk.wake_ns)
        return min((instant for instant in instants if instant is not None), default=None)

    # What an event tells.

    def _expect(self, frame: FrameCame) -> None:
        self._rests_until_ns = None
        self._asking.expect(self._pieces.values(), frame)

    def _see(self, frame: FrameSeen) -> None:
        sightings = self._tracker.see(frame.regions, frame.exposed_ns)
        self._unseen.shown(frame.exposed_ns)
        for number in self._tracker.absorbed:
            self._desk.withdraw(number)
            self._pieces.pop(number, None)
        empty = not self._tracker.any_in_view(frame.exposed_ns)
        self._rests_until_ns = frame.exposed_ns + self._rest_ns if empty else None
        self._asking.bear_out(self._pieces.values(), frame.sequence, sightings)
        for sighting in sightings:
            track = sighting.track
            if track.piece not in self._pieces:
                self._pieces[track.piece] = Followed(
                    piece=track.piece, track=track, evidence=Evidence(self._station.judging)
                )
            self._asking.see(self._pieces[track.piece], frame, sighting)

    def _place(self, beam: BeamBroken) -> Followed | Drop:
        return self._barrier.place(self._pieces, beam, self._now_ns)

    def _crop_due_ns(self, piece: Followed) -> int:
        soonest_ns = self._now_ns + self._desk.one_ns
        due_ns = self._deadlines.crop_due_ns(piece, self._now_ns, soonest_ns)
        # On a halted belt there is no hurry, but a crop must not wait for ever either.
        return self._now_ns + self._station.stall_ns if due_ns is None else due_ns

    def _was_there(self, piece: Followed, crop: Crop) -> bool:
        return self._asking.was_there(piece, crop)

    def _along_mm(self, crop: Crop) -> float:
        return self._station.belt.span(crop.box).along_mm

    # What follows from it.

    def _settle(self, now_ns: int) -> Iterator[Command]:
        for piece in list(self._pieces.values()):
            if piece.decision is None:
                self._try_to_decide(piece, now_ns)
            self._take_back(piece, now_ns)
            if piece.pulse is None and (gate := piece.bound_for) is not None:
                yield from self._try_to_send(piece, gate, now_ns)
            if self._has_ended(piece, now_ns):
                yield self._end(piece, now_ns)
        batch: RunBatch | None = self._desk.next_batch(now_ns)
        if batch is not None:
            yield batch

    def _try_to_decide(self, piece: Followed, now_ns: int) -> None:
        reason = self._spoilt(piece)
        if reason is not None:
            self._give_up(piece, reason, now_ns)
        elif piece.evidence.sure or piece.evidence.full or self._last_call(piece, now_ns):
            self._decide(piece, now_ns)

    def _spoilt(self, piece: Followed) -> Reason | None:
        track = piece.track
        if track.vanished:
            return Reason.VANISHED
        if track.touching:
            return Reason.TOUCHING
        if track.ambiguous:
            return Reason.AMBIGUOUS
        if piece.stalled:
            return Reason.RUNTIME_STALLED
        return None

    def _last_call(self, piece: Followed, now_ns: int) -> bool:
        """Whether no better moment to decide will come."""
        number = piece.track.piece
        held = self._desk.holds(number)
        more_to_come = held or self._desk.waits(number)
        if not more_to_come and not self._places.in_view(piece.track, now_ns):
            return True
        # The pulse may be sent from a few leads before the deadline on; a crop that is with the
        # runtime may still be waited for until the deadline itself.
        until_ns = self._deadlines.due_ns if held else self._deadlines.early_ns
        last_ns = until_ns(piece, now_ns)
        return last_ns is not None and now_ns >= last_ns

    def _decide(self, piece: Followed, now_ns: int) -> None:
        if piece.evidence.views == 0:
            self._give_up(piece, self._why_unseen(piece), now_ns)
            return
        piece.decision = decide(piece.evidence.verdict, self._bins)
        piece.decided_ns = now_ns
        piece.deadline_ns = self._deadlines.due_ns(piece, self._now_ns)
        self._desk.withdraw(piece.track.piece)

    def _why_unseen(self, piece: Followed) -> Reason:
        track = piece.track
        if not track.seen_whole:
            return Reason.NEVER_WHOLE
        if not track.fit_for_crop():
            return Reason.TOUCHING
        return Reason.RUNTIME_STALLED if self._desk.stalled else Reason.NO_TIME

    def _give_up(self, piece: Followed, reason: Reason, now_ns: int) -> None:
        piece.decided_ns = now_ns
        piece.deadline_ns = self._deadlines.due_ns(piece, self._now_ns)
        self._to_end_bin(piece, reason)

    def _try_to_send(self, piece: Followed, gate: str, now_ns: int) -> Iterator[Command]:
        reason = self._spoilt(piece)
        if reason is not None:
            self._to_end_bin(piece, reason)
            return
        early_ns = self._deadlines.early_ns(piece, now_ns)
        if early_ns is None or now_ns < early_ns:
            return
        sent = self._schedule.send(
            gate,
            self._passing(piece, now_ns),
            self._others(piece, now_ns),
            self._odometer,
            t_ns=now_ns,
            now_ns=now_ns,
        )
        if isinstance(sent, Pulse):
            piece.pulse = sent
            yield MoveGate(sent)
        else:
            self._to_end_bin(piece, sent)

    def _take_back(self, piece: Followed, now_ns: int) -> None:
        """Forget a pulse that is over before its piece has come: the belt halted on the way."""
        if piece.pulse is None or piece.bound_for is None or now_ns < piece.pulse.clear_ns:
            return
        gate = self._station.gates[piece.bound_for]
        if self._places.reach(piece.track, now_ns).along_mm < gate.at_mm:
            piece.pulse, piece.opened_late_ns = None, None

    def _others(self, piece: Followed, now_ns: int) -> list[Passing]:
        """Return all that must not be swept: the other pieces, and those that nobody saw."""
        known = [self._passing(each, now_ns) for each in self._pieces.values() if each is not piece]
        return known + [Passing(NOBODY_SAW, span, None) for span in self._unseen.spans(now_ns)]

    def _passing(self, piece: Followed, now_ns: int) -> Passing:
        span = self._places.reach(piece.track, now_ns)
        return Passing(piece.track.piece, span, piece.bound_for)

    def _has_ended(self, piece: Followed, now_ns: int) -> bool:
        if piece.decision is None:
            return False
        if piece.decision.reason is Reason.VANISHED:
            return True
        if piece.pulse is not None and piece.decision.gate is not None:
            if now_ns >= piece.pulse.clear_ns and piece.opened_late_ns is not None:
                return True
            if now_ns >= piece.pulse.clear_ns + SILENCE_NS:
                self._to_end_bin(piece, Reason.GATE_FAULT)
        span = self._places.reach(piece.track, now_ns)
        return piece.decision.gate is None and span.rear_mm >= self._station.belt.length_mm

    def _stop(self, now_ns: int) -> Iterator[Command]:
        for piece in list(self._pieces.values()):
            if piece.bound_for is not None and piece.opened_late_ns is None:
                self._to_end_bin(piece, Reason.STOPPED)
            yield self._end(piece, now_ns)

    def _end(self, piece: Followed, now_ns: int) -> EndPiece:
        track = piece.track
        decision = piece.decision or Decision(self._bins.end_bin, None, Reason.STOPPED)
        self._barrier.ended(piece, now_ns)
        self._tracker.forget(track.piece)
        self._desk.withdraw(track.piece)
        del self._pieces[track.piece]
        return EndPiece(
            Outcome(
                piece=track.piece,
                bin=decision.bin,
                reason=decision.reason or Reason.SORTED,
                verdict=piece.evidence.verdict,
                sightings=track.sightings,
                crops=piece.evidence.views,
                first_seen_ns=track.first_seen_ns,
                last_seen_ns=track.last_seen_ns,
                last_along_mm=track.last_span.along_mm,
                last_across_mm=track.last_span.across_mm,
                length_mm=track.length_mm,
                evidence_ns=piece.evidence.newest_ns,
                decided_ns=piece.decided_ns,
                deadline_ns=piece.deadline_ns,
                pulse=piece.pulse,
                opened_late_ns=piece.opened_late_ns,
                ended_ns=now_ns,
            )
        )
