"""The gate thread: pulses are carried out at their instants, and gates end in the safe position."""

import logging
import threading
from collections.abc import Callable, Iterable

from sorterd.core.records import GateMoved, Movement, Pulse
from sorterd.gates.mover import Mover
from sorterd.mailbox import Bell, Mailbox, NewestBox
from sorterd.ports import Clock

log = logging.getLogger(__name__)

# Queues between threads hold what a burst can bring and no more; pieces come a few a second.
ROOM = 256


class Moving:
    """Owns every gate. One thread calls `run`; any thread may ask for safe gates.

    Args:
        clock: The station's.
        mover: Moves the gates.
        moves: Where what the gates did goes: to the sort thread.
        pass_token: Takes a token of life on its way to the sink thread.
        note: Takes what happens to a gate, for the journal.
    """

    def __init__(
        self,
        clock: Clock,
        mover: Mover,
        moves: Mailbox[GateMoved],
        *,
        pass_token: Callable[[int], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._clock = clock
        self._mover = mover
        self._moves = moves
        self._pass_token = pass_token
        self._note = note
        self._bell = Bell(clock)
        self._pulses: Mailbox[Pulse] = Mailbox(self._bell, ROOM)
        self._tokens: NewestBox[int] = NewestBox(self._bell)
        self._make_safe = threading.Event()
        self._over = threading.Event()

    @property
    def lost(self) -> int:
        """How many pulses found no room."""
        return self._pulses.lost

    def send(self, pulse: Pulse) -> None:
        """Hand over a pulse; never waits. Sort thread."""
        self._pulses.put(pulse)

    def take_token(self, token: int) -> None:
        """Take a token of life from the sort thread."""
        self._tokens.put(token)

    def make_safe(self) -> None:
        """Have every gate shut at once, and every plan forgotten. Any thread."""
        self._make_safe.set()
        self._bell.ring()

    def stop(self) -> None:
        """Let `run` bring the gates to their safe position, and return. Any thread."""
        self._over.set()
        self._bell.ring()

    def run(self) -> None:
        """Move until `stop`. The gate thread."""
        try:
            self._go_safe()
            while not self._over.is_set():
                self._bell.wait_until(self._mover.next_ns)
                if self._make_safe.is_set():
                    self._make_safe.clear()
                    self._go_safe()
                while (pulse := self._pulses.take()) is not None:
                    self._mover.accept(pulse)
                self._report(self._mover.act(self._clock.now_ns()))
                if (token := self._tokens.take()) is not None:
                    self._pass_token(token)
        finally:
            self._go_safe()
            # A servo that is let go of before it has settled never reaches its safe position.
            while (due_ns := self._mover.next_ns) is not None:
                self._clock.sleep_until(due_ns)
                self._mover.act(self._clock.now_ns())
            self._mover.close()

    def _go_safe(self) -> None:
        self._report(self._mover.abandon(self._clock.now_ns()))
        for fault in self._mover.make_safe(self._clock.now_ns()):
            log.error("%s", fault)
            self._note("gate", str(fault))

    def _report(self, moves: Iterable[GateMoved]) -> None:
        for moved in moves:
            if moved.movement is Movement.FAULT:
                stands = "may stand open" if moved.gate in self._mover.unsafe else "is shut"
                told = f"gate {moved.gate} failed: it {stands}, and moves no more"
                log.error("%s", told, extra={"fields": {"GATE": moved.gate, "PULSE": moved.pulse}})
                self._note("gate", told)
            self._moves.put(moved)
