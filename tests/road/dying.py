"""A station of threads whose first gate stands open, and parts that break when a test says so.

Its clock stands still but for its frames, so what a gate says of the instant at which it was told
to shut is how much of the station's time went by.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from sorterd.capture import Reopening
from sorterd.classifiers.bundle import find
from sorterd.classifiers.bundle import load as load_bundle
from sorterd.classifiers.canned import CannedClassifier
from sorterd.clock import ManualClock
from sorterd.core.batching import Cost
from sorterd.core.records import Box, Outcome, Pulse
from sorterd.daemon import Daemon
from sorterd.patience import Patience
from sorterd.pipeline import Job
from sorterd.ports import Frame, Gate, InputSpec
from sorterd.service.heartbeat import Heartbeat
from sorterd.settings import load
from sorterd.vision.regions import Finding
from sorterd.wiring.models import Model
from sorterd.wiring.parts import Station, assemble

S = 1_000_000_000
FRAME_NS = S // 30
SPEC = InputSpec(32, 32, "uint8", gain=1 / 127.5, offset=-1.0, scale=1 / 127.5, zero_point=128)
# Real time that no test needs; a thread that hangs fails its test after it.
PATIENCE_S = 20.0

Break = Callable[[], None]


def nothing() -> None:
    """Break nothing."""


def waits_for(event: threading.Event) -> Break:
    """Return what hangs until an event is set."""

    def hang() -> None:
        event.wait(PATIENCE_S)

    return hang


class WatchedGate:
    """A gate that takes note of when it was told what."""

    def __init__(self, name: str, clock: ManualClock) -> None:
        self.name = name
        self.when_opened = nothing
        self.opened = threading.Event()
        self.shut_again = threading.Event()
        self.shut_ns = 0
        self._clock = clock

    def open(self) -> None:
        """Take note."""
        self.when_opened()
        self.opened.set()

    def shut(self) -> None:
        """Take note of the first time after it was opened."""
        if self.opened.is_set() and not self.shut_again.is_set():
            self.shut_ns = self._clock.now_ns()
            self.shut_again.set()

    def close(self) -> None:
        """Nothing is open."""


class ToldCamera:
    """A camera that shows a frame, a period after the last, when it is told to."""

    width_px, height_px = 640, 480
    due_ns = 0

    def __init__(self, clock: ManualClock) -> None:
        self.when_read = nothing
        self.age_ns = 0
        self._clock = clock
        self._told = threading.Semaphore(0)
        self._frames = 0
        self._closed = False

    def tell(self) -> None:
        """Have it show one more frame."""
        self._told.release()

    def read(self) -> Frame | None:
        """Wait until it is told."""
        self._told.acquire()
        self.when_read()
        if self._closed:
            return None
        self._frames += 1
        self._clock.sleep_until(self._clock.now_ns() + FRAME_NS)
        exposed_ns = self._clock.now_ns() - self.age_ns
        return Frame(self._frames, exposed_ns, np.full((480, 640, 3), 90, np.uint8))

    def close(self) -> None:
        """Show no more."""
        self._closed = True
        self._told.release()


class Notebook:
    """A sink that keeps notes."""

    def __init__(self) -> None:
        self.when_noted = nothing
        self.outcomes: list[Outcome] = []
        self.notes: list[tuple[str, str]] = []
        self.closed = False

    def write(self, outcome: Outcome) -> None:
        """Keep it."""
        self.outcomes.append(outcome)

    def note(self, kind: str, text: str, at_ns: int) -> None:
        """Keep it."""
        del at_ns
        self.when_noted()
        self.notes.append((kind, text))

    def flush(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Take note."""
        self.closed = True


