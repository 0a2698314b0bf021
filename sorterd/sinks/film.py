"""A film of what the station saw: .mp4 or .avi as it goes, .gif put together at the end.

A film is written beside its place under another name and moved there when it is closed, so that
nothing half-written ever bears its name. Videos are written by OpenCV's FFmpeg, a GIF by Pillow:
OpenCV's wheel for Python 3.11 writes none. Choosing 256 colours for each of its pictures takes
seconds, which would hold up a running station; so its pictures, made smaller and fewer, wait in a
file until `close`.
"""

import errno
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from sorterd.ports import DeviceFault, DeviceUnavailable

# What a GIF is made of at most; a minute of a belt is then some 35 MB. Pillow holds all of it in
# memory while it writes, so a GIF ends with its 600th picture. What waits for `close` takes 0.1 MB
# of disk a picture.
GIF_WIDTH_PX = 400
GIF_RATE_HZ = 10.0
GIF_COLOURS = 64
GIF_MOST_PICTURES = 600
_FINEST = (
    cv2.IMWRITE_JPEG_QUALITY,
    95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)
_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


class Film(Protocol):
    """A film that is being made. Belongs to one thread."""

    def write(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Add the next picture.

        Args:
            pixels: uint8[height_px, width_px, 3], BGR. Not kept.

        Raises:
            DeviceFault: It could not be written.
            ValueError: Its size is not the film's: a caller's bug.
        """
        ...

    def close(self) -> None:
        """Put the film in its place; without a picture there is none. Harmless when repeated.

        Raises:
            DeviceFault: It could not be written. Nothing is left of it.
        """
        ...


def open_film(path: Path, *, width_px: int, height_px: int, rate_hz: float) -> Film:
    """Begin a film.

    Args:
        path: Where it is to be; ends in .mp4, .avi or .gif. What is there is replaced at the end.
        width_px: Columns of every picture; at least 2.
        height_px: Rows of every picture; at least 2.
        rate_hz: Pictures a second; more than 0. Of a faster film a GIF leaves pictures out, wider
            pictures it makes smaller, and a long film it ends early (`GIF_MOST_PICTURES`).

    Raises:
        DeviceUnavailable: The ending is another, or nothing can be written there.
    """
    ending = path.suffix.lower()
    if ending not in (*_CODECS, ".gif"):
        raise DeviceUnavailable(f"{path}: a film ends in .mp4, .avi or .gif; name it so")
    beside = path.with_name(f".{path.stem}.part{ending}")
    try:
        beside.open("wb").close()
    except OSError as error:
        raise DeviceUnavailable(
            f"{path}: no film can be written there ({error.strerror}); name a file in a folder"
            " that exists and that you may write to"
        ) from error
    if ending == ".gif":
        return _Gif(path, beside, width_px=width_px, height_px=height_px, rate_hz=rate_hz)
    return _Video(path, beside, width_px=width_px, height_px=height_px, rate_hz=rate_hz)


class _Video:
    def __init__(
        self, path: Path, beside: Path, *, width_px: int, height_px: int, rate_hz: float
    ) -> None:
        self._path, self._beside = path, beside
        self._shape = (height_px, width_px, 3)
        self._count = 0
        self._closed = False
        codec = cv2.VideoWriter.fourcc(*_CODECS[path.suffix.lower()])
        size = (width_px, height_px)
        self._writer = cv2.VideoWriter(str(beside), cv2.CAP_FFMPEG, codec, rate_hz, size)
        if not self._writer.isOpened():
            beside.unlink(missing_ok=True)
            raise DeviceUnavailable(
                f"{path}: OpenCV cannot write {path.suffix} films of {width_px} by {height_px}"
                " pixels here; name another ending (.mp4, .avi, .gif)"
            )

    def write(self, pixels: npt.NDArray[np.uint8]) -> None:
        _check(pixels, self._shape)
        self._writer.write(pixels)
        self._count += 1

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._writer.release()
        _settle(self._path, self._beside, empty=self._count == 0)


class _Gif:
    def __init__(
        self, path: Path, beside: Path, *, width_px: int, height_px: int, rate_hz: float
    ) -> None:
        self._path, self._beside = path, beside
        self._shape = (height_px, width_px, 3)
        shrink = min(1.0, GIF_WIDTH_PX / width_px)
        self._size = (round(width_px * shrink), max(1, round(height_px * shrink)))
        self._rate_hz = rate_hz
        self._count = 0
        self._starts_cs: list[int] = []
        self._waiting = _Waiting(path)
        self._closed = False

    def write(self, pixels: npt.NDArray[np.uint8]) -> None:
        _check(pixels, self._shape)
        start_cs = round(100 * self._count / self._rate_hz)
        self._count += 1
        apart_cs = 100 / GIF_RATE_HZ
        full = len(self._starts_cs) == GIF_MOST_PICTURES
        if full or (self._starts_cs and start_cs < self._starts_cs[-1] + apart_cs):
            return
        self._starts_cs.append(start_cs)
        small = cv2.resize(pixels, self._size, interpolation=cv2.INTER_AREA)
        try:
            self._waiting.add(np.asarray(small, np.uint8))
        except OSError as error:
            raise _fault(self._path, error.strerror) from error

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            if self._count:
                end_cs = max(round(100 * self._count / self._rate_hz), self._starts_cs[-1] + 2)
                with self._beside.open("wb") as file:
                    self._write(file, [*self._starts_cs[1:], end_cs])
        except OSError as error:
            self._beside.unlink(missing_ok=True)
            raise _fault(self._path, error.strerror) from error
        finally:
            self._waiting.close()
        _settle(self._path, self._beside, empty=self._count == 0)

    def _write(self, file: BinaryIO, ends_cs: Sequence[int]) -> None:
        lengths_ms = [
            10 * (end_cs - start_cs)
            for start_cs, end_cs in zip(self._starts_cs, ends_cs, strict=True)
        ]
        pictures = (_calm(self._waiting.picture(number)) for number in range(len(lengths_ms)))
        next(pictures).save(
            file, "GIF", save_all=True, append_images=pictures, duration=lengths_ms, loop=0
        )


def _calm(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    """Return a picture in few colours, without the sensor's noise, which would be most of a GIF."""
    smooth = cv2.bilateralFilter(pixels, 5, 20.0, 2.0)
    picture = Image.fromarray(cv2.cvtColor(smooth, cv2.COLOR_BGR2RGB))
    return picture.quantize(GIF_COLOURS, dither=Image.Dither.NONE)


class _Waiting:
    """Pictures in a nameless file beside the film; one at a time comes back into memory."""

    def __init__(self, path: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=path.absolute().parent)  # noqa: SIM115 - see close
        self._places: list[tuple[int, int]] = []

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        # JPEG at its finest: a tenth of a PNG's time and a third of its size, for noisy pictures.
        _, encoded = cv2.imencode(".jpg", pixels, _FINEST)
        self._places.append((self._file.seek(0, os.SEEK_END), encoded.size))
        self._file.write(encoded.tobytes())

    def picture(self, number: int) -> npt.NDArray[np.uint8]:
        start, size = self._places[number]
        self._file.seek(start)
        encoded = np.frombuffer(self._file.read(size), np.uint8)
        return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)

    def close(self) -> None:
        self._file.close()


def _check(pixels: npt.NDArray[np.uint8], shape: tuple[int, int, int]) -> None:
    if pixels.shape != shape:
        raise ValueError(f"a picture of {pixels.shape} in a film of {shape}")


def _settle(path: Path, beside: Path, *, empty: bool) -> None:
    """Move a finished film to its place."""
    if not empty and beside.stat().st_size == 0:
        # OpenCV does not say so when the disk is full.
        beside.unlink(missing_ok=True)
        raise _fault(path, os.strerror(errno.ENOSPC))
    try:
        if empty:
            beside.unlink(missing_ok=True)
        else:
            beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _fault(path, error.strerror) from error


def _fault(path: Path, why: str | None) -> DeviceFault:
    return DeviceFault(
        f"{path}: the film could not be written ({why}); make room, or name another folder"
    )
