"""Empty grounds to lay pieces on: belts, and patterns that a camera may see instead of one.

Each kind is a function of a size and a generator, and differs from drawing to drawing as much as
real ones do. None of them is the simulated station's belt, so that no model learns that one by
heart. No ground holds anything that could be a piece; what it shows is flat, lit evenly and in
focus. Light, lens and movement are the camera's.
"""

from collections.abc import Callable, Mapping
from math import ceil, cos, hypot, radians, sin
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
_Plane = npt.NDArray[np.float32]
_Rng = np.random.Generator


def belt(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """An empty belt: one of many colours, with grain, stains, ribs and scratches.

    Args:
        height_px: Rows.
        width_px: Columns, along the belt.
        rng: Decides all of it.

    Returns:
        uint8[H, W, 3], BGR.
    """
    level = rng.uniform(18, 170) if rng.random() < 0.85 else rng.uniform(170, 225)
    tint = np.array([rng.normal(0, 3), 0.0, rng.normal(0, 3)])
    if rng.random() < 0.15:  # a green or blue belt
        tint = level * np.array([[0.15, 0.25, -0.25], [0.35, 0.05, -0.3]])[rng.integers(2)]
    drawn = np.full((height_px, width_px, 3), level + tint, np.float32)
    grain = rng.normal(0, rng.uniform(1, 7), (height_px, width_px)).astype(np.float32)
    drawn += cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.4, 1.5))[:, :, None] * 2
    # As many stains and scratches on a long belt as on as much of a short one.
    squares = max(1, round(width_px / height_px))
    stains = rng.normal(0, rng.uniform(0, 10), (6, 6 * squares)).astype(np.float32)
    size = (width_px, height_px)
    drawn += cv2.resize(stains, size, interpolation=cv2.INTER_CUBIC)[:, :, None]
    if rng.random() < 0.25:
        period, phase = rng.uniform(6, 40), rng.uniform(0, 6.3)
        slope, strength = 2 * np.pi / period, rng.uniform(1, 8)
        if rng.random() < 0.5:
            ribs = np.sin(np.arange(width_px) * slope + phase)[None, :, None] * strength
        else:
            ribs = np.sin(np.arange(height_px) * slope + phase)[:, None, None] * strength
        drawn += ribs.astype(np.float32)
    for _ in range(int(rng.integers(0, 5)) * squares):
        start, along = rng.uniform(0, 1, 2) * size, radians(rng.normal(0, 12))
        end = start + rng.uniform(10, width_px / squares) * np.array([cos(along), sin(along)])
        shade = float(level + rng.normal(0, 25))
        ends = start.astype(int).tolist(), end.astype(int).tolist()
        cv2.line(drawn, *ends, (shade,) * 3, 1, cv2.LINE_AA)
    return _as_pixels(drawn)


