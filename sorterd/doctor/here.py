"""What the doctor looks at things with: a machine, its programs, the station's settings, a person.

Every line takes what it needs from here, so that a test is a machine that was made up.
"""

import grp
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sorterd.doctor.findings import Need
from sorterd.doctor.wants import Wants, wants_of
from sorterd.holding import Holder, holder
from sorterd.machine import gpio_lines, i2c_bus
from sorterd.machine.board import is_pi
from sorterd.machine.gpio_lines import Chip
from sorterd.machine.gpio_lines import Line as GpioLine
from sorterd.machine.programs import Ask, ask
from sorterd.machine.storage import free_bytes
from sorterd.ports import Clock
from sorterd.realtime import PRIORITIES, Place, place_at
from sorterd.settings import Settings


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever types the command.

    Attributes:
        name: The user's.
        groups: By name, those that hold in this session.
        root: May do everything.
    """

    name: str
    groups: frozenset[str]
    root: bool


@dataclass(frozen=True, slots=True)
class Python:
    """The Python that runs this.

    Attributes:
        version: As `3.11.2`.
        program: Its path.
        prefix: Where its packages are installed.
        sees_system: It also sees the packages that apt installs.
        package: The folder of sorterd itself.
        cache: Where byte code is kept, if not beside the sources.
        keeps_cache: It writes byte code at all.
    """

    version: str
    program: str
    prefix: Path
    sees_system: bool
    package: Path
    cache: Path | None
    keeps_cache: bool


@dataclass(frozen=True)
class Here:
    """A machine, as the doctor sees it.

    Attributes:
        settings: The station's; None if there are none, or none that can be used.
        wants: What such a station wants.
        faults: What is wrong with the settings, a line each.
        config: The file they are from; None for none.
        person: Who asks.
        python: What runs this.
        clock: For what is timed.
        root: Below which `proc`, `sys`, `dev` and `etc` lie.
        ask: How other programs are asked.
        holder: Who holds the devices; None for nobody.
        chip_at: Asks a GPIO chip what it is.
        line_at: Asks it for one of its lines.
        register: Reads a register of a device on an I2C bus.
        may_open: Tells whether this process may read and write a device.
        free_at: Tells how much may still be written to a folder, bytes.
        place: Tells which place in line a gate's thread would get.
    """

    settings: Settings | None
    wants: Wants
    faults: tuple[str, ...]
    config: Path | None
    person: Person
    python: Python
    clock: Clock
    root: Path = Path("/")
    ask: Ask = ask
    holder: Holder | None = None
    chip_at: Callable[[Path], Chip] = gpio_lines.chip_at
    line_at: Callable[[Path, int], GpioLine] = gpio_lines.line_at
    register: Callable[[Path, int, int], int] = i2c_bus.register
    may_open: Callable[[Path], bool] = lambda node: os.access(node, os.R_OK | os.W_OK)
    free_at: Callable[[Path], int | None] = free_bytes
    place: Callable[[], Place] = field(default=lambda: place_at(PRIORITIES["gates"]))

    @cached_property
    def on_a_pi(self) -> bool:
        """This is a Raspberry Pi."""
        return is_pi(self.root)

    def on_a_pi_need(self, used: bool) -> Need:  # noqa: FBT001 - it is all that is asked
        """Return what a station makes of what only a Pi has: without settings a Pi should."""
        return self.wants.need(used) if self.wants.known or self.on_a_pi else Need.UNUSED

    def at(self, path: Path) -> Path:
        """Return where a path of the machine lies below the root."""
        return self.root / path.relative_to(path.anchor)


def wished_on_a_pi(here: Here) -> Need:
    """Return the need of what only a Pi can tell."""
    return Need.WISHED if here.on_a_pi else Need.UNUSED


def this_machine(
    settings: Settings | None, faults: tuple[str, ...], config: Path | None, clock: Clock
) -> Here:
    """Return the machine, person and Python that this process is of."""
    return Here(
        settings,
        wants_of(settings, on_a_pi=is_pi()),
        faults,
        config,
        person=_this_person(),
        python=_this_python(),
        clock=clock,
        holder=holder(),
    )


def _this_person() -> Person:
    number = os.geteuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container may run as a number that nobody has
        name = str(number)
    named = {each.gr_gid: each.gr_name for each in grp.getgrall()}
    groups = {*os.getgroups(), os.getegid()}
    return Person(name, frozenset(named[each] for each in groups if each in named), number == 0)


def _this_python() -> Python:
    prefix = Path(sys.prefix)
    lines = _lines(prefix / "pyvenv.cfg")
    in_venv = sys.prefix != sys.base_prefix
    sees = not in_venv or "include-system-site-packages = true" in map(str.lower, lines)
    return Python(
        version=".".join(map(str, sys.version_info[:3])),
        program=sys.executable,
        prefix=prefix,
        sees_system=sees,
        package=Path(__file__).resolve().parents[1],
        cache=Path(sys.pycache_prefix) if sys.pycache_prefix else None,
        keeps_cache=not sys.dont_write_bytecode,
    )


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
