"""Paint, light and folds in millimetres: the surface on which every drawn piece is made.

The middle of the canvas is (0, 0), x runs along, y across. Shapes are masks, float32[h, w] from
0 to 1; paint goes through masks. Colour is kept multiplied by its cover, plane by plane (B, G, R,
cover), because a mask then meets four whole planes and the edges come out clean.
Nothing here knows what is being drawn; the forms call half a piece's length hx, half its width hy.
"""

from collections.abc import Sequence
from math import ceil, cos, pi, sin
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.simulation.drawings.colours import WHITE
from sorterd.simulation.sprites import Sprite, trimmed

Plane = npt.NDArray[np.float32]
Paint = tuple[float, float, float] | list[Plane]
Points = Sequence[tuple[float, float]] | npt.NDArray[np.float64]

# Drawn twice as fine as asked for, then averaged down: edges smooth enough for a camera.
FINER: Final = 2
# Light shows on what covers at least this much; less is the soft edge.
SEEN: Final = 0.05
MARGIN_MM: Final = 2.0
# The share of light that comes from everywhere: a lit hall, not a torch.
AMBIENT: Final = 0.4
# OpenCV takes fractions of a pixel as integers: 4 bits of fraction.
SHIFT: Final = 4


def plane(values: npt.ArrayLike) -> Plane:
    """Return `values` as float32."""
    return np.asarray(values, dtype=np.float32)


def bump(away: Plane, wide: float = 1.0) -> Plane:
    """A soft hill: 1 where `away` is 0, gone some two `wide` further on (a Gaussian)."""
    scaled = away * (1 / wide)
    return plane(np.exp(-scaled * scaled))


