"""The strip below the picture: the whole station as it stands at one instant.

A belt runs from left to right, to scale, whatever it does in the picture: from the camera's field
to the bin at its end. Gates are arms that lie along its far edge or swing across it. Lids stand in
a row above their bins.
"""

from collections.abc import Sequence
from math import cos, radians, sin

import cv2
import numpy as np

from sorterd.core.records import PieceView, Reason
from sorterd.vision.grids import Picture
from sorterd.vision.lettering import measured, write
from sorterd.vision.plan import AMBER, FAINT, INK, PAPER, RED, Colour, GateView, StationPlan

STRIP_PX = 128
"""How high the strip is, whatever the picture's width."""

_BELT_TOP, _BELT_BOTTOM = 24, 70
_BELT_MIDDLE = (_BELT_TOP + _BELT_BOTTOM) // 2
_BIN_TOP, _BIN_BOTTOM = 88, 118
_MARGIN = 14
# Right of the belt's end: half of the end bin.
_END = 54
_BIN_GAP = 4
_WIDEST = 60
_RUBBER: Colour = (64, 58, 54)
_FIELD: Colour = (88, 80, 74)
_ARROW: Colour = (98, 90, 84)
_STEEL: Colour = (196, 190, 184)
_OPEN_DEG = 50.0
_LID_DEG = 70.0
# An arm nearer than this to one end of its way is at it.
_AT_REST_FRAC = 0.03
_TEXT = 0.4
# OpenCV draws lines to sixteenths of a pixel.
_FINE = 4


def state_colour(view: PieceView, plan: StationPlan | None) -> Colour:
    """Return a piece's colour: it waits, it has a bin, or something was missing."""
    if view.reason not in (None, Reason.SORTED, Reason.BELONGS_IN_END_BIN):
        return RED
    if view.bin is None:
        return PAPER
    return AMBER if plan is None else plan.colour_of(view.bin)


def draw_strip(canvas: Picture, plan: StationPlan, views: Sequence[PieceView]) -> None:
    """Draw the strip.

    Args:
        canvas: uint8[STRIP_PX, W, 3], BGR. Written all over.
        plan: The station.
        views: Its pieces.
    """
    canvas[:] = INK
    if plan.length_mm is None or plan.view_mm is None:
        _draw_lids(canvas, plan)
    else:
        scale = (canvas.shape[1] - _MARGIN - _END) / plan.length_mm
        _draw_belt(canvas, plan.length_mm * scale, plan.view_mm * scale)
        _draw_gates(canvas, plan, scale)
        for view in views:
            if 0 <= view.along_mm <= plan.length_mm:
                centre = round(_MARGIN + view.along_mm * scale)
                _draw_piece(canvas, centre, state_colour(view, plan), waits=view.bin is None)
        for gate in plan.gates:
            _draw_arm(canvas, gate, _place(gate, scale), plan.colour_of(gate.bin))


def _place(gate: GateView, scale: float) -> float:
    return _MARGIN + (gate.at_mm or 0.0) * scale


