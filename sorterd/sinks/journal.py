"""The journal: one row for each piece, in a SQLite file that a crash leaves readable.

The rule: nobody waits for the journal. What it takes it holds back, and writes
in one transaction when it is flushed; what could not be written is kept for the
next try, up to a bound, and beyond that the oldest is dropped and counted.

Every opening is a new run, because pieces are numbered from 1 and instants come
from a clock that starts anew with the machine. The journal reads no clock of
its own: the caller says when a run started, in words.

Readers may read while it writes (WAL), and get back exactly what went in.

An SD card wears out by what is written to it. The file has a bound, at which the oldest pieces make
room for new ones; and a row that is written by itself costs 9.2 kB on the disk, with nine others
1.9 kB, with 63 others 0.8 kB (`write_bytes` of /proc/self/io, 1,920 outcomes with a pulse each):
how often to flush is what the wear of a busy station depends on.
"""

import json
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sorterd.core.records import Outcome
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.sinks.journal_tables import (
    ADD_NOTE,
    ADD_OUTCOME,
    ADD_RUN,
    APPLICATION_ID,
    FORGET,
    TABLES,
    VERSION,
    outcome_of,
    row_of,
)

# Rows that make room for each that comes: more than one, so that too full a file comes back.
FORGOTTEN_FOR_EACH: Final = 4


@dataclass(frozen=True, slots=True)
class Run:
    """One opening of a journal.

    Attributes:
        run: Its number, rising from 1.
        started: When it started, in the words of whoever opened the journal.
        about: What it was run with: station, bundle, runtime, seed, priority of the gates.
    """

    run: int
    started: str
    about: dict[str, str]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to the station, not to a piece: a gate's fault, a stall."""

    kind: str
    text: str
    at_ns: int


