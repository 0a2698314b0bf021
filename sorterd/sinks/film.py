"""A film of what the station saw: a video, or a moving picture for a page.

Written beside its name and renamed when it is whole, so that nothing
half-written is ever found under that name. A video is written as it comes; a
moving picture has to be held in memory, so it is made smaller and shorter.
"""

import os
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.ports import DeviceFault, DeviceUnavailable

VIDEOS = {".mp4": "mp4v", ".avi": "MJPG"}
# OpenCV writes GIF from 4.12 on, which is what Python 3.12 and newer get.
MOVING_PICTURES = (".webp", ".png", ".gif")
# A moving picture shows every third frame at half size: 10 a second, as pages do; a minute of that
# is 600 pictures of 0.3 MB.
EVERY = 3
MOST_PICTURES = 600

Picture = npt.NDArray[np.uint8]


class Film(Protocol):
    """Takes pictures of one size, one after the other. One thread."""

    def write(self, pixels: Picture) -> None:
        """Add a picture, uint8[H, W, 3], BGR; not kept."""
        ...

    def close(self) -> None:
        """Finish the film. Harmless when repeated.

        Raises:
            DeviceFault: It could not be written; nothing is left of it.
        """
        ...


def open_film(path: Path, *, width_px: int, height_px: int, rate_hz: float) -> Film:
    """Begin a film.

    Args:
        path: Where it is to be; its ending says what it is.
        width_px: Columns of every picture.
        height_px: Rows of every picture.
        rate_hz: Pictures a second.

    Raises:
        DeviceUnavailable: The ending is not known, or nothing can be written there.
    """
    ending = path.suffix.lower()
    if ending in VIDEOS:
        return _Video(path, (width_px, height_px), rate_hz, VIDEOS[ending])
    if ending in MOVING_PICTURES and cv2.haveImageWriter(f"film{ending}"):
        return _MovingPicture(path, rate_hz)
    known = [*VIDEOS, *(one for one in MOVING_PICTURES if cv2.haveImageWriter(f"film{one}"))]
    raise DeviceUnavailable(
        f"film {path}: this OpenCV writes no {ending or 'film without an ending'}; "
        f"name it {', '.join(known)}"
    )


class _Video:
    def __init__(self, path: Path, size: tuple[int, int], rate_hz: float, code: str) -> None:
        self._path, self._part = path, _beside(path)
        self._writer = cv2.VideoWriter(
            str(self._part), cv2.VideoWriter.fourcc(*code), rate_hz, size
        )
        self._open = self._writer.isOpened()
        if not self._open:
            raise DeviceUnavailable(
                f"film {path}: cannot be written; name a file in a folder that exists and that you "
                "may write to"
            )

    def write(self, pixels: Picture) -> None:
        self._writer.write(pixels)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._writer.release()
            _put_in_place(self._part, self._path)


class _MovingPicture:
    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path, self._part = path, _beside(path)
        self._every_ms = round(1000 * EVERY / rate_hz)
        self._pictures: list[Picture] = []
        self._seen = 0
        self._open = True

    def write(self, pixels: Picture) -> None:
        if self._seen % EVERY == 0 and len(self._pictures) < MOST_PICTURES:
            small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            self._pictures.append(np.asarray(small, np.uint8))
        self._seen += 1

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        animation = cv2.Animation()
        animation.frames = self._pictures
        animation.durations = [self._every_ms] * len(self._pictures)
        written = bool(self._pictures) and cv2.imwriteanimation(str(self._part), animation)
        self._pictures = []
        if not written:
            self._part.unlink(missing_ok=True)
            raise DeviceFault(f"film {self._path}: could not be written; is the disk full?")
        _put_in_place(self._part, self._path)


def _beside(path: Path) -> Path:
    return path.with_name(f".part-{os.getpid()}-{path.name}")


def _put_in_place(part: Path, path: Path) -> None:
    try:
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DeviceFault(
            f"film {path}: could not be written ({error.strerror}); is the disk full?"
        ) from error
