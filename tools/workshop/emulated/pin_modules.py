"""The kernel module that stands for a Pi's pins: gpio-sim, built for the very kernel of the root.

Debian ships vivid, the kernel's own pretended camera, but not gpio-sim. A module must match its
kernel's ABI to the digit, so headers and source come from the packages of that kernel. Debian also
leaves out `irq_sim`, which gpio-sim needs: it is linked in, without the one call that the kernel
does not give to modules.
"""

import re
import tarfile
from pathlib import Path
from typing import Final

from tools.workshop.emulated.calling import call
from tools.workshop.emulated.roots import sources
from tools.workshop.faults import WorkshopFault

EDITION: Final = 1
"""Raised when what is made changes and nothing else in the recipe shows it."""
MODULE: Final = "gpio-sim-mod"
FILES: Final = ("drivers/gpio/gpio-sim.c", "drivers/gpio/gpiolib.h", "kernel/irq/irq_sim.c")
_KBUILD: Final = f"obj-m := {MODULE}.o\n{MODULE}-y := gpio-sim.o irq_sim.o\n"
# irq_to_desc is not exported; generic_handle_irq looks the number up by itself.
_NOT_EXPORTED: Final = "handle_simple_irq(irq_to_desc(irqnum));"
_EXPORTED: Final = "generic_handle_irq(irqnum);"
_COMPILER: Final = "aarch64-linux-gnu-"


def kernel_of(root: Path) -> str:
    """Return the version of the kernel in a root's tar file, as `uname -r` gives it.

    Raises:
        WorkshopFault: There is no kernel in it.
    """
    with tarfile.open(root) as archive:
        for member in archive:
            if found := re.fullmatch(r"\./boot/vmlinuz-(.+)", member.name):
                return found[1]
    raise WorkshopFault(f"{root} has no kernel: build it again with --fresh")


def make_pin_module(kernel: str, folder: Path, site: str, log: Path) -> None:
    """Build the module into a folder.

    Args:
        kernel: The kernel's version, as `uname -r` gives it.
        folder: Takes `gpio-sim-mod.ko`.
        site: Where Debian comes from.
        log: Takes what the programs say.

    Raises:
        WorkshopFault: A package of that kernel is gone from Debian, or the module does not build.
    """
    work = folder / "work"
    work.mkdir()
    packages = _packages(kernel, work, site, log)
    headers = _headers(kernel, packages, work, log)
    source = _source(packages, work, log)
    build: list[str | Path] = [
        *("make", "-s", "-C", headers, "ARCH=arm64", f"CROSS_COMPILE={_COMPILER}"),
        *(f"M={source}", "modules"),
    ]
    call(build, log)
    call([f"{_COMPILER}strip", "-g", source / f"{MODULE}.ko"], log)
    call(["mv", source / f"{MODULE}.ko", folder], log)
    call(["rm", "-rf", work], log)


def _packages(kernel: str, work: Path, site: str, log: Path) -> Path:
    """Fetch the kernel's packages with an apt of their own, which knows arm64 and nothing else."""
    state, into = work / "apt", work / "packages"
    for part in ("etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/lib/dpkg"):
        (state / part).mkdir(parents=True)
    for part in ("etc/apt/apt.conf.d", "etc/apt/trusted.gpg.d", "var/cache/apt/archives/partial"):
        (state / part).mkdir(parents=True)
    (state / "var/lib/dpkg/status").touch()
    (state / "etc/apt/sources.list").write_text(sources(site))
    into.mkdir()
    apt = [
        *("apt-get", "-qq", "-o", f"Dir={state}"),
        *("-o", f"Dir::State::status={state}/var/lib/dpkg/status"),
        *("-o", "APT::Architecture=arm64", "-o", "APT::Architectures::=arm64"),
        *("-o", "APT::Sandbox::User=root"),
    ]
    common = f"linux-headers-{kernel.removesuffix('-arm64')}-common"
    call([*apt, "update"], log)
    call(
        [*apt, "download", f"linux-headers-{kernel}", common, "linux-source-6.1"], log, folder=into
    )
    return into


def _headers(kernel: str, packages: Path, work: Path, log: Path) -> Path:
    """Unpack the headers and make them find each other, and this machine's build programs."""
    root = work / "headers"
    for package in packages.glob("linux-headers-*.deb"):
        call(["dpkg-deb", "-x", package, root], log)
    (root / "usr/lib").mkdir(parents=True, exist_ok=True)
    programs = root / "usr/lib/linux-kbuild-6.1"
    programs.symlink_to("/usr/lib/linux-kbuild-6.1")
    headers = root / "usr/src" / f"linux-headers-{kernel}"
    makefile = headers / "Makefile"
    makefile.write_text(
        makefile.read_text().replace("include /usr/src/", f"include {root}/usr/src/")
    )
    return headers


def _source(packages: Path, work: Path, log: Path) -> Path:
    """Unpack the few files of the kernel's source that the module is made of."""
    call(["dpkg-deb", "-x", next(packages.glob("linux-source-*.deb")), work / "source"], log)
    archive = work / "source/usr/src/linux-source-6.1.tar.xz"
    wanted = [f"*/{name}" for name in FILES]
    into = work / "module"
    into.mkdir()
    call(
        ["tar", "-xJf", archive, "-C", into, "--wildcards", "--transform=s,.*/,,", *wanted],
        log,
    )
    simulated = into / "irq_sim.c"
    text = simulated.read_text()
    if _NOT_EXPORTED not in text:
        raise WorkshopFault(f"irq_sim.c of {packages} has changed: mend pin_modules.py for it")
    simulated.write_text(text.replace(_NOT_EXPORTED, _EXPORTED))
    (into / "Kbuild").write_text(_KBUILD)
    return into