class Journal:
    """Meets `ports.Sink`. Made by `open_journal`; belongs to one thread afterwards.

    Attributes:
        run: The number of this run.
        dropped: How many outcomes and notes were given up because they could not be written.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        run: int,
        *,
        batch: int,
        keep: int,
        most_bytes: int | None,
    ) -> None:
        self.run = run
        self.dropped = 0
        self._path = path
        self._connection = connection
        self._batch = batch
        self._keep = keep
        self._most_bytes = most_bytes
        self._held: deque[tuple[str, Mapping[str, object]]] = deque()
        self._since_flush = 0
        self._closed = False

    def write(self, outcome: Outcome) -> None:
        """Take one outcome; it is written by the next flush, or by this call when a batch is full.

        Raises:
            DeviceFault: The batch could not be written; the outcome is taken all the same. Or the
                journal was closed, and it is not.
            ValueError: A number is not finite, or the pulse is another piece's: a caller's bug.
        """
        self._hold(ADD_OUTCOME, row_of(self.run, outcome))

    def note(self, kind: str, text: str, at_ns: int) -> None:
        """Take one event of the station, in its order among the outcomes.

        Raises:
            DeviceFault: As for `write`.
        """
        self._hold(ADD_NOTE, {"run": self.run, "kind": kind, "text": text, "at_ns": at_ns})

    def flush(self) -> None:
        """Write what was taken, in one transaction: all of it or, for now, nothing.

        Raises:
            DeviceFault: It could not be written (disk full, I/O error); it is kept for another try.
        """
        self._since_flush = 0
        if not self._held:
            return
        try:
            with self._connection:  # commits; after an error rolls back
                self._connection.execute("BEGIN IMMEDIATE")
                self._make_room()
                for statement, values in self._held:
                    self._connection.execute(statement, values)
        except sqlite3.DatabaseError as error:
            raise DeviceFault(
                f"journal {self._path}: {len(self._held)} rows could not be written ({error});"
                " look at the disk's space and at the file's rights"
            ) from error
        self._held.clear()

    def _make_room(self) -> None:
        """Forget the oldest pieces where the file holds too much; what they leave is used again."""
        if self._most_bytes is None or self._used_bytes() <= self._most_bytes:
            return
        for statement in FORGET:
            self._connection.execute(statement, {"rows": FORGOTTEN_FOR_EACH * len(self._held)})

    def _used_bytes(self) -> int:
        pages, free, size_bytes = (
            self._connection.execute(f"PRAGMA {what}").fetchone()[0]
            for what in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size_bytes)

    def close(self) -> None:
        """Flush and let go. Harmless when repeated.

        Raises:
            DeviceFault: The last rows could not be written and are lost; it is closed all the same.
        """
        if self._closed:
            return
        self._closed = True
        with closing(self._connection):
            self.flush()

    def _hold(self, statement: str, values: Mapping[str, object]) -> None:
        if self._closed:
            raise DeviceFault(f"journal {self._path}: it was closed; open it again")
        if len(self._held) == self._keep:
            self._held.popleft()
            self.dropped += 1
        self._held.append((statement, values))
        self._since_flush += 1
        if self._since_flush >= self._batch:
            self.flush()


def open_journal(
    path: Path,
    about: Mapping[str, str] | None = None,
    *,
    started: str = "",
    batch: int = 64,
    keep: int = 10_000,
    most_bytes: int | None = None,
) -> Journal:
    """Open a journal, make it if there is none, and begin a new run in it.

    Args:
        path: The SQLite file; beside it come `-wal` and `-shm` while it is open.
        about: What the run is made with; see `Run`.
        started: When it starts, in words; nothing here reads a clock.
        batch: Rows after which it flushes by itself.
        keep: Rows that are kept at most while they cannot be written.
        most_bytes: What the file may hold before its oldest pieces make room for new ones; None for
            as much as comes. A file that holds more already comes down to it, but does not shrink.

    Raises:
        DeviceUnavailable: The file is no journal, is a newer sorterd's, or cannot be written.
    """
    # SQLite makes it writable to its owner alone, and likewise the files beside it. Those are made
    # by whoever comes first, the console perhaps, and the station could then not open them.
    with suppress(OSError):  # what is wrong with the place, SQLite will say
        path.touch(mode=0o664)
    with ExitStack() as held, _explained(path):
        connection = held.enter_context(
            # A second at most for another writer's lock; the sink's thread is not the opener's.
            closing(
                sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
            )
        )
        is_new = _tables_version(connection, path) == 0
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise DeviceUnavailable(
                f"journal {path}: this file system lets nobody read while it is written;"
                " keep the journal on a local disk"
            )
        connection.execute("PRAGMA synchronous = NORMAL")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in TABLES if is_new else ():
                connection.execute(statement)
            told = json.dumps(dict(about or {}), ensure_ascii=False)
            connection.execute(ADD_RUN, {"started": started, "about": told})
            (run,) = connection.execute("SELECT max(run) FROM runs").fetchone()
        held.pop_all()
    return Journal(path, connection, run, batch=batch, keep=keep, most_bytes=most_bytes)


def read(path: Path, run: int | None = None) -> Iterator[Outcome]:
    """Give back the outcomes of one run, or of all, in the order in which they were written.

    Raises:
        DeviceUnavailable: There is no such file, or it is no journal that can be read.
    """
    with _reading(path) as connection:
        for row in connection.execute(
            "SELECT * FROM outcomes WHERE :run IS NULL OR run = :run ORDER BY rowid", {"run": run}
        ):
            yield outcome_of(row)


def read_notes(path: Path, run: int | None = None) -> Iterator[Note]:
    """Give back the notes of one run, or of all, in the order in which they were written.

    Raises:
        DeviceUnavailable: As for `read`.
    """
    with _reading(path) as connection:
        for row in connection.execute(
            "SELECT * FROM notes WHERE :run IS NULL OR run = :run ORDER BY rowid", {"run": run}
        ):
            yield Note(row["kind"], row["text"], row["at_ns"])


def read_runs(path: Path) -> Iterator[Run]:
    """Give back every run, the oldest first.

    Raises:
        DeviceUnavailable: As for `read`.
    """
    with _reading(path) as connection:
        for row in connection.execute("SELECT * FROM runs ORDER BY run"):
            yield Run(row["run"], row["started"], json.loads(row["about"]))


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    place = f"{path.absolute().as_uri()}?mode=ro"
    with _explained(path), closing(sqlite3.connect(place, uri=True)) as connection:
        if _tables_version(connection, path) == 0:
            raise DeviceUnavailable(f"journal {path}: it is empty; nothing was ever run with it")
        connection.row_factory = sqlite3.Row
        yield connection


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise DeviceUnavailable(
            f"journal {path}: {error}; name a journal, or a new file in a folder that can be"
            " written to and has space"
        ) from error


def _tables_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a journal's tables; 0 where there is nothing yet."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables == application == version == 0:
        return 0
    if application != APPLICATION_ID:
        raise DeviceUnavailable(
            f"journal {path}: it is another program's database; name another file"
        )
    if version > VERSION:
        raise DeviceUnavailable(
            f"journal {path}: a newer sorterd wrote it (tables of version {version}, here {VERSION}"
            " is the newest); bring sorterd up to date, or name another file"
        )
    return int(version)
