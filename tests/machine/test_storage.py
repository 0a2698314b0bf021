"""Mounts, free space and a card's wear."""

from pathlib import Path

import pytest

from sorterd.machine.storage import Wear, free_bytes, mount_of, nearest_folder, wear
from tests.machine.planting import planted

MOUNTS = """\
22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
30 22 0:25 / /run rw,nosuid - tmpfs tmpfs rw,size=400000k
31 22 8:1 / /var/lib rw - ext4 /dev/sda1 ro,errors=remount-ro
32 22 8:2 / /media/a\\040b rw - vfat /dev/sdb1 rw
33 22 8:3 / /run rw - tmpfs later rw
odd line
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a system with some mounts."""
    return planted(tmp_path, {"proc/self/mountinfo": MOUNTS})


def test_the_innermost_mount_counts(root: Path) -> None:
    """It should find what holds a folder that is not there yet, and what it lies on."""
    card, run = mount_of(Path("/home/pi"), root), mount_of(Path("/run/sorterd"), root)

    assert card is not None
    assert (card.card, card.kind, card.read_only) == ("mmcblk0", "ext4", False)
    assert run is not None
    assert (run.device, run.card) == ("later", None)


def test_a_file_system_that_went_read_only(root: Path) -> None:
    """It should see it in the file system's own options, where an error puts it."""
    mount = mount_of(Path("/var/lib/sorterd"), root)

    assert mount is not None
    assert mount.read_only


def test_blanks_in_a_mount_are_blanks(root: Path) -> None:
    """It should undo the kernel's way to write them."""
    mount = mount_of(Path("/media/a b/c"), root)

    assert mount is not None
    assert mount.at == Path("/media/a b")


def test_no_mounts_are_none(tmp_path: Path) -> None:
    """It should say None where the system tells nothing."""
    assert mount_of(Path("/"), tmp_path) is None


def test_free_space_of_what_is_there(tmp_path: Path) -> None:
    """It should tell it of a folder, and find the innermost that is there."""
    assert (free_bytes(tmp_path) or 0) > 0
    assert free_bytes(tmp_path / "nowhere") is None
    assert nearest_folder(tmp_path / "a/b/c") == tmp_path


@pytest.mark.parametrize(
    ("life", "spare", "told"),
    [
        ("0x01 0x03", "0x01", Wear(3, 1)),
        ("0x0b 0x00", "0x03", Wear(11, 3)),
        ("0x00 0x00", "0x00", None),
        ("odd", "odd", None),
        (None, "0x02", Wear(None, 2)),
    ],
)
def test_a_cards_wear(
    tmp_path: Path, life: str | None, spare: str | None, told: Wear | None
) -> None:
    """It should tell the worse of both kinds of cells, and None where 0 stands for not told."""
    folder = "sys/block/mmcblk0/device"
    files = {f"{folder}/life_time": life, f"{folder}/pre_eol_info": spare}
    planted(tmp_path, {name: text for name, text in files.items() if text})

    assert wear("mmcblk0", tmp_path) == told
