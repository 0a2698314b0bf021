"""Open a gate as its settings say: `kind = "servo"` is the part that `servo.py` opens.

A kind's file is imported when a gate asks for it. Nothing here moves a gate.
"""

from importlib import import_module

from sorterd.ports import Clock, Gate, PartSettings


def open_gate(name: str, part: PartSettings, clock: Clock, *, move_ns: int) -> Gate:
    """Open one gate, without moving it.

    Args:
        name: The gate's name in the settings.
        part: Its device's settings.
        clock: Of the whole station.
        move_ns: How long it takes from shut to open; a simulated one takes as long.

    Raises:
        DeviceUnavailable: It could not be opened.
    """
    opener = import_module(f"sorterd.gates.{part.kind}").open_part
    if part.kind == "simulated":
        servo = import_module("sorterd.simulation.servo").SimulatedServo(move_ns)
        gate: Gate = opener(name, part, clock, servo)
    else:
        gate = opener(name, part, clock)
    return gate
