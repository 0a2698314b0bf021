"""Draw what the station knows over what it saw: for films, for the README, for whoever looks on.

Every piece is outlined in the colour of its state, with what it is taken for, how surely, where it
goes or why it does not, and the time left to decide. Below, a strip shows the whole station.
Nothing here decides anything, and no picture that was drawn on ever goes back into the road.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box, PieceView, Reason
from sorterd.vision.grids import Picture
from sorterd.vision.lettering import Line, measured, shade, write
from sorterd.vision.plan import FAINT, INK, PAPER, Colour, GateView, StationPlan
from sorterd.vision.strip import STRIP_PX, draw_strip, state_colour

__all__ = ["STRIP_PX", "GateView", "StationPlan", "draw"]

_TEXT = 0.42
_PAD_PX = 5
_LEADING_PX = 6
_STRIPE_PX = 3


def draw(
    pixels: npt.NDArray[np.uint8],
    views: Sequence[PieceView],
    plan: StationPlan | None,
    *,
    now_ns: int,
) -> npt.NDArray[np.uint8]:
    """Draw one picture of the station.

    Args:
        pixels: uint8[H, W, 3], BGR: what the camera saw. Not written.
        views: The pieces as the sorter sees them at `now_ns`.
        plan: Gates and bins for the strip; None for no strip.
        now_ns: The present; gives the time left to each piece's deadline.

    Returns:
        uint8[H + STRIP_PX, W, 3], BGR, new; uint8[H, W, 3] without a plan.
    """
    height_px, width_px = pixels.shape[:2]
    canvas = np.empty((height_px + (STRIP_PX if plan else 0), width_px, 3), np.uint8)
    picture = canvas[:height_px]
    picture[:] = pixels
    shown = [(view, view.box) for view in views if view.box is not None]
    for view, box in shown:
        _outline(picture, box, state_colour(view, plan))
    taken: list[Box] = []
    for view, box in shown:
        _label(picture, view, box, state_colour(view, plan), taken, now_ns=now_ns)
    if plan is not None:
        draw_strip(canvas[height_px:], plan, views)
    return canvas


def _outline(picture: Picture, box: Box, colour: Colour) -> None:
    corners = (box.left_px - 1, box.top_px - 1), (box.right_px, box.bottom_px)
    cv2.rectangle(picture, *corners, INK, 4, cv2.LINE_AA)
    cv2.rectangle(picture, *corners, colour, 2, cv2.LINE_AA)


def _label(
    picture: Picture, view: PieceView, box: Box, colour: Colour, taken: list[Box], *, now_ns: int
) -> None:
    """Write a piece's card above its box, below it where there is no room, clear of other cards."""
    rows = [(measured(left, _TEXT), measured(right, _TEXT)) for left, right in _words(view, now_ns)]
    width = max(_row_px(*row) for row in rows) + 2 * _PAD_PX + _STRIPE_PX
    row_px = rows[0][0].height_px + _LEADING_PX
    height = len(rows) * row_px - _LEADING_PX + 2 * _PAD_PX
    card = _place(picture, box, width, height, taken)
    if card is None:
        return
    taken.append(card)
    shade(picture, card.left_px, card.top_px, card.width_px, card.height_px, 0.78)
    stripe = (card.left_px, card.top_px), (card.left_px + _STRIPE_PX - 1, card.bottom_px - 1)
    cv2.rectangle(picture, *stripe, colour, -1)
    base = card.top_px + _PAD_PX
    for (left, right), ink in zip(rows, (PAPER, colour), strict=False):
        base += left.height_px
        write(picture, left, card.left_px + _STRIPE_PX + _PAD_PX, base, ink)
        write(picture, right, card.right_px - _PAD_PX - right.width_px, base, FAINT)
        base += _LEADING_PX


def _row_px(left: Line, right: Line) -> int:
    return left.width_px + (right.width_px + 2 * _PAD_PX if right.text else 0)


def _words(view: PieceView, now_ns: int) -> list[tuple[str, str]]:
    """Return the card's rows: what is written at its left and at its right."""
    verdict = view.verdict
    sure = f"{verdict.confidence_frac:.0%}" if verdict.scores else ""
    rows = [(verdict.label or ("unsure" if verdict.scores else f"#{view.piece}"), sure)]
    left = ""
    if view.due_ns is not None and view.due_ns >= now_ns:
        left = f"{(view.due_ns - now_ns) / 1e9:.1f} s"
    if view.reason not in (None, Reason.SORTED, Reason.BELONGS_IN_END_BIN):
        rows.append((str(view.reason).replace("_", " "), ""))
    elif view.bin is not None:
        rows.append((f"> {view.bin}", left))
    elif left:
        rows.append(("decides in", left))
    return rows


def _place(picture: Picture, box: Box, width: int, height: int, taken: list[Box]) -> Box | None:
    """Find room for a card: above or below its box, else beside others that are there already."""
    height_px, width_px = picture.shape[:2]
    if box.right_px <= 0 or box.left_px >= width_px or width > width_px:
        return None
    left = min(max(box.left_px - 2, 0), width_px - width)
    tops = [box.top_px - height - 3, box.bottom_px + 3]
    tops += [box.top_px - 2 * height - 5, box.bottom_px + height + 5, box.top_px + 2]
    for top in tops:
        card = Box(left, top, width, height)
        if 0 <= top <= height_px - height and not any(_meet(card, other) for other in taken):
            return card
    return Box(left, min(max(tops[0], 0), height_px - height), width, height)


def _meet(one: Box, other: Box) -> bool:
    return (
        one.left_px < other.right_px
        and other.left_px < one.right_px
        and one.top_px < other.bottom_px
        and other.top_px < one.bottom_px
    )
