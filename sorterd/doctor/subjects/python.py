"""The Python that runs the station, and the byte code it keeps.

Byte code is a copy that saves time. Where it cannot be written a start takes longer; where a power
cut has left a file half written, Python does not fall back on the source: the start fails with
`EOFError: marshal data too short`, again and again, until somebody removes the file.
"""

import marshal
import re
from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Final

from sorterd.doctor.findings import Finding, Line, Need, always, broken, found, missing
from sorterd.doctor.here import Here, Python
from sorterd.doctor.subjects.service import UNIT
from sorterd.machine.programs import Ask
from sorterd.machine.storage import mount_of, nearest_folder

_HEADER_BYTES: Final = 16
"""Before the code itself (PEP 552)."""
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})


def this_python(python: Python, *, apt_wanted: bool) -> Finding:
    """Look at its version, and whether it sees what only apt can install.

    Args:
        python: What runs this.
        apt_wanted: The station's camera needs a package of apt's.
    """
    told = f"Python {python.version} in {python.prefix}"
    if tuple(map(int, python.version.split(".")[:2])) < (3, 11):
        return broken(f"{told}: too old", "install Python 3.11 or newer, and sorterd with it")
    if apt_wanted and not python.sees_system:
        return missing(
            f"{told} does not see apt's packages, and libcamera comes from apt alone",
            f"sudo python3 -m venv --system-site-packages {python.prefix}",
        )
    return found(told + (", sees apt's packages" if python.sees_system else ""))


def byte_code(python: Python, services: Path | None, root: Path) -> Finding:
    """Look for the cache that makes a start quick, and for damaged files in it.

    Args:
        python: What runs this.
        services: Where the service keeps it; None if beside the sources, or if there is none.
        root: Below which the service's cache and its mount are looked for.
    """
    mount = mount_of(services, root) if services is not None else None
    if services is not None and mount is not None and mount.kind in _MEMORY:
        return found(f"the service keeps it in memory ({services}): no power cut can damage it")
    kept_at = root / services.relative_to("/") if services is not None else None
    folder = kept_at or python.cache or python.package
    damaged = [file for file in _compiled(folder) if _is_damaged(file)]
    if damaged:
        return broken(
            f"{len(damaged)} files of byte code are damaged, {damaged[0].name} first: "
            "a start may fail on them",
            f"sudo find {folder} -name '*.pyc' -delete",
        )
    if not python.keeps_cache:
        return missing(
            "none is kept: every start compiles anew, and takes longer",
            "unset PYTHONDONTWRITEBYTECODE",
        )
    if not any(_compiled(folder)):
        there = nearest_folder(folder)
        return missing(
            f"none in {there} yet: a start takes longer until there is, and cannot fail by it",
            f"sudo {python.program} -m compileall -q {python.package}",
        )
    return found(f"whole, in {folder}")


def services_cache(ask: Ask) -> Path | None:
    """Return where systemd has the service keep its byte code."""
    told = ask("systemctl", "show", UNIT, "-p", "Environment", "--value").words
    found_at = re.search(r"PYTHONPYCACHEPREFIX=(\S+)", told)
    return Path(found_at[1]) if found_at else None


def _compiled(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.pyc")


def _is_damaged(file: Path) -> bool:
    try:
        code = file.read_bytes()
    except OSError:
        return False  # what cannot be read is passed over by Python too
    if code[:4] != MAGIC_NUMBER:
        return not code.strip(b"\0")  # another Python's; but a power cut leaves nothing, or zeros
    try:
        marshal.loads(code[_HEADER_BYTES:])  # noqa: S302 - what Python itself is about to do
    except (EOFError, ValueError, TypeError):
        return True
    return False


def _apt_wanted(here: Here) -> bool:
    return here.wants.camera == "pi"


LINES = (
    Line(
        "python",
        always(Need.NEEDED),
        lambda here: this_python(here.python, apt_wanted=_apt_wanted(here)),
    ),
    Line(
        "byte code",
        always(Need.WISHED),
        lambda here: byte_code(here.python, services_cache(here.ask), here.root),
    ),
)
