"""A cut-out piece laid on a drawn belt and seen by a drawn camera, as the station would see it.

The belts are this file's own and differ from one another as much as real ones do: rubber from
black to light grey, green and blue belts, scratches, ribs, dust. Nothing here is the simulated
station, so that the model does not learn that one belt by heart.
"""

from math import ceil, cos, hypot, radians, sin

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box
from sorterd.simulation.sprites import Sprite

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
    colour, alpha = _turned(sprite, scale, rng.uniform(0, 360), side_px)
    shadow = _shadow(alpha, longer_px, rng)
    scene = _belt(side_px, rng).astype(np.float32) * shadow[:, :, None]
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


def _turned(sprite: Sprite, scale: float, turn_deg: float, side_px: int) -> tuple[Pixels, Pixels]:
    """The piece in the middle of a square, and its cover."""
    rows, columns = sprite.alpha.shape
    pixels, alpha = sprite.pixels, sprite.alpha
    if scale < 0.5:  # warpAffine looks at four pixels only, and would skip the rest
        half = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        pixels = np.asarray(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = np.asarray(cv2.resize(alpha, half, interpolation=cv2.INTER_AREA), np.uint8)
        rows, columns, scale = half[1], half[0], 1.0
    matrix = np.asarray(
        cv2.getRotationMatrix2D((columns / 2, rows / 2), turn_deg, scale), np.float64
    )
    matrix[:, 2] += side_px / 2 - np.array([columns / 2, rows / 2])
    size = (side_px, side_px)
    colour = cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(alpha, matrix, size, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(colour, np.uint8), np.asarray(cover, np.uint8)


def _shadow(alpha: Pixels, longer_px: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """How much light the belt keeps beside the piece, 0 to 1."""
    angle = rng.uniform(0, 2 * np.pi)
    reach = longer_px * rng.uniform(0.0, 0.06)
    shift = np.array([[1, 0, reach * cos(angle)], [0, 1, reach * sin(angle)]])
    cast = cv2.warpAffine(alpha, shift, alpha.shape[::-1])
    soft = cv2.GaussianBlur(cast, (0, 0), max(0.6, longer_px * rng.uniform(0.01, 0.05)))
    return (1.0 - soft.astype(np.float32) / 255.0 * rng.uniform(0.0, 0.6)).astype(np.float32)


def _belt(side_px: int, rng: np.random.Generator) -> Pixels:
    """An empty belt: one of many colours, with grain, stains, ribs and scratches."""
    level = rng.uniform(18, 170) if rng.random() < 0.85 else rng.uniform(170, 225)
    tint = np.array([rng.normal(0, 3), 0.0, rng.normal(0, 3)])
    if rng.random() < 0.15:  # a green or blue belt
        tint = level * np.array([[0.15, 0.25, -0.25], [0.35, 0.05, -0.3]])[rng.integers(2)]
    belt = np.full((side_px, side_px, 3), level + tint, np.float32)
    grain = rng.normal(0, rng.uniform(1, 7), (side_px, side_px)).astype(np.float32)
    belt += cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.4, 1.5))[:, :, None] * 2
    stains = rng.normal(0, rng.uniform(0, 10), (6, 6)).astype(np.float32)
    belt += cv2.resize(stains, (side_px, side_px), interpolation=cv2.INTER_CUBIC)[:, :, None]
    if rng.random() < 0.25:
        period, phase = rng.uniform(6, 40), rng.uniform(0, 6.3)
        ribs = np.sin(np.arange(side_px) * 2 * np.pi / period + phase) * rng.uniform(1, 8)
        belt += (ribs[None, :, None] if rng.random() < 0.5 else ribs[:, None, None]).astype(
            np.float32
        )
    for _ in range(int(rng.integers(0, 5))):
        start, along = rng.uniform(0, side_px, 2), radians(rng.normal(0, 12))
        end = start + rng.uniform(10, side_px) * np.array([cos(along), sin(along)])
        shade = float(level + rng.normal(0, 25))
        cv2.line(
            belt, start.astype(int).tolist(), end.astype(int).tolist(), (shade,) * 3, 1, cv2.LINE_AA
        )
    return np.clip(belt, 0, 255).astype(np.uint8)


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
