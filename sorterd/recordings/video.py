"""A video file through OpenCV's FFmpeg.

Each picture has the instant that its container gives it, counted from the first.
All that can be decoded is given before anything is said about what is missing.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.recordings.pictures import quiet_opencv

SLACK_FRAMES = 3
SLACK_FRAC = 0.02
"""A healthy video may end this much before the end that its header promises (the larger of both).

Containers without an index count by duration, which includes sound that runs on, and round.
"""


# FFmpeg would write to the terminal what is in our one line. It looks at this when it opens the
# first file of the process, for reading or for writing, and then never again.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class Video:
    """A video that is decoded frame by frame.

    Belongs to one thread. A file that is no video opens as one without frames, so that there is
    one place to ask and one message.

    Args:
        path: A regular file.

    Attributes:
        period_ns: From one frame to the next, by the rate in the header.
        picture: uint8[H, W, 3], BGR: what `advance` found; never written to again.
        faults: Empty; a video has no files to pass over.
    """

    picture: npt.NDArray[np.uint8]

    def __init__(self, path: Path) -> None:
        self._path = path
        self.faults: list[str] = []
        self.rewind()
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        # Outside these bounds it is a container's time base, not the rate of any camera.
        self.period_ns = round(1e9 / (rate_hz if 1 <= rate_hz <= 240 else 25.0))
        self._promised = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))

    def rewind(self) -> None:
        """Go back to the first frame."""
        # Opened anew: seeking to the first frame is inexact in some containers.
        with quiet_opencv():
            self._capture = cv2.VideoCapture(  # a file on a disk, no camera
                str(self._path), cv2.CAP_FFMPEG
            )
        self._came = 0
        self._first_ns = 0
        self._offset_ns = 0

    def advance(self) -> int | None:
        """Decode the next frame; return its instant in ns from the first, or None at the end."""
        with quiet_opencv():
            came, picture = self._capture.read()
        if not came:
            return None
        stamp_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        if self._came == 0:
            self._first_ns = stamp_ns
        elif stamp_ns - self._first_ns > self._offset_ns:
            self._offset_ns = stamp_ns - self._first_ns
        else:  # no stamp, or one that goes back
            self._offset_ns += self.period_ns
        self._came += 1
        self.picture = np.asarray(picture, dtype=np.uint8)
        return self._offset_ns

    def nothing(self) -> str:
        """Say, in one line, that there was not even a first frame."""
        return (
            f"{self._path}: no video that can be opened; it may have been cut off while it was"
            " recorded or copied: copy it again, or convert it with ffmpeg"
        )

    def shortfall(self) -> str | None:
        """At the end: say in one line what is missing, if it is more than the slack."""
        slack = max(SLACK_FRAMES, round(self._promised * SLACK_FRAC))
        missing_ns = (self._promised - 1) * self.period_ns - self._offset_ns
        # By count and by time: where a varying rate makes the count a bad guess, the last frame
        # still comes near the promised end.
        if self._promised - self._came <= slack or missing_ns <= slack * self.period_ns:
            return None
        return (
            f"{self._path}: the video ended after {self._came} of the {self._promised} frames that"
            " its header promises; it was probably cut off: copy or record it again"
        )

    def close(self) -> None:
        """Let go of the file. Harmless when repeated."""
        self._capture.release()
