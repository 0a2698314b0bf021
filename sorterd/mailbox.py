"""How one thread hands frozen records to another: bounded, and never waited for when full.

`Mailbox` keeps everything up to a bound, `NewestBox` only the newest. Both
count what they had to let go. A reader waits until something comes, or until an
instant on the station's clock.
"""

import threading
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

from sorterd.ports import Clock

T = TypeVar("T")


class Bell:
    """Wakes one reader that waits for any of several boxes. Any thread may ring.

    It is one plain lock, held while the bell is silent. `threading.Event` makes a lock for each
    wait: with it a hand-over took 5.5 us instead of 3.8, and a ring that wakes nobody 0.9 instead
    of 0.03. `SimpleQueue` is as quick as the lock, but keeps every ring. An eventfd hands over in
    1.9 us, but costs two calls into the system for a ring, and is Linux's alone.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        """Wake the reader, or keep it from falling asleep."""
        if self._silent.locked():
            # Of two that ring at once, one finds it rung already.
            with suppress(RuntimeError):
                self._silent.release()

    def wait_until(self, due_ns: int | None) -> None:
        """Return when rung, or at `due_ns`; at once if it was rung since the last wait.

        Where the system's timers are coarse it may return a little before `due_ns`: whoever acts on
        an instant looks at the clock, and waits again for what is left.
        """
        if due_ns is None:
            self._silent.acquire()
            return
        left_ns = due_ns - self._clock.now_ns()
        if left_ns > 0:
            self._silent.acquire(timeout=left_ns / 1e9)
        else:
            self._silent.acquire(blocking=False)


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
