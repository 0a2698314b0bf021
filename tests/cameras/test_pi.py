"""A Pi's camera, with a stand-in for picamera2 behind it. Named after what others suffered."""

import atexit
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from sorterd.cameras.pi import PiCamera, Settings, open_part
from sorterd.capture import Capture, Reopening
from sorterd.clock import ManualClock
from sorterd.ports import DeviceFault, DeviceUnavailable, Frame
from tests.cameras.fake_picamera2 import (
    BUFFERS,
    IMX219,
    IMX708,
    LIMIT_S,
    MS,
    FakeCamera,
    Rig,
    opened,
    refusal,
    taken,
)

# --- A call into the camera hangs for ever: picamera2#794, #1004, #1090, linux#7153 ---


def test_a_camera_that_hangs_is_noticed_in_time(rig: Rig) -> None:
    """It should be a fault after `timeout_ms`, although picamera2 never comes back."""
    camera = opened(rig, timeout_ms=300)
    taken(camera)
    rig.hangs.add("capture_request")
    before_ns = rig.clock.now_ns()
    with pytest.raises(DeviceFault, match="no picture within 300 ms") as raised:
        camera.read()
    assert rig.clock.now_ns() - before_ns == 300 * MS
    assert "imx708 at /base/soc" in str(raised.value)
    with pytest.raises(DeviceFault, match="no picture"):
        camera.read()
    assert rig.waits_s == [0.3]


def test_a_camera_that_hangs_can_be_closed(rig: Rig) -> None:
    """It should let go of the call that hangs, whose thread ends, and then of the camera."""
    camera = opened(rig)
    rig.hangs.add("capture_request")
    with pytest.raises(DeviceFault):
        camera.read()
    camera.close()
    camera.close()
    (real,) = rig.cameras
    assert (real.flushes, real.closings) == (1, 1)
    thread = camera._device._errands._thread
    thread.join(LIMIT_S)
    assert not thread.is_alive()


