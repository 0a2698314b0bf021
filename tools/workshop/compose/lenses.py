"""The camera over a composed scene: one lamp, one lens, one sensor, the same for all its pictures.

What is fixed for a camera (colour cast, exposure, slope of light, corners, defocus) is drawn once;
what changes from picture to picture (noise, a flicker of the lamp) is drawn anew. So pictures of
the same empty ground differ as much as a still camera's do, and no more.
"""

from dataclasses import dataclass
from math import cos, hypot, sin

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.simulation.sensor import smeared
from tools.workshop.compose.recipes import CameraRules

Pixels = npt.NDArray[np.uint8]
_Plane = npt.NDArray[np.float32]

# Contrast turns about this level: middle grey.
_MIDDLE = 110.0
# The brightest that an empty ground is on average.
_MOST_LEVEL = 200.0


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """One camera over one scene.

    Attributes:
        light: float32[H, W, 3], factors: exposure, cast, slope, corners.
        contrast: Factor on the distance from middle grey.
        defocus_px: Standard deviation of the lens's blur.
        smear_px: How far all that lies on the ground moves along the columns in one exposure.
        noise_levels: Standard deviation of the noise in middle grey.
        flicker_frac: Spread of the light from picture to picture.
    """

    light: _Plane
    contrast: float
    defocus_px: float
    smear_px: float
    noise_levels: float
    flicker_frac: float

    def see(
        self,
        scene: npt.NDArray[np.float32] | Pixels,
        rng: np.random.Generator,
        rails: Pixels,
    ) -> Pixels:
        """Take one picture.

        Args:
            scene: float32 or uint8[H, W, 3], BGR, 0 to 255, as it lies there.
            rng: Noise and flicker.
            rails: uint8[h, W, 3] that do not move, over the first h rows and, upside down, over
                the last; h may be 0.

        Returns:
            uint8[H, W, 3], BGR.
        """
        still = smeared(np.clip(np.rint(scene), 0, 255).astype(np.uint8), self.smear_px)
        still[: len(rails)] = rails
        still[len(still) - len(rails) :] = rails[::-1]
        seen = still.astype(np.float32)
        if self.defocus_px >= 0.25:  # less is not to be seen after rounding to 8 bits
            seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), self.defocus_px), np.float32)
        seen = (seen - np.float32(_MIDDLE)) * np.float32(self.contrast) + np.float32(_MIDDLE)
        seen *= self.light * np.float32(1 + rng.normal(0, self.flicker_frac))
        # Shot noise: its variance grows with the light; a tenth is the sensor's own.
        spread = np.sqrt(0.1 + 0.9 * np.clip(seen, 0, 255) / np.float32(_MIDDLE))
        noise = rng.standard_normal(seen.shape, np.float32) * np.float32(self.noise_levels)
        return np.asarray(np.clip(np.rint(seen + noise * spread), 0, 255), np.uint8)


def draw_camera(
    rules: CameraRules,
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    ground_level: float,
    smear_px: float,
    flicker_frac: float,
) -> Camera:
    """Choose a camera.

    Args:
        rules: From what.
        shape: Rows and columns of its pictures.
        rng: Decides.
        ground_level: Mean brightness of the empty ground, 0 to 255; exposure is set by it.
        smear_px: Goes to the camera.
        flicker_frac: Goes to the camera.
    """
    warmth, tint = rng.normal(0, rules.warmth_frac), rng.normal(0, rules.warmth_frac / 2)
    # As automatic exposure does, a light belt is not let run into white.
    exposure = min(rng.uniform(*rules.brightness), _MOST_LEVEL / max(1.0, ground_level))
    gains = np.array([1 - warmth, 1 + tint, 1 + warmth]) * exposure
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(*rules.slope_frac)
    along = columns * np.float32(cos(angle)) + rows * np.float32(sin(angle))
    corners = (rows**2 + columns**2) / np.float32(2) * np.float32(rng.uniform(*rules.vignette_frac))
    plane = (1 + np.float32(slope) * along / np.float32(hypot(1, 1))) * (1 - corners)
    return Camera(
        light=np.asarray(plane[:, :, None] * gains.clip(0.05), np.float32),
        contrast=rng.uniform(*rules.contrast),
        defocus_px=rng.uniform(*rules.defocus_px),
        smear_px=smear_px,
        noise_levels=rng.uniform(*rules.noise_levels),
        flicker_frac=flicker_frac,
    )
