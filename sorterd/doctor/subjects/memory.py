"""Memory for the station, for a camera's buffers, and where memory goes when it runs short."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sorterd.doctor.findings import Finding, Line, Need, always, broken, found, missing
from sorterd.machine.memory import MIB_BYTES, Swap, memory_bytes, swaps
from sorterd.machine.storage import mount_of

STATION_BYTES: Final = 200 * MIB_BYTES
"""What should be free: a dry run, which holds a station and a world, took 203 MiB at its most."""

CMA_BYTES: Final = 32 * MIB_BYTES
"""What should be free for a camera, a round number: what leaks there ends it days later
(picamera2#1125)."""


def memory(told: Mapping[str, int]) -> Finding:
    """Look at what programs can still have.

    Args:
        told: The kernel's account, bytes.
    """
    free = told.get("MemAvailable")
    if free is None:
        return missing("the system does not tell how much memory is free")
    words = f"{free // MIB_BYTES} MiB free of {told.get('MemTotal', 0) // MIB_BYTES}"
    if free < STATION_BYTES:
        wanted = f"a station wants {STATION_BYTES // MIB_BYTES}"
        return broken(f"{words}: {wanted}", "end what else runs: ps aux --sort=-rss | head")
    return found(words)


def camera_memory(told: Mapping[str, int]) -> Finding:
    """Look at the memory that a camera's buffers come from."""
    total, free = told.get("CmaTotal", 0), told.get("CmaFree", 0)
    if not total:
        return missing(
            "the kernel keeps no memory for a camera's buffers (CMA)",
            "add cma=256M to /boot/firmware/cmdline.txt, and start anew",
        )
    words = f"{free // MIB_BYTES} MiB free of {total // MIB_BYTES} for a camera's buffers (CMA)"
    if free < CMA_BYTES:
        return broken(
            f"{words}: a camera wants {CMA_BYTES // MIB_BYTES}",
            "dtoverlay=vc4-kms-v3d,cma-256 in /boot/firmware/config.txt, and start anew",
        )
    return found(words)


def swap(places: list[Swap] | None, root: Path) -> Finding:
    """Look at where memory is written to: a card wears out by it, and a gate waits for it."""
    if places is None:
        return missing("the system does not tell whether it swaps")
    on_card = [each.where for each in places if _card(each.where, root)]
    if on_card:
        return broken(
            f"{on_card[0]} is on the card, which wears out by it and lets gates wait",
            "sudo systemctl disable --now dphys-swapfile",
        )
    return found(f"not on a card ({', '.join(str(each.where) for each in places) or 'none'})")


def _card(where: Path, root: Path) -> bool:
    if where.name.startswith("mmcblk"):
        return True
    mount = None if where.is_relative_to("/dev") else mount_of(where, root)
    return mount is not None and mount.card is not None


LINES = (
    Line("memory", always(Need.WISHED), lambda here: memory(memory_bytes(here.root))),
    Line(
        "camera memory",
        lambda here: here.on_a_pi_need(here.wants.camera == "pi"),
        lambda here: camera_memory(memory_bytes(here.root)),
    ),
    Line("swap", always(Need.WISHED), lambda here: swap(swaps(here.root), here.root)),
)
