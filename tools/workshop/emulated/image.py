"""The disk of the emulated machine, with its kernel: everything that QEMU is given to start.

The root is unpacked, the overlay, the pins' module and the wheels are laid over it, and mke2fs
makes a file system of the folder. Nothing is mounted and no loop device is needed.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.workshop.emulated.calling import call
from tools.workshop.emulated.device_tree import dump, edits

EDITION: Final = 2
"""Raised when what is made changes and nothing else in the recipe shows it."""
OVERLAY: Final = Path(__file__).resolve().parent / "overlay"
SHARED: Final = "/share"
"""Where the machine sees its shared folder."""
DISK: Final = "disk.img"
SMALL_DISK: Final = "disk.qcow2"
KERNEL: Final = "vmlinuz"
INITIAL: Final = "initrd.img"
TREE: Final = "pi.dtb"
DISK_SIZE: Final = "3G"
"""Sparse: the root takes 0.7 GiB of it, wheels 0.1, sorterd installed 0.5."""
STARTED: Final = {
    "multi-user.target": ("emulated-agent.service",),
    "sysinit.target": ("emulated-pins.service",),
}
_QUIET: Final = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_reap.service")
_QUIET_TOO: Final = ("fstrim.timer", "dpkg-db-backup.timer", "systemd-timesyncd.service")


def make_image(
    root: Path,
    module: Path,
    kernel: str,
    wheels: Path,
    folder: Path,
    log: Path,
    *,
    machine: Sequence[str],
    small: bool,
) -> None:
    """Make the disk and lay the kernel beside it.

    Args:
        root: The root's tar file.
        module: The pins' kernel module.
        kernel: The kernel's version.
        wheels: A folder of them.
        folder: Takes disk, kernel, initial RAM disk and device tree.
        log: Takes what the programs say.
        machine: QEMU's program and the arguments that make the machine; its tree is taken down.
        small: Compress the disk (qcow2): a quarter of the size, slower to read.

    Raises:
        WorkshopFault: A program failed.
    """
    unpacked = folder / "root"
    unpacked.mkdir()
    call(["tar", "-xf", root, "-C", unpacked, "--numeric-owner"], log)
    for name in (KERNEL, INITIAL):
        shutil.copyfile(unpacked / "boot" / f"{name}-{kernel}", folder / name)
    call(["cp", "-R", "--no-preserve=ownership", f"{OVERLAY}/.", unpacked], log)
    modules = unpacked / "opt/emulated/modules" / kernel
    modules.mkdir(parents=True)
    shutil.copy(module, modules)
    shutil.copytree(wheels, unpacked / "opt/wheelhouse")
    _settle(unpacked)
    call(["chown", "-R", "root:root", unpacked / "opt"], log)
    disk = folder / DISK
    call(["truncate", "-s", DISK_SIZE, disk], log)
    call(["mke2fs", "-q", "-t", "ext4", "-d", unpacked, "-L", "root", disk], log)
    call(["rm", "-rf", unpacked], log)
    if small:
        squeeze = ["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd"]
        call([*squeeze, disk, folder / SMALL_DISK], log)
        disk.unlink()
    tree = folder / TREE
    for command in (dump(machine, tree), *edits(tree)):
        call(command, log)


def _settle(root: Path) -> None:
    """Give the machine its name and say what starts with it."""
    (root / "etc/fstab").write_text(
        "/dev/root / ext4 defaults 0 0\n"
        f"share {SHARED} 9p trans=virtio,version=9p2000.L,msize=262144,nofail 0 0\n"
    )
    (root / SHARED.lstrip("/")).mkdir()
    # Where the container is shown the same.
    (root / "given").symlink_to(SHARED)
    (root / "etc/hostname").write_text("pi\n")
    # Empty: systemd makes one at each start, and /etc is not taken for a first boot's.
    (root / "etc/machine-id").write_text("")
    units = root / "etc/systemd/system"
    for target, names in STARTED.items():
        wants = units / f"{target}.wants"
        wants.mkdir(exist_ok=True)
        for name in names:
            (wants / name).symlink_to(f"/etc/systemd/system/{name}")
    for name in (*_QUIET, *_QUIET_TOO):
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
