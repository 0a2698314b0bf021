"""The token of life on its way through the threads: whichever hangs, none arrives."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sorterd.capture import Reopening
from sorterd.patience import Patience
from sorterd.service.heartbeat import Heartbeat
from sorterd.service.notify import Notifier
from sorterd.vision.regions import Finding
from tests.road.child import station
from tests.road.dying import PATIENCE_S, Dying, S, dying


class Watcher(Notifier):
    """systemd's watchdog: knows in which order things happened."""

    def __init__(self) -> None:
        super().__init__(None)
        self.order: list[str] = []
        self.beaten = threading.Event()

    def alive(self) -> None:
        """Take note of a sign of life."""
        self.order.append("alive")
        self.beaten.set()

    def ready(self, status: str) -> None:
        """Take note of the end of the start."""
        del status
        self.order.append("ready")


@pytest.fixture
def watcher() -> Watcher:
    """Return who is told of life."""
    return Watcher()


@pytest.fixture
def heartbeat(watcher: Watcher) -> Heartbeat:
    """Return a heartbeat that lets a token start with each second of the station's clock."""
    return Heartbeat(watcher, "sorting", watchdog_ns=4 * S, recent_ns=10 * S)


def patience() -> Patience:
    """Return a patience that nothing here wears out."""
    return Patience(camera=Reopening(after_ns=()), silent_camera_ns=1000 * S)


def test_a_frame_that_was_looked_at_is_a_sign_of_life(
    watcher: Watcher, heartbeat: Heartbeat
) -> None:
    """It should go through gate and sink thread, and be the end of the start the first time."""
    with dying(patience(), heartbeat) as subject:
        assert watcher.beaten.wait(PATIENCE_S)
        watcher.beaten.clear()
        subject.clock.sleep_until(subject.clock.now_ns() + S)
        subject.show_a_frame()

        assert watcher.beaten.wait(PATIENCE_S)
    assert watcher.order[:3] == ["ready", "alive", "alive"]


def in_gates(subject: Dying, hang: Callable[[], None]) -> None:
    """Hang the gate thread in a gate's driver."""
    subject.gates["paper"].when_opened = hang
    subject.open_gate("paper")


def in_sink(subject: Dying, hang: Callable[[], None]) -> None:
    """Hang the sink thread on a disk."""
    subject.sink.when_noted = hang
    subject.daemon.note("test", "a note")


def in_infer(subject: Dying, hang: Callable[[], None]) -> None:
    """Hang the infer thread in the runtime, with an answer owing."""
    subject.model.when_asked = hang
    subject.ask_the_model()


@pytest.mark.parametrize("hang_it", [in_gates, in_sink, in_infer])
def test_a_thread_that_hangs_lets_no_sign_of_life_through(
    hang_it: Callable[[Dying, Callable[[], None]], None], watcher: Watcher, heartbeat: Heartbeat
) -> None:
    """It should be heard again only when the thread goes on, however many frames are looked at."""
    hangs, goes_on = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        assert goes_on.wait(PATIENCE_S)

    with dying(patience(), heartbeat) as subject:
        assert watcher.beaten.wait(PATIENCE_S)
        hang_it(subject, hang)
        assert hangs.wait(PATIENCE_S)
        watcher.beaten.clear()
        for _ in range(5):
            subject.clock.sleep_until(subject.clock.now_ns() + S)
            subject.show_a_frame()
        watcher.order.append("goes on")
        goes_on.set()

        assert watcher.beaten.wait(PATIENCE_S)
    assert watcher.order[:4] == ["ready", "alive", "goes on", "alive"]


def test_a_frame_that_was_refused_is_no_sign_of_life(
    watcher: Watcher, heartbeat: Heartbeat
) -> None:
    """It should not take a camera for alive whose pictures are all too old."""
    with dying(patience(), heartbeat) as subject:
        assert watcher.beaten.wait(PATIENCE_S)
        before = subject.station.pipeline.looked_ns
        subject.camera.age_ns = 2 * S
        for _ in range(3):
            subject.clock.sleep_until(subject.clock.now_ns() + S)
            subject.show_a_frame()

        assert subject.station.pipeline.looked_ns == before


def test_a_covered_view_is_a_sign_of_life(watcher: Watcher, heartbeat: Heartbeat) -> None:
    """It should not be ended for a hand over the camera, which no restart takes away."""
    with dying(patience(), heartbeat) as subject:
        assert watcher.beaten.wait(PATIENCE_S)
        watcher.beaten.clear()
        subject.finder.finding = Finding(covered=True)
        subject.clock.sleep_until(subject.clock.now_ns() + S)
        subject.show_a_frame()

        assert watcher.beaten.wait(PATIENCE_S)


def test_a_camera_that_never_shows_anything_is_never_ready(tmp_path: Path) -> None:
    """It should end with the code of a device, and never tell that it was ready."""
    with station(tmp_path, view__width_px=320) as subject:
        code, _, log = subject.end()

    assert code == 3
    assert "view.width_px" in log
    assert "READY=1" not in subject.heard
    assert "STOPPING=1" in subject.heard
