"""Any USB camera, through OpenCV's Video4Linux.

A camera is named by its stable path under /dev/v4l/by-id: /dev/videoN is dealt
out anew at every start, and the wrong camera opens without a fault. What was set
is read back, because a driver quietly takes what is nearest to what it was asked
for. One buffer is kept, so that the frame in hand is the newest one, and a camera
that falls silent is a fault after `timeout_ms` and not after the ten seconds that
OpenCV would wait.

OpenCV hides the driver's frame counter, so the sequence counts the frames that
were read. This file must never stamp a frame with an instant that has not come.
"""

import math
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, Self, cast

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field, StringConstraints, model_validator

from sorterd.ports import Clock, DeviceFault, DeviceUnavailable, Frame, PartSettings
from sorterd.recordings.pictures import quiet_opencv

if TYPE_CHECKING:
    from cv2.typing import MatLike

BY_ID = Path("/dev/v4l/by-id")
START_MS = 5000
"""For the first frame: USB cameras take 1 to 3 s to start their stream."""
STAMP_AGE_NS = 1_000_000_000
"""A driver's stamp is believed when it lies within the last second of the host's clock.

uvcvideo stamps with CLOCK_MONOTONIC unless told otherwise; a camera that counts from its own
start, or gives wall time, falls outside.
"""
# V4L2_CID_EXPOSURE_AUTO as USB cameras have it: "manual mode" and "aperture priority mode".
_BY_HAND, _BY_ITSELF = 1.0, 3.0


class Settings(PartSettings):
    """A USB camera."""

    kind: Literal["v4l2"] = "v4l2"
    device: Path = Field(examples=["/dev/v4l/by-id/usb-...-video-index0"])
    """Its path, best the one under /dev/v4l/by-id whose name ends in index0."""
    width_px: int = Field(default=640, ge=16, le=8192)
    """Width of the frames; the camera must offer it."""
    height_px: int = Field(default=480, ge=16, le=8192)
    """Height of the frames; the camera must offer it."""
    rate_hz: float = Field(default=30, ge=1, le=240)
    """Frames per second to ask for; a camera may give fewer, in the dark above all."""
    fourcc: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9 ]{4}$")] = "MJPG"
    """Pixel format. MJPG comes through USB at full rate; YUYV only at small sizes."""
    timeout_ms: int = Field(default=1000, ge=50, le=10_000)
    """Without a frame for this long the camera counts as stalled."""
    auto_exposure: bool | None = None
    """On, off, or as the camera has it. Off, once the light is right: pieces keep their look."""
    exposure_us: int | None = Field(default=None, ge=100, le=1_000_000)
    """Exposure time, in steps of 100; needs auto_exposure = false."""
    gain_steps: int | None = Field(default=None, ge=0, le=65_535)
    """Gain in the camera's own steps, as `v4l2-ctl --list-ctrls` shows them."""
    white_balance_k: int | None = Field(default=None, ge=2000, le=10_000)
    """White balance locked to this colour temperature."""

    @model_validator(mode="after")
    def _exposure_by_hand(self) -> Self:
        if self.exposure_us is not None and self.auto_exposure is not False:
            raise ValueError("exposure_us needs auto_exposure = false: add it")
        return self

    def advice(self) -> str | None:
        """Return one line on what works and yet is unwise, or None."""
        if self.device.is_relative_to(BY_ID.parent):
            return None
        return (
            f"{self.device} may be another camera after the next start: use its path under {BY_ID}"
        )


class VideoSource(Protocol):
    """What this camera uses of OpenCV, behind which a test can stand."""

    def get(self, prop: int) -> float:
        """Return one of OpenCV's CAP_PROP_ values; 0 or -1 if unknown."""
        ...

    def set(self, prop: int, value: float) -> bool:
        """Ask for a CAP_PROP_ value; False if the driver refuses."""
        ...

    def read(self, timeout_ms: int) -> npt.NDArray[np.uint8] | None:
        """Wait for the next frame, uint8[H, W, 3], BGR, not reused; None if none came in time."""
        ...

    def release(self) -> None:
        """Let go of the device. Harmless when repeated."""
        ...


