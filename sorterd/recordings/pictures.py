"""Open a picture file that nobody has vouched for.

Folders of photographs hold broken downloads, thumbnails, scans of 300 megapixels
and files that are no pictures at all. Each file therefore gives either pixels in
the one form that the rest knows (uint8, BGR) or one line that says why not. The
header is read before anything is decoded, so that a small file cannot ask for a
large memory. Odd files are data: nothing here raises for them, and the decoding
libraries are kept from writing to the terminal (but for libjpeg's remark about a
damaged JPEG that can still be shown; it goes past Python and past OpenCV).
"""

import contextlib
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cv2.typing import MatLike

LEAST_PX = 16
"""A shorter side below this shows nothing that a model could know."""
MOST_PX = 100_000_000
"""Pixels in all: 300 MB decoded; twice what the largest telephone cameras give by default."""
MOST_BYTES = 256 << 20
"""Larger files are recordings or archives, not photographs."""
FORMATS = "JPEG, PNG, BMP, WebP or TIFF"

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
_REDUCED = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file that gives no picture. As text it is one line: which file, and why."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def list_files(folder: Path) -> tuple[list[Path], list[Unusable]]:
    """List the files of a folder and its sub-folders as a person would order them.

    Names are compared without regard to case, and numbers in them by value: img2 comes before
    img10. Hidden files and folders are left out, links to folders are not followed.

    Args:
        folder: An existing folder.

    Returns:
        The files in order, and the folders that could not be listed.
    """
    closed: list[Unusable] = []

    def note(error: OSError) -> None:
        closed.append(Unusable(Path(error.filename), f"the folder was skipped: {error.strerror}"))

    files: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files.extend(Path(place, name) for name in names if not name.startswith("."))
    return sorted(files, key=_natural_order), closed


def is_picture(head: bytes) -> bool:
    """Tell from the first 16 bytes or more whether a file claims to be a picture."""
    return _format_of(head) is not None


def load_picture(path: Path, *, longer_px: int) -> npt.NDArray[np.uint8] | Unusable:
    """Decode one picture into BGR.

    Grey, 16-bit, CMYK and transparent pictures are converted (transparency is dropped) and turned
    upright as their camera noted. A picture much larger than asked for is decoded at a half, a
    quarter or an eighth of its size, which saves a JPEG most of its time and memory.

    Args:
        path: The file.
        longer_px: The longer side that is wanted; the result's is not below it unless the file's
            own is. 1 or more.

    Returns:
        uint8[H, W, 3], BGR, the caller's own; or why there is none.
    """
    data = _read_file(path)
    return data if isinstance(data, Unusable) else decode_picture(data, path, longer_px=longer_px)


