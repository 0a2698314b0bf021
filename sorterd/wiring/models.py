"""The model: opened, checked and timed, and held against the settings it is to serve."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sorterd.classifiers import tflite
from sorterd.classifiers.bundle import Bundle, BundleFault, load
from sorterd.classifiers.segmenter import TfliteSegmenter, open_segmenter
from sorterd.classifiers.store import Store, candidates
from sorterd.core.batching import Cost
from sorterd.ports import Classifier, Clock
from sorterd.settings import Settings, SettingsFault, cross_faults
from sorterd.wiring.units import MS_NS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Model:
    """An opened model with its bundle and what it was measured to cost, by batch size.

    Attributes:
        segmenter: The bundle's second model, if it has one and the settings want it.
    """

    bundle: Bundle
    classifier: Classifier
    runtime: str
    costs: Mapping[int, Cost]
    segmenter: TfliteSegmenter | None = None

    def close(self) -> None:
        """Let go of the interpreters. Harmless when repeated."""
        self.classifier.close()
        self.let_go_of_segmenter()

    def let_go_of_segmenter(self) -> None:
        """Let go of what the sort thread owns. Harmless when repeated."""
        if self.segmenter is not None:
            self.segmenter.close()


def open_model(settings: Settings, clock: Clock, *, probing: bool = True) -> Model:
    """Open, check, warm and time the model; of an activated bundle the last good version.

    A version that was checked when it was activated and is faulty now lies on a bad card. The
    station goes on with the one before it, and says so each time.

    Args:
        settings: Name the bundle, and how it is run.
        clock: For the timing.
        probing: Time the batch sizes, and keep them only where a batch pays on this machine;
            without, all of them are there on every machine, and their times are worth nothing.

    Raises:
        BundleFault: The bundle must not be used, and there is no other version of it.
        DeviceUnavailable: No runtime works here, or the delegate does not.
    """
    *folders, last = candidates(settings.model.bundle, Store(settings.model.store))
    for folder in folders:
        try:
            return open_bundle(folder, settings, clock, probing=probing)
        except BundleFault as fault:
            log.warning(
                "%s; the one before it is taken instead: see `sorterd models list`, and put it in "
                "force with `sorterd models rollback`",
                fault,
            )
    return open_bundle(last, settings, clock, probing=probing)


def open_bundle(folder: Path, settings: Settings, clock: Clock, *, probing: bool = True) -> Model:
    """Open, check, warm and time the bundle in a folder, whatever the settings name.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: No runtime works here, or the delegate does not.
    """
    bundle = load(folder)
    classifier = tflite.open_part(
        bundle,
        runtime=settings.model.runtime,
        threads=settings.model.threads,
        batch_sizes=settings.model.batch_sizes,
        clock=clock,
        delegate=settings.model.delegate,
        probing=probing,
        timing=probing,
    )
    costs = {size: Cost(*cost) for size, cost in classifier.costs.items()}
    segments, segmenter = bundle.manifest.segments, None
    if settings.regions.finder == "segments" and segments is not None:
        segmenter = open_segmenter(
            bundle.folder / segments.model,
            segments,
            runtime=settings.model.runtime,
            threads=settings.model.threads,
            clock=clock,
            delegate=settings.model.delegate,
        )
    return Model(bundle, classifier, classifier.runtime, costs, segmenter)


def check_together(settings: Settings, model: Model, costs: Mapping[int, Cost]) -> None:
    """Hold settings and model against each other.

    Raises:
        SettingsFault: They do not fit; it holds every fault there is.
    """
    finders = {"difference": 0.0}
    if model.segmenter is not None:
        # Typical, not worst: one frame that comes late is counted and no harm.
        finders["segments"] = model.segmenter.cost[0] / MS_NS
    faults = cross_faults(
        settings,
        labels=model.bundle.labels,
        cost_ms={size: cost.worst_ns / MS_NS for size, cost in costs.items()},
        find_ms=finders,
        cores=cores_here(),
    )
    if faults:
        raise SettingsFault(faults)


def cores_here() -> int:
    """How many cores this process may use; a container may have fewer than there are."""
    # No sched_getaffinity on macOS and Windows.
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1
