"""A station whose road can be watched: its own parts, each with a stopwatch around it.

Nothing is replaced and nothing changes its order. The pipeline is watched as well, for it is where
a frame's road begins for the sort thread and where it ends: with the pulse, or with the scores.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from sorterd.clock import process_cpu_ns
from sorterd.core.batching import Cost
from sorterd.core.records import (
    Crop,
    Event,
    FrameCame,
    FrameSeen,
    GateMoved,
    MoveGate,
    RunBatch,
    ScoresReady,
)
from sorterd.pipeline import AnyMind, Job, Pipeline, Todo
from sorterd.ports import Clock, DeviceFault, Frame
from sorterd.settings import Settings
from sorterd.wiring.devices import simulated_gates
from sorterd.wiring.models import Model
from sorterd.wiring.parts import Station, assemble, region_finder
from sorterd.wiring.plans import mind
from tools.workshop.bench.stopwatch import Stopwatch, timed

# A road that has not ended by now never will: 100 invokes of the slowest runtime.
_PATIENCE_S = 10.0

_STEPS: Mapping[type[Any], str] = {
    FrameCame: "expect",
    FrameSeen: "follow",
    ScoresReady: "judge",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """Scores that the sorter has taken in.

    Attributes:
        crops: What was scored.
        now_ns: When they were taken from the mailbox.
    """

    crops: tuple[Crop, ...]
    now_ns: int


@dataclass(slots=True)
class Turn:
    """One frame's road.

    Attributes:
        exposed_ns: Where it began.
        ended_ns: When the last scores of its crops were dealt with, or the frame, if it had none.
        worked_ns: Processor time of the whole process by then, as `process_cpu_ns` tells it.
        scored: Crops that were scored.
        first: Whether one of them showed a piece that had no scores before.
        pulses: Movements that were planned with those scores.
    """

    exposed_ns: int
    ended_ns: int = 0
    worked_ns: int = 0
    scored: int = 0
    first: bool = False
    pulses: int = 0


@dataclass(slots=True)
class Seen:
    """What came by, for whoever wants to count it afterwards; only ever appended to."""

    answers: list[Answered] = field(default_factory=list)
    moves: list[GateMoved] = field(default_factory=list)


class WatchedPipeline:
    """Passes everything on to the station's pipeline; the sort thread's.

    Args:
        pipeline: The station's.
        watch: Where stamps go, if any are wanted.
        clock: The station's.
        taken: Called when a frame was taken from its mailbox.
        driven: Whoever drives the camera waits for what comes of each frame, so each is seen.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        watch: Stopwatch | None,
        clock: Clock,
        taken: Callable[[], None] = lambda: None,
        *,
        driven: bool = False,
    ) -> None:
        self._pipeline = pipeline
        self._driven = driven
        self._instant: Callable[[str], None] = _unstamped if watch is None else watch.instant
        self._clock = clock
        self._taken = taken
        self._crops: dict[int, tuple[Crop, ...]] = {}
        self._turn = Turn(0)
        self._looking = False
        self._over = threading.Event()
        self.seen = Seen()

    @property
    def mind(self) -> AnyMind:
        """The station's."""
        return self._pipeline.mind

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a pipeline has
        return getattr(self._pipeline, name)

    def worth_seeing(self, frame: Frame) -> bool:
        """Whether a frame is to be seen; see `Pipeline.worth_seeing`."""
        return self._driven or self._pipeline.worth_seeing(frame)

    def see(self, frame: Frame) -> Iterator[Todo]:
        """Take a frame; see `Pipeline.see`."""
        self._instant("frame taken")
        self._taken()
        self._turn, self._looking = Turn(frame.exposed_ns), True
        for todo in self._pipeline.see(frame):
            self._note(todo)
            yield todo
        self._looking = False
        self._end_if_over(self._clock.now_ns())

    def step(self, event: Event) -> list[Todo]:
        """Pass an event on; see `Pipeline.step`."""
        if isinstance(event, ScoresReady):
            self._instant("answer taken")
        elif isinstance(event, GateMoved):
            self.seen.moves.append(event)
        began_ns = self._clock.now_ns()
        todos = list(self._pipeline.step(event))
        ended_ns = self._clock.now_ns()
        for todo in todos:
            self._note(todo)
        if isinstance(event, ScoresReady):
            crops = self._crops.pop(event.batch, ())
            self.seen.answers.append(Answered(crops, began_ns))
            self._turn.scored += len(crops)
            self._turn.first |= any(crop.views == 0 for crop in crops)
            self._turn.pulses += sum(isinstance(todo, MoveGate) for todo in todos)
            self._end_if_over(ended_ns)
        return todos

    def batch(self, batch: RunBatch) -> None:
        """Take note of a batch that goes out."""
        self._crops[batch.batch] = batch.crops

    def begin_turn(self) -> None:
        """Forget the turns so far: the next frame's will be waited for."""
        self._over.clear()

    def turn(self) -> Turn:
        """Wait on another thread until the next frame since `begin_turn` has been dealt with.

        Raises:
            DeviceFault: That did not happen: a thread of the station has died.
        """
        if not self._over.wait(_PATIENCE_S):
            raise DeviceFault("the road did not end: the station's own log says why")
        return self._turn

    def _note(self, todo: Todo) -> None:
        if isinstance(todo, Job):
            self._instant("job put")

    def _end_if_over(self, now_ns: int) -> None:
        if self._looking or self._crops or self._over.is_set() or not self._turn.exposed_ns:
            return
        self._turn.ended_ns, self._turn.worked_ns = now_ns, process_cpu_ns()
        self._over.set()


