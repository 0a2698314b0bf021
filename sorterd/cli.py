"""The command line: what was asked for, who does it, and what the exit code means.

| code | meaning |
|---|---|
| 0 | done |
| 2 | settings or arguments that cannot work |
| 3 | a device that could not be opened, or failed |
| 4 | a model that must not be used |
| 70 | a bug in sorterd |

What only a dry run needs (the simulation, the film, PIL) is imported by name when one is asked for:
95 ms of processor time that the service does not spend at each start.
"""

import argparse
import logging
import os
import signal
import sys
import tomllib
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType

from sorterd.classifiers.bundle import BundleFault
from sorterd.clock import RealClock
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.realtime import PRIORITIES, place_at
from sorterd.settings import Settings, SettingsFault, explain, load
from sorterd.station import run_station
from sorterd.wiring import check_together, open_model

DONE, SETTINGS, DEVICE, MODEL, BUG = 0, 2, 3, 4, 70

USUAL_CONFIG = Path("/etc/sorterd/sorterd.toml")

TEXT = """\
Sort waste on a belt, or behind lids, with a camera, a TFLite model and servo gates.

  sorterd --dry-run                a simulated belt for a minute, live
  sorterd --dry-run --fast         the same, as quickly as this machine can
  sorterd check --config FILE      every fault in the settings, at once
  sorterd --config FILE            run the station (what the service does)
"""

CODES = "exit codes: 0 done, 2 settings or arguments, 3 device, 4 model, 70 a bug in sorterd"


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        argv: Without the program's name; None for the process's own.

    Returns:
        The exit code.
    """
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        return int(arguments.command(arguments))
    except SettingsFault as fault:
        return _say(fault, SETTINGS)
    except (DeviceUnavailable, DeviceFault) as fault:
        return _say(fault, DEVICE)
    except BundleFault as fault:
        return _say(fault, MODEL)
    except BrokenPipeError:
        # Whoever read the output has seen enough (`| head`); nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception:
        logging.getLogger(__name__).exception("a bug in sorterd; please report it with these lines")
        return BUG


def _say(fault: Exception | str, code: int) -> int:
    for line in str(fault).splitlines():
        print(f"sorterd: {line}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sorterd",
        description=TEXT,
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=_run)
    parser.add_argument(
        "--version", action="store_const", dest="command", const=_version, help="tell the version"
    )
    _add_settings(parser)
    dry = parser.add_argument_group("dry run: the whole road, with simulated gates")
    dry.add_argument("--dry-run", action="store_true", help="simulate; needs no Pi, root or file")
    dry.add_argument(
        "--station", choices=("belt", "lids"), help="pieces ride past, or are put down one by one"
    )
    dry.add_argument("--pieces", type=_count, metavar="N", help="end after so many pieces")
    dry.add_argument(
        "--seconds", type=_length, metavar="S", help="end after so long (60, unless --pieces)"
    )
    dry.add_argument(
        "--seed", type=_seed, default=7, metavar="N", help="another seed, other pieces (7)"
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
        type=_length,
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
    commands = parser.add_subparsers(title="commands", metavar="")
    check = commands.add_parser(
        "check",
        help="tell every fault in the settings, at once",
        description="Read the settings as the station would, open the model, and tell every fault.",
        epilog=CODES,
    )
    _add_settings(check)
    check.add_argument(
        "--explain", action="store_true", help="print the settings in force and where each is from"
    )
    check.set_defaults(command=_check)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, TOML")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting, over file and environment: --set belt.speed_mm_s=150",
    )


def _count(text: str) -> int:
    return int(_number(text, int, 1, 1_000_000))


def _length(text: str) -> float:
    return _number(text, float, 0.001, 1_000_000)


def _seed(text: str) -> int:
    return int(_number(text, int, 0, 2**32 - 1))


def _number(text: str, kind: type[int] | type[float], least: float, most: float) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"{text}: must be {what} from {least} to {most}")
    return number


def _settings(arguments: argparse.Namespace, **flags: object) -> Settings:
    given: dict[str, object] = dict(flags)
    for text in arguments.set:
        key, _, value = text.partition("=")
        given[key.strip()] = _value(value.strip())
    return load(arguments.config, given)


def _value(text: str) -> object:
    """Read a value as TOML would; what TOML cannot read is plain text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _version(arguments: argparse.Namespace) -> int:
    del arguments
    # It is read from the installed package, which takes a while.
    print(f"sorterd {import_module('importlib.metadata').version('sorterd')}")
    return DONE


def _check(arguments: argparse.Namespace) -> int:
    if arguments.config is None and USUAL_CONFIG.exists():
        arguments.config = USUAL_CONFIG
    settings = _settings(arguments)
    model = open_model(settings, RealClock())
    try:
        check_together(settings, model, model.costs)
    finally:
        model.classifier.close()
    if arguments.explain:
        print(explain(settings))
    else:
        cost_ms = model.costs[1].typical_ns / 1e6
        print(
            f"settings fit: a {settings.station} station, {len(settings.gates)} gates, "
            f"{len(settings.bins)} bins\n"
            f"model fits: {model.bundle.name}, {len(model.bundle.labels)} labels, "
            f"{model.runtime}, {cost_ms:.1f} ms a crop here\n"
            f"{place_at(PRIORITIES['gates']).told}"
        )
        # A camera may know of something that works and yet is unwise.
        advise = getattr(settings.camera, "advice", None)
        if advise is not None and (advice := advise()):
            print(advice)
    return DONE


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.dry_run:
        if arguments.config is None and not USUAL_CONFIG.exists():
            return _say(
                "no settings: give --config FILE, or try `sorterd --dry-run`, which needs none",
                SETTINGS,
            )
        arguments.config = arguments.config or USUAL_CONFIG
        return run_station(_settings(arguments), _on_signal)
    return _dry_run(arguments)


def _dry_run(arguments: argparse.Namespace) -> int:
    dry_run = import_module("sorterd.dry_run")
    asked = dry_run.DryRun(
        settings=_settings(arguments, station=arguments.station),
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
        asked.run(_on_signal)
    except dry_run.FAULTS as fault:
        return _say(fault, SETTINGS)
    return DONE


def _on_signal(stop: Callable[[], None]) -> None:
    """Have SIGTERM and Ctrl-C ask for an orderly stop."""

    def stop_now(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_now)
