"""The world a dry run runs in, from the station's settings: belt or tray, gates where they stand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sorterd.cameras import simulated
from sorterd.settings import Settings
from sorterd.simulation.belt_world import BeltEnds, BeltWorld
from sorterd.simulation.photos import open_photos
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.supply import DrawnPieces
from sorterd.simulation.tray_world import TrayWorld
from sorterd.simulation.world import GatePlace, PieceSource, World


def pieces_from(images: Path | None, labels: Sequence[str]) -> tuple[PieceSource, tuple[str, ...]]:
    """Return where pieces come from, and a line for every photograph that cannot be one.

    Raises:
        PhotoFault: The folder holds nothing that could lie on a belt.
    """
    if images is None:
        return DrawnPieces(), ()
    shelf = open_photos(images, labels)
    return shelf, tuple(shelf.faults)


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
    if settings.station == "lids":
        patience_ms = round(settings.tray.patience_s * 1000) + 1000
        return TrayWorld(
            simulated.tray_scene(scenery, settings, pieces=pieces, seconds=seconds),
            source,
            seed,
            lids=bin_of,
            end_bin=settings.end_bin,
            servos=servos,
            start_ns=start_ns,
        )
    places = tuple(
        GatePlace(name, gate.at_mm, bin_of[name])
        for name, gate in settings.gates.items()
        if gate.at_mm is not None
    )
    return BeltWorld(
        simulated.belt_scene(scenery),
        source,
        seed,
        ends=BeltEnds(places, settings.belt.length_mm, settings.end_bin),
        servos=servos,
        start_ns=start_ns,
    )
