"""The journal: what goes in comes back, and what goes wrong is said and survived."""

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.records import NO_EVIDENCE, Outcome, Pulse, Reason, Verdict
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.sinks.journal import (
    Journal,
    Note,
    Run,
    open_journal,
    read,
    read_notes,
    read_runs,
)

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VERDICTS = st.builds(
    Verdict,
    label=st.none() | st.text(),
    confidence_frac=FLOATS,
    stage_one=st.none() | st.text(),
    stage_one_frac=FLOATS,
    scores=st.lists(FLOATS, max_size=8).map(tuple),
)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    """Draw an outcome with anything in its fields; its pulse, if any, is its own."""
    piece = draw(INTEGERS)
    pulse = st.builds(
        Pulse,
        pulse=INTEGERS,
        piece=st.just(piece),
        gate=st.text(),
        start_ns=INTEGERS,
        open_ns=INTEGERS,
        close_ns=INTEGERS,
        clear_ns=INTEGERS,
    )
    return Outcome(
        piece=piece,
        bin=draw(st.text()),
        reason=draw(st.sampled_from(Reason)),
        verdict=draw(VERDICTS),
        sightings=draw(INTEGERS),
        crops=draw(INTEGERS),
        first_seen_ns=draw(INTEGERS),
        last_seen_ns=draw(INTEGERS),
        last_along_mm=draw(FLOATS),
        last_across_mm=draw(FLOATS),
        length_mm=draw(FLOATS),
        evidence_ns=draw(st.none() | INTEGERS),
        decided_ns=draw(st.none() | INTEGERS),
        deadline_ns=draw(st.none() | INTEGERS),
        pulse=draw(st.none() | pulse),
        opened_late_ns=draw(st.none() | INTEGERS),
        ended_ns=draw(INTEGERS),
    )


def simple(
    piece: int, *, reason: Reason = Reason.UNSURE, along_mm: float = 1.5, pulse: Pulse | None = None
) -> Outcome:
    """Return an outcome of which little matters."""
    return Outcome(
        piece=piece,
        bin="landfill",
        reason=reason,
        verdict=NO_EVIDENCE,
        sightings=3,
        crops=0,
        first_seen_ns=10,
        last_seen_ns=20,
        last_along_mm=along_mm,
        last_across_mm=2.5,
        length_mm=40.0,
        evidence_ns=None,
        decided_ns=None,
        deadline_ns=15,
        pulse=pulse,
        opened_late_ns=None,
        ended_ns=30,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a journal may be."""
    return tmp_path / "journal.db"


@pytest.fixture
def subject(path: Path) -> Iterator[Journal]:
    """Open a journal that flushes every 4 rows and keeps at most 10."""
    journal = open_journal(path, batch=4, keep=10)
    yield journal
    journal.close()


@settings(max_examples=40)
@given(st.lists(outcomes(), max_size=6))
def test_what_goes_in_comes_back(written: list[Outcome]) -> None:
    """It should give back every field of every outcome exactly, in order."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal.db")
        journal = open_journal(path)
        for each in written:
            journal.write(each)
        journal.close()

        assert list(read(path)) == written


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_word(reason: Reason, subject: Journal, path: Path) -> None:
    """It should write each reason by its own word, for whoever asks with SQL."""
    subject.write(simple(1, reason=reason))
    subject.flush()

    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT reason FROM outcomes").fetchall() == [(reason.value,)]
    connection.close()
    assert list(read(path)) == [simple(1, reason=reason)]


def test_rows_wait_for_a_batch(subject: Journal, path: Path) -> None:
    """It should write by itself when a batch is full, and not before."""
    for piece in (1, 2, 3):
        subject.write(simple(piece))
    assert list(read(path)) == []

    subject.write(simple(4))

    assert [each.piece for each in read(path)] == [1, 2, 3, 4]


