#!/usr/bin/env python3
"""A Raspberry Pi without a Raspberry Pi: build one, use it, and prove the station on it.

The emulated machine is a 64-bit Debian 12 for arm64 under QEMU, with a real kernel, a real systemd,
54 pins under the name of a Pi 4's chip (gpio-sim), the kernel's own pretended camera (vivid), the
wheels that a Pi would install, and no network. It is as slow as emulation is: what it says about
time means nothing; what it says about permissions, devices and ways to die does.

commands:
  build   make the machine; what is made is kept and made again only where its recipe has changed
  boot    start it on this terminal, for a person
  test    start it, install this checkout with systemd/install, and check everything that can be
          proven without a real Pi; ends with a table
  quick   the part of it that needs no device, on systemd in a container of this machine
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.clock import RealClock
from tools.workshop.emulated.building import Making, make_all, place_to_work
from tools.workshop.emulated.chapters import CHAPTERS, chosen
from tools.workshop.emulated.checks import Check, Findings, line_of, table
from tools.workshop.emulated.host import (
    FOR_QUICK,
    TO_BOOT,
    TO_BUILD,
    TO_COMPRESS,
    Impossible,
    be_root,
    call_qemu_user,
    equip,
)
from tools.workshop.emulated.machine import hand_over
from tools.workshop.emulated.running import try_container, try_pi
from tools.workshop.emulated.shelf import Shelf
from tools.workshop.emulated.stations import give_to_pi
from tools.workshop.faults import EXIT_DONE, EXIT_MISSED, ended

EXAMPLE = """examples:
  sudo tools/emulated_pi.py build --install-packages
  sudo tools/emulated_pi.py test --json emulated.json
  sudo tools/emulated_pi.py test --only dying
  sudo tools/emulated_pi.py boot
  sudo tools/emulated_pi.py quick
  tools/emulated_pi.py quick --install-packages --or-skip     # in CI, as root

