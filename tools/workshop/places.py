"""Folders that may be anywhere: on this machine or in a bucket, read and written the same way.

A place is a folder by its address, `photos/waste` or `s3://bucket/photos`. Files in it have keys:
their path below it, with forward slashes. What is written is there whole or not at all. Every
fault is one line that names the place or the key.

Buckets need the extra `tools` (fsspec, s3fs); their credentials come from where the libraries of
the provider look for them (environment, ~/.aws), never from the command line.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fsspec import available_protocols
from fsspec.core import url_to_fs

from sorterd.recordings.pictures import list_files
from tools.workshop.faults import WorkshopFault

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class Place:
    """A folder, local or in a bucket.

    Attributes:
        address: As the person gave it.
    """

    address: str

    @property
    def local(self) -> Path | None:
        """The folder, if it is on this machine."""
        scheme, mark, rest = self.address.rpartition("://")
        return Path(rest) if not mark or scheme == "file" else None

    def __str__(self) -> str:
        return self.address.rstrip("/")

    def below(self, key: str) -> "Place":
        """A folder in this one."""
        return Place(f"{self}/{key}")

    def keys(self) -> list[str]:
        """Every file below this place, as a person would order them; hidden ones are left out.

        Raises:
            WorkshopFault: There is no such folder, or it cannot be listed.
        """
        if (folder := self.local) is not None:
            with self._named(str(self)):
                if not folder.is_dir():
                    raise WorkshopFault(f"no folder {folder}: give one that is there")
                found, closed = list_files(folder)
            if closed:
                raise WorkshopFault(f"{closed[0]}: give yourself the right to read it")
            keys = [path.relative_to(folder).as_posix() for path in found]
        else:
            files, root = self._bucket()
            with self._named(str(self)):
                keys = [path[len(root) :].lstrip("/") for path in files.find(root)]
            # Some programs leave an empty object that ends in a slash where a folder shall be.
            keys = [key for key in keys if key and not key.endswith("/")]
            if not keys:
                raise WorkshopFault(f"nothing in {self}: check bucket and folder")
        shown = [k for k in keys if not any(part.startswith(".") for part in k.split("/"))]
        return sorted(shown, key=_natural_order)

    def pictures(self) -> list[str]:
        """The keys whose ending is a picture's."""
        return [k for k in self.keys() if PurePosixPath(k).suffix.lower() in PICTURE_SUFFIXES]

    def has(self, key: str) -> bool:
        """Whether there is such a file.

        Raises:
            WorkshopFault: The place cannot be asked.
        """
        with self._named(f"{self}/{key}"):
            if (folder := self.local) is not None:
                return (folder / key).is_file()
            files, root = self._bucket()
            try:
                # Not isfile(): to it a bucket that does not answer has no such file.
                return bool(files.info(f"{root}/{key}")["type"] == "file")
            except FileNotFoundError:
                return False

    def read(self, key: str) -> bytes:
        """A file's content.

        Raises:
            WorkshopFault: It is not there or cannot be read.
        """
        with self._named(f"{self}/{key}"):
            if (folder := self.local) is not None:
                return (folder / key).read_bytes()
            files, root = self._bucket()
            return bytes(files.cat_file(f"{root}/{key}"))

    def write(self, key: str, content: bytes) -> None:
        """Write a file whole, in the place of an older one.

        Raises:
            WorkshopFault: It cannot be written; an older file is still there as it was.
        """
        with self._named(f"{self}/{key}"):
            if (folder := self.local) is None:
                files, root = self._bucket()
                # An object appears when its upload is complete, not before.
                files.pipe_file(f"{root}/{key}", content)
                return
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, beside = tempfile.mkstemp(prefix=".unfinished-", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(beside).chmod(0o644)
                Path(beside).replace(path)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise

    def _bucket(self) -> tuple[Any, str]:
        scheme, _, rest = self.address.partition("://")
        if scheme not in available_protocols() or not rest.strip("/"):
            raise WorkshopFault(f"{self.address} is no place: give a folder or s3://bucket/folder")
        with self._named(str(self)):
            # Others write to buckets too: a listing that was remembered would be wrong.
            files, root = url_to_fs(str(self), use_listings_cache=False)
        return files, str(root)

    @staticmethod
    def _named(what: str) -> "_Named":
        return _Named(what)


class _Named:
    """Turns what file systems raise into one line that names the file."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, fault: object, trace: object) -> None:
        if isinstance(fault, WorkshopFault):
            return
        if isinstance(fault, FileNotFoundError):
            raise WorkshopFault(f"{self._what} is not there: check the name") from fault
        if isinstance(fault, PermissionError):
            raise WorkshopFault(
                f"{self._what} may not be opened ({_line(fault)}): check rights and credentials"
            ) from fault
        if isinstance(fault, ImportError):
            raise WorkshopFault(
                f"{self._what} needs a library that is not here ({_line(fault)}): "
                "python -m pip install 'sorterd[tools]'"
            ) from fault
        # botocore's errors share no base with OSError; its name is enough to tell them.
        if isinstance(fault, OSError | ValueError) or (
            kind is not None and kind.__module__.startswith(("botocore", "aiobotocore", "aiohttp"))
        ):
            raise WorkshopFault(
                f"{self._what} cannot be used ({_line(fault)}): check disk, network and credentials"
            ) from (fault if isinstance(fault, BaseException) else None)


def _natural_order(key: str) -> tuple[list[list[str | int]], str]:
    """As `list_files` orders: without case, numbers by value, folder by folder."""
    parts: list[list[str | int]] = [
        # Splitting by a group alternates text and digits, so like always meets like.
        [int(bit) if bit.isdigit() else bit for bit in re.split(r"([0-9]+)", part.casefold())]
        for part in key.split("/")
    ]
    return parts, key


def _line(fault: object) -> str:
    words = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    return " ".join(words.split())[:200]
