"""Settings into parts: the one place where what a person writes becomes what the core works in.

Milliseconds become nanoseconds here, square millimetres become pixels, and
`kind = "servo"` becomes the part that `gates/servo.py` opens. Nothing here runs
the station.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from sorterd.classifiers import tflite
from sorterd.classifiers.bundle import Bundle, BundleFault, load
from sorterd.classifiers.segmenter import TfliteSegmenter, open_segmenter
from sorterd.classifiers.store import Store, candidates
from sorterd.core.batching import Cost
from sorterd.core.beam import Beam
from sorterd.core.belt import Belt, Direction
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.lid_sorter import LidPlan, LidSorter, LidStation
from sorterd.core.records import Box
from sorterd.core.scheduling import GatePlan
from sorterd.core.sorter import BeltStation, Sorter
from sorterd.gates.mover import Mover
from sorterd.gates.opening import open_gate
from sorterd.gates.simulated import SimulatedGate
from sorterd.pipeline import AnyMind, Finder, Pipeline
from sorterd.ports import (
    Camera,
    Classifier,
    Clock,
    DeviceUnavailable,
    Gate,
    PartSettings,
    Trigger,
)
from sorterd.settings import Settings, SettingsFault, cross_faults
from sorterd.settings.tree import View
from sorterd.simulation.servo import SimulatedServo
from sorterd.vision.best_crops import BestCrops
from sorterd.vision.crops import Cropper
from sorterd.vision.regions import RegionFinder, RegionRules
from sorterd.vision.segments import SegmentFinder

if TYPE_CHECKING:
    from sorterd.sinks.review import Review

log = logging.getLogger(__name__)

MS_NS = 1_000_000
MB_BYTES = 1_000_000


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


@dataclass(frozen=True, slots=True)
class Station:
    """The parts of one station, ready for threads or for lockstep."""

    pipeline: Pipeline
    classifier: Classifier
    cropper: Cropper
    mover: Mover


def open_model(settings: Settings, clock: Clock, *, probing: bool = True) -> Model:
    """Open, check, warm and time the model; of an activated bundle the last good version.

    A version that was checked when it was activated and is faulty now lies on a bad card. The
    station goes on with the one before it, and says so each time.

    Args:
        settings: Name the bundle, and how it is run.
        clock: For the timing.
        probing: Keep the batch sizes only where a batch pays on this machine; without, all of them
            are there on every machine.

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


@dataclass(frozen=True, slots=True)
class Reviewing:
    """Both ends of a review: what the road fills, and the sink that writes it down."""

    best_crops: BestCrops
    sink: "Review"

    @property
    def summary(self) -> str:
        """One line for a person: what was kept, and what was not."""
        return self.sink.summary(self.best_crops.lost)


def open_reviewing(
    settings: Settings, model: Model, folder: Path, *, run: int, seed: int
) -> Reviewing:
    """Open a review folder for the station's crops.

    Args:
        settings: Say which crops are kept, and how many.
        model: Opened.
        folder: Where; the settings' own is for a real station.
        run: The journal's; 0 without one.
        seed: Of the share of sure pieces that is left to chance.

    Raises:
        DeviceUnavailable: It cannot be written to, or its list is another program's.
    """
    manifest, review = model.bundle.manifest, settings.review
    shape = manifest.preprocessing
    best_crops = BestCrops(
        margin_frac=shape.margin_frac, side_px=max(shape.width_px, shape.height_px)
    )
    # By name, for the 5 ms that their imports take: few stations keep crops.
    part = import_module("sorterd.sinks.review")
    room = import_module("sorterd.sinks.review_folder").Room
    sink = part.open_review(
        folder,
        best_crops.take,
        part.Choice(below_frac=review.below_frac, control_frac=review.control_frac, seed=seed),
        part.Origin(run, model.bundle.labels, manifest.name, manifest.version),
        room(review.most_files, review.most_per_label, round(review.most_mb * MB_BYTES)),
        round(review.daily_mb * MB_BYTES),
    )
    return Reviewing(best_crops, sink)


def open_gates(settings: Settings, clock: Clock) -> dict[str, Gate]:
    """Open every gate as its settings say. None moves.

    Raises:
        DeviceUnavailable: One could not be opened; those opened before are let go.
    """
    gates: dict[str, Gate] = {}
    try:
        for name, gate in settings.gates.items():
            gates[name] = open_gate(name, gate.part, clock, move_ns=gate.move_ms * MS_NS)
    except OSError:
        for opened in gates.values():
            opened.close()
        raise
    return gates


def simulated_gates(
    settings: Settings, clock: Clock
) -> tuple[dict[str, Gate], dict[str, SimulatedServo]]:
    """Open every gate as a simulated one, whatever its settings say; and the servos behind them."""
    servos = {name: SimulatedServo(gate.move_ms * MS_NS) for name, gate in settings.gates.items()}
    gates: dict[str, Gate] = {
        name: SimulatedGate(name, clock, servo) for name, servo in servos.items()
    }
    return gates, servos


def open_trigger(settings: Settings, clock: Clock) -> Trigger | None:
    """Open the light barrier, if the settings have one. It tells nothing yet.

    Raises:
        DeviceUnavailable: It could not be opened.
    """
    if settings.trigger is None:
        return None
    part = settings.trigger.part
    trigger: Trigger = _opener("triggers", part)(part, clock)
    return trigger


