"""How far the picture is from what the station believes: one size of a pixel everywhere.

A camera that is not square to the belt makes pixels at one edge larger than at the other; a lens
bends what should be straight. Neither is corrected on the road, which would cost time in each
frame: it is told, in millimetres, and mended with a screwdriver.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.calibration.passes import MIDDLE_MM, Plane, Ride, plane


@dataclass(frozen=True, slots=True)
class Squareness:
    """How far the picture is from one scale everywhere.

    Attributes:
        off_mm: By so much a place that the station computes may be off, in 95 of 100 places that
            the board was seen at.
        unbent_mm: The same after a tilt of the camera was taken out: what the lens does.
        slant_frac: By so much a pixel at one edge of the picture is larger than at the other.
        larger_at: The edge where it is largest: left, right, top or bottom.
    """

    off_mm: float
    unbent_mm: float
    slant_frac: float
    larger_at: str


def places(found: Sequence[Ride], velocity_px_s: complex, mm_per_px: float) -> tuple[Plane, Plane]:
    """Return where corners were seen, and where one scale and one speed put them, pixels.

    Args:
        found: The passes.
        velocity_px_s: The belt's travel in the picture.
        mm_per_px: Size of a pixel, in millimetres as they are printed.
    """
    seen = np.concatenate([plane(look.in_picture_px) for ride in found for look in ride.looks])
    return seen, np.concatenate([_meant(ride, velocity_px_s, mm_per_px) for ride in found])


def squareness(
    found: Sequence[Ride], velocity_px_s: complex, mm_per_px: float, stretch: float
) -> Squareness:
    """Hold every corner against where one scale and speed put it, and against a tilted plane.

    Args:
        found: The passes.
        velocity_px_s: The belt's travel in the picture.
        mm_per_px: Size of a pixel, in millimetres as they are printed.
        stretch: How much longer the print is than it was meant to be.
    """
    seen, meant = places(found, velocity_px_s, mm_per_px)
    off_mm = abs(seen - meant) * mm_per_px * stretch
    seen_px, meant_px = _pairs(seen), _pairs(meant)
    to_belt, _ = cv2.findHomography(seen_px, meant_px, 0)
    flat = cv2.perspectiveTransform(seen_px[:, np.newaxis], to_belt)[:, 0]
    unbent_mm = abs(plane(np.asarray(flat, np.float64)) - meant) * mm_per_px * stretch
    sizes = _sizes_at_edges(np.asarray(to_belt, np.float64), seen_px)
    across = max(sizes["left"], sizes["right"]) / min(sizes["left"], sizes["right"])
    down = max(sizes["top"], sizes["bottom"]) / min(sizes["top"], sizes["bottom"])
    pair = ("left", "right") if across >= down else ("top", "bottom")
    return Squareness(
        off_mm=float(np.percentile(off_mm, 95)),
        unbent_mm=float(np.percentile(unbent_mm, 95)),
        slant_frac=float(max(across, down)) - 1,
        larger_at=max(pair, key=lambda edge: sizes[edge]),
    )


def _meant(ride: Ride, velocity_px_s: complex, mm_per_px: float) -> Plane:
    """Return where the corners of a pass should have been seen."""
    turn = ride.factor.sum() / abs(ride.factor.sum())
    began = (ride.at_px - velocity_px_s * ride.t_s).mean()
    middles = began + velocity_px_s * ride.t_s
    middle_mm = (plane(look.on_board_mm) for look in ride.looks)
    return np.concatenate(
        [
            middle + turn / mm_per_px * (board - MIDDLE_MM)
            for middle, board in zip(middles, middle_mm, strict=True)
        ]
    )


def _pairs(places: Plane) -> npt.NDArray[np.float64]:
    return np.stack([places.real, places.imag], axis=1)


def _sizes_at_edges(
    to_belt: npt.NDArray[np.float64], seen_px: npt.NDArray[np.float64]
) -> dict[str, float]:
    """The size of a pixel at the middle of each edge of where the board was seen; 1 is usual."""
    (left, top), (right, bottom) = np.percentile(seen_px, [1, 99], axis=0)
    middle, half = (left + right) / 2, (top + bottom) / 2
    edges = {
        "left": (left, half),
        "right": (right, half),
        "top": (middle, top),
        "bottom": (middle, bottom),
    }
    sizes = {}
    for edge, (x, y) in edges.items():
        corners = np.array([[[x, y]], [[x + 1, y]], [[x, y + 1]]], np.float64)
        here = cv2.perspectiveTransform(corners, to_belt)[:, 0]
        first, second = here[1] - here[0], here[2] - here[0]
        sizes[edge] = float(abs(first[0] * second[1] - first[1] * second[0])) ** 0.5
    return sizes
