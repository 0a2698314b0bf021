"""`sorterd calibrate`: print the board, measure the belt, place a gate, trim a servo."""

import argparse
import sys
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from sorterd import exit_codes
from sorterd.calibration import belt, servo
from sorterd.calibration.board import RULER_MM, BoardEye
from sorterd.calibration.keys import keys
from sorterd.calibration.marks import given, presses
from sorterd.calibration.results import Results
from sorterd.calibration.spread import NotMeasured
from sorterd.calibration.watching import Source, frames_of, opened
from sorterd.clock import RealClock
from sorterd.commands.arguments import (
    USUAL_CONFIG,
    add_settings,
    number,
    settings_of,
    whole_number,
)
from sorterd.gates.opening import open_gate
from sorterd.holding import hold
from sorterd.servos import ServoGate
from sorterd.settings import Settings

_BOARD = """\
Write the board to be printed, and say how large it must come out. Any part of it will do, any way
round: a narrow belt takes a board that was cut along its squares."""

_BELT = """\
The board lies on the running belt and rides through the picture: that gives the size of a pixel,
the belt's direction and its speed, each with its error. Three passes also show how much the belt
wanders from one to the next; one is enough to begin with."""

_BELT_USE = """\
  sorterd calibrate belt                                   with the station's camera
  sorterd calibrate belt --recording belt.avi              from a recording
  sorterd calibrate belt --measured 97.5                   the print's line came out shorter
  sorterd calibrate belt --still                           a tray for lids: the scale alone

The result is DIR/belt.toml, a fragment of settings, with the pictures it came from. Look at them.
A station reads the fragments in the folder beside its settings file, after the file:

  sudo install -D -m 644 calibration/belt.toml /etc/sorterd/sorterd.d/belt.toml
  sudo systemctl reload sorterd        if it runs already
  sorterd check --explain              shows which value came from where"""

_BELT_LIVE = "lay the board on the running belt, let it ride through; Ctrl-C when that is enough"
_BELT_LIVE_STILL = "lay the board before the camera and let go of it"

_GATE = """\
One piece rides through the picture and on to the gate; you tell when its front passes the gate. The
piece is followed by the station's own eyes, so that what the station believes and what happens
agree, whatever the belt's speed or the finder's outlines are off by. Calibrate the belt first.

Watch the piece come, and press Enter with its front as it passes the edge of the gate, not after
it: who is startled reacts 200 ms late, 40 mm at 200 mm/s; who sees it coming is hardly late at all.
Five runs average the rest out; the error that is told holds what is left of your reaction time."""

_GATE_USE = """\
  sorterd calibrate gate glass                                     live, five runs, press Enter
  sorterd calibrate gate glass --recording a.avi --at-s 4.35       read off a film, exact to a frame
  sorterd calibrate gate glass --recording a.avi --at-s 4.35 --at-s 9.8

A piece: plain, compact, as high as what you sort, and not round: it must not roll. A place of a
gate is counted from the edge at which the belt enters the picture (see belt-board.png). The result
is DIR/gate-NAME.toml with its pictures; see `sorterd calibrate belt --help` for its use."""

_SERVO = """\
Keys move the gate's servo until it stands shut, and open, exactly as it should; nothing moves
before the first key. The two ends become the angles of the gate's settings."""

