"""Threads that wake on time: first in line for a processor, and no long pause for garbage.

The rule: nothing here fails. What the system does not allow comes back as a `Place` that says so,
with what a person can do about it, and the thread runs on as it is.

What is changed belongs to the calling thread, or ends with its `with` block. Nothing here reads a
clock, waits, or knows what the threads do.
"""

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

T = TypeVar("T")

PRIORITIES: Final[Mapping[str, int]] = MappingProxyType(
    {"gates": 20, "sort": 15, "capture": 10, "infer": 5, "sink": 1}
)
"""By thread, 1 to 99; the highest goes first. systemd/sorterd.service allows up to 20.

Whoever decides goes before whoever brings it work, and the model, which takes the most, goes last
on the road. All of them are in line because Python's lock ties them together: a gate waits for
whoever holds it, and that thread for a processor. Measured beside a full load of other programs on
both of two cores (frame to answer p50 and p99, a wake-up of the gate thread p99 and the worst of
4500, all ms):

| in line | frame to answer | gate |
|---|---|---|
| none | 9.9, 42 | 11, 59 |
| gates | 9.0, 21 | 1.9, 15 |
| and sort, capture, sink | 8.6, 25 | 0.17, 8.8 |
| and infer | 4.1, 6.5 | 0.11, 1.8 |

The sink comes behind them but before other programs: it too holds the lock now and then.
"""

SWITCH_S: Final = 0.0001
"""How long a thread lets another hold Python's lock before it asks for it.

Beside a thread that only computes in Python a gate was 5.0 ms late with Python's own 5 ms, 0.51 ms
with 0.5 ms, 0.12 with 0.1 and 0.06 with 0.05; looking at a frame took up to 490, 65, 9.6 and 11 ms
(p99). Beside inference alone it took as long with each of them.
"""

# A collection stops every thread. 900 frames with four pieces brought 38 young ones, 0.02 ms each,
# and 3 middle ones of 0.04; with Python's own 700 objects young ones alone took up to 0.07. None
# found garbage. A full one, which alone finds garbage that has grown old, would look at everything
# that has come since, so it never falls due.
_YOUNG, _MIDDLE, _NEVER = 100, 10, 1_000_000_000

_PR_SET_TIMERSLACK: Final = 29


def priorities_here() -> Mapping[str, int]:
    """Return the priorities to take on this machine: `PRIORITIES`, but for a model on a lone core.

    There it would keep everything else from the processor, the way in to mend the station included.
    """
    allowed = getattr(os, "sched_getaffinity", None)
    lone = allowed is not None and len(allowed(0)) == 1
    return {name: each for name, each in PRIORITIES.items() if not (lone and name == "infer")}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread stands in the line for a processor.

    Attributes:
        priority: Among threads that go first; None if it waits its turn like any other.
        refused: Why it does not go first and what to do; empty if it does.
    """

    priority: int | None
    refused: str = ""

    def __str__(self) -> str:
        """As a journal keeps it: `fifo 20`, or `usual`."""
        return "usual" if self.priority is None else f"fifo {self.priority}"

    @property
    def told(self) -> str:
        """One line for a person."""
        if self.priority is not None:
            return f"gates go before every other program ({self})"
        return f"gates wait their turn behind other programs and may be late: {self.refused}"


def go_first(priority: int) -> Place:
    """Have the calling thread go before every usual thread of the machine (SCHED_FIFO).

    Threads that it starts do not inherit its place. Where it is refused its place, its sleep is at
    least made exact.

    Args:
        priority: 1 to 99; a thread with a higher one goes before it.
    """
    place = _take_place(priority, inherited=False)
    if place.priority is None:
        wake_exactly()
    return place


def keep_apart(thread: str) -> None:
    """Keep the sorter and the model on cores of their own, where threads may not go first.

    The kernel likes to wake a thread on the core of the one that woke it. The look at a frame then
    took turns with the call that it should run beside, on one core of two: 64% of its time, and the
    road of a piece took 1.5 calls instead of 1.2. Threads that go first are put elsewhere by it.

    Args:
        thread: "sort" gets the last core, "infer" all others; any other one may go anywhere.
    """
    allowed = getattr(os, "sched_getaffinity", None)
    cores = sorted(allowed(0)) if allowed is not None else []
    if len(cores) < 2:
        return
    own = {"sort": cores[-1:], "infer": cores[:-1]}.get(thread)
    if own is not None:
        os.sched_setaffinity(0, own)


def in_line(priority: int, work: Callable[[Place], T]) -> T:
    """Do some work on a thread of its own that goes first, and so do all threads that it starts.

    A library that makes a servo's pulses does so on a thread that it starts when it is opened
    (lgpio: a sleep from edge to edge), and whoever is late there makes another angle of it.

    Args:
        priority: 1 to 99.
        work: Told its place; what it raises is raised here.

    Returns:
        What `work` returns.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="in-line") as one:
        return one.submit(lambda: work(_take_place(priority, inherited=True))).result()


def place_at(priority: int) -> Place:
    """Tell which place a thread would get, and change nothing."""
    return in_line(priority, lambda place: place)


def wake_exactly() -> bool:
    """Have the kernel wake the calling thread when it asked for, and not together with others.

    Linux puts off a usual thread's wake-up by up to 50 us to save power: a wait was 0.058 ms late
    in the middle, and 0.007 ms without. A thread that goes first is never put off.

    Returns:
        Whether the system can do that.
    """
    if sys.platform != "linux":
        return False
    # One nanosecond; zero would mean the usual.
    done = ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1))
    return bool(done == 0)


@contextmanager
def quick_switching() -> Iterator[None]:
    """Have threads hand each other Python's lock after `SWITCH_S`, until the end of the block."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


@contextmanager
def steady_memory() -> Iterator[None]:
    """Keep the garbage collector from long pauses until the end of the block.

    What there is when it begins is never looked at again: 53,000 objects, mostly of imported
    modules, of which a full collection takes 12 ms. It is not collected first, either: after a
    start there is no garbage in it (or 650 objects, if nothing was collected until then).
    """
    before, was_on = gc.get_threshold(), gc.isenabled()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
    gc.enable()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
        if not was_on:
            gc.disable()


def forget_the_old() -> None:
    """Let go of all garbage there is, within a block of `steady_memory`; it takes a pause.

    A station that goes by new settings leaves its old parts behind, which refer to each other. A
    full collection took 18 ms here, in which no thread of Python's moves.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _take_place(priority: int, *, inherited: bool) -> Place:
    if sys.platform != "linux":
        return Place(None, f"{sys.platform} has no line to go first in: use Linux on a station")
    policy = os.SCHED_FIFO if inherited else os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    try:
        # On Linux 0 is the calling thread, not its process.
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError as error:
        return Place(
            None,
            f"{error.strerror}; allow it with LimitRTPRIO={priority} in the unit, with a line"
            f" `USER - rtprio {priority}` in /etc/security/limits.d/, or with CAP_SYS_NICE",
        )
    return Place(priority)
