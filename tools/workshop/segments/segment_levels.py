"""Choose the two levels at which a segments model's numbers become pieces.

They are tried with the exported model and the station's own finder, on scenes that the model did
not learn from; what counts is how many pieces are found whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.classifiers.bundle import Segments
from sorterd.classifiers.segmenter import open_segmenter
from sorterd.clock import RealClock
from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.vision.crops import PADDING, Cropper
from sorterd.vision.segments import SegmentFinder
from tools.workshop.segments.segment_lessons import Lesson, input_spec
from tools.workshop.segments.segment_measuring import Tally, judged, usual_rules
from tools.workshop.segments.segment_network import Numbers

# Log-odds that a place belongs to a piece, and how much further apart.
THRESHOLDS = (-2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0)
FURTHER = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """What was chosen, and why.

    Attributes:
        segments: For the manifest.
        tried: `threshold`, `apart` and the figures of each pair.
        best: The row of `tried` that was chosen.
        numbers: What the model said to each scene, float32[scenes, rows, columns].
    """

    segments: Segments
    tried: list[dict[str, Any]]
    best: dict[str, Any]
    numbers: Numbers


def choose_levels(model: Path, draft: Segments, lessons: Sequence[Lesson]) -> Levels:
    """Try every pair of levels.

    Args:
        model: The .tflite file.
        draft: What its manifest is to say, with any levels.
        lessons: One or more scenes of one size.

    Raises:
        BundleFault: The model is not what the draft says.
        DeviceUnavailable: No runtime works here.
    """
    numbers = _numbers_of(model, draft, lessons)
    tried = []
    pairs = list(product(THRESHOLDS, FURTHER))
    for threshold, further in tqdm(pairs, desc="levels", unit="pair"):
        levels = {"threshold": threshold, "apart": threshold + further}
        chosen, tally = draft.model_copy(update=levels), Tally()
        for lesson, own in zip(lessons, numbers, strict=True):
            rows, columns = lesson.instances.shape
            rules = usual_rules(columns, rows)
            remembered = _Remembered(input_spec(draft.width_px, draft.height_px), own)
            finder = SegmentFinder(
                remembered, rules, threshold=chosen.threshold, apart=chosen.apart
            )
            finding = finder.find(lesson.pixels, 0)
            tally.add(judged(finding, lesson.instances, min_area_px=rules.min_area_px))
        tried.append({**levels, **tally.figures()})
    # A false region costs as much as a piece that is missed: a batch's time, and trust.
    best = max(
        tried,
        key=lambda each: each["whole_pieces"] - each["false_regions_per_scene"] * each["scenes"],
    )
    levels = {"threshold": best["threshold"], "apart": best["apart"]}
    return Levels(draft.model_copy(update=levels), tried, best, numbers)


class _Remembered:
    """A segmenter that says again what the model has said to a picture, to try levels on."""

    def __init__(self, spec: InputSpec, numbers: Numbers) -> None:
        self.spec = spec
        self._slot = np.empty((spec.height_px, spec.width_px, 3), np.uint8)
        self._numbers = numbers

    def slot(self) -> npt.NDArray[np.generic]:
        return self._slot

    def numbers(self) -> Numbers:
        return self._numbers


def _numbers_of(model: Path, draft: Segments, lessons: Sequence[Lesson]) -> Numbers:
    segmenter = open_segmenter(model, draft, runtime="auto", threads=1, clock=RealClock())
    cropper = Cropper(segmenter.spec, margin_frac=0.0, padding=PADDING)
    given = []
    for lesson in lessons:
        rows, columns = lesson.instances.shape
        cropper.write(lesson.pixels, Box(0, 0, columns, rows), segmenter.slot())
        given.append(segmenter.numbers())
    segmenter.close()
    return np.stack(given)
