"""`sorterd doctor`: what this machine lacks for a station, and the command that mends it."""

import argparse
import os
import sys
from shutil import get_terminal_size
from typing import Final

from sorterd import exit_codes
from sorterd.clock import RealClock
from sorterd.commands.arguments import USUAL_CONFIG, add_settings, settings_of
from sorterd.doctor.as_json import as_json
from sorterd.doctor.examine import examine, is_fit
from sorterd.doctor.here import this_machine
from sorterd.doctor.page import Page
from sorterd.settings import Settings, SettingsFault

EPILOG: Final = f"""\
marks:
  ok    there, and as it should be
  note  this station has no use for it
  warn  the station runs, worse
  FAIL  the station cannot run

examples:
  sorterd doctor                    the installed station ({USUAL_CONFIG}),
                                    or without settings what most stations want
  sorterd doctor --config FILE      with other settings
  sorterd doctor --json             for another program

It looks with the rights of whoever types it, moves nothing, and opens no device that a running
station holds. {exit_codes.TOLD}
"""


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what the command does and takes."""
    parser.description = (
        "Look at everything a station needs of this machine: camera, pins, rights, model, supply, "
        "heat, card. Each line says what was looked at, what was found, and what mends it. "
        "Exit code 0: a station can run; 1: it cannot."
    )
    parser.epilog = EPILOG
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="print the lines as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything, and tell."""
    settings, faults = _settings(arguments)
    here = this_machine(settings, faults, arguments.config, RealClock())
    if arguments.json:
        seen = list(examine(here))
        print(as_json(here, seen))
    else:
        page = Page(get_terminal_size().columns, coloured=_is_coloured())
        print(page.head(here))
        seen = []
        for each in examine(here, _show):
            _show("")
            print(page.line(each), flush=True)
            seen.append(each)
        print(page.tail(here, seen))
    return exit_codes.DONE if is_fit(seen) else exit_codes.UNFIT


def _settings(arguments: argparse.Namespace) -> tuple[Settings | None, tuple[str, ...]]:
    """Return the settings, if any were given, and what is wrong with them."""
    try:
        settings = settings_of(arguments)
    except SettingsFault as fault:
        return None, tuple(map(str, fault.faults))
    # A file may be empty; without a file single flags are settings as well.
    return (settings if arguments.config or arguments.set else None), ()


def _is_coloured() -> bool:
    """Return whether colours are seen and wanted (https://no-color.org)."""
    dumb = os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and not dumb


def _show(name: str) -> None:
    """Say in place what is being looked at, where a person can see it; "" wipes it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K  ...   {name}" if name else "\r\x1b[K")
        sys.stderr.flush()
