"""What a bench ran on: the machine, the Python and the libraries that do the work."""

import os
import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from sorterd.classifiers.runtimes import MODULES

_PROJECT: Final = Path(__file__).resolve().parents[3]
_LIBRARIES: Final = ("numpy", "opencv-python-headless", *MODULES)
_NAMES: Final = ("model name", "Model", "Hardware")


def program_version() -> str:
    """Return the version of the program that this checkout holds."""
    text = (_PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def machine(root: Path = Path("/")) -> dict[str, Any]:
    """Return what the measurements ran on.

    Args:
        root: Below which `proc` and `sys` lie.

    Returns:
        `processor` and `board` (None where the system does not say), `architecture`, `cores`,
        `system`, `python` and `libraries` by name.
    """
    return {
        "processor": _processor(root),
        "board": _first_line(root / "sys/firmware/devicetree/base/model"),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def _processor(root: Path) -> str | None:
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return platform.processor() or None
    told = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    return next((told[name] for name in _NAMES if told.get(name)), None)


def _first_line(file: Path) -> str | None:
    try:
        # The device tree ends its strings with a zero byte.
        return file.read_text(encoding="utf-8", errors="replace").strip("\0\n ") or None
    except OSError:
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
