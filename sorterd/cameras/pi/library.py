"""What is used of picamera2, behind which a stand-in can be put, and which camera it is to open."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sorterd.cameras.pi.settings import Settings
from sorterd.ports import DeviceUnavailable


class Request(Protocol):
    """A frame on loan. The camera starves unless each is released."""

    def make_array(self, name: str) -> npt.NDArray[np.uint8]:
        """Copy the pixels of a stream, without the padding of its rows."""
        ...

    def get_metadata(self) -> Mapping[str, Any]:
        """Return what libcamera says of the frame: SensorTimestamp, ExposureTime, ..."""
        ...

    def release(self) -> None:
        """Give the frame back."""
        ...


class Device(Protocol):
    """A `picamera2.Picamera2`. Any of its calls may block for ever."""

    @property
    def camera_properties(self) -> Mapping[str, Any]:
        """Model of the sensor, and more."""
        ...

    @property
    def camera_controls(self) -> Mapping[str, tuple[Any, Any, Any]]:
        """Each control that the camera has: least, most and usual value, once it is configured."""
        ...

    def create_video_configuration(self, **wanted: object) -> dict[str, Any]:
        """Return a configuration for `configure`."""
        ...

    def configure(self, camera_config: dict[str, Any]) -> None:
        """Set streams and sensor; what is impossible becomes the nearest."""
        ...

    def camera_configuration(self) -> Mapping[str, Any]:
        """Return what the camera made of it."""
        ...

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """Have controls sent with the next request."""
        ...

    def start(self) -> None:
        """Begin to stream."""
        ...

    def capture_request(self) -> Request:
        """Wait for the next frame, or take the newest one that nobody took."""
        ...

    def cancel_all_and_flush(self) -> None:
        """Let go of everybody who waits for a frame: their calls end with `CancelledError`."""
        ...

    def close(self) -> None:
        """Stop, and let go of the camera."""
        ...


class OpensDevices(Protocol):
    """The class `picamera2.Picamera2` itself."""

    def global_camera_info(self) -> Sequence[Mapping[str, Any]]:
        """Return Id, Model and more of each camera, in the order of their numbers."""
        ...

    def __call__(self, camera_num: int) -> Device:
        """Open a camera by its number."""
        ...


@dataclass(frozen=True, slots=True)
class Library:
    """picamera2, as far as it is used.

    Attributes:
        devices: Its class.
        video_colours: Returns what it calls BT.601 in video range, which is how OpenCV reads NV12.
    """

    devices: OpensDevices
    video_colours: Callable[[], object]


def find_library() -> Library:
    """Import picamera2.

    Raises:
        DeviceUnavailable: It is not there, or does not fit this Python.
    """
    # libcamera tells every start and stop on standard error.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")
    try:
        devices = import_module("picamera2").Picamera2
        colours = import_module("libcamera").ColorSpace
    # Beside another numpy than the one it was built for it dies with a ValueError (picamera2#1170).
    except (ImportError, ValueError) as error:
        raise DeviceUnavailable(
            f'camera of kind "pi": picamera2 cannot be used here ({error}); on a Raspberry Pi'
            " `sudo apt install python3-picamera2`, and make sorterd's virtual environment with"
            " --system-site-packages"
        ) from error
    return Library(devices, colours.Smpte170m)


@dataclass(frozen=True, slots=True)
class Found:
    """One camera that is there.

    Attributes:
        number: picamera2's, dealt out anew at each start.
        camera_id: libcamera's, which says where it is plugged in.
        sensor: Its model.
    """

    number: int
    camera_id: str
    sensor: str

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"{self.sensor} at {self.camera_id}"


def choose(there: Sequence[Mapping[str, Any]], settings: Settings) -> Found:
    """Return the one camera that the settings mean.

    Args:
        there: What picamera2 lists.
        settings: Which one it must be.

    Raises:
        DeviceUnavailable: None is, or more than one.
    """
    cameras = [
        Found(number, str(each.get("Id", "")), str(each.get("Model", "a camera")))
        for number, each in enumerate(there)
    ]
    fit = [
        each
        for each in cameras
        if settings.camera_id in {None, each.camera_id} and settings.sensor in {None, each.sensor}
    ]
    if len(fit) == 1:
        return fit[0]
    asked = " and ".join(
        f"{key} = {value!r}"
        for key, value in (("camera_id", settings.camera_id), ("sensor", settings.sensor))
        if value is not None
    )
    listed = ", ".join(map(str, cameras))
    if not cameras:
        raise DeviceUnavailable(
            "libcamera finds no camera; check the ribbon cable on both ends, then"
            " `rpicam-hello --list-cameras`"
        )
    if not fit:
        raise DeviceUnavailable(f"no camera has {asked}; there is {listed}")
    raise DeviceUnavailable(
        f"{len(fit)} cameras {f'have {asked}' if asked else 'are there'}: {listed}; name one by"
        " camera_id, or by sensor if that is enough"
    )
