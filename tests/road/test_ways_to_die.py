"""Every way to die leaves the gates safe: each is met with a gate that stands open.

From the instant at which a fault is noticed to the one at which the gate is told to shut no more
than two frame periods go by, on a clock that only the camera's frames move.
"""

import signal
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sorterd.capture import Reopening
from sorterd.holding import holder
from sorterd.patience import Patience
from sorterd.ports import DeviceFault
from sorterd.sinks.journal import read_notes, read_runs
from tests.road.child import OPEN_US, SHUT_US, station
from tests.road.dying import FRAME_NS, PATIENCE_S, Dying, S, dying, waits_for


class Bug(Exception):
    """What no part of the station expects."""


def in_capture(subject: Dying) -> None:
    """Break the camera in a way that no camera has."""
    subject.camera.when_read = subject.breaks_with(Bug())
    subject.camera.tell()


def in_sort(subject: Dying) -> None:
    """Break the look at a frame."""
    subject.finder.when_looking = subject.breaks_with(Bug())
    subject.camera.tell()


def in_infer(subject: Dying) -> None:
    """Break the model."""
    subject.model.when_asked = subject.breaks_with(Bug())
    subject.ask_the_model()


def in_gates(subject: Dying) -> None:
    """Break the other gate."""
    subject.gates["paper"].when_opened = subject.breaks_with(Bug())
    subject.open_gate("paper")


def in_sink(subject: Dying) -> None:
    """Break the journal in a way that no full disk does."""
    subject.sink.when_noted = subject.breaks_with(Bug())
    subject.daemon.note("test", "a note")


def in_waiting(subject: Dying) -> None:
    """Break what the thread that waits for signals does meanwhile."""
    subject.when_waiting = subject.breaks_with(Bug())


@pytest.mark.parametrize("break_it", [in_capture, in_sort, in_infer, in_gates, in_sink, in_waiting])
def test_a_bug_in_any_thread_shuts_the_open_gate(break_it: Callable[[Dying], None]) -> None:
    """It should not wait for the pulse's end, the drain or another thread."""
    with dying() as subject:
        break_it(subject)

        assert subject.shut_after_ns() < 2 * FRAME_NS
        assert isinstance(subject.running.exception(PATIENCE_S), Bug)


def test_a_camera_that_fails_shuts_the_open_gate_before_it_is_opened_again() -> None:
    """It should not let a piece be swept that nobody sees, and tell why in the journal."""
    with dying(Patience(camera=Reopening(after_ns=(0,)))) as subject:
        subject.camera.when_read = subject.breaks_with(DeviceFault("camera: check the cable"))
        subject.camera.tell()

        assert subject.shut_after_ns() < 2 * FRAME_NS
    assert ("camera", "camera: check the cable") in subject.sink.notes


def test_a_camera_that_falls_silent_shuts_the_open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should end with a fault though the camera's own thread never comes back."""
    monkeypatch.setattr("sorterd.daemon.END_S", 0.01)
    never = threading.Event()
    with dying(Patience(silent_camera_ns=S)) as subject:
        subject.camera.when_read = waits_for(never)
        subject.camera.tell()
        # The pulse must not come to its end by itself.
        subject.clock.sleep_until(subject.clock.now_ns() + S + 1)
        subject.noticed_ns = subject.clock.now_ns()

        assert subject.shut_after_ns() < 2 * FRAME_NS
        fault = subject.running.exception(PATIENCE_S)
        assert isinstance(fault, DeviceFault)
        assert "no frame for 1 s" in str(fault)
        never.set()


def test_a_model_that_hangs_shuts_the_open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should end with a fault though the model's own thread never comes back."""
    monkeypatch.setattr("sorterd.daemon.END_S", 0.01)
    never = threading.Event()
    with dying(Patience(stalled_runtime_ns=S, silent_camera_ns=100 * S)) as subject:
        subject.model.when_asked = waits_for(never)
        subject.ask_the_model()
        subject.station.pipeline.mind._desk.stalled = True
        subject.show_a_frame()
        subject.clock.sleep_until(subject.clock.now_ns() + S + 1)
        subject.noticed_ns = subject.clock.now_ns()
        subject.camera.tell()

        assert subject.shut_after_ns() < 2 * FRAME_NS
        fault = subject.running.exception(PATIENCE_S)
        assert isinstance(fault, DeviceFault)
        assert "not answered for 1 s" in str(fault)
        never.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_process_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """It should say so to systemd, leave its servo shut and without pulses, and exit with 0."""
    with station(tmp_path) as subject:
        subject.wait_for("READY=1")
        subject.signal(number)
        code, widths_us, log = subject.end()

    assert code == 0
    assert "STOPPING=1" in subject.heard
    assert OPEN_US not in widths_us
    assert widths_us[-2:] == [SHUT_US, 0]
    assert "has stopped: 0 pieces" in log


def test_a_camera_that_is_given_up_ends_a_process_as_a_device_does(tmp_path: Path) -> None:
    """It should exit with the code on which systemd starts it again, its servo shut."""
    with station(tmp_path) as subject:
        subject.wait_for("READY=1")
        (tmp_path / "photos" / "grey.png").unlink()
        code, widths_us, _ = subject.end()

    assert code == 3
    assert widths_us[-2:] == [SHUT_US, 0]
    assert [each for each in subject.heard if each.startswith("STATUS=stopping: ")]


def test_a_power_cut_leaves_nothing_half_written(tmp_path: Path) -> None:
    """It should leave a whole journal and free devices, and the next start should go on there."""
    journal = tmp_path / "journal.db"
    with station(tmp_path) as subject:
        subject.wait_for("READY=1")
        held = holder(tmp_path)
        assert held is not None
        assert held.process == subject.process.pid
        subject.signal(signal.SIGKILL)
        code, widths_us, _ = subject.end()

    assert code == -signal.SIGKILL
    assert widths_us == []
    assert holder(tmp_path) is None
    with sqlite3.connect(journal) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    with station(tmp_path) as again:
        again.wait_for("READY=1")
        again.signal(signal.SIGTERM)
        assert again.end()[0] == 0
    assert [run.run for run in read_runs(journal)] == [1, 2]
    assert not list(read_notes(journal))
