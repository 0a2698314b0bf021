"""A camera that picamera2 has opened: every call is an errand with a time limit.

A frame that is overdue leaves its thread hanging in picamera2, and what is sent after it waits. So
such a camera is closed by another thread, which first lets go of whoever waits for a frame
(`cancel_all_and_flush`, which was made for that), or a thread would be lost with every stall. What
hangs even then is left behind with a warning: this process cannot open the camera again, and after
a few tries the daemon ends, for systemd to start it anew.
"""

import atexit
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.cameras.pi.controls import Offered, wanted
from sorterd.cameras.pi.errands import FAULTS, Errands, Overdue, Wait
from sorterd.cameras.pi.library import Device, Library, choose
from sorterd.cameras.pi.settings import Settings
from sorterd.ports import DeviceFault, DeviceUnavailable

log = logging.getLogger(__name__)

OPEN_MS: Final = 10_000
"""For each step of opening: libcamera loads its tuning files, and a slow card is slow."""
CLOSE_MS: Final = 3_000
"""For closing: the frame in hand, and two threads of picamera2 that look up every 200 ms."""
BUFFERS: Final = 4
"""One in hand, one waiting, two with the sensor and the image processor."""

_FORMATS: Final = {"BGR": "RGB888", "NV12": "NV12"}
"""What picamera2 calls them; its RGB888 has blue first in memory."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame that was copied, and given back.

    Attributes:
        pixels: uint8[H, W, 3], BGR, nobody else's.
        metadata: What libcamera says of it.
    """

    pixels: npt.NDArray[np.uint8]
    metadata: Mapping[str, Any]