exit codes: 0 all is well, 1 a check failed (its logs are kept, and their place is told),
2 something is missing (one line says what, and the command that mends it), 130 interrupted
"""
IN_THE_MACHINE = """This is the emulated Pi. It logs you in as root by itself, in half a minute.
  a command of your own:  type it; the wheels are in /opt/wheelhouse, where pip finds them
  this checkout:          cp -r /share/checkout . && cd checkout && systemd/install
  settings for a station: /share/station.toml
  the pins:               gpioinfo; ls /sys/devices/platform/gpio-sim.0/gpiochip0
  the camera:             v4l2-ctl --list-devices
  stop:                   poweroff, or Ctrl-A X at once; nothing of what you did is kept
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    options = _options(arguments)
    work = {"build": _build, "boot": _boot, "test": _test, "quick": _quick}[options.command]
    return ended("emulated_pi", lambda: work(options), OSError)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/emulated_pi.py",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        default=_default_cache(),
        help="where what was built is kept: about 1.5 GB (default: %(default)s)",
    )
    common.add_argument(
        "--install-packages",
        action="store_true",
        help="install what this machine lacks with apt-get, instead of only naming it",
    )
    common.add_argument(
        "--fresh", action="store_true", help="build all of it anew, with what Debian has today"
    )
    common.add_argument(
        "--small", action="store_true", help="keep the disk compressed: 0.3 GB instead of 1.1"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("build", parents=[common], help="make the machine: 5 to 20 minutes")
    commands.add_parser("boot", parents=[common], help="start it on this terminal")
    told = argparse.ArgumentParser(add_help=False)
    told.add_argument("--json", type=Path, metavar="FILE", help="write every check")
    told.add_argument("--list", action="store_true", help="list the chapters, and end")
    told.add_argument(
        "--only",
        nargs="+",
        choices=CHAPTERS,
        metavar="CHAPTER",
        help="run these chapters, and those that they stand on",
    )
    both = [common, told]
    commands.add_parser("test", parents=both, help="prove the station on it: 15 to 30 minutes")
    quick = commands.add_parser(
        "quick", parents=both, help="what needs no device, in a container: minutes"
    )
    quick.add_argument(
        "--or-skip",
        action="store_true",
        help="where no container can be run, say so and end well: for CI",
    )
    return parser.parse_args(arguments)


def _default_cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "sorterd" / "emulated-pi"


def _build(options: argparse.Namespace) -> int:
    print(f"the machine is in {_machine(options)}")
    return EXIT_DONE


def _machine(options: argparse.Namespace) -> Path:
    """Build what is missing and return the folder of the image."""
    be_root("installing Debian into a folder")
    making = _making(options)
    parts = making.parts()
    if options.fresh or not all(making.shelf.has(part) for part in parts):
        wanted = {**TO_BUILD, **(TO_COMPRESS if options.small else {})}
        equip(wanted, making.logs / "packages.log", install=options.install_packages)
        call_qemu_user(making.logs / "packages.log")
    return make_all(making.shelf, parts, RealClock(), _tell, fresh=options.fresh)


def _making(options: argparse.Namespace) -> Making:
    cache: Path = options.cache
    cache.mkdir(parents=True, exist_ok=True)
    work = place_to_work(cache, lambda folder: shutil.disk_usage(folder).free)
    return Making(Shelf(cache, work), cache / "logs", options.small)


def _tell(line: str) -> None:
    print(line, flush=True)


def _boot(options: argparse.Namespace) -> int:
    image = _machine(options)
    equip(TO_BOOT, options.cache / "logs" / "packages.log", install=options.install_packages)
    print(IN_THE_MACHINE, flush=True)
    with tempfile.TemporaryDirectory(prefix="pi-") as folder:
        give_to_pi(Path(folder) / "share")
        return hand_over(image, Path(folder))


def _test(options: argparse.Namespace) -> int:
    if options.list:
        return _list(pins=True)
    image = _machine(options)
    equip(TO_BOOT, options.cache / "logs" / "packages.log", install=options.install_packages)
    names = chosen(options.only, pins=True)

    def work(findings: Findings, keep: Path) -> None:
        try_pi(image, names, RealClock(), _tell_check, findings, keep)

    return _tried("the emulated Pi", options, work)


def _quick(options: argparse.Namespace) -> int:
    if options.list:
        return _list(pins=False)
    try:
        return _contained(options)
    except Impossible as fault:
        if not options.or_skip:
            raise
        print(f"SKIPPED: the station was not tried on systemd, for {fault}", flush=True)
        return EXIT_DONE


def _contained(options: argparse.Namespace) -> int:
    be_root("a container")
    making = _making(options)
    equip(FOR_QUICK, making.logs / "packages.log", install=options.install_packages)
    parts = making.container_parts()
    make_all(making.shelf, parts, RealClock(), _tell, fresh=options.fresh)
    root, wheels = (making.shelf.place(part) for part in parts)
    names = chosen(options.only, pins=False)

    def work(findings: Findings, keep: Path) -> None:
        tar = root / "root.tar"
        try_container(tar, wheels, names, RealClock(), _tell_check, findings, keep)

    return _tried("systemd in a container", options, work)


def _list(*, pins: bool) -> int:
    for name in chosen(None, pins=pins):
        print(f"{name.ljust(9)} {CHAPTERS[name].about}")
    return EXIT_DONE


def _tried(
    machine: str, options: argparse.Namespace, work: Callable[[Findings, Path], None]
) -> int:
    """Run trials, and whatever ends them tell what was found."""
    clock, findings = RealClock(), Findings(machine)
    keep: Path = options.cache / "logs" / f"{options.command}-failed"
    begun_ns = clock.now_ns()
    try:
        work(findings, keep)
    finally:
        findings.took_s = (clock.now_ns() - begun_ns) / 1e9
        if findings.checks:
            print("\n" + "\n".join(table(findings)), flush=True)
        if options.json is not None:
            options.json.write_text(findings.record())
    if findings.checks and not findings.failed:
        return EXIT_DONE
    print(f"what the machine said is in {keep}", file=sys.stderr)
    return EXIT_MISSED


def _tell_check(check: Check) -> None:
    print(f"{check.took_s:6.1f} s  {check.chapter}: {line_of(check)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
