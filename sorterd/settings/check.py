"""What one setting means for another: the faults that no single value shows.

Each value may lie within its own bounds and the station still cannot work: two gates on one
pin, a gate that pieces reach before it can move. Every such fault is told at once, with the
numbers behind it. Nothing here opens a device; what the model can do is told by the caller.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sorterd.core.sorter import Sorter
from sorterd.ports import PartSettings
from sorterd.settings.faults import Fault, key_text, nearest
from sorterd.settings.layers import Keys
from sorterd.settings.load import Settings
from sorterd.settings.tree import Gate, Trigger


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
        *_pin_faults(settings),
        *_taken_faults(settings),
        *_bin_faults(settings),
        *_label_faults(settings, labels),
        *_model_faults(settings, cost_ms or {}),
        *_finder_faults(settings, find_ms),
        *_core_faults(settings, cores),
        *_trigger_kind_faults(settings),
    ]
    if settings.station == "lids":
        faults += _lid_faults(settings, cost_ms or {})
    elif not region:  # the gates' places mean nothing beside a region that is nowhere
        faults += _belt_faults(settings, cost_ms or {})
    return faults


def _fault(settings: Settings, keys: Keys, value: object, bound: str, remedy: str) -> Fault:
    source = settings.source_of(keys if value is not None else keys[:-1])
    return Fault(key_text(keys), value, bound, remedy, source)


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
            yield _fault(settings, (*keys, start), start_px, bound, "give a smaller number")
        elif size_px == 0:
            bound = "must not be empty: at least 1"
            remedy = "give its size, or leave region_of_interest out for the whole frame"
            yield _fault(settings, (*keys, size), size_px, bound, remedy)
        elif size_px > room_px:
            bound = (
                f"must end inside the frame: at most {room_px}, "
                f"by {start} = {start_px} and view.{size} = {frame_px}"
            )
            yield _fault(settings, (*keys, size), size_px, bound, f"write {room_px} or less")


def _camera_faults(settings: Settings) -> Iterator[Fault]:
    """Tell of a camera whose frames are asked for in another size than the station counts on."""
    for field, size_px in settings.camera:
        wanted_px = getattr(settings.view, field) if field in {"width_px", "height_px"} else None
        if wanted_px is not None and size_px is not None and size_px != wanted_px:
            bound = f"must be view.{field} = {wanted_px}: places are measured in its pixels"
            remedy = "make the two equal, and measure view.mm_per_px in that size"
            yield _fault(settings, ("camera", field), size_px, bound, remedy)


def _pin_faults(settings: Settings) -> Iterator[Fault]:
    parts: list[tuple[Keys, PartSettings]] = [
        (("gates", name), gate.part) for name, gate in settings.gates.items()
    ]
    if settings.trigger is not None:
        parts.append((("trigger",), settings.trigger.part))
    owners: dict[object, str] = {}
    for table, part in parts:
        for field, pin in part:
            if pin is None or not (field == "pin" or field.endswith("_pin")):
                continue
            keys = (*table, field)
            if pin in owners:
                bound = f"must be a pin of its own: {owners[pin]} has it too"
                yield _fault(settings, keys, pin, bound, "wire one of the two to another pin")
            owners.setdefault(pin, key_text(keys))


def _taken_faults(settings: Settings) -> Iterator[Fault]:
    """Tell of what two parts cannot share, like a channel of one board."""
    owners: dict[str, str] = {}
    for name, gate in settings.gates.items():
        for field, what in gate.part.takes().items():
            keys = ("gates", name, field)
            if what in owners:
                bound = f"must be its own: {owners[what]} has {what} too"
                remedy = "wire one of the two to another"
                yield _fault(settings, keys, getattr(gate.part, field), bound, remedy)
            owners.setdefault(what, key_text(keys))


def _bin_faults(settings: Settings) -> Iterator[Fault]:
    if settings.end_bin not in settings.bins:
        guess = nearest(settings.end_bin, settings.bins)
        bound = f"must be one of the bins: {', '.join(settings.bins)}"
        remedy = f'write "{guess}", or add the bin'
        yield _fault(settings, ("end_bin",), settings.end_bin, bound, remedy)
    users: dict[str, str] = {}
    for name, each in settings.bins.items():
        keys = ("bins", name, "gate")
        is_end = name == settings.end_bin
        if each.gate is None:
            if not is_end:
                bound = "must be given: only the end bin is reached without a gate"
                yield _fault(settings, keys, None, bound, f"name {name}'s gate, or remove the bin")
            continue
        if is_end and settings.station == "belt":
            bound = "must be left out: a piece lands in the end bin when nothing moves"
            remedy = "take the gate out, or name another end_bin"
            yield _fault(settings, keys, each.gate, bound, remedy)
        if each.gate not in settings.gates:
            guess = nearest(each.gate, settings.gates)
            bound = f"must be one of the gates: {', '.join(settings.gates) or 'there are none'}"
            remedy = f'write "{guess}", or add the gate' if guess else "add the gate"
            yield _fault(settings, keys, each.gate, bound, remedy)
        elif each.gate in users:
            bound = f"must lead to one bin: bins.{users[each.gate]} has this gate too"
            yield _fault(settings, keys, each.gate, bound, "give each of the two bins its own gate")
        users.setdefault(each.gate, name)
    for name, gate in settings.gates.items():
        if name not in users:
            bound = "must be the gate of a bin: no bin uses it"
            remedy = f'write gate = "{name}" in the bin behind it, or remove the gate'
            yield _fault(settings, ("gates", name), gate.part.kind, bound, remedy)


def _label_faults(settings: Settings, labels: Sequence[str] | None) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for name, each in settings.bins.items():
        keys = ("bins", name, "labels")
        for label in each.labels:
            if label in owners:
                bound = f"must stand in one bin, once: bins.{owners[label]} has it already"
                yield _fault(settings, keys, label, bound, "take it out of one of the two")
            elif labels is not None and label not in labels:
                bound = f"must be one of the model's labels: {', '.join(labels)}"
                remedy = f'write "{nearest(label, labels)}", or take it out'
                yield _fault(settings, keys, label, bound, remedy)
            owners.setdefault(label, name)
    for label in labels or ():
        if label not in owners:
            bound = "must hold every label of the model: this one has no bin"
            remedy = "add it to the labels of a bin, the end bin if nothing else"
            yield _fault(settings, ("bins",), label, bound, remedy)


def _model_faults(settings: Settings, cost_ms: Mapping[int, float]) -> Iterator[Fault]:
    sizes = settings.model.batch_sizes
    keys = ("model", "batch_sizes")
    if 1 not in sizes:
        bound = "must hold 1: a piece alone must not wait for another"
        yield _fault(settings, keys, sizes, bound, "put 1 first")
    if any(size >= following for size, following in itertools.pairwise(sizes)):
        rising = sorted(set(sizes))
        bound = "must rise, each size once"
        yield _fault(settings, keys, sizes, bound, f"write {rising}")
    stall_ms = settings.model.stall_ms
    worst_ms = max((cost_ms[size] for size in sizes if size in cost_ms), default=0.0)
    if worst_ms >= stall_ms:
        bound = f"must be above the model's worst measured call, {worst_ms:.1f} ms"
        remedy = "raise it well above that, or take the largest of model.batch_sizes out"
        yield _fault(settings, ("model", "stall_ms"), stall_ms, bound, remedy)
    judging = settings.judging
    if judging.min_views > judging.max_views:
        bound = f"must be at most judging.max_views = {judging.max_views}"
        remedy = "lower it, or raise judging.max_views"
        yield _fault(settings, ("judging", "min_views"), judging.min_views, bound, remedy)


def _finder_faults(settings: Settings, find_ms: Mapping[str, float] | None) -> Iterator[Fault]:
    finder = settings.regions.finder
    if find_ms is None:
        return
    if finder not in find_ms:
        bound = f"must be a finder that the bundle serves: {', '.join(find_ms)}"
        remedy = 'write "difference", or name a bundle that has a segments model'
        yield _fault(settings, ("regions", "finder"), finder, bound, remedy)
    elif find_ms[finder] >= settings.frames.max_age_ms:
        bound = f"must be above the {find_ms[finder]:.1f} ms that the finder needs for a frame"
        remedy = 'raise it, or write regions.finder = "difference"'
        max_age_ms = settings.frames.max_age_ms
        yield _fault(settings, ("frames", "max_age_ms"), max_age_ms, bound, remedy)


def _core_faults(settings: Settings, cores: int | None) -> Iterator[Fault]:
    """Tell that the model would take every core from the road; of one core both have a share."""
    threads = settings.model.threads
    most = threads if cores is None else max(1, cores - 1)
    if threads > most:
        bound = f"must leave a core to the road: at most {most}, of {cores} here"
        yield _fault(settings, ("model", "threads"), threads, bound, f"write {most}")


def _trigger_kind_faults(settings: Settings) -> Iterator[Fault]:
    trigger, camera = settings.trigger, settings.camera
    if trigger is None:
        return
    if settings.station == "lids":
        bound = "must be left out: no piece passes a beam on a station with lids"
        remedy = "take the table [trigger] out"
        yield _fault(settings, ("trigger", "at_mm"), trigger.at_mm, bound, remedy)
    if trigger.part.kind == "simulated" != camera.kind:
        bound = "must be a trigger that exists: a simulated one sees the simulated belt alone"
        remedy = 'write "beam", or take the table [trigger] out'
        yield _fault(settings, ("trigger", "kind"), trigger.part.kind, bound, remedy)


def _lid_faults(settings: Settings, cost_ms: Mapping[int, float]) -> Iterator[Fault]:
    tray = settings.tray
    if not settings.gates:
        remedy = "add a table [gates.NAME] for each lid"
        yield _fault(settings, ("gates",), settings.gates, "must hold the station's lids", remedy)
    if tray.open_ms > settings.max_open_ms:
        bound = f"must be at most max_open_ms = {settings.max_open_ms}"
        remedy = "lower it, or raise max_open_ms"
        yield _fault(settings, ("tray", "open_ms"), tray.open_ms, bound, remedy)
    yield from _longest_on_faults(
        settings, {name: gate.move_ms + tray.open_ms for name, gate in settings.gates.items()}
    )
    need_s = (tray.still_ms + cost_ms.get(1, 0.0)) / 1000
    if tray.patience_s <= need_s:
        bound = (
            f"must be above {need_s:.2f}: {tray.still_ms} ms of lying still "
            f"and {cost_ms.get(1, 0.0):.1f} ms for the model"
        )
        yield _fault(settings, ("tray", "patience_s"), tray.patience_s, bound, "raise it")


def _belt_faults(settings: Settings, cost_ms: Mapping[int, float]) -> Iterator[Fault]:
    view = _ViewAlongBelt.of(settings)
    for name, gate in settings.gates.items():
        keys = ("gates", name, "at_mm")
        if gate.at_mm is None:
            remedy = "measure it from the edge at which the belt enters the picture"
            yield _fault(settings, keys, None, "must be given on a belt", remedy)
            continue
        if gate.at_mm > settings.belt.length_mm:
            bound = f"must be on the belt: at most belt.length_mm = {settings.belt.length_mm:g}"
            remedy = "move the gate, or correct belt.length_mm"
            yield _fault(settings, keys, gate.at_mm, bound, remedy)
        yield from _place_fault(settings, keys, gate, gate.at_mm, view, cost_ms)
    yield from _open_fault(settings, view)
    if settings.trigger is not None:
        yield from _beam_faults(settings, settings.trigger, view)


def _place_fault(
    settings: Settings,
    keys: Keys,
    gate: Gate,
    at_mm: float,
    view: "_ViewAlongBelt",
    cost_ms: Mapping[int, float],
) -> Iterator[Fault]:
    """Tell that a gate stands where the camera still looks, or else that the model is too slow."""
    speed_mm_s = settings.belt.speed_mm_s
    fastest_mm_s = speed_mm_s * (1 + settings.belt.speed_tolerance_frac)
    moving_mm = fastest_mm_s * gate.move_ms / 1000
    clear_mm = view.far_mm + gate.margin_mm + moving_mm
    if at_mm < clear_mm:
        bound = (
            f"must be past the camera's view: at least {math.ceil(clear_mm)}, which is "
            f"{view.far_mm:g} mm of view, margin_mm = {gate.margin_mm:g} and {moving_mm:.0f} mm "
            f"of belt in move_ms = {gate.move_ms}"
        )
        yield _fault(settings, keys, at_mm, bound, "move the gate down the belt, or the camera up")
        return
    if 1 not in cost_ms:
        return
    way_mm = at_mm - gate.margin_mm - view.piece_mm - view.near_mm
    have_ms = way_mm / fastest_mm_s * 1000 - gate.move_ms
    need_ms = cost_ms[1] + settings.lead_ms
    if have_ms < need_ms:
        enough_mm = math.ceil(at_mm + (need_ms - have_ms) / 1000 * fastest_mm_s)
        slow_mm_s = math.floor(speed_mm_s * (have_ms + gate.move_ms) / (need_ms + gate.move_ms))
        bound = (
            f"must leave the model time: a piece of {view.piece_mm:.0f} mm, once whole in view, "
            f"gives {have_ms:.0f} ms until the gate must start; the model needs "
            f"{cost_ms[1]:.1f} ms and lead_ms = {settings.lead_ms}"
        )
        remedy = (
            f"move the gate to {enough_mm} mm or further, run the belt at {slow_mm_s} mm/s or "
            "slower, or take a faster model"
        )
        yield _fault(settings, keys, at_mm, bound, remedy)


def _open_fault(settings: Settings, view: "_ViewAlongBelt") -> Iterator[Fault]:
    """Tell that gates are shut for safety before a slow piece has passed them."""
    slowest_mm_s = settings.belt.speed_mm_s * (1 - settings.belt.speed_tolerance_frac)
    needs_ms = {
        name: (view.piece_mm + 2 * gate.margin_mm) / slowest_mm_s * 1000 + gate.move_ms
        for name, gate in settings.gates.items()
    }
    yield from _longest_on_faults(settings, needs_ms)
    need_ms = max(needs_ms.values(), default=0.0)
    if settings.max_open_ms < need_ms:
        bound = (
            f"must let a piece pass: at least {math.ceil(need_ms)} for one of "
            f"{view.piece_mm:.0f} mm at {slowest_mm_s:.0f} mm/s, with margins and movement"
        )
        remedy = "raise it, or run the belt faster"
        yield _fault(settings, ("max_open_ms",), settings.max_open_ms, bound, remedy)


def _longest_on_faults(settings: Settings, needs_ms: Mapping[str, float]) -> Iterator[Fault]:
    """Tell of a part that goes off by itself before the station has done with it."""
    for name, need_ms in needs_ms.items():
        most_ms = getattr(settings.gates[name].part, "max_on_ms", None)
        if most_ms is not None and most_ms < need_ms:
            bound = f"must let a piece pass: at least {math.ceil(need_ms)}, with its movement"
            remedy = "raise it if the coil bears that, or have the gate open for less long"
            yield _fault(settings, ("gates", name, "max_on_ms"), most_ms, bound, remedy)


def _beam_faults(settings: Settings, beam: Trigger, view: "_ViewAlongBelt") -> Iterator[Fault]:
    """Tell of a beam that helps no gate: where the camera looks, or too near before the last."""
    keys, at_mm = ("trigger", "at_mm"), beam.at_mm
    if at_mm < view.far_mm:
        bound = f"must be past the camera's view, which knows better: at least {view.far_mm:g}"
        yield _fault(settings, keys, at_mm, bound, "move the beam down the belt")
        return
    leads = 1 + Sorter.EARLY_LEADS
    fastest_mm_s = settings.belt.speed_mm_s * (1 + settings.belt.speed_tolerance_frac)
    places = [
        (gate.at_mm - gate.margin_mm - fastest_mm_s * notice_ms / 1000, notice_ms, name)
        for name, gate in settings.gates.items()
        if gate.at_mm is not None
        for notice_ms in (gate.move_ms + leads * settings.lead_ms,)
    ]
    last_mm, notice_ms, name = max(places, default=(at_mm, 0, ""))
    # A piece that is believed to be ahead of the beam has had its pulse sent by so much sooner.
    last_mm -= beam.tolerance_mm
    if at_mm > last_mm:
        gate = settings.gates[name]
        bound = (
            f"must help a gate: at most {math.floor(last_mm)}, which is gates.{name}.at_mm = "
            f"{gate.at_mm:g} without margin_mm = {gate.margin_mm:g}, "
            f"trigger.tolerance_mm = {beam.tolerance_mm:g} and the "
            f"{fastest_mm_s * notice_ms / 1000:.0f} mm of belt in move_ms = {gate.move_ms} and "
            f"{leads} times lead_ms = {settings.lead_ms}"
        )
        yield _fault(settings, keys, at_mm, bound, "move the beam up the belt")


@dataclass(frozen=True, slots=True)
class _ViewAlongBelt:
    """Where pieces are looked for, measured like a gate's place.

    Attributes:
        near_mm: Where the region of interest begins.
        far_mm: Where it ends.
    """

    near_mm: float
    far_mm: float

    @property
    def piece_mm(self) -> float:
        """The length of a piece that stands for all: half the view.

        A shorter one has more time; one as long as the view is whole in it for an instant only.
        """
        return (self.far_mm - self.near_mm) / 2

    @classmethod
    def of(cls, settings: Settings) -> "_ViewAlongBelt":
        view, box = settings.view, settings.view.region_of_interest
        if settings.belt.direction in {"right", "left"}:
            frame_px = view.width_px
            start_px, size_px = (box.left_px, box.width_px) if box else (0, frame_px)
        else:
            frame_px = view.height_px
            start_px, size_px = (box.top_px, box.height_px) if box else (0, frame_px)
        if settings.belt.direction in {"left", "up"}:
            # The belt enters at the right or lower edge, and places are measured from there.
            start_px = frame_px - start_px - size_px
        return cls(start_px * view.mm_per_px, (start_px + size_px) * view.mm_per_px)