class Canvas:
    """A surface for one piece, with one light falling on it from a random side.

    Attributes:
        px_per_mm: Fineness of the canvas itself.
        x: float32[1, w], millimetres from the middle, along.
        y: float32[h, 1], millimetres from the middle, across.
        planes: float32[4, h, w]: B, G, R (0 to 255, multiplied by cover) and cover (0 to 1).
        light: Where the light comes from, a unit vector; z points up from the belt.
    """

    def __init__(
        self,
        length_mm: float,
        width_mm: float,
        resolution_px_per_mm: float,
        rng: np.random.Generator,
    ) -> None:
        self.rng = rng
        self.px_per_mm = resolution_px_per_mm * FINER
        # A multiple of FINER, so that averaging down meets whole pixels.
        w = ceil((length_mm + 2 * MARGIN_MM) * resolution_px_per_mm) * FINER
        h = ceil((width_mm + 2 * MARGIN_MM) * resolution_px_per_mm) * FINER
        self.x = plane((np.arange(w) + 0.5 - w / 2) / self.px_per_mm)[None, :]
        self.y = plane((np.arange(h) + 0.5 - h / 2) / self.px_per_mm)[:, None]
        self.planes = np.zeros((4, h, w), np.float32)
        side = rng.uniform(0, 2 * pi)
        slant = rng.uniform(0.35, 0.65)
        self.light = (cos(side) * slant, sin(side) * slant, (1 - slant * slant) ** 0.5)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the canvas."""
        _, h, w = self.planes.shape
        return h, w

    @property
    def cover(self) -> Plane:
        """What has been painted so far, float32[h, w]."""
        return plane(self.planes[3])

    # Shapes.

    def _fixed(self, points: Points) -> npt.NDArray[np.int32]:
        h, w = self.shape
        at_px = np.asarray(points, float) * self.px_per_mm + (w / 2 - 0.5, h / 2 - 0.5)
        return np.asarray(np.round(at_px * (1 << SHIFT)), np.int32).reshape(-1, 1, 2)

    def polygon(self, points: Points) -> Plane:
        """The inside of a closed outline."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [self._fixed(points)], (255,), cv2.LINE_AA, SHIFT)
        return plane(mask) * (1 / 255)

    def strokes(self, lines: Sequence[Points], width_mm: float) -> Plane:
        """Lines of one width, in one mask."""
        mask = np.zeros(self.shape, np.uint8)
        thick = max(1, round(width_mm * self.px_per_mm))
        cv2.polylines(
            mask, [self._fixed(p) for p in lines], False, (255,), thick, cv2.LINE_AA, SHIFT
        )
        return plane(mask) * (1 / 255)

    def box(
        self, left: float, top: float, right: float, bottom: float, round_mm: float = 0.0
    ) -> Plane:
        """An upright box with rounded corners."""
        round_mm = min(round_mm, (right - left) / 2, (bottom - top) / 2)
        dx = np.abs(self.x - ((left + right) / 2)) - ((right - left) / 2 - round_mm)
        dy = np.abs(self.y - ((top + bottom) / 2)) - ((bottom - top) / 2 - round_mm)
        if round_mm <= 0:
            return self.edge(-dx) * self.edge(-dy)
        away = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0)
        return self.edge(round_mm - away)

    def ellipse(self, x: float, y: float, along: float, across: float) -> Plane:
        """An upright ellipse by its middle and half axes."""
        away = np.hypot((self.x - x) / along, (self.y - y) / across)
        return self.edge(plane((1 - away) * min(along, across)))

    def edge(self, inside_mm: Plane) -> Plane:
        """A mask from the distance to its edge, positive inside."""
        return plane(np.clip(inside_mm * self.px_per_mm + 0.5, 0, 1))

    def noise(self, grain_mm: float) -> Plane:
        """Smooth random hills about `grain_mm` apart; mean 0, standard deviation about 1."""
        h, w = self.shape
        grain_px = max(1.0, grain_mm * self.px_per_mm)
        rows, columns = ceil(h / grain_px) + 2, ceil(w / grain_px) + 2
        coarse = self.rng.standard_normal((rows, columns), np.float32) * 1.5
        # `resize` interpolates exactly; `warpAffine` does so in steps that show once lit.
        size = (ceil(columns * grain_px), ceil(rows * grain_px))
        fine = plane(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))
        top, left = self.rng.integers(0, max(1, round(grain_px)), 2)
        return fine[top : top + h, left : left + w]

    def rough(self, grain_mm: float) -> Plane:
        """Noise of three grains added up, each half as coarse and half as strong."""
        hills = self.noise(grain_mm)
        hills += self.noise(grain_mm / 2) * 0.5
        hills += self.noise(grain_mm / 4) * 0.25
        return hills

    def creases(self, folds: int, reach_mm: float, bent_mm: float = 3.0) -> Plane:
        """The heights of a sheet that was crumpled: `folds` sharp folds, each somewhat bent."""
        height = np.zeros(self.shape, np.float32)
        bend = self.noise(18.0) * bent_mm
        for _ in range(folds):
            angle, place = self.rng.uniform(0, pi), self.rng.uniform(-reach_mm, reach_mm)
            along = self.x * cos(angle) + (self.y * sin(angle) - place) + bend
            # A fold is felt near itself only; 14 mm is a palm-sized facet.
            wide = self.rng.uniform(6.0, 14.0)
            height += np.minimum(np.abs(along), wide) * float(
                self.rng.choice((-1, 1)) * self.rng.uniform(0.4, 1.0)
            )
        return height

    # Paint.

    def _seen(self, mask: Plane) -> tuple[slice, slice]:
        """Return the box outside which the mask is empty, to paint in no larger one."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size == 0:
            return slice(0), slice(0)
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def lay(self, mask: Plane, colour: Paint, opacity: float = 1.0) -> None:
        """Put paint on top of everything, also where nothing was."""
        part = self._seen(mask)
        paints: Sequence[Plane | float] = colour
        here = mask[part] * opacity
        target = self.planes[:, part[0], part[1]]
        target *= 1 - here
        for channel, value in enumerate(paints):
            target[channel] += here * (value[part] if isinstance(value, np.ndarray) else value)
        target[3] += here

    def tint(self, mask: Plane, colour: Paint, opacity: float = 1.0) -> None:
        """Paint what is already there, and nothing else; its cover stays."""
        part = self._seen(mask)
        paints: Sequence[Plane | float] = colour
        here = mask[part] * opacity
        target = self.planes[:, part[0], part[1]]
        target[:3] *= 1 - here
        here = here * target[3]
        for channel, value in enumerate(paints):
            target[channel] += here * (value[part] if isinstance(value, np.ndarray) else value)

    def shade(self, factor: Plane) -> None:
        """Multiply the brightness of what is there; 1 leaves it."""
        self.planes[:3] *= factor

    def shine(self, amount: Plane) -> None:
        """Add reflected white light, 0 to 1; it also hides what lies below."""
        self.lay(np.clip(amount, 0, 1) * (self.cover > SEEN), WHITE)

    def print_on(self, art: Plane, corners: Points, opacity: float = 1.0) -> None:
        """Print `art`, float32[rows, columns, 3], on what is there, its corners at these places.

        Corners go round from the art's top left: top right, bottom right, bottom left.
        """
        h, w = self.shape
        rows, columns = art.shape[:2]
        flat = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)
        there = plane(np.asarray(corners, float) * self.px_per_mm + (w / 2, h / 2))
        matrix = cv2.getPerspectiveTransform(flat, there)
        seen = cv2.warpPerspective(
            art, matrix, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        self.tint(self.polygon(corners), [plane(p) for p in cv2.split(seen)], opacity)

    def keep(self, mask: Plane) -> None:
        """Cut everything away outside `mask`."""
        self.planes *= mask

    def lit(self, height_mm: Plane, strength: float = 1.0) -> Plane:
        """Brightness of a surface with these heights under the light; 1 where it is flat."""
        slope = strength * self.px_per_mm / 8
        dx = plane(cv2.Sobel(height_mm, cv2.CV_32F, 1, 0)) * slope
        dy = plane(cv2.Sobel(height_mm, cv2.CV_32F, 0, 1)) * slope
        lx, ly, lz = self.light
        facing = (lz - dx * lx - dy * ly) / np.sqrt(1 + dx * dx + dy * dy)
        direct = np.clip(facing / lz, 0, 1.6)
        return plane(AMBIENT + (1 - AMBIENT) * direct)

    def bend(self, dx_mm: Plane, dy_mm: Plane) -> None:
        """Move everything: what is shown at (x, y) was at (x + dx, y + dy)."""
        h, w = self.shape
        columns = plane((self.x + dx_mm) * self.px_per_mm + (w / 2 - 0.5))
        rows = plane((self.y + dy_mm) * self.px_per_mm + (h / 2 - 0.5))
        columns, rows = (
            np.ascontiguousarray(np.broadcast_to(p, self.shape)) for p in (columns, rows)
        )
        packed = np.ascontiguousarray(self.planes.transpose(1, 2, 0))
        moved = cv2.remap(packed, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        self.planes = np.ascontiguousarray(plane(moved).transpose(2, 0, 1))

    # Result.

    def sprite(self, label: str) -> Sprite:
        """Average down, divide the cover out, and cut the tight box."""
        h, w = self.shape
        packed = np.ascontiguousarray(self.planes.transpose(1, 2, 0))
        small = plane(cv2.resize(packed, (w // FINER, h // FINER), interpolation=cv2.INTER_AREA))
        cover = np.clip(small[:, :, 3:], 0, 1)
        pixels = np.clip(small[:, :, :3] / np.maximum(cover, (1e-3)), 0, 255)
        alpha = np.round(cover[:, :, 0] * 255).astype(np.uint8)
        return trimmed(label, np.round(pixels).astype(np.uint8), alpha, self.px_per_mm / FINER)
