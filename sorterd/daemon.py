"""Threads, mailboxes and the order of stopping; decides nothing about pieces.

| thread | owns | waits for |
|---|---|---|
| capture | the camera | the next frame |
| sort | finder and mind | a frame, an answer, a gate's or a trigger's word, its next instant |
| infer | the interpreter | a job |
| gates | every gate | a pulse, or the next movement |
| sink | journal and other sinks | an outcome, or the time to flush |

Frames: the newest wins. Everything else is queued within a bound, and what goes
over it is counted. A thread that meets a broken device or a bug says so and the
station stops: first no more frames, then the pulses that were already sent come
to their end, every piece gets its outcome, the gates go to their safe position,
and the sinks close.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sorterd.capture import Capture, Reopening
from sorterd.core.records import (
    BeamBroken,
    Drop,
    EndPiece,
    GateMoved,
    MoveGate,
    Movement,
    Outcome,
    Pulse,
    ScoresReady,
    Stop,
    Tick,
)
from sorterd.inference import Inference
from sorterd.mailbox import Bell, Mailbox, NewestBox
from sorterd.pipeline import Job, Onlooker, Todo
from sorterd.ports import Camera, Clock, DeviceFault, DeviceUnavailable, Frame, Sink, Trigger
from sorterd.realtime import (
    go_first,
    keep_apart,
    priorities_here,
    quick_switching,
    steady_memory,
)
from sorterd.wiring import Station

log = logging.getLogger(__name__)

S_NS = 1_000_000_000
# Queues between threads hold what a burst can bring and no more; pieces come a few a second.
ROOM = 256


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the daemon bears with its devices.

    Attributes:
        camera: How often to open a camera that has failed.
        silent_camera_ns: No frame for so long is a fault, whatever the camera says.
        stalled_runtime_ns: A model that has not answered for so long is a fault.
        drain_ns: Longest wait for pulses already sent to come to their end.
        flush_ns: How often sinks bring what they hold to where it lasts.
    """

    camera: Reopening = field(default_factory=Reopening)
    silent_camera_ns: int = 10 * S_NS
    stalled_runtime_ns: int = 10 * S_NS
    drain_ns: int = 4 * S_NS
    flush_ns: int = S_NS


