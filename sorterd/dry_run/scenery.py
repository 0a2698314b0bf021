"""The world of a dry run, from the station's settings: belt or tray, gates where they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sorterd.cameras import simulated
from sorterd.core.belt import Direction
from sorterd.ports import Clock
from sorterd.settings import Settings
from sorterd.simulation.barrier import passings
from sorterd.simulation.belt_world import BeltEnds, BeltWorld
from sorterd.simulation.photos import open_photos
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.supply import DrawnPieces
from sorterd.simulation.tray_world import TrayWorld
from sorterd.simulation.world import GatePlace, PieceSource, World
from sorterd.triggers import simulated as simulated_part
from sorterd.triggers.simulated import SimulatedTrigger

# More than a day's worth; with no other end the time ends the run.
MOST_PIECES = 1_000_000
# The longest piece there is, with its turning: it must have left the belt when the time is over.
LONGEST_MM = 150.0


def pieces_from(images: Path | None, labels: Sequence[str]) -> tuple[PieceSource, list[str]]:
    """Return where pieces come from, and the list that grows by a line for what cannot be one.

    Raises:
        PhotoFault: The folder holds nothing that could lie on a belt.
    """
    if images is None:
        return DrawnPieces(), []
    shelf = open_photos(images, labels)
    return shelf, shelf.faults


def build_world(
    settings: Settings,
    source: PieceSource,
    *,
    servos: Mapping[str, SimulatedServo],
    seed: int,
    pieces: int | None,
    seconds: float | None,
    start_ns: int,
) -> World:
    """Build the world in which the station's gates stand.

    Args:
        settings: Of the station; a camera of another kind than simulated gets the usual scene.
        source: What the pieces look like.
        servos: Behind the gates, by name.
        seed: Of all that is left to chance.
        pieces: How many come; None for as many as the time allows.
        seconds: How long the run lasts; the feed ends early enough for the last piece to land.
        start_ns: The instant at which the world begins.
    """
    camera = settings.camera
    scenery = camera if isinstance(camera, simulated.Settings) else simulated.Settings()
    bin_of = {each.gate: name for name, each in settings.bins.items() if each.gate is not None}
    count = MOST_PIECES if pieces is None else pieces
    width_px, height_px = settings.view.width_px, settings.view.height_px
    mm_per_px = settings.view.mm_per_px
    if settings.station == "lids":
        tray = replace(
            simulated.tray_scene(scenery),
            width_px=width_px,
            height_px=height_px,
            mm_per_px=mm_per_px,
            pieces=count,
            feed_ms=_feed_ms(seconds, scenery.patience_ms + settings.tray.open_ms),
        )
        return TrayWorld(
            tray,
            source,
            seed,
            lids=bin_of,
            end_bin=settings.end_bin,
            servos=servos,
            start_ns=start_ns,
        )
    belt = settings.belt
    speed_mm_s = belt.speed_mm_s * (1 + scenery.slip_frac)
    ride_ms = round((belt.length_mm + LONGEST_MM) / speed_mm_s * 1000)
    scene = replace(
        simulated.belt_scene(scenery),
        speed_mm_s=speed_mm_s,
        direction=Direction(belt.direction),
        width_px=width_px,
        height_px=height_px,
        mm_per_px=mm_per_px,
        pieces=count,
        feed_ms=_feed_ms(seconds, ride_ms),
    )
    places = tuple(
        GatePlace(name, gate.at_mm, bin_of[name])
        for name, gate in settings.gates.items()
        if gate.at_mm is not None
    )
    ends = BeltEnds(places, belt.length_mm, settings.end_bin)
    return BeltWorld(scene, source, seed, ends=ends, servos=servos, start_ns=start_ns)


def simulated_trigger(
    settings: Settings, clock: Clock, world: World | None, seed: int
) -> SimulatedTrigger | None:
    """Return the light barrier that stands across the simulated belt, whatever its kind.

    None where the settings have none, and before a real camera or a recording, of which nobody
    knows when a piece passes.
    """
    if settings.trigger is None or not isinstance(world, BeltWorld):
        return None
    part = settings.trigger.part
    usual = part if isinstance(part, simulated_part.Settings) else simulated_part.Settings()
    fronts = passings(world, settings.trigger.at_mm + usual.off_mm)
    return simulated_part.open_part(usual, clock, fronts, seed)


def _feed_ms(seconds: float | None, last_ms: int) -> int | None:
    """When the last piece may come, so that it has landed when the time is over."""
    return None if seconds is None else max(0, round(seconds * 1000) - last_ms)
