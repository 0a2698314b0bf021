"""Calls that may never come back."""

import threading
from collections.abc import Iterator

import pytest

from sorterd.cameras.pi.errands import Errands, Overdue

LIMIT_S = 10.0


@pytest.fixture
def wall() -> Iterator[threading.Event]:
    """Return what a call hangs at until the test is over."""
    wall = threading.Event()
    yield wall
    wall.set()


def never(event: threading.Event, seconds: float) -> bool:
    """Give up at once."""
    del seconds
    return event.is_set()


def test_what_a_call_returns_comes_back() -> None:
    """It should make calls one after the other on one thread that holds up nobody's end."""
    errands = Errands("errands")
    threads = {errands.send(threading.current_thread, 10_000) for _ in range(3)}
    (thread,) = threads
    assert thread.daemon
    assert thread is not threading.current_thread()
    errands.end()
    thread.join(LIMIT_S)
    assert not thread.is_alive()


def test_what_a_call_raises_is_raised_here() -> None:
    """It should carry a fault over to whoever sent the call."""

    def broken() -> None:
        raise RuntimeError("no such stream")

    errands = Errands("errands")
    with pytest.raises(RuntimeError, match="no such stream"):
        errands.send(broken, 10_000)
    assert errands.send(lambda: 5, 10_000) == 5
    errands.end()


def test_a_call_that_hangs_is_given_up(wall: threading.Event) -> None:
    """It should say so in time, then and for every call that comes after."""
    errands = Errands("errands", never)
    with pytest.raises(Overdue):
        errands.send(lambda: wall.wait(LIMIT_S), 10)
    assert errands.lost
    with pytest.raises(Overdue):
        errands.send(lambda: True, 10)


def test_what_comes_too_late_is_nobodys(wall: threading.Event) -> None:
    """It should let a call see that it was given up, so that it clears up after itself."""
    seen: list[bool] = []
    gone = threading.Event()

    def slow() -> None:
        wall.wait(LIMIT_S)
        seen.append(errands.lost)
        gone.set()

    errands = Errands("errands", never)
    with pytest.raises(Overdue):
        errands.send(slow, 10)
    wall.set()
    assert gone.wait(LIMIT_S)
    assert seen == [True]
