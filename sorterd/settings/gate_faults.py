"""Gates that cannot do their work: reached too soon, open for too short, or where the camera looks.

The numbers behind each fault stand in it: millimetres of view and belt, milliseconds that a piece
leaves.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sorterd.core.deadlines import EARLY_LEADS
from sorterd.settings.faults import Fault
from sorterd.settings.layers import Keys
from sorterd.settings.load import Settings
from sorterd.settings.tree import Gate, Trigger


def belt_faults(settings: Settings, cost_ms: Mapping[int, float]) -> Iterator[Fault]:
    """Tell of gates, and of a beam, that cannot do their work on this belt."""
    view = _ViewAlongBelt.of(settings)
    for name, gate in settings.gates.items():
        keys = ("gates", name, "at_mm")
        if gate.at_mm is None:
            remedy = "measure it from the edge at which the belt enters the picture"
            yield settings.fault(keys, None, "must be given on a belt", remedy)
            continue
        if gate.at_mm > settings.belt.length_mm:
            bound = f"must be on the belt: at most belt.length_mm = {settings.belt.length_mm:g}"
            remedy = "move the gate, or correct belt.length_mm"
            yield settings.fault(keys, gate.at_mm, bound, remedy)
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
        yield settings.fault(keys, at_mm, bound, "move the gate down the belt, or the camera up")
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
        yield settings.fault(keys, at_mm, bound, remedy)


def _open_fault(settings: Settings, view: "_ViewAlongBelt") -> Iterator[Fault]:
    """Tell that gates are shut for safety before a slow piece has passed them."""
    slowest_mm_s = settings.belt.speed_mm_s * (1 - settings.belt.speed_tolerance_frac)
    needs_ms = {
        name: (view.piece_mm + 2 * gate.margin_mm) / slowest_mm_s * 1000 + gate.move_ms
        for name, gate in settings.gates.items()
    }
    yield from longest_on_faults(settings, needs_ms)
    need_ms = max(needs_ms.values(), default=0.0)
    if settings.max_open_ms < need_ms:
        bound = (
            f"must let a piece pass: at least {math.ceil(need_ms)} for one of "
            f"{view.piece_mm:.0f} mm at {slowest_mm_s:.0f} mm/s, with margins and movement"
        )
        remedy = "raise it, or run the belt faster"
        yield settings.fault(("max_open_ms",), settings.max_open_ms, bound, remedy)


def longest_on_faults(settings: Settings, needs_ms: Mapping[str, float]) -> Iterator[Fault]:
    """Tell of a part that goes off by itself before the station has done with it."""
    for name, need_ms in needs_ms.items():
        most_ms = getattr(settings.gates[name].part, "max_on_ms", None)
        if most_ms is not None and most_ms < need_ms:
            bound = f"must let a piece pass: at least {math.ceil(need_ms)}, with its movement"
            remedy = "raise it if the coil bears that, or have the gate open for less long"
            yield settings.fault(("gates", name, "max_on_ms"), most_ms, bound, remedy)


def _beam_faults(settings: Settings, beam: Trigger, view: "_ViewAlongBelt") -> Iterator[Fault]:
    """Tell of a beam that helps no gate: where the camera looks, or too near before the last."""
    keys, at_mm = ("trigger", "at_mm"), beam.at_mm
    if at_mm < view.far_mm:
        bound = f"must be past the camera's view, which knows better: at least {view.far_mm:g}"
        yield settings.fault(keys, at_mm, bound, "move the beam down the belt")
        return
    leads = 1 + EARLY_LEADS
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
        yield settings.fault(keys, at_mm, bound, "move the beam up the belt")


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
