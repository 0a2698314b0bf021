"""A belt with pieces on it, a model and gates, as the tests of a belt's sorter need them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from sorterd.core.batching import Cost
from sorterd.core.records import (
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
    Region,
    RunBatch,
    ScoresReady,
    Tick,
)
from sorterd.core.sorter import Sorter

MS = 1_000_000
COSTS = {1: Cost(20 * MS, 30 * MS), 4: Cost(40 * MS, 60 * MS)}


@dataclass
class Line:
    """A belt with pieces of 60 mm, a model that tells their labels and gates that obey.

    Attributes:
        sorter: The sorter.
        region: Builds regions.
        scored: Builds answers.
        pieces: Label of each piece, by how far (mm) the belt has run when its front enters.
        halts: When (ms) the belt stands.
        latency_ms: What the model needs.
        answers: Whether the model answers at all.
        movement: What gates do with a pulse; None for nothing.
        told_early: Whether the sorter is told of a frame before it is looked at.
    """

    sorter: Sorter
    region: Callable[..., Region]
    scored: Callable[..., ScoresReady]
    pieces: dict[float, str] = field(default_factory=lambda: {0.0: "can"})
    halts: tuple[int, int] = (0, 0)
    latency_ms: float = 20.0
    answers: bool = True
    movement: Movement | None = Movement.OPENED
    told_early: bool = False
    now_ns: int = 0
    waiting: list[Event] = field(default_factory=list)
    frames: dict[int, tuple[Region, ...]] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    pulses: list[Pulse] = field(default_factory=list)
    batches: list[tuple[int, RunBatch]] = field(default_factory=list)

    def travel_mm(self, t_ms: float) -> float:
        """Return how far the belt has run."""
        begin_ms, length_ms = self.halts
        return 0.2 * (t_ms - min(max(t_ms - begin_ms, 0.0), length_ms))

    def run(self, from_ms: int, to_ms: int, *, every_ms: int = 33) -> None:
        """Let frames come, and in between all that falls due."""
        for t_ms in range(from_ms, to_ms, every_ms):
            self.until(t_ms * MS + 5 * MS)
            self.show(t_ms)

    def show(self, t_ms: int) -> None:
        """Let one frame come."""
        fronts_mm = [self.travel_mm(t_ms) - offset_mm for offset_mm in self.pieces]
        shown = [self.region(front_mm) for front_mm in fronts_mm if 1 <= front_mm < 379]
        if self.told_early:
            self.tell(FrameCame(t_ms, t_ms * MS, t_ms * MS + MS))
        self.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, tuple(shown)))

    def until(self, t_ns: int) -> None:
        """Let all come that falls due before an instant."""
        while True:
            dues = [event.now_ns for event in self.waiting]
            wake_ns = self.sorter.wake_ns
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
                    if self.answers:
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
        """Let the model answer with the label of the piece that each crop shows."""
        labels = []
        for crop in batch.crops:
            front_mm = self.travel_mm(crop.sequence)
            middle_mm = (crop.box.left_px + crop.box.right_px) / 4
            near = min(self.pieces, key=lambda offset: abs(front_mm - offset - 30 - middle_mm))
            labels.append(self.pieces[near])
        done_ms = self.now_ns / MS + self.latency_ms
        self.waiting.append(self.scored(batch, *labels, now_ms=done_ms, took_ms=self.latency_ms))


def only(line: Line) -> Outcome:
    """Return the one outcome there is."""
    (outcome,) = line.outcomes
    return outcome
