"""What holds for every camera: one suite, run on every file in sorterd/cameras with settings."""

import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import sorterd.cameras
from sorterd.cameras import pi, replay, v4l2
from sorterd.clock import ManualClock
from sorterd.ports import Camera, DeviceFault, PartSettings
from tests.cameras.fake_picamera2 import Rig

KINDS = [
    each.name
    for each in pkgutil.iter_modules(sorterd.cameras.__path__)
    if hasattr(import_module(f"sorterd.cameras.{each.name}"), "Settings")
]
FRAMES = 6
SECOND_NS = 1_000_000_000


def picture(number: int) -> npt.NDArray[np.uint8]:
    """Return a picture of 64 x 48 pixels that no other number has."""
    return np.full((48, 64, 3), (10 + 20 * number) % 256, np.uint8)


def photographs(folder: Path) -> Path:
    """Write pictures as a folder of photographs."""
    (folder / "photos").mkdir(exist_ok=True)
    for number in range(FRAMES):
        done, data = cv2.imencode(".png", picture(number))
        assert done
        (folder / "photos" / f"{number}.png").write_bytes(data.tobytes())
    return folder / "photos"


def open_folder(folder: Path, clock: ManualClock) -> Camera:
    """Open photographs at a given pace."""
    return replay.open_part(replay.Settings(path=photographs(folder), rate_hz=25), clock)


def open_in_haste(folder: Path, clock: ManualClock) -> Camera:
    """Open photographs as fast as possible."""
    settings = replay.Settings(path=photographs(folder), as_fast_as_possible=True)
    return replay.open_part(settings, clock)


def open_video(folder: Path, clock: ManualClock) -> Camera:
    """Open a video at its own pace."""
    path = folder / "belt.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for number in range(FRAMES):
        writer.write(picture(number))
    writer.release()
    return replay.open_part(replay.Settings(path=path), clock)


class UsbCamera:
    """Behaves as OpenCV does with a USB camera at 25 frames a second that takes what it is told."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._taken: dict[int, float] = {}
        self._number = -1

    def get(self, prop: int) -> float:
        """Return what was set; the driver's stamp lies 3 ms back."""
        if prop == cv2.CAP_PROP_POS_MSEC:
            return self._clock.now_ns() / 1e6 - 3
        return self._taken.get(prop, -1.0)

    def set(self, prop: int, value: float) -> bool:
        """Take it."""
        self._taken[prop] = value
        return True

    def read(self, timeout_ms: int) -> npt.NDArray[np.uint8]:
        """Wait for the next picture."""
        self._clock.sleep_until(self._clock.now_ns() + min(timeout_ms, 40) * 1_000_000)
        self._number += 1
        return picture(self._number)

    def release(self) -> None:
        """Nothing is held."""


def open_usb(folder: Path, clock: ManualClock) -> Camera:
    """Open a USB camera with a stand-in for OpenCV."""
    settings = v4l2.Settings(device=folder, width_px=64, height_px=48)
    return v4l2.open_part(settings, clock, lambda _: UsbCamera(clock))


def open_pi(_: Path, clock: ManualClock) -> Camera:
    """Open a Pi's camera with a stand-in for picamera2."""
    rig = Rig(clock)
    return pi.open_part(pi.Settings(width_px=64, height_px=48), clock, rig.library, rig.wait)


