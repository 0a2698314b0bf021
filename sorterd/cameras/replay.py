"""Play a recording, a video or a folder of photographs, as if it were a camera.

Every picture has an absolute instant, counted from the first read, so a recording
never drifts against the belt; a reader that comes late finds the picture of the
present and not the one it missed, as it would with a real camera. Only "as fast
as possible" gives every picture to whoever asks.

This file must never invent a picture, stamp one with an instant that has not come
yet, or let a bad file stop a folder that also holds good ones.
"""

import stat
import threading
from pathlib import Path
from typing import Literal, Protocol, Self

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from sorterd.ports import Clock, DeviceFault, DeviceUnavailable, Frame, PartSettings
from sorterd.recordings.photos import Photos
from sorterd.recordings.pictures import LEAST_PX, is_picture, list_files
from sorterd.recordings.video import Video

LONGER_PX = 1280
"""The longer side of a frame unless the settings give a size; more only costs time."""
LAG_NS = 5_000_000_000
"""Further behind than this, and still falling back: the machine cannot decode at this pace."""
WAKE_NS = 250_000_000
"""The longest sleep at a stretch, so that `close` from another thread is noticed."""


class Settings(PartSettings):
    """A recording that is played as if it were a camera."""

    kind: Literal["replay"] = "replay"
    path: Path
    """A video file, or a folder of photographs (sub-folders included, in the order of names)."""
    rate_hz: float | None = Field(default=None, ge=0.01, le=240)
    """Pictures per second; by default the video's own, and 2 for photographs."""
    as_fast_as_possible: bool = False
    """Give the next picture whenever one is asked for, and skip none. For measuring."""
    loop: bool = False
    """Begin again at the end."""
    width_px: int | None = Field(default=None, ge=LEAST_PX, le=8192)
    """Width of the frames; by default the first picture's, its longer side at most 1280."""
    height_px: int | None = Field(default=None, ge=LEAST_PX, le=8192)
    """Height of the frames; by default as the width."""

    @model_validator(mode="after")
    def _one_pace(self) -> Self:
        if self.as_fast_as_possible and self.rate_hz is not None:
            raise ValueError("rate_hz and as_fast_as_possible exclude each other: leave one out")
        return self


class _Source(Protocol):
    """Pictures in their order, each with its instant from the beginning, all in one thread."""

    period_ns: int
    """The usual distance between two pictures."""
    picture: npt.NDArray[np.uint8]
    """uint8[H, W, 3], BGR: the one that `advance` found; never written to again."""
    faults: list[str]

    def advance(self) -> int | None:
        """Decode the next picture; return its instant from the beginning, or None at the end."""
        ...

    def nothing(self) -> str:
        """Say, in one line, that there was not even a first picture."""
        ...

    def shortfall(self) -> str | None:
        """At the end: say in one line what is missing, if anything is."""
        ...

    def rewind(self) -> None:
        """Go back to the beginning."""
        ...

    def close(self) -> None:
        """Let go of the file. Harmless when repeated."""
        ...


