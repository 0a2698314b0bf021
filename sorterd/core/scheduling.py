"""When a gate moves for a piece, or why it does not.

A gate stands open while its piece passes it, with a margin on both sides; so
the pulse is fixed by the belt, never by when the software finished thinking.
What the software controls is whether it finished in time. A pulse is sent to
the gate at the last moment that leaves `lead_ns` of notice, for until then the
belt may show another arrival.

The rules for a conflict, in the order in which they are asked:

1. A pulse that would begin less than `lead_ns` from now is too late.
2. A gate that is still busy with an earlier pulse, or recovering from it, stays
   with the earlier one.
3. A pulse during which another piece passes that gate, and is not bound for its
   bin, is not made: it would sweep the other piece into the wrong bin.
4. No more gates move at once than the power supply bears.

The loser runs on to the end bin, and its outcome names the rule.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sorterd.core.belt import Span
from sorterd.core.odometer import Odometer
from sorterd.core.records import Pulse, Reason


@dataclass(frozen=True, slots=True)
class GatePlan:
    """Where a gate stands and how it moves.

    Attributes:
        name: Of the gate.
        at_mm: Its place along the belt.
        move_ns: From shut to open, or back.
        margin_mm: Kept open before the piece's front and behind its rear.
        recover_ns: From the beginning of closing until it may open again.
    """

    name: str
    at_mm: float
    move_ns: int
    margin_mm: float
    recover_ns: int


@dataclass(frozen=True, slots=True)
class Passing:
    """A piece on its way: where it is at `t_ns`, and the gate it is bound for, if any."""

    piece: int
    span: Span
    gate: str | None


class Schedule:
    """The pulses of every gate. One thread.

    Args:
        gates: By name.
        lead_ns: Shortest notice a gate honours.
        moving_at_once: How many gates may move at the same time; at least 1.
    """

    def __init__(self, gates: Mapping[str, GatePlan], *, lead_ns: int, moving_at_once: int) -> None:
        self._gates = gates
        self._lead_ns = lead_ns
        self._moving_at_once = moving_at_once
        self._sent: list[Pulse] = []
        self._pulses = 0

    @property
    def gates(self) -> Mapping[str, GatePlan]:
        """Every gate by name."""
        return self._gates

    def due_ns(self, gate: str, span: Span, odometer: Odometer, *, t_ns: int) -> int | None:
        """Return the piece's deadline at one gate: the last instant at which to send its pulse.

        Args:
            gate: Name of the gate.
            span: Where the piece is at `t_ns`.
            odometer: How fast the belt runs.
            t_ns: The instant `span` speaks of.

        Returns:
            None while the belt stands still: it may take for ever.
        """
        plan = self._gates[gate]
        until_ns = odometer.ns_until(plan.at_mm - plan.margin_mm - span.front_mm)
        return None if until_ns is None else t_ns + until_ns - plan.move_ns - self._lead_ns

    def send(
        self,
        gate: str,
        mover: Passing,
        others: Iterable[Passing],
        odometer: Odometer,
        *,
        t_ns: int,
        now_ns: int,
    ) -> Pulse | Reason:
        """Make the pulse for a piece whose deadline has come.

        Args:
            gate: The gate that leads to the piece's bin.
            mover: The piece.
            others: Every other piece on the belt, at the same instant.
            odometer: How fast the belt runs.
            t_ns: The instant that all spans speak of.
            now_ns: The present.

        Returns:
            The pulse, which from now on counts as made; or why there is none.
        """
        plan = self._gates[gate]
        pulse = self._pulse(mover, plan, odometer, t_ns=t_ns)
        if pulse is None or pulse.start_ns - self._lead_ns < now_ns:
            return Reason.NO_TIME
        self._sent = [sent for sent in self._sent if now_ns < sent.clear_ns]
        if any(sent.gate == gate and pulse.start_ns < sent.clear_ns for sent in self._sent):
            return Reason.GATE_RECOVERING
        if any(
            self._sweeps(pulse, plan, other, odometer, t_ns=t_ns)
            for other in others
            if other.gate != plan.name
        ):
            return Reason.TOO_CLOSE
        if self._moving_with(pulse) > self._moving_at_once:
            return Reason.TOO_MANY_MOVING
        self._pulses += 1
        self._sent.append(pulse)
        return pulse

    def _pulse(
        self, mover: Passing, plan: GatePlan, odometer: Odometer, *, t_ns: int
    ) -> Pulse | None:
        front_ns = odometer.ns_until(plan.at_mm - plan.margin_mm - mover.span.front_mm)
        rear_ns = odometer.ns_until(plan.at_mm + plan.margin_mm - mover.span.rear_mm)
        if front_ns is None or rear_ns is None:
            return None
        return Pulse(
            pulse=self._pulses + 1,
            piece=mover.piece,
            gate=plan.name,
            start_ns=t_ns + front_ns - plan.move_ns,
            open_ns=t_ns + front_ns,
            close_ns=t_ns + rear_ns,
            clear_ns=t_ns + rear_ns + max(plan.recover_ns, plan.move_ns),
        )

    def _sweeps(
        self, pulse: Pulse, plan: GatePlan, other: Passing, odometer: Odometer, *, t_ns: int
    ) -> bool:
        front_ns = odometer.ns_until(plan.at_mm - other.span.front_mm)
        rear_ns = odometer.ns_until(plan.at_mm - other.span.rear_mm)
        if front_ns is None or rear_ns is None:
            return True
        shut_ns = pulse.close_ns + plan.move_ns
        return t_ns + front_ns < shut_ns and pulse.start_ns < t_ns + rear_ns

    def _moving_with(self, pulse: Pulse) -> int:
        """Return the most gates that would be moving at one instant of this pulse's movements."""
        moves = [span for sent in self._sent for span in self._moves(sent)]
        most = 1
        for start_ns, end_ns in self._moves(pulse):
            during = [move for move in moves if move[0] < end_ns and start_ns < move[1]]
            # The count can only rise where a movement begins.
            instants = [start_ns, *(begin for begin, _ in during if begin >= start_ns)]
            for instant_ns in instants:
                moving = sum(begin <= instant_ns < end for begin, end in during)
                most = max(most, moving + 1)
        return most

    def _moves(self, pulse: Pulse) -> tuple[tuple[int, int], tuple[int, int]]:
        move_ns = self._gates[pulse.gate].move_ns
        return (pulse.start_ns, pulse.open_ns), (pulse.close_ns, pulse.close_ns + move_ns)
