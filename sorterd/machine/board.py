"""Which board and processor this is, in the system's own words."""

import platform
from pathlib import Path
from typing import Final

from sorterd.machine.kernel_files import words_in

_MODEL: Final = ("proc/device-tree/model", "sys/firmware/devicetree/base/model")
# On x86 "model name"; a Pi's cpuinfo names the board, and in a container that is all there is.
_NAMES: Final = ("model name", "Model", "Hardware")


def board(root: Path = Path("/")) -> str | None:
    """Return the board's name ("Raspberry Pi 5 Model B Rev 1.0"); None where nothing names it.

    Args:
        root: Below which `proc` and `sys` lie.
    """
    named = next((name for file in _MODEL if (name := words_in(root / file))), None)
    if named is None and "Raspberry Pi" in (model := _cpuinfo(root).get("Model", "")):
        return model
    return named


def processor(root: Path = Path("/")) -> str | None:
    """Return the processor's name; None where the system does not say."""
    told = _cpuinfo(root)
    named = next((told[name] for name in _NAMES if told.get(name)), None)
    return named or (platform.processor() or None if root == Path("/") else None)


def is_pi(root: Path = Path("/")) -> bool:
    """Return whether this is a Raspberry Pi. GPIO chips prove nothing: many PCs have one."""
    return "Raspberry Pi" in (board(root) or "")


def _cpuinfo(root: Path) -> dict[str, str]:
    lines = (words_in(root / "proc/cpuinfo") or "").split("\n")
    return {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
