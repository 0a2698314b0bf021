"""A user's own photographs as pieces: one folder a class, each photograph cut from its background.

Folders that people collect hold thumbnails, broken downloads, lists and pictures that show a whole
shelf. What is a picture becomes a piece; what is not becomes one line in `faults`, and never stops
the others. Photographs are opened when they are taken, not before; which one is taken depends on
the generator alone, never on what was taken or found broken earlier.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from sorterd.recordings.pictures import FORMATS, Unusable, is_picture, list_files, load_picture
from sorterd.simulation.background import part_from_background
from sorterd.simulation.sprites import Sprite, trimmed

# Longer side of a photographed piece. Its true size is unknown; this is what a hand throws away,
# and it leaves a belt of 240 mm room.
LENGTH_MM: Final = (60.0, 110.0)
# Pixels on the longer side that are kept: 3 a millimetre, more than a belt's camera sees.
KEPT_PX: Final = 320
# Longer than this many times its width is a strip from a web page, not a piece.
MOST_SLENDER: Final = 10.0
# Pieces kept in memory, at most 0.4 MB each.
KEPT_PIECES: Final = 48
# What every message ends with that is about the folder as a whole.
_WANTED: Final = "give a folder with one sub-folder of photographs per class"


class PhotoFault(ValueError):
    """No pieces can be had from this folder. The message is one line: where, what, what to do."""


class PhotoShelf:
    """Photographs as pieces, by label. Made by `open_photos`. One thread at a time.

    Attributes:
        labels: Those of which there are photographs, in the order of the alphabet.
        faults: One line for each file or folder that is left out: path, what, what to do. Damage
            is found when a photograph is taken, so the list may grow.
    """

    def __init__(self, paths: Mapping[str, Sequence[Path]], faults: list[str]) -> None:
        self.faults = faults
        self._broken: set[Path] = set()
        self._cut = lru_cache(maxsize=KEPT_PIECES)(self._cut_out)
        # One is opened of each label, so that a label on the shelf is one that can be taken.
        self._paths = {
            label: tuple(found)
            for label, found in paths.items()
            if any(self._cut(label, path) is not None for path in found)
        }
        self.labels = tuple(sorted(self._paths))

    def take(self, rng: np.random.Generator, label: str | None = None) -> Sprite:
        """Return a piece: of one label, or of any, each label as likely as another.

        Args:
            rng: Chooses label, photograph and size; the same again for one in the same state.
            label: One of `labels`, or None.

        Returns:
            The piece; its longer side is 60 to 110 mm.

        Raises:
            KeyError: There are no photographs of this label.
            PhotoFault: Every photograph of it has become unreadable since the folder was opened.
        """
        if label is None:
            label = self.labels[int(rng.integers(len(self.labels)))]
        paths = self._paths[label]
        first, longer_mm = int(rng.integers(len(paths))), float(rng.uniform(*LENGTH_MM))
        for place in range(first, first + len(paths)):
            # A broken one gives its turn to the next in the list.
            sprite = self._cut(label, paths[place % len(paths)])
            if sprite is not None:
                scale = longer_mm / max(sprite.length_mm, sprite.width_mm)
                return replace(
                    sprite, length_mm=sprite.length_mm * scale, width_mm=sprite.width_mm * scale
                )
        raise PhotoFault(
            f"{paths[0].parent}: none of {len(paths)} photographs of {label} can be used;"
            f" replace or remove them (the last fault was {self.faults[-1]})"
        )

    def _cut_out(self, label: str, path: Path) -> Sprite | None:
        """Open a photograph and cut it; at the scale of one pixel a millimetre."""
        found = load_picture(path, longer_px=KEPT_PX)
        if isinstance(found, Unusable):
            self._leave_out(path, f"{found}; replace or remove it")
            return None
        height, width = found.shape[:2]
        if max(height, width) > MOST_SLENDER * min(height, width):
            self._leave_out(
                path, f"{path}: skipped: {width} x {height} pixels are a strip; crop or remove it"
            )
            return None
        shrink = min(1.0, KEPT_PX / max(height, width))
        size = (round(width * shrink), round(height * shrink))
        pixels = np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_AREA), np.uint8)
        alpha, whole = part_from_background(pixels)
        return trimmed(label, pixels, alpha, 1.0, whole=whole)

    def _leave_out(self, path: Path, fault: str) -> None:
        if path not in self._broken:
            self._broken.add(path)
            self.faults.append(fault)


def open_photos(folder: Path, labels: Collection[str]) -> PhotoShelf:
    """Look through a folder with one sub-folder per class.

    Sub-folders are matched to labels without regard to case, and may hold sub-folders themselves.
    Of each file only the head is read, and of each label one photograph is opened.

    Args:
        folder: Where the class folders are.
        labels: The classes that exist.

    Returns:
        The shelf, with what was left out so far in its `faults`.

    Raises:
        PhotoFault: The folder is missing or unreadable, no sub-folder is named after a class, or
            none of the files can be used.
    """
    named = {label.casefold(): label for label in labels}
    known = ", ".join(sorted(labels))
    paths: dict[str, list[Path]] = {}
    faults: list[str] = []
    for entry in _entries(folder, known):
        label = named.get(entry.name.casefold())
        if not entry.is_dir():
            # Lists and notes belong beside the folders; pictures do not.
            if _head_fault(entry) is None:
                faults.append(f"{entry}: skipped: it lies in no class folder; move it into one")
        elif label is None:
            faults.append(f"{entry}: skipped: no such class; rename it to one of {known}")
        else:
            paths.setdefault(label, []).extend(_pictures(entry, faults))
    if not paths:
        raise PhotoFault(f"{folder}: no sub-folder is named after a class; {_WANTED} ({known})")
    shelf = PhotoShelf(paths, faults)
    if not shelf.labels:
        raise PhotoFault(
            f"{folder}: none of its files can be used; {_WANTED}, {FORMATS}"
            f" (the first fault was {faults[0]})"
        )
    return shelf


def _entries(folder: Path, known: str) -> list[Path]:
    """What lies in the folder, in the order of names, but for what is hidden."""
    try:
        entries = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except FileNotFoundError:
        raise PhotoFault(f"{folder}: no such folder; {_WANTED} ({known})") from None
    except NotADirectoryError:
        raise PhotoFault(f"{folder}: not a folder but a file; {_WANTED} ({known})") from None
    except OSError as error:
        raise PhotoFault(f"{folder}: {error.strerror}; make it readable, or {_WANTED}") from None
    if not entries:
        raise PhotoFault(f"{folder}: the folder is empty; {_WANTED} ({known})")
    return entries


def _pictures(class_folder: Path, faults: list[str]) -> list[Path]:
    """The files that begin as pictures do; a fault for each of the others."""
    files, closed = list_files(class_folder)
    faults.extend(f"{each}; make it readable" for each in closed)
    if not files and not closed:
        faults.append(f"{class_folder}: the folder holds no photographs; add some or remove it")
    pictures = []
    for path in files:
        fault = _head_fault(path)
        if fault is None:
            pictures.append(path)
        else:
            faults.append(fault)
    return pictures


def _head_fault(path: Path) -> str | None:
    """Why a file cannot be a picture, by its first bytes, or None."""
    try:
        # A pipe would block for ever; whoever decodes refuses whatever is no regular file.
        if not path.is_file():
            return f"{path}: skipped: not a regular file; remove it"
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        return f"{path}: skipped: {error.strerror}; make it readable"
    if not is_picture(head):
        return f"{path}: skipped: not a {FORMATS} picture; remove or convert it"
    return None
