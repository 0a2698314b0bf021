"""The Debian that a machine starts with, from Debian's own packages, as a tar file.

`PI` is what lies on a Pi's card as far as sorterd can tell, with the kernel; `CONTAINER` has only
what a systemd in a container needs. mmdebstrap installs both; for the Pi's it runs arm64 programs
through qemu-user, which the kernel calls by binfmt_misc.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.workshop.emulated.calling import call
from tools.workshop.faults import WorkshopFault

SUITE: Final = "bookworm"
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR: Final = "http://deb.debian.org"
"""Debian's own; one that this machine's apt uses is preferred."""
_SYSTEM: Final = ("systemd", "systemd-sysv", "dbus", "udev", "procps", "iproute2")
_PYTHON: Final = ("python3", "python3-venv")
_FOR_PEOPLE: Final = ("doc", "man", "locale", "info")
_INITIAL_MODULES: Final = ("virtio_blk", "virtio_pci", "ext4", "9p", "9pnet_virtio")


@dataclass(frozen=True, slots=True)
class Root:
    """What one root is made of.

    Attributes:
        architecture: Debian's word for it.
        packages: Beside the smallest Debian there is.
        files: Written before anything is installed, by their path.
    """

    architecture: str
    packages: tuple[str, ...]
    files: Mapping[str, str]


PI: Final = Root(
    "arm64",
    (
        *_SYSTEM,
        *_PYTHON,
        *("kmod", "gpiod", "v4l-utils", "i2c-tools", "initramfs-tools", "linux-image-arm64"),
        # opencv-python-headless and ai-edge-litert link with it.
        "libglib2.0-0",
    ),
    {
        # "list": the small initial RAM disk holds what stands here and guesses nothing.
        "etc/initramfs-tools/conf.d/modules": "MODULES=list\n",
        # It is made once, with the kernel, and not again for every package that has a word in it:
        # each time takes a minute and more through qemu-user.
        "etc/initramfs-tools/update-initramfs.conf": "update_initramfs=no\n",
        "etc/initramfs-tools/modules": "".join(f"{name}\n" for name in _INITIAL_MODULES),
    },
)
CONTAINER: Final = Root("amd64", (*_SYSTEM, *_PYTHON, "libglib2.0-0"), {})


def mirror() -> str:
    """Return the address that this machine's apt takes Debian from, without `/debian`."""
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)"],  # noqa: S607  # as the user has it
        capture_output=True,
        text=True,
        check=False,
    )
    sites = (line.removesuffix("/debian") for line in asked.stdout.splitlines())
    return next((site for site in sites if site.startswith("http")), MIRROR)


def sources(site: str) -> str:
    """Return apt's list of sources."""
    signed = f"deb [signed-by={KEYRING}] {site}"
    return (
        f"{signed}/debian {SUITE} main\n"
        f"{signed}/debian {SUITE}-updates main\n"
        f"{signed}/debian-security {SUITE}-security main\n"
    )


def make_root(root: Root, folder: Path, site: str, log: Path) -> None:
    """Make a root as `root.tar`.

    Args:
        root: What it is made of.
        folder: Takes the file, and what is laid over it meanwhile.
        site: Where Debian comes from.
        log: Takes what mmdebstrap says.

    Raises:
        WorkshopFault: mmdebstrap failed.
    """
    if not KEYRING.exists():
        raise WorkshopFault(f"{KEYRING} is missing: apt-get install debian-archive-keyring")
    listed = folder / "sources.list"
    listed.write_text(sources(site))
    early = folder / "early"
    for path, text in root.files.items():
        (early / path).parent.mkdir(parents=True, exist_ok=True)
        (early / path).write_text(text)
    hooks = [f"--extract-hook=copy-in {early / 'etc'} /"] if root.files else []
    call(
        [
            "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            f"--architectures={root.architecture}",
            f"--include={','.join(root.packages)}",
            *_lean(),
            *hooks,
            SUITE,
            folder / "root.tar",
            listed,
        ],
        log,
        environment={"TMPDIR": str(folder)},
    )
    call(["rm", "-rf", early, listed], log)


def _lean() -> Sequence[str]:
    """Leave out what only people read, and what dpkg writes to the disk twice for safety."""
    return [
        '--aptopt=Apt::Install-Recommends "false"',
        "--dpkgopt=force-unsafe-io",
        # What was laid there before a package came is meant.
        "--dpkgopt=force-confold",
        *(f"--dpkgopt=path-exclude=/usr/share/{kind}/*" for kind in _FOR_PEOPLE),
    ]
