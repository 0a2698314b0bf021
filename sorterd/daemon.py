"""Threads, mailboxes and the order of stopping; decides nothing about pieces.

| thread | owns | waits for | its work |
|---|---|---|---|
| capture | the camera | the next frame | `capture.py` |
| sort | finder and mind | a frame, an answer, a gate, the mind's next instant | `sorting.py` |
| infer | the interpreter | a job | `inference.py` |
| gates | every gate | a pulse, or the next movement | `moving.py` |
| sink | journal and other sinks | an outcome, or the time to flush | `writing.py` |

Frames: the newest wins. Everything else is queued within a bound, and what goes
over it is counted. A thread that meets a broken device or a bug says so and the
station stops: first no more frames, then the pulses that were already sent come
to their end, every piece gets its outcome, the gates go to their safe position,
and the sinks close. After a fault the gates do not wait for any of that: they are
told to shut at once.

A thread that hangs in a driver is never given back; all are daemon threads, so
that the process can end without it.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from sorterd.capture import Capture
from sorterd.core.records import Drop, GateMoved, ScoresReady
from sorterd.inference import Inference, Scorer
from sorterd.mailbox import Bell, Mailbox, NewestBox
from sorterd.moving import Moving
from sorterd.patience import Patience
from sorterd.pipeline import Onlooker
from sorterd.ports import Camera, Clock, DeviceFault, DeviceUnavailable, Frame, Sink, Trigger
from sorterd.realtime import (
    go_first,
    keep_apart,
    priorities_here,
    quick_switching,
    steady_memory,
)
from sorterd.service.heartbeat import Heartbeat
from sorterd.sorting import Change, Inward, Onward, Sorting
from sorterd.wiring.parts import Station
from sorterd.writing import Writing

log = logging.getLogger(__name__)

S_NS = 1_000_000_000
# Queues between threads hold what a burst can bring and no more; pieces come a few a second.
ROOM = 256
# How long a thread that was told to stop is waited for. Gates have to settle first, which settings
# let take 10 s.
GATES_END_S, END_S = 11.0, 2.0


class Daemon:
    """A running station.

    Args:
        clock: The real clock.
        station: Its parts, each handed to the thread that owns it.
        open_camera: Opens the camera; called again when it has failed.
        sinks: Handed to the sink thread.
        patience: How long to bear with devices.
        onlooker: Called on the sort thread with every frame; must not wait.
        heartbeat: Where signs of life go; None if nobody wants any.
        trigger: Tells when a piece passes; None for none. It is let go of at the end.
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
        heartbeat: Heartbeat | None = None,
        trigger: Trigger | None = None,
    ) -> None:
        self._clock = clock
        self._open_camera = open_camera
        self._patience = patience
        self._onlooker = onlooker
        self._trigger = trigger

        self._stopping = threading.Event()
        sort_bell = Bell(clock)
        self._in = Inward(
            bell=sort_bell,
            frames=NewestBox[Frame](sort_bell),
            answers=Mailbox[ScoresReady](sort_bell, ROOM),
            moves=Mailbox[GateMoved](sort_bell, ROOM),
            beams_ns=Mailbox[int](sort_bell, ROOM),
        )
        self._writing = Writing(
            clock,
            sinks,
            flush_ns=patience.flush_ns,
            arrived=_nobody_asks if heartbeat is None else heartbeat.arrived,
        )
        self._moving = Moving(
            clock,
            station.mover,
            self._in.moves,
            pass_token=self._writing.pass_token,
            note=self._writing.note,
        )
        scorer = Scorer(station.classifier, station.cropper)
        self._inference = Inference(clock, scorer, self._in.answers)
        self._sorting = Sorting(
            clock,
            station.pipeline,
            self._in,
            Onward(self._inference, self._moving, self._writing),
            stopping=self._stopping.is_set,
            patience=patience,
            onlooker=onlooker,
            heartbeat=heartbeat,
        )

        self._asked = False
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
        for bell in (self._main_bell, self._in.bell):
            bell.ring()

    def change(
        self,
        station: Station,
        sinks: Iterable[Sink],
        *,
        let_go: Callable[[], None],
        done: Callable[[int], None],
    ) -> None:
        """Go on with other parts between two frames. Any thread.

        Each thread lets go of what it owned: the infer thread closes the old classifier, the sink
        thread the old sinks. The gates stay as they are.

        Args:
            station: The new parts; its mover is not used.
            sinks: The new sinks.
            let_go: Closes what else the old station was made of; called on the sort thread.
            done: Told, on the sort thread, for how long nothing was sorted, nanoseconds. Not
                called if the station stops before.
        """
        scorer = Scorer(station.classifier, station.cropper)
        self._sorting.change(Change(station.pipeline, scorer, tuple(sinks), let_go, done))

    def note(self, kind: str, text: str) -> None:
        """Have the sinks note what happened to the station. Any thread."""
        self._writing.note(kind, text)

    @property
    def fault(self) -> Exception | None:
        """What ended the station, if it did not end in order."""
        return self._fault

    @property
    def looked(self) -> bool:
        """Whether any frame was looked at so far."""
        return self._sorting.looked

    @property
    def beam_silent(self) -> int:
        """How many pieces in a row have passed the trigger, which told nothing; 0 without one."""
        return self._sorting.pipeline.mind.beam_silent

    def by_bin(self) -> Counter[str]:
        """Return how many pieces ended in each bin so far."""
        return self._writing.by_bin

    def dropped(self) -> dict[Drop, int]:
        """Return what was not used so far, by reason."""
        drops = self._sorting.dropped()
        drops[Drop.FRAME_SUPERSEDED] += self._in.frames.superseded
        return {drop: count for drop, count in drops.items() if count}

    def run(
        self,
        until_ns: int | None,
        *,
        each_ns: int = S_NS // 2,
        look: Callable[[], None] = lambda: None,
        ending: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the station until `until_ns`, the end of a recording, `stop()` or a fault.

        Args:
            until_ns: When to stop; None for never.
            each_ns: How often to call `look`.
            look: Called on the calling thread; for a live line.
            ending: Called on the calling thread as soon as the station begins to stop.

        Raises:
            DeviceUnavailable: The camera could not be opened, or not again.
            DeviceFault: A device failed for good.
            Exception: A bug, met at the top of a thread; it has been logged there.
        """
        threads = {
            name: threading.Thread(target=self._top, args=(work,), name=name, daemon=True)
            for name, work in {
                "gates": self._moving.run,
                "sink": self._writing.run,
                "infer": self._inference.run,
                "sort": self._sorting.run,
                "capture": self._capture,
            }.items()
        }
        with quick_switching(), steady_memory():
            if self._trigger is not None:
                self._trigger.listen(self._in.beams_ns.put)
            for thread in threads.values():
                thread.start()
            in_order = False
            try:
                self._wait(until_ns, each_ns, look)
                self.stop()
                ending()
                in_order = True
            finally:
                if not in_order:
                    self._moving.make_safe()
                self.stop()
                self._end(threads)
        if self._fault is not None:
            raise self._fault

    def _wait(self, until_ns: int | None, each_ns: int, look: Callable[[], None]) -> None:
        while not self._stopping.is_set() and not self._asked:
            now_ns = self._clock.now_ns()
            if until_ns is not None and now_ns >= until_ns:
                break
            self._main_bell.wait_until(min(now_ns + each_ns, until_ns or now_ns + each_ns))
            look()

    def _end(self, threads: Mapping[str, threading.Thread]) -> None:
        # A thread that hangs inside a driver cannot be waited for: the others close without it.
        threads["sort"].join((self._patience.drain_ns + S_NS) / 1e9)
        if self._trigger is not None:
            self._trigger.close()
        self._inference.stop()
        self._moving.stop()
        self._writing.stop()
        for name in ("gates", "sink", "infer", "capture"):
            threads[name].join(GATES_END_S if name == "gates" else END_S)
        self._tell_lost()

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
        self._moving.make_safe()
        self.stop()

    # Capture.

    def _capture(self) -> None:
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
        if self._onlooker is not None or self._sorting.pipeline.worth_seeing(frame):
            self._in.frames.put(frame)

    def _camera_failed(self, fault: DeviceFault) -> None:
        self._moving.make_safe()
        self._writing.note("camera", str(fault))

    def _tell_lost(self) -> None:
        lost = self._inference.jobs.lost + self._in.answers.lost + self._in.moves.lost
        lost += self._in.beams_ns.lost
        lost += self._moving.lost + self._writing.lost
        if lost:
            log.error("full mailboxes let go of %d records; please report it", lost)


def _nobody_asks() -> None:
    """No sign of life is wanted."""
