"""Behaves as picamera2 does with a camera on a Pi, on a manual clock; may be told to misbehave.

And what the tests of that camera share: opening it over this, a frame, and why there is none.
"""

import atexit
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sorterd.cameras.pi import PiCamera, Settings, open_part
from sorterd.cameras.pi.library import Library
from sorterd.clock import ManualClock
from sorterd.ports import DeviceUnavailable, Frame

MS = 1_000_000
IMX708 = {
    "Model": "imx708",
    "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a",
    "Location": 2,
    "Rotation": 180,
    "Num": 0,
}
IMX219 = {
    "Model": "imx219",
    "Id": "/base/soc/i2c0mux/i2c@0/imx219@10",
    "Location": 2,
    "Rotation": 180,
    "Num": 1,
}
USUAL_CONTROLS: dict[str, tuple[Any, Any, Any]] = {
    "FrameDurationLimits": (8_000, 200_000_000, 33_333),
    "AeEnable": (False, True, True),
    "AwbEnable": (False, True, True),
    "ExposureTime": (26, 112_000_000, 20_000),
    "AnalogueGain": (1.0, 16.0, 1.0),
    "ColourGains": (0.0, 32.0, 0.0),
    "NoiseReductionMode": (0, 4, 0),
}
BUFFERS = 4
LIMIT_S = 10.0
"""No wait of a test lasts so long: what waits is woken."""


