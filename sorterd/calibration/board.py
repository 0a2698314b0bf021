"""The printed board: where its corners lie on the paper, and where a picture shows them.

A chessboard whose white squares hold ArUco markers (ChArUco): the markers say which corner is
which, so that any part of the board will do, and the crossing of two black and two white squares
is found to a few hundredths of a pixel, blurred or not, without a bias to either side.

Millimetres on the board run to the right and down from its first corner, as pixels do.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.ports import Frame

COLUMNS: Final = 5
ROWS: Final = 7
SQUARE_MM: Final = 32.0
"""Side of a square."""
MARKER_MM: Final = 24.0
"""Side of a marker: six cells of 4 mm, with a cell's width of white around."""
RULER_MM: Final = 100.0
"""Length of the line on the sheet that a person measures."""
LEAST_CORNERS: Final = 4
"""Fewer corners of one frame say too little about scale and place."""

Points = npt.NDArray[np.float64]
"""float64[N, 2]: x and y."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one frame shows of the board.

    Attributes:
        exposed_ns: When the frame was exposed.
        on_board_mm: float64[N, 2], the corners on the paper; N is at least `LEAST_CORNERS`.
        in_picture_px: float64[N, 2], the same corners in the whole frame.
    """

    exposed_ns: int
    on_board_mm: Points
    in_picture_px: Points


def charuco() -> cv2.aruco.CharucoBoard:
    """Return OpenCV's description of the board, in millimetres."""
    words = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    return cv2.aruco.CharucoBoard((COLUMNS, ROWS), SQUARE_MM, MARKER_MM, words)


class BoardEye:
    """Finds the board in frames. One thread."""

    def __init__(self) -> None:
        board = charuco()
        self._detector = cv2.aruco.CharucoDetector(board)
        self._corners_mm = np.asarray(board.getChessboardCorners(), np.float64)[:, :2]

    def look(self, frame: Frame) -> Look | None:
        """Return what a frame shows of the board; None if that is too little."""
        corners, numbers, _, _ = self._detector.detectBoard(_grey(frame.pixels))
        if numbers is None or len(numbers) < LEAST_CORNERS:
            return None
        on_board_mm = self._corners_mm[np.asarray(numbers).ravel()]
        if np.ptp(on_board_mm, axis=0).min() < SQUARE_MM / 2:
            return None  # all on one line: nothing is known across it
        in_picture_px = np.asarray(corners, np.float64).reshape(-1, 2)
        return Look(frame.exposed_ns, on_board_mm, in_picture_px)

    def mirrored(self, frame: Frame) -> bool:
        """Whether the frame shows the board in a mirror, where no marker can be read."""
        turned = np.ascontiguousarray(frame.pixels[:, ::-1])
        return self.look(Frame(frame.sequence, frame.exposed_ns, turned)) is not None


def _grey(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
