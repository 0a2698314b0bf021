"""What a sorter is connected to in its tests: a model that answers, gates or lids that move."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from sorterd.core.mind import Mind
from sorterd.core.records import (
    Crop,
    EndPiece,
    Event,
    GateMoved,
    LookAt,
    MoveGate,
    Movement,
    Outcome,
    Pulse,
    Reason,
    RunBatch,
    ScoresReady,
    Tick,
)

MS: Final = 1_000_000

NOT_OPENED: Final = (
    (Movement.REFUSED_LATE, Reason.GATE_LATE),
    (Movement.FAULT, Reason.GATE_FAULT),
    (Movement.ABANDONED, Reason.STOPPED),
    (None, Reason.GATE_FAULT),
)
"""What a gate may do instead of opening, and how its piece ends then."""


@dataclass(kw_only=True)
class Surroundings(ABC):
    """A model and gates that obey a sorter, at the instants at which they would.

    Attributes:
        sorter: The sorter.
        scored: Builds answers.
        latency_ms: What the model needs; None if it never answers.
        movement: What gates do with a pulse; None for nothing.
    """

    sorter: Mind[Any]
    scored: Callable[..., ScoresReady]
    latency_ms: float | None = 20.0
    movement: Movement | None = Movement.OPENED
    now_ns: int = 0
    waiting: list[Event] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    pulses: list[Pulse] = field(default_factory=list)
    batches: list[tuple[int, RunBatch]] = field(default_factory=list)

    @abstractmethod
    def labels_of(self, crops: Sequence[Crop]) -> list[str]:
        """Return what the model says of each crop."""

    def until(self, t_ns: int) -> None:
        """Let all come that falls due before an instant."""
        while True:
            dues = [event.now_ns for event in self.waiting]
            wake_ns = self.sorter.wake_ns
            assert wake_ns is None or wake_ns > self.now_ns, "a wake-up in the past is a busy loop"
            due_ns = min([*dues, *([] if wake_ns is None else [wake_ns])], default=t_ns)
            if due_ns >= t_ns:
                return
            first = next((event for event in self.waiting if event.now_ns == due_ns), None)
            if first is not None:
                self.waiting.remove(first)
            self.tell(first or Tick(due_ns))

    def tell(self, event: Event) -> None:
        """Tell the sorter, and do what it wants done."""
        self.now_ns = event.now_ns
        for command in self.sorter.step(event):
            match command:
                case RunBatch():
                    self.batches.append((self.now_ns, command))
                    self._score(command)
                case MoveGate(pulse):
                    self.pulses.append(pulse)
                    if self.movement is not None:
                        self.answer(pulse, self.movement)
                case EndPiece(outcome):
                    self.outcomes.append(outcome)
                case LookAt():
                    pass
                case _:
                    assert_never(command)

    def answer(self, pulse: Pulse, movement: Movement) -> None:
        """Let a gate answer when its pulse begins."""
        self.waiting.append(GateMoved(pulse.pulse, pulse.gate, movement, 0, pulse.start_ns))

    def _score(self, batch: RunBatch) -> None:
        if self.latency_ms is not None:
            done_ms = self.now_ns / MS + self.latency_ms
            labels = self.labels_of(batch.crops)
            ready = self.scored(batch, *labels, now_ms=done_ms, took_ms=self.latency_ms)
            self.waiting.append(ready)


def only(surroundings: Surroundings) -> Outcome:
    """Return the one outcome there is."""
    (outcome,) = surroundings.outcomes
    return outcome
