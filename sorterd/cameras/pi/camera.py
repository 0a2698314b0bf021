"""A Pi's camera behind the `Camera` port: opened, settled, locked, and then read."""

import logging
import threading
from collections.abc import Mapping
from typing import Any, Final

from sorterd.cameras.pi.controls import locked, other_crop, period_us, to_settle
from sorterd.cameras.pi.device import PiDevice, Shot
from sorterd.cameras.pi.errands import Wait
from sorterd.cameras.pi.instants import US_NS, Instants
from sorterd.cameras.pi.library import Library, find_library
from sorterd.cameras.pi.settings import Settings
from sorterd.cameras.pi.settling import Settling, told
from sorterd.ports import Clock, DeviceFault, DeviceUnavailable, Frame

log = logging.getLogger(__name__)

MS_NS: Final = 1_000_000
START_MS: Final = 5_000
"""For the first frame: the Pi throws some away until exposure is near."""


class PiCamera:
    """A camera on the Pi's own connector, streaming.

    One thread reads. `close` may come from another: the device is then let go of when the read
    under way has ended, at the latest after `timeout_ms`.

    Args:
        settings: What it does.
        clock: The host's.
        device: Started.

    Attributes:
        width_px: Columns of every frame.
        height_px: Rows of every frame.
    """

    def __init__(self, settings: Settings, clock: Clock, device: PiDevice) -> None:
        self.width_px = settings.width_px
        self.height_px = settings.height_px
        self._settings = settings
        self._clock = clock
        self._device = device
        self._lock = threading.Lock()
        self._closed = False
        limits = device.controls.get("FrameDurationLimits", (0,))
        self._instants = Instants(
            clock,
            period_ns=period_us(settings) * US_NS,
            readout_ns=min(int(limits[0]), period_us(settings)) * US_NS,
        )

    @property
    def due_ns(self) -> int:
        """An instant that has passed: nobody knows when a camera will be ready."""
        return self._instants.last_ns

    def read(self) -> Frame | None:
        """Wait for the next frame; never None.

        Raises:
            DeviceFault: No frame came within `timeout_ms`, what came is broken, or the camera is
                closed.
        """
        try:
            with self._lock:
                if self._closed:
                    raise DeviceFault(f"{self._device.found}: the camera is closed; reopen it")
                return self._fresh()
        finally:
            if self._closed:  # by another thread, which found the device busy
                self.close()

    def settle(self, controls: Mapping[str, object]) -> None:
        """Wait for the first frame, and for exposure and white balance; then lock them.

        Args:
            controls: What the camera was started with.

        Raises:
            DeviceFault: No frame came.
        """
        with self._lock:
            shot = self._take(START_MS)
            if (shown := other_crop(self._settings, shot.metadata)) is not None:
                log.warning(
                    "%s: shows the part %s of the sensor (left, top, width, height) instead of"
                    " crop; give it a part that the mode has",
                    self._device.found,
                    shown,
                )
            if to_settle(controls):
                self._settle(shot)

    def close(self) -> None:
        """Let go of the camera, now or when the read under way ends. Harmless when repeated."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._device.close()
            finally:
                self._lock.release()

    def _fresh(self) -> Frame:
        """Return a frame from after the last stall.

        picamera2 keeps the newest frame until somebody comes for it (picamera2#426, #849): after
        a pause that may be one from before.
        """
        within_ms = self._settings.timeout_ms
        due_ns = self._clock.now_ns() + within_ms * MS_NS
        while within_ms > 0:
            shot = self._take(within_ms)
            now_ns = self._clock.now_ns()
            if now_ns - self._instants.last_ns < self._settings.timeout_ms * MS_NS:
                return Frame(
                    sequence=self._instants.sequence,
                    exposed_ns=self._instants.last_ns,
                    pixels=shot.pixels,
                )
            within_ms = (due_ns - now_ns) // MS_NS
        raise DeviceFault(
            f"{self._device.found}: its pictures are older than {self._settings.timeout_ms} ms"
            " when they come; the Pi is overloaded, or the camera is: lower rate_hz, then reopen it"
        )

    def _take(self, within_ms: int) -> Shot:
        shot = self._device.shot(within_ms)
        if shot.pixels.shape != (self.height_px, self.width_px, 3):
            raise DeviceFault(
                f"{self._device.found}: a picture of shape {shot.pixels.shape} came instead of"
                f" {self.width_px}x{self.height_px} in colour; reopen it"
            )
        self._instants.place(shot.metadata)
        return shot

    def _settle(self, shot: Shot) -> None:
        """Take frames until the camera has come to rest, and keep it there if it is to be."""
        begin_ns = self._clock.now_ns()
        due_ns = begin_ns + self._settings.settle_ms * MS_NS
        settling = Settling()
        rested = settling.settled(shot.metadata)
        while not rested and self._clock.now_ns() < due_ns:
            shot = self._take(self._settings.timeout_ms)
            rested = settling.settled(shot.metadata)
        took_ms = (self._clock.now_ns() - begin_ns) // MS_NS
        if not rested:
            log.warning(
                "%s: exposure and white balance have not settled within %d ms; is the light"
                " steady? settle_ms may be longer, or set exposure_us, gain, red_gain, blue_gain",
                self._device.found,
                took_ms,
            )
        self._keep(shot.metadata, took_ms)

    def _keep(self, metadata: Mapping[str, Any], took_ms: int) -> None:
        controls = locked(metadata, self._device.controls) if self._settings.lock else {}
        if controls:
            self._device.set_controls(controls)
        kept = "locked" if controls else "not locked"
        log.info("%s: %s after %d ms: %s", self._device.found, kept, took_ms, told(metadata))


def open_part(
    settings: Settings,
    clock: Clock,
    library: Library | None = None,
    wait: Wait = threading.Event.wait,
) -> PiCamera:
    """Open the camera, check that it is the right one, and wait until its picture has settled.

    Args:
        settings: Which camera, and what it should do.
        clock: Says when a frame is old.
        library: Opens the device; picamera2, imported now, unless told otherwise.
        wait: How picamera2 is waited for.

    Raises:
        DeviceUnavailable: picamera2 or the camera is missing, the camera is another one or busy,
            does not do what is asked, or gives no frame.
    """
    device = PiDevice(settings, library or find_library(), wait)
    try:
        controls = device.start()
        camera = PiCamera(settings, clock, device)
        camera.settle(controls)
    except DeviceFault as fault:
        device.close()
        raise DeviceUnavailable(str(fault)) from fault
    except DeviceUnavailable:
        device.close()
        raise
    if settings.lens_dioptres is None and "LensPosition" in device.controls:
        log.warning(
            "%s: its lens moves; set lens_dioptres to 1000 / millimetres to the belt", device.found
        )
    return camera
