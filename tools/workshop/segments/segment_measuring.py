"""How well a finder finds pieces, on composed scenes whose truth is known.

The words, for any finder:
- a *piece* counts if at least `min_area_px` of it are seen in the view: less is dirt by the rules;
- a region *covers* a piece if their boxes (the region's, and the tight box of what is seen of the
  piece) have an intersection over union of at least 0.7;
- a piece is *found whole* if exactly one region covers it, and that region is its alone: it covers
  no other piece, and no other piece lies more than half within its box without a region of its own;
- a region is *false* if pieces fill less than a tenth of its box.

Boxes say whether a station would have looked at the right pixels. Of the masks only the finder
that has one of its own is measured: `mask_iou`, over all places of the fine grid.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box
from sorterd.vision.grids import sampled
from sorterd.vision.regions import Finding, RegionFinder, RegionRules
from sorterd.vision.segments import SegmentFinder
from tools.workshop.compose.composed import ComposedScene
from tools.workshop.compose.grounds import BELTS
from tools.workshop.evaluate.measuring import Share

Pixels = npt.NDArray[np.uint8]

COVERS_IOU = 0.7
_WITHIN_FRAC = 0.5
_FALSE_FRAC = 0.1
# Touching means that a piece of that many pixels' reach, about 2 mm, leads to another.
_TOUCH_PX = 4
_MS_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one scene.

    Attributes:
        whole: For each piece whether it was found whole.
        touching: For each piece whether it touches or overlaps another.
        best_iou: For each piece, the best intersection over union of its box with a region's.
        false: Regions that hold nothing.
        said: `covered` or `learning`, if the finder said so instead; else nothing.
        mask_iou: Of all places that belong to pieces; None for a finder that has no such places.
    """

    whole: tuple[bool, ...]
    touching: tuple[bool, ...]
    best_iou: tuple[float, ...]
    false: int
    said: str = ""
    mask_iou: float | None = None


@dataclass(slots=True)
class Tally:
    """Outcomes of many scenes, added up."""

    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Add a scene."""
        self.outcomes.append(outcome)

    @property
    def whole(self) -> Share:
        """Pieces found whole."""
        return self._share([each for one in self.outcomes for each in one.whole])

    def whole_where(self, *, touching: bool) -> Share:
        """Pieces found whole, of those that touch another, or of those that do not."""
        return self._share(
            [
                whole
                for one in self.outcomes
                for whole, near in zip(one.whole, one.touching, strict=True)
                if near == touching
            ]
        )

    def figures(self) -> dict[str, object]:
        """All of it as JSON takes it."""
        scenes, whole = max(1, len(self.outcomes)), self.whole
        said = Counter(one.said for one in self.outcomes if one.said)
        masks = [one.mask_iou for one in self.outcomes if one.mask_iou is not None]
        best = [iou for one in self.outcomes for iou in one.best_iou]
        alone, touching = (self.whole_where(touching=kind) for kind in (False, True))
        return {
            "scenes": len(self.outcomes),
            "pieces": whole.n,
            "whole_pieces": whole.right,
            "whole_frac": _frac(whole),
            "whole_interval": [round(end, 4) for end in whole.interval] if whole.n else None,
            "alone_pieces": alone.n,
            "alone_whole_frac": _frac(alone),
            "touching_pieces": touching.n,
            "touching_whole_frac": _frac(touching),
            "false_regions_per_scene": round(sum(o.false for o in self.outcomes) / scenes, 3),
            "scenes_with_false_regions": sum(one.false > 0 for one in self.outcomes),
            "mean_box_iou": round(float(np.mean(best)), 4) if best else None,
            "mean_mask_iou": round(float(np.mean(masks)), 4) if masks else None,
            "covered_scenes": said["covered"],
            "learning_scenes": said["learning"],
        }

    @staticmethod
    def _share(right: Sequence[bool]) -> Share:
        return Share(sum(right), len(right))


def judged(finding: Finding, ids: Pixels, *, min_area_px: int) -> Outcome:
    """Compare what a finder said of a scene with the truth.

    Args:
        finding: What it said.
        ids: uint8[H, W]: 0 is ground, each other number one piece, as far as it is seen.
        min_area_px: Less than this of a piece does not count as one.
    """
    masks = {
        int(number): ids == number
        for number in np.unique(ids[ids > 0])
        if np.count_nonzero(ids == number) >= min_area_px
    }
    boxes = {number: _box_of(mask) for number, mask in masks.items()}
    regions = [region.box for region in finding.regions]
    overlaps = {number: [iou(box, region) for region in regions] for number, box in boxes.items()}
    covering = {
        number: [place for place, each in enumerate(row) if each >= COVERS_IOU]
        for number, row in overlaps.items()
    }
    whole = []
    for number, places in covering.items():
        alone = len(places) == 1 and not any(
            places[0] in theirs
            or (not theirs and _within_frac(masks[other], regions[places[0]]) > _WITHIN_FRAC)
            for other, theirs in covering.items()
            if other != number
        )
        whole.append(alone)
    there = ids > 0
    return Outcome(
        whole=tuple(whole),
        touching=tuple(_touches(mask, ids, number) for number, mask in masks.items()),
        best_iou=tuple(max(row, default=0.0) for row in overlaps.values()),
        false=sum(float(there[_part(region)].mean()) < _FALSE_FRAC for region in regions),
        said="covered" if finding.covered else "learning" if finding.learning else "",
    )


def kind_of(scene: ComposedScene) -> str:
    """What a scene's ground is to a finder: `plain`, `patterned`, or `moving` if it runs."""
    if scene.travel_px > 0:
        return "moving"
    return "plain" if scene.ground in BELTS else "patterned"


