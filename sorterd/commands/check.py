"""`sorterd check`: read the settings as the station would, open the model, tell every fault."""

import argparse
from importlib import import_module

from sorterd import exit_codes
from sorterd.clock import RealClock
from sorterd.commands.arguments import add_settings, settings_of
from sorterd.realtime import PRIORITIES, place_at
from sorterd.settings import explain
from sorterd.wiring.models import check_together, open_model


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what the command does and takes."""
    parser.description = (
        "Read the settings as the station would, open the model, and tell every fault."
    )
    add_settings(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument(
        "--explain", action="store_true", help="print the settings in force and where each is from"
    )
    shown.add_argument(
        "--example", action="store_true", help="print a file that names every setting there is"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check.

    Raises:
        SettingsFault: There are faults.
        BundleFault: The model must not be used.
        DeviceUnavailable: No runtime works here, or the delegate does not.
    """
    if arguments.example:
        # By name: only who asks for it pays for the import of every kind of part.
        print(import_module("sorterd.settings.example").example(), end="")
        return exit_codes.DONE
    settings = settings_of(arguments)
    model = open_model(settings, RealClock())
    try:
        check_together(settings, model, model.costs)
    finally:
        model.classifier.close()
    if arguments.explain:
        print(explain(settings))
        return exit_codes.DONE
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
    return exit_codes.DONE