class OpenCvSource:
    """A device opened by OpenCV. Belongs to one thread."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._streaming = False

    def get(self, prop: int) -> float:
        """Return one of OpenCV's values."""
        return self._capture.get(prop)

    def set(self, prop: int, value: float) -> bool:
        """Ask for a value."""
        return self._capture.set(prop, value)

    def read(self, timeout_ms: int) -> npt.NDArray[np.uint8] | None:
        """Wait for the next frame that is whole.

        A JPEG that was damaged on its way through USB is passed over, but not three in a row.
        """
        for _ in range(3):
            if not self._ready(timeout_ms):
                return None
            came, picture = self._capture.read()
            self._streaming = self._streaming or came
            # OpenCV's stubs leave out that a frame that came damaged is None.
            whole = cast("MatLike | None", picture)
            if came and whole is not None:
                return np.asarray(whole, dtype=np.uint8)
        return None

    def _ready(self, timeout_ms: int) -> bool:
        """Wait until a frame is there.

        `VideoCapture.read` waits for whole seconds, the same number all the process's life. So
        only the first frame, with which OpenCV starts the stream, is left to it.
        """
        if not self._streaming:
            return True
        try:
            ready, _ = cv2.VideoCapture.waitAny([self._capture], timeout_ms * 1_000_000)
        except cv2.error:  # the device is gone
            return False
        return ready

    def release(self) -> None:
        """Let go of the device."""
        self._capture.release()


def open_source(settings: Settings) -> VideoSource | None:
    """Open the device through OpenCV; None if it cannot be opened.

    OpenCV reads its waiting time from the environment when it first waits for a camera.
    """
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(math.ceil(START_MS / 1000)))
    with quiet_opencv():
        capture = cv2.VideoCapture(str(settings.device.resolve()), cv2.CAP_V4L2)
    return OpenCvSource(capture) if capture.isOpened() else None


class V4l2Camera:
    """A USB camera behind the `Camera` port.

    One thread reads. `close` may come from another: the device is then let go of when the read
    under way has ended, at the latest after `timeout_ms`.

    Attributes:
        width_px: Columns of every frame.
        height_px: Rows of every frame.
    """

    def __init__(self, settings: Settings, clock: Clock, source: VideoSource) -> None:
        self.width_px = settings.width_px
        self.height_px = settings.height_px
        self._settings = settings
        self._clock = clock
        self._source = source
        self._lock = threading.Lock()
        self._closed = False
        self._sequence = -1
        self._last_ns = clock.now_ns()

    @property
    def due_ns(self) -> int:
        """An instant that has passed: nobody knows when a camera will be ready."""
        return self._last_ns

    def read(self) -> Frame | None:
        """Wait for the next frame; never None.

        Raises:
            DeviceFault: No frame came within `timeout_ms`, it has another size than was agreed,
                or the camera is closed.
        """
        try:
            with self._lock:
                if self._closed:
                    raise DeviceFault(f"{self._settings.device}: the camera is closed; reopen it")
                return self._frame(self._settings.timeout_ms)
        finally:
            if self._closed:  # by another thread, which found the device busy
                self.close()

    def start(self) -> None:
        """Start the stream and throw its first frame away.

        Raises:
            DeviceFault: No frame came.
        """
        with self._lock:
            self._frame(START_MS)
            self._sequence = -1

    def close(self) -> None:
        """Let go of the camera, now or when the read under way ends. Harmless when repeated."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._source.release()
            finally:
                self._lock.release()

    def _frame(self, timeout_ms: int) -> Frame:
        pixels = self._source.read(timeout_ms)
        if pixels is None:
            raise DeviceFault(
                f"{self._settings.device}: no picture within {timeout_ms} ms; check its cable and"
                " its supply, then reopen it"
            )
        if pixels.shape != (self.height_px, self.width_px, 3):
            raise DeviceFault(
                f"{self._settings.device}: a picture of shape {pixels.shape} came instead of"
                f" {self.width_px}x{self.height_px} in colour; reopen it"
            )
        self._sequence += 1
        self._last_ns = self._exposed_ns()
        return Frame(sequence=self._sequence, exposed_ns=self._last_ns, pixels=pixels)

    def _exposed_ns(self) -> int:
        """The driver's stamp where it can be believed, else the present."""
        now_ns = self._clock.now_ns()
        # The driver counts microseconds; OpenCV hands them on as a fraction of milliseconds.
        stamp_ns = round(self._source.get(cv2.CAP_PROP_POS_MSEC) * 1000) * 1000
        believable = now_ns - STAMP_AGE_NS < stamp_ns <= now_ns and stamp_ns > self._last_ns
        return stamp_ns if believable else now_ns