class SmallWorld:
    """A simulated station whose picture changes every millisecond, and which goes on for ever."""

    width_px = 64
    height_px = 48

    def picture(self, t_ns: int) -> npt.NDArray[np.uint8]:
        """Return what the camera sees at an instant."""
        return picture(t_ns // 1_000_000)

    def over(self, t_ns: int) -> bool:
        """Return that there is always more to come."""
        return t_ns < 0


def open_simulated(_: Path, clock: ManualClock) -> Camera:
    """Open the simulated camera over a small world."""
    part = import_module("sorterd.cameras.simulated")
    camera: Camera = part.open_part(part.Settings(), clock, SmallWorld())
    return camera


Opener = Callable[[Path, ManualClock], Camera]

OPENERS: dict[str, list[Opener]] = {
    "pi": [open_pi],
    "replay": [open_folder, open_in_haste, open_video],
    "simulated": [open_simulated],
    "v4l2": [open_usb],
}
"""How the suite opens each kind: a new kind is one more row."""


@pytest.fixture(params=[opener for kind in KINDS for opener in OPENERS.get(kind, [])])
def opener(request: pytest.FixtureRequest) -> Opener:
    """Open one kind of camera in one way."""
    found: Opener = request.param
    return found


@contextmanager
def opened(opener: Opener, folder: Path, clock: ManualClock) -> Iterator[Camera]:
    """Open a camera and let go of it."""
    camera = opener(folder, clock)
    try:
        yield camera
    finally:
        camera.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_camera_is_in_the_suite(kind: str) -> None:
    """It should be opened by this suite: add a row to OPENERS for a new file."""
    assert OPENERS.get(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_the_file_name(kind: str) -> None:
    """It should be found under the kind that its settings give."""
    declared = import_module(f"sorterd.cameras.{kind}").Settings
    assert issubclass(declared, PartSettings)
    assert declared.model_fields["kind"].default == kind


def test_frames_follow_each_other(opener: Opener, tmp_path: Path) -> None:
    """It should number frames upwards and stamp each later than the last, never in the future."""
    clock = ManualClock()
    with opened(opener, tmp_path, clock) as camera:
        sequence, exposed_ns = -1, 0
        for _ in range(FRAMES):
            frame = camera.read()
            assert frame is not None
            assert frame.sequence > sequence
            assert exposed_ns < frame.exposed_ns <= clock.now_ns()
            sequence, exposed_ns = frame.sequence, frame.exposed_ns


def test_frames_are_fresh(opener: Opener, tmp_path: Path) -> None:
    """It should stamp a frame for which somebody waited within the last second."""
    clock = ManualClock()
    with opened(opener, tmp_path, clock) as camera:
        for _ in range(FRAMES):
            frame = camera.read()
            assert frame is not None
            assert clock.now_ns() - frame.exposed_ns < SECOND_NS


def test_pixels_are_as_declared(opener: Opener, tmp_path: Path) -> None:
    """It should give uint8 BGR of the size that the camera states."""
    with opened(opener, tmp_path, ManualClock()) as camera:
        for _ in range(FRAMES):
            frame = camera.read()
            assert frame is not None
            assert frame.pixels.dtype == np.uint8
            assert frame.pixels.shape == (camera.height_px, camera.width_px, 3)


def test_pixels_are_not_used_again(opener: Opener, tmp_path: Path) -> None:
    """It should leave a frame that somebody holds alone, and give the next one its own pixels."""
    with opened(opener, tmp_path, ManualClock()) as camera:
        held, copies = [], []
        for _ in range(FRAMES):
            frame = camera.read()
            assert frame is not None
            held.append(frame)
            copies.append(frame.pixels.copy())
    for number, (frame, copy) in enumerate(zip(held, copies, strict=True)):
        assert (frame.pixels == copy).all()
        assert not any(np.shares_memory(frame.pixels, other.pixels) for other in held[:number])


def test_frames_are_announced_in_time(opener: Opener, tmp_path: Path) -> None:
    """It should announce each frame for no later than the instant of its exposure."""
    clock = ManualClock()
    with opened(opener, tmp_path, clock) as camera:
        for number in range(FRAMES - 2):
            due_ns = camera.due_ns
            if number == 2:  # somebody who comes late
                clock.sleep_until(clock.now_ns() + 70_000_000)
            frame = camera.read()
            assert frame is not None
            assert due_ns <= frame.exposed_ns


def test_waiting_for_the_announced_instant_is_enough(opener: Opener, tmp_path: Path) -> None:
    """It should come without end when it is asked only at the instants it announces."""
    clock = ManualClock()
    with opened(opener, tmp_path, clock) as camera:
        sequences = []
        for _ in range(FRAMES):
            clock.sleep_until(camera.due_ns)
            frame = camera.read()
            assert frame is not None
            sequences.append(frame.sequence)
    assert sequences == list(range(sequences[0], sequences[0] + FRAMES))


def test_the_clock_is_the_only_time(opener: Opener, tmp_path: Path) -> None:
    """It should give the same frames a day later on the clock, each a day later."""
    day_ns = 86_400 * SECOND_NS
    runs = []
    for start_ns in (7_003_000_019, 7_003_000_019 + day_ns):
        clock = ManualClock(start_ns)
        with opened(opener, tmp_path, clock) as camera:
            runs.append([(camera.due_ns, camera.read()) for _ in range(FRAMES)])
    for (due_ns, frame), (later_due_ns, later) in zip(*runs, strict=True):
        assert frame is not None
        assert later is not None
        assert later_due_ns - due_ns == day_ns
        assert later.exposed_ns - frame.exposed_ns == day_ns
        assert later.sequence == frame.sequence


def test_a_closed_camera_is_a_fault(opener: Opener, tmp_path: Path) -> None:
    """It should refuse to read after it was closed, as often as that is tried."""
    camera = opener(tmp_path, ManualClock())
    assert camera.read() is not None
    camera.close()
    for _ in range(2):
        with pytest.raises(DeviceFault, match="closed"):
            camera.read()
    assert isinstance(camera.due_ns, int)


def test_closing_twice_is_harmless(opener: Opener, tmp_path: Path) -> None:
    """It should let itself be closed again, read from or not."""
    camera = opener(tmp_path, ManualClock())
    camera.close()
    camera.close()
