"""Find the regions of a frame that may hold a piece; an empty belt costs next to nothing.

Every frame gets a quick look: every fourth pixel (at 640 by 480) against the learned belt. Only
where that differs is it looked at closely, every second pixel, and turned into outlines. When much
has changed at once, the light is asked first; if it was not the light and nearly all has changed,
something covers the view: nothing is reported and nothing learned until it goes or has to be taken
for the belt.

The finder has a memory (the belt it has learned) but no clock: time comes with the frames. It
never writes to a frame's pixels and never keeps them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sorterd.core.records import Box, Region
from sorterd.vision.background import Background
from sorterd.vision.covering import Cover
from sorterd.vision.ghosts import ghost_places
from sorterd.vision.grids import (
    Grid,
    Mask,
    Part,
    Picture,
    any_channel,
    changed_places,
    excess,
    grown,
    marked,
    surroundings,
    within,
)
from sorterd.vision.light import LightChange, slight_change, sudden_change
from sorterd.vision.lobes import count_lobes
from sorterd.vision.outlines import Outline, OutlineRules, find_outlines
from sorterd.vision.zones import find_zones

# From here on, as a share of the view, a change may have been a sudden one of the light.
_LIGHT_FRAC = 0.2
# More things than a belt holds pieces: water, confetti, a loose cable. Bounds a frame's work.
_MOST_THINGS = 40
# Fine places around what has changed that a close look needs: a ghost is told by five of belt.
_AROUND = 6
# Fine places around a piece that are not learned either: its shadow and its next few millimetres.
_UNLEARNED = 6
# Fine places around a ghost that are put right with it, and how much of an outline must be ghost
# for nothing else to be there.
_GHOST_RIM = 3
_GHOST_FRAC = 0.8


@dataclass(frozen=True, slots=True)
class RegionRules:
    """What counts as a region.

    Attributes:
        view: The part of the frame that is looked at, pixels.
        min_area_px: Fewest changed pixels, holes filled, of a region.
        max_area_px: With a region above this the view counts as covered; None for half the view.
        sensitivity: Smallest difference from the belt that counts, grey levels, 1 to 255.
        learn_ns: Time constant of learning the belt, nanoseconds.
        covered_frac: Share of the view that must have changed to call it covered, 0 to 1.
        join_px: Gaps up to this within a piece are closed. Two pieces need half as much again
            between them to stay two.
        thin_px: What is nowhere thicker is a scratch.
        seam_px: What reaches across the whole view and is nowhere thicker is a seam.
    """

    view: Box
    min_area_px: int = 400
    max_area_px: int | None = None
    sensitivity: int = 18
    learn_ns: int = 20_000_000_000
    covered_frac: float = 0.6
    join_px: int = 8
    thin_px: int = 8
    seam_px: int = 24


@dataclass(frozen=True, slots=True)
class Finding:
    """What one frame showed.

    Attributes:
        regions: What may hold pieces, boxes clipped to the view; empty when covered or learning.
        covered: Nearly the whole view changed: the frame says nothing about pieces.
        learning: The belt is not known yet.
    """

    regions: tuple[Region, ...] = ()
    covered: bool = False
    learning: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Zone:
    """A zone that was looked at closely.

    Attributes:
        part: Where it is.
        fine: The picture there.
        mean: The empty belt there, in the light of this frame.
        outlines: What was found.
        thick: What must not be learned.
    """

    part: Part
    fine: Picture
    mean: Picture
    outlines: list[Outline]
    thick: Mask


class RegionFinder:
    """Turns the pixels of frames into regions. One thread; frames in the order of exposure.

    Args:
        rules: What counts as a region.

    Raises:
        ValueError: The view is only a few pixels wide or high.
    """

    def __init__(self, rules: RegionRules) -> None:
        self._view = rules.view
        self._grid = Grid(rules.view)
        step_px, area_px = self._grid.step_px, self._grid.step_px**2
        self._outline_rules = OutlineRules(
            width=self._grid.fine_size[0],
            height=self._grid.fine_size[1],
            join=rules.join_px // step_px,
            thin=rules.thin_px // step_px,
            seam=rules.seam_px // step_px,
            min_area=max(1, rules.min_area_px // area_px),
        )
        view_px = rules.view.width_px * rules.view.height_px
        self._most_area = (rules.max_area_px or view_px // 2) / area_px
        self._covered_frac = rules.covered_frac
        # A handful of changed places, in any channel, is what noise makes of an empty belt.
        self._quiet = max(4, self._outline_rules.min_area // 16)
        self._background = Background(sensitivity=rules.sensitivity, learn_ns=rules.learn_ns)
        self._cover = Cover()
        self._changed_before: Mask | None = None

    def find(self, pixels: Picture, exposed_ns: int) -> Finding:
        """Look at one frame.

        Args:
            pixels: uint8[H, W, 3], BGR, holding the whole of the view. Not written, not kept.
            exposed_ns: When it was exposed.

        Returns:
            Its regions; or that it was covered, or that the belt is still being learned.

        Raises:
            ValueError: The frame does not hold the view: a caller's bug.
        """
        if pixels.shape[0] < self._view.bottom_px or pixels.shape[1] < self._view.right_px:
            raise ValueError(f"a frame of {pixels.shape} does not hold the view {self._view}")
        if not self._background.ready:
            self._background.gather(self._grid.fine(pixels, self._grid.whole), exposed_ns)
            return Finding(learning=True)
        coarse = self._grid.coarse(pixels)
        zones = self._look(pixels, coarse)
        if zones is None:
            return self._covered(coarse, exposed_ns)
        self._cover.lift()
        if self._background.level_due(exposed_ns):
            zones = [self._without_ghosts(zone) for zone in zones]
            self._background.follow_level(coarse, self._open_to(zones), exposed_ns)
        self._learn(pixels, zones, exposed_ns)
        return Finding(tuple(self._region(zone, own) for zone in zones for own in zone.outlines))

    def _look(self, pixels: Picture, coarse: Picture) -> list[_Zone] | None:
        """Return the zones with what they hold; None if the view is covered."""
        mean, margin = self._background.coarse_mean, self._background.coarse_margin
        beyond = excess(coarse, mean, margin)
        if cv2.countNonZero(beyond.reshape(beyond.shape[0], -1)) <= self._quiet:
            self._changed_before = None
            return []
        changed = any_channel(beyond)
        if cv2.countNonZero(changed) > _LIGHT_FRAC * changed.size and not self._cover.lies:
            sudden = sudden_change(coarse, mean, margin, changed, self._changed_before)
            if sudden is not None:
                self._background.relevel(sudden.gain, sudden.offset)
                mean, margin = self._background.coarse_mean, self._background.coarse_margin
                changed = changed_places(coarse, mean, margin)
        light = slight_change(coarse, mean, changed)
        if light is not None:
            changed = changed_places(coarse, light.on(mean), margin)
        self._changed_before = changed
        if cv2.countNonZero(changed) > self._covered_frac * changed.size:
            return None
        found = find_zones(changed, min_area=self._outline_rules.min_area / 4)
        if len(found) > _MOST_THINGS:
            return None
        zones = [self._look_closely(pixels, part, own, light) for part, own in found]
        areas = [own.area for zone in zones for own in zone.outlines]
        if len(areas) > _MOST_THINGS or max(areas, default=0) > self._most_area:
            return None
        return zones

    def _look_closely(
        self, pixels: Picture, part: Part, own: Mask | None, light: LightChange | None
    ) -> _Zone:
        fine = self._grid.fine(pixels, part)
        mean = self._background.mean[part]
        if light is not None:
            mean = light.on(mean)
        beyond = changed_places(fine, mean, self._background.margin[part])
        changed = marked(beyond > 0)
        if own is not None:
            changed &= own
        inner = surroundings(changed, _AROUND)
        fine, mean = fine[inner], mean[inner]
        outlines, thick = find_outlines(fine, mean, changed[inner], self._outline_rules)
        return _Zone(within(part, inner), fine, mean, outlines, thick)

    def _covered(self, coarse: Picture, exposed_ns: int) -> Finding:
        if self._cover.lie(coarse, self._background.coarse_margin, exposed_ns):
            self._cover.lift()
            self._changed_before = None
            self._background.forget()
        return Finding(covered=True)

    def _without_ghosts(self, zone: _Zone) -> _Zone:
        kept, thick = [], zone.thick
        for outline in zone.outlines:
            whole = np.zeros_like(thick)
            height, width = outline.mask.shape
            rows = slice(outline.top, outline.top + height)
            columns = slice(outline.left, outline.left + width)
            whole[rows, columns] = outline.mask
            margin = self._background.margin[zone.part]
            belt = ghost_places(zone.fine, zone.mean, margin, whole)
            if belt is None:
                kept.append(outline)
                continue
            if cv2.countNonZero(belt) < _GHOST_FRAC * outline.area:
                kept.append(outline)
            belt = grown(belt, _GHOST_RIM)
            self._background.replace(zone.part, zone.fine, belt)
            thick = np.where(belt > 0, 0, thick).astype(np.uint8)
        return _Zone(zone.part, zone.fine, zone.mean, kept, thick)

    def _open_to(self, zones: list[_Zone]) -> Mask | None:
        """Return where the coarse grid shows belt, or None for everywhere."""
        laden = [zone.part for zone in zones if zone.outlines]
        if not laden:
            return None
        columns, rows = self._grid.coarse_size
        belt = np.full((rows, columns), 255, np.uint8)
        for tall, wide in laden:
            belt[tall.start // 2 : tall.stop // 2, wide.start // 2 : wide.stop // 2] = 0
        return belt

    def _learn(self, pixels: Picture, zones: list[_Zone], exposed_ns: int) -> None:
        laden = [zone for zone in zones if zone.outlines]
        for band in self._background.take_turns(exposed_ns):
            part = band.rows, self._grid.whole[1]
            fine = self._grid.fine(pixels, part)
            self._background.learn(band, fine, self._keep_out(band.rows, laden), exposed_ns)

    def _keep_out(self, rows: slice, laden: list[_Zone]) -> Mask | None:
        """Return where pieces and their surroundings lie in some rows of the fine grid."""
        above, below = max(rows.start - _UNLEARNED, 0), rows.stop + _UNLEARNED
        near = [zone for zone in laden if zone.part[0].start < below and zone.part[0].stop > above]
        if not near:
            return None
        places = np.zeros((below - above, self._grid.fine_size[0]), np.uint8)
        for zone in near:
            tall, wide = zone.part
            top, bottom = max(tall.start, above), min(tall.stop, below)
            places[top - above : bottom - above, wide] |= zone.thick[
                top - tall.start : bottom - tall.start
            ]
        return grown(places, _UNLEARNED)[rows.start - above : rows.stop - above]

    def _region(self, zone: _Zone, outline: Outline) -> Region:
        rows, columns = zone.part
        height, width = outline.mask.shape
        box = self._grid.box(
            left=columns.start + outline.left,
            top=rows.start + outline.top,
            width=width,
            height=height,
        )
        return Region(box, outline.area * self._grid.step_px**2, count_lobes(outline.mask))