def _ribbed(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """A belt with cleats or a chevron profile, each rib with a lit and a shaded side."""
    drawn = belt(height_px, width_px, rng).astype(np.float32)
    period = rng.uniform(14, 70)
    y, x = _places(height_px, width_px)
    match int(rng.integers(3)):
        case 0:
            way = x
        case 1:  # chevrons
            way = x + np.abs(y - height_px / 2) * np.float32(rng.uniform(0.3, 1.0))
        case _:  # slanted
            way = x + y * np.float32(rng.uniform(-0.6, 0.6))
    within = np.mod(way, period) / np.float32(period)
    wide = rng.uniform(0.12, 0.45)
    ridge = np.exp(-(((within - 0.5) / (wide / 2)) ** 2))
    lit = ridge * (0.5 - within) * (4 / wide)
    strength = rng.uniform(6, 28)
    shade = lit * strength + ridge * rng.uniform(-12, 12)
    return _as_pixels(drawn + cv2.GaussianBlur(shade, (0, 0), 0.8)[:, :, None])


def _stained(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """A belt with puddles, dried splashes, streaks along its travel and crumbs."""
    drawn = belt(height_px, width_px, rng).astype(np.float32)
    for _ in range(int(rng.integers(2, 6)) * max(1, round(width_px / height_px))):
        size = rng.uniform(0.06, 0.4)
        spread = _noise(height_px, width_px, size * height_px / 2, rng)
        middle = rng.uniform(0, 1, 2) * (height_px, width_px)
        y, x = _places(height_px, width_px)
        away = np.hypot((y - middle[0]) / rng.uniform(0.6, 1.0), (x - middle[1]) / 1.0)
        depth = 1 - away / (size * height_px) + spread * np.float32(0.3)
        cover = np.clip(depth * rng.uniform(1.5, 12), 0, 1)[:, :, None] * rng.uniform(0.1, 0.55)
        dirt = _hue(rng, (8, 30), (20, 120), (25, 190))
        drawn += (dirt - drawn) * cover.astype(np.float32)
    for _ in range(int(rng.integers(0, 6))):
        row, thick = int(rng.integers(height_px)), int(rng.integers(2, 18))
        streak = np.zeros((height_px, width_px), np.float32)
        cv2.line(streak, (0, row), (width_px, row + int(rng.normal(0, 12))), (1.0,), thick)
        worn = _noise(1, width_px, 40, rng) * 0.5 + 0.5
        soft = cv2.GaussianBlur(streak, (0, 0), 1 + thick / 4) * worn.astype(np.float32)
        drawn += soft[:, :, None] * np.float32(rng.uniform(-18, 18))
    crumbs = rng.random((height_px, width_px), np.float32) < rng.uniform(0, 0.0006)
    specks = cv2.dilate(crumbs.astype(np.uint8), np.ones((2, 2), np.uint8))
    return _as_pixels(np.where(specks[:, :, None] > 0, drawn * 0.6 + 35, drawn))


def _checks(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """Tiles in two colours, perhaps with joints, turned a little or much."""
    side = rng.uniform(14, 90)
    u, v = _turned_places(height_px, width_px, rng)
    odd = np.sign(np.sin(u * np.float32(np.pi / side)) * np.sin(v * np.float32(np.pi / side)))
    soft = np.asarray(cv2.GaussianBlur(odd, (0, 0), 0.7), np.float32)
    drawn = _between(np.asarray(soft[:, :, None] * 0.5 + 0.5, np.float32), rng)
    if rng.random() < 0.4:
        near = np.minimum(_to_line(u, side), _to_line(v, side))
        joint = np.exp(-((near / rng.uniform(0.8, 2.5)) ** 2))[:, :, None]
        drawn += (np.float32(rng.uniform(40, 190)) - drawn) * joint * np.float32(0.8)
    return _as_pixels(_worn(drawn, rng))


def _stripes(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """Stripes of several widths in two or three colours."""
    u, _ = _turned_places(height_px, width_px, rng)
    period, third = rng.uniform(16, 120), rng.uniform(0.15, 0.85)
    within = np.mod(u, period) / np.float32(period)
    soft = np.asarray(cv2.GaussianBlur((within < third).astype(np.float32), (0, 0), 0.7))
    drawn = _between(soft[:, :, None].astype(np.float32), rng)
    if rng.random() < 0.5:
        thin = (np.abs(within - rng.uniform(0, 1)) < rng.uniform(0.02, 0.08)).astype(np.float32)
        drawn += (_any_colour(rng) - drawn) * cv2.GaussianBlur(thin, (0, 0), 0.7)[:, :, None]
    return _as_pixels(_worn(drawn, rng))


def _wood(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """Planks with grain, years and knots."""
    lying = rng.random() < 0.7
    rows, columns = (height_px, width_px) if lying else (width_px, height_px)
    base = _hue(rng, (9, 20), (50, 150), (90, 210))
    deep, plank = base * np.float32(rng.uniform(0.5, 0.8)), rng.uniform(60, 220)
    y, x = _places(rows, columns)
    # Each plank is cut from another place in the trunk.
    number = np.floor(y / plank)
    own = np.sin(number * 12.9898 + rng.uniform(0, 6)).astype(np.float32)
    wave = cv2.resize(_noise(rows, ceil(columns / 8), 14, rng), (columns, rows)) * 9
    years = np.sin((y + wave + own * 400) * np.float32(2 * np.pi / rng.uniform(6, 22)) + x / 300)
    fibre = cv2.blur(rng.standard_normal((rows, columns), np.float32), (41, 1)) * 2.2
    share = np.clip(0.45 + 0.25 * years + 0.14 * fibre + 0.12 * own, 0, 1)[:, :, None]
    drawn = base + (deep - base) * share
    for _ in range(int(rng.integers(0, 4))):
        at, size = rng.uniform(0, 1, 2) * (rows, columns), rng.uniform(4, 14)
        away = np.hypot((y - at[0]) * 1.5, x - at[1]) / np.float32(size)
        rings = np.exp(-((away / 1.6) ** 2)) * (0.7 + 0.3 * np.cos(away * 6))
        drawn += (deep * np.float32(0.5) - drawn) * rings[:, :, None].astype(np.float32)
    joint = np.exp(-((_to_line(y, plank) / 1.1) ** 2))[:, :, None]
    drawn = np.asarray(drawn * (1 - 0.7 * joint), np.float32)
    return _as_pixels(drawn if lying else np.ascontiguousarray(drawn.transpose(1, 0, 2)))


def _cloth(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """Woven cloth: plain or plaid, with its threads and soft folds."""
    u, v = _turned_places(height_px, width_px, rng)
    drawn = np.broadcast_to(_any_colour(rng), (height_px, width_px, 3)).astype(np.float32)
    for _ in range(int(rng.integers(0, 4))):
        way = u if rng.random() < 0.5 else v
        period, wide, colour = rng.uniform(30, 160), rng.uniform(0.08, 0.5), _any_colour(rng)
        within = np.mod(way + rng.uniform(0, period), period) / np.float32(period)
        band = cv2.GaussianBlur((within < wide).astype(np.float32), (0, 0), 0.8)[:, :, None]
        drawn += (colour - drawn) * band * np.float32(rng.uniform(0.3, 0.6))
    thread = 2 * np.pi / rng.uniform(2.2, 6)
    weave = np.sin(u * np.float32(thread)) * np.sin(v * np.float32(thread))
    drawn += (weave * np.float32(rng.uniform(3, 12)))[:, :, None]
    folds = _noise(height_px, width_px, rng.uniform(25, 90), rng)
    steep = cv2.Sobel(folds, cv2.CV_32F, 1, 1, ksize=5)
    light = steep / np.float32(np.abs(steep).max() + 1e-6) * 0.5 + folds * 0.4
    return _as_pixels(drawn * (1 + light[:, :, None] * np.float32(rng.uniform(0.02, 0.3))))


def _gravel(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """Stones packed side by side, each with its own grey and its own lit side."""
    size = rng.uniform(7, 34)
    bare = np.full((height_px, width_px), 255, np.uint8)
    # One stone in every cell of a grid, moved about in it: dense, and never in rows.
    rows, columns = np.mgrid[0 : height_px : float(size), 0 : width_px : float(size)]
    moved = np.stack((rows, columns), -1) + rng.uniform(0, size, (*rows.shape, 2))
    places = moved.reshape(-1, 2).astype(int) % (height_px, width_px)
    bare[places[:, 0], places[:, 1]] = 0
    away, owner = cv2.distanceTransformWithLabels(
        bare, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    base = _hue(rng, (5, 30), (5, 60), (80, 190))
    spread = rng.uniform(12, 40)
    stones = rng.normal(0, spread, (int(owner.max()) + 1, 1)) + rng.normal(
        0, spread / 5, (int(owner.max()) + 1, 3)
    )
    drawn = base + stones[owner].astype(np.float32)
    round_off = 1 - np.clip(away / np.float32(size * 0.75), 0, 1) ** 3 * 0.75
    lit = cv2.Sobel(cv2.GaussianBlur(away, (0, 0), 1.2), cv2.CV_32F, 1, 1) * -4
    grain = rng.normal(0, rng.uniform(2, 8), (height_px, width_px)).astype(np.float32)
    drawn = drawn * round_off[:, :, None] + (lit + grain)[:, :, None]
    return _as_pixels(cv2.GaussianBlur(drawn.astype(np.float32), (0, 0), 0.6))


def _leaves(height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """Leaves over leaves: a lawn in autumn, or a hedge from above."""
    autumn = rng.random() < 0.5
    hues, longest = ((4, 28) if autumn else (32, 48)), rng.uniform(24, 80)
    drawn = np.broadcast_to(_hue(rng, hues, (40, 120), (20, 60)), (height_px, width_px, 3))
    picture = np.ascontiguousarray(drawn, np.float32)
    count = int(min(900 * width_px / height_px, 8 * height_px * width_px / longest**2))
    for place in range(count):
        colour = _hue(rng, hues, (70, 210), (35 + 90 * place // count, 110 + 110 * place // count))
        at, turn = rng.uniform(0, 1, 2) * (width_px, height_px), rng.uniform(0, 2 * np.pi)
        long_px, wide = longest * rng.uniform(0.5, 1.1), rng.uniform(0.25, 0.5)
        t = np.linspace(0, np.pi, 9)
        side = np.sin(t) ** 0.8 * wide * long_px / 2
        along = -np.cos(t) * long_px / 2
        edge = np.concatenate((np.stack((along, side), 1), np.stack((along, -side), 1)[::-1]))
        spin = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
        corners = np.rint(edge @ spin + at).astype(np.int32)
        half = [*corners[:9].tolist(), corners[0].tolist()]
        cv2.fillPoly(picture, [corners], colour.tolist(), cv2.LINE_AA)
        cv2.fillPoly(picture, [np.array(half, np.int32)], (colour * 0.88).tolist(), cv2.LINE_AA)
        stem, tip = corners[0].tolist(), corners[8].tolist()
        cv2.line(picture, stem, tip, (colour * 1.2).tolist(), 1, cv2.LINE_AA)
    return _as_pixels(picture + rng.normal(0, 4, (height_px, width_px, 1)).astype(np.float32))


DRAWN: Final[Mapping[str, Callable[[int, int, _Rng], Pixels]]] = {
    "belt": belt,
    "ribbed": _ribbed,
    "stained": _stained,
    "checks": _checks,
    "stripes": _stripes,
    "wood": _wood,
    "cloth": _cloth,
    "gravel": _gravel,
    "leaves": _leaves,
}
"""Every kind that can be drawn: rows, columns, generator -> uint8[H, W, 3] BGR."""

BELTS: Final = frozenset({"belt", "ribbed", "stained"})
"""The kinds that are belts, and may have rails."""


def out_of_photo(pixels: Pixels, height_px: int, width_px: int, rng: _Rng) -> Pixels:
    """A part of a photograph that fills a frame.

    Args:
        pixels: uint8[h, w, 3], BGR.
        height_px: Rows wanted.
        width_px: Columns wanted.
        rng: Decides which part, and whether it is mirrored.

    Returns:
        uint8[H, W, 3]; between 60% and all of what fits of the photograph.
    """
    rows, columns = pixels.shape[:2]
    scale = max(height_px / rows, width_px / columns) * rng.uniform(1.0, 1 / 0.6)
    size = (max(width_px, ceil(columns * scale)), max(height_px, ceil(rows * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(pixels, size, interpolation=way)
    left = int(rng.integers(size[0] - width_px + 1))
    top = int(rng.integers(size[1] - height_px + 1))
    part = large[top : top + height_px, left : left + width_px]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part, np.uint8)


def _places(height_px: int, width_px: int) -> tuple[_Plane, _Plane]:
    """Row and column of every pixel, float32[H, W]."""
    y, x = np.mgrid[:height_px, :width_px].astype(np.float32)
    return y, x


def _turned_places(height_px: int, width_px: int, rng: _Rng) -> tuple[_Plane, _Plane]:
    """Two directions at a right angle, mostly along the frame's sides; places in pixels."""
    turn = rng.normal(0, 0.06) if rng.random() < 0.5 else rng.uniform(0, np.pi)
    y, x = _places(height_px, width_px)
    far = hypot(height_px, width_px)
    shift = rng.uniform(0, far, 2)
    u = x * np.float32(cos(turn)) + y * np.float32(sin(turn)) + np.float32(shift[0])
    v = y * np.float32(cos(turn)) - x * np.float32(sin(turn)) + np.float32(shift[1])
    return u, v


def _to_line(way: _Plane, period: float) -> _Plane:
    """How far it is to the nearest whole multiple of a period."""
    within = np.mod(way, period)
    return np.asarray(np.minimum(within, period - within), np.float32)


def _noise(height_px: int, width_px: int, size_px: float, rng: _Rng) -> _Plane:
    """Smooth noise of spread 1 with bodies of about this size."""
    step = max(1, int(size_px / 3))
    shape = (ceil(height_px / step) + 4, ceil(width_px / step) + 4)
    small = cv2.GaussianBlur(
        rng.standard_normal(shape, np.float32), (0, 0), max(0.5, size_px / step / 2)
    )
    large = cv2.resize(small, (shape[1] * step, shape[0] * step), interpolation=cv2.INTER_CUBIC)
    cut = large[step : step + height_px, step : step + width_px]
    return np.asarray(cut / (cut.std() + 1e-6), np.float32)


def _hue(
    rng: _Rng, hues: tuple[int, int], strengths: tuple[int, int], values: tuple[int, int]
) -> _Plane:
    """A colour, float32[3] BGR: hue 0 to 180, strength and value 0 to 255, as OpenCV counts."""
    spans = (hues, strengths, values)
    chosen = np.array([[[int(rng.integers(low, high + 1)) for low, high in spans]]], np.uint8)
    return np.asarray(cv2.cvtColor(chosen, cv2.COLOR_HSV2BGR)[0, 0], np.float32)


def _any_colour(rng: _Rng) -> _Plane:
    """Greys and whites as often as colours."""
    if rng.random() < 0.5:
        return _hue(rng, (0, 179), (0, 25), (30, 235))
    return _hue(rng, (0, 179), (40, 190), (50, 220))


def _between(share: _Plane, rng: _Rng) -> _Plane:
    """Two colours mixed by share, sometimes so near that the pattern is faint."""
    one, other = _any_colour(rng), _any_colour(rng)
    nearness = np.float32(rng.uniform(0, 0.85))
    return np.asarray(one + (other - one) * (1 - nearness) * share, np.float32)


def _worn(drawn: _Plane, rng: _Rng) -> _Plane:
    """Grain and blotches over all."""
    rows, columns = drawn.shape[:2]
    grain = rng.standard_normal((rows, columns), np.float32) * np.float32(rng.uniform(1, 5))
    blotches = _noise(rows, columns, rng.uniform(20, 120), rng) * np.float32(rng.uniform(0, 7))
    return np.asarray(drawn + (grain + blotches)[:, :, None], np.float32)


def _as_pixels(drawn: npt.NDArray[np.float32] | npt.NDArray[np.float64]) -> Pixels:
    return np.clip(drawn, 0, 255).astype(np.uint8)
