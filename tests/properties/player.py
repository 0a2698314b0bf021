"""Plays a made-up world to a sorter: frames, a model that takes its time, gates that may fail.

A sorter is told what happens in the order in which it happens, and is woken when it asks for it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import Any, Literal, Protocol

from sorterd.core.records import (
    Command,
    Crop,
    EndPiece,
    Event,
    FrameCame,
    FrameSeen,
    GateMoved,
    LookAt,
    MoveGate,
    Movement,
    Outcome,
    Pulse,
    RunBatch,
    ScoresReady,
    Stop,
    Tick,
)

MS = 1_000_000

Answer = Literal["opens", "refuses", "fails", "is silent"]
"""What a gate does with one pulse. A silent one moves; only nobody hears of it."""


class Mind(Protocol):
    """What both sorters have in common."""

    @property
    def wake_ns(self) -> int | None:
        """When to come back at the latest."""
        ...

    def step(self, event: Event) -> tuple[Command, ...]:
        """Take in one event."""
        ...


@dataclass(slots=True)
class Played:
    """What came of it.

    Attributes:
        commands: Every command with the instant at which it was given.
        moved: The pulses that gates carried out.
        end_ns: When it was stopped.
    """

    end_ns: int
    commands: list[tuple[int, Command]] = field(default_factory=list)
    moved: list[Pulse] = field(default_factory=list)

    @property
    def outcomes(self) -> list[Outcome]:
        """Return how the pieces ended, in that order."""
        return [command.outcome for _, command in self.commands if isinstance(command, EndPiece)]

    @property
    def pulses(self) -> list[tuple[int, Pulse]]:
        """Return the pulses, each with the instant at which it was sent."""
        return [(at, each.pulse) for at, each in self.commands if isinstance(each, MoveGate)]

    @property
    def batches(self) -> list[tuple[int, RunBatch]]:
        """Return the batches, each with the instant at which it was sent."""
        return [(at, each) for at, each in self.commands if isinstance(each, RunBatch)]


def _nobody(_now_ns: int, _batch: RunBatch | None) -> None:
    """Watch nothing."""


class Player:
    """One sorter with all that it is connected to.

    Args:
        mind: The sorter.
        latencies_ms: What the model needs, call by call; from the beginning again at the end.
        answers: What gates do with their pulses; from the beginning again at the end.
        score: The model.
        watch: Called after each command to run a batch, and after each frame.
    """

    def __init__(
        self,
        mind: Mind,
        *,
        latencies_ms: tuple[int, ...],
        answers: tuple[Answer, ...],
        score: Callable[[Crop], tuple[float, ...]],
        watch: Callable[[int, RunBatch | None], None] = _nobody,
    ) -> None:
        self._mind = mind
        self._latencies_ms = latencies_ms
        self._answers = answers
        self._score = score
        self._watch = watch
        self._pending: list[tuple[int, int, Event]] = []
        self._frames: dict[int, FrameSeen] = {}
        self._looking = False
        self._numbers = count()

    def play(self, frames: Iterable[FrameSeen], end_ns: int, more: Iterable[Event] = ()) -> Played:
        """Let all of it happen, and stop.

        Args:
            frames: In any order.
            end_ns: When the station stops.
            more: What else the sorter is told, in any order.
        """
        played = Played(end_ns)
        for event in more:
            self._later(event)
        for frame in frames:
            self._frames[frame.sequence] = frame
            self._later(FrameCame(frame.sequence, frame.exposed_ns, frame.exposed_ns))
        now_ns: int | None = None
        while True:
            due_ns = self._pending[0][0] if self._pending else end_ns
            # Whoever looks at a frame does nothing else meanwhile.
            wake_ns = None if self._looking else self._mind.wake_ns
            if wake_ns is not None and wake_ns < due_ns:
                assert now_ns is None or wake_ns > now_ns, "a wake-up in the past is a busy loop"
                due_ns = wake_ns
            if due_ns >= end_ns:
                break
            now_ns = due_ns
            if self._pending and self._pending[0][0] == due_ns:
                self._tell(heappop(self._pending)[2], played)
            else:
                self._tell(Tick(due_ns), played)
        self._tell(Stop(end_ns), played)
        return played

    def _tell(self, event: Event, played: Played) -> None:
        self._looking &= not isinstance(event, FrameSeen)
        for command in self._mind.step(event):
            played.commands.append((event.now_ns, command))
            match command:
                case LookAt(sequence):
                    self._looking = True
                    self._later(self._frames.pop(sequence))
                case RunBatch():
                    self._watch(event.now_ns, command)
                    self._ask_model(command, event.now_ns)
                case MoveGate(pulse):
                    self._move(pulse, played)
                case EndPiece():
                    pass
        if isinstance(event, FrameSeen):
            self._watch(event.now_ns, None)

    def _later(self, event: Event) -> None:
        heappush(self._pending, (event.now_ns, next(self._numbers), event))

    def _ask_model(self, batch: RunBatch, now_ns: int) -> None:
        took_ns = self._latencies_ms[batch.batch % len(self._latencies_ms)] * MS
        scores = tuple(self._score(crop) for crop in batch.crops)
        self._later(ScoresReady(batch.batch, now_ns + took_ns, scores, took_ns))

    def _move(self, pulse: Pulse, played: Played) -> None:
        def moved(movement: Movement, due_ns: int) -> None:
            self._later(GateMoved(pulse.pulse, pulse.gate, movement, 0, due_ns))

        answer = self._answers[pulse.pulse % len(self._answers)]
        if answer in {"opens", "is silent"}:
            played.moved.append(pulse)
        match answer:
            case "opens":
                moved(Movement.OPENED, pulse.start_ns)
                moved(Movement.CLOSED, pulse.close_ns)
            case "refuses":
                moved(Movement.REFUSED_LATE, pulse.start_ns)
            case "fails":
                moved(Movement.FAULT, pulse.start_ns)
            case "is silent":
                pass


LENGTHS_OF_TIME = {"took_ns", "late_ns", "opened_late_ns"}


def shifted(record: Any, by_ns: int) -> Any:  # noqa: ANN401 - any record, and what is in it
    """Return a record whose instants are later by a constant."""
    if isinstance(record, tuple):
        return tuple(shifted(each, by_ns) for each in record)
    if not is_dataclass(record) or isinstance(record, type):
        return record
    changes = {}
    for each in fields(record):
        value = getattr(record, each.name)
        if each.name.endswith("_ns") and each.name not in LENGTHS_OF_TIME:
            changes[each.name] = None if value is None else value + by_ns
        else:
            changes[each.name] = shifted(value, by_ns)
    return replace(record, **changes)


def held(owner: object) -> int:
    """Count all that an object of the core holds in containers, however deep."""
    counted, met, left = 0, set[int](), [owner]
    while left:
        each = left.pop()
        if id(each) in met or isinstance(each, type | str):
            continue
        met.add(id(each))
        if isinstance(each, Mapping):
            counted += len(each)
            left += each.values()
        elif isinstance(each, Iterable):
            inside = list(each)
            counted += len(inside)
            left += inside
        elif type(each).__module__.startswith("sorterd.core"):
            names = getattr(type(each), "__slots__", ()) or vars(each)
            left += [getattr(each, name) for name in names]
    return counted
