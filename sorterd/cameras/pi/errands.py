"""Calls that may never come back, made on a thread of their own and waited for only so long."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from queue import SimpleQueue
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

Wait = Callable[[threading.Event, float], bool]
"""Waits for an event, at most so many seconds; says whether it came."""

FAULTS: Final = (
    RuntimeError,
    OSError,
    ValueError,
    LookupError,
    AssertionError,
    AttributeError,
    TypeError,
    CancelledError,
)
"""What a call into picamera2 was seen to raise: it has no errors of its own. libcamera's are
RuntimeError and OSError; the others come from a camera that is closed or pulled out meanwhile.
"""


class Overdue(Exception):
    """A call has not come back in time."""


class _Errand(Generic[T]):
    """One call, and what came of it."""

    def __init__(self, call: Callable[[], T]) -> None:
        self.done = threading.Event()
        self._call = call
        self._answers: list[T] = []
        self._fault: Exception | None = None

    def carry_out(self) -> None:
        """Make the call. The errands' own thread."""
        try:
            self._answers.append(self._call())
        except FAULTS as fault:
            self._fault = fault
        self.done.set()

    def answer(self) -> T:
        """Return what came of it, or raise it."""
        if self._fault is not None:
            raise self._fault
        return self._answers[0]


class Errands:
    """Makes calls, one after the other, on a thread that a stop of the program does not wait for.

    A call that is overdue keeps the thread: nothing more can be sent, and what the call brings in
    the end is nobody's. It sees by `lost` that it must clear up after itself.

    Args:
        name: Of the thread.
        wait: How a call is waited for.

    Attributes:
        lost: A call was given up.
    """

    def __init__(self, name: str, wait: Wait = threading.Event.wait) -> None:
        self.lost = False
        self._wait = wait
        self._errands: SimpleQueue[_Errand[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def send(self, call: Callable[[], T], within_ms: int) -> T:
        """Have a call made, and wait for what it returns.

        Raises:
            Overdue: It has not come back in time, or one before it did not.
        """
        if self.lost:
            raise Overdue
        errand = _Errand(call)
        self._errands.put(errand)
        if not self._wait(errand.done, within_ms / 1000):
            self.lost = True
            raise Overdue
        return errand.answer()

    def end(self) -> None:
        """Let the thread go, once its call comes back."""
        self._errands.put(None)

    def _run(self) -> None:
        while (errand := self._errands.get()) is not None:
            errand.carry_out()
