"""`sorterd safe`: bring every gate into its safe position, whatever became of the station.

The service does it each time it has ended (ExecStopPost): a servo on the kernel's PWM or on a board
goes on holding the last position that a killed program gave it, and a piece would be sent the wrong
way all night. So nothing here needs more than it must: the gates' own settings, be the others as
faulty as they like; a lock that can be made or not; and no camera, model, numpy or OpenCV, for the
time that their imports take.

A gate that fails does not keep the others from safety. Nothing is moved while a living program
holds the devices.
"""

import argparse
import sys
from collections.abc import Mapping
from contextlib import ExitStack

from sorterd import exit_codes
from sorterd.clock import RealClock
from sorterd.commands.arguments import add_settings, gates_of
from sorterd.gates.mover import Mover
from sorterd.gates.opening import open_gate
from sorterd.holding import hold, holder
from sorterd.ports import Clock, DeviceUnavailable, Gate
from sorterd.settings import ReadGates

_MS_NS = 1_000_000


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what the command does and takes."""
    parser.description = (
        "Bring every gate of the settings into its safe position, no more than moving_at_once at a "
        "time, wait until they have settled, and let them rest. Gates whose settings are faulty or "
        "whose device fails are named, and the others are made safe all the same; code 3 then."
    )
    add_settings(parser)


def run(arguments: argparse.Namespace, clock: Clock | None = None) -> int:
    """Make every gate safe.

    Raises:
        SettingsFault: The settings' file cannot be read at all.
        DeviceUnavailable: A living program holds the devices.
    """
    read = gates_of(arguments)
    with ExitStack() as held:
        try:
            held.enter_context(hold("sorterd safe"))
        except DeviceUnavailable as fault:
            if holder() is not None:
                raise
            _complain(f"{fault}; the gates are made safe all the same")
        return _make_safe(read, clock or RealClock())


def _make_safe(read: ReadGates, clock: Clock) -> int:
    move_ns = {name: gate.move_ms * _MS_NS for name, gate in read.gates.items()}
    unsafe = list(read.faults)
    for faults in read.faults.values():
        for fault in faults:
            _complain(str(fault))
    opened: dict[str, Gate] = {}
    for name, gate in read.gates.items():
        if gate.part.kind == "simulated":
            continue
        try:
            opened[name] = open_gate(name, gate.part, clock, move_ns=move_ns[name])
        except DeviceUnavailable as fault:
            _complain(str(fault))
            unsafe.append(name)
    unsafe += _shut_all(opened, clock, read.moving_at_once, move_ns)
    if unsafe:
        _complain(
            f"not in its safe position, as far as anyone knows: {', '.join(unsafe)};"
            " look there, and switch the supply off if it stands open"
        )
        return exit_codes.DEVICE
    print(f"safe: {', '.join(opened) or 'no gate of the settings is more than simulated'}")
    return exit_codes.DONE


def _shut_all(
    gates: Mapping[str, Gate], clock: Clock, moving_at_once: int, move_ns: Mapping[str, int]
) -> tuple[str, ...]:
    """Shut gates, wait until they rest and let go of them; return those that would not."""
    for name, gate in gates.items():
        if getattr(gate, "mock", False):
            print(f"gate {name} moves nothing: this is no Pi, so its pins are mock pins")
    # It is told of no pulses, so that their bounds mean nothing here.
    mover = Mover(
        gates, tolerance_ns=0, max_open_ns=1, moving_at_once=moving_at_once, move_ns=move_ns
    )
    try:
        for fault in mover.make_safe(clock.now_ns()):
            _complain(str(fault))
        while (due_ns := mover.next_ns) is not None:
            clock.sleep_until(due_ns)
            mover.act(clock.now_ns())
    finally:
        mover.close()
    return mover.unsafe


def _complain(text: str) -> None:
    print(f"sorterd: {text}", file=sys.stderr)