class SickModel(CannedClassifier):
    """A model that breaks when it is asked."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        super().__init__(labels, [[1.0] * len(labels)], spec=SPEC, batch_sizes=(1,))
        self.when_asked = nothing

    def slots(self, size: int) -> npt.NDArray[np.generic]:
        """Be asked."""
        self.when_asked()
        return super().slots(size)


class SickFinder:
    """A finder that breaks when it looks; it finds what it is told, and at first knows no belt."""

    def __init__(self) -> None:
        self.when_looking = nothing
        self.finding = Finding(learning=True)
        self.closed = False

    def close(self) -> None:
        """Take note."""
        self.closed = True

    def find(self, pixels: npt.NDArray[np.uint8], exposed_ns: int, /) -> Finding:
        """Look."""
        del pixels, exposed_ns
        self.when_looking()
        return self.finding


class Dying:
    """A running station. Made by `dying`."""

    def __init__(self, patience: Patience, heartbeat: Heartbeat | None = None) -> None:
        self.clock = ManualClock()
        self.camera = ToldCamera(self.clock)
        self.sink = Notebook()
        self.finder = SickFinder()
        self.gates = {name: WatchedGate(name, self.clock) for name in ("glass", "paper")}
        self.when_waiting: Break = nothing
        self.noticed_ns = 0
        self.asked = threading.Event()
        self.station, self.model = self.parts()
        self._seen = threading.Event()
        self.daemon = Daemon(
            clock=self.clock,
            station=self.station,
            open_camera=lambda: self.camera,
            sinks=[self.sink],
            patience=patience,
            onlooker=lambda *_: self._seen.set(),
            heartbeat=heartbeat,
        )
        self.running: Future[None]

    def run(self) -> None:
        """Run it to its end."""

        def look() -> None:
            self.when_waiting()

        self.daemon.run(None, each_ns=S // 100, look=look)

    def parts(self) -> tuple[Station, SickModel]:
        """Put a station's parts together."""
        bundle = load_bundle(find("waste"))
        model = SickModel(bundle.labels)
        costs = {1: Cost(1_000_000, 2_000_000)}
        gates: dict[str, Gate] = dict(self.gates)
        opened = Model(bundle, model, "canned", costs)
        station = assemble(load(None, {}), opened, costs, gates, self.clock)
        station.pipeline._finder = self.finder
        return station, model

    def show_a_frame(self) -> None:
        """Have a frame go through the sort thread."""
        self._seen.clear()
        self.camera.tell()
        assert self._seen.wait(PATIENCE_S)

    def open_gate(self, name: str = "glass") -> None:
        """Have a gate opened for so long that only a fault can be what shuts it."""
        now_ns = self.clock.now_ns()
        # As if the mind had sent it: an orderly stop waits for its end.
        self.daemon._sorting._out.pulses.add(1)
        self.daemon._moving.send(Pulse(1, 1, name, now_ns, now_ns, now_ns + 3 * S, now_ns + 4 * S))

    def ask_the_model(self) -> None:
        """Send a batch as the sort thread would, but do not stand back until it is cropped."""
        self.daemon._sorting._out.batches += 1
        if self.daemon._sorting._heartbeat is not None:
            self.daemon._sorting._heartbeat.asked()
        cut = (np.full((480, 640, 3), 90, np.uint8), Box(0, 0, 50, 50))
        self.daemon._inference.jobs.put(Job(1, 1, (cut,)))

    def breaks_with(self, error: Exception) -> Break:
        """Return what raises an error, and takes note of the instant."""

        def break_now() -> None:
            self.noticed_ns = self.clock.now_ns()
            raise error

        return break_now

    def shut_after_ns(self) -> int:
        """Wait until the open gate is told to shut; return how long after the fault that was.

        The camera, which waits to be told of a frame, is let go of afterwards.
        """
        assert self.gates["glass"].shut_again.wait(PATIENCE_S)
        self.camera.close()
        return self.gates["glass"].shut_ns - self.noticed_ns


@contextmanager
def dying(patience: Patience | None = None, heartbeat: Heartbeat | None = None) -> Iterator[Dying]:
    """Run a station that has seen a frame and whose gate stands open, to the end of the block."""
    station = Dying(patience or Patience(camera=Reopening(after_ns=())), heartbeat)
    with ThreadPoolExecutor(1) as one:
        station.running = one.submit(station.run)
        try:
            station.show_a_frame()
            station.open_gate()
            assert station.gates["glass"].opened.wait(PATIENCE_S)
            yield station
        finally:
            station.camera.close()
            station.daemon._moving.make_safe()
            station.daemon.stop()
