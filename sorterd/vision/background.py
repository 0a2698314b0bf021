"""The learned picture of the empty belt: what each place looks like, and how much it varies.

Two numbers a place and channel: a mean, and the mean distance from it (the spread). Where a
scratched or patterned belt runs under the camera the spread grows to what the pattern does, and a
difference counts only past a multiple of it. Places under a piece are never learned, so a piece on
a stopped belt does not fade; but the light there changes as it does everywhere else, so one gain
for the whole picture is followed quickly and applied to all places.

Everything lives on the *fine* grid (every n-th pixel of the view); the *coarse* grid is every
second place of the fine one, so that a quick look and a close look compare with the same numbers.
Nothing here reads a clock: speed of learning follows from the exposure instants alone.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.vision.grids import Mask, Part, Picture, sampled

_START_NS = 500_000_000
# A median of nine pictures is right where the belt shows in five; fewer than five vote badly.
_START_PICTURES = 9
_START_FEWEST = 5
# Learning costs about ten quick looks, so it is done four times a second: often enough for 20 s.
_STEP_NS = 250_000_000
# After a gap in the pictures one look must not count for all of the gap.
_LONGEST_STEP_NS = 5_000_000_000
# A lamp that warms up or a cloud moves the whole picture within seconds.
_LEVEL_NS = 1_000_000_000
# Four mean distances are 3.2 standard deviations of a normal spread.
_SPREADS = 4.0
# Two pictures of a running belt differ by 1.4 spreads (so does noise alone); below one, it stands.
_STILL_SPREADS = 1.0
_STILL_SLOWER = 200
# The gain of the light is not read off a remainder of the belt.
_LEAST_BELT_FRAC = 0.3


class Background:
    """Mean and spread of an empty belt. One thread; at first it is not `ready`.

    Args:
        sensitivity: Smallest difference that counts, grey levels.
        learn_ns: Time constant of each place's own learning, nanoseconds.

    Attributes:
        mean: uint8[H, W, 3], the empty belt on the fine grid.
        margin: uint8[H, W, 3], differences up to this are the belt's own.
        coarse_mean: uint8[H/2, W/2, 3].
        coarse_margin: uint8[H/2, W/2, 3].
    """

    mean: Picture
    margin: Picture
    coarse_mean: Picture
    coarse_margin: Picture

    def __init__(self, *, sensitivity: int, learn_ns: int) -> None:
        self._sensitivity = sensitivity
        self._learn_ns = learn_ns
        self._exact: npt.NDArray[np.float32]
        self._spread: npt.NDArray[np.float32]
        self._last: Picture
        self.forget()

    def forget(self) -> None:
        """Start again from nothing."""
        self.ready = False
        self._gathered: list[Picture] = []
        self._started_ns = 0
        self._learned_ns = 0

    def gather(self, fine: Picture, exposed_ns: int) -> None:
        """Take one of the first pictures; `ready` turns true with the last that is needed.

        The mean begins as the median of pictures spread over half a second, so what passes by
        in that time leaves no trace.

        Args:
            fine: The view on the fine grid. Kept.
            exposed_ns: When it was exposed.
        """
        if not self._gathered:
            self._started_ns = exposed_ns
        elif exposed_ns - self._learned_ns < _START_NS // (_START_PICTURES - 1):
            return
        self._gathered.append(fine)
        self._learned_ns = exposed_ns
        long_enough = exposed_ns - self._started_ns >= _START_NS
        if len(self._gathered) < _START_FEWEST or not long_enough:
            return
        middle = _median(self._gathered)
        self._exact = middle.astype(np.float32)
        self._spread = np.zeros_like(self._exact)
        for picture in self._gathered:
            cv2.accumulate(cv2.absdiff(picture, middle), self._spread)
        self._spread /= len(self._gathered)
        self._gathered = []
        self._last = fine
        self.ready = True
        self._round()

    def due(self, exposed_ns: int) -> bool:
        """Return whether `learn` is worth its while again."""
        return exposed_ns - self._learned_ns >= _STEP_NS

    def learn(self, fine: Picture, keep_out: Mask | None, exposed_ns: int) -> None:
        """Move towards one more picture, except under pieces.

        The share it moves by is 1 - exp(-elapsed / time constant), so pictures far apart teach
        as much in the same time as pictures close together.

        Args:
            fine: The view on the fine grid. Kept.
            keep_out: Where pieces lie, with their surroundings; None if nowhere.
            exposed_ns: When it was exposed.
        """
        elapsed_ns = min(exposed_ns - self._learned_ns, _LONGEST_STEP_NS)
        self._learned_ns = exposed_ns
        open_to = None if keep_out is None else np.asarray(cv2.bitwise_not(keep_out), np.uint8)
        self._follow_level(fine, open_to, elapsed_ns)
        # Young, it is the plain average of all it has seen; that heals a poor start in seconds.
        age_ns = exposed_ns - self._started_ns
        constant_ns = min(self._learn_ns, max(age_ns, _START_NS))
        if age_ns > self._learn_ns and self._stands(fine):
            # A pattern that stands still must not be learned as all there is to the belt.
            constant_ns *= _STILL_SLOWER
        share = -math.expm1(-elapsed_ns / constant_ns)
        cv2.accumulateWeighted(cv2.absdiff(fine, self.mean), self._spread, share, open_to)
        cv2.accumulateWeighted(fine, self._exact, share, open_to)
        self._last = fine
        self._round()

    def relevel(self, gain: npt.NDArray[np.float64], offset: npt.NDArray[np.float64]) -> None:
        """Follow a change of light at once.

        Args:
            gain: float64[3], a factor for each channel.
            offset: float64[3], grey levels added afterwards.
        """
        self._exact *= gain.astype(np.float32)
        self._exact += offset.astype(np.float32)
        np.clip(self._exact, 0.0, 255.0, out=self._exact)
        self._spread *= gain.astype(np.float32)
        self._round()

    def replace(self, part: Part, fine: Picture, places: Mask) -> None:
        """Take some places of a picture for the belt at once: no piece lies there after all.

        Args:
            part: Which part of the view.
            fine: The picture there.
            places: Which of its places.
        """
        chosen = places > 0
        self._exact[part][chosen] = fine[chosen]
        self.mean[part][chosen] = fine[chosen]

    def _follow_level(self, fine: Picture, open_to: Mask | None, elapsed_ns: int) -> None:
        if open_to is not None and cv2.countNonZero(open_to) < _LEAST_BELT_FRAC * open_to.size:
            return
        seen = np.array(cv2.mean(fine, open_to)[:3])
        known = np.array(cv2.mean(self.mean, open_to)[:3])
        # One grey level keeps a black picture from dividing by nothing.
        gain = (seen + 1.0) / (known + 1.0)
        gain = 1.0 + (gain - 1.0) * -math.expm1(-elapsed_ns / _LEVEL_NS)
        if np.abs(gain - 1.0).max() > 0.001:
            self._exact *= gain.astype(np.float32)
            self.mean = _rounded(self._exact)

    def _stands(self, fine: Picture) -> bool:
        moved = sum(cv2.sumElems(cv2.absdiff(fine, self._last)))
        return moved < _STILL_SPREADS * sum(cv2.sumElems(self._spread))

    def _round(self) -> None:
        self.mean = _rounded(self._exact)
        # Neighbours are the same belt: their mean spread is a steadier estimate than each alone.
        own = cv2.blur(cv2.convertScaleAbs(self._spread, alpha=_SPREADS), (5, 5))
        self.margin = np.maximum(own, np.uint8(self._sensitivity))
        size = (self.mean.shape[1] // 2, self.mean.shape[0] // 2)
        self.coarse_mean = sampled(self.mean, size)
        self.coarse_margin = sampled(self.margin, size)


def _rounded(exact: npt.NDArray[np.float32]) -> Picture:
    return np.asarray(cv2.convertScaleAbs(exact), np.uint8)


def _median(pictures: list[Picture]) -> Picture:
    # Odd-even sorting with whole pictures as the numbers: OpenCV's minimum and maximum are far
    # quicker than numpy's median along an axis (1 ms against 60 ms for nine half-size pictures).
    ranks: list[Picture] = list(pictures)
    for turn in range(len(ranks)):
        for low in range(turn % 2, len(ranks) - 1, 2):
            pair = ranks[low], ranks[low + 1]
            ranks[low] = np.asarray(cv2.min(*pair), np.uint8)
            ranks[low + 1] = np.asarray(cv2.max(*pair), np.uint8)
    return ranks[len(ranks) // 2]
