"""Pictures to look at after a belt was measured: the board as it was found, and the fit.

The first is a frame with the corners that were found, the way the belt runs and the edge at which
it enters: from there every gate's place is counted. The second holds the ride against the line
that was fitted, and shows where in the picture one scale is not enough.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.calibration.belt_fit import BeltFit, misplaced
from sorterd.calibration.board import Look
from sorterd.calibration.passes import Plane, slope
from sorterd.calibration.plots import GREEN, Picture, Track, panel, plot
from sorterd.calibration.results import said
from sorterd.core.belt import Direction
from sorterd.vision.lettering import measured, shade, write
from sorterd.vision.plan import AMBER, INK, RED

_TEXT: Final = 0.45
_MAP_PX: Final = 640
_TITLE_PX: Final = 26
# Off by so much is drawn as the worst.
_WORST_MM: Final = 3.0


def board_picture(pixels: Picture, look: Look, fit: BeltFit) -> Picture:
    """Return a frame with what was found in it.

    Args:
        pixels: uint8[H, W, 3], BGR. Not written.
        look: What it shows of the board.
        fit: What the belt was measured to be.
    """
    canvas = pixels.copy()
    for x, y in look.in_picture_px:
        at = round(x), round(y)
        cv2.circle(canvas, at, 6, INK, 3, cv2.LINE_AA)
        cv2.circle(canvas, at, 6, GREEN, 1, cv2.LINE_AA)
        cv2.circle(canvas, at, 1, GREEN, -1, cv2.LINE_AA)
    height_px, width_px = canvas.shape[:2]
    lines = [f"{said(fit.mm_per_px)} mm per pixel"]
    if fit.speed_mm_s is not None:
        _travel(canvas, fit)
        lines.append(
            f"{said(fit.speed_mm_s, 'mm/s')}, to the {fit.direction}".replace("the up", "the top")
        )
    shade(canvas, 0, height_px - 10 - 18 * len(lines), width_px, height_px, 0.75)
    for number, line in enumerate(reversed(lines)):
        write(canvas, measured(line, _TEXT, room_px=width_px - 16), 8, height_px - 9 - 18 * number)
    return canvas


def _travel(canvas: Picture, fit: BeltFit) -> None:
    """Draw the belt's way, and the edge at which it enters."""
    height_px, width_px = canvas.shape[:2]
    way = fit.velocity_px_s / abs(fit.velocity_px_s)
    middle = complex(width_px, height_px) / 2
    ends = middle - way * min(width_px, height_px) / 3, middle + way * min(width_px, height_px) / 3
    points = [(round(end.real), round(end.imag)) for end in ends]
    for colour, wide in ((INK, 6), (AMBER, 2)):
        cv2.arrowedLine(canvas, points[0], points[1], colour, wide, cv2.LINE_AA, tipLength=0.08)
    last_x, last_y = width_px - 1, height_px - 1
    edge = {
        Direction.RIGHT: ((0, 0), (0, last_y)),
        Direction.LEFT: ((last_x, 0), (last_x, last_y)),
        Direction.DOWN: ((0, 0), (last_x, 0)),
        Direction.UP: ((0, last_y), (last_x, last_y)),
    }[fit.direction]
    cv2.line(canvas, *edge, AMBER, 5)
    line = measured("the belt enters here: 0 mm", _TEXT)
    x = min(max(edge[0][0] - line.width_px - 12, 10), width_px - line.width_px - 10)
    y = 22 if fit.direction is not Direction.UP else height_px - 60
    shade(canvas, x - 5, y - line.height_px - 5, line.width_px + 10, line.height_px + 10, 0.75)
    write(canvas, line, x, y, AMBER)


def fit_picture(fit: BeltFit, width_px: int, height_px: int) -> Picture:
    """Return plots of the ride against its fit, and a map of where places are off.

    Args:
        fit: A belt that moved, or a board that lay still.
        width_px: Of the frames.
        height_px: Of the frames.
    """
    panels = [_map(fit, width_px, height_px)]
    if fit.speed_mm_s is not None:
        panels = [_way(fit), _off_line(fit), *panels]
    return np.vstack(panels)


def _way(fit: BeltFit) -> Picture:
    """Way along the belt over time, each pass from its own beginning."""
    speed_mm_s = abs(fit.velocity_px_s) * fit.mm_per_px.value
    tracks = []
    for ride in fit.rides:
        t_s, way_mm = ride.t_s - ride.t_s[0], _along_mm(fit, ride.at_px - ride.at_px[0])
        end_s = float(t_s[-1])
        line = (0.0, 0.0), (end_s, speed_mm_s * end_s)
        tracks.append(Track(_points(t_s, way_mm), line))
    title = f"way of the board, mm, over seconds: {len(tracks)} passes, {fit.looks} frames"
    return plot(title, tracks)


def _off_line(fit: BeltFit) -> Picture:
    """How far each look lies from its pass's even run."""
    tracks = []
    for ride in fit.rides:
        rest_mm = _along_mm(fit, ride.at_px - slope(ride) * ride.t_s)
        tracks.append(Track(_points(ride.t_s - ride.t_s[0], rest_mm - rest_mm.mean())))
    return plot("off an even run, mm: an uneven belt waves, a tilted camera bows", tracks)


def _along_mm(fit: BeltFit, way_px: Plane) -> npt.NDArray[np.float64]:
    unit = fit.velocity_px_s / abs(fit.velocity_px_s)
    return np.asarray((way_px * unit.conjugate()).real * fit.mm_per_px.value, np.float64)


def _points(
    t_s: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> list[tuple[float, float]]:
    return list(zip(t_s.tolist(), values.tolist(), strict=True))


def _map(fit: BeltFit, width_px: int, height_px: int) -> Picture:
    """Every corner where it was seen, coloured by how far off the station would place it."""
    scale = _MAP_PX / width_px
    canvas = panel(
        _MAP_PX, round(height_px * scale) + _TITLE_PX,
        f"where places are off: green 0, red {_WORST_MM:g} mm; 95 of 100 below"
        f" {fit.squareness.off_mm:.2f} mm",
    )  # fmt: skip
    at_px, off_mm = misplaced(fit)
    for at, off in zip(at_px, off_mm, strict=True):
        share = min(1.0, float(off) / _WORST_MM)
        colour = [round(g + share * (r - g)) for g, r in zip(GREEN, RED, strict=True)]
        x, y = round(at.real * scale), round(at.imag * scale) + _TITLE_PX
        cv2.circle(canvas, (x, y), 2, colour, -1, cv2.LINE_AA)
    return canvas
