"""Lay a piece on a surface: turned, lit as its surroundings, with the soft shadow of contact.

A sprite is brought to the scene's scale once; a picture then costs two small warps and a blend
inside the piece's own box. Places are in pixels from the picture's corner: the middle of the
first pixel is 0.5.
"""

from dataclasses import dataclass
from math import ceil, cos, floor, radians, sin

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.simulation.sprites import SEEN_ALPHA, Sprite
from sorterd.simulation.surface import Picture

Points = npt.NDArray[np.float64]
"""float64[N, 2]: x along the columns, y along the rows."""
_Plane = npt.NDArray[np.uint8]

# The lamp hangs a little to one side: shadows fall this far from the piece, and are this soft.
_SHADOW_MM = (1.2, 1.8)
_SHADOW_SOFT_MM = 2.2


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A sprite at the scene's scale, ready to be laid down.

    Attributes:
        colour: uint8[h, w, 4], BGR multiplied by cover, and the cover; with a bare margin.
        shadow: uint8[h, w], how much of the light is kept from the surface.
        shift_px: How far the shadow falls from the piece, in pixels of the scene.
        reach_px: No part of piece or shadow lies further than this from its middle.
    """

    colour: npt.NDArray[np.uint8]
    shadow: _Plane
    shift_px: tuple[float, float]
    reach_px: float


def cut_out(sprite: Sprite, mm_per_px: float, shadow_frac: float) -> Cutout:
    """Bring a sprite to the scene's scale and give it a shadow.

    Args:
        sprite: Any piece.
        mm_per_px: Size of the scene's pixels.
        shadow_frac: How dark the shadow is right beside the piece, 0 to 1.
    """
    size = (
        max(1, round(sprite.length_mm / mm_per_px)),
        max(1, round(sprite.width_mm / mm_per_px)),
    )
    smaller = size[0] < sprite.alpha.shape[1]
    cover = sprite.alpha.astype(np.float32) / 255
    colour = np.dstack([sprite.pixels * cover[..., np.newaxis], sprite.alpha.astype(np.float32)])
    scaled = cv2.resize(
        colour.astype(np.float32),
        size,
        interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR,
    )
    soft_px = _SHADOW_SOFT_MM / mm_per_px
    margin = ceil(3 * soft_px) + 1
    padded = np.pad(np.rint(scaled).astype(np.uint8), ((margin, margin), (margin, margin), (0, 0)))
    shadow = cv2.GaussianBlur(padded[..., 3].astype(np.float32), (0, 0), soft_px) * shadow_frac
    shift_px = (_SHADOW_MM[0] / mm_per_px, _SHADOW_MM[1] / mm_per_px)
    height, width = padded.shape[:2]
    return Cutout(
        colour=padded,
        shadow=np.rint(shadow).astype(np.uint8),
        shift_px=shift_px,
        reach_px=float(np.hypot(height, width)) / 2 + max(shift_px),
    )


def turned(points: Points, angle_deg: float) -> Points:
    """Turn points about (0, 0) the way `lay` turns pieces: against the clock as the eye sees it."""
    angle = radians(angle_deg)
    turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    return np.asarray(points @ turn, np.float64)


def outline_mm(sprite: Sprite) -> Points:
    """Return the corners of the sprite's hull, millimetres from its middle; at most some tens."""
    seen = (sprite.alpha >= SEEN_ALPHA).astype(np.uint8)
    contours, _ = cv2.findContours(seen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = cv2.convexHull(np.concatenate(contours))
    points = cv2.approxPolyDP(hull, 0.5, closed=True).reshape(-1, 2).astype(np.float64) + 0.5
    height, width = sprite.alpha.shape
    scale = np.array([sprite.length_mm / width, sprite.width_mm / height])
    return np.asarray((points - np.array([width, height]) / 2) * scale, np.float64)


def lay(
    picture: Picture,
    cutout: Cutout,
    middle_px: tuple[float, float],
    angle_deg: float,
    scale: float = 1.0,
) -> None:
    """Blend a piece and its shadow into the picture, in place; what lies outside is left away.

    Args:
        picture: uint8[H, W, 3].
        cutout: The piece.
        middle_px: Where its middle goes: column, row.
        angle_deg: How far it is turned, against the clock.
        scale: Enlarges it; more than 0.
    """
    reach_px = cutout.reach_px * scale
    left = max(0, floor(middle_px[0] - reach_px))
    top = max(0, floor(middle_px[1] - reach_px))
    right = min(picture.shape[1], ceil(middle_px[0] + reach_px))
    bottom = min(picture.shape[0], ceil(middle_px[1] + reach_px))
    if left >= right or top >= bottom:
        return
    height, width = cutout.shadow.shape
    # OpenCV counts from the middle of the first pixel.
    middle = ((width - 1) / 2, (height - 1) / 2)
    to_box = np.asarray(cv2.getRotationMatrix2D(middle, angle_deg, scale), np.float64)
    to_box[0, 2] += middle_px[0] - 0.5 - left - (width - 1) / 2
    to_box[1, 2] += middle_px[1] - 0.5 - top - (height - 1) / 2
    size = (right - left, bottom - top)
    colour = cv2.warpAffine(cutout.colour, to_box, size)
    to_box[:, 2] += cutout.shift_px
    shade = cv2.warpAffine(cutout.shadow, to_box, size)
    bare = cv2.bitwise_not(cv2.extractChannel(colour, 3))
    kept = cv2.multiply(bare, cv2.bitwise_not(shade), scale=1 / 255)
    place = picture[top:bottom, left:right]
    surface = cv2.multiply(place, cv2.cvtColor(kept, cv2.COLOR_GRAY2BGR), scale=1 / 255)
    place[:] = cv2.add(surface, cv2.cvtColor(colour, cv2.COLOR_BGRA2BGR))
