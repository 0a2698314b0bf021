"""What holds for every sink: one suite, run on every class in sorterd/sinks that is one."""

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import sorterd.sinks
from sorterd.core.records import Outcome, Reason, Verdict
from sorterd.ports import DeviceFault, Sink
from sorterd.sinks.journal import open_journal, read
from sorterd.sinks.review import Choice, Origin, open_review
from sorterd.sinks.review_folder import Room, read_review


def sinks() -> list[str]:
    """Return the name of every class in the room that takes outcomes."""
    found = []
    for each in pkgutil.iter_modules(sorterd.sinks.__path__):
        module = import_module(f"sorterd.sinks.{each.name}")
        for name, declared in inspect.getmembers(module, inspect.isclass):
            own = declared.__module__ == module.__name__
            if own and all(hasattr(declared, does) for does in ("write", "flush", "close")):
                found.append(name)
    return found


Opened = tuple[Sink, Callable[[], list[int]]]
"""A sink, and the pieces of which something lasts."""


def opened_journal(folder: Path) -> Opened:
    """Return a journal, and what can be read of it."""
    path = folder / "journal.db"
    return open_journal(path), lambda: [each.piece for each in read(path)]


def opened_review(folder: Path) -> Opened:
    """Return a review that has a picture of every piece, and what can be read of it."""
    review = open_review(
        folder,
        lambda piece: np.full((8, 8, 3), piece, np.uint8),
        Choice(below_frac=1.0, control_frac=0.0, seed=1),
        Origin(1, ("glass", "metal"), "waste", "1"),
        Room(most_files=9, most_per_label=9, most_bytes=1_000_000),
    )
    return review, lambda: [each.piece for each in read_review(folder)]


OPENERS: dict[str, Callable[[Path], Opened]] = {
    "Journal": opened_journal,
    "Review": opened_review,
}
"""How the suite opens each sink: a new one is one more row."""


@pytest.fixture(params=sinks())
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Open one sink."""
    return OPENERS[request.param](tmp_path)


def outcome(piece: int) -> Outcome:
    """Return the outcome of a piece that the model was unsure of."""
    return Outcome(
        piece=piece,
        bin="landfill",
        reason=Reason.UNSURE,
        verdict=Verdict(None, 0.5, None, 0.5, (0.5, 0.5)),
        sightings=1,
        crops=0,
        first_seen_ns=5,
        last_seen_ns=5,
        last_along_mm=10.0,
        last_across_mm=20.0,
        length_mm=30.0,
        evidence_ns=None,
        decided_ns=None,
        deadline_ns=None,
        pulse=None,
        opened_late_ns=None,
        ended_ns=9,
    )


def test_every_sink_has_its_row() -> None:
    """It should be opened by this suite, whatever is added to the room."""
    assert set(sinks()) == set(OPENERS)


def test_what_is_flushed_lasts(subject: Opened) -> None:
    """It should have written, in order, what it took before a flush."""
    sink, lasting = subject
    sink.write(outcome(1))
    sink.write(outcome(2))
    sink.flush()
    sink.flush()

    assert lasting() == [1, 2]
    sink.close()


def test_close_flushes_and_is_repeatable(subject: Opened) -> None:
    """It should lose nothing when it is closed, however often."""
    sink, lasting = subject
    sink.write(outcome(1))
    sink.close()
    sink.close()

    assert lasting() == [1]


def test_a_closed_sink_takes_nothing(subject: Opened) -> None:
    """It should say in one line that it was closed."""
    sink, _ = subject
    sink.close()

    with pytest.raises(DeviceFault, match=r"^[^\n]+$"):
        sink.write(outcome(1))
