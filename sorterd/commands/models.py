"""`sorterd models`: which versions of a bundle there are, which is in force, and changing that.

A bundle becomes active only after it has done here, where it will lie, what a station asks of it
at each start: its files are those of its manifest, its golden answers are right, and it is quick
enough for the gates of this very station's settings.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sorterd import exit_codes
from sorterd.classifiers.bundle import MANIFEST, BundleFault, load
from sorterd.classifiers.store import Store, candidates, shipped
from sorterd.clock import RealClock
from sorterd.commands.arguments import add_settings, settings_of
from sorterd.holding import holder
from sorterd.ports import DeviceUnavailable
from sorterd.settings import Settings, SettingsFault
from sorterd.wiring.models import check_together, open_bundle

EXAMPLES: Final = """\
examples:
  sorterd models list
  sorterd models check /var/lib/sorterd/taught
  sudo sorterd models activate /var/lib/sorterd/taught
  sudo sorterd models activate waste/2-taught-1     a version that the list shows
  sudo sorterd models rollback

Rollback swaps the active version and the one before it. A station that runs goes on with its bundle
until `sudo systemctl reload sorterd`.

"""


@dataclass(frozen=True, slots=True)
class Row:
    """One version, as the list shows it.

    Attributes:
        state: `active`, `previous`, `kept`; of what came with sorterd `active` or `shipped`.
        fault: What is wrong with its files; None if nothing is.
    """

    name: str
    version: str
    state: str
    folder: str
    fault: str | None


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked about bundles."""
    parser.description = (
        "Keep the versions of a bundle side by side, and say which one the station uses. A bundle "
        "that fails its checksums, its golden answers or this station's deadlines never becomes "
        "active, and the one before it is kept."
    )
    parser.epilog = EXAMPLES + exit_codes.TOLD
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every version, and which is in force")
    listing.add_argument("--json", action="store_true", help="as JSON")
    check = actions.add_parser("check", help="ask a bundle all that a start asks; change nothing")
    activate = actions.add_parser("activate", help="copy a bundle in, check it, put it in force")
    rollback = actions.add_parser("rollback", help="put the one before it in force again")
    for each in (listing, check, activate, rollback):
        add_settings(each)
    for each, count in ((check, "?"), (activate, None)):
        each.add_argument(
            "bundle",
            nargs=count,
            metavar="BUNDLE",
            help="a bundle's folder, or NAME/VERSION of the list",
        )
    rollback.add_argument("name", nargs="?", metavar="NAME", help="if not the settings' own")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for.

    Raises:
        BundleFault: The bundle must not be used.
        SettingsFault: The settings are faulty, or the bundle does not fit this station.
        DeviceUnavailable: The store cannot be written to, or no runtime works here.
    """
    settings = settings_of(arguments)
    store = Store(settings.model.store)
    try:
        match arguments.action:
            case "list":
                return _list(settings, store, as_json=arguments.json)
            case "check":
                return _check(settings, store, arguments.bundle)
            case "activate":
                return _activate(settings, store, arguments.bundle)
            case _:
                return _rollback(store, arguments.name or settings.model.bundle)
    except (DeviceUnavailable, BrokenPipeError):
        raise
    except OSError as fault:
        raise DeviceUnavailable(
            f"{fault.filename or store.folder}: {(fault.strerror or str(fault)).lower()}; "
            "use sudo, and see that the disk has room"
        ) from fault


def _list(settings: Settings, store: Store, *, as_json: bool) -> int:
    rows = list(_rows(settings, store))
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return exit_codes.DONE
    for row in rows:
        print(f"{row.name:<16} {row.version:<16} {row.state:<9} {row.fault or row.folder}")
    return exit_codes.DONE


def _rows(settings: Settings, store: Store) -> Iterator[Row]:
    named = settings.model.bundle
    for name in sorted({*store.names(), *([named] if shipped(named) else [])}):
        active, previous = store.active(name), store.previous(name)
        for version in store.versions(name):
            states = {previous: "previous", active: "active"}
            yield _row(name, version, states.get(version, "kept"), store.folder / name / version)
        came_with = shipped(name)
        if came_with is not None:
            yield _row(name, None, "active" if active is None else "shipped", came_with)


def _row(name: str, version: str | None, state: str, folder: Path) -> Row:
    try:
        found, fault = load(folder).manifest.version, None
    except BundleFault as error:
        found, fault = "?", str(error)
    return Row(name, version or found, state, str(folder), fault)


def _check(settings: Settings, store: Store, bundle: str | None) -> int:
    folder = (
        candidates(settings.model.bundle, store)[0] if bundle is None else _folder(store, bundle)
    )
    try:
        print(_asked(folder, settings))
    except (BundleFault, SettingsFault) as fault:
        for line in str(fault).splitlines():
            print(f"sorterd: {line}", file=sys.stderr)
        return exit_codes.UNFIT
    return exit_codes.DONE


def _activate(settings: Settings, store: Store, bundle: str) -> int:
    folder, new = store.take_in(_folder(store, bundle))
    name, version = folder.parent.name, folder.name
    before = store.active(name)
    try:
        told = _asked(folder, settings)
    except (BundleFault, SettingsFault, DeviceUnavailable):
        if new:
            store.drop(name, version)
        raise
    store.activate(name, version)
    print(told)
    print(f"active: {name}, {version}; before: {_called(name, before)}")
    if settings.model.bundle != name:
        print(f'the settings name another: write model.bundle = "{name}" to use it')
    _remind()
    return exit_codes.DONE


def _rollback(store: Store, name: str) -> int:
    before = store.active(name)
    back = store.rollback(name)
    print(f"active: {name}, {_called(name, back)}; before: {_called(name, before)}")
    _remind()
    return exit_codes.DONE


def _folder(store: Store, bundle: str) -> Path:
    """Return the folder that a person means: a path, or NAME/VERSION in the store.

    Raises:
        BundleFault: It is neither.
    """
    for folder in (Path(bundle).expanduser(), store.folder / bundle):
        if (folder / MANIFEST).is_file():
            return folder
    raise BundleFault(
        f"no bundle {bundle}: give a folder with a {MANIFEST}, or NAME/VERSION as "
        "`sorterd models list` has them"
    )


def _asked(folder: Path, settings: Settings) -> str:
    """Ask a bundle all that a start asks, and return what there is to say about it.

    Raises:
        BundleFault: Its files or its golden answers are wrong.
        SettingsFault: It does not fit this station: labels without a bin, or too slow for a gate.
        DeviceUnavailable: No runtime works here.
    """
    model = open_bundle(folder, settings, RealClock())
    try:
        check_together(settings, model, model.costs)
    finally:
        model.close()
    cost = model.costs[1]
    return (
        f"{model.bundle.name} fits: {len(model.bundle.golden)} golden answers right on "
        f"{model.runtime}, {cost.typical_ns / 1e6:.1f} ms a crop, at worst "
        f"{cost.worst_ns / 1e6:.1f} ms, which leaves every gate its time"
    )


def _called(name: str, version: str | None) -> str:
    if version is not None:
        return version
    return "the one that came with sorterd" if shipped(name) else "none"


def _remind() -> None:
    running = holder()
    if running is not None:
        print(f"{running}, still has the old one: sudo systemctl reload sorterd")
