"""Carry out pulses at their instants: open in time or not at all, shut always.

The rules:
    A gate that opens late sweeps the next piece, so past its tolerance it does not open.
    A gate that stands open sweeps every piece, so it is shut however late it is, and
    never later than `max_open_ns` after its pulse began, whatever the pulse says.
    A gate whose device fails takes no more pulses; the others go on.

Nothing here reads a clock or waits: the gate thread sleeps until `next_ns` and
calls `act`. Nothing here knows which devices there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol, runtime_checkable

from sorterd.core.records import GateMoved, Movement, Pulse
from sorterd.ports import DeviceFault, Gate


@runtime_checkable
class RestingGate(Gate, Protocol):
    """A gate that need not go on holding once it stands shut, so that it neither hums nor heats."""

    settle_ns: int
    """How long after `shut` it surely stands shut."""

    def rest(self) -> None:
        """Stop holding; returns at once.

        Raises:
            DeviceFault: The device did not take the command.
        """
        ...


@dataclass(frozen=True, slots=True, order=True)
class _Half:
    """One half of a pulse; the earliest is done first, and shutting before opening."""

    due_ns: int
    opens: bool
    pulse: Pulse = field(compare=False)


class Mover:
    """Owns every gate. Belongs to the gate thread.

    Args:
        gates: Every gate, by name.
        tolerance_ns: How late a gate may begin to open; 0 or more.
        max_open_ns: The longest that a pulse may last, from its start to its closing; above 0.

    Raises:
        ValueError: A bound is out of its range.
    """

    def __init__(self, gates: Mapping[str, Gate], *, tolerance_ns: int, max_open_ns: int) -> None:
        if tolerance_ns < 0 or max_open_ns <= 0:
            raise ValueError(f"tolerance_ns {tolerance_ns}, max_open_ns {max_open_ns}: too small")
        self._gates = dict(gates)
        self._resting = {
            name: gate for name, gate in gates.items() if isinstance(gate, RestingGate)
        }
        self._tolerance_ns = tolerance_ns
        self._max_open_ns = max_open_ns
        self._halves: list[_Half] = []
        self._busy: list[Pulse] = []
        """Accepted pulses whose gate is not clear yet."""
        self._rest_ns: dict[str, int] = {}
        """When a gate that was told to shut may rest."""
        self._retired: set[str] = set()
        """Gates that failed."""
        self._stuck: set[str] = set()
        """Gates that did not even take the command to shut."""

    @property
    def next_ns(self) -> int | None:
        """The next instant at which something is due; None if nothing is planned."""
        first_ns = [self._halves[0].due_ns] if self._halves else []
        return min([*first_ns, *self._rest_ns.values()], default=None)

    def accept(self, pulse: Pulse) -> None:
        """Plan a pulse. One that is already late is refused by `act`, not here.

        Raises:
            ValueError: No such gate, instants out of order, or it overlaps a pulse of its gate.
        """
        if pulse.gate not in self._gates:
            raise ValueError(f"no gate {pulse.gate}: there are {', '.join(self._gates)}")
        if not pulse.start_ns <= pulse.open_ns <= pulse.close_ns <= pulse.clear_ns:
            raise ValueError(f"its instants are out of order: {pulse}")
        for other in self._busy:
            if (
                other.gate == pulse.gate
                and other.start_ns < pulse.clear_ns
                and pulse.start_ns < other.clear_ns
            ):
                raise ValueError(f"{pulse} overlaps {other}")
        self._busy.append(pulse)
        heappush(self._halves, _Half(pulse.start_ns, opens=True, pulse=pulse))

    def act(self, now_ns: int) -> list[GateMoved]:
        """Do everything that is due, and say what came of it.

        A pulse yields OPENED and later CLOSED (or FAULT, if it could not be shut), or else one
        REFUSED_LATE or one FAULT. A gate that would not shut is told again at every call.
        """
        for name in sorted(self._stuck):
            self._shut(name, now_ns)
        moved = []
        while self._halves and self._halves[0].due_ns <= now_ns:
            half = heappop(self._halves)
            did = self._open(half.pulse, now_ns) if half.opens else self._close(half.pulse, now_ns)
            late_ns = now_ns - half.due_ns
            moved.append(GateMoved(half.pulse.pulse, half.pulse.gate, did, late_ns, now_ns))
        for name, due_ns in list(self._rest_ns.items()):
            if due_ns <= now_ns:
                self._rest(name)
        self._busy = [pulse for pulse in self._busy if now_ns < pulse.clear_ns]
        return moved

    def abandon(self, now_ns: int) -> list[GateMoved]:
        """Forget every plan, and say which pulses will not be carried out to their end."""
        pulses = {half.pulse.pulse: half.pulse for half in self._halves}
        self._halves.clear()
        self._busy.clear()
        return [
            GateMoved(pulse.pulse, pulse.gate, Movement.ABANDONED, 0, now_ns)
            for pulse in pulses.values()
        ]

    def make_safe(self, now_ns: int) -> list[DeviceFault]:
        """Forget every plan and shut every gate, also those that never opened.

        One after the other, and the rest too when one fails. Call `act` until `next_ns` is None
        before `close`, or a gate is let go of before it has settled.

        Returns:
            The faults of those that would not shut.
        """
        self.abandon(now_ns)
        faults = [self._shut(name, now_ns) for name in self._gates]
        return [fault for fault in faults if fault is not None]

    def close(self) -> None:
        """Let go of every gate where it stands. Harmless when repeated."""
        for gate in self._gates.values():
            gate.close()

    def _open(self, pulse: Pulse, now_ns: int) -> Movement:
        shut_ns = min(pulse.close_ns, pulse.start_ns + self._max_open_ns)
        if pulse.gate in self._retired:
            return Movement.FAULT
        if now_ns > pulse.start_ns + self._tolerance_ns or now_ns >= shut_ns:
            return Movement.REFUSED_LATE
        self._rest_ns.pop(pulse.gate, None)
        try:
            self._gates[pulse.gate].open()
        except DeviceFault:
            self._retired.add(pulse.gate)
            self._shut(pulse.gate, now_ns)
            return Movement.FAULT
        heappush(self._halves, _Half(shut_ns, opens=False, pulse=pulse))
        return Movement.OPENED

    def _close(self, pulse: Pulse, now_ns: int) -> Movement:
        return Movement.CLOSED if self._shut(pulse.gate, now_ns) is None else Movement.FAULT

    def _shut(self, name: str, now_ns: int) -> DeviceFault | None:
        """Shut one gate, and return the fault if that failed; such a gate is retired."""
        try:
            self._gates[name].shut()
        except DeviceFault as fault:
            self._retired.add(name)
            self._stuck.add(name)
            return fault
        self._stuck.discard(name)
        if name in self._resting:
            self._rest_ns[name] = now_ns + self._resting[name].settle_ns
        return None

    def _rest(self, name: str) -> None:
        """Let one gate rest; one that cannot is retired, for its device has failed."""
        del self._rest_ns[name]
        try:
            self._resting[name].rest()
        except DeviceFault:
            self._retired.add(name)
