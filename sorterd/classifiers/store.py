"""Versions of bundles beside each other, and which of them is in force.

    STORE/waste/2-taught-1/    a bundle, never changed once it is there
    STORE/waste/2-taught-2/
    STORE/waste/active    ->   2-taught-2
    STORE/waste/previous  ->   2-taught-1

The rule: at every instant, a power cut included, what `active` names is a whole bundle that was
checked. So a bundle is copied under a name that nobody looks for, written through to the disk and
only then renamed; and a link is never changed but replaced by a rename. Where a link is missing,
the bundle of that name that came with sorterd is meant.

Nothing here runs a model: whoever activates a bundle has asked it for its golden answers before.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sorterd.classifiers.bundle import MANIFEST, PLACES, BundleFault, find, load

ACTIVE: Final = "active"
PREVIOUS: Final = "previous"
# What a folder may be called that is made by the program: nothing hidden, nothing that leads away.
_PLAIN: Final = re.compile(r"\w[\w .+-]*")
_INCOMING: Final = ".incoming"


@dataclass(frozen=True, slots=True)
class Store:
    """The versions in a folder. Any thread; one program at a time may change it.

    Attributes:
        folder: Where it lies; it need not be there yet.
    """

    folder: Path

    def names(self) -> list[str]:
        """Return what bundles it holds, in the order of their names."""
        return sorted(each.name for each in _folders(self.folder))

    def versions(self, name: str) -> list[str]:
        """Return the versions of a bundle, in the order of their names."""
        return sorted(each.name for each in _folders(self.folder / name) if not each.is_symlink())

    def active(self, name: str) -> str | None:
        """Return the version in force; None if it is the one that came with sorterd."""
        return self._linked(name, ACTIVE)

    def previous(self, name: str) -> str | None:
        """Return the version that was in force before; None if that one came with sorterd."""
        return self._linked(name, PREVIOUS)

    def take_in(self, folder: Path) -> tuple[Path, bool]:
        """Copy a bundle in, beside the other versions of its name. It is not in force by that.

        Args:
            folder: The bundle.

        Returns:
            Where it lies now, and whether it is new there.

        Raises:
            BundleFault: It is faulty, or the store has another bundle of this name and version.
            OSError: The disk is full, or the store may not be written to.
        """
        bundle = load(folder)
        name = _plain(folder, "name", bundle.manifest.name)
        version = _plain(folder, "version", bundle.manifest.version)
        at_home = self.folder / name
        final = at_home / version
        if final.is_dir():
            if (final / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes():
                return final, False
            raise BundleFault(
                f"{folder / MANIFEST}: version {version} of {name} is in {self.folder} already, "
                "and differs: give this one a version of its own"
            )
        at_home.mkdir(parents=True, exist_ok=True)
        incoming = at_home / _INCOMING
        _remove(incoming)  # of an attempt that a power cut ended
        for file in (MANIFEST, *bundle.manifest.sha256):
            _copy(folder / file, incoming / file)
        for each in (*(each for each in incoming.rglob("*") if each.is_dir()), incoming):
            each.chmod(0o755)  # whoever copied it, the station must be able to read it
            _write_through(each)
        load(incoming)
        incoming.replace(final)
        _write_through(at_home)
        _write_through(self.folder)
        return final, True

    def drop(self, name: str, version: str) -> None:
        """Remove a version that is not in force."""
        # Under its own name it is whole until the end.
        incoming = self.folder / name / _INCOMING
        _remove(incoming)
        (self.folder / name / version).replace(incoming)
        _remove(incoming)
        if not any((self.folder / name).iterdir()):
            (self.folder / name).rmdir()

    def activate(self, name: str, version: str) -> None:
        """Put a version in force; the one that was is kept as the previous one.

        Raises:
            BundleFault: There is no such version.
            OSError: The store may not be written to.
        """
        if version not in self.versions(name):
            raise BundleFault(
                f"no version {version} of {name} in {self.folder}: "
                f"give a bundle's folder, or one of: {', '.join(self.versions(name)) or 'none'}"
            )
        before = self.active(name)
        if before != version:
            self._link(name, PREVIOUS, before)
            self._link(name, ACTIVE, version)

    def rollback(self, name: str) -> str | None:
        """Put the version that was in force before in force again, and the other way round.

        Returns:
            It; None for the bundle that came with sorterd.

        Raises:
            BundleFault: There is none.
            OSError: The store may not be written to.
        """
        now, back = self.active(name), self.previous(name)
        if back == now:  # an activation that was cut off between its two links
            back = None
        if back == now or (back is None and shipped(name) is None):
            raise BundleFault(f"{name} has no earlier version to go back to: activate one instead")
        self._link(name, ACTIVE, back)
        self._link(name, PREVIOUS, now)
        return back

    def _linked(self, name: str, link: str) -> str | None:
        try:
            return (self.folder / name / link).readlink().name
        except PermissionError as fault:
            raise _unreadable(self.folder) from fault
        except OSError:  # no link, no folder of this name, no store
            return None

    def _link(self, name: str, link: str, version: str | None) -> None:
        at_home = self.folder / name
        if version is None:
            (at_home / link).unlink(missing_ok=True)
        else:
            new = at_home / f".{link}"
            new.unlink(missing_ok=True)
            new.symlink_to(version)
            new.replace(at_home / link)
        _write_through(at_home)


def candidates(name_or_path: str, store: Store) -> list[Path]:
    """Return the folders of a bundle, the one in force first and then those to fall back on.

    Args:
        name_or_path: As the settings give it: a folder, or the name of a bundle.
        store: Where its versions lie, if it has any.

    Raises:
        BundleFault: There is none.
    """
    if (Path(name_or_path).expanduser() / MANIFEST).is_file() or not _PLAIN.fullmatch(name_or_path):
        return [find(name_or_path)]
    active = store.active(name_or_path)
    if active is None:
        return [find(name_or_path)]
    # What was rolled back from is a version that passed its checks, too.
    versions = dict.fromkeys(filter(None, (active, store.previous(name_or_path))))
    came_with = shipped(name_or_path)
    return [
        *(store.folder / name_or_path / version for version in versions),
        *([] if came_with is None else [came_with]),
    ]


def shipped(name: str) -> Path | None:
    """Return the folder of a bundle that came with sorterd, if there is one of this name."""
    return next((place / name for place in PLACES if (place / name / MANIFEST).is_file()), None)


def _folders(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.is_dir() and each.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as fault:
        raise _unreadable(folder) from fault


def _unreadable(folder: Path) -> BundleFault:
    return BundleFault(f"{folder} cannot be read: be in the group sorterd, or use sudo")


def _plain(folder: Path, key: str, text: str) -> str:
    if _PLAIN.fullmatch(text) and text not in {ACTIVE, PREVIOUS}:
        return text
    raise BundleFault(
        f"{folder / MANIFEST}: {key}: {text!r} cannot be a folder's name: "
        "write letters, digits, spaces and . + - _"
    )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)
    _write_through(target)


def _write_through(path: Path) -> None:
    """Have the disk hold a file, or what a folder lists, before anything is built on it."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
