"""Draw what the station knows over what it saw: for films and for the operator's page.

Every piece is outlined with its label, its confidence and the time left to its
deadline; below a belt's picture a strip shows the whole belt to scale, with
pieces on their way and gates where they stand. Never writes to the frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box, PieceView, Reason

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

WAITING: Final[Colour] = (90, 200, 250)
BOUND: Final[Colour] = (120, 220, 110)
END: Final[Colour] = (160, 160, 165)
INK: Final[Colour] = (28, 26, 24)
PAPER: Final[Colour] = (236, 238, 240)
BELT: Final[Colour] = (92, 92, 96)
VIEW: Final[Colour] = (116, 114, 112)
GATE: Final[Colour] = (60, 110, 240)

STRIP_PX: Final = 112
FONT: Final = cv2.FONT_HERSHEY_DUPLEX


@dataclass(frozen=True, slots=True)
class GateView:
    """A gate at one instant: the bin it leads to, how far it stands open, its place on a belt."""

    name: str
    bin: str
    open_frac: float
    at_mm: float | None


@dataclass(frozen=True, slots=True)
class StationPlan:
    """What the strip below the picture shows.

    Attributes:
        gates: In the order of their places.
        end_bin: Where pieces land if nothing moves.
        view_mm: How much of the belt the camera sees, along it; None for a station with lids.
        length_mm: Where the belt ends; None for a station with lids.
    """

    gates: tuple[GateView, ...]
    end_bin: str
    view_mm: float | None = None
    length_mm: float | None = None


def draw(pixels: Picture, views: Sequence[PieceView], plan: StationPlan, *, now_ns: int) -> Picture:
    """Return the picture with all that is known drawn over it and the strip below it.

    Args:
        pixels: uint8[H, W, 3], BGR.
        views: Every piece, as it is by now.
        plan: Of the strip.
        now_ns: The present, on the clock of the views.

    Returns:
        uint8[H + STRIP_PX, W, 3], BGR.
    """
    height_px, width_px = pixels.shape[:2]
    canvas = np.empty((height_px + STRIP_PX, width_px, 3), np.uint8)
    canvas[:height_px] = pixels
    picture = canvas[:height_px]
    for view in views:
        if view.box is not None:
            _outline(picture, view, view.box, now_ns)
    strip = canvas[height_px:]
    strip[:] = PAPER
    if plan.length_mm is None or plan.view_mm is None:
        _draw_lids(strip, plan)
    else:
        _draw_belt(strip, views, plan, plan.length_mm, plan.view_mm)
    return canvas


def _outline(picture: Picture, view: PieceView, box: Box, now_ns: int) -> None:
    colour = _colour(view)
    cv2.rectangle(
        picture,
        (box.left_px, box.top_px),
        (box.right_px - 1, box.bottom_px - 1),
        colour,
        2,
        cv2.LINE_AA,
    )
    above = box.top_px >= 40
    first_row = box.top_px - 24 if above else box.bottom_px + 16
    _tag(picture, (box.left_px, first_row), _what(view), colour, 0.5)
    _tag(picture, (box.left_px, first_row + 18), _where(view, now_ns), colour, 0.42)


def _what(view: PieceView) -> str:
    verdict = view.verdict
    if not verdict.scores:
        return f"#{view.piece}"
    if verdict.label is None:
        return f"#{view.piece} unsure {verdict.confidence_frac:.0%}"
    return f"#{view.piece} {verdict.label} {verdict.confidence_frac:.0%}"


def _where(view: PieceView, now_ns: int) -> str:
    left = ""
    if view.due_ns is not None and view.due_ns > now_ns:
        left = f" {(view.due_ns - now_ns) / 1e9:.1f} s left"
    if view.bin is None:
        return f"looking{left}"
    if view.reason is not None and view.reason is not Reason.BELONGS_IN_END_BIN:
        return f"> {view.bin}: {view.reason.replace('_', ' ')}"
    return f"> {view.bin}{left}"


def _colour(view: PieceView) -> Colour:
    if view.bin is None:
        return WAITING
    return BOUND if view.reason is None else END


def _tag(picture: Picture, at: tuple[int, int], text: str, colour: Colour, size: float) -> None:
    (width, height), _ = cv2.getTextSize(text, FONT, size, 1)
    left = min(max(at[0], 0), max(0, picture.shape[1] - width - 6))
    foot = min(max(at[1], height + 4), picture.shape[0] - 4)
    cv2.rectangle(picture, (left, foot - height - 3), (left + width + 6, foot + 4), INK, -1)
    cv2.putText(picture, text, (left + 3, foot), FONT, size, colour, 1, cv2.LINE_AA)


def _draw_belt(
    strip: Picture, views: Sequence[PieceView], plan: StationPlan, length_mm: float, view_mm: float
) -> None:
    margin = 12
    scale = (strip.shape[1] - 2 * margin - 46) / length_mm

    def column(along_mm: float) -> int:
        return margin + round(min(max(along_mm, 0.0), length_mm) * scale)

    top, foot = 30, 66
    cv2.rectangle(strip, (margin, top), (column(length_mm), foot), BELT, -1)
    cv2.rectangle(strip, (margin, top), (column(view_mm), foot), VIEW, -1)
    _write(strip, (margin, top - 8), "camera", INK)
    _write(strip, (column(length_mm) - 4, foot + 24), plan.end_bin, INK, from_right=True)
    for gate in plan.gates:
        if gate.at_mm is not None:
            _draw_diverter(strip, gate, column(gate.at_mm), top, foot)
    for view in views:
        if 0 < view.along_mm < length_mm:
            middle = (column(view.along_mm), (top + foot) // 2)
            cv2.circle(strip, middle, 8, INK, -1, cv2.LINE_AA)
            cv2.circle(strip, middle, 7, _colour(view), -1, cv2.LINE_AA)
            _write(strip, (middle[0], middle[1] + 4), str(view.piece % 100), INK, middle=True)


def _draw_diverter(strip: Picture, gate: GateView, at: int, top: int, foot: int) -> None:
    # Shut, the arm lies along the belt's edge; open, it stands across the belt.
    across = round(gate.open_frac * (foot - top - 4))
    along = round((1 - gate.open_frac) * 30) + 4
    cv2.line(strip, (at - along, top - 2 + across), (at, top - 4), INK, 6, cv2.LINE_AA)
    cv2.line(strip, (at - along, top - 2 + across), (at, top - 4), GATE, 4, cv2.LINE_AA)
    cv2.circle(strip, (at, top - 4), 4, INK, -1, cv2.LINE_AA)
    lit = GATE if gate.open_frac > 0 else INK
    cv2.line(strip, (at, foot + 2), (at, foot + 12), lit, 2, cv2.LINE_AA)
    _write(strip, (at, foot + 26), gate.bin, lit, middle=True)


def _draw_lids(strip: Picture, plan: StationPlan) -> None:
    bins = [(gate.bin, gate.open_frac) for gate in plan.gates]
    if all(gate.bin != plan.end_bin for gate in plan.gates):
        bins.append((plan.end_bin, 0.0))
    room = strip.shape[1] // len(bins)
    for index, (name, open_frac) in enumerate(bins):
        left, right = index * room + 14, (index + 1) * room - 14
        cv2.rectangle(strip, (left, 54), (right, 88), BELT, -1)
        hinge, reach = (left, 50), right - left
        tip = (left + round(reach * (1 - 0.7 * open_frac)), 50 - round(40 * open_frac))
        cv2.line(strip, hinge, tip, INK, 7, cv2.LINE_AA)
        cv2.line(strip, hinge, tip, GATE if open_frac > 0 else END, 5, cv2.LINE_AA)
        _write(strip, ((left + right) // 2, 105), name, INK, middle=True)


def _write(
    strip: Picture,
    at: tuple[int, int],
    text: str,
    colour: Colour,
    *,
    middle: bool = False,
    from_right: bool = False,
) -> None:
    width = cv2.getTextSize(text, FONT, 0.4, 1)[0][0]
    left = at[0] - (width // 2 if middle else width if from_right else 0)
    cv2.putText(strip, text, (left, at[1]), FONT, 0.4, colour, 1, cv2.LINE_AA)
