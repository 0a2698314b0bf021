"""What one thread hands to another: nothing is lost, nobody waits when full, a ring is kept."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.clock import ManualClock, RealClock
from sorterd.mailbox import Bell, Mailbox, NewestBox

# A hand-over takes microseconds; a test whose reader was never woken fails after this.
LONG_S = 20.0


@given(st.lists(st.sampled_from(["ring", "look"]), max_size=30))
def test_a_ring_before_the_wait_is_not_lost(steps: list[str]) -> None:
    """It should return at once from one wait without end for any number of rings before it."""
    bell, rung = Bell(ManualClock()), False
    for step in steps:
        if step == "ring":
            bell.ring()
            rung = True
        elif rung:
            bell.wait_until(None)
            rung = False
        else:
            bell.wait_until(0)


@given(st.integers(0, 10), st.integers(0, 10))
def test_an_instant_that_has_passed_is_not_waited_for(ago_ns: int, rings: int) -> None:
    """It should return at once, and answer the rings with that."""
    clock = ManualClock()
    bell = Bell(clock)
    for _ in range(rings):
        bell.ring()

    bell.wait_until(clock.now_ns() - ago_ns)

    with ThreadPoolExecutor(1) as one:
        waiting = one.submit(bell.wait_until, None)
        assert not waiting.done()
        bell.ring()
        waiting.result(LONG_S)


def test_a_wait_ends_at_its_instant() -> None:
    """It should not end before it, or the gate thread would go round and round until then."""
    clock = RealClock()
    bell = Bell(clock)
    for step in range(100):
        due_ns = clock.now_ns() + 1 + step * 3_001

        bell.wait_until(due_ns)

        assert clock.now_ns() >= due_ns


@pytest.mark.parametrize("ringers", [1, 2, 5])
def test_every_record_arrives(ringers: int) -> None:
    """It should wake a reader that waits without end for every record of many writers."""
    each = 2000
    bell = Bell(RealClock())
    box: Mailbox[tuple[int, int]] = Mailbox(bell, ringers * each)
    got: list[tuple[int, int]] = []

    def read() -> None:
        while len(got) < ringers * each:
            bell.wait_until(None)
            while (record := box.take()) is not None:
                got.append(record)

    def write(who: int) -> None:
        for number in range(each):
            box.put((who, number))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for who in range(ringers):
        threading.Thread(target=write, args=(who,)).start()
    reader.join(LONG_S)

    assert not reader.is_alive()
    assert box.lost == 0
    for who in range(ringers):
        assert [n for name, n in got if name == who] == list(range(each))


def test_two_readers_in_turn() -> None:
    """It should hand a word to and fro between two threads, each of which wakes the other."""
    times = 2000
    there, back = Bell(RealClock()), Bell(RealClock())

    def echo() -> None:
        for _ in range(times):
            there.wait_until(None)
            back.ring()

    echoing = threading.Thread(target=echo, daemon=True)
    echoing.start()
    for _ in range(times):
        there.ring()
        back.wait_until(None)
    echoing.join(LONG_S)

    assert not echoing.is_alive()


@given(st.integers(1, 6), st.lists(st.booleans(), max_size=40))
def test_a_full_mailbox_lets_go_and_counts(room: int, steps: list[bool]) -> None:
    """It should keep the oldest up to its bound, in order, and count each that it let go."""
    box: Mailbox[int] = Mailbox(Bell(ManualClock()), room)
    waiting: list[int] = []
    lost = 0
    for number, puts in enumerate(steps):
        if not puts:
            assert box.take() == (waiting.pop(0) if waiting else None)
            continue
        box.put(number)
        if len(waiting) < room:
            waiting.append(number)
        else:
            lost += 1

    assert box.lost == lost
    assert [box.take() for _ in waiting] == waiting
    assert box.take() is None


@given(st.lists(st.booleans(), max_size=40))
def test_the_newest_wins(steps: list[bool]) -> None:
    """It should hold one record, the last, and count those that nobody read."""
    box: NewestBox[int] = NewestBox(Bell(ManualClock()))
    newest, superseded = None, 0
    for number, puts in enumerate(steps):
        if puts:
            box.put(number)
            superseded += newest is not None
            newest = number
        else:
            assert box.take() == newest
            newest = None

    assert box.superseded == superseded
    assert box.take() == newest
