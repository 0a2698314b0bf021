"""One look at every picture of a data set: all that is measured of it, and its pixels for a model.

A picture is read and decoded once. Decoding runs on some threads; whatever wants the pixels gets
them on the caller's own thread, in order, so a model may look at them too. No more than a few
pictures are in memory at a time. A picture that is of no use is noted with the reason and never
ends the work, unless none can be used.
"""

import hashlib
import io
import os
import re
import struct
from calendar import timegm
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from sorterd.recordings.pictures import Unusable, decode_picture
from tools.workshop.explore.likeness import Fingerprint, fingerprint
from tools.workshop.explore.quality import Quality, quality
from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled
from tools.workshop.places import Place
from tools.workshop.spreading import in_order

Pixels = npt.NDArray[np.uint8]
Extra = TypeVar("Extra")

SEEN_PX: Final = 320
"""The longer side at which pictures are measured and shown to a model: enough for any of them."""
# Exif 2.3: the directory of the camera's own notes, and when the shutter opened.
_EXIF_NOTES, _EXIF_TAKEN = 0x8769, 0x9003
_EXIF_MAKE, _EXIF_MODEL, _EXIF_ORIENTATION = 0x010F, 0x0110, 0x0112
_LYING_DOWN = 5
_EXIF_FORM = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Taken:
    """When a picture was taken, by the camera's own clock.

    Attributes:
        camera: Its make and model, or what stands before the time in a file's name.
        second_s: Seconds; only differences between pictures of one camera mean something.
    """

    camera: str
    second_s: int


@dataclass(frozen=True, slots=True, eq=False)
class Inspected:
    """What was measured of one picture.

    Attributes:
        row: Its key and label.
        sha256: Of the file.
        size_bytes: Of the file.
        width_px: As the file has it, upright.
        height_px: The same.
        taken: When, if the file says so.
        quality: Sharpness and light.
        print: For finding the ones that are nearly the same.
    """

    row: Labelled
    sha256: str
    size_bytes: int
    width_px: int
    height_px: int
    taken: Taken | None
    quality: Quality
    print: Fingerprint


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that was seen, in the order that was asked for.

    Attributes:
        pictures: The ones that can be used.
        unusable: The ones that cannot, each with the reason.
    """

    pictures: list[Inspected] = field(default_factory=list)
    unusable: list[tuple[Labelled, str]] = field(default_factory=list)


def inspect(
    place: Place,
    rows: Sequence[Labelled],
    *,
    each: Callable[[Pixels], None] | None = None,
) -> Inspection:
    """Look at every picture.

    Args:
        place: Where they are.
        rows: Which.
        each: Is given the pixels of every usable picture, uint8[H, W, 3], BGR, longer side at most
            320 px, in the order of `Inspection.pictures`, on the caller's thread.

    Raises:
        WorkshopFault: Not one of them can be used.
    """

    def only_pixels(pixels: Pixels, _: None) -> None:
        if each is not None:
            each(pixels)

    return inspect_with(place, rows, aside=lambda _: None, each=only_pixels)


def inspect_with(
    place: Place,
    rows: Sequence[Labelled],
    *,
    aside: Callable[[Pixels], Extra],
    each: Callable[[Pixels, Extra], None],
) -> Inspection:
    """Look at every picture, and work something out beside it.

    Args:
        place: Where they are.
        rows: Which.
        aside: Is given the pixels on other threads, several at once: for what takes long and needs
            no other picture.
        each: Is given the pixels and what `aside` made of them, as `each` of `inspect`.

    Raises:
        WorkshopFault: Not one of them can be used.
    """
    seen = Inspection()

    def look(row: Labelled) -> tuple[Inspected, Pixels, Extra] | str:
        found = _look(place, row)
        return found if isinstance(found, str) else (*found, aside(found[1]))

    found = in_order(look, rows, threads=min(8, os.cpu_count() or 1))
    bar = tqdm(found, desc="looking", total=len(rows), unit="picture")
    for row, one in zip(rows, bar, strict=True):
        if isinstance(one, str):
            seen.unusable.append((row, one))
            continue
        inspected, pixels, extra = one
        seen.pictures.append(inspected)
        each(pixels, extra)
    if not seen.pictures:
        row, why = seen.unusable[0]
        raise WorkshopFault(f"no picture in {place} can be used ({row.key}: {why})")
    return seen


def shrunk(pixels: Pixels, longer_px: int) -> Pixels:
    """A picture whose longer side is no longer than this; smaller ones as they are."""
    shrink = longer_px / max(pixels.shape[:2])
    if shrink >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * shrink)), max(1, round(pixels.shape[0] * shrink)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _look(place: Place, row: Labelled) -> tuple[Inspected, Pixels] | str:
    try:
        data = place.read(row.key)
    except WorkshopFault as fault:
        return str(fault)
    pixels = decode_picture(data, Path(row.key), longer_px=SEEN_PX)
    if isinstance(pixels, Unusable):
        return pixels.why.removeprefix("skipped: ")
    pixels = shrunk(pixels, SEEN_PX)
    width_px, height_px, taken = _header(data)
    found = Inspected(
        row,
        hashlib.sha256(data).hexdigest(),
        len(data),
        width_px or pixels.shape[1],
        height_px or pixels.shape[0],
        taken,
        quality(pixels),
        fingerprint(pixels),
    )
    return found, pixels


def _header(data: bytes) -> tuple[int, int, Taken | None]:
    """Width, height and time as the file states them; zeros where Pillow cannot read it."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            width_px, height_px = picture.size
            notes = picture.getexif()
            if notes.get(_EXIF_ORIENTATION, 1) >= _LYING_DOWN:
                width_px, height_px = height_px, width_px
            camera = f"camera {notes.get(_EXIF_MAKE, '')} {notes.get(_EXIF_MODEL, '')}".strip()
            said = _EXIF_FORM.match(str(notes.get_ifd(_EXIF_NOTES).get(_EXIF_TAKEN, "")))
            # A clock that was never set says 0000:00:00, which is no month.
            taken = Taken(camera, timegm(tuple(map(int, said.groups())))) if said else None
    # What Pillow's readers raise for headers and notes that are cut off or lie about their length.
    except (OSError, ValueError, SyntaxError, struct.error, KeyError, TypeError):
        return 0, 0, None
    return width_px, height_px, taken
