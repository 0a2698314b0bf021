"""From looks at the board to the numbers of the settings: scale, direction and speed of the belt.

The station believes in one size of a pixel everywhere and one speed along one axis of the picture;
so that is what is fitted, and what the picture really does besides (a tilted camera, a lens that
bends, a belt that runs askew or unevenly) is told as the error that the station will make by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import degrees, hypot
from typing import Final

import numpy as np
import numpy.typing as npt

from sorterd.calibration.board import Look
from sorterd.calibration.passes import Plane, Ride, plane, rides, slope
from sorterd.calibration.spread import Measured, NotMeasured, error_of_mean
from sorterd.calibration.squareness import Squareness, places, squareness
from sorterd.core.belt import Direction

LEAST_LOOKS: Final = 6
"""Fewer looks at a board that rides through are no measurement."""
LEAST_WAY_PX: Final = 40.0
"""A board that went less far measures no speed."""
STILL_PX: Final = 4.0
"""A board that went less far lies still."""

_AXES: Final = {
    Direction.RIGHT: 1 + 0j,
    Direction.DOWN: 1j,
    Direction.LEFT: -1 + 0j,
    Direction.UP: -1j,
}
# What is known of the sub-pixel finding of corners on a clean print at 0.5 mm per pixel: pooled
# scales of rendered boards were off by up to 1.5 parts in 10,000 whatever the number of frames.
_SCALE_FLOOR_FRAC: Final = 3e-4


EXACT: Final = Measured(1.0, 0.0)
"""Of a print that is as long as it was meant to be, or that nobody has measured."""


@dataclass(frozen=True, slots=True, eq=False)
class BeltFit:
    """What a recording of the board says.

    Attributes:
        mm_per_px: Size of a pixel on the belt.
        speed_mm_s: Speed along the axis of `direction`; None if the board lay still.
        direction: Which way the belt runs in the picture.
        askew_deg: The angle between the belt's travel and that axis; clockwise is more than 0.
        jitter_frac: How much the speed of the pass's parts spreads, a standard deviation.
        squareness: What one scale everywhere leaves out.
        rides: The passes that it was measured by.
        velocity_px_s: The belt's travel in the picture.
        stretch: How much longer the print is than it was meant to be.
    """

    mm_per_px: Measured
    speed_mm_s: Measured | None
    direction: Direction
    askew_deg: Measured
    jitter_frac: float
    squareness: Squareness
    rides: tuple[Ride, ...]
    velocity_px_s: complex
    stretch: float

    @property
    def looks(self) -> int:
        """How many frames it was measured by."""
        return sum(len(ride.looks) for ride in self.rides)

    @property
    def corners(self) -> int:
        """How many corners of the board these frames showed."""
        return sum(len(look.in_picture_px) for ride in self.rides for look in ride.looks)


def fit_belt(looks: Sequence[Look], stretch: Measured = EXACT) -> BeltFit:
    """Measure the belt by a board that rides on it.

    Args:
        looks: In the order of exposure.
        stretch: How much longer the print is than it was meant to be.

    Raises:
        NotMeasured: There are too few looks, or the board did not ride through the picture.
    """
    found = [ride for ride in rides(looks) if len(ride.looks) >= LEAST_LOOKS]
    if not found:
        raise NotMeasured(_too_few(looks))
    moving = [ride for ride in found if ride.moved_px >= LEAST_WAY_PX]
    if not moving:
        moved_px = max(ride.moved_px for ride in found)
        still = "lay still" if moved_px < STILL_PX else f"moved by {moved_px:.0f} pixels only"
        raise NotMeasured(
            f"the board {still} while it was seen: start the belt and let it ride through the"
            " whole picture (a tray, or the scale alone: --still)"
        )
    scale = _scale(moving)
    velocity = _pooled(moving)
    direction = max(_AXES, key=lambda each: (velocity * _AXES[each].conjugate()).real)
    turned = [_speeds(ride) * _AXES[direction].conjugate() for ride in moving]
    parts = np.concatenate(turned)
    along = Measured(
        (velocity * _AXES[direction].conjugate()).real, _error([each.real for each in turned])
    )
    askew = Measured(
        degrees(float(np.angle(velocity * _AXES[direction].conjugate()))),
        degrees(_error([np.angle(each) for each in turned])),
    )
    return BeltFit(
        mm_per_px=scale.times(stretch),
        speed_mm_s=along.times(scale).times(stretch),
        direction=direction,
        askew_deg=askew,
        jitter_frac=float(parts.real.std(ddof=1) / along.value),
        squareness=squareness(moving, velocity, scale.value, stretch.value),
        rides=tuple(moving),
        velocity_px_s=velocity,
        stretch=stretch.value,
    )


def fit_still(looks: Sequence[Look], stretch: Measured = EXACT) -> BeltFit:
    """Measure the scale alone, by a board that lies before the camera; else as `fit_belt`.

    Raises:
        NotMeasured: There are too few looks.
    """
    found = [ride for ride in rides(looks) if len(ride.looks) >= LEAST_LOOKS]
    if not found:
        raise NotMeasured(_too_few(looks))
    scale = _scale(found)
    return BeltFit(
        mm_per_px=scale.times(stretch),
        speed_mm_s=None,
        direction=Direction.RIGHT,
        askew_deg=Measured(0.0, 0.0),
        jitter_frac=0.0,
        squareness=squareness(found, 0j, scale.value, stretch.value),
        rides=tuple(found),
        velocity_px_s=0j,
        stretch=stretch.value,
    )


def _too_few(looks: Sequence[Look]) -> str:
    if not looks:
        return (
            "no frame shows the board: print it (sorterd calibrate board board.pdf), lay it on the"
            " belt face up, and look whether the picture is sharp (sorterd capture FILE)"
        )
    return (
        f"{len(looks)} frames show the board, and {LEAST_LOOKS} of one even ride are needed: let"
        " go of it at once, slow the belt, or give the camera more frames a second"
    )


def _scale(found: Sequence[Ride]) -> Measured:
    """Pool the scales of all looks, each weighed by how much board it shows: mm of it per pixel."""
    sizes = [abs(ride.factor) for ride in found]
    weights = [
        np.array([(abs(_from_middle(look)) ** 2).sum() for look in ride.looks]) for ride in found
    ]
    parts = [
        float(np.average(size[part], weights=weight[part]))
        for size, weight, ride in zip(sizes, weights, found, strict=True)
        for part in ride.parts()
    ]
    px_per_mm = float(np.average(np.concatenate(sizes), weights=np.concatenate(weights)))
    error_frac = hypot(error_of_mean(parts) / px_per_mm, _SCALE_FLOOR_FRAC)
    return Measured(1 / px_per_mm, error_frac / px_per_mm)


def _from_middle(look: Look) -> Plane:
    board = plane(look.on_board_mm)
    return np.asarray(board - board.mean(), np.complex128)


def _pooled(found: Sequence[Ride]) -> complex:
    """One speed for all passes, each from where it began."""
    weights = [float(((ride.t_s - ride.t_s.mean()) ** 2).sum()) for ride in found]
    total = sum(weight * slope(ride) for weight, ride in zip(weights, found, strict=True))
    return total / sum(weights)


def _speeds(ride: Ride) -> Plane:
    """The speeds of a pass's parts."""
    parts = []
    for part in ride.parts():
        which = np.zeros(len(ride.looks), bool)
        which[part] = True
        parts.append(slope(ride.some(which)))
    return np.array(parts, np.complex128)


def _error(passes: Sequence[npt.NDArray[np.float64]]) -> float:
    """The error of a mean over passes, by its parts or by whole passes, whichever is larger.

    A belt wanders within seconds and within minutes; only several passes show the latter.
    """
    by_parts = error_of_mean(list(chain.from_iterable(each.tolist() for each in passes)))
    if len(passes) < 3:
        return by_parts
    return max(by_parts, error_of_mean([float(each.mean()) for each in passes]))


def misplaced(fit: BeltFit) -> tuple[Plane, npt.NDArray[np.float64]]:
    """Return each corner's place in the picture, and how far off the station would place it, mm."""
    seen, meant = places(fit.rides, fit.velocity_px_s, fit.mm_per_px.value / fit.stretch)
    return seen, np.asarray(abs(seen - meant) * fit.mm_per_px.value, np.float64)
