"""Settings into devices: `kind = "servo"` becomes the part that `gates/servo.py` opens."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from sorterd.gates.opening import open_gate
from sorterd.gates.simulated import SimulatedGate
from sorterd.ports import Camera, Clock, DeviceUnavailable, Gate, PartSettings, Trigger
from sorterd.settings import Settings
from sorterd.settings.tree import View
from sorterd.simulation.servo import SimulatedServo
from sorterd.wiring.units import MS_NS


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
