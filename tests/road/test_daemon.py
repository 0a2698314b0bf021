"""The threads: an orderly stop, a camera that fails, a bug; gates are safe after each."""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from sorterd.capture import Reopening
from sorterd.classifiers.bundle import find
from sorterd.classifiers.bundle import load as load_bundle
from sorterd.classifiers.canned import CannedClassifier
from sorterd.clock import RealClock
from sorterd.core.batching import Cost
from sorterd.core.records import Drop, Outcome
from sorterd.daemon import Daemon
from sorterd.patience import Patience
from sorterd.ports import Camera, Clock, DeviceFault, DeviceUnavailable, Frame, InputSpec
from sorterd.settings import load
from sorterd.simulation.servo import SimulatedServo
from sorterd.wiring.devices import simulated_gates
from sorterd.wiring.models import Model
from sorterd.wiring.parts import Station, assemble

SPEC = InputSpec(32, 32, "uint8", gain=1 / 127.5, offset=-1.0, scale=1 / 127.5, zero_point=128)


class Recording:
    """A camera that shows a few grey frames and then does what it is told."""

    width_px, height_px = 640, 480

    def __init__(self, clock: Clock, frames: int, end: Callable[[], None]) -> None:
        self._clock = clock
        self._left = frames
        self._end = end
        self.closed = False

    @property
    def due_ns(self) -> int:
        """The present."""
        return self._clock.now_ns()

    def read(self) -> Frame | None:
        """Return the next frame."""
        self._left -= 1
        if self._left < 0:
            self._end()
            return None
        pixels = np.full((480, 640, 3), 90, np.uint8)
        return Frame(self._left, self._clock.now_ns(), pixels)

    def close(self) -> None:
        """Let go."""
        self.closed = True


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self, fault: DeviceFault | None = None) -> None:
        self.outcomes: list[Outcome] = []
        self.flushes = 0
        self._fault = fault

    def write(self, outcome: Outcome) -> None:
        """Keep it."""
        self.outcomes.append(outcome)

    def flush(self) -> None:
        """Count the flush, or fail."""
        self.flushes += 1
        if self._fault is not None:
            raise self._fault

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def clock() -> RealClock:
    """The host's clock: threads wait for each other, nothing here waits for time."""
    return RealClock()


@pytest.fixture
def parts(clock: RealClock) -> Iterator[tuple[Station, dict[str, SimulatedServo]]]:
    """A station with simulated gates and a canned model."""
    settings = load(None, {})
    bundle = load_bundle(find("waste"))
    even = [1.0] * len(bundle.labels)
    classifier = CannedClassifier(bundle.labels, [even], spec=SPEC, batch_sizes=(1,))
    costs = {1: Cost(1_000_000, 2_000_000)}
    gates, servos = simulated_gates(settings, clock)
    yield (
        assemble(settings, Model(bundle, classifier, "canned", costs), costs, gates, clock),
        servos,
    )
    classifier.close()


def all_shut(servos: dict[str, SimulatedServo]) -> bool:
    """Whether every servo was last told to shut."""
    return all(servo.movements and not servo.movements[-1].opening for servo in servos.values())


