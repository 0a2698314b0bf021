"""The learned picture of the empty belt: what each place looks like, and how much it varies.

Two numbers a place and channel: a mean, and the mean distance from it (the spread). Where a
scratched or patterned belt runs under the camera the spread grows to what the pattern does, and a
difference counts only past a multiple of it. Places under a piece are never learned, so a piece on
a stopped belt does not fade; but the light there changes as it does everywhere else, so one gain
for the whole picture is followed quickly and applied to all places.

Everything lives on the *fine* grid (every n-th pixel of the view); the *coarse* grid is every
second place of the fine one, so that a quick look and a close look compare with the same numbers.
The picture is learned a band of rows at a time, in turn, so that no frame pays for all of it.
Nothing here reads a clock: speed of learning follows from the exposure instants alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.vision.grids import Mask, Part, Picture, sampled

_START_NS = 500_000_000
# A median of nine pictures is right where the belt shows in five; fewer than five vote badly.
_START_PICTURES = 9
_START_FEWEST = 5
# A band costs about as much as a quick look.
_BANDS = 8
# Every place is learned so many times in its time constant: then one look moves it by a sixteenth
# and its mean is as steady as that of 32 looks. But no oftener than four times a second.
_LOOKS = 16
_STEP_NS = 250_000_000
# After a gap in the pictures one look must not count for all of the gap.
_LONGEST_STEP_NS = 5_000_000_000
# A lamp that warms up or a cloud moves the whole picture within seconds.
_LEVEL_NS = 1_000_000_000
# A tenth of a level where the belt is mid grey.
_LEAST_GAIN = 0.001
# Four mean distances are 3.2 standard deviations of a normal spread.
_SPREADS = 4.0
# Two pictures of a running belt differ by 1.4 spreads (so does noise alone); below one, it stands.
# Every fourth row tells.
_STILL_SPREADS = 1.0
_STILL_SLOWER = 200
_STILL_ROWS = 4
# The gain of the light is not read off a remainder of the belt.
_LEAST_BELT_FRAC = 0.3
# The spread is evened out over a square of so many places each way around each.
_EVENED = 2


_Channels = tuple[float, float, float]
_SAME: _Channels = (1.0, 1.0, 1.0)


@dataclass(slots=True, eq=False)
class Band:
    """Some rows of the learned picture, which are learned together.

    Attributes:
        rows: Which rows of the fine grid; the first is even, as is their number.
        learned_ns: When it was last learned, by the exposure's instant.
        gain: What the light has changed by since, a factor for each channel; the next learning
            takes it up.
        last: Every few rows of the picture that it was last learned from.
        spread: Mean spread of its places, grey levels, the sum of the channels.
    """

    rows: slice
    learned_ns: int
    gain: _Channels
    last: Picture
    spread: float


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
        self._bands: list[Band]
        self.forget()

    def forget(self) -> None:
        """Start again from nothing."""
        self.ready = False
        self._gathered: list[Picture] = []
        self._started_ns = 0
        self._learned_ns = 0
        self._levelled_ns = 0
        self._turn = 0

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
        self._begin(fine, exposed_ns)
        self._gathered = []
        self.ready = True

    def level_due(self, exposed_ns: int) -> bool:
        """Return whether `follow_level` is worth its while again."""
        return exposed_ns - self._levelled_ns >= _STEP_NS

    def follow_level(self, coarse: Picture, open_to: Mask | None, exposed_ns: int) -> None:
        """Follow the light a little way to what it is in one more picture.

        Args:
            coarse: The view on the coarse grid.
            open_to: Above 0 where belt shows on it; None: everywhere.
            exposed_ns: When it was exposed.
        """
        elapsed_ns = min(exposed_ns - self._levelled_ns, _LONGEST_STEP_NS)
        self._levelled_ns = exposed_ns
        if open_to is not None and cv2.countNonZero(open_to) < _LEAST_BELT_FRAC * open_to.size:
            return
        seen, known = cv2.mean(coarse, open_to)[:3], cv2.mean(self.coarse_mean, open_to)[:3]
        share = -math.expm1(-elapsed_ns / _LEVEL_NS)
        gains = [band.gain for band in self._bands]
        # Some bands have yet to take up what was followed before. One grey level keeps a black
        # picture from dividing by nothing.
        gain = [
            1.0 + share * ((new + 1.0) / (old * sum(taken) / len(taken) + 1.0) - 1.0)
            for new, old, taken in zip(seen, known, zip(*gains, strict=True), strict=True)
        ]
        for band in self._bands:
            blue, green, red = (had * more for had, more in zip(band.gain, gain, strict=True))
            band.gain = blue, green, red

    def take_turns(self, exposed_ns: int) -> list[Band]:
        """Return the bands whose turn has come; each must then be given to `learn`."""
        turn_ns = max(_STEP_NS, self._constant_ns(exposed_ns) // _LOOKS) // len(self._bands)
        turns = (exposed_ns - self._learned_ns) // turn_ns
        if turns >= len(self._bands):
            self._learned_ns = exposed_ns
            return self._bands
        self._learned_ns += turns * turn_ns
        first, self._turn = self._turn, (self._turn + turns) % len(self._bands)
        return [self._bands[(first + turn) % len(self._bands)] for turn in range(turns)]

    def learn(self, band: Band, fine: Picture, keep_out: Mask | None, exposed_ns: int) -> None:
        """Move a band towards one more picture, except under pieces.

        The share it moves by is 1 - exp(-elapsed / time constant), so pictures far apart teach
        as much in the same time as pictures close together.

        Args:
            band: From `take_turns`.
            fine: Its rows of the view on the fine grid.
            keep_out: Where pieces lie in these rows, with their surroundings; None if nowhere.
            exposed_ns: When it was exposed.
        """
        elapsed_ns = min(exposed_ns - band.learned_ns, _LONGEST_STEP_NS)
        band.learned_ns = exposed_ns
        exact, mean = self._exact[band.rows], self.mean[band.rows]
        if max(abs(gain - 1.0) for gain in band.gain) > _LEAST_GAIN:
            _scale(exact, band.gain)
            cv2.convertScaleAbs(exact, dst=mean)
            band.gain = _SAME
        constant_ns = self._constant_ns(exposed_ns)
        if exposed_ns - self._started_ns > self._learn_ns and _stands(band, fine):
            # A pattern that stands still must not be learned as all there is to the belt.
            constant_ns *= _STILL_SLOWER
        share = -math.expm1(-elapsed_ns / constant_ns)
        open_to = None if keep_out is None else cv2.bitwise_not(keep_out)
        distance = cv2.absdiff(fine, mean)
        cv2.accumulateWeighted(distance, self._spread[band.rows], share, open_to)
        cv2.accumulateWeighted(fine, exact, share, open_to)
        band.last = fine[::_STILL_ROWS]
        self._round(band)

    def relevel(self, gain: npt.NDArray[np.float64], offset: npt.NDArray[np.float64]) -> None:
        """Follow a change of light at once.

        Args:
            gain: float64[3], a factor for each channel.
            offset: float64[3], grey levels added afterwards.
        """
        _scale(self._exact, gain.tolist())
        self._exact += offset.astype(np.float32)
        np.clip(self._exact, 0.0, 255.0, out=self._exact)
        _scale(self._spread, gain.tolist())
        for band in self._bands:
            self._round(band)

    def replace(self, part: Part, fine: Picture, places: Mask) -> None:
        """Take some places of a picture for the belt at once: no piece lies there after all.

        Args:
            part: Which part of the view; begins at even rows and columns.
            fine: The picture there.
            places: Which of its places.
        """
        chosen = places > 0
        self._exact[part][chosen] = fine[chosen]
        self.mean[part][chosen] = fine[chosen]
        self.coarse_mean[part[0].start // 2 : part[0].stop // 2] = self.mean[part[0]][::2, ::2]

    def _begin(self, fine: Picture, exposed_ns: int) -> None:
        middle = _median(self._gathered)
        self._exact = middle.astype(np.float32)
        self._spread = np.zeros_like(self._exact)
        for picture in self._gathered:
            cv2.accumulate(cv2.absdiff(picture, middle), self._spread)
        self._spread /= len(self._gathered)
        self.mean, self.margin = middle, np.empty_like(middle)
        self.coarse_mean, self.coarse_margin = middle[::2, ::2].copy(), middle[::2, ::2].copy()
        self._levelled_ns = exposed_ns
        height = fine.shape[0]
        rows = 2 * math.ceil(height / (2 * _BANDS))
        self._bands = [
            Band(part, exposed_ns, _SAME, fine[part][::_STILL_ROWS], 0.0)
            for part in (slice(top, min(top + rows, height)) for top in range(0, height, rows))
        ]
        for band in self._bands:
            self._round(band)

    def _constant_ns(self, exposed_ns: int) -> int:
        # Young, it is the plain average of all it has seen; that heals a poor start in seconds.
        return min(self._learn_ns, max(exposed_ns - self._started_ns, _START_NS))

    def _round(self, band: Band) -> None:
        rows = band.rows
        cv2.convertScaleAbs(self._exact[rows], dst=self.mean[rows])
        above = max(rows.start - _EVENED, 0)
        spread = self._spread[above : rows.stop + _EVENED]
        wide = cv2.convertScaleAbs(spread, alpha=_SPREADS)
        coarse = slice(rows.start // 2, rows.stop // 2)
        size = self.mean.shape[1] // 2, coarse.stop - coarse.start
        self.margin[rows] = self.coarse_margin[coarse] = self._sensitivity
        if wide.max() > self._sensitivity:
            # Neighbours are the same belt: their mean spread is steadier than each one's own.
            evened = cv2.blur(wide, (2 * _EVENED + 1, 2 * _EVENED + 1))
            own = evened[rows.start - above : rows.stop - above]
            cv2.max(own, self.margin[rows], dst=self.margin[rows])
            sampled(self.margin[rows], size, self.coarse_margin[coarse])
        sampled(self.mean[rows], size, self.coarse_mean[coarse])
        band.spread = sum(cv2.mean(wide[::_STILL_ROWS])) / _SPREADS


def _stands(band: Band, fine: Picture) -> bool:
    moved = sum(cv2.mean(cv2.absdiff(fine[::_STILL_ROWS], band.last)))
    return moved < _STILL_SPREADS * band.spread


def _scale(exact: npt.NDArray[np.float32], gain: Sequence[float]) -> None:
    """Multiply every place by a factor for each channel."""
    # A row at a time: numpy takes nine times as long over three channels at a time.
    flat = exact.reshape(exact.shape[0], -1)
    flat *= np.tile(np.array(gain, np.float32), exact.shape[1])


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