def test_a_camera_that_cannot_be_closed_is_left_behind(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """It should give closing up after a while, and say so: the daemon has gates to make safe."""
    camera = opened(rig)
    rig.hangs.add("close")
    camera.close()
    assert rig.waits_s == [3.0]
    assert "did not close" in caplog.text


def test_python_does_not_wait_for_a_camera_at_its_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should take back the `close` that picamera2 leaves to be called when Python ends."""
    taken_back: list[object] = []
    monkeypatch.setattr(atexit, "register", lambda call: call)
    monkeypatch.setattr(atexit, "unregister", taken_back.append)
    opened(rig)
    assert taken_back == [rig.cameras[0].close]


@pytest.mark.parametrize("call", ["global_camera_info", "open", "configure", "start"])
def test_hanging_at_the_start_is_unavailable(rig: Rig, call: str) -> None:
    """It should not wait for ever for a camera that does not open."""
    rig.hangs.add(call)
    assert "10 s" in refusal(rig)
    assert rig.waits_s[0] == 10.0


def test_no_first_frame_is_unavailable(rig: Rig) -> None:
    """It should not open a camera that gives no picture, and let go of it."""
    rig.hangs.add("capture_request")
    assert "no picture within 5000 ms" in refusal(rig)
    assert rig.cameras[0].closings == 1


def test_a_stalled_camera_is_opened_again(rig: Rig) -> None:
    """It should work anew when the capture thread has opened it again, after its wait."""
    seen: list[Frame] = []
    waited = Reopening(after_ns=(500 * MS,))

    def hand_on(frame: Frame) -> None:
        seen.append(frame)
        if len(seen) == 3:
            rig.hangs.add("capture_request")

    def again() -> PiCamera:
        rig.hangs.clear()
        rig.unhooked.clear()
        return opened(rig)

    capture = Capture(
        rig.clock,
        again,
        hand_on,
        stopping=lambda: len(seen) == 6,
        failed=lambda _: None,
        patience=waited,
    )
    capture.run()
    instants = [frame.exposed_ns for frame in seen]
    assert len(seen) == 6
    assert instants == sorted(set(instants))
    assert [camera.closings for camera in rig.cameras] == [1, 1]


def test_closing_during_a_read_waits_for_its_end(rig: Rig) -> None:
    """It should let go of the device after the read under way, not under its feet."""
    camera = opened(rig)
    wait = rig.wait

    def closed_meanwhile(event: threading.Event, seconds: float) -> bool:
        camera.close()
        assert rig.cameras[0].closings == 0
        return wait(event, seconds)

    camera._device._errands._wait = closed_meanwhile
    assert taken(camera).sequence > 0
    camera._device._errands._wait = wait
    with pytest.raises(DeviceFault, match="closed"):
        camera.read()
    camera.close()
    assert rig.cameras[0].closings == 1


# --- The wrong camera opens fine: motionpie#176, openpnp#1777, viam rdk#2084 ---


def test_the_wrong_sensor_is_refused() -> None:
    """It should name what was asked for and what is there."""
    said = refusal(Rig(ManualClock(), IMX219))
    assert "no camera has sensor = 'imx708'" in said
    assert "there is imx219 at /base/soc/i2c0mux/i2c@0/imx219@10" in said


def test_a_camera_is_found_by_its_id_wherever_it_is_listed() -> None:
    """It should open the camera with the id, by whatever number it has today."""
    for there in ((IMX219, IMX708), (IMX708, IMX219)):
        rig = Rig(ManualClock(), *there)
        opened(rig, sensor=None, camera_id=IMX219["Id"])
        assert rig.cameras[0].camera_properties["Model"] == "imx219"


def test_an_id_with_another_sensor_is_refused() -> None:
    """It should need both where both were given: the cable may have been moved."""
    rig = Rig(ManualClock(), IMX708, IMX219)
    said = refusal(rig, camera_id=IMX219["Id"])
    assert "sensor = 'imx708'" in said
    assert str(IMX219["Id"]) in said


def test_one_camera_needs_no_name_and_two_do() -> None:
    """It should take the only one there is, and never choose between two."""
    opened(Rig(ManualClock(), IMX219), sensor=None)
    said = refusal(Rig(ManualClock(), IMX708, IMX219), sensor=None)
    assert "2 cameras are there: imx708 at" in said
    assert "camera_id" in said
    two = Rig(ManualClock(), IMX708, {**IMX708, "Id": "/base/other"})
    assert "2 cameras have sensor = 'imx708'" in refusal(two)


def test_no_camera_at_all_is_said_so() -> None:
    """It should send a person to the ribbon cable."""
    rig = Rig(ManualClock())
    rig.there = ()
    assert "ribbon cable" in refusal(rig)


def test_a_camera_that_took_the_number_meanwhile_is_refused(rig: Rig) -> None:
    """It should look at what it opened: numbers are dealt out anew."""

    class Replaced(Rig):
        """Deals the number out to another camera."""

        def __call__(self, camera_num: int) -> FakeCamera:
            self.there = (IMX219,)
            return super().__call__(camera_num)

    rig = Replaced(ManualClock())
    assert "imx219 opened in its place" in refusal(rig)
    assert rig.cameras[0].closings == 1


# --- The frame is old: picamera2#426, #787, #849 ---


def test_a_frame_from_before_a_stall_is_passed_over(rig: Rig) -> None:
    """It should not hand on what picamera2 kept while nobody came."""
    camera = opened(rig, timeout_ms=500)
    rig.clock.sleep_until(rig.clock.now_ns() + 5000 * MS)
    rig.behind_ms = [20] * rig.cameras[0].frames + [5000, 20]
    assert rig.clock.now_ns() - taken(camera).exposed_ns < 50 * MS
    assert rig.on_loan == 0


def test_frames_that_are_always_old_are_a_fault(rig: Rig) -> None:
    """It should not read on for ever for a fresh one."""
    camera = opened(rig, timeout_ms=500)
    rig.clock.sleep_until(rig.clock.now_ns() + 5000 * MS)
    rig.behind_ms = [20] * rig.cameras[0].frames + [700]
    with pytest.raises(DeviceFault, match="older than 500 ms"):
        camera.read()


def test_frames_that_nobody_read_are_counted(rig: Rig) -> None:
    """It should number the sensor's frames, not ours."""
    camera = opened(rig)
    first = taken(camera).sequence
    rig.clock.sleep_until(rig.clock.now_ns() + 120 * MS)
    assert taken(camera).sequence - first == 4


# --- A frame that is not returned starves the camera: picamera2#1183, #958 ---


@pytest.mark.parametrize("call", ["make_array", "get_metadata"])
def test_a_frame_is_returned_even_if_it_cannot_be_copied(rig: Rig, call: str) -> None:
    """It should give every frame back, or the camera starves after a few."""
    camera = opened(rig)
    for _ in range(2 * BUFFERS):
        rig.fails = {call: RuntimeError("failed to find buffer")}
        with pytest.raises(DeviceFault, match="failed to find buffer"):
            camera.read()
        rig.fails = {}
        taken(camera)
    assert (rig.on_loan, rig.on_loan_most) == (0, 1)


def test_a_held_frame_keeps_no_loan(rig: Rig) -> None:
    """It should copy: whoever holds frames must not be able to starve the camera."""
    camera = opened(rig)
    held = [taken(camera).pixels for _ in range(3 * BUFFERS)]
    assert rig.on_loan == 0
    assert not any(np.shares_memory(held[0], other) for other in held[1:])


def test_a_frame_of_another_size_is_a_fault(rig: Rig) -> None:
    """It should refuse a picture of a size that was not agreed."""
    camera = opened(rig)
    rig.cameras[0].made["main"]["size"] = (32, 48)
    with pytest.raises(DeviceFault, match="64x48"):
        camera.read()


# --- picamera2 is not there: picamera2#446, #964, #1170 ---


def test_without_picamera2_the_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should name the package of apt, and how a virtual environment comes to see it."""
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(DeviceUnavailable) as raised:
        open_part(Settings(), ManualClock())
    said = str(raised.value)
    assert "apt install python3-picamera2" in said
    assert "--system-site-packages" in said
    assert "\n" not in said


def test_picamera2_is_found_by_name(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should import it only when a camera is opened."""
    space = SimpleNamespace(Smpte170m=lambda: "smpte170m")
    monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace(Picamera2=rig))
    monkeypatch.setitem(sys.modules, "libcamera", SimpleNamespace(ColorSpace=space))
    settings = Settings(width_px=64, height_px=48)
    camera = open_part(settings, rig.clock, wait=rig.wait)
    assert taken(camera).pixels.shape == (48, 64, 3)
