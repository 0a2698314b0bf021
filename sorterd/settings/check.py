"""What one setting means for another: the faults that no single value shows.

Each value may lie within its own bounds and the station still cannot work: two gates on one
pin, a gate that pieces reach before it can move. Every such fault is told at once, with the
numbers behind it. Nothing here opens a device; what the model can do is told by the caller.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from sorterd.settings.faults import Fault, SettingsFault
from sorterd.settings.gate_faults import belt_faults, longest_on_faults
from sorterd.settings.load import Settings
from sorterd.settings.owner_faults import bin_faults, label_faults, pin_faults, taken_faults


def cross_faults(
    settings: Settings,
    *,
    labels: Sequence[str] | None,
    cost_ms: Mapping[int, float] | None,
    find_ms: Mapping[str, float] | None = None,
    cores: int | None = None,
) -> list[Fault]:
    """Return every fault between settings, and between them and the model.

    Args:
        settings: Each value within its own bounds.
        labels: The model's labels; None if no model is at hand.
        cost_ms: The worst measured time of a call by batch size; None if nothing was measured.
        find_ms: By finder, the typical time that its model was measured to need for a frame, of
            those finders that the bundle serves; None if no model is at hand.
        cores: How many the station may use; None if that is another machine's matter.
    """
    region = list(_region_faults(settings))
    faults = [
        *region,
        *_camera_faults(settings),
        *pin_faults(settings),
        *taken_faults(settings),
        *bin_faults(settings),
        *label_faults(settings, labels),
        *_model_faults(settings, cost_ms or {}),
        *_finder_faults(settings, find_ms),
        *_core_faults(settings, cores),
        *_trigger_kind_faults(settings),
    ]
    if settings.station == "lids":
        faults += _lid_faults(settings, cost_ms or {})
    elif not region:  # the gates' places mean nothing beside a region that is nowhere
        faults += belt_faults(settings, cost_ms or {})
    return faults


def _region_faults(settings: Settings) -> Iterator[Fault]:
    view, region = settings.view, settings.view.region_of_interest
    if region is None:
        return
    sides = (
        ("left_px", region.left_px, "width_px", region.width_px, view.width_px),
        ("top_px", region.top_px, "height_px", region.height_px, view.height_px),
    )
    for start, start_px, size, size_px, frame_px in sides:
        keys = ("view", "region_of_interest")
        room_px = frame_px - start_px
        if room_px <= 0:
            bound = f"must lie inside the frame: less than view.{size} = {frame_px}"
            yield settings.fault((*keys, start), start_px, bound, "give a smaller number")
        elif size_px == 0:
            bound = "must not be empty: at least 1"
            remedy = "give its size, or leave region_of_interest out for the whole frame"
            yield settings.fault((*keys, size), size_px, bound, remedy)
        elif size_px > room_px:
            bound = (
                f"must end inside the frame: at most {room_px}, "
                f"by {start} = {start_px} and view.{size} = {frame_px}"
            )
            yield settings.fault((*keys, size), size_px, bound, f"write {room_px} or less")


def _camera_faults(settings: Settings) -> Iterator[Fault]:
    """Tell of a camera whose frames are asked for in another size than the station counts on."""
    for field, size_px in settings.camera:
        wanted_px = getattr(settings.view, field) if field in {"width_px", "height_px"} else None
        if wanted_px is not None and size_px is not None and size_px != wanted_px:
            bound = f"must be view.{field} = {wanted_px}: places are measured in its pixels"
            remedy = "make the two equal, and measure view.mm_per_px in that size"
            yield settings.fault(("camera", field), size_px, bound, remedy)


def _model_faults(settings: Settings, cost_ms: Mapping[int, float]) -> Iterator[Fault]:
    sizes = settings.model.batch_sizes
    keys = ("model", "batch_sizes")
    if 1 not in sizes:
        bound = "must hold 1: a piece alone must not wait for another"
        yield settings.fault(keys, sizes, bound, "put 1 first")
    if any(size >= following for size, following in itertools.pairwise(sizes)):
        rising = sorted(set(sizes))
        bound = "must rise, each size once"
        yield settings.fault(keys, sizes, bound, f"write {rising}")
    stall_ms = settings.model.stall_ms
    worst_ms = max((cost_ms[size] for size in sizes if size in cost_ms), default=0.0)
    if worst_ms >= stall_ms:
        bound = f"must be above the model's worst measured call, {worst_ms:.1f} ms"
        remedy = "raise it well above that, or take the largest of model.batch_sizes out"
        yield settings.fault(("model", "stall_ms"), stall_ms, bound, remedy)
    judging = settings.judging
    if judging.min_views > judging.max_views:
        bound = f"must be at most judging.max_views = {judging.max_views}"
        remedy = "lower it, or raise judging.max_views"
        yield settings.fault(("judging", "min_views"), judging.min_views, bound, remedy)


def _finder_faults(settings: Settings, find_ms: Mapping[str, float] | None) -> Iterator[Fault]:
    finder = settings.regions.finder
    if find_ms is None:
        return
    if finder not in find_ms:
        bound = f"must be a finder that the bundle serves: {', '.join(find_ms)}"
        remedy = 'write "difference", or name a bundle that has a segments model'
        yield settings.fault(("regions", "finder"), finder, bound, remedy)
    elif find_ms[finder] >= settings.frames.max_age_ms:
        bound = f"must be above the {find_ms[finder]:.1f} ms that the finder needs for a frame"
        remedy = 'raise it, or write regions.finder = "difference"'
        max_age_ms = settings.frames.max_age_ms
        yield settings.fault(("frames", "max_age_ms"), max_age_ms, bound, remedy)


def _core_faults(settings: Settings, cores: int | None) -> Iterator[Fault]:
    """Tell that the model would take every core from the road; of one core both have a share."""
    threads = settings.model.threads
    most = threads if cores is None else max(1, cores - 1)
    if threads > most:
        bound = f"must leave a core to the road: at most {most}, of {cores} here"
        yield settings.fault(("model", "threads"), threads, bound, f"write {most}")


def _trigger_kind_faults(settings: Settings) -> Iterator[Fault]:
    trigger, camera = settings.trigger, settings.camera
    if trigger is None:
        return
    if settings.station == "lids":
        bound = "must be left out: no piece passes a beam on a station with lids"
        remedy = "take the table [trigger] out"
        yield settings.fault(("trigger", "at_mm"), trigger.at_mm, bound, remedy)
    if trigger.part.kind == "simulated" != camera.kind:
        bound = "must be a trigger that exists: a simulated one sees the simulated belt alone"
        remedy = 'write "beam", or take the table [trigger] out'
        yield settings.fault(("trigger", "kind"), trigger.part.kind, bound, remedy)


def _lid_faults(settings: Settings, cost_ms: Mapping[int, float]) -> Iterator[Fault]:
    tray = settings.tray
    if not settings.gates:
        remedy = "add a table [gates.NAME] for each lid"
        yield settings.fault(("gates",), settings.gates, "must hold the station's lids", remedy)
    if tray.open_ms > settings.max_open_ms:
        bound = f"must be at most max_open_ms = {settings.max_open_ms}"
        remedy = "lower it, or raise max_open_ms"
        yield settings.fault(("tray", "open_ms"), tray.open_ms, bound, remedy)
    yield from longest_on_faults(
        settings, {name: gate.move_ms + tray.open_ms for name, gate in settings.gates.items()}
    )
    need_s = (tray.still_ms + cost_ms.get(1, 0.0)) / 1000
    if tray.patience_s <= need_s:
        bound = (
            f"must be above {need_s:.2f}: {tray.still_ms} ms of lying still "
            f"and {cost_ms.get(1, 0.0):.1f} ms for the model"
        )
        yield settings.fault(("tray", "patience_s"), tray.patience_s, bound, "raise it")


def ask_for_a_camera(settings: Settings, remedy: str) -> None:
    """Refuse settings whose camera is only simulated, for whoever needs one that exists.

    Args:
        settings: The station's.
        remedy: What to do about it, where that is asked.

    Raises:
        SettingsFault: It is the simulated one.
    """
    if settings.camera.kind == "simulated":
        bound = "must be a camera that exists"
        raise SettingsFault([settings.fault(("camera", "kind"), "simulated", bound, remedy)])