def open_part(
    settings: Settings,
    clock: Clock,
    opener: Callable[[Settings], VideoSource | None] = open_source,
) -> V4l2Camera:
    """Open the camera, make it take every setting, and wait for its first frame.

    Args:
        settings: Which camera, and what it should do.
        clock: Stamps frames whose driver does not.
        opener: Opens the device; OpenCV does unless told otherwise.

    Raises:
        DeviceUnavailable: The camera is missing or busy, does not take a setting, or gives no
            frame.
    """
    device = settings.device
    if not device.exists():
        raise DeviceUnavailable(f"{device} does not exist; {_cameras_there()}")
    if not os.access(device, os.R_OK | os.W_OK):
        raise DeviceUnavailable(
            f"{device} may not be used by this user; add the user to the group video"
        )
    source = opener(settings)
    if source is None:
        raise DeviceUnavailable(
            f"{device} cannot be opened as a camera; another program may hold it, or it is the"
            f" second node of a camera: {_cameras_there()}"
        )
    camera = V4l2Camera(settings, clock, source)
    try:
        _set_up(source, settings)
        camera.start()
    except DeviceFault as error:
        camera.close()
        raise DeviceUnavailable(str(error)) from error
    except DeviceUnavailable:
        camera.close()
        raise
    return camera


def _cameras_there() -> str:
    """Name the cameras that are there, as the end of a sentence."""
    there = sorted(str(path) for path in BY_ID.glob("*"))
    return f"there are {', '.join(there)}" if there else "no camera is plugged in"


def _set_up(source: VideoSource, settings: Settings) -> None:
    """Ask for everything, then look at what the driver made of it."""
    # The pixel format comes first: it decides which sizes and rates there are.
    source.set(cv2.CAP_PROP_FOURCC, _code_of(settings.fourcc))
    source.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width_px)
    source.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height_px)
    source.set(cv2.CAP_PROP_FPS, settings.rate_hz)
    source.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    fourcc = _text_of(source.get(cv2.CAP_PROP_FOURCC))
    width_px = int(source.get(cv2.CAP_PROP_FRAME_WIDTH))
    height_px = int(source.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if fourcc != settings.fourcc:
        raise DeviceUnavailable(
            f"{settings.device} offers {fourcc} instead of {settings.fourcc}; set fourcc to that"
        )
    if (width_px, height_px) != (settings.width_px, settings.height_px):
        raise DeviceUnavailable(
            f"{settings.device} offers {width_px}x{height_px} instead of {settings.width_px}x"
            f"{settings.height_px} in {fourcc}; set width_px and height_px to what it offers"
        )
    for name, prop, value in _controls(settings):
        if not source.set(prop, value):
            raise DeviceUnavailable(
                f"{settings.device} does not take {name}; leave it out, or see what it takes with"
                " v4l2-ctl --list-ctrls"
            )


def _controls(settings: Settings) -> list[tuple[str, int, float]]:
    """List the controls to be set, each with the key that asks for it, in the order they need."""
    controls: list[tuple[str, int, float]] = []
    if settings.auto_exposure is not None:
        way = _BY_ITSELF if settings.auto_exposure else _BY_HAND
        controls.append(("auto_exposure", cv2.CAP_PROP_AUTO_EXPOSURE, way))
    if settings.exposure_us is not None:
        controls.append(("exposure_us", cv2.CAP_PROP_EXPOSURE, settings.exposure_us // 100))
    if settings.gain_steps is not None:
        controls.append(("gain_steps", cv2.CAP_PROP_GAIN, settings.gain_steps))
    if settings.white_balance_k is not None:
        controls.append(("white_balance_k", cv2.CAP_PROP_AUTO_WB, 0.0))
        controls.append(("white_balance_k", cv2.CAP_PROP_WB_TEMPERATURE, settings.white_balance_k))
    return controls


def _code_of(fourcc: str) -> int:
    return int.from_bytes(fourcc.encode("ascii"), "little")


def _text_of(code: float) -> str:
    return (int(code) & 0xFFFFFFFF).to_bytes(4, "little").decode("ascii", "replace")
