"""What stands in a journal's file: its tables, and how an outcome becomes a row and comes back.

The rule: nothing is lost on the way. A column's name is the record's own, so
that whoever asks the file with SQL uses the words of the records. Scores are
JSON. A number that is not finite has no place in SQLite, so it is refused.
"""

import json
import sqlite3
from math import isfinite

from sorterd.core.records import Outcome, Pulse, Reason, Verdict

VERSION = 1
"""Of the tables, kept in the file's `user_version`; rises when they change."""

APPLICATION_ID = int.from_bytes(b"SRTD", "big")
"""Marks a SQLite file as a journal, so that nobody else's database is ever written to."""

TABLES = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
    "CREATE TABLE runs (run INTEGER PRIMARY KEY, started TEXT NOT NULL, about TEXT NOT NULL)",
    """
    CREATE TABLE outcomes (
        run INTEGER NOT NULL REFERENCES runs,
        piece INTEGER NOT NULL,
        bin TEXT NOT NULL,
        reason TEXT NOT NULL,
        label TEXT,
        confidence_frac REAL NOT NULL,
        stage_one TEXT,
        stage_one_frac REAL NOT NULL,
        scores TEXT NOT NULL,
        sightings INTEGER NOT NULL,
        crops INTEGER NOT NULL,
        first_seen_ns INTEGER NOT NULL,
        last_seen_ns INTEGER NOT NULL,
        last_along_mm REAL NOT NULL,
        last_across_mm REAL NOT NULL,
        length_mm REAL NOT NULL,
        evidence_ns INTEGER,
        decided_ns INTEGER,
        deadline_ns INTEGER,
        pulse INTEGER,
        gate TEXT,
        start_ns INTEGER,
        open_ns INTEGER,
        close_ns INTEGER,
        clear_ns INTEGER,
        opened_late_ns INTEGER,
        ended_ns INTEGER NOT NULL
    )
    """,
    "CREATE INDEX outcomes_of_a_run ON outcomes (run, piece)",
    """
    CREATE TABLE notes (
        run INTEGER NOT NULL REFERENCES runs,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        at_ns INTEGER NOT NULL
    )
    """,
)
"""Makes a new journal, statement by statement."""

ADD_RUN = "INSERT INTO runs (started, about) VALUES (:started, :about)"
ADD_NOTE = "INSERT INTO notes VALUES (:run, :kind, :text, :at_ns)"
ADD_OUTCOME = """
    INSERT INTO outcomes VALUES (
        :run, :piece, :bin, :reason,
        :label, :confidence_frac, :stage_one, :stage_one_frac, :scores,
        :sightings, :crops, :first_seen_ns, :last_seen_ns,
        :last_along_mm, :last_across_mm, :length_mm,
        :evidence_ns, :decided_ns, :deadline_ns,
        :pulse, :gate, :start_ns, :open_ns, :close_ns, :clear_ns,
        :opened_late_ns, :ended_ns
    )
"""
FORGET = (
    "DELETE FROM outcomes WHERE rowid IN (SELECT rowid FROM outcomes ORDER BY rowid LIMIT :rows)",
    # Notes and runs that are older than the oldest piece that is left.
    "DELETE FROM notes WHERE run < (SELECT min(run) FROM outcomes)",
    """
    DELETE FROM notes WHERE run = (SELECT min(run) FROM outcomes) AND at_ns <
        (SELECT ended_ns FROM outcomes ORDER BY rowid LIMIT 1)
    """,
    "DELETE FROM runs WHERE run < (SELECT min(run) FROM outcomes)",
)
"""Makes room: the `rows` oldest outcomes, and what is older than those that are left."""


def row_of(run: int, outcome: Outcome) -> dict[str, object]:
    """Return the row of one outcome, by column.

    Raises:
        ValueError: A number is not finite, or the pulse is another piece's: a caller's bug.
    """
    verdict, pulse = outcome.verdict, outcome.pulse
    if pulse is not None and pulse.piece != outcome.piece:
        raise ValueError(f"piece {outcome.piece} has the pulse of piece {pulse.piece}")
    row: dict[str, object] = {
        "run": run,
        "piece": outcome.piece,
        "bin": outcome.bin,
        "reason": outcome.reason.value,
        "label": verdict.label,
        "confidence_frac": verdict.confidence_frac,
        "stage_one": verdict.stage_one,
        "stage_one_frac": verdict.stage_one_frac,
        "scores": json.dumps(verdict.scores, allow_nan=False),
        "sightings": outcome.sightings,
        "crops": outcome.crops,
        "first_seen_ns": outcome.first_seen_ns,
        "last_seen_ns": outcome.last_seen_ns,
        "last_along_mm": outcome.last_along_mm,
        "last_across_mm": outcome.last_across_mm,
        "length_mm": outcome.length_mm,
        "evidence_ns": outcome.evidence_ns,
        "decided_ns": outcome.decided_ns,
        "deadline_ns": outcome.deadline_ns,
        "pulse": pulse.pulse if pulse else None,
        "gate": pulse.gate if pulse else None,
        "start_ns": pulse.start_ns if pulse else None,
        "open_ns": pulse.open_ns if pulse else None,
        "close_ns": pulse.close_ns if pulse else None,
        "clear_ns": pulse.clear_ns if pulse else None,
        "opened_late_ns": outcome.opened_late_ns,
        "ended_ns": outcome.ended_ns,
    }
    for column, value in row.items():
        if isinstance(value, float) and not isfinite(value):
            raise ValueError(f"piece {outcome.piece}: {column} is {value}")
    return row


def outcome_of(row: sqlite3.Row) -> Outcome:
    """Return the outcome that a row was made of."""
    pulse = None
    if row["pulse"] is not None:
        pulse = Pulse(
            pulse=row["pulse"],
            piece=row["piece"],
            gate=row["gate"],
            start_ns=row["start_ns"],
            open_ns=row["open_ns"],
            close_ns=row["close_ns"],
            clear_ns=row["clear_ns"],
        )
    return Outcome(
        piece=row["piece"],
        bin=row["bin"],
        reason=Reason(row["reason"]),
        verdict=Verdict(
            label=row["label"],
            confidence_frac=row["confidence_frac"],
            stage_one=row["stage_one"],
            stage_one_frac=row["stage_one_frac"],
            scores=tuple(json.loads(row["scores"])),
        ),
        sightings=row["sightings"],
        crops=row["crops"],
        first_seen_ns=row["first_seen_ns"],
        last_seen_ns=row["last_seen_ns"],
        last_along_mm=row["last_along_mm"],
        last_across_mm=row["last_across_mm"],
        length_mm=row["length_mm"],
        evidence_ns=row["evidence_ns"],
        decided_ns=row["decided_ns"],
        deadline_ns=row["deadline_ns"],
        pulse=pulse,
        opened_late_ns=row["opened_late_ns"],
        ended_ns=row["ended_ns"],
    )
