"""`sorterd gate NAME open|close|sweep|pulse US`: move one gate by hand.

It really moves, which is what it is for: no other command but `sorterd safe` does so by itself. It
opens that gate alone, and not while the station or another command holds the devices. However it
ends, by Ctrl-C or by a fault, the gate is shut before it is let go of.
"""

import argparse
from contextlib import suppress
from signal import SIGHUP, SIGTERM
from typing import Final, Literal

from sorterd import exit_codes
from sorterd.clock import RealClock
from sorterd.commands.arguments import add_settings, gates_of
from sorterd.commands.signals import own_signals
from sorterd.gates.mover import RestingGate
from sorterd.gates.opening import open_gate
from sorterd.holding import hold
from sorterd.ports import Clock, DeviceFault, Gate
from sorterd.servos import PERIOD_US, ServoSettings, Steered
from sorterd.settings import Fault, ReadGates, SettingsFault
from sorterd.settings.faults import nearest
from sorterd.settings.tree import Gate as GateSettings

Action = Literal["open", "close", "sweep", "pulse"]

SWEEP_NS: Final = 3_000_000_000
"""From one end to the other: slow enough to see where a horn binds, and to pull the plug."""

HELD_NS: Final = 1_000_000_000
"""How long a gate that has no rest is held open: long enough to be seen."""

_MS_NS: Final = 1_000_000

