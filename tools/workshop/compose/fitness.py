"""Whether a photograph can give a piece: what is measured about it, and which flags that raises.

Collections hold screenshots, advertisements, cut-outs on nothing, close-ups and shelves. A piece
cut from one of those teaches a wrong shape. Each flag rests on one number, which stays in the
table, so that a person may judge by another limit.

How far to trust them, counted by eye on ../shared/data/waste (2,762 photographs, every third
looked at): `bodies` was right for 29 of 36, `cropped` for 33 of 36. No photograph there has a
caption; of the 18 flagged `text`, 10 showed print of a thing that had been cut wrongly. Captions
drawn on 50 of them were found in 72% to 96% (dark, one line of 10 to 30 pixels), 48% to 68%
(light, on mostly light ground) and 46% (7 pixels). Of 48 that were found fit, 9 were cut wrongly
all the same: white on white, clear plastic, deep shadows.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from sorterd.simulation.background import part_from_background

Pixels = npt.NDArray[np.uint8]
_Mask = npt.NDArray[np.bool_]
_Plane = npt.NDArray[np.float32]

FLAGS: Final = {
    "text": "rows of print beside the thing, or over most of the picture",
    "transparent": "parts of the picture are transparent",
    "scale": "the thing fills nearly none or nearly all of the picture",
    "cropped": "much of the thing is outside the picture",
    "bodies": "something else lies beside the thing",
    "whole": "no plain ground to cut the thing from",
}
"""Every flag, and what it means."""

# Measured at this longer side: what is printed smaller cannot be read there, nor on a belt.
_LONGER_PX: Final = 320
# A thing of less than 2% is some 35 pixels across at 320; of more than 80%, its outline is the
# picture's.
_LEAST_ITEM_FRAC, _MOST_ITEM_FRAC = 0.02, 0.80
# A bottle as wide as a third of the shorter side, cut off by one edge.
_MOST_BORDER_FRAC: Final = 0.15
_MOST_TRANSPARENT_FRAC: Final = 0.01
_MOST_TEXT_BESIDE_FRAC: Final = 0.004
_MOST_TEXT_FRAC: Final = 0.25
# Captions stand in this outer share of the shorter side.
_CAPTION_FRAC: Final = 0.18
_MOST_BODY_FRAC: Final = 0.01
# Fewer letters stand in a row by chance, too; more bodies than this are gravel, and slow.
_FEWEST_LETTERS, _MOST_LETTERS = 6, 400


@dataclass(frozen=True, slots=True)
class Fitness:
    """What was measured about a photograph; shares are of all of it.

    Attributes:
        whole: No plain ground was found.
        item_frac: The thing.
        border_frac: Share of the picture's border that is inside the thing.
        transparent_frac: What is at least half transparent.
        text_frac: Rows of print.
        text_beside_frac: Rows of print beside the thing, or on bare ground near the border.
        body_frac: What else lies beside the thing.
    """

    whole: bool
    item_frac: float
    border_frac: float
    transparent_frac: float
    text_frac: float
    text_beside_frac: float
    body_frac: float

    @property
    def flags(self) -> tuple[str, ...]:
        """Why it is unfit; empty if it is fit."""
        raised = {
            "text": self.text_beside_frac > _MOST_TEXT_BESIDE_FRAC
            or self.text_frac > _MOST_TEXT_FRAC,
            "transparent": self.transparent_frac > _MOST_TRANSPARENT_FRAC,
            "scale": not self.whole and not _LEAST_ITEM_FRAC <= self.item_frac <= _MOST_ITEM_FRAC,
            "cropped": not self.whole and self.border_frac > _MOST_BORDER_FRAC,
            "bodies": not self.whole and self.body_frac > _MOST_BODY_FRAC,
            "whole": self.whole,
        }
        return tuple(flag for flag, is_raised in raised.items() if is_raised)


def measure(pixels: Pixels, content: bytes) -> tuple[Fitness, Pixels]:
    """Measure a photograph, and cut it on the way.

    Args:
        pixels: uint8[H, W, 3], BGR.
        content: The file it was decoded from; tells what was transparent.

    Returns:
        What was measured, and the thing's cover, uint8[H, W].
    """
    alpha, whole = part_from_background(pixels)
    shrink = min(1.0, _LONGER_PX / max(pixels.shape[:2]))
    size = (max(16, round(pixels.shape[1] * shrink)), max(16, round(pixels.shape[0] * shrink)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    cover = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
    item = np.asarray(cover > 127, np.bool_)
    rows = _print_rows(small)
    edge = np.concatenate((item[0], item[-1], item[:, 0], item[:, -1]))
    fitness = Fitness(
        whole=whole,
        item_frac=_share(item.mean()),
        border_frac=_share(edge.mean()),
        transparent_frac=_share(_transparent_frac(content)),
        text_frac=_share(rows.mean()),
        text_beside_frac=0.0 if whole else _share((rows & _beside(small, item)).mean()),
        body_frac=0.0 if whole else _share(_body_frac(small, item)),
    )
    return fitness, alpha


def _share(exact: float | np.floating[npt.NBitBase]) -> float:
    # As it stands in the table, so that a photograph measured once is judged alike ever after.
    return round(float(exact), 5)


def _transparent_frac(content: bytes) -> float:
    """Decoders drop transparency, so the file is asked again; JPEG has none."""
    if content.startswith(b"\xff\xd8"):
        return 0.0
    try:
        with Image.open(io.BytesIO(content)) as opened:
            if not opened.has_transparency_data:
                return 0.0
            opened.thumbnail((256, 256))
            alpha = np.asarray(opened.convert("RGBA").getchannel("A"))
    except (UnidentifiedImageError, OSError, ValueError):
        return 0.0  # OpenCV read it and Pillow does not: nothing is known, nothing is claimed
    return float((alpha < 128).mean())


def _print_rows(small: Pixels) -> _Mask:
    """Where rows of print are: letters of one height, side by side on a straight line.

    Letters are dark or light bodies of ink that stand free. Print turned by more than some 10
    degrees, words of fewer than six letters, joined writing, and letters below 6 or above 40 pixels
    at 320 are missed; slats, grilles and gravel may be taken for print.
    """
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
    found = np.zeros(grey.shape, np.uint8)
    for way in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT):  # dark print, and light print
        for letters in _letters(grey, way):
            for row in _rows_of(letters):
                left, top = row[:, :2].min(axis=0)
                right, bottom = (row[:, :2] + row[:, 2:]).max(axis=0)
                found[top:bottom, left:right] = 1
    return np.asarray(found > 0, np.bool_)


def _letters(grey: Pixels, way: int) -> Iterator[npt.NDArray[np.int32]]:
    """Boxes of what may be letters, int32[N, 4]: left, top, width, height; small and large ones."""
    for across in (9, 21):
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (across, across))
        ink = np.asarray(cv2.morphologyEx(grey, way, kernel), np.uint8)
        # Half of what the strongest ink has: print is even, and the grey of its edges is not ink.
        limit = max(24.0, 0.45 * float(np.percentile(ink, 99.5)))
        _, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(ink > limit, np.uint8))
        boxes = np.asarray(stats[1:, :4], np.int32)
        width, height = boxes[:, 2], boxes[:, 3]
        fit = (height >= 4) & (height <= 2 * across) & (width <= 2.2 * height) & (width >= 1)
        yield boxes[fit & (width >= 0.08 * height)]


def _rows_of(letters: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[np.int32]]:
    """Groups of letters that make a row."""
    if not _FEWEST_LETTERS <= len(letters) <= _MOST_LETTERS:
        return
    left, top, width, height = letters.T.astype(np.float32)
    bottom, right = top + height, left + width
    gap = np.maximum(left[None], left[:, None]) - np.minimum(right[None], right[:, None])
    shared = np.minimum(bottom[None], bottom[:, None]) - np.maximum(top[None], top[:, None])
    taller, lower = (
        np.maximum(height[None], height[:, None]),
        np.minimum(height[None], height[:, None]),
    )
    linked = (gap < 1.1 * taller) & (shared > 0.55 * lower) & (taller < 2.2 * lower)
    group = np.arange(len(letters))
    while ((least := np.where(linked, group[None], len(letters)).min(axis=1)) != group).any():
        group = least
    for number in np.flatnonzero(np.bincount(group) >= _FEWEST_LETTERS):
        row = letters[group == number]
        if _is_straight(row):
            yield row


def _is_straight(row: npt.NDArray[np.int32]) -> bool:
    """Whether letters stand on one line that is hardly turned, and are of about one height."""
    x, base, height = row[:, 0], row[:, 1] + row[:, 3], row[:, 3]
    tall = float(np.median(height))
    if np.ptp(x) < 3.5 * tall:
        return False
    slope, start = np.polyfit(x.astype(np.float64), base.astype(np.float64), 1)
    off = np.abs(base - (slope * x + start))
    uneven = np.abs(height - tall)
    return bool(
        abs(slope) < 0.18 and np.median(off) < 0.16 * tall and np.mean(uneven < 0.4 * tall) > 0.75
    )


def _beside(small: Pixels, item: _Mask) -> _Mask:
    """Where print is not the thing's own.

    A caption is often cut out together with the thing. So near the border, where captions stand,
    print on what looks like bare ground counts too.
    """
    near = cv2.dilate(item.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)
    edge = max(4, round(_CAPTION_FRAC * min(item.shape)))
    border = np.ones(item.shape, np.bool_)
    border[edge:-edge, edge:-edge] = False
    away = np.linalg.norm(lab - _ground(lab, border), axis=2).astype(np.float32)
    # Of letters and what is between them, the larger part is what they stand on.
    bare = cv2.medianBlur(np.clip(away * 4, 0, 255).astype(np.uint8), 21) < 4 * 9
    return np.asarray(~near | (border & bare), np.bool_)


def _body_frac(small: Pixels, item: _Mask) -> float:
    """Share of the largest other body on the ground.

    The ground is a colour that changes slowly, fitted to all that is not the thing; soft darkening
    is shadow. Things of the ground's colour are missed; bright spots of a lamp may be taken for
    one.
    """
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)
    grown = cv2.dilate(item.astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
    bare = ~grown
    if bare.mean() < 0.05:
        return 0.0
    off = lab - _ground(lab, bare)
    level = off[:, :, 0]
    darker = np.maximum(-level, 0)
    dark = np.maximum(darker * 0.35, darker - 34)
    away = np.hypot(np.hypot(off[:, :, 1], off[:, :, 2]) * 1.2, np.maximum(level, 0) + dark)
    other = ((away > 15) & bare).astype(np.uint8)
    opened = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(opened)
    return float(stats[1:count, cv2.CC_STAT_AREA].max(initial=0)) / item.size


def _ground(lab: _Plane, bare: _Mask) -> _Plane:
    """The ground's colour everywhere: a polynomial of place, fitted to what it explains."""
    h, w = bare.shape
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    terms = np.stack((np.ones_like(x), x, y, x * y, x * x, y * y), axis=-1)
    seen, places = lab[bare].astype(np.float64)[::7], terms[bare][::7]
    kept = np.linalg.norm(seen - np.median(seen, axis=0), axis=1) < 25
    factors = np.zeros((6, 3))
    for _ in range(3):
        if kept.sum() < 60:
            break
        ridge = np.diag([0, 1, 1, 4, 4, 4]) * 0.002 * kept.sum()
        inside = places[kept]
        factors = np.linalg.solve(inside.T @ inside + ridge, inside.T @ seen[kept])
        kept = np.linalg.norm(seen - places @ factors, axis=1) < 14
    return np.asarray(terms @ factors, np.float32)
