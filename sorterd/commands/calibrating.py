"""What `sorterd calibrate` does, one function for each thing that can be calibrated.

Each opens what it needs, has it measured in `calibration/`, writes the fragment, and says what it
is, what to mind and how it comes into force. Nothing is written where nothing was measured.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Final

from sorterd import exit_codes
from sorterd.calibration import belt, servo
from sorterd.calibration.board import RULER_MM, BoardEye
from sorterd.calibration.keys import keys
from sorterd.calibration.marks import Marks, given, heard, presses
from sorterd.calibration.results import Results
from sorterd.calibration.spots import Spot, gate_spot, trigger_spot
from sorterd.calibration.spread import NotMeasured
from sorterd.calibration.watching import Source, frames_of, opened
from sorterd.clock import RealClock
from sorterd.commands.arguments import USUAL_CONFIG, settings_of
from sorterd.gates.opening import open_gate
from sorterd.holding import hold
from sorterd.ports import Trigger
from sorterd.servos import ServoGate
from sorterd.settings import Settings
from sorterd.wiring.devices import open_trigger
from sorterd.wiring.units import MS_NS

_BELT_LIVE: Final = "lay the board on the running belt, let it ride through; Ctrl-C ends it"
_STILL_LIVE: Final = "lay the board before the camera and let go of it"


def calibrate_board(arguments: argparse.Namespace) -> int:
    """Write the board.

    Raises:
        DeviceUnavailable: It cannot be written there.
    """
    # Pillow and its fonts, for this one.
    sheet = import_module("sorterd.calibration.sheet")
    sheet.print_sheet(arguments.file, arguments.paper, version("sorterd"))
    print(
        f"{arguments.file}: print it at 100%, then measure the line of {RULER_MM:g} mm;\n"
        "next: sorterd calibrate belt"
    )
    return exit_codes.DONE


def calibrate_belt(arguments: argparse.Namespace) -> int:
    """Measure the belt by the board.

    Raises:
        NotMeasured: The board was not seen well enough.
        SettingsFault, DeviceUnavailable, DeviceFault: As for `opened` and `Camera.read`.
    """
    settings = settings_of(arguments)
    live = arguments.recording is None
    # A station of lids has a tray, which does not run.
    still = arguments.still or settings.station == "lids"
    source = Source(arguments.recording, arguments.rate_hz)
    with opened(source, settings, "sorterd calibrate belt") as camera:
        if live:
            _say(_STILL_LIVE if still else _BELT_LIVE)
        seen = belt.watch(
            frames_of(camera, seconds=arguments.seconds if live else None),
            BoardEye(),
            still=still,
            passes=arguments.passes if live else None,
            tell=show,
        )
        size_px = camera.width_px, camera.height_px
    fit = belt.measure(seen, still=still, measured_mm=arguments.measured)
    found = belt.results(fit, seen, size_px=size_px, measured_mm=arguments.measured)
    advice = belt.advice(fit, measured_mm=arguments.measured)
    return _finish(found, arguments, belt.told(fit), advice)


def calibrate_gate(arguments: argparse.Namespace) -> int:
    """Place a gate by pieces that run past it.

    Raises:
        NotMeasured: There is no such gate, or no piece was followed to it.
        SettingsFault, DeviceUnavailable, DeviceFault: As for `calibrate_belt`.
    """
    settings, name = settings_of(arguments), arguments.name
    _refuse_unknown_gate(settings, name)
    spot = gate_spot(name, settings)
    if arguments.beam is None:
        return _run_past(arguments, settings, spot, _pressed)
    part = import_module("sorterd.triggers.beam")
    beam = part.Settings(pin=arguments.beam)
    return _run_past(arguments, settings, spot, lambda: _told(part.open_part(beam, RealClock())))


def calibrate_trigger(arguments: argparse.Namespace) -> int:
    """Place the station's light barrier by pieces that break it.

    Raises:
        NotMeasured: There is none, or no piece was followed to it.
        SettingsFault, DeviceUnavailable, DeviceFault: As for `calibrate_belt`.
    """
    settings = settings_of(arguments)
    spot = trigger_spot(settings)

    def listened() -> AbstractContextManager[Marks]:
        trigger = open_trigger(settings, RealClock())
        if trigger is None:
            raise AssertionError("whoever has no trigger has been told so")
        return _told(trigger)

    return _run_past(arguments, settings, spot, listened)


def calibrate_servo(arguments: argparse.Namespace) -> int:
    """Find a servo's two ends by keys.

    Raises:
        NotMeasured: There is no such gate, it is no servo, or it was left without saving.
        SettingsFault, DeviceUnavailable, DeviceFault: As for `calibrate_belt`.
    """
    settings, name = settings_of(arguments), arguments.name
    _refuse_unknown_gate(settings, name)
    clock, gate_settings = RealClock(), settings.gates[name]
    with hold("sorterd calibrate servo"), ExitStack() as stack:
        move_ns = gate_settings.move_ms * MS_NS
        gate = open_gate(name, gate_settings.part, clock, move_ns=move_ns)
        stack.callback(gate.close)
        if not isinstance(gate, ServoGate):
            kind = gate_settings.part.kind
            raise NotMeasured(f"gate {name} is of kind {kind}, which is no servo: nothing to trim")
        pressed = stack.enter_context(keys(sys.stdin.fileno()))
        trimming = servo.trim(gate, pressed, clock, show)
    return _finish(servo.results(name, trimming), arguments, [], [])


def show(line: str) -> None:
    """Show how it goes, where a person can see it: in one line, in the last one's place."""
    if sys.stderr.isatty():
        sys.stderr.write("\r" + line[:79].ljust(79) + ("" if line else "\r"))
        sys.stderr.flush()


