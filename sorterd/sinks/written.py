"""How much this process has had written to disks, as the kernel counts it; an SD card wears out.

The kernel counts a page when it is made to be written (proc(5), `write_bytes`), whoever of the
process's threads and libraries did it. A file that is deleted before it reaches the disk is counted
all the same, so the count is never too low by that.
"""

from pathlib import Path
from typing import Final

IO: Final = Path("/proc/self/io")
MB_BYTES: Final = 1_000_000


def written_bytes(io: Path = IO) -> int | None:
    """Return what was written since the process began; None where nobody counts it."""
    try:
        told = dict(line.split(": ", 1) for line in io.read_text().splitlines())
        return int(told["write_bytes"])
    except (OSError, ValueError, KeyError):
        return None  # not Linux, or a kernel without the count


def told_written(written: int | None, elapsed_ns: int) -> str:
    """Return one line for a person.

    Args:
        written: Bytes, or None if nobody knows.
        elapsed_ns: In which time.
    """
    if written is None:
        return "what was written to disk is not counted on this system"
    hours = elapsed_ns / 3_600_000_000_000
    return f"{written / MB_BYTES:.1f} MB written to disk in {hours:.1f} h"
