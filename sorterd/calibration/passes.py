"""The board's way through the picture: which looks belong to one pass, and which to none.

A pass is the board lying on the belt, from coming into view to leaving it. Before it the board is
in a hand and after it there may be another; what does not keep to the pass's own even motion is
left out, so that neither a hand nor a frame that went wrong moves the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from sorterd.calibration.board import COLUMNS, ROWS, SQUARE_MM, Look

Plane = npt.NDArray[np.complex128]
"""Places in a plane, x + iy: turning and scaling by one factor is one multiplication."""

MIDDLE_MM: Final = complex(COLUMNS, ROWS) * SQUARE_MM / 2

# Longer without the board, and it is another pass.
_GAP_NS: Final = 700_000_000
# A board that lies on the belt does not turn; a hand turns it by more than this.
_TURN_RAD: Final = 0.07
# So far back against the belt's travel it has been taken up and laid down again.
_BACK_PX: Final = 10.0
# Off its pass's even motion by more than this and by five times what is usual there: not riding.
# A camera that is a little tilted bows the motion by 1 or 2 pixels at its ends.
_OFF_PX: Final = 3.0
_OFF_TIMES: Final = 5 * 1.4826
# So many slopes are tried; more find no better one.
_TRIALS: Final = 50


@dataclass(frozen=True, slots=True, eq=False)
class Ride:
    """The looks of one pass that keep to its motion, in the order of exposure.

    Attributes:
        looks: What the frames showed.
        t_s: float64[N], seconds since the first look of all passes.
        factor: complex128[N], pixels per millimetre of the board, with its turn in the picture.
        at_px: complex128[N], where the board's middle is.
    """

    looks: tuple[Look, ...]
    t_s: npt.NDArray[np.float64]
    factor: Plane
    at_px: Plane

    def some(self, which: npt.NDArray[np.bool_]) -> "Ride":
        """Return the same pass with some of its looks."""
        looks = tuple(look for look, kept in zip(self.looks, which, strict=True) if kept)
        return Ride(looks, self.t_s[which], self.factor[which], self.at_px[which])

    @property
    def moved_px(self) -> float:
        """How far the board went in the picture."""
        return float(abs(self.at_px[-1] - self.at_px[0])) if len(self.looks) else 0.0

    def parts(self) -> list[slice]:
        """Cut the pass into 2 to 8 parts that follow one another, of 5 looks or so."""
        count = max(2, min(8, len(self.looks) // 5))
        ends = np.linspace(0, len(self.looks), count + 1).round().astype(int)
        return [slice(a, b) for a, b in pairwise(ends.tolist())]


def plane(points: npt.NDArray[np.float64]) -> Plane:
    """Return float64[N, 2] as complex128[N]."""
    return np.asarray(points[:, 0] + 1j * points[:, 1], np.complex128)


def rides(looks: Sequence[Look]) -> list[Ride]:
    """Part looks into passes, each without what does not keep to it.

    Args:
        looks: Of one recording, in the order of exposure.
    """
    if not looks:
        return []
    whole = _ride(looks)
    cuts = _cuts(whole)
    found = [whole.some(_within(len(looks), a, b)) for a, b in pairwise(cuts)]
    return [kept for ride in found if len((kept := _steady(ride)).looks) * 2 > len(ride.looks)]


def slope(ride: Ride) -> complex:
    """Return the least squares speed of a pass in the picture, pixels per second."""
    t_s = ride.t_s - ride.t_s.mean()
    return complex((t_s * ride.at_px).sum() / (t_s**2).sum())


def _ride(looks: Sequence[Look]) -> Ride:
    factors, places = [], []
    for look in looks:
        board, picture = plane(look.on_board_mm), plane(look.in_picture_px)
        from_middle = board - board.mean()
        factor = (from_middle.conj() * picture).sum() / (abs(from_middle) ** 2).sum()
        factors.append(factor)
        places.append(picture.mean() + factor * (MIDDLE_MM - board.mean()))
    t_s = [(look.exposed_ns - looks[0].exposed_ns) / 1e9 for look in looks]
    return Ride(
        tuple(looks),
        np.array(t_s, np.float64),
        np.array(factors, np.complex128),
        np.array(places, np.complex128),
    )


def _cuts(whole: Ride) -> list[int]:
    """Return where passes begin, and the end."""
    steps, gaps_s = np.diff(whole.at_px), np.diff(whole.t_s)
    turns = np.angle(whole.factor[1:] / whole.factor[:-1])
    cut = (gaps_s * 1e9 > _GAP_NS) | (abs(turns) > _TURN_RAD)
    if not cut.all():
        usual = complex(np.median(steps[~cut].real), np.median(steps[~cut].imag))
        if usual:
            cut |= _goes_back((whole.at_px * usual.conjugate() / abs(usual)).real)
    return [0, *(int(index) + 1 for index in np.flatnonzero(cut)), len(whole.looks)]


def _goes_back(along_px: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether the board was laid further back after each look; a single wrong look is not that."""
    next_px = along_px[1:]
    after_next_px = np.append(along_px[2:], along_px[-1])
    return np.asarray(np.maximum(next_px, after_next_px) < along_px[:-1] - _BACK_PX)


def _within(count: int, first: int, last: int) -> npt.NDArray[np.bool_]:
    places = np.arange(count)
    return np.asarray((places >= first) & (places < last))


def _steady(ride: Ride) -> Ride:
    """Leave out the looks that do not keep to the pass's even motion."""
    half = len(ride.looks) // 2
    if half < 2:
        return ride
    every = max(1, half // _TRIALS)
    slopes = (ride.at_px[half:] - ride.at_px[:-half]) / (ride.t_s[half:] - ride.t_s[:-half])
    # Of the slopes between two looks the one that half of all looks keep to best: up to half of
    # them may be wrong.
    rests = ride.at_px - slopes[::every, np.newaxis] * ride.t_s
    rests -= np.median(rests.real, axis=1)[:, np.newaxis]
    rests -= 1j * np.median(rests.imag, axis=1)[:, np.newaxis]
    offs = abs(rests)
    usual = np.median(offs, axis=1)
    best = int(usual.argmin())
    return ride.some(np.asarray(offs[best] <= max(_OFF_PX, _OFF_TIMES * float(usual[best]))))
