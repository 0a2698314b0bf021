"""A station's parts, put together for whoever runs them: threads or lockstep."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2

from sorterd.core.batching import Cost
from sorterd.gates.mover import Mover
from sorterd.pipeline import Finder, Pipeline
from sorterd.ports import Classifier, Clock, Gate
from sorterd.settings import Settings
from sorterd.vision.best_crops import BestCrops
from sorterd.vision.crops import Cropper
from sorterd.vision.regions import RegionFinder
from sorterd.vision.segments import SegmentFinder
from sorterd.wiring.models import Model
from sorterd.wiring.plans import mind, region_rules
from sorterd.wiring.units import MS_NS


@dataclass(frozen=True, slots=True)
class Station:
    """The parts of one station, ready for threads or for lockstep."""

    pipeline: Pipeline
    classifier: Classifier
    cropper: Cropper
    mover: Mover


def assemble(
    settings: Settings,
    model: Model,
    costs: Mapping[int, Cost],
    gates: Mapping[str, Gate],
    clock: Clock,
    best_crops: BestCrops | None = None,
) -> Station:
    """Put the parts together.

    Args:
        settings: Checked together with the model.
        model: Opened.
        costs: What the mind is to believe of the model: measured, or nominal on a manual clock.
        gates: Opened, by name.
        clock: Of the whole station.
        best_crops: Keeps crops for a review; None for none.
    """
    # Two threads were seen to triple OpenCV's processor time for no gain; cores are the model's.
    cv2.setNumThreads(1)
    preprocessing = model.bundle.manifest.preprocessing
    return Station(
        pipeline=Pipeline(
            region_finder(settings, model), mind(settings, model, costs), clock, best_crops
        ),
        classifier=model.classifier,
        cropper=Cropper(
            model.classifier.spec,
            margin_frac=preprocessing.margin_frac,
            padding=preprocessing.padding,
        ),
        mover=Mover(
            gates,
            tolerance_ns=settings.gate_tolerance_ms * MS_NS,
            max_open_ns=settings.max_open_ms * MS_NS,
            moving_at_once=settings.moving_at_once,
            move_ns={name: gate.move_ms * MS_NS for name, gate in settings.gates.items()},
        ),
    )


def region_finder(settings: Settings, model: Model) -> Finder:
    """Return the finder that the settings name.

    Raises:
        ValueError: It needs a model that was not opened: `check_together` was not asked.
    """
    rules = region_rules(settings)
    if settings.regions.finder == "difference":
        return RegionFinder(rules)
    segments = model.bundle.manifest.segments
    if model.segmenter is None or segments is None:
        raise ValueError(f"{model.bundle.name} has no segments model")
    return SegmentFinder(model.segmenter, rules, threshold=segments.threshold, apart=segments.apart)