class _WatchedMind:
    """Passes everything on to the station's mind, and tells of every batch that goes out."""

    def __init__(self, own: AnyMind, watch: Stopwatch | None) -> None:
        self._own = own
        self._step = own.step if watch is None else watch.around(_step_name, own.step)
        self.tell: Callable[[RunBatch], None] = lambda _: None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a mind has
        return getattr(self._own, name)

    def step(self, event: Event) -> Any:  # noqa: ANN401 - what the mind's own step returns
        commands = self._step(event)
        for command in commands:
            if isinstance(command, RunBatch):
                self.tell(command)
        return commands


def _unstamped(stage: str) -> None:
    """Nobody wants to know."""


def _step_name(given: tuple[Any, ...], result: object) -> str:
    del result
    return _STEPS.get(type(given[0]), "tick")


def watched_station(
    settings: Settings,
    model: Model,
    costs: Mapping[int, Cost],
    watch: Stopwatch | None,
    clock: Clock,
    taken: Callable[[], None] = lambda: None,
    *,
    driven: bool = False,
) -> tuple[Station, WatchedPipeline]:
    """Put a station together as `assemble` does, with its parts watched.

    Args:
        settings: Of the station.
        model: Opened; its interpreters are watched from now on.
        costs: What the mind is to believe of the model.
        watch: Where stamps go; None where only the pipeline is to be watched.
        clock: Of the station.
        taken: Called when a frame was taken from its mailbox.
        driven: Whether each frame is seen, an empty belt's too.

    Returns:
        The station, for a daemon; and its pipeline, to be asked how it went.
    """
    gates, _ = simulated_gates(settings, clock)
    station = assemble(settings, model, costs, gates, clock)
    own_mind = _WatchedMind(mind(settings, model, costs), watch)
    finder = region_finder(settings, model)
    if watch is not None:
        finder = timed(finder, watch, {"find": "find"})
        station = _timed_parts(station, model, watch)
    pipeline = WatchedPipeline(
        Pipeline(finder, cast("AnyMind", own_mind), clock), watch, clock, taken, driven=driven
    )
    own_mind.tell = pipeline.batch
    return replace(station, pipeline=cast("Pipeline", pipeline)), pipeline


def _timed_parts(station: Station, model: Model, watch: Stopwatch) -> Station:
    # The one part that is opened up: an invoke ends before its answer is read, and only the
    # interpreter knows when.
    interpreters = vars(model.classifier).get("_interpreters", {})
    for size, one in interpreters.items():
        interpreters[size] = timed(one, watch, {"invoke": "infer"})
    return replace(
        station,
        classifier=timed(station.classifier, watch, {"slots": "job taken", "scores": "scores"}),
        cropper=timed(station.cropper, watch, {"write": "crop"}),
        mover=timed(station.mover, watch, {"accept": "pulse taken", "act": "move"}),
    )
