"""Timed parts: they stand around a station's own parts and write down when each was at work.

A timed part passes everything on and changes nothing. A stamp says which stage it was, when it
began and ended, and how much processor time its thread spent in between. What a stamp itself costs
is measured, told, and never subtracted.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from sorterd.clock import thread_cpu_ns
from sorterd.ports import Clock

P = TypeVar("P")

Stage = str | Callable[[tuple[Any, ...], Any], str]
"""A stage's name; or what tells it from the arguments and the result of a call."""

_TRIES = 2000


class Stamp(NamedTuple):
    """One stage of one frame.

    Attributes:
        stage: Its name.
        began_ns: When it began.
        ended_ns: When it ended.
        cpu_ns: Processor time that its thread spent meanwhile.
    """

    stage: str
    began_ns: int
    ended_ns: int
    cpu_ns: int

    @property
    def took_ns(self) -> int:
        """How long it took."""
        return self.ended_ns - self.began_ns


class Stopwatch:
    """Collects stamps. Any thread may add some; one takes them.

    Args:
        clock: The station's.
    """

    def __init__(self, clock: Clock) -> None:
        self._now_ns = clock.now_ns
        self._stamps: list[Stamp] = []

    def instant(self, stage: str, at_ns: int | None = None) -> None:
        """Stamp something that takes no time."""
        at_ns = self._now_ns() if at_ns is None else at_ns
        self._stamps.append(Stamp(stage, at_ns, at_ns, 0))

    def around(self, stage: Stage, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call that does the same and is stamped."""
        now_ns, stamps = self._now_ns, self._stamps
        named = stage if isinstance(stage, str) else None
        name_of = None if isinstance(stage, str) else stage

        def stamped(*given: Any, **named_given: Any) -> Any:  # noqa: ANN401 - whatever the part takes
            cpu_ns, began_ns = thread_cpu_ns(), now_ns()
            result = call(*given, **named_given)
            ended_ns, spent_ns = now_ns(), thread_cpu_ns() - cpu_ns
            name = name_of(given, result) if name_of is not None else named
            stamps.append(Stamp(name or "", began_ns, ended_ns, spent_ns))
            return result

        return stamped

    def take(self) -> list[Stamp]:
        """Return the stamps since the last time, in the order in which stages ended."""
        taken = self._stamps[:]
        # The list stays the same one: timed parts hold on to it.
        del self._stamps[: len(taken)]
        return taken


class _Timed:
    """Passes everything on; the calls it was told of are stamped."""

    def __init__(self, part: object, watch: Stopwatch, stages: Mapping[str, Stage]) -> None:
        self._part = part
        for method, stage in stages.items():
            setattr(self, method, watch.around(stage, getattr(part, method)))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the part has
        return getattr(self._part, name)


def timed(part: P, watch: Stopwatch, stages: Mapping[str, Stage]) -> P:
    """Put a stopwatch around a part.

    Args:
        part: Whatever has the methods.
        watch: Where stamps go.
        stages: By name of the method that is timed.

    Returns:
        What does all that the part does.
    """
    return cast("P", _Timed(part, watch, stages))


def stamp_cost_ns(clock: Clock) -> float:
    """Return what one stamp adds to a call, nanoseconds: median, both warm."""
    watch = Stopwatch(clock)

    def nothing() -> None:
        pass

    stamped = watch.around("nothing", nothing)

    def took_ns(call: Callable[[], Any]) -> int:
        began_ns = clock.now_ns()
        call()
        return clock.now_ns() - began_ns

    pairs = [(took_ns(stamped), took_ns(nothing)) for _ in range(_TRIES)]
    return float(np.median([with_ns - without_ns for with_ns, without_ns in pairs]))


def figures(took_ns: Iterable[int]) -> dict[str, float]:
    """Return p50, p95, p99 and the most, milliseconds; empty if there is nothing."""
    all_ms = np.fromiter(took_ns, np.float64) / 1e6
    if not all_ms.size:
        return {}
    p50, p95, p99 = (float(each) for each in np.percentile(all_ms, (50, 95, 99)))
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": float(all_ms.max())}
