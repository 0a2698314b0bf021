"""Films of a board that rides on a belt, drawn with a scale, speed and camera that are known."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import cos, radians, sin

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.calibration.board import COLUMNS, ROWS, SQUARE_MM, Look, charuco
from sorterd.core.belt import Direction
from sorterd.ports import Frame

Picture = npt.NDArray[np.uint8]

# White paper around the board.
RIM_MM = 8.0
DOTS_PER_MM = 4
# Drawn so much finer than the picture, then averaged as a sensor does.
FINER = 2
WAYS = {
    Direction.RIGHT: 0.0,
    Direction.DOWN: 90.0,
    Direction.LEFT: 180.0,
    Direction.UP: 270.0,
}


@dataclass(frozen=True, slots=True)
class Riding:
    """A board on a belt before a camera.

    Attributes:
        keystone_frac: By so much a pixel at the right edge is larger than at the left.
        start_ns: The instant of the first frame.
        wavering: How far the belt has run, mm, by seconds: in place of an even run.
    """

    mm_per_px: float = 0.5
    speed_mm_s: float = 200.0
    direction: Direction = Direction.RIGHT
    askew_deg: float = 0.0
    board_deg: float = 4.0
    keystone_frac: float = 0.0
    exposure_ms: float = 4.0
    noise_levels: float = 2.0
    rate_hz: float = 30.0
    width_px: int = 640
    height_px: int = 480
    start_ns: int = 7_003_000_019
    wavering: Callable[[float], float] | None = None

    def instant_ns(self, number: int) -> int:
        """When a frame is exposed."""
        return self.start_ns + round(number * 1e9 / self.rate_hz)

    def run_mm(self, number: int) -> float:
        """How far the belt has run by a frame."""
        t_s = number / self.rate_hz
        return self.wavering(t_s) if self.wavering else self.speed_mm_s * t_s

    @property
    def way(self) -> tuple[float, float]:
        """The direction of travel in the picture, of length 1."""
        angle = radians(WAYS[self.direction] + self.askew_deg)
        return cos(angle), sin(angle)

    @property
    def frames(self) -> int:
        """How many frames it takes to ride from just outside the view to just outside."""
        return int((self._room_mm * 2) / self.speed_mm_s * self.rate_hz)

    @property
    def _room_mm(self) -> float:
        """From the middle of the view to where the middle of the board is just outside."""
        length_px = self.width_px if abs(self.way[0]) > 0.5 else self.height_px
        return length_px * self.mm_per_px / 2 + ROWS * SQUARE_MM / 2 + RIM_MM

    def to_picture(self, number: int) -> npt.NDArray[np.float64]:
        """Return what takes a place on the board, mm, to its place in a frame, px."""
        turn = radians(self.board_deg)
        turned = np.array([[cos(turn), -sin(turn), 0], [sin(turn), cos(turn), 0], [0, 0, 1]])
        to_middle = np.eye(3)
        to_middle[:2, 2] = -COLUMNS * SQUARE_MM / 2, -ROWS * SQUARE_MM / 2
        travelled = np.eye(3)
        travelled[:2, 2] = np.array(self.way) * (self.run_mm(number) - self._room_mm)
        scaled = np.diag([1 / self.mm_per_px, 1 / self.mm_per_px, 1.0])
        slanted = np.eye(3)
        # A pixel's side goes with (1 + k x) to the power of 3/2: its area with the cube.
        slanted[2, 0] = self.keystone_frac / 1.5 / self.width_px
        placed = np.eye(3)
        placed[:2, 2] = (self.width_px - 1) / 2, (self.height_px - 1) / 2
        return np.asarray(placed @ slanted @ scaled @ travelled @ turned @ to_middle, np.float64)

    def film(self, seed: int = 0) -> Iterator[Frame]:
        """Draw the frames of one pass."""
        for number in range(self.frames):
            yield self.frame(number, seed)

    def frame(self, number: int, seed: int = 0) -> Frame:
        """Draw one frame."""
        rim = np.eye(3)
        rim[:2, 2] = -RIM_MM
        from_paper = self.to_picture(number) @ rim @ np.diag([1 / DOTS_PER_MM, 1 / DOTS_PER_MM, 1])
        finer = np.array([[FINER, 0, (FINER - 1) / 2], [0, FINER, (FINER - 1) / 2], [0, 0, 1.0]])
        size = self.width_px * FINER, self.height_px * FINER
        large = cv2.warpPerspective(paper(), finer @ from_paper, size, borderValue=(108,))
        smear = round(self.speed_mm_s * self.exposure_ms / 1000 / self.mm_per_px * FINER)
        if smear > 1:
            large = cv2.filter2D(large, -1, _smear(smear, self.way))
        small = cv2.resize(large, (self.width_px, self.height_px), interpolation=cv2.INTER_AREA)
        down, right = np.random.default_rng((seed, number)).integers(0, 100, 2)
        noise = np.roll(_noise(small.shape), (down, right), (0, 1))
        noisy = small + noise * np.float32(self.noise_levels)
        grey = np.clip(noisy.round(), 0, 255).astype(np.uint8)
        pixels = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
        return Frame(number, self.instant_ns(number), pixels)

    def looks(self, seed: int, noise_px: float = 0.05) -> list[Look]:
        """Return what an eye would find in the frames, without drawing any."""
        rng = np.random.default_rng(seed)
        corners_mm = np.asarray(charuco().getChessboardCorners(), np.float64)[:, :2]
        found = []
        for number in range(self.frames):
            matrix = self.to_picture(number)
            at_px = cv2.perspectiveTransform(corners_mm[:, np.newaxis], matrix)[:, 0]
            at_px = at_px + rng.normal(0, noise_px, at_px.shape)
            # A corner shows with the squares around it.
            rim_px = SQUARE_MM / self.mm_per_px
            shown = (at_px > rim_px).all(axis=1)
            shown &= (at_px < (self.width_px - rim_px, self.height_px - rim_px)).all(axis=1)
            if shown.sum() >= 6:
                found.append(Look(self.instant_ns(number), corners_mm[shown], at_px[shown]))
        return found


@cache
def _noise(shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


@cache
def paper() -> Picture:
    """Return the board on its paper, grey levels of print."""
    size = round(COLUMNS * SQUARE_MM * DOTS_PER_MM), round(ROWS * SQUARE_MM * DOTS_PER_MM)
    board = np.asarray(charuco().generateImage(size), np.uint8)
    rim = round(RIM_MM * DOTS_PER_MM)
    whole = cv2.copyMakeBorder(board, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=(255,))
    return np.asarray(30 + whole.astype(np.float64) * (215 - 30) / 255, np.uint8)


def _smear(length: int, way: tuple[float, float]) -> npt.NDArray[np.float32]:
    side = length | 1
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    dx, dy = round(way[0] * middle), round(way[1] * middle)
    cv2.line(kernel, (middle - dx, middle - dy), (middle + dx, middle + dy), (1.0,))
    return np.asarray(kernel / kernel.sum(), np.float32)