def _run_past(
    arguments: argparse.Namespace,
    settings: Settings,
    spot: Spot,
    marks: Callable[[], AbstractContextManager[Marks]],
) -> int:
    """Place a spot on the belt by pieces that run past it.

    Args:
        arguments: Say whether live or from a recording.
        settings: Of the station.
        spot: What is placed.
        marks: Opens what tells, live, when a piece's front is there.
    """
    if settings.station == "lids":
        raise NotMeasured("this station has lids, and nothing of it has a place on a belt")
    live = arguments.recording is None
    if live == bool(arguments.at_s):
        raise NotMeasured("--recording and --at-s go together: leave both out, or give both")
    by_hand = live and marks is _pressed
    # The finder, the tracker and what they need, for this one.
    gate = import_module("sorterd.calibration.gate")
    follower = import_module("sorterd.calibration.gate_runs").GateRuns(settings)
    source = Source(arguments.recording, arguments.rate_hz)
    with ExitStack() as stack:
        camera = stack.enter_context(opened(source, settings, "sorterd calibrate"))
        if live:
            press = f"; press Enter as its front passes {spot.title}" if by_hand else ""
            _say(f"one piece at a time{press}")
            wanted, told_by = arguments.runs, stack.enter_context(marks())
        else:
            start_ns = camera.due_ns
            instants_ns = [start_ns + round(at_s * 1e9) for at_s in arguments.at_s]
            wanted, told_by = len(instants_ns), given(instants_ns)
        frames = frames_of(camera, seconds=arguments.seconds if live else None)
        found = gate.watch(frames, follower, told_by, wanted=wanted, tell=show, say=_say)
    placed = gate.place(found, settings, by_hand=by_hand)
    advice = gate.advice(spot, placed, settings)
    return _finish(gate.results(spot, placed, settings), arguments, gate.told(spot, placed), advice)


@contextmanager
def _pressed() -> Iterator[Marks]:
    yield presses(sys.stdin.fileno(), RealClock())


@contextmanager
def _told(trigger: Trigger) -> Iterator[Marks]:
    try:
        yield heard(trigger)
    finally:
        trigger.close()


def _refuse_unknown_gate(settings: Settings, name: str) -> None:
    if name not in settings.gates:
        there = ", ".join(settings.gates)
        raise NotMeasured(f"{name}: no such gate in the settings; there are: {there}")


def _say(line: str) -> None:
    """Say what is to be kept, above the line that shows how it goes."""
    show("")
    print(line, flush=True)


def _finish(
    found: Results, arguments: argparse.Namespace, told: list[str], advice: list[str]
) -> int:
    """Write the results; say what they are, what to mind, and how they come into force."""
    written = found.write(arguments.out)
    show("")
    for line in told:
        print(line)
    for line in advice:
        print(f"note: {line}")
    print(f"written: {', '.join(map(str, written))}")
    folder = (arguments.config or USUAL_CONFIG).with_suffix(".d")
    if folder.resolve() == arguments.out.resolve():
        print("in force at the next start; for a station that runs: sudo systemctl reload sorterd")
    else:
        put_there = f"sudo install -D -m 644 {written[0]} {folder / written[0].name}"
        print(f"to put it in force: {put_there}")
    return exit_codes.DONE