def test_each_opening_is_a_new_run(path: Path) -> None:
    """It should keep runs apart, since pieces are numbered from 1 in each."""
    about = {"station": "Küche", "bundle": "waste 1", "runtime": "ai-edge-litert", "seed": "7"}
    for started, told in (("this morning", about), ("", None)):
        journal = open_journal(path, told, started=started)
        journal.write(simple(1))
        journal.note("stall", f"the model hung in run {journal.run}", 17)
        journal.close()

    assert list(read_runs(path)) == [Run(1, "this morning", about), Run(2, "", {})]
    assert len(list(read(path))) == 2
    assert list(read(path, run=2)) == [simple(1)]
    assert list(read_notes(path, run=2)) == [Note("stall", "the model hung in run 2", 17)]
    assert [note.text[-1] for note in read_notes(path)] == ["1", "2"]


def test_it_can_be_read_while_it_is_written(subject: Journal, path: Path) -> None:
    """It should neither wait for a reader nor disturb one that has begun."""
    for piece in range(1, 5):
        subject.write(simple(piece))
    reader = read(path)
    assert next(reader).piece == 1

    for piece in range(5, 9):
        subject.write(simple(piece))

    assert [each.piece for each in reader] == [2, 3, 4]
    assert len(list(read(path))) == 8


def write_and_die(path: Path) -> None:
    """Flush two rows, hold a third back, and die without any goodbye."""
    journal = open_journal(path)
    journal.write(simple(1))
    journal.write(simple(2))
    journal.flush()
    journal.write(simple(3))
    os._exit(9)


def test_a_killed_process_leaves_a_readable_journal(path: Path) -> None:
    """It should lose no more than what was held back, and take the next run."""
    process = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(path,))
    process.start()
    process.join()

    assert process.exitcode == 9
    assert [each.piece for each in read(path)] == [1, 2]
    journal = open_journal(path)
    assert journal.run == 2
    journal.close()


def fill_disk(journal: Journal) -> None:
    """Let the file have no page more than it has."""
    journal._connection.execute("PRAGMA max_page_count = 1")


def free_disk(journal: Journal) -> None:
    """Let it grow again."""
    journal._connection.execute("PRAGMA max_page_count = 100000")


def big(piece: int) -> Outcome:
    """Return an outcome that needs pages of its own."""
    return replace(simple(piece), bin="x" * 9000)


def test_a_full_disk_is_a_fault_and_loses_nothing(subject: Journal, path: Path) -> None:
    """It should keep what it could not write, and write it once there is space."""
    fill_disk(subject)
    subject.write(big(1))
    subject.note("gate", "glass does not answer", 17)

    with pytest.raises(
        DeviceFault, match=r"^journal \S+: 2 rows [^\n]*full[^\n]*disk's space[^\n]*$"
    ):
        subject.flush()
    assert list(read(path)) == []
    with pytest.raises(DeviceFault):
        subject.flush()

    free_disk(subject)
    subject.flush()
    assert list(read(path)) == [big(1)]
    assert len(list(read_notes(path))) == 1
    assert subject.dropped == 0


def test_what_cannot_be_written_is_bounded(subject: Journal, path: Path) -> None:
    """It should drop the oldest, count them, and try no oftener than once a batch."""
    fill_disk(subject)
    faults = 0
    for piece in range(1, 26):
        try:
            subject.write(big(piece))
        except DeviceFault:
            faults += 1

    assert (subject.dropped, faults) == (15, 6)
    free_disk(subject)
    subject.flush()
    assert [each.piece for each in read(path)] == list(range(16, 26))


def test_the_file_has_a_bound(path: Path) -> None:
    """It should forget the oldest pieces and what is older still, and keep the newest."""
    earlier = open_journal(path)
    earlier.note("gate", "glass does not answer", 17)
    earlier.write(simple(1))
    earlier.close()
    journal = open_journal(path, most_bytes=200_000)
    largest = 0
    for piece in range(1, 4001):
        journal.write(simple(piece))
        largest = max(largest, path.stat().st_size)
    journal.note("camera", "silent", 40)
    journal.close()

    left = [each.piece for each in read(path)]
    assert left == list(range(left[0], 4001))
    assert 500 < len(left) < 2000
    assert largest < 300_000  # the bound, and what one batch needs besides
    assert [each.run for each in read_runs(path)] == [2]
    assert [each.kind for each in read_notes(path)] == ["camera"]


