"""Where the station writes: whether it can, how much, and how the card bears it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sorterd.doctor.findings import Finding, Line, Need, always, broken, found, missing
from sorterd.doctor.here import Here
from sorterd.machine.memory import MIB_BYTES
from sorterd.machine.programs import Ask
from sorterd.machine.storage import Mount, Wear, mount_of, wear
from sorterd.settings import Settings

FREE_BYTES: Final = 500 * MIB_BYTES
"""A round number: somebody should look long before a disk is full."""
FULL_BYTES: Final = 20 * MIB_BYTES
"""A round number: SQLite's own log needs some megabytes beside the journal."""
BUSY_MS: Final = 200
"""Under this a day's flushes alone may be 4 GB."""
FLUSH_BYTES: Final = 9200
"""What a flush with one piece makes the kernel write (measured for `journal.flush_ms`)."""

_WORN_TENTHS: Final = 9
_DAY_MS: Final = 86_400_000


def disk(
    folder: Path, mount: Mount | None, place: Path, free_at: Callable[[Path], int | None]
) -> Finding:
    """Look at the folder that the station writes to.

    Args:
        folder: Where it writes.
        mount: What holds the folder; None if the system does not tell.
        place: The same folder, where it can be looked at.
        free_at: Tells how much may still be written.
    """
    if mount is not None and mount.read_only:
        return broken(
            f"{folder} is on {mount.at}, which is mounted read-only",
            f"sudo dmesg | tail; then sudo mount -o remount,rw {mount.at}",
        )
    if not place.is_dir():
        return missing(f"there is no {folder}", f"sudo install -d -o sorterd -g sorterd {folder}")
    free = free_at(place)
    if free is None:
        return broken(f"{folder} does not tell how much is free", "look at the disk: df -h")
    words = f"{free / 1e9:.1f} GB free at {folder}"
    if free < FREE_BYTES:
        mend = f"sudo du -xh {mount.at if mount else '/'} | sort -h | tail"
        return broken(words, mend, hinders=free < FULL_BYTES)
    return found(words)


def writes(settings: Settings | None, mount: Mount | None) -> Finding:
    """Look at what the station itself may write, by its settings."""
    journal = settings.journal if settings is not None else None
    if settings is None or journal is None or journal.path is None:
        told = "no journal: what becomes of pieces is written down nowhere"
        return missing(told, 'journal.path = "/var/lib/sorterd/journal.db"')
    if mount is not None and mount.kind == "tmpfs":
        told = f"{journal.path} is in memory: it is gone with the next start"
        return broken(told, 'journal.path = "/var/lib/sorterd/journal.db"')
    a_day_mb = _DAY_MS / journal.flush_ms * FLUSH_BYTES / 1e6
    words = f"the journal, up to {a_day_mb:.0f} MB a day and {journal.most_mb:.0f} MB large"
    if settings.review.folder is not None:
        words += f"; crops up to {settings.review.daily_mb:.0f} MB a day"
    if journal.flush_ms < BUSY_MS and mount is not None and mount.card is not None:
        return broken(f"{words}: much for a card", "journal.flush_ms = 5000")
    return found(words)


def card_wear(card: str | None, told: Wear | None) -> Finding:
    """Look at what the card says of its own age."""
    if card is None:
        return missing("the station writes to no SD card")
    if told is None:
        return missing(f"{card} tells nothing of its wear, as most SD cards: keep a copy of it")
    tenths, spare = told.used_tenths or 0, told.spare or 1
    words = f"{card} has used up {tenths * 10 or 'an untold part of its life'}"
    words += "% of its life at most" if tenths else ""
    if tenths >= _WORN_TENTHS or spare > 1:
        words += ", and most of its reserve" if spare > 1 else ""
        return broken(words, "copy it to a new card now: sudo dd, or Raspberry Pi's SD Card Copier")
    return found(words)


def card_errors(ask: Ask) -> Finding:
    """Look for errors of reading or writing in the kernel's log since boot."""
    log = ask("journalctl", "-k", "-b", "--no-pager", "-o", "cat")
    if not log.good or not log.words:
        log = ask("dmesg")
    if not log.good or not log.words:
        why = log.complaint or "it is empty"
        return missing(
            f"the kernel's log cannot be read ({why})",
            "sudo usermod -aG adm $USER, and log in anew",
        )
    errors = _errors(log.words.splitlines())
    if errors:
        return broken(
            f"{len(errors)} in the kernel's log, as: {errors[-1].strip()[:70]}",
            "copy the card to a new one, and look at the supply",
        )
    return found("none in the kernel's log since boot")


def _errors(lines: Sequence[str]) -> list[str]:
    signs = ("i/o error", "mmc0: error", "mmc1: error", "ext4-fs error", "remounting filesystem")
    return [line for line in lines if any(sign in line.lower() for sign in signs)]


def _disk(here: Here) -> Finding:
    folder = _written_to(here)
    return disk(folder, mount_of(folder, here.root), here.at(folder), here.free_at)


def _written_to(here: Here) -> Path:
    return here.wants.folders[0]


def _card(here: Here) -> Finding:
    mount = mount_of(_written_to(here), here.root)
    card = mount.card if mount is not None else None
    return card_wear(card, wear(card, here.root) if card is not None else None)


def _need_of_a_card(here: Here) -> Need:
    mount = mount_of(_written_to(here), here.root)
    return Need.WISHED if mount is not None and mount.card is not None else Need.UNUSED


LINES = (
    Line("disk", lambda here: Need.NEEDED if here.wants.writes else Need.WISHED, _disk),
    Line(
        "writes",
        lambda here: Need.WISHED if here.wants.known else Need.UNUSED,
        lambda here: writes(here.settings, mount_of(_written_to(here), here.root)),
    ),
    Line("card wear", _need_of_a_card, _card),
    Line("disk errors", always(Need.WISHED), lambda here: card_errors(here.ask)),
)