class Daemon:
    """A running station.

    Args:
        clock: The real clock.
        station: Its parts, each handed to the thread that owns it.
        open_camera: Opens the camera; called again when it has failed.
        sinks: Handed to the sink thread.
        patience: How long to bear with devices.
        onlooker: Called on the sort thread with every frame; must not wait.
        trigger: Tells when a piece passes; None for none.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        station: Station,
        open_camera: Callable[[], Camera],
        sinks: Iterable[Sink],
        patience: Patience,
        onlooker: Onlooker | None = None,
        trigger: Trigger | None = None,
    ) -> None:
        self._clock = clock
        self._open_camera = open_camera
        self._pipeline = station.pipeline
        self._mover = station.mover
        self._sinks = tuple(sinks)
        self._patience = patience
        self._onlooker = onlooker
        self._trigger = trigger

        self._sort_bell = Bell(clock)
        self._frames: NewestBox[Frame] = NewestBox(self._sort_bell)
        self._answers: Mailbox[ScoresReady] = Mailbox(self._sort_bell, ROOM)
        self._moves: Mailbox[GateMoved] = Mailbox(self._sort_bell, ROOM)
        self._beams_ns: Mailbox[int] = Mailbox(self._sort_bell, ROOM)
        self._inference = Inference(clock, station.classifier, station.cropper, self._answers)
        self._gate_bell = Bell(clock)
        self._pulses: Mailbox[Pulse] = Mailbox(self._gate_bell, ROOM)
        self._sink_bell = Bell(clock)
        self._outcomes: Mailbox[Outcome] = Mailbox(self._sink_bell, ROOM)

        self._asked = False
        self._stopping = threading.Event()
        self._over = threading.Event()
        self._make_safe = threading.Event()
        self._main_bell = Bell(clock)
        self._fault: Exception | None = None
        self._fault_lock = threading.Lock()

    def ask_to_stop(self) -> None:
        """Ask for an orderly stop from a signal handler.

        It only leaves a word for `run`, which looks for it every `each_ns`: a handler that took a
        lock could wait for ever for the very thread that it interrupts.
        """
        self._asked = True

    def stop(self) -> None:
        """Ask for an orderly stop. Any thread may call it, but no signal handler."""
        self._stopping.set()
        for bell in (self._main_bell, self._sort_bell):
            bell.ring()

    def dropped(self) -> dict[Drop, int]:
        """Return what was not used so far, by reason."""
        drops = dict(self._pipeline.mind.drops)
        drops[Drop.FRAME_SUPERSEDED] = drops.get(Drop.FRAME_SUPERSEDED, 0) + self._frames.superseded
        drops[Drop.FRAME_NOT_NEEDED] = self._pipeline.not_needed
        return {drop: count for drop, count in drops.items() if count}

    def run(
        self,
        until_ns: int | None,
        *,
        each_ns: int = S_NS // 2,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the station until `until_ns`, the end of a recording, `stop()` or a fault.

        Args:
            until_ns: When to stop; None for never.
            each_ns: How often to call `look`.
            look: Called on the calling thread; for a live line.

        Raises:
            DeviceUnavailable: The camera could not be opened, or not again.
            DeviceFault: A device failed for good.
            Exception: A bug, met at the top of a thread; it has been logged there.
        """
        threads = {
            name: threading.Thread(target=self._top, args=(work,), name=name, daemon=True)
            for name, work in {
                "gates": self._gate_thread,
                "sink": self._sink_thread,
                "infer": self._inference.run,
                "sort": self._sort_thread,
                "capture": self._capture_thread,
            }.items()
        }
        with quick_switching(), steady_memory():
            if self._trigger is not None:
                self._trigger.listen(self._beams_ns.put)
            for thread in threads.values():
                thread.start()
            self._wait(until_ns, each_ns, look)
            self.stop()
            if self._trigger is not None:
                self._trigger.close()
            # A thread that hangs inside a driver cannot be waited for: the others close without it.
            threads["sort"].join((self._patience.drain_ns + S_NS) / 1e9)
            self._over.set()
            self._inference.stop()
            for bell in (self._gate_bell, self._sink_bell):
                bell.ring()
            for name in ("gates", "sink", "infer", "capture"):
                threads[name].join(2.0)
        jobs = self._inference.jobs
        for box in (jobs, self._answers, self._moves, self._pulses, self._outcomes):
            if box.lost:
                log.error("a full mailbox let go of %d records; please report it", box.lost)
        if self._fault is not None:
            raise self._fault

    def _wait(self, until_ns: int | None, each_ns: int, look: Callable[[], None]) -> None:
        while not self._stopping.is_set() and not self._asked:
            now_ns = self._clock.now_ns()
            if until_ns is not None and now_ns >= until_ns:
                break
            self._main_bell.wait_until(min(now_ns + each_ns, until_ns or now_ns + each_ns))
            look()

    # The top of every thread: the one place where a bug is caught.

    def _top(self, work: Callable[[], None]) -> None:
        name = threading.current_thread().name
        priority = priorities_here().get(name)
        if priority is None or go_first(priority).priority is None:
            keep_apart(name)
        try:
            work()
        except (DeviceUnavailable, DeviceFault) as fault:
            self._fail(fault)
        except Exception as bug:
            log.exception("a bug in thread %s", threading.current_thread().name)
            self._fail(bug)

    def _fail(self, fault: Exception) -> None:
        with self._fault_lock:
            self._fault = self._fault or fault
        self._make_safe.set()
        self._gate_bell.ring()
        self.stop()

    # Capture.

    def _capture_thread(self) -> None:
        Capture(
            self._clock,
            self._open_camera,
            self._hand_on,
            stopping=self._stopping.is_set,
            failed=self._camera_failed,
            patience=self._patience.camera,
        ).run()
        self.stop()

    def _hand_on(self, frame: Frame) -> None:
        # What is not worth seeing need not even wake the sort thread; but an onlooker wants it.
        if self._onlooker is not None or self._pipeline.worth_seeing(frame):
            self._frames.put(frame)

    def _camera_failed(self) -> None:
        self._make_safe.set()
        self._gate_bell.ring()

    # Sort.

    def _sort_thread(self) -> None:
        out = _Outstanding(self._clock.now_ns())
        while not (self._stopping.is_set() and self._drained(out)):
            wake_ns = self._pipeline.mind.wake_ns
            now_ns = self._clock.now_ns()
            # Twice a second, look whether camera and runtime are alive.
            self._sort_bell.wait_until(min(wake_ns or now_ns + S_NS // 2, now_ns + S_NS // 2))
            self._sort_once(out)
            self._check_alive(out)
        self._do(self._pipeline.step(Stop(self._clock.now_ns())), out)

    def _sort_once(self, out: "_Outstanding") -> None:
        while (moved := self._moves.take()) is not None:
            out.heard(moved)
            self._do(self._pipeline.step(moved), out)
        while (ready := self._answers.take()) is not None:
            self._do(self._pipeline.step(ready), out)
        while (t_ns := self._beams_ns.take()) is not None:
            self._do(self._pipeline.step(BeamBroken(t_ns, self._clock.now_ns())), out)
        frame = self._frames.take()
        if frame is None or self._stopping.is_set():
            self._do(self._pipeline.step(Tick(self._clock.now_ns())), out)
            return
        out.last_frame_ns = self._clock.now_ns()
        if self._onlooker is None or self._pipeline.worth_seeing(frame):
            self._do(self._pipeline.see(frame), out)
        if self._onlooker is not None:
            now_ns = self._clock.now_ns()
            self._onlooker(frame, self._pipeline.mind.views(now_ns), now_ns)

    def _do(self, todo: Iterable[Todo], out: "_Outstanding") -> None:
        for command in todo:
            match command:
                case Job():
                    self._inference.send(command)
                case MoveGate():
                    out.pulses.add(command.pulse.pulse)
                    self._pulses.put(command.pulse)
                case EndPiece():
                    self._outcomes.put(command.outcome)

    def _drained(self, out: "_Outstanding") -> bool:
        if out.draining_since_ns is None:
            out.draining_since_ns = self._clock.now_ns()
        waited_ns = self._clock.now_ns() - out.draining_since_ns
        return not out.pulses or waited_ns >= self._patience.drain_ns

    def _check_alive(self, out: "_Outstanding") -> None:
        now_ns = self._clock.now_ns()
        if self._stopping.is_set():
            return
        if now_ns - out.last_frame_ns > self._patience.silent_camera_ns:
            seconds = self._patience.silent_camera_ns // S_NS
            raise DeviceFault(f"the camera has shown no frame for {seconds} s: check its cable")
        out.stalled_since_ns = (
            (out.stalled_since_ns or now_ns) if self._pipeline.mind.stalled else None
        )
        stalled_ns = now_ns - (out.stalled_since_ns or now_ns)
        if stalled_ns > self._patience.stalled_runtime_ns:
            seconds = self._patience.stalled_runtime_ns // S_NS
            raise DeviceFault(f"the model has not answered for {seconds} s: restart the station")

    # Gates.

    def _gate_thread(self) -> None:
        try:
            self._go_safe()
            while not self._over.is_set():
                self._gate_bell.wait_until(self._mover.next_ns)
                if self._make_safe.is_set():
                    self._make_safe.clear()
                    self._go_safe()
                while (pulse := self._pulses.take()) is not None:
                    self._mover.accept(pulse)
                self._report(self._mover.act(self._clock.now_ns()))
        finally:
            self._go_safe()
            # A servo that is let go of before it has settled never reaches its safe position.
            while (due_ns := self._mover.next_ns) is not None:
                self._clock.sleep_until(due_ns)
                self._mover.act(self._clock.now_ns())
            self._mover.close()

    def _go_safe(self) -> None:
        self._report(self._mover.abandon(self._clock.now_ns()))
        for fault in self._mover.make_safe(self._clock.now_ns()):
            log.error("%s", fault)

    def _report(self, moves: Iterable[GateMoved]) -> None:
        for moved in moves:
            if moved.movement is Movement.FAULT:
                log.error("gate %s failed: it is shut and stays shut", moved.gate)
            self._moves.put(moved)

    # Sinks.

    def _sink_thread(self) -> None:
        due_ns = self._clock.now_ns() + self._patience.flush_ns
        while not self._over.is_set():
            self._sink_bell.wait_until(due_ns)
            self._write_all()
            if self._clock.now_ns() >= due_ns:
                due_ns = self._clock.now_ns() + self._patience.flush_ns
                self._flush_all()
        self._write_all()
        self._flush_all()

    def _write_all(self) -> None:
        while (outcome := self._outcomes.take()) is not None:
            for sink in self._sinks:
                with _full_disk_is_no_reason_to_stop():
                    sink.write(outcome)

    def _flush_all(self) -> None:
        for sink in self._sinks:
            with _full_disk_is_no_reason_to_stop():
                sink.flush()


@contextmanager
def _full_disk_is_no_reason_to_stop() -> Iterator[None]:
    """Pass over a sink's fault: it keeps what it can for the next try, and the belt goes on."""
    try:
        yield
    except DeviceFault as fault:
        log.warning("%s", fault)


@dataclass(slots=True)
class _Outstanding:
    """What the sort thread waits for."""

    last_frame_ns: int
    pulses: set[int] = field(default_factory=set)
    draining_since_ns: int | None = None
    stalled_since_ns: int | None = None

    def heard(self, moved: GateMoved) -> None:
        """Take note of a gate's word; a pulse that opened is out until it closed."""
        if moved.movement is not Movement.OPENED:
            self.pulses.discard(moved.pulse)
