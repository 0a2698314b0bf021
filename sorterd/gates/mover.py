"""Carry out pulses at their instants: open in time or not at all, shut always.

The rules:
    A gate that opens late sweeps the next piece, so past its tolerance it does not open; that is
    looked at in the instant of the command, one opening a call, whatever was waited for before.
    A gate that stands open sweeps every piece, so it is shut however late it is, and
    never later than `max_open_ns` after its pulse began, whatever the pulse says.
    No more than `moving_at_once` gates begin to move together, or servos brown out the supply. What
    has to wait for that is an opening, within its tolerance, and a gate of which nobody knows where
    it stands; one that was told to open is told to shut at once, and one that was told to shut does
    not move when it is told again.
    A gate whose device fails takes no more pulses; the others go on.

Nothing here reads a clock or waits: the gate thread sleeps until `next_ns` and
calls `act`. Nothing here knows which devices there are.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from sorterd.core.records import GateMoved, Movement, Pulse
from sorterd.ports import DeviceFault, Gate

log = logging.getLogger(__name__)

AGAIN_NS: Final = 50_000_000
"""How soon a gate that did not take the command to shut is told again."""
TRIES: Final = 20
"""How often `next_ns` asks for that: a second, in which a bus that was disturbed is quiet again.
Later it is only done along with others' movements: a gate that is gone must not keep a station from
stopping."""


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


@dataclass(frozen=True, slots=True)
class _Again:
    """When a gate is told once more to shut, and how many tries are left."""

    due_ns: int
    tries: int


class Mover:
    """Owns every gate. Belongs to the gate thread.

    Args:
        gates: Every gate, by name.
        tolerance_ns: How late a gate may begin to open; 0 or more.
        max_open_ns: The longest that a pulse may last, from its start to its closing; above 0.
        moving_at_once: How many gates may begin to move together; at least 1.
        move_ns: How long each gate moves from shut to open, or back.

    Raises:
        ValueError: A bound is out of its range, or a gate's `move_ns` is missing.
    """

    def __init__(
        self,
        gates: Mapping[str, Gate],
        *,
        tolerance_ns: int,
        max_open_ns: int,
        moving_at_once: int,
        move_ns: Mapping[str, int],
    ) -> None:
        if tolerance_ns < 0 or max_open_ns <= 0 or moving_at_once < 1:
            raise ValueError(
                f"tolerance_ns {tolerance_ns}, max_open_ns {max_open_ns}, moving_at_once"
                f" {moving_at_once}: too small"
            )
        if missing := gates.keys() - move_ns.keys():
            raise ValueError(f"no move_ns for {', '.join(sorted(missing))}")
        self._gates = dict(gates)
        self._resting = {
            name: gate for name, gate in gates.items() if isinstance(gate, RestingGate)
        }
        self._tolerance_ns = tolerance_ns
        self._max_open_ns = max_open_ns
        self._moving_at_once = moving_at_once
        self._move_ns = dict(move_ns)
        self._halves: list[_Half] = []
        self._busy: list[Pulse] = []
        """Accepted pulses whose gate is not clear yet."""
        self._told_to_open: dict[str, bool] = {}
        """What each gate was last told and took; of one that is missing nothing is known."""
        self._moves_until_ns: dict[str, int] = {}
        """When each gate's last movement is over."""
        self._waiting: list[str] = []
        """Gates that are to be shut once fewer move."""
        self._rest_ns: dict[str, int] = {}
        """When a gate that was told to shut may rest."""
        self._retired: set[str] = set()
        """Gates that failed."""
        self._stuck: dict[str, _Again] = {}
        """Gates that did not even take the command to shut."""
        self._commands = 0
        """How many were given so far."""

    @property
    def next_ns(self) -> int | None:
        """The next instant at which something is due; None if nothing is planned."""
        dues = [*self._rest_ns.values(), *map(self._room_ns, self._waiting[:1])]
        dues += [again.due_ns for again in self._stuck.values() if again.tries]
        dues += [
            max(each.due_ns, self._room_ns(each.pulse.gate)) if each.opens else each.due_ns
            for each in self._halves
        ]
        return min(dues, default=None)

    @property
    def unsafe(self) -> tuple[str, ...]:
        """The gates that have not taken the command to shut since they were told to open last."""
        return tuple(name for name in self._gates if self._told_to_open.get(name) is not False)

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
        self._halves.append(_Half(pulse.start_ns, opens=True, pulse=pulse))

    def act(self, now_ns: int) -> list[GateMoved]:
        """Do what is due, and say what came of it.

        A pulse yields OPENED and later CLOSED (or FAULT, if it could not be shut), or else one
        REFUSED_LATE or one FAULT. A gate that would not shut is told again.

        An opening is made by the first command of a call only: a device may take its time over a
        command, and `now_ns` is old then. What is left is due at once: `next_ns` says so.
        """
        before = self._commands
        for name in [name for name, again in self._stuck.items() if again.due_ns <= now_ns]:
            if self._shut(name, now_ns) is None:
                log.warning("gate %s took the command to shut after all", name)
        for fault in self._shut_waiting(now_ns):
            log.error("%s", fault)
        moved = []
        for half in sorted(each for each in self._halves if each.due_ns <= now_ns):
            if half.opens and (self._commands > before or self._may_wait(half.pulse, now_ns)):
                continue
            self._halves.remove(half)
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

        Those that were told to open are told to shut before this returns, so that no fault leaves
        one open. Those of which nothing is known, as at a start, go one after the other: some in
        later calls of `act`. Call it until `next_ns` is None before `close`, or a gate is let go of
        before it has moved and settled.

        Returns:
            The faults of those that were told now and would not shut; later ones are logged.
        """
        self.abandon(now_ns)
        opened = [name for name in self._gates if self._told_to_open.get(name)]
        others = [name for name in self._gates if self._told_to_open.get(name) is False]
        self._waiting = [name for name in self._gates if name not in self._told_to_open]
        faults = [self._shut(name, now_ns) for name in (*opened, *others)]
        return [
            *(fault for fault in faults if fault is not None),
            *self._shut_waiting(now_ns),
        ]

    def close(self) -> None:
        """Let go of every gate where it stands. Harmless when repeated."""
        for gate in self._gates.values():
            gate.close()

    def _room_ns(self, name: str) -> int:
        """From when on a gate may begin to move; its own last movement is not in its way."""
        ends_ns = sorted(
            (end_ns for other, end_ns in self._moves_until_ns.items() if other != name),
            reverse=True,
        )
        return ends_ns[self._moving_at_once - 1] if len(ends_ns) >= self._moving_at_once else 0

    def _may_wait(self, pulse: Pulse, now_ns: int) -> bool:
        """Return whether an opening finds no room now, and will before it is too late."""
        return now_ns < self._room_ns(pulse.gate) <= pulse.start_ns + self._tolerance_ns

    def _shut_waiting(self, now_ns: int) -> list[DeviceFault]:
        faults = []
        while self._waiting and self._room_ns(self._waiting[0]) <= now_ns:
            fault = self._shut(self._waiting.pop(0), now_ns)
            faults += [fault] if fault is not None else []
        return faults

    def _open(self, pulse: Pulse, now_ns: int) -> Movement:
        shut_ns = min(pulse.close_ns, pulse.start_ns + self._max_open_ns)
        if pulse.gate in self._retired:
            return Movement.FAULT
        if now_ns > pulse.start_ns + self._tolerance_ns or now_ns >= shut_ns:
            return Movement.REFUSED_LATE
        if self._room_ns(pulse.gate) > now_ns:  # and when there is room it is too late
            return Movement.REFUSED_LATE
        self._rest_ns.pop(pulse.gate, None)
        if pulse.gate in self._waiting:
            self._waiting.remove(pulse.gate)  # its own end shuts it
        self._commands += 1
        self._told_to_open[pulse.gate] = True  # also if it fails: it may have moved
        try:
            self._gates[pulse.gate].open()
        except DeviceFault:
            self._retired.add(pulse.gate)
            self._shut(pulse.gate, now_ns)
            return Movement.FAULT
        self._moves_until_ns[pulse.gate] = now_ns + self._move_ns[pulse.gate]
        self._halves.append(_Half(shut_ns, opens=False, pulse=pulse))
        return Movement.OPENED

    def _close(self, pulse: Pulse, now_ns: int) -> Movement:
        return Movement.CLOSED if self._shut(pulse.gate, now_ns) is None else Movement.FAULT

    def _shut(self, name: str, now_ns: int) -> DeviceFault | None:
        """Shut one gate, and return the fault if that failed; such a gate is retired."""
        self._commands += 1
        try:
            self._gates[name].shut()
        except DeviceFault as fault:
            self._retired.add(name)
            tries = self._stuck[name].tries - 1 if name in self._stuck else TRIES
            self._stuck[name] = _Again(now_ns + AGAIN_NS, max(0, tries))
            return fault
        self._stuck.pop(name, None)
        if self._told_to_open.get(name) is not False:
            self._moves_until_ns[name] = now_ns + self._move_ns[name]
        self._told_to_open[name] = False
        if name in self._resting:
            self._rest_ns[name] = now_ns + self._resting[name].settle_ns
        return None

    def _rest(self, name: str) -> None:
        """Let one gate rest; one that cannot is retired, for its device has failed."""
        del self._rest_ns[name]
        self._commands += 1
        try:
            self._resting[name].rest()
        except DeviceFault:
            self._retired.add(name)