def test_the_end_of_a_recording_stops_in_order(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should stop by itself, close the camera, make the gates safe and flush the sinks."""
    station, servos = parts
    camera = Recording(clock, 5, lambda: None)
    sink = Kept()

    Daemon(
        clock=clock, station=station, open_camera=lambda: camera, sinks=[sink], patience=Patience()
    ).run(None)

    assert camera.closed
    assert all_shut(servos)
    assert sink.flushes >= 1


def test_a_camera_that_fails_is_opened_again_then_given_up(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should try as often as it was told to, then stop with the fault and safe gates."""
    station, servos = parts
    opened: list[Camera] = []

    def fail() -> None:
        raise DeviceFault("camera: no frame; check the cable")

    def open_camera() -> Camera:
        opened.append(Recording(clock, 0, fail))
        return opened[-1]

    daemon = Daemon(
        clock=clock,
        station=station,
        open_camera=open_camera,
        sinks=[],
        patience=Patience(camera=Reopening(after_ns=(0, 0))),
    )
    with pytest.raises(DeviceFault, match="check the cable"):
        daemon.run(None)

    assert len(opened) == 3
    assert all_shut(servos)


def test_a_camera_that_cannot_be_opened_is_told(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should hand the opener's fault to the caller."""
    station, servos = parts

    def open_camera() -> Camera:
        raise DeviceUnavailable("no camera; plug one in")

    daemon = Daemon(
        clock=clock, station=station, open_camera=open_camera, sinks=[], patience=Patience()
    )
    with pytest.raises(DeviceUnavailable, match="plug one in"):
        daemon.run(None)

    assert all_shut(servos)


def test_a_bug_stops_the_station_with_safe_gates(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should catch a bug at the top of its thread, and hand it on."""
    station, servos = parts

    def trip() -> None:
        raise ZeroDivisionError("a bug")

    daemon = Daemon(
        clock=clock,
        station=station,
        open_camera=lambda: Recording(clock, 3, trip),
        sinks=[],
        patience=Patience(),
    )
    with pytest.raises(ZeroDivisionError):
        daemon.run(None)

    assert all_shut(servos)


def test_a_full_disk_does_not_stop_the_belt(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should go on when a sink cannot write."""
    station, servos = parts
    sink = Kept(DeviceFault("journal: the disk is full"))

    Daemon(
        clock=clock,
        station=station,
        open_camera=lambda: Recording(clock, 5, lambda: None),
        sinks=[sink],
        patience=Patience(),
    ).run(None)

    assert sink.flushes >= 1
    assert all_shut(servos)


def test_a_stop_in_the_middle_is_orderly(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should stop when asked to while frames still come; once that was taken for a fault."""
    station, servos = parts
    camera = Recording(clock, 1_000_000, lambda: None)
    daemon = Daemon(
        clock=clock, station=station, open_camera=lambda: camera, sinks=[], patience=Patience()
    )

    daemon.run(None, each_ns=1, look=daemon.stop)

    assert camera.closed
    assert all_shut(servos)


def test_a_camera_that_is_plugged_in_again_is_opened_again(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should try again while the camera is not there; once the first try was the last."""
    station, _ = parts

    def fail() -> None:
        raise DeviceFault("camera: no frame; check the cable")

    tries = iter([fail, None, lambda: None])

    def open_camera() -> Camera:
        end = next(tries)
        if end is None:
            raise DeviceUnavailable("no camera; plug one in")
        return Recording(clock, 2, end)

    Daemon(
        clock=clock,
        station=station,
        open_camera=open_camera,
        sinks=[],
        patience=Patience(camera=Reopening(after_ns=(0, 0))),
    ).run(None)

    assert next(tries, "none left") == "none left"


def test_a_camera_that_fails_after_each_frame_is_given_up(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should not open it for ever because of the frames in between."""
    station, _ = parts
    opened: list[Camera] = []

    def fail() -> None:
        raise DeviceFault("camera: no frame; check the cable")

    def open_camera() -> Camera:
        opened.append(Recording(clock, 1, fail))
        return opened[-1]

    daemon = Daemon(
        clock=clock,
        station=station,
        open_camera=open_camera,
        sinks=[],
        patience=Patience(camera=Reopening(after_ns=(0, 0))),
    )
    with pytest.raises(DeviceFault):
        daemon.run(None)

    assert len(opened) == 3


def test_a_signal_handler_may_ask_for_the_stop(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should stop by a word that takes no lock."""
    station, servos = parts
    camera = Recording(clock, 1_000_000, lambda: None)
    daemon = Daemon(
        clock=clock, station=station, open_camera=lambda: camera, sinks=[], patience=Patience()
    )

    daemon.run(None, each_ns=1, look=daemon.ask_to_stop)

    assert camera.closed
    assert all_shut(servos)


class Barrier:
    """A trigger that tells one instant as soon as it is listened to."""

    mock = False

    def __init__(self, t_ns: int) -> None:
        self._t_ns = t_ns
        self.closed = False

    def listen(self, tell: Callable[[int], None]) -> None:
        """Tell it."""
        tell(self._t_ns)

    def close(self) -> None:
        """Let go."""
        self.closed = True


def test_a_triggers_instant_reaches_the_mind(
    clock: RealClock, parts: tuple[Station, dict[str, SimulatedServo]]
) -> None:
    """It should hand the instant on to the sort thread, and let go of the trigger at the end."""
    station, _ = parts
    trigger = Barrier(clock.now_ns())
    looked = threading.Event()

    def end() -> None:
        """The recording is over once the sort thread has come round."""
        looked.wait(5)

    daemon = Daemon(
        clock=clock,
        station=station,
        open_camera=lambda: Recording(clock, 1, end),
        sinks=[],
        patience=Patience(),
        onlooker=lambda _frame, _views, _now_ns: looked.set(),
        trigger=trigger,
    )

    daemon.run(None)

    assert trigger.closed
    assert daemon.dropped()[Drop.BEAM_NO_PIECE] == 1
