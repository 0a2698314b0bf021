"""Where each picture of a collection came from: provenance.csv, one row for each origin.

A row says file, label, source, origin (link or key), licence, author, the time at which it was
fetched (the server's own date, or the file's), sha256, size in pixels and in bytes. Exactly equal
pictures share a file and have a row each; a row whose label is not its file's folder says that two
labels claim the same picture.

A row is written before its file: a picture without a row would have no licence, a row without its
file is only fetched again. So whatever ends a run, the next one opens a table that is true: a row
that was cut off, or whose file is not there whole, is dropped. One run at a time has a collection.
"""

import csv
import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from tools.workshop.collect.accepting import NAME_DIGITS
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

if sys.platform != "win32":
    import fcntl

PROVENANCE = "provenance.csv"


@dataclass(frozen=True, slots=True)
class Row:
    """One origin of one picture; the columns of the table, in its order."""

    file: str
    label: str
    source: str
    origin: str
    licence: str
    author: str
    fetched: str
    sha256: str
    width_px: int
    height_px: int
    bytes: int

    @property
    def folder(self) -> str:
        """The label under which the picture lies."""
        return PurePosixPath(self.file).parent.as_posix()


class Provenance:
    """The table of a collection and the pictures it speaks of. Used as a context, by one thread.

    Args:
        folder: The collection; made if it is not there.

    Raises:
        WorkshopFault: It cannot be written, another run has it, or the table is not one of these.
    """

    def __init__(self, folder: Path) -> None:
        self._place = Place(str(folder))
        self._path = folder / PROVENANCE
        self._rows: dict[tuple[str, str], Row] = {}
        self._files: dict[str, str] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        folder = self._path.parent
        with ExitStack() as opening:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                opening.enter_context(_alone_in(folder))
                _clear_away(folder)
                for row in self._healed():
                    self._note(row)
                # Unbuffered: what the disk has no room for must not wait to be written later.
                self._table = opening.enter_context(self._path.open("ab", buffering=0))
            except OSError as fault:
                raise WorkshopFault(
                    f"{folder} cannot be collected into ({fault.strerror}): give another --out"
                ) from fault
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def rows(self) -> list[Row]:
        """All rows, in the table's order."""
        return list(self._rows.values())

    def row_of(self, identity: tuple[str, str]) -> Row | None:
        """The row of a label and an origin, if their picture is there."""
        return self._rows.get(identity)

    def file_with(self, sha256: str) -> str | None:
        """The file that holds exactly this picture, if one does."""
        return self._files.get(sha256)

    def add(self, row: Row, content: bytes) -> None:
        """Keep a picture: its row, and its file if that is not there.

        Raises:
            WorkshopFault: One of them cannot be written; then neither is.
        """
        before = self._path.stat().st_size
        line = _as_lines([astuple(row)])
        try:
            self._append(line)
            if row.sha256 not in self._files:
                self._place.write(row.file, content)
        except BaseException as fault:
            os.truncate(self._path, before)
            if isinstance(fault, OSError):
                raise WorkshopFault(
                    f"{self._path} cannot be written ({fault.strerror}): check the disk"
                ) from fault
            raise
        self._note(row)

    def _append(self, line: bytes) -> None:
        if self._table.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _note(self, row: Row) -> None:
        self._rows[row.label, row.origin] = row
        self._files[row.sha256] = row.file

    def _healed(self) -> list[Row]:
        """The rows that are true, after writing them back if some were not."""
        if not self._path.exists():
            self._place.write(PROVENANCE, _as_lines([_COLUMNS]))
            return []
        content = self._place.read(PROVENANCE)
        rows = _read(self._path, content)
        folder = self._path.parent
        kept = [row for row in rows if _is_whole(folder / row.file, row.bytes)]
        healed = _as_lines([_COLUMNS, *map(astuple, kept)])
        if healed != content:
            self._place.write(PROVENANCE, healed)
        return kept


_COLUMNS = tuple(field.name for field in fields(Row))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise WorkshopFault(f"{folder} is being collected into: wait for that run") from fault
        yield
    finally:
        os.close(handle)


def _clear_away(folder: Path) -> None:
    """Remove what a run that was killed had begun to write: hidden files named as `Place` does."""
    for pattern in (f".{PROVENANCE}-*", f"*/.{'[0-9a-f]' * NAME_DIGITS}.*-*"):
        for begun in folder.glob(pattern):
            begun.unlink()


def _read(path: Path, content: bytes) -> list[Row]:
    # A run that was cut off may have left the beginning of a row.
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = list(csv.reader(io.StringIO(whole.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as fault:
        raise WorkshopFault(f"{path} is no CSV in UTF-8 ({fault}): restore or remove it") from fault
    if not lines or tuple(lines[0]) != _COLUMNS:
        raise WorkshopFault(f"{path} has other columns than a collection's: give another --out")
    return [_row(path, number, cells) for number, cells in enumerate(lines[1:], start=2)]


def _row(path: Path, number: int, cells: Sequence[str]) -> Row:
    try:
        *words, width_px, height_px, size_bytes = cells
        file, label, source, origin, licence, author, fetched, sha256 = words
        return Row(
            file, label, source, origin, licence, author, fetched, sha256,
            int(width_px), int(height_px), int(size_bytes),
        )  # fmt: skip
    except ValueError as fault:
        raise WorkshopFault(
            f"{path}:{number} is no row of a collection: restore or remove it"
        ) from fault


def _is_whole(path: Path, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes
    except OSError:
        return False


def _as_lines(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
