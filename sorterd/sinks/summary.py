"""What a journal says of the run that is newest: counts, the last pieces, the last notes.

For whoever looks while the station writes: one short read, of one moment, that
the station never waits for.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from sorterd.core.records import Outcome, Reason
from sorterd.sinks.journal import Note, Run, reading, run_of
from sorterd.sinks.journal_tables import outcome_of

K = TypeVar("K")

LATE_MS: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 50.0)
"""Bounds by which gates' lateness is counted; 15 is `gate_tolerance_ms` by default."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late gates began to open.

    Attributes:
        within: For each of `LATE_MS`, how many were no later.
        count: How many opened.
        sum_ns: Their lateness together.
    """

    within: tuple[int, ...]
    count: int
    sum_ns: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The newest run.

    Attributes:
        run: Which.
        counts: Pieces by bin and reason, in the order of their names.
        lateness: Of its gates.
        last: Its last pieces, the newest first.
        notes: Its last notes, the newest first.
    """

    run: Run
    counts: dict[tuple[str, Reason], int]
    lateness: Lateness
    last: tuple[Outcome, ...]
    notes: tuple[Note, ...]

    @property
    def by_bin(self) -> dict[str, int]:
        """Pieces by bin."""
        return _added((name, count) for (name, _), count in self.counts.items())

    @property
    def by_reason(self) -> dict[Reason, int]:
        """Pieces by reason."""
        return _added((reason, count) for (_, reason), count in self.counts.items())


def summarise(path: Path, most: int = 20) -> Summary:
    """Return what a journal says of its newest run.

    Args:
        path: The journal.
        most: How many of the last pieces, and of the last notes.

    Raises:
        DeviceUnavailable: There is no such file, or it is no journal that can be read.
    """
    with reading(path) as connection:
        connection.execute("BEGIN")  # all that follows is of one moment
        run = run_of(connection.execute("SELECT * FROM runs ORDER BY run DESC LIMIT 1").fetchone())
        asked = {"run": run.run, "most": most}
        outcomes = connection.execute(
            "SELECT * FROM outcomes WHERE run = :run ORDER BY rowid DESC LIMIT :most", asked
        ).fetchall()
        notes = connection.execute(
            "SELECT * FROM notes WHERE run = :run ORDER BY rowid DESC LIMIT :most", asked
        ).fetchall()
        counts = connection.execute(
            "SELECT bin, reason, count(*) AS pieces FROM outcomes WHERE run = :run "
            "GROUP BY bin, reason ORDER BY bin, reason",
            asked,
        ).fetchall()
        return Summary(
            run=run,
            counts={(row["bin"], Reason(row["reason"])): row["pieces"] for row in counts},
            lateness=_lateness(connection, run.run),
            last=tuple(map(outcome_of, outcomes)),
            notes=tuple(Note(row["kind"], row["text"], row["at_ns"]) for row in notes),
        )


def _lateness(connection: sqlite3.Connection, run: int) -> Lateness:
    late_ns = [
        each_ns
        for (each_ns,) in connection.execute(
            "SELECT opened_late_ns FROM outcomes WHERE run = ? AND opened_late_ns IS NOT NULL",
            [run],
        )
    ]
    late_ns.sort()
    within = tuple(bisect_right(late_ns, bound_ms * 1_000_000) for bound_ms in LATE_MS)
    return Lateness(within, len(late_ns), sum(late_ns))


def _added(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    added: dict[K, int] = {}
    for name, count in pairs:
        added[name] = added.get(name, 0) + count
    return added
