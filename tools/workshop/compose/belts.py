"""A cut-out piece laid on a drawn belt and seen by a drawn camera, as the station would see it.

The belts (tools/workshop/compose/grounds.py) differ from one another as much as real ones do:
rubber from black to light grey, green and blue belts, scratches, ribs, dust. Nothing here is the
simulated station, so that the model does not learn that one belt by heart.
"""

from math import ceil, cos, hypot, sin

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box
from sorterd.simulation.sprites import Sprite
from tools.workshop.compose.grounds import belt
from tools.workshop.compose.laying import turned

Pixels = npt.NDArray[np.uint8]

# A 640 px camera over 270 to 1000 mm of belt.
FINEST_PX_PER_MM = 2.4
COARSEST_PX_PER_MM = 0.6
# Smaller than this shows nothing; larger does not fit the frame.
SHORTEST_PX = 48.0
LONGEST_PX = 330.0


def lay_on_belt(sprite: Sprite, rng: np.random.Generator) -> tuple[Pixels, Box]:
    """Photograph a piece on a belt.

    Args:
        sprite: The piece.
        rng: Decides belt, size, turn, light, blur and noise.

    Returns:
        uint8[H, W, 3] BGR, a part of a frame, and the box in which a station would find the piece:
        its true box, off by a few pixels.
    """
    longer_mm = max(sprite.length_mm, sprite.width_mm)
    px_per_mm = np.exp(rng.uniform(np.log(COARSEST_PX_PER_MM), np.log(FINEST_PX_PER_MM)))
    longer_px = float(np.clip(longer_mm * px_per_mm, SHORTEST_PX, LONGEST_PX))
    rows, columns = sprite.alpha.shape
    scale = longer_px / max(rows, columns)
    side_px = ceil(hypot(rows, columns) * scale * 1.25) + 24
    colour, alpha = turned(sprite, scale, rng.uniform(0, 360), side_px)
    shadow = _shadow(alpha, longer_px, rng)
    scene = belt(side_px, side_px, rng).astype(np.float32) * shadow[:, :, None]
    cover = alpha[:, :, None].astype(np.float32) / 255.0
    scene += (colour.astype(np.float32) * rng.uniform(0.75, 1.1) - scene) * cover
    seen = photograph(_lit(scene, rng), rng)
    return seen, _found_box(alpha, rng)


def photograph(scene: npt.NDArray[np.float32], rng: np.random.Generator) -> Pixels:
    """What a camera makes of a scene: colour cast, exposure, blur, noise, JPEG now and then.

    Args:
        scene: float32[H, W, 3], BGR, 0 to 255.
        rng: Decides all of it.
    """
    warmth = rng.normal(0.0, 0.05)
    gains = np.array([1 - warmth, 1 + rng.normal(0, 0.02), 1 + warmth]) * rng.uniform(0.75, 1.2)
    scene = np.asarray(scene * gains, np.float32)
    if rng.random() < 0.4:
        length = int(rng.integers(2, 6))
        scene = np.asarray(cv2.blur(scene, (length, 1)), np.float32)
    if rng.random() < 0.5:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, 1.1)), np.float32)
    scene = scene + rng.normal(0.0, rng.uniform(0.5, 5.0), scene.shape).astype(np.float32)
    pixels = np.clip(scene, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, packed = cv2.imencode(
            ".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))]
        )
        pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return pixels


def _shadow(alpha: Pixels, longer_px: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """How much light the belt keeps beside the piece, 0 to 1."""
    angle = rng.uniform(0, 2 * np.pi)
    reach = longer_px * rng.uniform(0.0, 0.06)
    shift = np.array([[1, 0, reach * cos(angle)], [0, 1, reach * sin(angle)]])
    cast = cv2.warpAffine(alpha, shift, alpha.shape[::-1])
    soft = cv2.GaussianBlur(cast, (0, 0), max(0.6, longer_px * rng.uniform(0.01, 0.05)))
    return (1.0 - soft.astype(np.float32) / 255.0 * rng.uniform(0.0, 0.6)).astype(np.float32)


def _lit(scene: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """One lamp is never everywhere: a slope of light over the scene."""
    rows, columns = scene.shape[:2]
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.18)
    across = np.linspace(-1, 1, columns, dtype=np.float32)[None, :] * cos(angle)
    down = np.linspace(-1, 1, rows, dtype=np.float32)[:, None] * sin(angle)
    return (scene * (1 + depth * (across + down))[:, :, None]).astype(np.float32)


def _found_box(alpha: Pixels, rng: np.random.Generator) -> Box:
    """The piece's box as the station would find it: a little off, on each side by itself."""
    left, top, width, height = cv2.boundingRect((alpha > 40).astype(np.uint8))
    off = rng.normal(0.0, 0.03, 4) * max(width, height)
    new_left, new_top = round(max(0, left + off[0])), round(max(0, top + off[1]))
    right = round(min(alpha.shape[1], left + width + off[2]))
    bottom = round(min(alpha.shape[0], top + height + off[3]))
    return Box(new_left, new_top, max(8, right - new_left), max(8, bottom - new_top))


def lay_plain(sprite: Sprite) -> tuple[Pixels, Box]:
    """A piece on even dark grey: small as a file, and always the same.

    Returns:
        uint8[H, W, 3] BGR, and the piece's box.
    """
    rows, columns = sprite.alpha.shape
    edge = max(rows, columns) // 4
    seen = np.full((rows + 2 * edge, columns + 2 * edge, 3), 70, np.float32)
    inner = seen[edge : edge + rows, edge : edge + columns]
    inner += (sprite.pixels - inner) * (sprite.alpha[:, :, None] / np.float32(255))
    return seen.astype(np.uint8), Box(edge, edge, columns, rows)
