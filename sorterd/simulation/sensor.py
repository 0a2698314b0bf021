"""Light and sensor: what happens to a picture between the surface and the pixels.

The lamp drifts slowly, the lens darkens the corners, movement smears, the sensor adds noise. Noise
is drawn once and laid over each picture at a place that follows from the seed and the instant,
so the same instant always gives the same pixels.
"""

from functools import lru_cache
from math import floor, pi, sin

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.simulation.scene import Look
from sorterd.simulation.surface import Picture
from sorterd.simulation.travel import NS_PER_MS

# The noise can be shifted by this many pixels either way: 16,384 different pictures of it.
_SHIFTS_PX = 128


class Sensor:
    """Turns what lies there into what the camera gives. One thread at a time.

    Args:
        length_px: Columns of the pictures it is given.
        across_px: Rows of the pictures it is given.
        look: Light and noise.
        rng: Noise and the phase of the drift.
    """

    def __init__(
        self, length_px: int, across_px: int, look: Look, rng: np.random.Generator
    ) -> None:
        self._look = look
        self._phase, self._faster_phase = rng.uniform(0, 2 * pi, 2)
        self._seed = int(rng.integers(2**32))
        self._shape = (across_px, length_px)
        self._vignette = _vignette(across_px, length_px, look.vignette_frac)
        tile = rng.standard_normal((across_px + _SHIFTS_PX, length_px + _SHIFTS_PX, 3), np.float32)
        noise = np.rint(tile * np.float32(look.noise_levels))
        # Brighter and darker apart: both fit uint8, where adding is fastest.
        self._brighter = np.clip(noise, 0, 255).astype(np.uint8)
        self._darker = np.clip(-noise, 0, 255).astype(np.uint8)

    def light_frac(self, t_ns: int) -> float:
        """Return the lamp's brightness at `t_ns` after the start; 1 is its mean."""
        swing = 2 * pi * t_ns / (self._look.light_period_ms * NS_PER_MS)
        slow, faster = sin(swing + self._phase), sin(3.3 * swing + self._faster_phase)
        return 1 + self._look.light_drift_frac * (0.75 * slow + 0.25 * faster)

    def expose(self, picture: Picture, t_ns: int) -> None:
        """Light the picture and add noise, in place.

        Args:
            picture: uint8[across_px, length_px, 3].
            t_ns: The instant, nanoseconds after the start.
        """
        gain = self.light_frac(t_ns) / 255
        cv2.multiply(picture, self._vignette, dst=picture, scale=gain)
        rng = np.random.default_rng((self._seed, max(0, t_ns)))
        top, left = rng.integers(0, _SHIFTS_PX, 2)
        rows, columns = self._shape
        place = np.s_[top : top + rows, left : left + columns]
        cv2.add(picture, self._brighter[place], dst=picture)
        cv2.subtract(picture, self._darker[place], dst=picture)


def smeared(picture: Picture, smear_px: float) -> Picture:
    """Return the picture as a sensor sees it while it moves by `smear_px` along the columns."""
    if smear_px < 0.25:  # less is not to be seen after rounding to 8 bits
        return picture
    # In twentieths of a pixel, so that a belt's jitter does not ask for a new kernel each time.
    kernel = _smear_kernel(round(smear_px * 20))
    return np.asarray(cv2.filter2D(picture, -1, kernel), np.uint8)


@lru_cache(maxsize=256)
def _smear_kernel(smear_twentieths: int) -> npt.NDArray[np.float32]:
    """A box of the smear's length, its ends shared between pixels; the sum is 1."""
    reach_px = smear_twentieths / 40
    side = floor(reach_px + 0.5)
    offsets = np.arange(-side, side + 1)
    covered = np.minimum(offsets + 0.5, reach_px) - np.maximum(offsets - 0.5, -reach_px)
    weights = np.clip(covered, 0, 1)
    return np.asarray(weights / weights.sum(), np.float32)[np.newaxis]


def _vignette(across_px: int, length_px: int, darker_frac: float) -> Picture:
    """Brightness by place, uint8[across_px, length_px, 3]; 255 in the middle."""
    rows = (np.arange(across_px) + 0.5) / across_px * 2 - 1
    columns = (np.arange(length_px) + 0.5) / length_px * 2 - 1
    to_corner = (rows[:, np.newaxis] ** 2 + columns[np.newaxis] ** 2) / 2
    level = np.rint(255 * (1 - darker_frac * to_corner)).astype(np.uint8)
    return np.repeat(level[..., np.newaxis], 3, axis=2)