class ReplayCamera:
    """A recording behind the `Camera` port.

    One thread reads; `close` may come from another. Sequence numbers count every picture of the
    recording, so a skipped one leaves a gap.

    Attributes:
        width_px: Columns of every frame.
        height_px: Rows of every frame.
        faults: One line for each file of a folder that was left out so far. Files are opened
            as their turn comes, so the list grows until the first pass is over.
    """

    def __init__(self, settings: Settings, clock: Clock, source: _Source) -> None:
        self._settings = settings
        self._clock = clock
        self._source = source
        self._lock = threading.Lock()
        self._closed = False
        self._over = False
        self._missing: str | None = None
        self._index = -1
        self._offset_ns = 0
        self._pass_ns = 0
        self._start_ns: int | None = None
        self._last_ns = clock.now_ns() - 1
        self.faults = source.faults
        self._in_hand = self._advance()
        if not self._in_hand:
            source.close()
            raise DeviceUnavailable(source.nothing())
        self.width_px, self.height_px = _frame_size(settings, source.picture)

    @property
    def due_ns(self) -> int:
        """The instant of the next picture; the past where there is none, or no pace."""
        if self._start_ns is None or not (self._in_hand or self._take_next()):
            return self._last_ns
        return self._due_ns(self._start_ns)

    def read(self) -> Frame | None:
        """Wait for the next picture that is not over yet; None at the end.

        Raises:
            DeviceFault: The camera is closed; the recording ended before its promised end (after
                its last readable frame); or it cannot be decoded at this pace.
        """
        self._refuse_if_closed()
        now_ns = self._clock.now_ns()
        if self._start_ns is None:
            self._start_ns = now_ns
        behind_ns: int | None = None
        while self._in_hand or self._take_next():
            due_ns = self._due_ns(self._start_ns)
            if behind_ns is None:
                behind_ns = now_ns - due_ns
            if self._settings.as_fast_as_possible or due_ns + self._period_ns > now_ns:
                self._refuse_to_lag(behind_ns, self._clock.now_ns() - due_ns)
                self._sleep_until(due_ns)
                return self._hand_over(due_ns)
            self._in_hand = False
        self._refuse_if_closed()
        if self._missing is not None:
            raise DeviceFault(self._missing)
        return None

    def close(self) -> None:
        """Let go of the recording. Harmless when repeated."""
        with self._lock:
            self._closed = True
            self._source.close()

    @property
    def _period_ns(self) -> int:
        rate_hz = self._settings.rate_hz
        return self._source.period_ns if rate_hz is None else round(1e9 / rate_hz)

    def _due_ns(self, start_ns: int) -> int:
        """The instant of the picture in hand."""
        if self._settings.as_fast_as_possible:
            # Instants must rise even on a clock that stands still until somebody waits.
            return max(start_ns, self._last_ns + 1, self._clock.now_ns())
        if self._settings.rate_hz is not None:
            return start_ns + round(self._index * 1e9 / self._settings.rate_hz)
        return start_ns + self._pass_ns + self._offset_ns

    def _take_next(self) -> bool:
        self._in_hand = self._advance()
        return self._in_hand

    def _advance(self) -> bool:
        """Decode the next picture, from the beginning again if it loops."""
        with self._lock:
            if self._closed or self._over:
                return False
            offset_ns = self._source.advance()
            if offset_ns is None and self._index >= 0:
                self._missing = self._source.shortfall()
                if self._missing is None and self._settings.loop:
                    offset_ns = self._begin_again()
            if offset_ns is None:
                self._over = True
                return False
            self._offset_ns = offset_ns
            self._index += 1
            return True

    def _begin_again(self) -> int | None:
        self._pass_ns += self._offset_ns + self._source.period_ns
        self._source.rewind()
        offset_ns = self._source.advance()
        if offset_ns is None:
            self._missing = (
                f"{self._settings.path}: it was played once and can no longer be read;"
                " leave a recording where it is while it is played"
            )
        return offset_ns

    def _hand_over(self, due_ns: int) -> Frame:
        self._in_hand = False
        self._last_ns = due_ns
        pixels = _fitted(self._source.picture, self.width_px, self.height_px)
        return Frame(sequence=self._index, exposed_ns=due_ns, pixels=pixels)

    def _sleep_until(self, due_ns: int) -> None:
        while (now_ns := self._clock.now_ns()) < due_ns:
            self._clock.sleep_until(min(due_ns, now_ns + WAKE_NS))
            self._refuse_if_closed()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise DeviceFault(f"{self._settings.path}: the camera is closed; open it again")

    def _refuse_to_lag(self, before_ns: int, after_ns: int) -> None:
        """Stop when catching up took longer than what was caught up with."""
        if after_ns > max(LAG_NS, before_ns) and not self._settings.as_fast_as_possible:
            raise DeviceFault(
                f"{self._settings.path}: this machine cannot decode it at its pace and fell"
                f" {after_ns / 1e9:.0f} s behind; give a lower rate_hz, a smaller video, or"
                " as_fast_as_possible"
            )