class Rig:
    """A Pi with cameras, and picamera2 beside it.

    Args:
        clock: Moves on to each frame, and over each wait that is in vain.
        there: The cameras, as picamera2 lists them.

    Attributes:
        hangs: Names of the calls that never come back.
        fails: What calls raise, by their names.
        on_loan: Frames that were not given back.
        on_loan_most: The most there ever were.
        sent: Every set of controls, in order.
        cameras: Every camera that was opened.
        light: ExposureTime, AnalogueGain and ColourGains, frame by frame; the last stays.
        size: What the camera makes of any size; None for what is asked.
        layout: The same of the layout of pixels.
        behind_ms: From the stamp of a frame until it can be had, frame by frame; the last stays.
        shown: The part of the sensor that frames say they show.
        waits_s: How long calls were waited for in vain.
    """

    def __init__(self, clock: ManualClock, *there: Mapping[str, Any]) -> None:
        self.clock = clock
        self.there: Sequence[Mapping[str, Any]] = there or (IMX708,)
        self.offered = dict(USUAL_CONTROLS)
        self.hangs: set[str] = set()
        self.fails: dict[str, Exception] = {}
        self.on_loan = 0
        self.on_loan_most = 0
        self.sent: list[dict[str, object]] = []
        self.cameras: list[FakeCamera] = []
        self.light: list[tuple[int, float, tuple[float, float]]] = [(8000, 2.0, (1.8, 1.5))]
        self.behind_ms: list[int] = [20]
        self.size: tuple[int, int] | None = None
        self.layout: str | None = None
        self.shown: tuple[int, int, int, int] | None = None
        self.waits_s: list[float] = []
        self.unhooked = threading.Event()
        self._awaited: threading.Event | None = None
        self._in_vain: list[threading.Event] = []
        self._turn = threading.Condition()

    @property
    def library(self) -> Library:
        """What the part sees of it."""
        return Library(self, lambda: "smpte170m")

    def global_camera_info(self) -> Sequence[Mapping[str, Any]]:
        """List the cameras."""
        self.happen("global_camera_info")
        return self.there

    def __call__(self, camera_num: int) -> "FakeCamera":
        """Open a camera."""
        self.happen("open")
        self.cameras.append(FakeCamera(self, self.there[camera_num]))
        return self.cameras[-1]

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for a call that comes back; of one that hangs it is known at once."""
        with self._turn:
            self._awaited = event
            self._turn.notify_all()
        assert event.wait(LIMIT_S)
        with self._turn:
            self._awaited = None
            if event not in self._in_vain:
                return True
        self.waits_s.append(seconds)
        self.clock.sleep_until(self.clock.now_ns() + round(seconds * 1e9))
        return False

    def happen(self, name: str) -> None:
        """Hang or fail, if this call is to."""
        if name in self.hangs:
            with self._turn:
                assert self._turn.wait_for(lambda: self._awaited is not None, LIMIT_S)
                assert self._awaited is not None
                self._in_vain.append(self._awaited)
                self._awaited.set()
            assert self.unhooked.wait(LIMIT_S)
            raise CancelledError
        if name in self.fails:
            raise self.fails[name]


class FakeCamera:
    """Behaves as `picamera2.Picamera2`."""

    def __init__(self, rig: Rig, info: Mapping[str, Any]) -> None:
        self.rig = rig
        self.camera_properties: dict[str, Any] = {"Model": info["Model"]}
        self.wanted: dict[str, Any] = {}
        self.made: dict[str, Any] = {}
        self.closings = 0
        self.frames = 0
        self.flushes = 0
        atexit.register(self.close)

    @property
    def camera_controls(self) -> Mapping[str, tuple[Any, Any, Any]]:
        """What can be set."""
        return self.rig.offered

    def create_video_configuration(self, **wanted: object) -> dict[str, Any]:
        """Return what was asked for."""
        return dict(wanted)

    def configure(self, camera_config: dict[str, Any]) -> None:
        """Take it, or what is nearest."""
        self.rig.happen("configure")
        self.wanted = camera_config
        main = dict(camera_config["main"])
        main["size"] = self.rig.size or main["size"]
        main["format"] = self.rig.layout or main["format"]
        self.made = {"main": main, "sensor": {"output_size": (2304, 1296), "bit_depth": 10}}

    def camera_configuration(self) -> Mapping[str, Any]:
        """Return what was taken."""
        return self.made

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """Remember them."""
        self.rig.happen("set_controls")
        self.rig.sent.append(dict(controls))

    def start(self) -> None:
        """Begin."""
        self.rig.happen("start")

    def capture_request(self) -> "FakeRequest":
        """Wait for the next frame; without a free buffer for ever."""
        if self.rig.on_loan >= BUFFERS:
            self.rig.hangs.add("capture_request")
        self.rig.happen("capture_request")
        limits = self.rig.sent[0].get("FrameDurationLimits")
        period_us = int(limits[0]) if isinstance(limits, tuple) else 33_333
        self.rig.clock.sleep_until(self.rig.clock.now_ns() + period_us * 1000)
        self.rig.on_loan += 1
        self.rig.on_loan_most = max(self.rig.on_loan_most, self.rig.on_loan)
        self.frames += 1
        return FakeRequest(self, self.frames - 1, period_us)

    def cancel_all_and_flush(self) -> None:
        """Wake whoever waits for a frame."""
        self.flushes += 1
        self.rig.unhooked.set()

    def close(self) -> None:
        """Let go."""
        self.rig.happen("close")
        self.closings += 1


class FakeRequest:
    """Behaves as picamera2's `CompletedRequest`."""

    def __init__(self, camera: FakeCamera, number: int, period_us: int) -> None:
        self._camera = camera
        self._number = number
        self._period_us = period_us
        self._released = False

    def make_array(self, name: str) -> npt.NDArray[np.uint8]:
        """Copy the pixels: a picture that no other number has."""
        assert name == "main"
        self._camera.rig.happen("make_array")
        width_px, height_px = self._camera.made["main"]["size"]
        grey = (10 + 20 * self._number) % 256
        bgr = np.full((height_px, width_px, 3), grey, np.uint8)
        bgr[:, : width_px // 2, 0] = 200  # blue is first
        if self._camera.made["main"]["format"] == "NV12":
            return nv12(bgr)
        return bgr

    def get_metadata(self) -> Mapping[str, Any]:
        """Tell of the frame."""
        rig = self._camera.rig
        rig.happen("get_metadata")
        exposure_us, gain, colours = rig.light[min(self._number, len(rig.light) - 1)]
        behind_ms = rig.behind_ms[min(self._number, len(rig.behind_ms) - 1)]
        crop = {} if rig.shown is None else {"ScalerCrop": rig.shown}
        return crop | {
            "SensorTimestamp": rig.clock.now_ns() - behind_ms * MS,
            "ExposureTime": exposure_us,
            "AnalogueGain": gain,
            "ColourGains": colours,
            "FrameDuration": self._period_us,
        }

    def release(self) -> None:
        """Give it back, once."""
        assert not self._released
        self._released = True
        self._camera.rig.on_loan -= 1


def nv12(bgr: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a picture as an image processor gives it in NV12: brightness, then colours."""
    height_px, width_px = bgr.shape[:2]
    planar = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    colours = planar[height_px:].reshape(2, -1)
    return np.vstack(
        [planar[:height_px], np.ascontiguousarray(colours.T).reshape(-1, width_px)]
    ).astype(np.uint8)


def opened(rig: Rig, **settings: object) -> PiCamera:
    """Open a camera over the stand-in."""
    given = {"sensor": "imx708", "width_px": 64, "height_px": 48, "rate_hz": 25, **settings}
    return open_part(Settings.model_validate(given), rig.clock, rig.library, rig.wait)


def taken(camera: PiCamera) -> Frame:
    """Read a frame."""
    frame = camera.read()
    assert frame is not None
    return frame


def refusal(rig: Rig, **settings: object) -> str:
    """Return why a camera cannot be opened: one line."""
    with pytest.raises(DeviceUnavailable) as raised:
        opened(rig, **settings)
    assert "\n" not in str(raised.value)
    return str(raised.value)
