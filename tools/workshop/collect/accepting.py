"""Decide whether a file counts as a picture, and what it is called.

A file counts when the station itself would show it: it is decoded whole by the same code, with the
same limits, and a JPEG must have its end (libjpeg shows one that was cut off, grey below the cut).
It is named by what it holds: the sha256 of its bytes, with the ending of its real format, so the
same file has the same name wherever it came from.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sorterd.recordings.pictures import MOST_PX, Unusable, decode_picture
from tools.workshop.collect.obtained import Missed
from tools.workshop.collect.sources import Source

# 80 bits: a million pictures share a name by chance once in 10^12 collections.
NAME_DIGITS = 20
# By the first two bytes of what the station decoded; it takes no other formats.
_ENDINGS = {
    b"\xff\xd8": ".jpg",
    b"\x89P": ".png",
    b"RI": ".webp",
    b"II": ".tif",
    b"MM": ".tif",
    b"BM": ".bmp",
}
_START_OF_SCAN, _END_OF_IMAGE = b"\xda", b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A file that counts.

    Attributes:
        name: Of the file in a collection.
        sha256: Of its bytes, hexadecimal.
        width_px: Upright, as it is shown.
        height_px: The same.
    """

    name: str
    sha256: str
    width_px: int
    height_px: int


def accepted(content: bytes, origin: str, source: Source) -> Accepted | Missed:
    """Decode a file and hold it against its source's limits.

    Args:
        content: The whole file.
        origin: Where it came from.
        source: Its limits are taken.
    """
    if content.startswith(b"\xff\xd8") and _cut_off(content):
        return Missed("cut off: the JPEG has no end", lasting=True)
    # Not reduced: what is decoded whole is known to be whole, and its sides are the real ones.
    pixels = decode_picture(content, Path(origin), longer_px=MOST_PX)
    if isinstance(pixels, Unusable):
        return Missed(pixels.why.removeprefix("skipped: "), lasting=True)
    height_px, width_px = pixels.shape[:2]
    size = f"{width_px} x {height_px} pixels"
    if min(width_px, height_px) < source.least_px:
        return Missed(f"{size}, below {source.least_px} a side", lasting=True)
    if width_px * height_px > source.most_px:
        return Missed(f"{size}, above {source.most_px} in all", lasting=True)
    sha256 = hashlib.sha256(content).hexdigest()
    return Accepted(sha256[:NAME_DIGITS] + _ENDINGS[content[:2]], sha256, width_px, height_px)


def _cut_off(jpeg: bytes) -> bool:
    """Whether a JPEG's first scan runs into the end of the file (ITU T.81, B.1.1).

    Inside a scan the end's two bytes cannot stand by chance; before it, in a thumbnail, they can.
    """
    at = 2
    while jpeg[at : at + 1] == b"\xff" and jpeg[at + 1 : at + 2] not in {_START_OF_SCAN, b""}:
        fill = jpeg[at + 1] == 0xFF
        at += 1 if fill else 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return jpeg.find(_END_OF_IMAGE, at) < 0
