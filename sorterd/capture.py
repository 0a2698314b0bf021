"""Keep a camera open and hand on its frames: the whole of the capture thread.

A camera that fails is opened again after a wait, which also serves one that is
not there yet; past the last wait its fault is the station's.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sorterd.ports import Camera, Clock, DeviceFault, DeviceUnavailable, Frame

log = logging.getLogger(__name__)

S_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Reopening:
    """How often to open a camera that has failed.

    Attributes:
        after_ns: Waits before each attempt; its length is the number of attempts. Empty for a
            recording, which does not mend.
        steady_ns: A camera that has shown frames for so long has mended: attempts count anew.
    """

    after_ns: tuple[int, ...] = (S_NS // 2, S_NS, 2 * S_NS, 4 * S_NS)
    steady_ns: int = 60 * S_NS


class Capture:
    """Reads one camera. One thread.

    Args:
        clock: The real clock.
        open_camera: Opens the camera; called again when it has failed.
        hand_on: Takes every frame; must not wait.
        stopping: Says whether to stop.
        failed: Told at once when the camera has failed.
        patience: How often to open it again.
    """

    def __init__(
        self,
        clock: Clock,
        open_camera: Callable[[], Camera],
        hand_on: Callable[[Frame], None],
        *,
        stopping: Callable[[], bool],
        failed: Callable[[DeviceFault], None],
        patience: Reopening,
    ) -> None:
        self._clock = clock
        self._open_camera = open_camera
        self._hand_on = hand_on
        self._stopping = stopping
        self._failed = failed
        self._patience = patience

    def run(self) -> None:
        """Read until the camera is over or the station stops.

        Raises:
            DeviceUnavailable: The camera could not be opened, or not again.
            DeviceFault: It failed once more than it may.
        """
        waits_ns = iter(self._patience.after_ns)
        camera = self._open_camera()
        while True:
            since_ns = self._clock.now_ns()
            try:
                self._read(camera)
            except DeviceFault as fault:
                if self._stopping():
                    return
                self._failed(fault)
                if self._clock.now_ns() - since_ns >= self._patience.steady_ns:
                    waits_ns = iter(self._patience.after_ns)
                camera = self._open_again(waits_ns, fault)
            else:
                return

    def _read(self, camera: Camera) -> None:
        try:
            while not self._stopping() and (frame := camera.read()) is not None:
                self._hand_on(frame)
        finally:
            camera.close()

    def _open_again(self, waits_ns: Iterator[int], fault: OSError) -> Camera:
        """Wait, and open the camera; what is not there yet may be the next time."""
        for wait_ns in waits_ns:
            log.warning("%s; opening it again", fault)
            self._clock.sleep_until(self._clock.now_ns() + wait_ns)
            try:
                return self._open_camera()
            except DeviceUnavailable as missing:
                fault = missing
        raise fault
