"""`sorterd calibrate`: print the board, measure the belt, place a gate, trim a servo.

What is asked for is described here; `calibrating.py` does it.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from sorterd import exit_codes
from sorterd.calibration.board import RULER_MM
from sorterd.calibration.servo import KEYS
from sorterd.calibration.spread import NotMeasured
from sorterd.commands import calibrating
from sorterd.commands.arguments import add_settings, number, whole_number

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

A recording is as good as its instants: one with an even pace (sorterd capture belt.avi), or live.
The result is DIR/belt.toml, a fragment of settings, with the pictures it came from. Look at them.
A station reads the fragments in the folder beside its settings file, after the file:

  sudo install -D -m 644 calibration/belt.toml /etc/sorterd/sorterd.d/belt.toml
  sudo systemctl reload sorterd        if it runs already
  sorterd check --explain              shows which value came from where"""

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
  sorterd calibrate gate glass --beam 22                           a light barrier lent for this

A piece: plain, compact, as high as what you sort, and not round: it must not roll. A place of a
gate is counted from the edge at which the belt enters the picture (see belt-board.png). The result
is DIR/gate-NAME.toml with its pictures; see `sorterd calibrate belt --help` for its use."""

_TRIGGER = """\
Pieces ride through the picture and on to the station's own light barrier, which tells by itself
when a front breaks it. [trigger] must be in the settings already, its at_mm by a tape measure."""

_TRIGGER_USE = """\
  sorterd calibrate trigger                                        five pieces, one at a time
  sorterd calibrate trigger --recording a.avi --at-s 4.35          read off a film

The result is DIR/trigger.toml with its pictures."""

_SERVO = """\
Keys move the gate's servo until it stands shut, and open, exactly as it should; nothing moves
before the first key. The two ends become the angles of the gate's settings."""

_SERVO_USE = f"""\
  keys: {KEYS}

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
    board.set_defaults(calibrate=calibrating.calibrate_board)
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
    of_belt.set_defaults(calibrate=calibrating.calibrate_belt)
    of_gate = kinds.add_parser(
        "gate",
        help="a gate's place along the belt, by pieces that run past it",
        description=_GATE,
        epilog=_GATE_USE,
        formatter_class=raw,
    )
    of_gate.add_argument("name", metavar="NAME", help="of the gate in the settings")
    of_gate.add_argument(
        "--beam",
        type=partial(whole_number, least=0, most=27),
        metavar="GPIO",
        help="a light barrier stands at the gate, on this pin: exact, and nothing to press",
    )
    _add_runs(of_gate)
    of_gate.set_defaults(calibrate=calibrating.calibrate_gate)
    of_trigger = kinds.add_parser(
        "trigger",
        help="the place of the station's light barrier, by pieces that break it",
        description=_TRIGGER,
        epilog=_TRIGGER_USE,
        formatter_class=raw,
    )
    _add_runs(of_trigger)
    of_trigger.set_defaults(calibrate=calibrating.calibrate_trigger)
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
    of_servo.set_defaults(calibrate=calibrating.calibrate_servo)


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
        calibrating.show("")
        print(f"sorterd: {fault}", file=sys.stderr)
        return exit_codes.UNFIT


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


def _add_runs(parser: argparse.ArgumentParser) -> None:
    """Add what a place along the belt is measured by."""
    _add_source(parser)
    parser.add_argument(
        "--at-s",
        type=partial(number, least=0, most=86_400),
        action="append",
        default=[],
        metavar="S",
        help="with --recording: the second of it at which a piece's front is there; once for each"
        " piece",
    )
    parser.add_argument(
        "--runs",
        type=partial(whole_number, least=1, most=100),
        default=5,
        metavar="N",
        help="live: how many pieces are run past (5); Ctrl-C ends it earlier",
    )


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