def by_segments(
    finder: SegmentFinder, scene: ComposedScene, *, min_area_px: int
) -> tuple[Outcome, Finding]:
    """Show a scene to the finder that knows pieces by their looks."""
    pixels, ids = scene.pixels(), scene.ids()
    finding = finder.find(pixels, 0)
    cover = finder.cover(pixels) > 0
    # As the fine grid samples it; the few pixels beyond its last place are no place's.
    step = ids.shape[0] // cover.shape[0]
    rows, columns = cover.shape
    within = np.ascontiguousarray(ids[: step * rows, : step * columns])
    truth = sampled(within, (columns, rows)) > 0
    either = np.count_nonzero(cover | truth)
    mask_iou = np.count_nonzero(cover & truth) / either if either else 1.0
    outcome = judged(finding, ids, min_area_px=min_area_px)
    return replace(outcome, mask_iou=mask_iou), finding


def by_difference(scene: ComposedScene, rules: RegionRules) -> tuple[Outcome, Finding]:
    """Show a scene to a new differencing finder that has seen the scene's empty ground before."""
    finder = RegionFinder(rules)
    for place in range(len(scene.empty)):
        finder.find(scene.empty_pixels(place), place * scene.interval_ms * _MS_NS)
    finding = finder.find(scene.pixels(), len(scene.empty) * scene.interval_ms * _MS_NS)
    return judged(finding, scene.ids(), min_area_px=rules.min_area_px), finding


def usual_rules(width_px: int, height_px: int) -> RegionRules:
    """The usual rules of a whole frame; their least area is meant for 640 by 480 pixels."""
    usual = RegionRules(view=Box(0, 0, width_px, height_px))
    return replace(usual, min_area_px=max(1, usual.min_area_px * width_px * height_px // 307_200))


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    wide = min(one.right_px, other.right_px) - max(one.left_px, other.left_px)
    high = min(one.bottom_px, other.bottom_px) - max(one.top_px, other.top_px)
    both = max(0, wide) * max(0, high)
    return both / (_area(one) + _area(other) - both)


def marked(pixels: Pixels, ids: Pixels, regions: Iterable[Box], *, min_area_px: int) -> Pixels:
    """A scene with the true boxes in white, and a finder's in green, false ones in red."""
    shown = pixels.copy()
    for number in np.unique(ids[ids > 0]):
        mask = ids == number
        if np.count_nonzero(mask) >= min_area_px:
            _draw(shown, _box_of(mask), (255, 255, 255), 1)
    for region in regions:
        is_false = float((ids[_part(region)] > 0).mean()) < _FALSE_FRAC
        _draw(shown, region, (40, 40, 230) if is_false else (60, 220, 60), 2)
    return shown


def _box_of(mask: npt.NDArray[np.bool_]) -> Box:
    return Box(*(int(edge) for edge in cv2.boundingRect(mask.astype(np.uint8))))


def _touches(mask: npt.NDArray[np.bool_], ids: Pixels, number: int) -> bool:
    reach = np.ones((2 * _TOUCH_PX + 1, 2 * _TOUCH_PX + 1), np.uint8)
    near = cv2.dilate(mask.astype(np.uint8), reach) > 0
    return bool(((ids > 0) & (ids != number) & near).any())


def _within_frac(mask: npt.NDArray[np.bool_], box: Box) -> float:
    return float(np.count_nonzero(mask[_part(box)]) / np.count_nonzero(mask))


def _part(box: Box) -> tuple[slice, slice]:
    return slice(box.top_px, box.bottom_px), slice(box.left_px, box.right_px)


def _area(box: Box) -> int:
    return box.width_px * box.height_px


def _frac(share: Share) -> float | None:
    return round(share.frac, 4) if share.n else None


def _draw(shown: Pixels, box: Box, colour: tuple[int, int, int], thick: int) -> None:
    corner = (box.right_px - 1, box.bottom_px - 1)
    cv2.rectangle(shown, (box.left_px, box.top_px), corner, colour, thick)