_SERVO_USE = f"""\
  keys: {servo.KEYS}

  sorterd calibrate servo glass
  printf 's++o---\\n' | sorterd calibrate servo glass                without a terminal

Keep fingers out of the gate. The result is DIR/servo-NAME.toml."""


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what the command does and takes."""
    parser.description = "Set a station up by what its own camera sees."
    kinds = parser.add_subparsers(title="what to calibrate", metavar="WHAT", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    board = kinds.add_parser(
        "board", help="write the board that is printed", description=_BOARD, formatter_class=raw
    )
    board.add_argument("file", type=_sheet, metavar="FILE", help="board.pdf or board.png")
    board.add_argument(
        "--paper", choices=("a4", "letter"), default="a4", help="what it is for (a4)"
    )
    board.set_defaults(calibrate=_calibrate_board)
    of_belt = kinds.add_parser(
        "belt",
        help="size of a pixel, direction and speed, by the board on the running belt",
        description=_BELT,
        epilog=_BELT_USE,
        formatter_class=raw,
    )
    _add_source(of_belt)
    of_belt.add_argument(
        "--measured",
        type=partial(number, least=50, most=200),
        metavar="MM",
        help=f"what the print's line of {RULER_MM:g} mm really measures",
    )
    of_belt.add_argument(
        "--still", action="store_true", help="the board lies still: measure the scale alone"
    )
    of_belt.add_argument(
        "--passes",
        type=partial(whole_number, least=1, most=100),
        default=3,
        metavar="N",
        help="live: end when the board has ridden by so often (3); Ctrl-C ends it earlier",
    )
    of_belt.set_defaults(calibrate=_calibrate_belt)
    of_gate = kinds.add_parser(
        "gate",
        help="a gate's place along the belt, by pieces that run past it",
        description=_GATE,
        epilog=_GATE_USE,
        formatter_class=raw,
    )
    of_gate.add_argument("name", metavar="NAME", help="of the gate in the settings")
    _add_source(of_gate)
    of_gate.add_argument(
        "--at-s",
        type=partial(number, least=0, most=86_400),
        action="append",
        default=[],
        metavar="S",
        help="with --recording: the second of it at which a piece's front passes the gate; once for"
        " each piece",
    )
    of_gate.add_argument(
        "--runs",
        type=partial(whole_number, least=1, most=100),
        default=5,
        metavar="N",
        help="live: how many pieces are run past (5); Ctrl-C ends it earlier",
    )
    of_gate.set_defaults(calibrate=_calibrate_gate)
    of_servo = kinds.add_parser(
        "servo",
        help="the two ends of a gate's servo, by eye",
        description=_SERVO,
        epilog=_SERVO_USE,
        formatter_class=raw,
    )
    of_servo.add_argument("name", metavar="NAME", help="of the gate in the settings")
    add_settings(of_servo)
    _add_out(of_servo)
    of_servo.set_defaults(calibrate=_calibrate_servo)


def run(arguments: argparse.Namespace) -> int:
    """Calibrate what was asked for.

    Raises:
        SettingsFault: The station's settings are faulty.
        DeviceUnavailable: A device cannot be opened, is held by another program, or a file cannot
            be written.
        DeviceFault: A device failed.
    """
    try:
        return int(arguments.calibrate(arguments))
    except NotMeasured as fault:
        _tell("")
        print(f"sorterd: {fault}", file=sys.stderr)
        return exit_codes.UNFIT


def _calibrate_board(arguments: argparse.Namespace) -> int:
    # Pillow and its fonts, for this one.
    sheet = import_module("sorterd.calibration.sheet")
    sheet.print_sheet(arguments.file, arguments.paper, version("sorterd"))
    print(
        f"{arguments.file}: print it at 100%, then measure the line of {RULER_MM:g} mm;\n"
        "next: sorterd calibrate belt"
    )
    return exit_codes.DONE


def _calibrate_belt(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    live = arguments.recording is None
    # A station of lids has a tray, which does not run.
    still = arguments.still or settings.station == "lids"
    source = Source(arguments.recording, arguments.rate_hz)
    with opened(source, settings, "sorterd calibrate belt") as camera:
        if live:
            _say(_BELT_LIVE_STILL if still else _BELT_LIVE)
        seen = belt.watch(
            frames_of(camera, seconds=arguments.seconds if live else None),
            BoardEye(),
            still=still,
            passes=arguments.passes if live else None,
            tell=_tell,
        )
        size_px = camera.width_px, camera.height_px
    fit = belt.measure(seen, still=still, measured_mm=arguments.measured)
    _tell("")
    found = belt.results(fit, seen, size_px=size_px, measured_mm=arguments.measured)
    return _finish(
        found, arguments, belt.told(fit), belt.advice(fit, measured_mm=arguments.measured)
    )


def _calibrate_gate(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    _refuse_unknown_gate(settings, arguments.name)
    if settings.station == "lids":
        raise NotMeasured("this station has lids, and a lid's place is not on a belt")
    live = arguments.recording is None
    if live == bool(arguments.at_s):
        raise NotMeasured("--recording and --at-s go together: leave both out, or give both")
    # The finder, the tracker and what they need, for this one.
    gate = import_module("sorterd.calibration.gate")
    follower = import_module("sorterd.calibration.gate_runs").GateRuns(settings)
    source = Source(arguments.recording, arguments.rate_hz)
    with opened(source, settings, "sorterd calibrate gate") as camera:
        if live:
            _say(f"one piece at a time; press Enter as its front passes gate {arguments.name}")
            wanted, told_by = arguments.runs, presses(sys.stdin.fileno(), RealClock())
        else:
            start_ns = camera.due_ns
            wanted, told_by = (
                len(arguments.at_s),
                given([start_ns + round(s * 1e9) for s in arguments.at_s]),
            )
        found = gate.watch(
            frames_of(camera, seconds=arguments.seconds if live else None),
            follower,
            told_by,
            wanted=wanted,
            tell=_tell,
            say=_say,
        )
    placed = gate.place(found, settings, by_hand=live)
    return _finish(
        gate.results(arguments.name, placed, settings),
        arguments,
        gate.told(arguments.name, placed),
        gate.advice(arguments.name, placed, settings),
    )


def _calibrate_servo(arguments: argparse.Namespace) -> int:
    settings, name = settings_of(arguments), arguments.name
    _refuse_unknown_gate(settings, name)
    clock = RealClock()
    with hold("sorterd calibrate servo"), ExitStack() as stack:
        part = settings.gates[name].part
        gate = open_gate(name, part, clock, move_ns=settings.gates[name].move_ms * 1_000_000)
        stack.callback(gate.close)
        if not isinstance(gate, ServoGate):
            raise NotMeasured(f"gate {name} is a {part.kind}, not a servo: nothing to trim")
        pressed = stack.enter_context(keys(sys.stdin.fileno()))
        trimming = servo.trim(gate, pressed, clock, _tell)
    return _finish(servo.results(name, trimming), arguments, [], [])


def _refuse_unknown_gate(settings: Settings, name: str) -> None:
    if name not in settings.gates:
        there = ", ".join(settings.gates)
        raise NotMeasured(f"{name}: no such gate in the settings; there are: {there}")


def _say(line: str) -> None:
    _tell("")
    print(line, flush=True)


def _finish(
    found: Results, arguments: argparse.Namespace, told: list[str], advice: list[str]
) -> int:
    """Write the results; say what they are, what to mind, and how they come into force."""
    written = found.write(arguments.out)
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


def _add_source(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)
    parser.add_argument(
        "--recording",
        type=Path,
        metavar="PATH",
        help="a video, or a folder of pictures, in place of the station's camera",
    )
    parser.add_argument(
        "--rate-hz",
        type=partial(number, least=0.01, most=240),
        metavar="HZ",
        help="pictures a second of a folder; a video has its own",
    )
    parser.add_argument(
        "--seconds",
        type=partial(number, least=1, most=3600),
        default=120,
        metavar="S",
        help="live: watch no longer than this (120)",
    )
    _add_out(parser)


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("calibration"),
        metavar="DIR",
        help="where the fragment and its pictures go (calibration)",
    )


def _sheet(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in {".pdf", ".png"}:
        raise argparse.ArgumentTypeError(f"{text}: must end in .pdf or .png")
    return path


def _tell(line: str) -> None:
    """Show how it goes, where a person can see it."""
    if sys.stderr.isatty():
        sys.stderr.write("\r" + line[:79].ljust(79) + ("" if line else "\r"))
        sys.stderr.flush()
