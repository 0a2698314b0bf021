"""When a frame was exposed, and which of the sensor's frames it is.

On a Pi SensorTimestamp is the instant at which the sensor begins to send the frame: the kernel
takes it, on CLOCK_MONOTONIC, in the interrupt of the frame's start (libcamera's own text says
CLOCK_BOOTTIME and "is exposed"; a Pi never sleeps, so the clocks agree, and what is sent has been
exposed: picamera2#821, and picamera2's `wait_for_timestamp_`, which takes ExposureTime off it).
The sensor exposes row after row and sends row after row. The first row's exposure has its middle
half an ExposureTime before the stamp, the middle row's half a read-out later; the frame's instant
is that of its middle row. How long a read-out takes no metadata say, but a mode's shortest frame
is little more than its read-out: rows that are blank take a few in a hundred of it.
"""

from collections.abc import Mapping
from typing import Any

from sorterd.ports import Clock

US_NS = 1_000


class Instants:
    """Places frames in time and in order. Belongs to the thread that reads.

    Args:
        clock: The host's.
        period_ns: From one frame of the sensor to the next, where the metadata do not say.
        readout_ns: From the first row's exposure to the last one's; 0 if unknown.

    Attributes:
        last_ns: The instant of the frame that was placed last; the start, before any.
        sequence: Its number among the sensor's frames; -1 before any.
    """

    def __init__(self, clock: Clock, *, period_ns: int, readout_ns: int) -> None:
        self.last_ns = clock.now_ns()
        self.sequence = -1
        self._clock = clock
        self._period_ns = period_ns
        self._readout_ns = readout_ns
        self._stamp_ns: int | None = None

    def place(self, metadata: Mapping[str, Any]) -> None:
        """Take the next frame, by what libcamera says of it."""
        now_ns = self._clock.now_ns()
        stamp_ns = int(metadata.get("SensorTimestamp", now_ns))
        self.sequence += self._frames_since(stamp_ns, metadata)
        self._stamp_ns = stamp_ns
        exposed_ns = stamp_ns
        if "ExposureTime" in metadata:  # else nobody knows how it is exposed and read out
            exposure_ns = round(metadata["ExposureTime"] * US_NS)
            exposed_ns += (self._readout_ns - exposure_ns) // 2
        # A stamp of another clock, or one that stands still: the present is the next best.
        believable = exposed_ns <= now_ns and (self.sequence == 0 or exposed_ns > self.last_ns)
        self.last_ns = exposed_ns if believable else now_ns

    def _frames_since(self, stamp_ns: int, metadata: Mapping[str, Any]) -> int:
        """How many frames the sensor made since the last that was placed, that one not counted.

        libcamera's own counters leave out what the image processor dropped.
        """
        if self._stamp_ns is None:
            return 1
        period_ns = round(metadata.get("FrameDuration", 0) * US_NS) or self._period_ns
        return max(1, round((stamp_ns - self._stamp_ns) / period_ns))