_EXAMPLES: Final = f"""\
examples:
  sorterd gate glass open        move it into its open position, and leave it there at rest
  sorterd gate glass close       move it into its safe position
  sorterd gate glass sweep       slowly from the safe to the open position and back
  sorterd gate glass pulse 1520  to where a pulse of 1520 us holds it, within the gate's bounds

Ctrl-C shuts the gate. A relay is held open for a second, no longer than its max_on_ms.

{exit_codes.TOLD}"""


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what the command does and takes."""
    parser.description = (
        "Move one gate by hand, wait until it has settled, and let it rest. The gate really moves: "
        "keep your fingers out. Refused while the station or another command holds the devices."
    )
    parser.epilog = _EXAMPLES
    parser.add_argument("name", metavar="NAME", help="the gate, as in the settings")
    parser.add_argument("action", choices=("open", "close", "sweep", "pulse"), help="what it does")
    parser.add_argument(
        "width_us", nargs="?", type=float, metavar="US", help="with pulse: its width, microseconds"
    )
    add_settings(parser)


def run(arguments: argparse.Namespace, clock: Clock | None = None) -> int:
    """Move the gate.

    Raises:
        SettingsFault: The gate's settings are faulty, or it cannot do what was asked.
        DeviceUnavailable: Another program holds the devices, or the gate could not be opened.
        DeviceFault: The gate's device failed; it was told to shut.
        BrokenPipeError: Whoever read the output went away; the gate was shut.
    """
    clock = clock or RealClock()
    name, action = arguments.name, arguments.action
    settings = _settings(gates_of(arguments), name)
    _check(name, settings, action, arguments.width_us)
    with hold(f"sorterd gate {name} {action}"), own_signals() as on:
        on((SIGTERM, SIGHUP), _interrupt)
        gate = open_gate(name, settings.part, clock, move_ns=settings.move_ms * _MS_NS)
        try:
            if getattr(gate, "mock", False):
                print(f"gate {name} moves nothing: this is no Pi, so its pins are mock pins")
            elif settings.part.kind == "simulated":
                print(f"gate {name} moves nothing: it is simulated")
            _Hand(gate, settings, clock).move(action, arguments.width_us)
        finally:
            gate.close()
    return exit_codes.DONE


class _Hand:
    """Moves one opened gate, and shuts it when anything goes wrong."""

    def __init__(self, gate: Gate, settings: GateSettings, clock: Clock) -> None:
        self._gate = gate
        self._settings = settings
        self._clock = clock

    def move(self, action: Action, width_us: float | None) -> None:
        """Do what was asked, until the gate has settled and rests.

        Raises:
            DeviceFault: The device failed; it was told to shut.
        """
        try:
            match action:
                case "open":
                    self._open()
                case "close":
                    self._shut()
                case "sweep":
                    self._sweep()
                case "pulse":
                    self._steer(width_us or 0.0)
                    self._settle()
                    self._say(f"rests where a pulse of {width_us:g} us held it")
        except KeyboardInterrupt:
            self._end()
            self._say("stopped: it is shut, and rests")
        except OSError:  # its device failed, or the terminal that was told of it went away
            with suppress(DeviceFault):
                self._end()
            raise

    def _open(self) -> None:
        self._say("opens")
        self._gate.open()
        if isinstance(self._gate, RestingGate):
            self._settle()
            self._say(f"is open, and rests there: sorterd gate {self._gate.name} close shuts it")
            return
        # A relay goes off by itself at its longest, and calls that an error.
        most_ns = getattr(self._settings.part, "max_on_ms", HELD_NS) * _MS_NS
        held_ns = min(HELD_NS, most_ns * 9 // 10)
        self._wait(held_ns)
        self._say(f"was held open for {held_ns / 1e9:g} s: it has no rest but shut")
        self._shut()

    def _shut(self) -> None:
        self._say("shuts")
        self._end()
        self._say("is shut, and rests")

    def _end(self) -> None:
        """Shut it without a word, and let it rest: nobody may be there to hear it."""
        self._gate.shut()
        self._settle()

    def _sweep(self) -> None:
        part = self._settings.part
        if not isinstance(part, ServoSettings):
            raise TypeError(f"{part.kind} was not checked")  # by `_check`
        ends_deg = (part.shut_deg, part.open_deg)
        steps = SWEEP_NS // (PERIOD_US * 1000)
        for from_deg, to_deg in (ends_deg, ends_deg[::-1]):
            for step in range(steps + 1):
                angle_deg = from_deg + (to_deg - from_deg) * step / steps
                width_us = part.width_us(angle_deg)
                self._steer(width_us)
                if step % (steps // 10) == 0:
                    self._say(f"{angle_deg:+7.1f} degrees  {width_us:7.1f} us")
                self._wait(PERIOD_US * 1000)
        self._settle()
        self._say("is shut, and rests")

    def _steer(self, width_us: float) -> None:
        if not isinstance(self._gate, Steered):
            raise TypeError(f"{self._settings.part.kind} was not checked")  # by `_check`
        self._gate.steer(width_us)

    def _settle(self) -> None:
        """Wait until it stands, and let it rest."""
        if isinstance(self._gate, RestingGate):
            self._wait(self._gate.settle_ns)
            self._gate.rest()
        else:
            self._wait(self._settings.move_ms * _MS_NS)

    def _wait(self, for_ns: int) -> None:
        self._clock.sleep_until(self._clock.now_ns() + for_ns)

    def _say(self, what: str) -> None:
        print(f"gate {self._gate.name}: {what}", flush=True)


def _settings(read: ReadGates, name: str) -> GateSettings:
    if name in read.faults:
        raise SettingsFault(read.faults[name])
    if name not in read.gates:
        there = (*read.gates, *read.faults)
        bound = f"must be one of the gates: {', '.join(there) or 'there are none'}"
        remedy = f"write {nearest(name, there)}" if there else "add a table [gates.NAME]"
        raise SettingsFault([Fault("NAME", name, bound, remedy, "argument")])
    return read.gates[name]


def _check(name: str, settings: GateSettings, action: Action, width_us: float | None) -> None:
    """Hold what was asked for against what the gate can do, before anything is opened."""
    part = settings.part
    if action in {"sweep", "pulse"} and not isinstance(part, ServoSettings):
        bound = f"must be open or close: a gate of kind {part.kind} stands nowhere in between"
        raise SettingsFault([Fault("action", action, bound, "write open or close", "argument")])
    if (width_us is None) != (action != "pulse"):
        bound = "must be given with pulse, and with nothing else"
        remedy = f"write sorterd gate {name} pulse 1500, or leave the number out"
        raise SettingsFault([Fault("US", width_us, bound, remedy, "argument")])
    if width_us is not None and isinstance(part, ServoSettings) and not part.allows(width_us):
        bound = (
            f"must be from gates.{name}.min_pulse_us = {part.min_pulse_us} to"
            f" max_pulse_us = {part.max_pulse_us}"
        )
        remedy = "ask for less; widen the bounds only if the servo's data sheet allows it"
        raise SettingsFault([Fault("US", width_us, bound, remedy, "argument")])


def _interrupt() -> None:
    """End as Ctrl-C does, with the gate shut: told to stop, or left by the terminal."""
    raise KeyboardInterrupt
