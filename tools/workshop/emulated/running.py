"""A whole run: a machine is started, tried chapter by chapter, and ended, whatever happens."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from sorterd.ports import Clock
from tools.workshop.emulated.chapters import run_chapters
from tools.workshop.emulated.checks import Check, Findings
from tools.workshop.emulated.container import Container
from tools.workshop.emulated.guests import Guest
from tools.workshop.emulated.machine import Machine
from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.stations import give_to_container, give_to_pi
from tools.workshop.faults import WorkshopFault

PI_PATIENCE: Final = 10.0
"""An emulated core runs Python some ten times slower than the machine it is emulated on."""
CONTAINER_PATIENCE: Final = 1.0
_LOGS: Final = (
    ("service.log", "journalctl -q -u 'sorterd*' --no-pager -o short-monotonic"),
    ("journal.log", "journalctl -q -b --no-pager -o short-monotonic"),
    ("units.txt", "systemctl --no-pager --failed; systemctl --no-pager status 'sorterd*'"),
    ("settings.toml", "cat /etc/sorterd/sorterd.toml"),
)

Tell = Callable[[Check], None]


def try_pi(
    image: Path, names: Iterable[str], clock: Clock, tell: Tell, findings: Findings, keep: Path
) -> None:
    """Try the station on the emulated Pi.

    Args:
        image: The folder that `make_image` filled.
        names: The chapters.
        clock: Waits.
        tell: Told each check.
        findings: Takes them.
        keep: Where logs go if anything fails; made when needed.

    Raises:
        WorkshopFault: The machine did not come up or was lost; its logs are kept.
    """
    with tempfile.TemporaryDirectory(prefix="pi-") as made:
        folder = Path(made)
        give_to_pi(folder / "share")
        with Machine(image, folder, clock) as machine:
            bench = Bench(machine, clock, findings, tell, pins=True, patience=PI_PATIENCE)
            _try(bench, names, machine.console, keep)


def try_container(
    root: Path,
    wheels: Path,
    names: Iterable[str],
    clock: Clock,
    tell: Tell,
    findings: Findings,
    keep: Path,
) -> None:
    """Try what needs no device, in a container.

    Args:
        root: The tar file of its root.
        wheels: A folder of wheels for this machine.
        names: The chapters.
        clock: Waits.
        tell: Told each check.
        findings: Takes them.
        keep: Where logs go if anything fails; made when needed.

    Raises:
        WorkshopFault: The container did not come up or was lost.
    """
    with tempfile.TemporaryDirectory(prefix="pi-") as made:
        folder = Path(made)
        give_to_container(folder / "given")
        shown = {folder / "given": "/given", wheels: "/opt/wheelhouse"}
        with Container(root, folder / "run", shown, clock) as container:
            container.run(
                "printf '[global]\\nno-index = true\\nfind-links = /opt/wheelhouse\\n'"
                " > /etc/pip.conf"
            )
            bench = Bench(container, clock, findings, tell, pins=False, patience=CONTAINER_PATIENCE)
            _try(bench, names, container.console, keep)


def _try(bench: Bench, names: Iterable[str], console: Path, keep: Path) -> None:
    try:
        run_chapters(bench, names)
    except BaseException:
        _keep(bench.guest, console, keep)
        raise
    if bench.findings.failed:
        _keep(bench.guest, console, keep)


def _keep(guest: Guest, console: Path, keep: Path) -> None:
    """Fetch what the machine's logs say, as far as it still answers."""
    shutil.rmtree(keep, ignore_errors=True)
    keep.mkdir(parents=True)
    if console.exists():
        shutil.copy(console, keep / "console.log")
    for name, script in _LOGS:
        try:
            (keep / name).write_text(guest.run(script, 60).said)
        except WorkshopFault as fault:
            (keep / name).write_text(f"{fault}\n")
            return
