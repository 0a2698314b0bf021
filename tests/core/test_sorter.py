"""How a belt's sorter decides a piece, and how each ends."""

from dataclasses import replace
from functools import partial

import pytest

from sorterd.core.records import FrameSeen, Reason, Stop
from sorterd.core.sorter import BeltStation, Sorter
from tests.core.line import COSTS, Line
from tests.core.surroundings import MS, only


def test_piece_is_sorted(line: Line) -> None:
    """It should send a can into the metal bin, in time, and write down how."""
    line.run(0, 3500)

    outcome = only(line)
    assert (outcome.bin, outcome.reason, outcome.verdict.label) == ("metal", Reason.SORTED, "can")
    assert outcome.pulse == line.pulses[0]
    assert outcome.opened_late_ns == 0
    assert outcome.crops == 2
    # The middle passes the gate at 450 mm after 2.4 s.
    assert (outcome.pulse.open_ns + outcome.pulse.close_ns) / 2 == pytest.approx(
        2400 * MS, rel=0.01
    )
    assert outcome.decided_ns is not None
    assert outcome.deadline_ns is not None
    assert outcome.decided_ns < outcome.deadline_ns < outcome.pulse.start_ns
    assert outcome.evidence_ns is not None
    assert outcome.first_seen_ns < outcome.evidence_ns < outcome.decided_ns
    assert outcome.ended_ns == outcome.pulse.clear_ns


def test_pulse_is_sent_at_the_last_moment_that_leaves_the_lead(line: Line) -> None:
    """It should wait with the pulse while the belt may still show another arrival."""
    line.run(0, 1800)
    assert not line.pulses

    line.run(1815, 2600)
    (pulse,) = line.pulses
    assert 40 * MS <= pulse.start_ns - 1985 * MS <= 120 * MS


def test_what_belongs_in_the_end_bin_moves_nothing(line: Line) -> None:
    """It should let a rag run on, and end it where the belt ends."""
    line.pieces = {0.0: "rag"}
    line.run(0, 5000)

    assert only(line).reason is Reason.BELONGS_IN_END_BIN
    assert not line.pulses
    # Its rear is at 900 mm after 4.8 s.
    assert only(line).ended_ns == pytest.approx(4800 * MS, rel=0.01)


def test_unsure_piece_runs_on(line: Line) -> None:
    """It should move nothing for a piece whose views say nothing, once it has seen enough."""
    line.pieces = {0.0: "no label"}
    line.run(0, 5000)

    assert only(line).reason is Reason.UNSURE
    assert only(line).crops == 5
    assert not line.pulses


def test_stale_answer_decides_nothing(line: Line) -> None:
    """It should not hear scores that come after the stall was called (stale command, 18)."""
    line.latency_ms = 700.0
    line.run(0, 5000)

    assert only(line).reason is Reason.RUNTIME_STALLED
    assert only(line).crops == 0
    assert not line.sorter.stalled


def test_answer_after_the_decision_changes_nothing(line: Line, station: BeltStation) -> None:
    """It should decide at the deadline by what it has, and write down by what it decided."""
    line.sorter = Sorter(replace(station, stall_ns=9000 * MS), COSTS)
    line.run(0, 390)
    line.pieces, line.latency_ms = {0.0: "rag"}, 2000.0
    line.run(390, 3500)

    assert len(line.batches) == 2
    assert (only(line).bin, only(line).verdict.label) == ("metal", "can")
    assert only(line).crops == 1


def test_piece_never_whole_is_named(line: Line) -> None:
    """It should not judge what only ever showed in part."""
    line.show(250)
    line.until(1600 * MS)
    line.show(1650)
    line.until(6000 * MS)

    assert only(line).reason is Reason.NEVER_WHOLE


def test_touching_pieces_run_on(line: Line) -> None:
    """It should judge neither of two that one region covers (two items, 16)."""
    for t_ms in range(400, 1600, 33):
        front_mm = line.travel_mm(t_ms)
        apart = (line.region(front_mm), line.region(front_mm - 62.0))
        joined = (line.region(front_mm, 122.0),)
        shown = apart if t_ms < 800 else joined
        line.until(t_ms * MS)
        line.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, shown))
    line.until(7000 * MS)

    assert [outcome.reason for outcome in line.outcomes] == [Reason.TOUCHING] * 2
    assert not line.pulses


def test_outline_of_two_bodies_is_not_judged(line: Line) -> None:
    """It should ask nothing about two that show as one from the first, and say why (16)."""
    line.region = partial(line.region, lobes=2)
    line.run(0, 5000)

    assert only(line).reason is Reason.TOUCHING
    assert not line.batches


def test_fly_is_named(line: Line) -> None:
    """It should end what vanishes, at once, and forget it though the model stalls over it."""
    line.latency_ms = None
    line.tell(FrameSeen(1, 0, 5 * MS, (line.region(200.0),)))
    line.pieces = {}
    line.run(33, 300)
    assert only(line).reason is Reason.VANISHED

    line.run(300, 600)
    assert line.sorter.stalled


def test_stop_ends_every_piece(line: Line) -> None:
    """It should leave no piece without an outcome, wherever it is, and plan nothing new."""
    line.pieces = {0.0: "can", 200.0: "jar", 420.0: "pear"}
    line.run(0, 2250)
    line.tell(Stop(2250 * MS))

    assert [each.reason for each in line.outcomes] == [
        Reason.SORTED,
        Reason.STOPPED,
        Reason.STOPPED,
    ]
    assert line.sorter.views(2250 * MS) == ()


def test_events_after_a_stop_are_harmless(line: Line) -> None:
    """It should hear late answers of model and gates without a word."""
    line.run(0, 2000)
    line.tell(Stop(2000 * MS))
    line.until(9000 * MS)

    assert only(line).reason is Reason.STOPPED


def test_heap_runs_on(line: Line) -> None:
    """It should judge nothing in a heap of more pieces than it can follow."""
    for t_ms in (0, 33, 66):
        heap = tuple(
            line.region(42.0 + 30 * column, 12.0, across_mm=10.0 + 22 * row, width_mm=10.0)
            for column in range(9)
            for row in range(8)
        )
        line.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, heap))
    line.until(9000 * MS)
    line.tell(Stop(9000 * MS))

    assert len(line.outcomes) == 72
    assert {outcome.reason for outcome in line.outcomes} == {Reason.AMBIGUOUS}


def test_view_shows_where_pieces_are_by_now(line: Line) -> None:
    """It should tell whoever looks what is known of each piece."""
    line.run(0, 1000)
    (view,) = line.sorter.views(1100 * MS)
    assert (view.piece, view.verdict.label, view.bin, view.reason) == (1, "can", "metal", None)
    assert view.along_mm == pytest.approx(190.0, abs=4.0)
    assert view.box is not None
    assert view.box.right_px == pytest.approx(440, abs=8)

    line.run(1023, 2000)
    (gone,) = line.sorter.views(2000 * MS)
    assert gone.box is None
