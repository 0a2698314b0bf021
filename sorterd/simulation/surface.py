"""What lies under the pieces: a belt's worn surface, long enough that it does not look repeated.

The belt is one closed loop, drawn once and then only cut out at the place where it has come to.
It is grey with a faint weave, blotches, scratches along its travel and one slanted joint. The rails
beside it do not move. A tray is a belt that stands still and has no joint.
"""

from math import ceil, cos, pi, sin

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.simulation.scene import Look

Picture = npt.NDArray[np.uint8]
"""uint8[H, W, 3], BGR."""
_Plane = npt.NDArray[np.float32]

# The loop is this many views long: 1.9 m at the usual scale, ten seconds of travel. Large pictures
# get a shorter one: 16 million pixels are 48 MB.
_LOOP_VIEWS = 6
_LOOP_PX = 16_000_000
# Grain, dirt and wear: size in millimetres and share of the texture's variance.
_BLOTCHES = ((0.4, 0.35), (2.5, 0.30), (14.0, 0.35))
_WEAVE_MM = 3.2
_WEAVE_SHARE = 0.35
_JOINT_MM = 3.0
_JOINT_LEVELS = 26.0
# A grey that leans to green as PVC belts do; B, G, R.
_TINT = np.array([0.985, 1.0, 0.975], np.float32)
_RAIL_LEVEL = 150.0
# Half a belt's scratches are bright (fresh), half dark (filled with dirt).
_SCRATCH_LEVELS = 14.0


class Surface:
    """A loop of belt, ready to be cut out. Never changes once made; any thread.

    Args:
        length_px: The view's extent along the belt.
        across_px: The view's extent across it.
        mm_per_px: Size of a pixel.
        look: Brightness, texture and scratches.
        rng: Where the wear is.
        joint: Whether the loop has a visible joint.
    """

    def __init__(
        self,
        length_px: int,
        across_px: int,
        mm_per_px: float,
        look: Look,
        rng: np.random.Generator,
        *,
        joint: bool = True,
    ) -> None:
        self._length_px = length_px
        views = _LOOP_PX // (length_px * across_px)
        self._loop_px = length_px * min(max(views, 2), _LOOP_VIEWS)
        self._mm_per_px = mm_per_px
        shape = (across_px, self._loop_px)
        levels = _texture(shape, mm_per_px, look.texture_levels, rng)
        levels += _scratches(shape, mm_per_px, look.scratches, rng)
        if joint:
            levels += _joint(shape, mm_per_px, rng)
        painted = (look.surface_level + levels)[..., np.newaxis] * _TINT
        loop = np.clip(np.rint(painted), 0, 255).astype(np.uint8)
        # The first view once more at the end: any cut is one plain slice.
        self._strip: Picture = np.concatenate([loop, loop[:, :length_px]], axis=1)

    def cut(self, travel_mm: float) -> Picture:
        """Return a copy of the belt in view once it has run `travel_mm`: uint8[H, W, 3]."""
        start_px = -round(travel_mm / self._mm_per_px) % self._loop_px
        return self._strip[:, start_px : start_px + self._length_px].copy()


def rail(length_px: int, rail_px: int, rng: np.random.Generator) -> Picture:
    """Draw the rail beside a belt: brushed metal, its inner edge (the last row) in shade.

    Args:
        length_px: Its extent along the belt.
        rail_px: Its width; 0 or more.
        rng: Where the brush marks are.

    Returns:
        uint8[rail_px, length_px, 3].
    """
    brushed = cv2.blur(rng.normal(0, 14, (max(1, rail_px), length_px)), (31, 1))[:rail_px]
    profile = np.sin(np.linspace(0.25 * pi, pi, max(1, rail_px)))[:rail_px]
    levels = (_RAIL_LEVEL - 50 + 60 * profile)[:, np.newaxis] + brushed
    return np.repeat(np.clip(levels, 0, 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def _texture(
    shape: tuple[int, int], mm_per_px: float, levels: float, rng: np.random.Generator
) -> _Plane:
    total = np.zeros(shape, np.float32)
    for size_mm, share in _BLOTCHES:
        total += _blotches(shape, size_mm / mm_per_px, rng) * np.float32(share**0.5 * levels)
    # Whole waves around the loop, so that its ends meet.
    waves = round(shape[1] * mm_per_px / _WEAVE_MM)
    along = np.cos(2 * pi * waves * np.arange(shape[1]) / shape[1])
    across = np.cos(2 * pi * np.arange(shape[0]) * mm_per_px / _WEAVE_MM)
    total += (_WEAVE_SHARE * levels * np.outer(across, along)).astype(np.float32)
    return total


def _blotches(shape: tuple[int, int], size_px: float, rng: np.random.Generator) -> _Plane:
    """Smooth noise of spread 1 whose ends meet along the loop."""
    # Coarse blotches are drawn coarsely and enlarged: the same look for a hundredth of the work.
    step = max(1, int(size_px / 3))
    rows, columns = ceil(shape[0] / step), ceil(shape[1] / step)
    reach = 3 * ceil(size_px / step) + 1
    noise = np.pad(
        rng.standard_normal((rows, columns), np.float32), ((0, 0), (reach, reach)), "wrap"
    )
    smooth = cv2.GaussianBlur(noise, (0, 0), max(0.3, size_px / step))
    large = cv2.resize(smooth, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
    cut = np.asarray(large[: shape[0], reach * step : reach * step + shape[1]], np.float32)
    return np.asarray(cut / (cut.std() + 1e-6), np.float32)


def _scratches(
    shape: tuple[int, int], mm_per_px: float, count: int, rng: np.random.Generator
) -> _Plane:
    drawn = (np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))
    for _ in range(count):
        bright = int(rng.integers(2))
        x_px, y_px = float(rng.uniform(0, shape[1])), float(rng.uniform(0, shape[0]))
        length_px = float(rng.uniform(15, 120)) / mm_per_px
        turn = float(rng.normal(0, 0.12))
        strength = int(rng.integers(90, 256))
        end = (x_px + length_px * cos(turn), y_px + length_px * sin(turn))
        # Twice, a loop apart, so that a scratch over the end of the loop goes on at its start.
        for shift_px in (0, -shape[1]):
            start_point = (round(x_px + shift_px), round(y_px))
            end_point = (round(end[0] + shift_px), round(end[1]))
            cv2.line(drawn[bright], start_point, end_point, (strength,), 1, cv2.LINE_AA)
    signed = drawn[1].astype(np.float32) - drawn[0]
    return np.asarray(signed * (_SCRATCH_LEVELS / 255), np.float32)


def _joint(shape: tuple[int, int], mm_per_px: float, rng: np.random.Generator) -> _Plane:
    """A slanted glued joint: a dark line with a lighter lip behind it."""
    slant = rng.uniform(0.15, 0.35)
    middle_px = shape[1] / 2 + slant * (np.arange(shape[0]) - shape[0] / 2)
    off_mm = (np.arange(shape[1])[np.newaxis] - middle_px[:, np.newaxis]) * mm_per_px
    dark = np.exp(-((off_mm / (_JOINT_MM / 2)) ** 2))
    lip = np.exp(-(((off_mm + _JOINT_MM) / (_JOINT_MM / 2)) ** 2))
    return np.asarray(_JOINT_LEVELS * (0.5 * lip - dark), np.float32)
