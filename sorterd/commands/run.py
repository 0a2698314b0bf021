"""`sorterd` itself: run the station, or a simulated one."""

import argparse
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

from sorterd import exit_codes
from sorterd.commands.arguments import (
    add_settings,
    given_settings,
    number,
    settings_of,
    usual_config,
    whole_number,
)
from sorterd.commands.signals import HANGUP, STOPS, own_signals


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what running a station takes."""
    add_settings(parser)
    count = partial(whole_number, least=1, most=1_000_000)
    length = partial(number, least=0.001, most=1_000_000)
    seed = partial(whole_number, least=0, most=2**32 - 1)
    dry = parser.add_argument_group("dry run: the whole road, with simulated gates")
    dry.add_argument("--dry-run", action="store_true", help="simulate; needs no Pi, root or file")
    dry.add_argument(
        "--station", choices=("belt", "lids"), help="pieces ride past, or are put down one by one"
    )
    dry.add_argument("--pieces", type=count, metavar="N", help="end after so many pieces")
    dry.add_argument(
        "--seconds", type=length, metavar="S", help="end after so long (60, unless --pieces)"
    )
    dry.add_argument(
        "--seed", type=seed, default=7, metavar="N", help="another seed, other pieces (7)"
    )
    dry.add_argument(
        "--images", type=Path, metavar="DIR", help="lay these photos on the belt: a folder a class"
    )
    dry.add_argument(
        "--camera",
        metavar="SOURCE",
        help="a USB camera (/dev/v4l/by-id/...), a video or a folder of photos instead of the belt",
    )
    dry.add_argument(
        "--fast", action="store_true", help="on a manual clock: same seed, same report"
    )
    dry.add_argument(
        "--invoke-ms",
        type=length,
        default=30.0,
        metavar="MS",
        help="with --fast: what the model is said to need a crop (30)",
    )
    dry.add_argument(
        "--film", type=Path, metavar="FILE", help="write what was seen: .mp4 .avi .gif"
    )
    dry.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    dry.add_argument(
        "--review",
        type=Path,
        metavar="DIR",
        help="leave crops worth a person's look there, by the settings' table [review]",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run a station until it is told to stop, or a dry run to its end.

    Raises:
        SettingsFault: The settings cannot work.
        BundleFault: The model must not be used.
        DeviceUnavailable: A device could not be opened.
        DeviceFault: A device failed for good.
    """
    if arguments.dry_run:
        return _dry_run(arguments)
    if arguments.config is None and usual_config() is None:
        print(
            "sorterd: no settings: give --config FILE, or try `sorterd --dry-run`, "
            "which needs none",
            file=sys.stderr,
        )
        return exit_codes.SETTINGS
    station = import_module("sorterd.station")
    with own_signals() as on:
        load = partial(settings_of, arguments)
        return int(station.run_station(load, partial(on, STOPS), partial(on, HANGUP)))


def _dry_run(arguments: argparse.Namespace) -> int:
    # The simulation, the film and PIL: 95 ms of processor time that a station does not spend.
    dry_run = import_module("sorterd.dry_run")
    asked = dry_run.DryRun(
        settings=given_settings(arguments, station=arguments.station),
        pieces=arguments.pieces,
        seconds=arguments.seconds,
        seed=arguments.seed,
        images=arguments.images,
        camera=arguments.camera,
        fast=arguments.fast,
        invoke_ms=arguments.invoke_ms,
        film=arguments.film,
        report=arguments.report,
        review=arguments.review,
    )
    try:
        with own_signals() as on:
            asked.run(partial(on, STOPS))
    except dry_run.FAULTS as fault:
        for line in str(fault).splitlines():
            print(f"sorterd: {line}", file=sys.stderr)
        return exit_codes.SETTINGS
    return exit_codes.DONE
