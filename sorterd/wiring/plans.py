"""What a person writes, in the terms that the core and the finder work in.

Milliseconds become nanoseconds here, square millimetres become pixels. Nothing here opens anything.
"""

from collections.abc import Mapping

from sorterd.classifiers.bundle import Bundle
from sorterd.core.batching import Cost
from sorterd.core.beam import Beam
from sorterd.core.belt import Belt, Direction
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.lid_sorter import LidPlan, LidSorter, LidStation
from sorterd.core.records import Box
from sorterd.core.scheduling import GatePlan
from sorterd.core.sorter import BeltStation, Sorter
from sorterd.pipeline import AnyMind
from sorterd.settings import Settings
from sorterd.vision.regions import RegionRules
from sorterd.wiring.models import Model
from sorterd.wiring.units import MS_NS


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
        beam=None
        if settings.trigger is None
        else Beam(settings.trigger.at_mm, settings.trigger.tolerance_mm),
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


def _view_box(settings: Settings) -> Box:
    view, region = settings.view, settings.view.region_of_interest
    if region is None:
        return Box(0, 0, view.width_px, view.height_px)
    return Box(region.left_px, region.top_px, region.width_px, region.height_px)
