"""One changed zone, looked at closely: the outlines of what may be pieces.

Lines go first, or scratches that cross would fence belt in. Fragments of one piece are joined
across a small gap, holes are filled, and what is then nowhere thicker than a scratch goes too. What
is left is sure; it gets back the lines that make it whole (the rim of a jar behind its label).
Where nothing is sure, loops of lines are tried: clear glass is a rim around something that is not
quite belt. A thing that reaches from one side of the view to the other and is thin is a seam of the
belt: only what is thicker than a seam is left of it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sorterd.vision.grids import Mask, Picture, disc, filled, grown, marked, square
from sorterd.vision.shadows import peel_shadow

# A seam shows from side to side; noise may eat its ends.
_SPAN_FRAC = 0.95
# With lines of its own a jar is up to three times its label; a tangle of scratches is far more.
_MOST_GROWTH = 4
# Fewer lines than this share of the smallest piece add nothing to a box.
_FEW_FRAC = 0.1
# OpenCV counts what is outside everything as the first.
_ONE_THING = 2
# What a clear pane does to the belt under it, grey levels: drawn glass shows 7 or more; inside a
# loop of scratches there is belt, within 1 or 2.
_PANE_LEVELS = 6.0


@dataclass(frozen=True, slots=True)
class OutlineRules:
    """What the outlines of one zone must be; lengths in places of the fine grid.

    Attributes:
        width: Of the whole view.
        height: Of the whole view.
        join: Gaps up to this are closed.
        thin: What is nowhere thicker goes; half of it, before anything is joined.
        seam: What spans the view and is nowhere thicker goes.
        min_area: Fewest places of a piece.
    """

    width: int
    height: int
    join: int
    thin: int
    seam: int
    min_area: int


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One thing in a zone.

    Attributes:
        left: First column, places from the zone's own left.
        top: First row, places from the zone's own top.
        mask: uint8[H, W], 255 inside; exactly as large as the thing.
        area: Places inside.
    """

    left: int
    top: int
    mask: Mask
    area: int


def find_outlines(
    fine: Picture, mean: Picture, changed: Mask, rules: OutlineRules
) -> tuple[list[Outline], Mask]:
    """Look closely at one zone.

    Args:
        fine: The picture there.
        mean: The empty belt there.
        changed: 255 where the two differ by more than the belt does on its own; 0 elsewhere. May
            have no places at all.
        rules: What counts.

    Returns:
        The outlines; and a mask of all that is thick enough, shadows with it, which the
        background must not learn.
    """
    if not changed.size:
        return [], changed
    solid = _morphed(changed, cv2.MORPH_OPEN, square(rules.thin // 2 + 1))
    thick = _at_once(changed, solid, rules)
    if thick is None:
        thick = _body(solid, rules)
        if cv2.countNonZero(thick) >= rules.min_area:
            thick = _with_lines(thick, changed, rules)
        else:
            thick = _panes(_body(changed, rules), changed, fine, mean, rules)
    if cv2.countNonZero(thick) < rules.min_area:
        return [], np.zeros_like(changed)
    bare = peel_shadow(fine, mean, thick)
    if bare is not thick:
        bare = _thicker_than(bare, rules.thin)
    return _components(bare, rules, seam_free=False), thick


def _components(mask: Mask, rules: OutlineRules, *, seam_free: bool) -> list[Outline]:
    count, labels = cv2.connectedComponents(mask, ltype=cv2.CV_16U)
    outlines: list[Outline] = []
    for label in range(1, count):
        # A thing that is alone is all there is.
        alone = mask if count == _ONE_THING else marked(labels == label)
        area = cv2.countNonZero(alone)
        if area < rules.min_area:
            continue
        left, top, width, height = cv2.boundingRect(alone)
        spans = width >= _SPAN_FRAC * rules.width or height >= _SPAN_FRAC * rules.height
        if spans and not seam_free:
            alone = _thicker_than(np.asarray(alone, np.uint8), rules.seam)
            outlines += _components(alone, rules, seam_free=True)
        else:
            own = np.asarray(alone[top : top + height, left : left + width], np.uint8)
            outlines.append(Outline(left, top, own, area))
    return outlines


def _body(bits: Mask, rules: OutlineRules) -> Mask:
    """Join, fill, and leave what is thick enough."""
    if not cv2.countNonZero(bits):
        return bits
    joined = _morphed(bits, cv2.MORPH_CLOSE, disc(rules.join + 1)) | bits
    return _thicker_than(filled(joined), rules.thin)


def _at_once(changed: Mask, solid: Mask, rules: OutlineRules) -> Mask | None:
    """Return what the steps one by one would, if it is plain that all things keep their lines.

    What is thick before anything is joined is sure to be thick afterwards. Where that is much of
    each thing, the rest of what is sure need not be worked out: half the passes.
    """
    if cv2.countNonZero(changed) - cv2.countNonZero(solid) < _FEW_FRAC * rules.min_area:
        return None
    core = _thicker_than(solid, rules.thin)
    if cv2.countNonZero(core) < rules.min_area:
        return None
    whole = _body(changed, rules)
    count, labels = cv2.connectedComponents(whole, ltype=cv2.CV_16U)
    for label in range(1, count):
        own = whole if count == _ONE_THING else marked(labels == label)
        if cv2.countNonZero(own) > _MOST_GROWTH * cv2.countNonZero(cv2.bitwise_and(own, core)):
            return None
    return whole


def _with_lines(sure: Mask, changed: Mask, rules: OutlineRules) -> Mask:
    """Give sure things the lines around them, unless that makes them something else."""
    lines = cv2.subtract(changed, sure)
    if cv2.countNonZero(lines) < _FEW_FRAC * rules.min_area:
        return sure
    whole = _body(changed | sure, rules)
    count, labels = cv2.connectedComponents(whole, ltype=cv2.CV_16U)
    if count == _ONE_THING:
        before, after = cv2.countNonZero(whole & sure), cv2.countNonZero(whole)
        return whole | sure if before > 0 and after <= _MOST_GROWTH * before else sure
    sures = np.bincount(labels[sure > 0], minlength=count)
    wholes = np.bincount(labels.ravel(), minlength=count)
    keep = np.where((sures > 0) & (wholes <= _MOST_GROWTH * sures), 255, 0).astype(np.uint8)
    keep[0] = 0
    return np.asarray(keep[labels] | sure, np.uint8)


def _panes(loops: Mask, lines: Mask, fine: Picture, mean: Picture, rules: OutlineRules) -> Mask:
    """Of filled loops of lines, keep those that enclose something other than belt."""
    count, labels = cv2.connectedComponents(loops)
    kept = np.zeros_like(loops)
    bare = grown(lines, 1) == 0
    for label in range(1, count):
        loop = labels == label
        inside = (loop & bare).astype(np.uint8)
        if cv2.countNonZero(inside) < rules.min_area:
            continue
        step = np.subtract(cv2.mean(fine, inside), cv2.mean(mean, inside))
        if np.abs(step).max() >= _PANE_LEVELS:
            kept[loop] = 255
    return kept


def _thicker_than(mask: Mask, places: int) -> Mask:
    return _morphed(mask, cv2.MORPH_OPEN, disc(places + 1))


def _morphed(mask: Mask, how: int, element: Mask) -> Mask:
    # Outside there is nothing, or a line along the view's edge would be joined to it and be thick.
    border = cv2.BORDER_CONSTANT
    changed = cv2.morphologyEx(mask, how, element, borderType=border, borderValue=(0,))
    return np.asarray(changed, np.uint8)
