"""The command line: what was asked for, who does it, and what the exit code means.

Each command is a file in `commands/`, which is imported when its name is given: what only a dry
run, a calibration or the doctor needs costs the service nothing at its start.
"""

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from sorterd import exit_codes
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.service.logs import start_logging
from sorterd.settings import SettingsFault

TEXT: Final = """\
Sort waste on a belt, or behind lids, with a camera, a TFLite model and servo gates.

  sorterd --dry-run                a simulated belt for a minute, live
  sorterd --dry-run --fast         the same, as quickly as this machine can
  sorterd check --config FILE      every fault in the settings, at once
  sorterd doctor                   what this machine lacks for a station, and what mends it
  sorterd --config FILE            run the station (what the service does)
"""

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "check": "tell every fault in the settings, at once",
        "doctor": "tell what this machine lacks for a station, and what mends it",
        "capture": "a picture or a short film of what the camera sees",
        "calibrate": "print the board, measure the belt, place a gate, trim a servo",
        "gate": "move one gate by hand",
        "models": "which versions of a bundle there are, and which is in force",
        "console": "a page with what was sorted, and metrics for Prometheus",
        "safe": "bring every gate into its safe position (what the service does when it ends)",
    }
)
"""By the name of its file in `commands/`, in the order in which a person meets them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        argv: Without the program's name; None for the process's own.

    Returns:
        The exit code.
    """
    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    start_logging()
    try:
        return int(arguments.run(arguments))
    except SettingsFault as fault:
        return _say(fault, exit_codes.SETTINGS)
    except (DeviceUnavailable, DeviceFault) as fault:
        return _say(fault, exit_codes.DEVICE)
    except _bundle_faults() as fault:
        return _say(fault, exit_codes.MODEL)
    except BrokenPipeError:
        # Whoever read the output has seen enough (`| head`); nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.DONE
    except Exception:
        logging.getLogger(__name__).exception("a bug in sorterd; please report it with these lines")
        return exit_codes.BUG


def _bundle_faults() -> tuple[type[Exception], ...]:
    """Return what a model that must not be used raises; nothing where none was looked at.

    Their room imports OpenCV, which is no business of a command that only moves a gate.
    """
    bundle = sys.modules.get("sorterd.classifiers.bundle")
    return () if bundle is None else (bundle.BundleFault,)


def _say(fault: Exception, code: int) -> int:
    for line in str(fault).splitlines():
        print(f"sorterd: {line}", file=sys.stderr)
    return code


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sorterd",
        description=TEXT,
        epilog=exit_codes.TOLD,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="store_const", dest="run", const=_version, help="tell the version"
    )
    _describe(parser, "run")
    commands = parser.add_subparsers(title="commands", metavar="")
    # The others need no more than a line each: of what is on the command line one is the command.
    asked_for = set(argv)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=purpose,
            epilog=exit_codes.TOLD,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in asked_for:
            _describe(command, name)
    return parser.parse_args(argv)


def _describe(parser: argparse.ArgumentParser, name: str) -> None:
    """Have a command say what it takes, and be the one that runs."""
    command: Any = import_module(f"sorterd.commands.{name}")
    command.describe(parser)
    parser.set_defaults(run=command.run)


def _version(arguments: argparse.Namespace) -> int:
    del arguments
    # It is read from the installed package, which takes a while.
    print(f"sorterd {import_module('importlib.metadata').version('sorterd')}")
    return exit_codes.DONE
