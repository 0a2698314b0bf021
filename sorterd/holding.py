"""Who holds the station's devices: one program at a time, and the others are told which.

The lock is the kernel's (flock), so that a program that dies lets go of it in that instant, however
it dies. What stands in the file is only for people: what the holder is, and its process. It lies
where every user's programs look for it, below /run/sorterd on an installed station.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sorterd.ports import DeviceUnavailable

PLACES: Final = (Path("/run/sorterd"), Path(tempfile.gettempdir()))
"""The first that is there. The first is made at boot, by systemd/sorterd.tmpfiles."""

LOCKS: Final = Path("/proc/locks")

_FILE: Final = "sorterd-devices.lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever holds the devices.

    Attributes:
        what: What it was called as, like `sorterd gate`.
        process: Its process's number.
    """

    what: str
    process: int

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"{self.what}, process {self.process}"


@contextmanager
def hold(what: str, folder: Path | None = None) -> Iterator[None]:
    """Hold the devices until the end of the block.

    Args:
        what: What this program was called as.
        folder: Where the lock lies, if not in the usual place.

    Raises:
        DeviceUnavailable: Another program holds them, or the lock cannot be made.
    """
    path = _place(folder)
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except OSError as error:
        raise DeviceUnavailable(
            f"{path}: cannot be made ({error.strerror}), so nobody knows who holds the devices; "
            "be in the group sorterd, or use sudo"
        ) from error
    try:
        if not _lock(lock):
            raise DeviceUnavailable(
                f"the devices are held by {_written(path) or 'another program'}: stop it first "
                "(a service: sudo systemctl stop sorterd)"
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"what": what, "process": os.getpid()}).encode(), 0)
        yield
    finally:
        # Never removed: two programs could each hold a file of this name.
        os.close(lock)


def holder(folder: Path | None = None, locks: Path = LOCKS) -> Holder | None:
    """Return who holds the devices, or None if nobody does or nobody can tell.

    It only looks: a lock taken for a moment, to see whether it is free, would be in the way of a
    station that starts in that moment.

    Args:
        folder: Where the lock lies, if not in the usual place.
        locks: The kernel's list of all locks.
    """
    path = _place(folder)
    try:
        inode = path.stat().st_ino
        lines = locks.read_text().splitlines()
    except OSError:
        return None
    # 3: FLOCK  ADVISORY  WRITE 812 00:1a:4711 0 EOF
    held = any(
        fields[1:2] == ["FLOCK"] and fields[5].endswith(f":{inode}")
        for fields in map(str.split, lines)
        if len(fields) > 5
    )
    return (_written(path) or Holder("another program", 0)) if held else None


def _place(folder: Path | None) -> Path:
    usual = next((place for place in PLACES if place.is_dir()), PLACES[-1])
    return (folder or usual) / _FILE


def _lock(file: int) -> bool:
    """Take the lock if nobody has it; it is let go of when the file is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(path: Path) -> Holder | None:
    try:
        told = json.loads(path.read_text())
        return Holder(str(told["what"]), int(told["process"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is being written, or somebody else's
