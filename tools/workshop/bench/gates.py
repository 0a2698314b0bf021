"""How late gates move: the station's own mover on a thread like the daemon's, beside three loads.

Gates are simulated: a servo adds its own time, and a thread can only tell it in time. A movement is
late by the instant at which its gate has been told minus the instant at which it was due.

Settings take turns, some movements each, so that a busy machine is as busy for all of them. Beside
a gate that does not go first another thread sleeps from instant to instant and does nothing else,
halfway between the movements: what any program gets from this machine in the same second. Beside
one that does, there is none: put off while it holds Python's lock, it would hold up the gate.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from types import MappingProxyType
from typing import Final, cast

import numpy as np
from tqdm import tqdm

from sorterd.classifiers.runtimes import Runtime
from sorterd.clock import RealClock
from sorterd.core.records import Pulse
from sorterd.gates.mover import Mover
from sorterd.gates.simulated import SimulatedGate
from sorterd.mailbox import Bell, Mailbox
from sorterd.realtime import (
    PRIORITIES,
    Place,
    go_first,
    place_at,
    quick_switching,
    steady_memory,
    wake_exactly,
)
from sorterd.simulation.servo import SimulatedServo
from tools.workshop.bench.raw_invoke import RawInvoke
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row

TITLE: Final = "Gates: how late they move"

# From one movement to the next: a gate opens, and shuts so long after. No multiple of a tick of the
# kernel (4 ms as a rule), or a whole turn would fall before ticks or behind them.
_APART_NS: Final = 4_370_000
# From when all threads of a turn are there to the first movement.
_BEGIN_NS: Final = 10_000_000
# One that is not there by then never will be.
_PATIENCE_S: Final = 30.0
# Of each setting: the more there are, the more alike is what else the machine does meanwhile.
_TURNS: Final = 10
# Of the setting that is judged beside a bare sleep, turn by turn.
_PLAIN_TURNS: Final = 3 * _TURNS
# What ends a turn: a load looks whether it is over, and threads are joined.
_TURN_S: Final = 0.02
# Nothing is refused here, however late it is: it is told.
_EVER_NS: Final = 60_000_000_000


@dataclass(slots=True)
class _Setting:
    """One load with one place in line, and what was seen.

    Attributes:
        load: What runs beside.
        first: Whether the station's threads go first.
        late_ns: Of the movements.
        bare_ns: Of the sleeps beside them, if there were any.
        ratios: For each turn the p99 of its movements / the p99 of its sleeps.
    """

    load: str
    first: bool
    late_ns: list[int] = field(default_factory=list)
    bare_ns: list[int] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def add(self, late_ns: list[int], bare_ns: list[int]) -> None:
        """Take what one turn saw."""
        self.late_ns += late_ns
        self.bare_ns += bare_ns
        if bare_ns:
            self.ratios.append(float(np.percentile(late_ns, 99) / np.percentile(bare_ns, 99)))

    def __str__(self) -> str:
        """Its name in the table and the plot."""
        return f"{self.load}, {'FIFO' if self.first else 'usual'}"

    def row(self) -> Row:
        """As a line of the table."""
        figures = _percentiles_ms(self.late_ns)
        if self.bare_ns:
            bare = _percentiles_ms(self.bare_ns)
            # Other programs put off about one wake-up in a hundred, and the p99 of all lies on that
            # edge: it came out between 0.7 and 5.6 times the sleeper's. So turn by turn, and the
            # median; the p99 of all stands beside it.
            figures["bare_p99_x"] = median(self.ratios)
            figures |= {f"bare_{name}": value for name, value in bare.items()}
        return Row(str(self), figures, _NOTES[self.load])


def seconds(depth: Depth) -> float:
    """Estimate how long it takes, where the system lets threads go first."""
    turn_s = (depth.shots / _TURNS * _APART_NS + _BEGIN_NS) / 1e9 + _TURN_S
    return 1.0 + ((2 * len(_LOADS) - 1) * _TURNS + _PLAIN_TURNS) * turn_s


def measure(bench: Bench) -> Chapter:
    """Move a gate in every setting.

    Raises:
        BundleFault: The bundle cannot be opened.
        DeviceUnavailable: The runtime does not work here.
    """
    place = place_at(PRIORITIES["gates"])
    places = (True, False) if place.priority is not None else (False,)
    settings = [_Setting(load, first) for load in _LOADS for first in places]
    plain = [each for each in settings if each.load == _INFERENCE and not each.first]
    round_robin = settings + plain * (_PLAIN_TURNS // _TURNS - 1)
    raw = RawInvoke(
        bench.bundle, runtime=cast("Runtime", bench.runtime), threads=1, clock=bench.clock
    )
    pulses = max(1, round(bench.depth.shots / _TURNS / 2))
    with quick_switching(), steady_memory():
        for _ in tqdm(range(_TURNS), desc="moving gates", unit="turn", leave=False):
            for setting in round_robin:
                _take_turn(setting, bench.clock, raw, pulses)
    return _chapter(settings, place)


def _chapter(settings: list[_Setting], place: Place) -> Chapter:
    """Put what was seen into a table, and judge by it."""
    rows = {(setting.load, setting.first): setting.row() for setting in settings}
    goals = {"G7.plain": rows[_INFERENCE, False].figures["bare_p99_x"]}
    absent = []
    if place.priority is None:
        absent.append(Row("FIFO", {}, f"not measured: {place.refused}"))
    else:
        goals["G7.fifo"] = rows[_INFERENCE, True].figures["p99_ms"]
        goals["G7.hog"] = rows[_HOG, True].figures["max_ms"]
    series = {f"late_ms:{setting}": _sorted_ms(setting.late_ns) for setting in settings}
    for setting in settings:
        if setting.load == _INFERENCE and setting.bare_ns:
            series[f"late_ms:{_INFERENCE}, a bare sleep"] = _sorted_ms(setting.bare_ns)
    return Chapter("gates", TITLE, [*rows.values(), *absent], goals, series)


class _Turn:
    """What the three threads of a turn share: when it begins, and that it is over."""

    def __init__(self, clock: RealClock) -> None:
        self.clock = clock
        self.over = threading.Event()
        self._first_ns = 0
        self._there = threading.Barrier(3, self._begin, _PATIENCE_S)

    def begin(self) -> int:
        """Wait until all three are there; return when the first movement is due."""
        self._there.wait()
        return self._first_ns

    def _begin(self) -> None:
        self._first_ns = self.clock.now_ns() + _BEGIN_NS


def _take_turn(setting: _Setting, clock: RealClock, raw: RawInvoke, pulses: int) -> None:
    turn = _Turn(clock)
    with ThreadPoolExecutor(3) as threads:
        try:
            moving = threads.submit(_move, turn, pulses, first=setting.first)
            sleeping = threads.submit(_sleep, turn, 0 if setting.first else 2 * pulses)
            beside = threads.submit(_LOADS[setting.load], turn, raw, first=setting.first)
            setting.add(moving.result(), sleeping.result())
        finally:
            turn.over.set()
        beside.result()


def _move(turn: _Turn, pulses: int, *, first: bool) -> list[int]:
    """Do what the daemon's gate thread does; return how late each movement was, nanoseconds.

    A gate that would open after it should have shut does not, here as anywhere: it counts once.
    """
    _take_place("gates", first=first)
    clock = turn.clock
    gate = SimulatedGate("only", clock, SimulatedServo(_APART_NS))
    mover = Mover(
        {gate.name: gate},
        tolerance_ns=_EVER_NS,
        max_open_ns=_EVER_NS,
        moving_at_once=1,
        move_ns={gate.name: _APART_NS},
    )
    bell = Bell(clock)
    box: Mailbox[Pulse] = Mailbox(bell, pulses)
    first_ns = turn.begin()
    for number in range(pulses):
        start_ns = first_ns + 2 * number * _APART_NS
        shut_ns = start_ns + _APART_NS
        box.put(Pulse(number, number, gate.name, start_ns, start_ns, shut_ns, shut_ns))
    late_ns: list[int] = []
    while True:
        bell.wait_until(mover.next_ns)
        while (pulse := box.take()) is not None:
            mover.accept(pulse)
        moved = mover.act(clock.now_ns())
        told_ns = clock.now_ns()
        late_ns += [told_ns - (each.now_ns - each.late_ns) for each in moved]
        if mover.next_ns is None:
            return late_ns


def _sleep(turn: _Turn, times: int) -> list[int]:
    """Sleep to one instant after the other; return how late each sleep ended, nanoseconds."""
    clock, late_ns = turn.clock, []
    first_ns = turn.begin() + _APART_NS // 2
    for number in range(times):
        due_ns = first_ns + number * _APART_NS
        clock.sleep_until(due_ns)
        late_ns.append(clock.now_ns() - due_ns)
    return late_ns


def _idle(turn: _Turn, raw: RawInvoke, *, first: bool) -> None:
    """Do nothing."""
    del raw, first
    turn.begin()


def _infer(turn: _Turn, raw: RawInvoke, *, first: bool) -> None:
    """Invoke without pause, in the place that the infer thread has."""
    _take_place("infer", first=first)
    turn.begin()
    while not turn.over.is_set():
        raw.here()


def _hog(turn: _Turn, raw: RawInvoke, *, first: bool) -> None:
    """Compute in Python without pause, as no thread of a station does, in no line."""
    del raw, first
    turn.begin()
    number = 0
    while not turn.over.is_set():
        for _ in range(1000):
            number += 1


def _take_place(thread: str, *, first: bool) -> None:
    """Go first; or do what a thread does that was refused its place."""
    if first:
        go_first(PRIORITIES[thread])
    else:
        wake_exactly()


_INFERENCE: Final = "inference"
_HOG: Final = "Python hog"
_LOADS: Final[Mapping[str, Callable[..., None]]] = MappingProxyType(
    {"idle": _idle, _INFERENCE: _infer, _HOG: _hog}
)
_NOTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "idle": "",
        _INFERENCE: "a thread invokes without pause",
        _HOG: "a thread computes in Python without pause; no thread of a station does",
    }
)


def _sorted_ms(late_ns: list[int]) -> list[float]:
    return [late / 1e6 for late in sorted(late_ns)]


def _percentiles_ms(late_ns: list[int]) -> dict[str, float]:
    p50, p99, most = (float(each) for each in np.percentile(late_ns, (50, 99, 100)) / 1e6)
    return {"p50_ms": p50, "p99_ms": p99, "max_ms": most}
