"""How one thread hands frozen records to another: bounded, and never waited for when full.

`Mailbox` keeps everything up to a bound, `NewestBox` only the newest. Both
count what they had to let go. A reader waits until something comes, or until an
instant on the station's clock.
"""

import threading
from collections import deque
from typing import Generic, TypeVar

from sorterd.ports import Clock

T = TypeVar("T")


class Bell:
    """Wakes one reader that waits for any of several boxes. Any thread may ring."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = threading.Event()

    def ring(self) -> None:
        """Wake the reader, or keep it from falling asleep."""
        self._rung.set()

    def wait_until(self, due_ns: int | None) -> None:
        """Return when rung, or at `due_ns`; at once if it was rung since the last wait."""
        left_ns = None if due_ns is None else due_ns - self._clock.now_ns()
        if left_ns is None:
            self._rung.wait()
        elif left_ns > 0:
            self._rung.wait(left_ns / 1e9)
        self._rung.clear()


class Mailbox(Generic[T]):
    """A bounded queue; what comes when it is full is let go and counted.

    Args:
        bell: Rung when something comes.
        room: Most that may wait; at least 1.
    """

    def __init__(self, bell: Bell, room: int) -> None:
        self._bell = bell
        self._room = room
        self._waiting: deque[T] = deque()
        self.lost = 0

    def put(self, record: T) -> None:
        """Hand over a record; never waits."""
        if len(self._waiting) >= self._room:
            self.lost += 1
            return
        self._waiting.append(record)
        self._bell.ring()

    def take(self) -> T | None:
        """Return the oldest record, or None."""
        return self._waiting.popleft() if self._waiting else None


class NewestBox(Generic[T]):
    """Room for one: a newer record takes the place of one that nobody has read.

    Args:
        bell: Rung when something comes.
    """

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._lock = threading.Lock()
        self._newest: T | None = None
        self.superseded = 0

    def put(self, record: T) -> None:
        """Hand over a record; never waits."""
        with self._lock:
            self.superseded += self._newest is not None
            self._newest = record
        self._bell.ring()

    def take(self) -> T | None:
        """Return the newest record, or None."""
        with self._lock:
            newest, self._newest = self._newest, None
        return newest
