"""The belt that every chapter looks at: the same pieces, drawn by the project itself, on and on.

Frames are 1/30 s apart on a belt that runs to the right at 200 mm/s. A lane's pieces repeat after
as many frames as there are, so the frames can be shown round and round without a jump of a piece.
What is shown is fixed by the seed. The light stands still: what a station makes of its drift is
not what a bench asks.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.simulation.cutout import Cutout, cut_out, lay, outline_mm, turned
from sorterd.simulation.drawings import LABELS, draw
from sorterd.simulation.scene import Look
from sorterd.simulation.sensor import Sensor, smeared
from sorterd.simulation.sprites import Sprite
from sorterd.simulation.surface import Surface, rail

Pixels = npt.NDArray[np.uint8]

FRAME_HZ: Final = 30
FRAME_NS: Final = 1_000_000_000 // FRAME_HZ
WIDTH_PX: Final = 640
HEIGHT_PX: Final = 480
SPEED_MM_S: Final = 200.0
MM_PER_PX: Final = 0.5
WARM_UP: Final = 20
"""Frames of empty belt to show first: a station learns its belt for half a second (15 frames)."""
USUAL_COUNT: Final = 84
"""Frames after which lanes repeat without stretching any gap: 42, or a whole multiple of it."""
MOST_PIECES: Final = 8

_TRAVEL_PX: Final = SPEED_MM_S / MM_PER_PX / FRAME_HZ
# A piece is this long: one piece in each 560 px of a lane then keeps exactly one whole in view.
_LONG_PX: Final = 78
_PITCH_PX: Final = 560
# Across the belt a piece may be this wide; four lanes of 112 px keep pieces well apart.
_WIDE_PX: Final = (52, 92)
_RAIL_PX: Final = 16
# Of a drawing: thinner things are found, but their box says little about their size.
_LEAST_ASPECT: Final = 0.5
# How far a scene's exposure of 4 ms smears a belt of 200 mm/s.
_SMEAR_PX: Final = 1.6


def belt_frames(pieces: int, *, count: int = USUAL_COUNT, seed: int = 1) -> list[Pixels]:
    """Draw consecutive frames of a belt that always has so many whole pieces in view.

    Others are coming in or going out meanwhile. No two touch.

    Args:
        pieces: 0 to 8. With one there is one lane, up to four there are two, else four.
        count: How many frames, 1 or more; 0.9 MB each. `USUAL_COUNT`, or another multiple of 42,
            keeps the number of pieces exact when the frames are shown round and round.
        seed: Chooses the drawings, their places and the belt's wear.

    Returns:
        uint8[480, 640, 3] each, BGR; they cannot be written to.

    Raises:
        ValueError: More pieces than a view holds, or no frame.
    """
    if not 0 <= pieces <= MOST_PIECES or count < 1:
        raise ValueError(f"{count} frames of {pieces} pieces: 1 or more of 0 to {MOST_PIECES}")
    belt = _Belt(seed)
    lying = _lying(pieces, count, seed)
    numbers = tqdm(range(count), desc=f"drawing a belt, {pieces} pieces", leave=False, delay=1)
    return [belt.picture(number, lying) for number in numbers]


def empty_frames(count: int = WARM_UP, *, seed: int = 1) -> list[Pixels]:
    """Draw the same belt with nothing on it; see `belt_frames`."""
    return belt_frames(0, count=count, seed=seed)


@dataclass(frozen=True, slots=True, eq=False)
class _Lying:
    """A drawing on the belt.

    Attributes:
        cutout: Ready to be laid down.
        angle_deg: How it is turned.
        begins_px: Its middle, along, in frame 0.
        across_px: Its middle, across.
        period_px: Where it comes again.
    """

    cutout: Cutout
    angle_deg: float
    begins_px: float
    across_px: float
    period_px: float


class _Belt:
    """The surface with light and noise."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng((seed, 0))
        look = Look(light_drift_frac=0.0)
        self._surface = Surface(WIDTH_PX, HEIGHT_PX, MM_PER_PX, look, rng, joint=False)
        self._rail = rail(WIDTH_PX, _RAIL_PX, rng)
        self._sensor = Sensor(WIDTH_PX, HEIGHT_PX, look, rng)

    def picture(self, number: int, lying: list[_Lying]) -> Pixels:
        travel_px = number * _TRAVEL_PX
        canvas = self._surface.cut(travel_px * MM_PER_PX)
        for each in lying:
            # From well before the picture to well behind it, then again from the start.
            along_px = (each.begins_px + travel_px + _LONG_PX) % each.period_px - _LONG_PX
            while along_px < WIDTH_PX + _LONG_PX:
                middle_px = (along_px, each.across_px)
                lay(canvas, each.cutout, middle_px, each.angle_deg)
                along_px += each.period_px
        canvas = smeared(canvas, _SMEAR_PX)
        canvas[:_RAIL_PX] = self._rail
        canvas[-_RAIL_PX:] = self._rail[::-1]
        self._sensor.expose(canvas, number * FRAME_NS)
        canvas.setflags(write=False)
        return canvas


def _lying(pieces: int, count: int, seed: int) -> list[_Lying]:
    """Fill the lanes for one round of so many frames."""
    if pieces == 0:
        return []
    lanes = 1 if pieces == 1 else 2 if pieces <= 4 else 4
    round_px = count * _TRAVEL_PX
    pitch_px = _PITCH_PX * lanes / pieces
    in_lane = max(1, round(round_px / pitch_px))
    lane_px = (HEIGHT_PX - 2 * _RAIL_PX) / lanes
    rng = np.random.default_rng((seed, 1))
    lying: list[_Lying] = []
    for lane in range(lanes):
        for place in range(in_lane):
            cutout, angle_deg = _drawn(LABELS[len(lying) % len(LABELS)], rng)
            lying.append(
                _Lying(
                    cutout=cutout,
                    angle_deg=angle_deg,
                    # Lanes are shifted against each other, so that pieces enter one by one.
                    begins_px=round_px / in_lane * (place + lane / lanes),
                    across_px=_RAIL_PX + lane_px * (lane + 0.5),
                    period_px=round_px,
                )
            )
    return lying


def _drawn(label: str, rng: np.random.Generator) -> tuple[Cutout, float]:
    """Draw a piece, turn it a little and bring it to the length that every piece has here."""
    while True:
        sprite = draw(label, rng)
        angle_deg = float(rng.uniform(-25, 25) + 90 * rng.integers(4))
        extent_mm = np.ptp(turned(outline_mm(sprite), angle_deg), axis=0)
        enlarged = _LONG_PX * MM_PER_PX / float(extent_mm[0])
        wide_px = float(extent_mm[1]) * enlarged / MM_PER_PX
        sides = sorted((sprite.length_mm, sprite.width_mm))
        if _WIDE_PX[0] <= wide_px <= _WIDE_PX[1] and sides[0] >= _LEAST_ASPECT * sides[1]:
            return _cut_out(sprite, enlarged), angle_deg


def _cut_out(sprite: Sprite, enlarged: float) -> Cutout:
    sized = replace(
        sprite, length_mm=sprite.length_mm * enlarged, width_mm=sprite.width_mm * enlarged
    )
    return cut_out(sized, MM_PER_PX, Look().shadow_frac)
