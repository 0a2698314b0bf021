"""The cache: each part of a machine in a folder named by the fingerprint of its recipe.

A part whose recipe has changed has another name, and so is made anew, with what is made of it and
nothing else. A part is made beside its place and moved there whole, so that what lies on the shelf
is complete however the making ended. Only the newest of a name is kept.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.workshop.emulated.calling import call

SHOWN: Final = 12
"""Characters of a fingerprint in a folder's name: 48 bits, for a handful of parts."""
_MAKING: Final = "making-"


def fingerprint(recipe: Mapping[str, object]) -> str:
    """Return what tells a recipe from every other: hexadecimal, the same on any machine."""
    text = json.dumps(recipe, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def contents(folder: Path) -> dict[str, str]:
    """Return each file under a folder with the hash of its bytes and whether it is a program."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        + ("x" if os.access(path, os.X_OK) else "")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a machine.

    Attributes:
        name: What it is called on the shelf.
        recipe: All that decides what comes out; plain values.
        make: Fills the folder that it is given.
        about_s: How long that takes on two quiet cores, for people.
    """

    name: str
    recipe: Mapping[str, object]
    make: Callable[[Path], None]
    about_s: int

    @property
    def mark(self) -> str:
        """The fingerprint of its recipe."""
        return fingerprint(self.recipe)

    @property
    def folder(self) -> str:
        """Its folder's name on the shelf."""
        return f"{self.name}-{self.mark[:SHOWN]}"


class Shelf:
    """Where parts lie.

    Args:
        folder: The cache.
        work: Where parts are made, best in memory; the cache's own disk unless given.
    """

    def __init__(self, folder: Path, work: Path | None = None) -> None:
        self.folder = folder
        self._work = work or folder

    def place(self, part: Part) -> Path:
        """Return where a part lies, or would."""
        return self.folder / part.folder

    def has(self, part: Part) -> bool:
        """Tell whether a part lies there, whole."""
        return self.place(part).is_dir()

    def put(self, part: Part) -> Path:
        """Make a part and lay it on the shelf in place of any other of its name.

        Raises:
            WorkshopFault: As making it does; nothing is left of it then.
            OSError: The disk is full or may not be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        making = self._work / f"{_MAKING}{part.folder}"
        _clear(making)
        making.mkdir(parents=True)
        try:
            part.make(making)
            landing = self.folder / f"{_MAKING}{part.folder}"
            if landing != making:
                _clear(landing)
                # A disk is mostly holes, which shutil would write out.
                call(["cp", "-a", "--sparse=always", making, landing], self.folder / "cp.log")
            _clear(self.place(part))
            landing.rename(self.place(part))
        finally:
            _clear(making)
        self._tidy(part)
        return self.place(part)

    def _tidy(self, part: Part) -> None:
        for other in self.folder.glob(f"{part.name}-*"):
            if other.name != part.folder and len(other.name) == len(part.folder):
                _clear(other)


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