def open_camera(part: PartSettings, view: View, clock: Clock) -> Camera:
    """Open a camera that needs no world.

    Args:
        part: Its settings.
        view: The size of frame that the station is set up for.
        clock: Of the whole station.

    Raises:
        DeviceUnavailable: It could not be opened, or shows frames of another size.
    """
    camera: Camera = _opener("cameras", part)(part, clock)
    if (camera.width_px, camera.height_px) == (view.width_px, view.height_px):
        return camera
    camera.close()
    raise DeviceUnavailable(
        f"camera {part.kind}: its frames have {camera.width_px} x {camera.height_px} pixels, "
        f"view.width_px and view.height_px say {view.width_px} x {view.height_px}; "
        "correct the view, or give the camera that width_px and height_px"
    )


def _opener(room: str, part: PartSettings) -> Callable[..., Any]:
    opener: Callable[..., Any] = import_module(f"sorterd.{room}.{part.kind}").open_part
    return opener


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


def region_rules(settings: Settings) -> RegionRules:
    """Return what counts as a region, in pixels."""
    px2_per_mm2 = settings.view.mm_per_px**-2
    return RegionRules(
        view=_view_box(settings),
        min_area_px=max(1, round(settings.regions.min_area_mm2 * px2_per_mm2)),
        sensitivity=settings.regions.sensitivity_levels,
        learn_ns=round(settings.regions.learn_s * 1000) * MS_NS,
        covered_frac=settings.regions.covered_frac,
    )


def mind(settings: Settings, model: Model, costs: Mapping[int, Cost]) -> AnyMind:
    """Return the sorter of the kind of station that the settings name."""
    if settings.station == "belt":
        return Sorter(_belt_station(settings, model.bundle), costs)
    return LidSorter(_lid_station(settings, model.bundle), costs)


def belt_of(settings: Settings) -> Belt:
    """Return the belt as the camera sees it."""
    return Belt(
        speed_mm_s=settings.belt.speed_mm_s,
        direction=Direction(settings.belt.direction),
        mm_per_px=settings.view.mm_per_px,
        width_px=settings.view.width_px,
        height_px=settings.view.height_px,
        view=_view_box(settings),
        length_mm=settings.belt.length_mm,
        speed_tolerance_frac=settings.belt.speed_tolerance_frac,
        longest_mm=settings.belt.longest_piece_mm,
    )


def _belt_station(settings: Settings, bundle: Bundle) -> BeltStation:
    return BeltStation(
        belt=belt_of(settings),
        gates={
            name: GatePlan(
                name=name,
                at_mm=gate.at_mm,
                move_ns=gate.move_ms * MS_NS,
                margin_mm=gate.margin_mm,
                recover_ns=gate.recover_ms * MS_NS,
            )
            for name, gate in settings.gates.items()
            if gate.at_mm is not None
        },
        bins=bins_of(settings),
        judging=_judging(settings, bundle),
        lead_ns=settings.lead_ms * MS_NS,
        moving_at_once=settings.moving_at_once,
        max_age_ns=settings.frames.max_age_ms * MS_NS,
        stall_ns=settings.model.stall_ms * MS_NS,
        beam=settings.trigger and Beam(settings.trigger.at_mm, settings.trigger.tolerance_mm),
    )


def _lid_station(settings: Settings, bundle: Bundle) -> LidStation:
    return LidStation(
        mm_per_px=settings.view.mm_per_px,
        lids={
            name: LidPlan(name, gate.move_ms * MS_NS, gate.recover_ms * MS_NS)
            for name, gate in settings.gates.items()
        },
        bins=bins_of(settings),
        judging=_judging(settings, bundle),
        still_ns=settings.tray.still_ms * MS_NS,
        patience_ns=round(settings.tray.patience_s * 1000) * MS_NS,
        open_ns=settings.tray.open_ms * MS_NS,
        lead_ns=settings.lead_ms * MS_NS,
        max_age_ns=settings.frames.max_age_ms * MS_NS,
        stall_ns=settings.model.stall_ms * MS_NS,
    )


def bins_of(settings: Settings) -> Bins:
    """Return which label goes into which bin, and which gate leads there."""
    return Bins(
        of_label={label: name for name, each in settings.bins.items() for label in each.labels},
        gate_of={name: each.gate for name, each in settings.bins.items() if each.gate is not None},
        end_bin=settings.end_bin,
    )


def _judging(settings: Settings, bundle: Bundle) -> JudgingRules:
    given, own = settings.judging, bundle.manifest.thresholds
    return JudgingRules(
        labels=bundle.labels,
        stages=bundle.stages,
        stage_one_frac=_first(given.stage_one_frac, own.stage_one_frac),
        stage_two_frac=_first(given.stage_two_frac, own.stage_two_frac),
        sure_frac=given.sure_frac,
        min_views=given.min_views,
        max_views=given.max_views,
        same_view_mm=given.same_view_mm,
    )


def _first(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given


def _view_box(settings: Settings) -> Box:
    view, region = settings.view, settings.view.region_of_interest
    if region is None:
        return Box(0, 0, view.width_px, view.height_px)
    return Box(region.left_px, region.top_px, region.width_px, region.height_px)
