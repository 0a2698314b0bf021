"""The wheels that a Pi would install, fetched here: the machine itself has no network.

`constraints.txt` pins every version, so nothing is left to solve: from sorterd's own requirements
on, each wheel names what it needs, and each need is looked up there. Needs are read as a Pi reads
them (Python 3.11, aarch64); pip itself would read them as the machine it runs on.
"""

import sys
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.workshop.emulated.calling import call
from tools.workshop.faults import WorkshopFault

EDITION: Final = 1
"""Raised when what is fetched changes and nothing else in the recipe shows it."""
PYTHON: Final = "3.11"
PLATFORMS: Final = ("manylinux2014", *(f"manylinux_2_{minor}" for minor in range(17, 37)))
"""Debian bookworm has glibc 2.36; pip takes older names only where each is given."""
EXTRAS: Final = ("pi", "console")
LEFT_OUT: Final = ("picamera2",)
"""A Pi has it from apt, beside the camera library that it belongs to; Debian has neither."""
BESIDES: Final = ("pip", "setuptools", "wheel")
"""What a virtual environment may be asked to renew."""


def environment(machine: str, python: str = PYTHON) -> dict[str, str]:
    """Return what markers are asked about on a Linux machine.

    Args:
        machine: As `uname -m` gives it.
        python: Its Python's major and minor version.
    """
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.2",
        "python_version": python,
        "sys_platform": "linux",
    }


def project_needs(pyproject: str) -> list[str]:
    """Return what `systemd/install` asks for: to run, on pins, to show a page, to be built."""
    table = tomllib.loads(pyproject)
    project = table["project"]
    asked = [
        *project["dependencies"],
        *(need for extra in EXTRAS for need in project["optional-dependencies"][extra]),
        *table["build-system"]["requires"],
    ]
    return [need for need in asked if Requirement(need).name not in LEFT_OUT]


def pins_of(constraints: str, target: Mapping[str, str]) -> dict[str, str]:
    """Return the version of each package that `constraints.txt` pins for a machine."""
    pins: dict[str, str] = {}
    for line in constraints.splitlines():
        if not (text := line.partition("#")[0].strip()):
            continue
        pin = Requirement(text)
        if _holds(pin, target):
            pins[canonicalize_name(pin.name)] = str(pin.specifier)
    return pins


def asked_for(
    needs: Iterable[str], pins: Mapping[str, str], target: Mapping[str, str]
) -> dict[str, str]:
    """Return each package that these needs name on a machine, with what is asked of pip.

    Args:
        needs: Requirements with markers.
        pins: What `pins_of` returns.
        target: What `environment` returns.
    """
    asked: dict[str, str] = {}
    for need in map(Requirement, needs):
        if _holds(need, target):
            name = canonicalize_name(need.name)
            asked[name] = f"{name}{pins.get(name, need.specifier)}"
    return asked


def needs_of(wheel: Path) -> list[str]:
    """Return what a wheel says that it needs."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    return [str(need) for need in HeaderParser().parsestr(text).get_all("Requires-Dist", [])]


def fetch_wheels(
    needs: Iterable[str], constraints: str, machine: str, folder: Path, log: Path
) -> None:
    """Fetch wheels and what they need, until nothing is missing.

    Args:
        needs: Requirements of the project.
        constraints: The text of `constraints.txt`.
        machine: What they are for, as `uname -m` gives it.
        folder: Takes the wheels.
        log: Takes what pip says.

    Raises:
        WorkshopFault: pip found no wheel for such a machine.
    """
    target = environment(machine)
    pins = pins_of(constraints, target)
    had: set[str] = set()
    waiting = asked_for([*needs, *BESIDES], pins, target)
    while missing := {name: text for name, text in waiting.items() if name not in had}:
        before = set(folder.glob("*.whl"))
        call([*_pip(machine, folder), *missing.values()], log)
        had.update(missing)
        new = set(folder.glob("*.whl")) - before
        further = [need for wheel in sorted(new) for need in needs_of(wheel)]
        waiting = asked_for(further, pins, target)
    if not had:
        raise WorkshopFault("the project asks for no wheel at all: see pyproject.toml")


def _holds(need: Requirement, target: Mapping[str, str]) -> bool:
    return need.marker is None or need.marker.evaluate({**target, "extra": ""})


def _pip(machine: str, folder: Path) -> list[str]:
    tag = f"cp{PYTHON.replace('.', '')}"
    return [
        *(sys.executable, "-m", "pip", "download", "-q", "-d", str(folder)),
        *("--no-deps", "--only-binary=:all:", "--python-version", PYTHON),
        *("--implementation", "cp", "--abi", tag, "--abi", "abi3", "--abi", "none"),
        *(word for name in PLATFORMS for word in ("--platform", f"{name}_{machine}")),
    ]