def _draw_belt(canvas: Picture, length: float, field: float) -> None:
    left, end, seen = _MARGIN, round(_MARGIN + length), round(_MARGIN + field)
    reach = (_BELT_BOTTOM - _BELT_TOP) // 2
    for middle in (left, end):
        size = (reach // 3, reach)
        cv2.ellipse(canvas, (middle, _BELT_MIDDLE), size, 0, 0, 360, _RUBBER, -1, cv2.LINE_AA)
    cv2.rectangle(canvas, (left, _BELT_TOP), (end, _BELT_BOTTOM), _RUBBER, -1)
    cv2.rectangle(canvas, (left, _BELT_TOP), (seen, _BELT_BOTTOM), _FIELD, -1)
    for column in range(left + 16, end - 8, 32):
        rows = (_BELT_MIDDLE - 6, _BELT_MIDDLE, _BELT_MIDDLE + 6)
        arrow = np.array([*zip((column, column + 6, column), rows, strict=True)], np.int32)
        cv2.polylines(canvas, [arrow], False, _ARROW, 1, cv2.LINE_AA)
    for edge, inwards in ((left, 1), (seen, -1)):
        for row, down in ((_BELT_TOP - 1, 1), (_BELT_BOTTOM + 1, -1)):
            cv2.line(canvas, (edge, row), (edge + 8 * inwards, row), FAINT, 1)
            cv2.line(canvas, (edge, row), (edge, row + 8 * down), FAINT, 1)
    label = measured("camera sees", _TEXT)
    write(canvas, label, left + 2, _BELT_TOP - 8, FAINT)


def _draw_gates(canvas: Picture, plan: StationPlan, scale: float) -> None:
    """Draw the bins below the gates and below the belt's end, each with its chute."""
    width, end = canvas.shape[1], round(canvas.shape[1] - _END)
    centres = [round(_place(gate, scale)) for gate in plan.gates]
    last = width - _END // 2 - 4
    end_half = width - 4 - last
    gaps = [*np.diff(sorted(centres)), 2 * (last - end_half - max(centres, default=0))]
    half = max(12, int(min([gap - _BIN_GAP for gap in gaps] + [2 * _WIDEST]) // 2))
    for gate, centre in zip(plan.gates, centres, strict=True):
        colour = plan.colour_of(gate.bin)
        mouth = (centre - 12, _BELT_BOTTOM + 1), (centre + 12, _BELT_BOTTOM + 1)
        _draw_chute(canvas, mouth, centre, half, colour, open_frac=gate.open_frac)
        _draw_bin(canvas, gate.bin, centre, half, colour)
    mouth = (end + 8, _BELT_MIDDLE), (end + 18, _BELT_MIDDLE + 6)
    colour = plan.colour_of(plan.end_bin)
    _draw_chute(canvas, mouth, last, end_half, colour, open_frac=0.0)
    _draw_bin(canvas, plan.end_bin, last, end_half, colour)


def _draw_chute(
    canvas: Picture,
    mouth: tuple[tuple[int, int], tuple[int, int]],
    centre: int,
    half: int,
    colour: Colour,
    *,
    open_frac: float,
) -> None:
    foot = (centre + half // 2, _BIN_TOP), (centre - half // 2, _BIN_TOP)
    shape = np.array([*mouth, *foot], np.int32)
    cv2.fillPoly(canvas, [shape], _mixed(INK, colour, 0.14 + 0.5 * open_frac), cv2.LINE_AA)


def _draw_bin(canvas: Picture, name: str, centre: int, half: int, colour: Colour) -> None:
    left, right = centre - half, centre + half
    slant = min(3, half // 5)
    shape = np.array(
        [
            (left, _BIN_TOP),
            (right, _BIN_TOP),
            (right - slant, _BIN_BOTTOM),
            (left + slant, _BIN_BOTTOM),
        ],
        np.int32,
    )
    cv2.fillPoly(canvas, [shape], _mixed(INK, colour, 0.28), cv2.LINE_AA)
    cv2.line(canvas, (left, _BIN_TOP), (right, _BIN_TOP), colour, 2, cv2.LINE_AA)
    line = measured(name, _TEXT, room_px=2 * (half - slant) - 2)
    base = (_BIN_TOP + _BIN_BOTTOM + line.height_px) // 2 + 1
    write(canvas, line, centre - line.width_px // 2, base, PAPER)


def _draw_piece(canvas: Picture, centre: int, colour: Colour, *, waits: bool) -> None:
    middle = (centre, _BELT_MIDDLE)
    cv2.circle(canvas, middle, 9, INK, -1, cv2.LINE_AA)
    if waits:
        cv2.circle(canvas, middle, 7, colour, 2, cv2.LINE_AA)
    else:
        cv2.circle(canvas, middle, 8, colour, -1, cv2.LINE_AA)


def _draw_arm(canvas: Picture, gate: GateView, place: float, colour: Colour) -> None:
    angle = radians(_OPEN_DEG * gate.open_frac)
    # Open, it reaches from the far edge to the near one, and ends above its bin.
    length = (_BELT_BOTTOM - _BELT_TOP) / sin(radians(_OPEN_DEG))
    pivot = (place - length * cos(radians(_OPEN_DEG)), float(_BELT_TOP - 2))
    tip = (pivot[0] + length * cos(angle), pivot[1] + length * sin(angle))
    _line(canvas, pivot, tip, INK, 7)
    _line(canvas, pivot, tip, _arm_colour(gate, colour), 4)
    cv2.circle(canvas, (round(pivot[0]), round(pivot[1])), 5, INK, -1, cv2.LINE_AA)
    cv2.circle(canvas, (round(pivot[0]), round(pivot[1])), 3, PAPER, -1, cv2.LINE_AA)


def _draw_lids(canvas: Picture, plan: StationPlan) -> None:
    cells = len(plan.gates) + 1
    width = (canvas.shape[1] - 2 * _MARGIN) / cells
    half = int(min(width - 2 * _BIN_GAP, 2 * _WIDEST) / 2)
    for number, gate in enumerate(plan.gates):
        centre = round(_MARGIN + (number + 0.5) * width)
        colour = plan.colour_of(gate.bin)
        _draw_bin(canvas, gate.bin, centre, half, colour)
        angle = radians(_LID_DEG * gate.open_frac)
        hinge = (float(centre - half), float(_BIN_TOP - 5))
        # Seen from ever more above as it opens, or it would reach past the strip's top.
        length = min(2.0 * half, (_BIN_TOP - 12) / max(sin(angle), 0.01))
        tip = (hinge[0] + length * cos(angle), hinge[1] - length * sin(angle))
        _line(canvas, hinge, tip, _arm_colour(gate, colour), 5)
        cv2.circle(canvas, (round(hinge[0]), round(hinge[1])), 4, PAPER, -1, cv2.LINE_AA)
    centre = round(_MARGIN + (cells - 0.5) * width)
    _draw_bin(canvas, plan.end_bin, centre, half, plan.colour_of(plan.end_bin))


def _arm_colour(gate: GateView, colour: Colour) -> Colour:
    if gate.open_frac <= _AT_REST_FRAC:
        return _STEEL
    return colour if gate.open_frac >= 1 - _AT_REST_FRAC else AMBER


def _line(
    canvas: Picture,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: Colour,
    thickness: int,
) -> None:
    fine = [tuple(round(part * (1 << _FINE)) for part in point) for point in (start, end)]
    cv2.line(canvas, fine[0], fine[1], colour, thickness, cv2.LINE_AA, _FINE)


def _mixed(ground: Colour, colour: Colour, share: float) -> Colour:
    blue, green, red = (
        round(low + (high - low) * share) for low, high in zip(ground, colour, strict=True)
    )
    return blue, green, red
