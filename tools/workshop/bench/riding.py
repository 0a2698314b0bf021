"""A station's own daemon, running beside the bench for a while."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sorterd.capture import Reopening
from sorterd.core.records import Outcome
from sorterd.daemon import Daemon
from sorterd.patience import Patience
from sorterd.ports import Camera, Clock
from sorterd.wiring.parts import Station

# Stopping waits for pulses already sent; then every thread is given two seconds.
_STOP_S = 30.0


class Outcomes:
    """A sink that keeps what it is given. Meets `ports.Sink`."""

    def __init__(self) -> None:
        self.all: list[Outcome] = []

    def write(self, outcome: Outcome) -> None:
        """Take one outcome."""
        self.all.append(outcome)

    def flush(self) -> None:
        """There is nothing to bring anywhere."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def reasons(self) -> Counter[str]:
        """Return how many pieces ended for which reason."""
        return Counter(outcome.reason.value for outcome in self.all)


@contextmanager
def riding(clock: Clock, station: Station, camera: Camera, outcomes: Outcomes) -> Iterator[Daemon]:
    """Run a daemon until the end of the block.

    Raises:
        DeviceUnavailable: As `Daemon.run` does.
        DeviceFault: The same.
        Exception: A bug in one of its threads.
    """
    daemon = Daemon(
        clock=clock,
        station=station,
        open_camera=lambda: camera,
        sinks=[outcomes],
        patience=Patience(camera=Reopening(after_ns=())),
    )
    with ThreadPoolExecutor(1, thread_name_prefix="daemon") as one:
        running = one.submit(daemon.run, None)
        try:
            yield daemon
        finally:
            camera.close()
            daemon.stop()
            fault = running.exception(_STOP_S)
    if fault is not None:
        raise fault