class PiDevice:
    """An open camera that does not stream yet. One thread uses it.

    Args:
        settings: Which camera, and what it should do.
        library: Opens it.
        wait: How calls are waited for.

    Attributes:
        found: Which camera it is.
        controls: Those that it has in its mode; none before `start`.

    Raises:
        DeviceUnavailable: It is not there, is another one, or cannot be opened.
    """

    def __init__(
        self, settings: Settings, library: Library, wait: Wait = threading.Event.wait
    ) -> None:
        self._settings = settings
        self._library = library
        self._wait = wait
        self._errands = Errands("pi camera", wait)
        self._closed = False
        self.controls: Offered = {}
        try:
            there = self._errands.send(library.devices.global_camera_info, OPEN_MS)
            self.found = choose(there, settings)
            self._camera = self._errands.send(self._open, OPEN_MS)
        except Overdue as overdue:
            raise DeviceUnavailable(
                f"libcamera has not answered for {OPEN_MS // 1000} s; restart the Pi, and check"
                " the camera's ribbon cable"
            ) from overdue
        except DeviceUnavailable:
            self._errands.end()
            raise
        except FAULTS as fault:
            self._errands.end()
            raise DeviceUnavailable(
                f"camera {settings.camera_id or settings.sensor or 'of the Pi'}: cannot be opened"
                f" ({_why(fault)}); another program may hold it"
            ) from fault

    def start(self) -> Mapping[str, object]:
        """Set it up and begin to stream; returns the controls that it began with.

        Raises:
            DeviceUnavailable: It does not do what the settings ask for.
        """
        try:
            return self._errands.send(self._start, OPEN_MS)
        except Overdue as overdue:
            raise DeviceUnavailable(
                f"{self.found}: has not started within {OPEN_MS // 1000} s; restart the Pi, and"
                " check the ribbon cable"
            ) from overdue
        except DeviceUnavailable:
            raise
        except FAULTS as fault:
            raise DeviceUnavailable(
                f"{self.found}: cannot be set up ({_why(fault)}); see what it can with"
                " `rpicam-hello --list-cameras`"
            ) from fault

    def shot(self, within_ms: int) -> Shot:
        """Wait for a frame.

        Raises:
            DeviceFault: None came in time, or what came is broken.
        """
        try:
            return self._errands.send(self._shot, within_ms)
        except Overdue as overdue:
            raise DeviceFault(
                f"{self.found}: no picture within {within_ms} ms; check its ribbon cable and the"
                " supply, then reopen it"
            ) from overdue
        except FAULTS as fault:
            raise DeviceFault(f"{self.found}: no picture ({_why(fault)}); reopen it") from fault

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """Have controls sent with the next request.

        Raises:
            DeviceFault: The camera does not take them.
        """
        try:
            self._errands.send(lambda: self._camera.set_controls(controls), CLOSE_MS)
        except (Overdue, *FAULTS) as fault:
            raise DeviceFault(
                f"{self.found}: does not take {', '.join(controls)} ({_why(fault)}); reopen it"
            ) from fault

    def close(self) -> None:
        """Let go of the camera, or give up after `CLOSE_MS`. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        errands, call = self._errands, self._camera.close
        if errands.lost:
            errands, call = Errands("pi camera, closing", self._wait), self._close_by_force
        try:
            errands.send(call, CLOSE_MS)
        except (Overdue, *FAULTS) as fault:
            log.warning("%s: did not close (%s)", self.found, _why(fault))
        errands.end()
        self._errands.end()

    def _open(self) -> Device:
        camera = self._library.devices(self.found.number)
        # It would close itself when Python ends, and keep Python from ending if that hangs.
        atexit.unregister(camera.close)
        sensor = str(camera.camera_properties.get("Model", self.found.sensor))
        if self._errands.lost or sensor != self.found.sensor:
            # Numbers are dealt out anew when a camera is plugged in or out.
            camera.close()
            raise DeviceUnavailable(
                f"{self.found}: a camera with {sensor} opened in its place; try again"
            )
        return camera

    def _start(self) -> Mapping[str, object]:
        camera = self._camera
        camera.configure(camera.create_video_configuration(**self._streams()))
        self._check(camera.camera_configuration())
        self.controls = dict(camera.camera_controls)
        controls = wanted(self._settings, self.controls, self.found)
        camera.set_controls(controls)
        camera.start()
        return controls

    def _streams(self) -> dict[str, object]:
        wish = self._settings
        streams: dict[str, object] = {
            "main": {
                "size": (wish.width_px, wish.height_px),
                "format": _FORMATS[wish.pixel_format],
            },
            "raw": None,
            "display": None,
            "encode": None,
            "buffer_count": BUFFERS,
        }
        if wish.sensor_width_px is not None:
            streams["sensor"] = {"output_size": (wish.sensor_width_px, wish.sensor_height_px)}
        if wish.pixel_format == "NV12":
            streams["colour_space"] = self._library.video_colours()
        return streams

    def _check(self, made: Mapping[str, Any]) -> None:
        """Hold what the camera made of the settings against them."""
        wish = self._settings
        main = made["main"]
        size, layout = tuple(main["size"]), main["format"]
        if size != (wish.width_px, wish.height_px):
            raise DeviceUnavailable(
                f"{self.found}: offers {size[0]}x{size[1]} instead of {wish.width_px}x"
                f"{wish.height_px}; set width_px and height_px to what it offers"
            )
        if layout != _FORMATS[wish.pixel_format]:
            other = "NV12" if wish.pixel_format == "BGR" else "BGR"
            raise DeviceUnavailable(
                f"{self.found}: gives no {wish.pixel_format} but {layout}; try pixel_format ="
                f' "{other}"'
            )
        mode = (wish.sensor_width_px, wish.sensor_height_px)
        got = tuple((made.get("sensor") or {}).get("output_size", mode))
        if wish.sensor_width_px is not None and got != mode:
            raise DeviceUnavailable(
                f"{self.found}: has no mode of {mode[0]}x{mode[1]}, the nearest is {got[0]}x"
                f"{got[1]}; `rpicam-hello --list-cameras` lists them"
            )

    def _shot(self) -> Shot:
        request = self._camera.capture_request()
        try:
            metadata, pixels = request.get_metadata(), request.make_array("main")
        finally:
            request.release()
        if self._settings.pixel_format == "NV12":
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_YUV2BGR_NV12), np.uint8)
        return Shot(pixels, metadata)

    def _close_by_force(self) -> None:
        self._camera.cancel_all_and_flush()
        self._camera.close()


def _why(fault: BaseException) -> str:
    """Return the first cause of a fault, in one line: picamera2 wraps what libcamera says."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    return " ".join(str(fault).split()) or type(fault).__name__
