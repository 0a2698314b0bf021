"""The sort thread: frames, answers and what gates did go in, batches, pulses and outcomes come out.

It owns the pipeline, and is the one that notices when a camera or a model has
fallen silent. Between two frames it can take another pipeline: then it first
lets the pulses that were sent, and the batches that are out, come to their end.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sorterd.core.records import (
    BeamBroken,
    Drop,
    EndPiece,
    GateMoved,
    MoveGate,
    Movement,
    ScoresReady,
    Stop,
    Tick,
)
from sorterd.inference import Inference, Scorer
from sorterd.mailbox import Bell, Mailbox, NewestBox
from sorterd.moving import Moving
from sorterd.patience import Patience
from sorterd.pipeline import Job, Onlooker, Pipeline, Todo
from sorterd.ports import Clock, DeviceFault, Frame, Sink
from sorterd.realtime import forget_the_old
from sorterd.service.heartbeat import Heartbeat
from sorterd.writing import Writing

S_NS = 1_000_000_000
# Twice a second, look whether camera and runtime are alive.
LOOK_NS = S_NS // 2


@dataclass(frozen=True, slots=True)
class Change:
    """What a running station is to go on with.

    Attributes:
        pipeline: For the sort thread.
        scorer: For the infer thread, which closes the one it had.
        sinks: For the sink thread, which closes those it had.
        let_go: Closes what the old pipeline was made of; called on the sort thread.
        done: Told, on the sort thread, how long nothing was sorted, nanoseconds.
    """

    pipeline: Pipeline
    scorer: Scorer
    sinks: tuple[Sink, ...]
    let_go: Callable[[], None]
    done: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Onward:
    """Where what the sort thread wants done goes."""

    inference: Inference
    moving: Moving
    writing: Writing


@dataclass(frozen=True, slots=True)
class Inward:
    """Where what comes to the sort thread lies; all of it rings one bell."""

    bell: Bell
    frames: NewestBox[Frame]
    answers: Mailbox[ScoresReady]
    moves: Mailbox[GateMoved]
    beams_ns: Mailbox[int]
    """When something broke the beam."""


class Sorting:
    """Owns the pipeline. One thread calls `run`.

    Args:
        clock: The station's.
        pipeline: What it starts with.
        inward: Where its work comes from.
        onward: Where it goes.
        stopping: Says whether to come to an end.
        patience: How long to bear with camera and runtime.
        onlooker: Shown every frame; must not wait.
        heartbeat: Told of work that was done; None if nobody wants to know.
    """

    def __init__(
        self,
        clock: Clock,
        pipeline: Pipeline,
        inward: Inward,
        onward: Onward,
        *,
        stopping: Callable[[], bool],
        patience: Patience,
        onlooker: Onlooker | None,
        heartbeat: Heartbeat | None,
    ) -> None:
        self.pipeline = pipeline
        """May be asked by the capture thread what is worth seeing."""
        self.looked = False
        """Whether any frame was looked at so far."""
        self._clock = clock
        self._in = inward
        self._on = onward
        self._stopping = stopping
        self._patience = patience
        self._onlooker = onlooker
        self._heartbeat = heartbeat
        self._changes: NewestBox[Change] = NewestBox(inward.bell)
        self._change: Change | None = None
        self._out = _Outstanding(clock.now_ns())
        self._drops_before: Counter[Drop] = Counter()

    def change(self, change: Change) -> None:
        """Go on with other parts as soon as what is out has come to its end. Any thread."""
        self._changes.put(change)

    def dropped(self) -> Counter[Drop]:
        """Return what was not used so far, by reason."""
        drops = self._drops_before + self.pipeline.mind.drops
        drops[Drop.FRAME_NOT_NEEDED] += self.pipeline.not_needed
        return drops

    def run(self) -> None:
        """Sort until told to stop and nothing is out. The sort thread.

        Raises:
            DeviceFault: The camera or the model has been silent for too long, or a runtime failed.
        """
        self._out = _Outstanding(self._clock.now_ns())
        while not (self._stopping() and self._drained()):
            wake_ns = self.pipeline.mind.wake_ns
            look_ns = self._clock.now_ns() + LOOK_NS
            self._in.bell.wait_until(min(wake_ns or look_ns, look_ns))
            self._once()
            self._check_alive()
            self._change_if_due()
        self._do(self.pipeline.step(Stop(self._clock.now_ns())))

    def _once(self) -> None:
        while (moved := self._in.moves.take()) is not None:
            self._out.heard(moved)
            self._do(self.pipeline.step(moved))
        while (ready := self._in.answers.take()) is not None:
            self._out.batches -= 1
            self._do(self.pipeline.step(ready))
            if self._heartbeat is not None:
                self._heartbeat.answered()
        while (t_ns := self._in.beams_ns.take()) is not None:
            self._do(self.pipeline.step(BeamBroken(t_ns, self._clock.now_ns())))
        frame = self._in.frames.take()
        if frame is not None:
            self._out.last_frame_ns = self._clock.now_ns()
        # What is to end looks at no more frames.
        if frame is None or self._change is not None or self._stopping():
            self._do(self.pipeline.step(Tick(self._clock.now_ns())))
        else:
            self._see(frame)
        self._beat()

    def _see(self, frame: Frame) -> None:
        if self._onlooker is None or self.pipeline.worth_seeing(frame):
            self._do(self.pipeline.see(frame))
            if self.pipeline.looked_ns == frame.exposed_ns:
                self.looked = True
                if self._heartbeat is not None:
                    self._heartbeat.looked(frame.exposed_ns)
        if self._onlooker is not None:
            now_ns = self._clock.now_ns()
            self._onlooker(frame, self.pipeline.mind.views(now_ns), now_ns)

    def _do(self, todo: Iterable[Todo]) -> None:
        for command in todo:
            match command:
                case Job():
                    self._out.batches += 1
                    if self._heartbeat is not None:
                        self._heartbeat.asked()
                    self._on.inference.send(command)
                case MoveGate():
                    self._out.pulses.add(command.pulse.pulse)
                    self._on.moving.send(command.pulse)
                case EndPiece():
                    self._on.writing.send(command.outcome)

    def _beat(self) -> None:
        if self._heartbeat is None:
            return
        if (token := self._heartbeat.token(self._clock.now_ns())) is not None:
            self._on.moving.take_token(token)

    # What ends: the station, or what it goes by.

    def _drained(self) -> bool:
        return not self._out.pulses or self._waited_ns() >= self._patience.drain_ns

    def _waited_ns(self) -> int:
        now_ns = self._clock.now_ns()
        if self._out.draining_since_ns is None:
            self._out.draining_since_ns = now_ns
        return now_ns - self._out.draining_since_ns

    def _change_if_due(self) -> None:
        newer = self._changes.take()
        if newer is not None:
            self._change = newer
        if self._change is None or self._stopping():
            return
        waited_ns = self._waited_ns()
        if waited_ns >= self._patience.drain_ns:
            if self._out.batches:
                raise DeviceFault("the model does not answer for what is out: restart the station")
            # Whatever stands open for longer is shut, and answers for its pulse by that.
            self._on.moving.make_safe()
        if self._out.batches:
            return
        if self._out.pulses and waited_ns < self._patience.drain_ns + S_NS:
            return
        since_ns = self._clock.now_ns() - waited_ns
        change, self._change = self._change, None
        self._drops_before = self.dropped()
        self._do(self.pipeline.step(Stop(self._clock.now_ns())))
        self.pipeline = change.pipeline
        self._on.inference.change(change.scorer)
        self._on.writing.change(change.sinks)
        change.let_go()
        self._out = _Outstanding(self._out.last_frame_ns)
        # No gate moves now: the one moment at which a collection of everything is in nobody's way.
        forget_the_old()
        change.done(self._clock.now_ns() - since_ns)

    def _check_alive(self) -> None:
        now_ns, out = self._clock.now_ns(), self._out
        if self._stopping():
            return
        if now_ns - out.last_frame_ns > self._patience.silent_camera_ns:
            seconds = self._patience.silent_camera_ns // S_NS
            raise DeviceFault(f"the camera has shown no frame for {seconds} s: check its cable")
        out.stalled_since_ns = (
            (out.stalled_since_ns or now_ns) if self.pipeline.mind.stalled else None
        )
        stalled_ns = now_ns - (out.stalled_since_ns or now_ns)
        if stalled_ns > self._patience.stalled_runtime_ns:
            seconds = self._patience.stalled_runtime_ns // S_NS
            raise DeviceFault(f"the model has not answered for {seconds} s: restart the station")


@dataclass(slots=True)
class _Outstanding:
    """What the sort thread waits for."""

    last_frame_ns: int
    pulses: set[int] = field(default_factory=set)
    batches: int = 0
    draining_since_ns: int | None = None
    stalled_since_ns: int | None = None

    def heard(self, moved: GateMoved) -> None:
        """Take note of a gate's word; a pulse that opened is out until it closed."""
        if moved.movement is not Movement.OPENED:
            self.pulses.discard(moved.pulse)
