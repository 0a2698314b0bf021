"""Where a folder's files lie: the mount, whether it may be written to, the card and its wear."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sorterd.machine.kernel_files import whole_number, words_in

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system.

    Attributes:
        at: Its folder.
        kind: As `ext4` or `tmpfs`.
        device: What it lies on, as `/dev/mmcblk0p2`.
        read_only: Nothing can be written to it.
    """

    at: Path
    kind: str
    device: str
    read_only: bool

    @property
    def card(self) -> str | None:
        """The SD card or eMMC it lies on, as `mmcblk0`; None if it lies on no such thing."""
        found = re.match(r"/dev/(mmcblk\d+)", self.device)
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Wear:
    """What a card tells of its own age.

    Attributes:
        used_tenths: Tenths of its life that are over, by the worse of its two kinds of cells: 1
            for up to 10%, 11 for more than it was made for.
        spare: What is left in reserve: 1 enough, 2 four fifths are used, 3 nearly nothing.
    """

    used_tenths: int | None
    spare: int | None


def mount_of(folder: Path, root: Path = Path("/")) -> Mount | None:
    """Return the file system that holds a folder, which need not be there yet; None if unknown.

    Args:
        folder: As a path of the machine, not below `root`.
        root: Below which `proc` lies.
    """
    holding = [mount for mount in _mounts(root) if folder.is_relative_to(mount.at)]
    # Of two at one place the later covers the earlier.
    return max(reversed(holding), key=lambda mount: len(mount.at.parts), default=None)


def nearest_folder(path: Path) -> Path:
    """Return the path, or the innermost folder around it that is there."""
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))


def free_bytes(folder: Path) -> int | None:
    """Return how much a usual user may still write to a folder that is there; None if unknown."""
    try:
        told = os.statvfs(folder)
    except OSError:
        return None
    return told.f_bavail * told.f_frsize


def wear(card: str, root: Path = Path("/")) -> Wear | None:
    """Return what a card tells of its age; None if it tells nothing, as most SD cards do.

    Args:
        card: As `mmcblk0`.
        root: Below which `sys` lies.
    """
    device = root / "sys/block" / card / "device"
    cells = (words_in(device / "life_time") or "").split()
    tenths = [n for word in cells if (n := whole_number(word, base=16))]
    spare = whole_number(words_in(device / "pre_eol_info"), base=16) or None
    # 0 stands for "not told" in both (JEDEC eMMC 5.0).
    return Wear(max(tenths, default=None), spare) if tenths or spare else None


def _mounts(root: Path) -> Iterator[Mount]:
    # proc(5): 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    for line in (words_in(root / "proc/self/mountinfo") or "").split("\n"):
        place, _, kind = line.partition(" - ")
        fields, kinds = place.split(), kind.split()
        if len(fields) > 5 and len(kinds) > 2:
            options = {*fields[5].split(","), *kinds[2].split(",")}
            yield Mount(Path(_plain(fields[4])), kinds[0], kinds[1], "ro" in options)


def _plain(text: str) -> str:
    """Undo the kernel's way to write a blank in a path, in octal digits."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
