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
from sorterd.calibration.passes import slope
from sorterd.calibration.results import said
from sorterd.core.belt import Direction
from sorterd.vision.lettering import measured, shade, write
from sorterd.vision.plan import AMBER, FAINT, INK, PAPER, RED, Colour

Picture = npt.NDArray[np.uint8]

_GREEN: Final[Colour] = (96, 190, 100)
_TEXT: Final = 0.45
_PLOT: Final = (640, 200)
_MAP_PX: Final = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 26, 22
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
        cv2.circle(canvas, at, 6, _GREEN, 1, cv2.LINE_AA)
        cv2.circle(canvas, at, 1, _GREEN, -1, cv2.LINE_AA)
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
    unit = fit.velocity_px_s / abs(fit.velocity_px_s)
    scale = fit.mm_per_px.value
    tracks = [
        (ride.t_s - ride.t_s[0], ((ride.at_px - ride.at_px[0]) * unit.conjugate()).real * scale)
        for ride in fit.rides
    ]
    title = f"way of the board, mm, over seconds: {len(tracks)} passes, {fit.looks} frames"
    return _plot(title, tracks, lines=True)


def _off_line(fit: BeltFit) -> Picture:
    """How far each look lies from its pass's even run."""
    unit = fit.velocity_px_s / abs(fit.velocity_px_s)
    tracks = []
    for ride in fit.rides:
        rest = (ride.at_px - slope(ride) * ride.t_s) * unit.conjugate() * fit.mm_per_px.value
        tracks.append((ride.t_s - ride.t_s[0], (rest - rest.mean()).real))
    return _plot(
        "off an even run, mm: an uneven belt waves, a tilted camera bows", tracks, lines=False
    )


def _plot(
    title: str,
    tracks: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    *,
    lines: bool,
) -> Picture:
    canvas = _panel(_PLOT[0], _PLOT[1], title)
    last_s = max(float(t_s[-1]) for t_s, _ in tracks) or 1.0
    low = min(float(values.min()) for _, values in tracks)
    high = max(float(values.max()) for _, values in tracks)
    high = high if high > low else low + 1.0
    wide, tall = _PLOT[0] - _LEFT - _RIGHT, _PLOT[1] - _TOP - _BOTTOM

    def place(t_s: float, value: float) -> tuple[int, int]:
        up = (value - low) / (high - low)
        return round(_LEFT + t_s / last_s * wide), round(_TOP + (1 - up) * tall)

    for value in (low, (low + high) / 2, high):
        y = place(0, value)[1]
        cv2.line(canvas, (_LEFT, y), (_PLOT[0] - _RIGHT, y), FAINT, 1)
        text = measured(f"{value:.{0 if high - low > 20 else 2}f}", 0.38)
        write(canvas, text, _LEFT - text.width_px - 6, y + 4, FAINT)
    for t_s, values in tracks:
        points = [place(float(t), float(value)) for t, value in zip(t_s, values, strict=True)]
        if lines:
            cv2.line(canvas, points[0], points[-1], AMBER, 1, cv2.LINE_AA)
        for at in points:
            cv2.circle(canvas, at, 2, _GREEN, -1, cv2.LINE_AA)
    write(canvas, measured("0 s", 0.38), _LEFT, _PLOT[1] - 6, FAINT)
    end = measured(f"{last_s:.1f} s", 0.38)
    write(canvas, end, _PLOT[0] - _RIGHT - end.width_px, _PLOT[1] - 6, FAINT)
    return canvas


def _map(fit: BeltFit, width_px: int, height_px: int) -> Picture:
    """Every corner where it was seen, coloured by how far off the station would place it."""
    scale = _MAP_PX / width_px
    canvas = _panel(
        _MAP_PX, round(height_px * scale) + _TOP,
        f"where places are off: green 0, red {_WORST_MM:g} mm; 95 of 100 below"
        f" {fit.squareness.off_mm:.2f} mm",
    )  # fmt: skip
    at_px, off_mm = misplaced(fit)
    for at, off in zip(at_px, off_mm, strict=True):
        share = min(1.0, float(off) / _WORST_MM)
        colour = [round(g + share * (r - g)) for g, r in zip(_GREEN, RED, strict=True)]
        x, y = round(at.real * scale), round(at.imag * scale) + _TOP
        cv2.circle(canvas, (x, y), 2, colour, -1, cv2.LINE_AA)
    return canvas


def _panel(width_px: int, height_px: int, title: str) -> Picture:
    canvas = np.empty((height_px, width_px, 3), np.uint8)
    canvas[:] = INK
    write(canvas, measured(title, 0.42, room_px=width_px - 16), 8, 17, PAPER)
    return canvas
