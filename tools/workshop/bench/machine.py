"""What a bench ran on: the machine, the Python and the libraries that do the work."""

import os
import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from sorterd.classifiers.runtimes import MODULES
from sorterd.machine.board import board, processor
from sorterd.machine.kernel_files import words_in

_PROJECT: Final = Path(__file__).resolve().parents[3]
_LIBRARIES: Final = ("numpy", "opencv-python-headless", *MODULES)
# Sets of instructions by which a runtime chooses its kernels. A virtual machine may go by one name,
# "AMD EPYC", on hosts of several generations: an invoke took 1.4 ms on one and 10 ms on another.
_SETS: Final = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
)


def program_version() -> str:
    """Return the version of the program that this checkout holds."""
    text = (_PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def machine(root: Path = Path("/")) -> dict[str, Any]:
    """Return what the measurements ran on.

    Args:
        root: Below which `proc` and `sys` lie.

    Returns:
        `processor` with its sets of instructions and `board` (None where the system does not say),
        `architecture`, `cores`,
        `system`, `python` and `libraries` by name.
    """
    return {
        "processor": _kind(root),
        "board": board(root),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def _kind(root: Path) -> str | None:
    told = set((words_in(root / "proc/cpuinfo") or "").split())
    sets = [name for name in _SETS if name in told]
    name = processor(root)
    return f"{name} with {', '.join(sets)}" if name and sets else name


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