def decode_picture(data: bytes, path: Path, *, longer_px: int) -> npt.NDArray[np.uint8] | Unusable:
    """Decode a picture that was read already; see `load_picture`.

    Args:
        data: The file's content.
        path: What to call it when it is of no use.
        longer_px: The longer side that is wanted.
    """
    if not is_picture(data[:16]):
        why = f"skipped: not a {FORMATS} picture" if data else "skipped: the file is empty"
        return Unusable(path, why)
    try:
        width_px, height_px = _size_in_header(data)
    except (struct.error, IndexError):
        return Unusable(path, "skipped: its header is cut off or broken")
    if width_px * height_px > MOST_PX:
        return Unusable(
            path,
            f"skipped: {width_px} x {height_px} pixels, above the limit of"
            f" {MOST_PX // 1_000_000} megapixels; scale it down",
        )
    if min(width_px, height_px) < LEAST_PX:
        return Unusable(path, f"skipped: {width_px} x {height_px} pixels, below {LEAST_PX} a side")
    longer_own_px = max(width_px, height_px)
    flags = next(
        (flag for by, flag in _REDUCED if longer_own_px // by >= longer_px), cv2.IMREAD_COLOR
    )
    pixels = _decode(data, flags)
    if pixels is None:
        return Unusable(path, "skipped: it is damaged and cannot be decoded")
    return pixels


@contextlib.contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's own log off the terminal: what it says there is in our one line."""
    level = _set_log_level(0)
    try:
        yield
    finally:
        _set_log_level(level)


def _set_log_level(level: int) -> int:
    """Set the level of OpenCV's log, and return the one before; the call moved in 4.12."""
    of: Any = cv2 if hasattr(cv2, "setLogLevel") else vars(cv2.utils)["logging"]
    return int(of.setLogLevel(level))


def _natural_order(path: Path) -> tuple[list[list[str | int]], str]:
    """Order by folded text and by the value of numbers; the plain name breaks ties."""
    parts: list[list[str | int]] = [
        # Splitting by a group alternates text and digits, so like always meets like.
        [int(bit) if bit.isdigit() else bit for bit in re.split(r"([0-9]+)", part.casefold())]
        for part in path.parts
    ]
    return parts, str(path)


def _read_file(path: Path) -> bytes | Unusable:
    """Read a file whole if it begins like a picture and is no larger than one."""
    try:
        if not path.is_file():
            return Unusable(path, "skipped: not a regular file")
        with path.open("rb") as file:
            head = file.read(16)
            if not head:
                return Unusable(path, "skipped: the file is empty")
            if not is_picture(head):
                return Unusable(path, f"skipped: not a {FORMATS} picture")
            data = head + file.read(MOST_BYTES)
    except OSError as error:
        return Unusable(path, f"skipped: {error.strerror}")
    if len(data) > MOST_BYTES:
        return Unusable(path, f"skipped: larger than {MOST_BYTES >> 20} MiB; scale it down")
    return data


def _format_of(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(_PNG):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "tiff"
    # "BM" alone begins too many texts: the reserved bytes of a bitmap are zero.
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "bmp"
    return None


def _size_in_header(data: bytes) -> tuple[int, int]:
    """Return width and height as the file states them; IndexError or struct.error if it cannot."""
    match _format_of(data):
        case "jpeg":
            return _size_of_jpeg(data)
        case "png":
            width_px, height_px = struct.unpack_from(">II", data, 16)
        case "webp":
            return _size_of_webp(data)
        case "tiff":
            return _size_of_tiff(data)
        case _:
            old = struct.unpack_from("<I", data, 14)[0] == 12
            width_px, height_px = struct.unpack_from("<HH" if old else "<ii", data, 18)
    return width_px, abs(height_px)  # a bitmap's height is negative when it begins at the top


def _size_of_jpeg(data: bytes) -> tuple[int, int]:
    """Walk the segments to the start of frame (ITU T.81, B.1.1 and B.2.2)."""
    at = 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        if data[at] != 0xFF:
            raise IndexError(at)
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height_px, width_px = struct.unpack_from(">HH", data, at + 5)
            return width_px, height_px
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _size_of_webp(data: bytes) -> tuple[int, int]:
    """Read the first chunk (RFC 9649, 2.5 to 2.7)."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", data, 24)
        return (low_w | high_w << 16) + 1, (low_h | high_h << 16) + 1
    if chunk == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width_px, height_px = struct.unpack_from("<HH", data, 26)
    return width_px & 0x3FFF, height_px & 0x3FFF


def _size_of_tiff(data: bytes) -> tuple[int, int]:
    """Look through the first directory (TIFF 6.0, section 2) for tags 256 and 257."""
    order = "<" if data.startswith(b"II") else ">"
    directory = struct.unpack_from(order + "I", data, 4)[0]
    sides = {256: 0, 257: 0}
    for entry in range(struct.unpack_from(order + "H", data, directory)[0]):
        at = directory + 2 + 12 * entry
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in sides:
            sides[tag] = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, at + 8)[0]
    return sides[256], sides[257]


def _decode(data: bytes, flags: int) -> npt.NDArray[np.uint8] | None:
    if data.startswith(_PNG):
        checked = _checked_png(data)
        if checked is None:
            return None
        data = checked
    with quiet_opencv():
        try:
            # OpenCV's stubs leave out that it returns None for what it cannot decode.
            pixels = cast("MatLike | None", cv2.imdecode(np.frombuffer(data, np.uint8), flags))
        except cv2.error:  # some decoders raise where others return nothing
            return None
    if pixels is None or min(pixels.shape[:2]) < 1:
        return None
    return np.asarray(pixels, dtype=np.uint8)


def _checked_png(data: bytes) -> bytes | None:
    """Return a PNG's pixels without its notes, or None if a checksum or the end is wrong.

    libpng writes to the terminal by itself about damage and about harmless colour profiles, so
    it is given neither.
    """
    kept = [_PNG]
    at = len(_PNG)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        chunk = data[at : at + 12 + length]
        if len(chunk) != 12 + length or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
            return None
        if name in _PNG_KEPT:
            kept.append(chunk)
        if name == b"IEND":
            return b"".join(kept)
        at += 12 + length
    return None
