"""Both finders of the station on the same composed scenes: by segments, and by difference.

Differencing is shown each scene's pictures of the empty ground first, as a station would have been;
scenes without them are shown to the segmentation model only. Nothing is kept from scene to scene.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.classifiers.bundle import Bundle, Segments
from sorterd.classifiers.runtimes import Runtime
from sorterd.classifiers.segmenter import open_segmenter
from sorterd.clock import RealClock
from sorterd.vision.regions import Finding
from sorterd.vision.segments import Segmenter, SegmentFinder
from tools.workshop.compose.composed import ComposedScene
from tools.workshop.faults import WorkshopFault
from tools.workshop.pages import Page
from tools.workshop.segments.segment_measuring import (
    Outcome,
    Tally,
    by_difference,
    by_segments,
    kind_of,
    marked,
    usual_rules,
)

Pixels = npt.NDArray[np.uint8]
FINDERS = ("segments", "difference")
KINDS = ("plain", "patterned", "moving")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both finders made of some scenes.

    Attributes:
        figures: As JSON takes them: by kind of ground and `all`, then by finder; `cost_ms` of the
            model.
        pictures: Examples with their captions, uint8[H, W, 3] BGR, both finders of a scene in turn.
    """

    figures: dict[str, Any]
    pictures: list[tuple[Pixels, str]]


def compare(bundle: Bundle, scenes: Sequence[ComposedScene], *, examples: int = 6) -> Comparison:
    """Show every scene to both finders.

    Args:
        bundle: One with a segments model.
        scenes: Read by `tools.workshop.compose.composed.read_scenes`, from one folder or several.
        examples: Scenes of each kind of ground to show; those that were missed come first.

    Raises:
        WorkshopFault: There are no scenes, the bundle has no segments model, or a picture is
            damaged.
        BundleFault: The model does not fit its manifest.
        DeviceUnavailable: No runtime works here.
    """
    segments = bundle.manifest.segments
    if segments is None:
        raise WorkshopFault(f"{bundle.folder} has no segments model: name a bundle that has one")
    if not scenes:
        raise WorkshopFault("no composed scenes: make some with tools/compose.py")
    runtime: Runtime = "auto"
    model = open_segmenter(
        bundle.folder / segments.model, segments, runtime=runtime, threads=1, clock=RealClock()
    )
    tallies: dict[tuple[str, str], Tally] = {}
    shown: dict[str, list[tuple[bool, list[tuple[Pixels, str]]]]] = {}
    for scene in tqdm(scenes, desc="comparing finders", unit="scene"):
        outcomes = _both(scene, model, segments)
        kind = kind_of(scene)
        for name, (outcome, _) in outcomes.items():
            for group in (kind, "all"):
                tallies.setdefault((group, name), Tally()).add(outcome)
        missed = any(not all(outcome.whole) for outcome, _ in outcomes.values())
        kept = shown.setdefault(kind, [])
        # Only as many pictures as are shown are kept: a folder may hold thousands.
        if sum(each == missed for each, _ in kept) < examples:
            kept.append((missed, _pictured(scene, kind, outcomes)))
    model.close()
    figures: dict[str, Any] = {
        "cost_ms": [round(each / 1e6, 2) for each in model.cost],
        "runtime": model.runtime,
    }
    for kind in (*KINDS, "all"):
        own = {name: tallies[kind, name].figures() for name in FINDERS if (kind, name) in tallies}
        if own:
            figures[kind] = own
    pictures = []
    for kind in KINDS:
        chosen = sorted(shown.get(kind, []), key=lambda each: not each[0])[:examples]
        pictures += [picture for _, both in chosen for picture in both]
    return Comparison(figures, pictures)


def show(page: Page, comparison: Comparison) -> None:
    """Add the comparison to a page."""
    figures = comparison.figures
    page.section("Finding pieces: the segmentation model and differencing")
    page.text(
        "A piece is found whole if exactly one region covers it (the boxes' intersection over "
        "union is at least 0.7) and no other piece shares that region. A region is false if "
        "pieces fill less than a tenth of its box. The model needs "
        f"{figures['cost_ms'][0]} ms a frame here on one thread ({figures['runtime']}), "
        "differencing 0.02 to 0.7."
    )
    rows = []
    for kind in (*KINDS, "all"):
        for name, own in figures.get(kind, {}).items():
            rows.append(
                (
                    f"{kind}, by {name}",
                    own["scenes"],
                    own["pieces"],
                    _percent(own["whole_frac"]),
                    _interval(own["whole_interval"]),
                    _percent(own["alone_whole_frac"]),
                    _percent(own["touching_whole_frac"]),
                    own["false_regions_per_scene"],
                    own["mean_mask_iou"] if own["mean_mask_iou"] is not None else "",
                    own["covered_scenes"] + own["learning_scenes"],
                )
            )
    page.table(
        (
            "ground and finder",
            "scenes",
            "pieces",
            "found whole",
            "95% interval",
            "alone",
            "touching",
            "false per scene",
            "mask IoU",
            "blind scenes",
        ),
        rows,
    )
    page.text("White: the true boxes. Green: regions. Red: regions that hold nothing.")
    page.pictures(comparison.pictures)


def _both(
    scene: ComposedScene, model: Segmenter, segments: Segments
) -> dict[str, tuple[Outcome, Finding]]:
    rules = usual_rules(scene.width_px, scene.height_px)
    finder = SegmentFinder(model, rules, threshold=segments.threshold, apart=segments.apart)
    outcomes = {"segments": by_segments(finder, scene, min_area_px=rules.min_area_px)}
    if scene.empty:
        outcomes["difference"] = by_difference(scene, rules)
    return outcomes


def _pictured(
    scene: ComposedScene, kind: str, outcomes: dict[str, tuple[Outcome, Finding]]
) -> list[tuple[Pixels, str]]:
    pixels, ids = scene.pixels(), scene.ids()
    least_px = usual_rules(scene.width_px, scene.height_px).min_area_px
    pictures = []
    for name, (outcome, finding) in outcomes.items():
        boxes = [region.box for region in finding.regions]
        said = f"{sum(outcome.whole)} of {len(outcome.whole)} whole"
        caption = f"{scene.frame}, {kind} ({scene.ground}), by {name}: {outcome.said or said}"
        pictures.append((marked(pixels, ids, boxes, min_area_px=least_px), caption))
    return pictures


def _percent(frac: float | None) -> str:
    return "" if frac is None else f"{frac:.1%}"


def _interval(ends: list[float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.1%} to {ends[1]:.1%}"
