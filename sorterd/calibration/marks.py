"""Instants at which a piece's front is there: told by a person, a light barrier or a recording."""

import os
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from sorterd.ports import Clock, Trigger

Marks = Callable[[], int | None]
"""Returns the next instant, each once and rising; None if there is none yet."""


def given(instants_ns: Sequence[int]) -> Marks:
    """Return marks that are known from the beginning."""
    waiting = sorted(instants_ns, reverse=True)
    return lambda: waiting.pop() if waiting else None


def presses(terminal: int, clock: Clock) -> Marks:
    """Return a mark for each press of Enter from now on.

    The instant is taken on a thread of its own, so that a frame that is being looked at does not
    make it late. The thread ends with the program, or when the terminal is closed.

    Args:
        terminal: The descriptor to read: 0 is the program's own input.
        clock: The one that stamps the frames.
    """
    pressed: SimpleQueue[int] = SimpleQueue()

    def listen() -> None:
        # By the descriptor: a thread that waits in sys.stdin would hold its lock at the end.
        while line := os.read(terminal, 1024):
            if b"\n" in line:
                pressed.put(clock.now_ns())

    threading.Thread(target=listen, name="presses", daemon=True).start()
    return _taken_from(pressed)


def heard(trigger: Trigger) -> Marks:
    """Return a mark for each edge that a light barrier tells of from now on."""
    edges: SimpleQueue[int] = SimpleQueue()
    trigger.listen(edges.put)
    return _taken_from(edges)


def _taken_from(instants: SimpleQueue[int]) -> Marks:
    def taken() -> int | None:
        try:
            return instants.get_nowait()
        except Empty:
            return None

    return taken
