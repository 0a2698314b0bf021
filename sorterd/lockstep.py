"""A whole station on a manual clock, without threads: the same every time for one seed.

Time jumps from one thing that is due to the next: a gate, an answer of the
model, a deadline, a frame. The model really runs, but what it costs is what the
caller says it costs, so a fast machine and a slow one tell the same story.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sorterd.clock import ManualClock
from sorterd.core.records import (
    BeamBroken,
    Drop,
    EndPiece,
    MoveGate,
    ScoresReady,
    Stop,
    Tick,
)
from sorterd.pipeline import Job, Onlooker, Todo, answer
from sorterd.ports import Camera, Sink
from sorterd.triggers.simulated import SimulatedTrigger
from sorterd.wiring.parts import Station


@dataclass(frozen=True, slots=True)
class NominalCost:
    """What a call of the model is said to cost: so much a call, and so much a crop of its size."""

    call_ns: int
    crop_ns: int

    def of(self, size: int) -> int:
        """Return the cost of one call of a batch size, nanoseconds."""
        return self.call_ns + size * self.crop_ns


class Lockstep:
    """Runs the road to its end. One thread.

    Args:
        clock: Moved by this object alone.
        station: Its parts; the model is really asked.
        camera: Says when its next frame is due, and ends with None.
        sinks: Take the outcomes.
        cost: What the model is said to need.
        onlooker: Shown every frame with its pieces; for a film.
        trigger: Tells when a piece passes; None for none.
    """

    def __init__(
        self,
        *,
        clock: ManualClock,
        station: Station,
        camera: Camera,
        sinks: Iterable[Sink],
        cost: NominalCost,
        onlooker: Onlooker | None = None,
        trigger: SimulatedTrigger | None = None,
    ) -> None:
        self._clock = clock
        self._camera = camera
        self._pipeline = station.pipeline
        self._classifier = station.classifier
        self._cropper = station.cropper
        self._mover = station.mover
        self._sinks = tuple(sinks)
        self._cost = cost
        self._onlooker = onlooker
        self._trigger = trigger
        if trigger is not None:
            trigger.listen(self._broken)
        self._answers: deque[ScoresReady] = deque()

    def dropped(self) -> dict[Drop, int]:
        """Return what was not used so far, by reason."""
        drops = dict(self._pipeline.mind.drops)
        drops[Drop.FRAME_NOT_NEEDED] = self._pipeline.not_needed
        return {drop: count for drop, count in drops.items() if count}

    def run(self, until_ns: int | None, *, stop: Callable[[], bool] = lambda: False) -> None:
        """Run until the camera is over, `until_ns` has come or `stop` says so; then drain.

        Raises:
            DeviceFault: A device failed; the gates are safe and every piece has its outcome.
        """
        try:
            while not stop() and (until_ns is None or self._clock.now_ns() < until_ns):
                if not self._advance():
                    break
        finally:
            self._drain()

    def _advance(self) -> bool:
        """Do the next thing that is due; False once the camera is over."""
        frame_ns = self._camera.due_ns
        if not self._advance_to(frame_ns):
            frame = self._camera.read()
            if frame is None:
                return False
            if self._pipeline.worth_seeing(frame):
                self._do(self._pipeline.see(frame))
            if self._onlooker is not None:
                now_ns = self._clock.now_ns()
                self._onlooker(frame, self._pipeline.mind.views(now_ns), now_ns)
        return True

    def _advance_to(self, limit_ns: int) -> bool:
        """Do the next thing due before `limit_ns`, if there is one."""
        gate_ns, wake_ns = self._mover.next_ns, self._pipeline.mind.wake_ns
        answer_ns = self._answers[0].now_ns if self._answers else None
        beam_ns = self._trigger.next_ns if self._trigger is not None else None
        dues = [due for due in (gate_ns, answer_ns, beam_ns, wake_ns) if due is not None]
        if not dues or min(dues) > limit_ns:
            self._clock.sleep_until(limit_ns)
            return False
        due_ns = min(dues)
        self._clock.sleep_until(due_ns)
        if gate_ns == due_ns:
            for moved in self._mover.act(self._clock.now_ns()):
                self._do(self._pipeline.step(moved))
        elif answer_ns == due_ns:
            self._do(self._pipeline.step(self._answers.popleft()))
        elif beam_ns == due_ns and self._trigger is not None:
            self._trigger.act(self._clock.now_ns())
        else:
            self._do(self._pipeline.step(Tick(self._clock.now_ns())))
        return True

    def _broken(self, t_ns: int) -> None:
        self._do(self._pipeline.step(BeamBroken(t_ns, self._clock.now_ns())))

    def _do(self, todo: Iterable[Todo]) -> None:
        for command in todo:
            match command:
                case Job():
                    self._run(command)
                case MoveGate():
                    self._mover.accept(command.pulse)
                case EndPiece():
                    for sink in self._sinks:
                        sink.write(command.outcome)

    def _run(self, job: Job) -> None:
        took_ns = self._cost.of(job.size)
        ready = answer(job, self._classifier, self._cropper, self._clock)
        begins_ns = max([self._clock.now_ns(), *(each.now_ns for each in self._answers)])
        self._answers.append(replace(ready, now_ns=begins_ns + took_ns, took_ns=took_ns))

    def _drain(self) -> None:
        """Let pulses that were sent come to their end, end every piece, make the gates safe."""
        while (next_ns := self._mover.next_ns) is not None:
            self._advance_to(next_ns)
        self._do(self._pipeline.step(Stop(self._clock.now_ns())))
        self._mover.make_safe(self._clock.now_ns())
        while (next_ns := self._mover.next_ns) is not None:
            self._clock.sleep_until(next_ns)
            self._mover.act(self._clock.now_ns())
        for sink in self._sinks:
            sink.flush()