def test_a_full_file_that_cannot_be_written_forgets_nothing(path: Path) -> None:
    """It should take back what it forgot when the rows that it made room for were not written."""
    journal = open_journal(path, batch=100, most_bytes=20_000)
    for piece in range(1, 201):
        journal.write(simple(piece))
    before = [each.piece for each in read(path)]
    pages = path.stat().st_size // 4096
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    journal.write(replace(simple(201), bin="x" * 1_000_000))

    with pytest.raises(DeviceFault):
        journal.flush()
    assert [each.piece for each in read(path)] == before
    free_disk(journal)
    journal.close()


def test_closing_on_a_full_disk(path: Path) -> None:
    """It should say that the last rows are lost, and be closed all the same."""
    journal = open_journal(path)
    fill_disk(journal)
    journal.write(big(1))

    with pytest.raises(DeviceFault, match="1 rows could not be written"):
        journal.close()
    journal.close()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (simple(1, along_mm=float("nan")), "piece 1: last_along_mm is nan"),
        (simple(1, along_mm=float("inf")), "piece 1: last_along_mm is inf"),
        (simple(1, pulse=Pulse(5, 2, "glass", 1, 2, 3, 4)), "piece 1 has the pulse of piece 2"),
    ],
)
def test_what_cannot_come_back_is_refused(wrong: Outcome, says: str, subject: Journal) -> None:
    """It should take a number that is none, or another piece's pulse, for a caller's bug."""
    with pytest.raises(ValueError, match=says):
        subject.write(wrong)


def unavailable(path: Path) -> str:
    """Return what is said when a journal cannot be opened; the same for reading."""
    with pytest.raises(DeviceUnavailable, match=rf"^journal {path}: [^\n]+$") as opening:
        open_journal(path)
    with pytest.raises(DeviceUnavailable, match=rf"^journal {path}: [^\n]+$"):
        list(read(path))
    return str(opening.value)


def test_no_such_folder(tmp_path: Path) -> None:
    """It should say that the file cannot be opened."""
    says = unavailable(tmp_path / "nowhere" / "journal.db")

    assert "unable to open database file" in says
    assert "a folder that can be written to" in says


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    """It should say so when the path is a folder."""
    assert "unable to open database file" in unavailable(tmp_path)


def test_a_file_that_is_no_database(path: Path) -> None:
    """It should say so, and leave the file as it is."""
    path.write_text("my holiday notes\n" * 300)

    assert "file is not a database" in unavailable(path)
    assert path.read_text() == "my holiday notes\n" * 300


def test_another_programs_database(path: Path) -> None:
    """It should not write its tables into it."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = path.read_bytes()

    assert "another program's database" in unavailable(path)
    assert path.read_bytes() == before


def test_a_newer_journal(path: Path) -> None:
    """It should say which version it is, and leave it alone."""
    open_journal(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()

    assert "a newer sorterd wrote it (tables of version 2, here 1 is the newest)" in unavailable(
        path
    )


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    """It should fill it when it is opened; until then there is nothing to be read."""
    path.touch()
    with pytest.raises(DeviceUnavailable, match="it is empty"):
        list(read(path))

    open_journal(path).close()

    assert list(read(path)) == []


def test_a_locked_journal(subject: Journal, path: Path) -> None:
    """It should give up while another program holds the file, and lose nothing by it."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    subject.write(simple(1))
    subject._connection.execute("PRAGMA busy_timeout = 0")  # the test does not wait for it

    with pytest.raises(DeviceFault, match="locked"):
        subject.flush()
    other.execute("ROLLBACK")
    other.close()
    subject.flush()

    assert list(read(path)) == [simple(1)]


def test_it_does_not_grow_in_memory(subject: Journal) -> None:
    """It should hold no more than a batch while all is well."""
    for piece in range(1, 201):
        subject.write(simple(piece))
        assert len(subject._held) < 4


@pytest.mark.skipif(os.name != "posix", reason="files have no group here")
def test_the_group_may_make_the_files_beside_it(path: Path) -> None:
    """It should leave to the group what it needs to read, if the service's umask (7) does."""
    before = os.umask(0o007)
    try:
        journal = open_journal(path)
    finally:
        os.umask(before)
    modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.glob(f"{path.name}*")}
    journal.close()

    assert modes == {f"{path.name}{end}": 0o660 for end in ("", "-shm", "-wal")}
