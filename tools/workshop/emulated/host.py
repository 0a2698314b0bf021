"""What the machine that makes machines needs: packages, rights, a kernel that calls qemu-user."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tools.workshop.emulated.calling import call
from tools.workshop.faults import WorkshopFault

TO_BUILD: Final[Mapping[str, str]] = {
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-aarch64-static": "qemu-user-static",
    "update-binfmts": "binfmt-support",
    "mmdebstrap": "mmdebstrap",
    "arch-test": "arch-test",
    "mke2fs": "e2fsprogs",
    "fdtput": "device-tree-compiler",
    "aarch64-linux-gnu-gcc-12": "gcc-12-aarch64-linux-gnu",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "/usr/lib/linux-kbuild-6.1": "linux-kbuild-6.1",
    "make": "make",
    "setpriv": "util-linux",
}
"""Each program (or file) that `build` uses, with the package that has it on Debian 12."""
TO_COMPRESS: Final[Mapping[str, str]] = {"qemu-img": "qemu-utils"}
TO_BOOT: Final[Mapping[str, str]] = {
    "qemu-system-aarch64": "qemu-system-arm",
    "setpriv": "util-linux",
}
FOR_QUICK: Final[Mapping[str, str]] = {
    "systemd-nspawn": "systemd-container",
    "nsenter": "util-linux",
    "mmdebstrap": "mmdebstrap",
}
_BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")
_FORMAT: Final = "qemu-aarch64"


def is_there(name: str) -> bool:
    """Tell whether a program is on the PATH, or a file is where it should be."""
    return Path(name).exists() if name.startswith("/") else shutil.which(name) is not None


def missing(wanted: Mapping[str, str], there: Callable[[str], bool] = is_there) -> list[str]:
    """Return the packages that are missing, each once."""
    return sorted({package for name, package in wanted.items() if not there(name)})


def apt_line(packages: list[str]) -> str:
    """Return the command that installs packages."""
    return f"apt-get install -y --no-install-recommends {' '.join(packages)}"


class Impossible(WorkshopFault):
    """This machine, as it is, cannot do what was asked for; another one may."""


def be_root(why: str) -> None:
    """Tell anyone who is not root to be.

    Raises:
        Impossible: Somebody else runs this.
    """
    if os.geteuid() != 0:
        raise Impossible(f"{why} needs root: run it with sudo")


def equip(wanted: Mapping[str, str], log: Path, *, install: bool) -> None:
    """See that programs are there; install what is missing if that was asked for.

    Args:
        wanted: Programs with their packages.
        log: Takes what apt says.
        install: Install, not only name, what is missing.

    Raises:
        Impossible: Something is missing; the message has the line that installs it.
        WorkshopFault: apt could not install it.
    """
    lacking = missing(wanted)
    if lacking and install:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        call(["apt-get", "-q", "update"], log, environment=quiet)
        call(apt_line(lacking).split(), log, environment=quiet)
        lacking = missing(wanted)
    if lacking:
        raise Impossible(f"missing on this machine: {apt_line(lacking)} (or --install-packages)")


def call_qemu_user(log: Path) -> None:
    """Make the kernel run arm64 programs through qemu-user.

    Containers and small virtual machines leave binfmt_misc unmounted.

    Raises:
        WorkshopFault: The kernel has no binfmt_misc, or it may not be mounted.
    """
    if not (_BINFMT / "register").exists():
        call(["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT], log)
    if not (_BINFMT / _FORMAT).exists():
        call(["update-binfmts", "--enable", _FORMAT], log)
