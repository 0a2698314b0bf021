"""First in line where that is allowed, words where it is not; no long pause; all is put back."""

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from sorterd.realtime import (
    PRIORITIES,
    SWITCH_S,
    Place,
    go_first,
    in_line,
    keep_apart,
    place_at,
    priorities_here,
    quick_switching,
    steady_memory,
    wake_exactly,
)

T = TypeVar("T")

LINUX = sys.platform == "linux"
needs_linux = pytest.mark.skipif(not LINUX, reason="only Linux has a line to go first in")
GET_TIMERSLACK = 30
USUAL = (0, 0)


def on_a_thread(work: Callable[[], T]) -> T:
    """Return what a thread of its own says."""
    with ThreadPoolExecutor(1) as one:
        return one.submit(work).result()


def policy() -> tuple[int, int]:
    """Return how the calling thread is scheduled: the policy, without its flags, and priority."""
    assert sys.platform == "linux"
    flags = os.SCHED_RESET_ON_FORK
    return os.sched_getscheduler(0) & ~flags, os.sched_getparam(0).sched_priority


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse, as it does where nobody has allowed it."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)


@needs_linux
def test_a_thread_goes_first_or_says_why_not() -> None:
    """It should be scheduled as its place says, and the thread it was started from as before."""
    before = policy()

    place, got = on_a_thread(lambda: (go_first(7), policy()))

    assert policy() == before
    if place.refused:
        assert (place.priority, got) == (None, before)
    else:
        assert place.priority == 7
        assert got == (os.SCHED_FIFO, 7)


@needs_linux
def test_a_place_is_not_inherited() -> None:
    """It should leave a thread that a library starts where usual threads are."""
    assert on_a_thread(lambda: (go_first(7), on_a_thread(policy))[1]) == USUAL


@needs_linux
def test_work_in_line_passes_its_place_on() -> None:
    """It should put threads that the work starts in the same place, and return what it returns."""
    place, own, heirs = in_line(7, lambda place: (place, policy(), on_a_thread(policy)))

    assert own == heirs
    assert own == (USUAL if place.priority is None else (os.SCHED_FIFO, 7))


def test_work_in_line_may_fail() -> None:
    """It should raise what the work raises, where it was asked for."""

    def fail(_: Place) -> None:
        raise OSError("no chip")

    with pytest.raises(OSError, match="no chip"):
        in_line(7, fail)


@needs_linux
def test_asking_changes_nothing() -> None:
    """It should tell the same place twice, and leave the caller, and threads, as they were."""
    before = policy(), threading.active_count()

    assert place_at(20) == place_at(20)
    assert (policy(), threading.active_count()) == before


@pytest.mark.usefixtures("refused")
@pytest.mark.skipif(not LINUX, reason="elsewhere it is always refused, in other words")
def test_refused() -> None:
    """It should say what to do about it, in one line, keep the road going, and wake exactly."""
    place, slack_ns = on_a_thread(lambda: (go_first(20), timer_slack_ns()))

    assert place.priority is None
    assert str(place) == "usual"
    for remedy in ("LimitRTPRIO=20", "rtprio 20", "/etc/security/limits.d", "CAP_SYS_NICE"):
        assert remedy in place.refused
    assert "\n" not in place.told
    assert "late" in place.told
    assert slack_ns == 1


@needs_linux
def test_a_priority_that_there_is_not() -> None:
    """It should be refused in the system's words, and not raise."""
    assert place_at(1000).refused.startswith("Invalid argument")


def test_elsewhere_there_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should fall back in the same way where the system knows no such thing."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "sched_setscheduler", raising=False)

    assert "darwin" in go_first(20).refused
    assert not wake_exactly()


@needs_linux
def test_waking_exactly_is_the_threads_own() -> None:
    """It should take the slack from the calling thread's timers and leave the others theirs."""
    before_ns = timer_slack_ns()

    assert on_a_thread(lambda: (wake_exactly(), timer_slack_ns())) == (True, 1)
    assert timer_slack_ns() == before_ns


def test_places_are_told_as_a_journal_keeps_them() -> None:
    """It should write a place in words that can be looked for."""
    assert str(Place(20)) == "fifo 20"
    assert "fifo 20" in Place(20).told
    assert str(Place(None, "why")) == "usual"


def test_the_unit_allows_every_place() -> None:
    """It should ask for no more than systemd gives, gates before all, the sink behind all."""
    unit = Path(__file__).parents[2] / "systemd" / "sorterd.service"
    (line,) = [each for each in unit.read_text().splitlines() if each.startswith("LimitRTPRIO")]

    assert int(line.partition("=")[2]) == max(PRIORITIES.values()) == PRIORITIES["gates"]
    assert list(PRIORITIES) == sorted(PRIORITIES, key=lambda name: -PRIORITIES[name])
    assert list(PRIORITIES)[-1] == "sink"


def test_switching_is_put_back() -> None:
    """It should hold within the block only, also when the block fails."""
    before_s = sys.getswitchinterval()

    def fail_in_block() -> None:
        with quick_switching():
            assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
            raise RuntimeError("over")

    with pytest.raises(RuntimeError, match="over"):
        fail_in_block()
    assert sys.getswitchinterval() == pytest.approx(before_s)


def test_no_full_collection_in_steady_memory() -> None:
    """It should bring many young collections and no full one, and look at nothing old."""
    before = gc.get_threshold(), gc.isenabled()
    kept: list[list[int]] = []
    seen: list[int] = []

    def look(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    with steady_memory():
        frozen = gc.get_freeze_count()
        gc.callbacks.append(look)
        # With Python's own thresholds this brings full collections.
        kept.extend([number] for number in range(200_000))
        gc.callbacks.remove(look)

    assert frozen > 1000
    assert len(kept) == 200_000
    assert set(seen) == {0, 1}
    assert (gc.get_threshold(), gc.isenabled()) == before
    assert gc.get_freeze_count() == 0


def test_young_garbage_goes_in_steady_memory() -> None:
    """It should still take young rings of objects away, also where nothing was collected before."""
    gc.disable()
    try:
        with steady_memory():
            collected = sum(stats["collected"] for stats in gc.get_stats())
            for _ in range(5000):
                ring: list[object] = []
                ring.append(ring)
            after = sum(stats["collected"] for stats in gc.get_stats())
        assert not gc.isenabled()
    finally:
        gc.enable()

    assert after - collected > 3000


def timer_slack_ns() -> int:
    """Return by how much the calling thread's wake-ups may be put off."""
    return int(ctypes.CDLL(None).prctl(GET_TIMERSLACK))


def cores_of(thread: str) -> set[int]:
    """Return the cores of a thread that was kept apart."""
    assert sys.platform == "linux"

    def kept() -> set[int]:
        keep_apart(thread)
        return set(os.sched_getaffinity(0))

    return on_a_thread(kept)


@needs_linux
def test_sorter_and_model_are_kept_apart() -> None:
    """It should give them all cores between them, none in common, and leave other threads alone."""
    here = set(os.sched_getaffinity(0))
    if len(here) < 2:
        pytest.skip("one core cannot be shared out")

    assert cores_of("sort") | cores_of("infer") == here
    assert not cores_of("sort") & cores_of("infer")
    assert cores_of("gates") == here
    assert set(os.sched_getaffinity(0)) == here


@needs_linux
def test_a_lone_core_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should let the sorter and the model run there, but the model in no line."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    moved: list[object] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda *given: moved.append(given))
    for thread in ("sort", "infer"):
        keep_apart(thread)

    assert moved == []
    assert priorities_here() == {
        name: priority for name, priority in PRIORITIES.items() if name != "infer"
    }
