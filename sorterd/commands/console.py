"""`sorterd console`: a page and metrics for whoever looks after the station."""

import argparse
import ipaddress
import logging
from functools import partial
from importlib import import_module

from sorterd import exit_codes
from sorterd.clock import RealClock
from sorterd.commands.arguments import add_settings, settings_of, whole_number
from sorterd.ports import DeviceUnavailable
from sorterd.service.notify import notifier_here
from sorterd.settings import Fault, SettingsFault

log = logging.getLogger(__name__)

EXAMPLES = """\
examples:
  sorterd console                       http://127.0.0.1:8080/, for this machine alone
  sorterd console --address 0.0.0.0     for everybody in your network; there is no password
  curl -s http://127.0.0.1:8080/metrics
"""


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what the command does and takes."""
    parser.description = (
        "Serve a page with what the station has sorted, and the same as metrics for Prometheus.\n"
        "It opens no device, and may run beside the station or without it."
    )
    parser.epilog = f"{EXAMPLES}\n{parser.epilog}"
    add_settings(parser)
    parser.add_argument(
        "--address",
        default="127.0.0.1",
        help="where to listen; without this flag only this machine can ask (%(default)s)",
    )
    parser.add_argument(
        "--port",
        type=partial(whole_number, least=1, most=65_535),
        default=8080,
        help="(%(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop.

    Raises:
        SettingsFault: The settings cannot be used, or name no journal.
        DeviceUnavailable: The address cannot be had, or a library is missing.
    """
    settings = settings_of(arguments)
    if settings.journal.path is None:
        bound = "must be given: the console shows what the station has written there"
        remedy = 'write path = "/var/lib/sorterd/journal.db" into the table [journal]'
        source = settings.source_of(("journal",))
        raise SettingsFault([Fault("journal.path", None, bound, remedy, source)])
    try:
        state = import_module("sorterd.console.state")
        serving = import_module("sorterd.console.serving")
    except ImportError as error:
        raise DeviceUnavailable(
            f"console: {error.name} is not installed; install it: pip install 'sorterd[console]'"
        ) from error
    if not _for_this_machine_alone(arguments.address):
        log.warning("whoever reaches %s can read the page: it has no password", arguments.address)
    log.info("the console is on http://%s:%d/", arguments.address, arguments.port)
    station = state.Station(settings.name, settings.journal.path, RealClock())
    serving.serve(station, arguments.address, arguments.port, notifier_here())
    return exit_codes.DONE


def _for_this_machine_alone(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