def open_part(settings: Settings, clock: Clock) -> ReplayCamera:
    """Open the recording and decode its first picture.

    Args:
        settings: Which recording, and how to play it.
        clock: Tells when a picture is due.

    Raises:
        DeviceUnavailable: There is nothing at the path that can be played.
    """
    path = settings.path.expanduser().absolute()
    longer_px = max(settings.width_px or LONGER_PX, settings.height_px or LONGER_PX)
    return ReplayCamera(settings, clock, _open_source(path, longer_px))


def _open_source(path: Path, longer_px: int) -> _Source:
    mode, head = _looked_at(path)
    if stat.S_ISDIR(mode):
        paths, closed = list_files(path)
        return Photos(path, paths, [str(folder) for folder in closed], longer_px)
    if not stat.S_ISREG(mode):
        raise DeviceUnavailable(
            f'{path} is no recording but a device; to use a camera set kind = "v4l2"'
        )
    if is_picture(head):
        return Photos(path, [path], [], longer_px)
    # FFmpeg would draw plain text as pictures, and follow playlists even onto the network.
    if not any(byte < 9 or 13 < byte < 32 for byte in head):
        raise DeviceUnavailable(
            f"{path} is {'text' if head else 'empty'}, not a recording; give a video file or a"
            " folder of photographs"
        )
    return Video(path)


def _looked_at(path: Path) -> tuple[int, bytes]:
    """Return the file's mode and its first bytes, none if it is no regular file."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return mode, b""
        with path.open("rb") as file:
            return mode, file.read(1024)
    except FileNotFoundError as error:
        raise DeviceUnavailable(
            f"{path} does not exist; give the path of a video or of a folder of photographs"
        ) from error
    except PermissionError as error:
        raise DeviceUnavailable(
            f"{path} may not be read by this user; allow it (chmod, or another owner)"
        ) from error
    except OSError as error:
        raise DeviceUnavailable(
            f"{path} cannot be read: {error.strerror}; give the path of a video or of a folder"
            " of photographs"
        ) from error


def _frame_size(settings: Settings, picture: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Return width and height: as set, else the picture's own, smaller if need be."""
    own_height_px, own_width_px = picture.shape[:2]
    width_px, height_px = settings.width_px, settings.height_px
    if width_px is not None and height_px is not None:
        return width_px, height_px
    if width_px is not None:
        scale = width_px / own_width_px
    elif height_px is not None:
        scale = height_px / own_height_px
    else:
        scale = min(1.0, LONGER_PX / max(own_width_px, own_height_px))
    return (
        width_px or max(LEAST_PX, round(own_width_px * scale)),
        height_px or max(LEAST_PX, round(own_height_px * scale)),
    )


def _fitted(picture: npt.NDArray[np.uint8], width_px: int, height_px: int) -> npt.NDArray[np.uint8]:
    """Bring a picture to a size, its aspect kept, black beside it."""
    own_height_px, own_width_px = picture.shape[:2]
    if (own_width_px, own_height_px) == (width_px, height_px):
        return picture
    scale = min(width_px / own_width_px, height_px / own_height_px)
    wide_px = min(width_px, max(1, round(own_width_px * scale)))
    high_px = min(height_px, max(1, round(own_height_px * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left_px, top_px = (width_px - wide_px) // 2, (height_px - high_px) // 2
    pixels = np.zeros((height_px, width_px, 3), np.uint8)
    pixels[top_px : top_px + high_px, left_px : left_px + wide_px] = cv2.resize(
        picture, (wide_px, high_px), interpolation=way
    )
    return pixels
