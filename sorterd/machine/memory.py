"""What memory there is: for programs, for a camera's buffers (CMA), and as swap."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sorterd.machine.kernel_files import whole_number, words_in

KIB_BYTES = 1024
MIB_BYTES = 1024**2


@dataclass(frozen=True, slots=True)
class Swap:
    """A place to which memory is written when it runs short.

    Attributes:
        where: A device or a file.
        size_bytes: How much fits.
    """

    where: Path
    size_bytes: int


def memory_bytes(root: Path = Path("/")) -> Mapping[str, int]:
    """Return the kernel's account (`MemTotal`, `MemAvailable`, `CmaFree`, ...), in bytes.

    Args:
        root: Below which `proc` lies. Lines that make no sense are left out.
    """
    told: dict[str, int] = {}
    for line in (words_in(root / "proc/meminfo") or "").split("\n"):
        name, _, value = line.partition(":")
        kib = whole_number(value.strip().partition(" ")[0])
        if kib is not None:
            told[name] = kib * KIB_BYTES
    return told


def swaps(root: Path = Path("/")) -> list[Swap] | None:
    """Return where memory may be written to; None if the system does not tell."""
    text = words_in(root / "proc/swaps")
    if text is None:
        return None
    rows = (line.split() for line in text.split("\n")[1:])
    return [
        Swap(Path(row[0]), size * KIB_BYTES)
        for row in rows
        if len(row) >= 3 and (size := whole_number(row[2])) is not None
    ]
