"""A USB camera, with a stand-in for OpenCV behind it."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from sorterd.cameras import v4l2
from sorterd.cameras.v4l2 import Settings, V4l2Camera, open_part
from sorterd.clock import ManualClock
from sorterd.ports import DeviceFault, DeviceUnavailable

MS = 1_000_000
# As OpenCV would say what this camera offers.
SIZES = {"MJPG": (1280, 720), "YUYV": (640, 480)}


class Cam:
    """Behaves as OpenCV does with a USB camera at 50 frames a second, and remembers.

    Args:
        clock: Moves on to each frame.
        offers: The pixel formats it has, each with its largest size.
        controls: What it lets itself be asked for.
    """

    def __init__(
        self,
        clock: ManualClock,
        offers: tuple[str, ...] = ("MJPG", "YUYV"),
        controls: tuple[int, ...] = (),
    ) -> None:
        self.clock = clock
        self.offers = offers
        self.controls = controls
        self.asked: list[tuple[int, float]] = []
        self.released = 0
        self.silent = False
        self.stamp_ms: float | None = None
        self.shape: tuple[int, ...] | None = None
        self._fourcc = offers[-1]
        self._size = [640, 480]

    def get(self, prop: int) -> float:
        """Answer as OpenCV's Video4Linux does."""
        match prop:
            case cv2.CAP_PROP_FOURCC:
                return float(int.from_bytes(self._fourcc.encode(), "little"))
            case cv2.CAP_PROP_FRAME_WIDTH:
                return float(min(self._size[0], SIZES[self._fourcc][0]))
            case cv2.CAP_PROP_FRAME_HEIGHT:
                return float(min(self._size[1], SIZES[self._fourcc][1]))
            case cv2.CAP_PROP_POS_MSEC:
                own_ms = (self.clock.now_ns() - 5 * MS) / MS
                return own_ms if self.stamp_ms is None else self.stamp_ms
            case _:
                return -1.0

    def set(self, prop: int, value: float) -> bool:
        """Take what is nearest, as drivers do."""
        self.asked.append((prop, value))
        match prop:
            case cv2.CAP_PROP_FOURCC:
                name = int(value).to_bytes(4, "little").decode()
                self._fourcc = name if name in self.offers else self._fourcc
            case cv2.CAP_PROP_FRAME_WIDTH:
                self._size[0] = int(value)
            case cv2.CAP_PROP_FRAME_HEIGHT:
                self._size[1] = int(value)
            case cv2.CAP_PROP_FPS | cv2.CAP_PROP_BUFFERSIZE:
                pass
            case _:
                return prop in self.controls
        return True

    def read(self, timeout_ms: int) -> npt.NDArray[np.uint8] | None:
        """Wait for the next frame, or for the end of the camera's patience."""
        wait_ms = timeout_ms if self.silent else 20
        self.clock.sleep_until(self.clock.now_ns() + wait_ms * MS)
        if self.silent:
            return None
        shape = self.shape or (
            int(self.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            int(self.get(cv2.CAP_PROP_FRAME_WIDTH)),
            3,
        )
        return np.full(shape, 128, np.uint8)

    def release(self) -> None:
        """Count."""
        self.released += 1


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """Return a path that exists."""
    path = tmp_path / "usb-Cam-video-index0"
    path.touch()
    return path


def opened(cam: Cam, settings: Settings) -> V4l2Camera:
    """Open a camera over a stand-in."""
    return open_part(settings, cam.clock, lambda _: cam)


def test_the_camera_is_asked_in_the_order_it_needs(device: Path) -> None:
    """It should ask for the format before the size, keep one buffer, and read back."""
    cam = Cam(ManualClock())
    camera = opened(cam, Settings(device=device, width_px=1280, height_px=720, rate_hz=50))
    props = [prop for prop, _ in cam.asked]
    assert props[0] == cv2.CAP_PROP_FOURCC
    assert (cv2.CAP_PROP_BUFFERSIZE, 1) in cam.asked
    assert (camera.width_px, camera.height_px) == (1280, 720)
    frame = camera.read()
    assert frame is not None
    assert frame.pixels.shape == (720, 1280, 3)


@pytest.mark.parametrize(
    ("given", "offers", "said"),
    [
        ({"width_px": 1920, "height_px": 1080}, ("MJPG",), "1280x720 instead of 1920x1080"),
        ({}, ("YUYV",), "YUYV instead of MJPG"),
        ({"fourcc": "YUYV", "width_px": 1280}, ("YUYV",), "640x480 instead of 1280x480"),
        ({"gain_steps": 7}, ("MJPG",), "does not take gain_steps"),
        ({"auto_exposure": True}, ("MJPG",), "does not take auto_exposure"),
    ],
)
def test_what_it_does_not_offer_is_named(
    device: Path, given: dict[str, object], offers: tuple[str, ...], said: str
) -> None:
    """It should refuse a setting that the camera did not take, name it, and let go of it."""
    cam = Cam(ManualClock(), offers)
    with pytest.raises(DeviceUnavailable, match=said) as raised:
        opened(cam, Settings.model_validate({"device": device, **given}))
    assert str(device) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert cam.released == 1


def test_controls_are_locked(device: Path) -> None:
    """It should hand exposure, gain and white balance to the driver in the driver's units."""
    wanted = [
        (cv2.CAP_PROP_AUTO_EXPOSURE, 1.0),
        (cv2.CAP_PROP_EXPOSURE, 156),
        (cv2.CAP_PROP_GAIN, 12),
        (cv2.CAP_PROP_AUTO_WB, 0.0),
        (cv2.CAP_PROP_WB_TEMPERATURE, 4600),
    ]
    cam = Cam(ManualClock(), controls=tuple(prop for prop, _ in wanted))
    settings = Settings(
        device=device, auto_exposure=False, exposure_us=15_600, gain_steps=12, white_balance_k=4600
    )
    opened(cam, settings)
    assert cam.asked[-len(wanted) :] == wanted


def test_the_driver_stamp_is_the_exposure(device: Path) -> None:
    """It should stamp a frame with the driver's monotonic instant, to the microsecond."""
    cam = Cam(ManualClock())
    camera = opened(cam, Settings(device=device))
    for _ in range(5):
        frame = camera.read()
        assert frame is not None
        assert 0 <= cam.clock.now_ns() - 5 * MS - frame.exposed_ns < 1500


@pytest.mark.parametrize("stamp_ms", [0.0, -1.0, 12.5, 1.79e12, float(10**7)])
def test_an_unbelievable_stamp_is_not_used(device: Path, stamp_ms: float) -> None:
    """It should stamp with the present where the driver's stamp is old, absent or to come."""
    cam = Cam(ManualClock())
    cam.stamp_ms = stamp_ms
    camera = opened(cam, Settings(device=device))
    for _ in range(3):
        frame = camera.read()
        assert frame is not None
        assert frame.exposed_ns == cam.clock.now_ns()


def test_a_stamp_that_stands_still_is_not_used(device: Path) -> None:
    """It should keep the instants rising when the driver repeats a stamp."""
    cam = Cam(ManualClock())
    cam.stamp_ms = cam.clock.now_ns() / MS
    camera = opened(cam, Settings(device=device))
    found = [camera.read() for _ in range(4)]
    instants = [frame.exposed_ns for frame in found if frame is not None]
    assert instants == sorted(set(instants))
    assert len(instants) == 4


def test_silence_is_a_fault(device: Path) -> None:
    """It should call a camera stalled after the time that was set, not later."""
    cam = Cam(ManualClock())
    camera = opened(cam, Settings(device=device, timeout_ms=300))
    camera.read()
    cam.silent = True
    before_ns = cam.clock.now_ns()
    with pytest.raises(DeviceFault, match="within 300 ms"):
        camera.read()
    assert cam.clock.now_ns() - before_ns == 300 * MS


def test_silence_from_the_start_is_unavailable(device: Path) -> None:
    """It should not open a camera that gives no picture, and let go of it."""
    cam = Cam(ManualClock())
    cam.silent = True
    with pytest.raises(DeviceUnavailable, match="no picture"):
        opened(cam, Settings(device=device))
    assert cam.released == 1


def test_another_size_in_between_is_a_fault(device: Path) -> None:
    """It should refuse a picture of a size that was not agreed."""
    cam = Cam(ManualClock())
    camera = opened(cam, Settings(device=device))
    cam.shape = (240, 320, 3)
    with pytest.raises(DeviceFault, match="640x480"):
        camera.read()


def test_a_missing_camera_names_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should list the stable paths of the cameras that are plugged in."""
    for name in ("usb-B-index0", "usb-A-index0"):
        (tmp_path / name).touch()
    monkeypatch.setattr(v4l2, "BY_ID", tmp_path)
    with pytest.raises(DeviceUnavailable) as raised:
        open_part(Settings(device=tmp_path / "usb-C-index0"), ManualClock(), lambda _: None)
    said = str(raised.value)
    assert f"{tmp_path / 'usb-A-index0'}, {tmp_path / 'usb-B-index0'}" in said
    assert "does not exist" in said
    monkeypatch.setattr(v4l2, "BY_ID", tmp_path / "none")
    with pytest.raises(DeviceUnavailable, match="no camera is plugged in"):
        open_part(Settings(device=tmp_path / "usb-C-index0"), ManualClock(), lambda _: None)


def test_what_is_no_camera_cannot_be_opened(
    device: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It should say so in one line when OpenCV cannot open the path, and OpenCV should not."""
    with pytest.raises(DeviceUnavailable, match="cannot be opened") as raised:
        open_part(Settings(device=device), ManualClock())
    assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""


def test_closing_during_a_read_waits_for_its_end(device: Path) -> None:
    """It should let go of the device after the read under way, not under its feet."""

    class ClosedMeanwhile(Cam):
        """Is closed, as if by another thread, while it waits for a frame."""

        camera: V4l2Camera | None = None

        def read(self, timeout_ms: int) -> npt.NDArray[np.uint8] | None:
            """Notice that nothing is let go of yet."""
            if self.camera is not None:
                self.camera.close()
                assert self.released == 0
            return super().read(timeout_ms)

    cam = ClosedMeanwhile(ManualClock())
    camera = opened(cam, Settings(device=device))
    cam.camera = camera
    assert camera.read() is not None
    assert cam.released == 1
    with pytest.raises(DeviceFault, match="closed"):
        camera.read()


def test_advice_is_given_for_a_number_alone() -> None:
    """It should warn of /dev/videoN, whose number may change, and of nothing else."""
    said = Settings(device=Path("/dev/video0")).advice()
    assert said is not None
    assert "/dev/v4l/by-id" in said
    assert Settings(device=Path("/dev/v4l/by-id/usb-Cam-video-index0")).advice() is None
    assert Settings(device=Path("/dev/v4l/by-path/pci-0-video-index0")).advice() is None


def test_exposure_needs_to_be_by_hand() -> None:
    """It should refuse an exposure time that automatic exposure would overrule."""
    with pytest.raises(ValidationError, match="auto_exposure = false"):
        Settings(device=Path("/dev/video0"), exposure_us=10_000)
