"""When a belt's sorter moves a gate: neighbours, gates that fail, halts, a beam."""

from dataclasses import replace

import pytest

from sorterd.core.beam import Beam
from sorterd.core.records import BeamBroken, GateMoved, Movement, Reason
from sorterd.core.sorter import BeltStation, Sorter
from tests.core.line import COSTS, Line
from tests.core.surroundings import MS, NOT_OPENED, only


def test_neighbour_is_not_swept(line: Line) -> None:
    """It should let a can run on rather than sweep a rag that follows closely."""
    line.pieces = {0.0: "can", 80.0: "rag"}
    line.run(0, 6000)

    assert [each.reason for each in line.outcomes] == [Reason.TOO_CLOSE, Reason.BELONGS_IN_END_BIN]


@pytest.mark.parametrize("again_ms", [2300, 4000])
def test_neighbour_that_nobody_saw_is_not_swept(line: Line, again_ms: int) -> None:
    """It should not move for a piece behind which the belt ran by unseen, though it is seen now."""
    line.pieces = {0.0: "jar"}
    line.run(200, 400)
    line.run(again_ms, 6000)

    assert only(line).verdict.label == "jar"
    assert only(line).reason is Reason.TOO_CLOSE
    assert not line.pulses


def test_neighbour_out_of_view_is_known_by_what_was_seen(line: Line, station: BeltStation) -> None:
    """It should decide what no look can make surer, lest a gate spare what is bound for it."""
    never_sure = replace(station.judging, sure_frac=1.1, max_views=99)
    line.sorter = Sorter(replace(station, judging=never_sure), COSTS)
    line.pieces = {0.0: "jar", 80.0: "jar"}
    line.run(0, 6000)

    assert [each.reason for each in line.outcomes] == [Reason.SORTED, Reason.GATE_RECOVERING]


def test_gate_that_recovers_is_named(line: Line) -> None:
    """It should keep a gate for the first of two that follow closely."""
    line.pieces = {0.0: "can", 80.0: "can"}
    line.run(0, 6000)

    assert [each.reason for each in line.outcomes] == [Reason.SORTED, Reason.GATE_RECOVERING]


def test_gates_that_may_not_move_at_once(line: Line, station: BeltStation) -> None:
    """It should let one of two run on whose gates would move together."""
    line.sorter = Sorter(replace(station, moving_at_once=1), COSTS)
    line.pieces = {0.0: "jar", 150.0: "can"}
    line.run(0, 6000)

    assert sorted(each.reason for each in line.outcomes) == [Reason.SORTED, Reason.TOO_MANY_MOVING]


@pytest.mark.parametrize(("movement", "reason"), NOT_OPENED)
def test_gate_that_does_not_open_is_named(
    line: Line, movement: Movement | None, reason: Reason
) -> None:
    """It should know a piece in the end bin whose gate was late, failed or kept silent (18)."""
    line.movement = movement
    line.run(0, 6000)

    assert (only(line).bin, only(line).reason) == ("landfill", reason)
    assert only(line).pulse is not None


def test_answer_of_another_pulse_changes_nothing(line: Line) -> None:
    """It should know its own pulse by number (stale command, 18)."""
    line.run(0, 2100)
    line.tell(GateMoved(99, "metal", Movement.FAULT, 0, 2100 * MS))
    line.run(2101, 4000)

    assert only(line).reason is Reason.SORTED


def test_late_opening_is_written_down(line: Line) -> None:
    """It should keep how late the gate began to move."""
    line.movement = None
    line.run(0, 2100)
    (pulse,) = line.pulses
    line.tell(GateMoved(pulse.pulse, "metal", Movement.OPENED, 3 * MS, pulse.start_ns + 3 * MS))
    line.tell(GateMoved(pulse.pulse, "metal", Movement.CLOSED, 0, pulse.close_ns))
    line.until(4000 * MS)

    assert only(line).opened_late_ns == 3 * MS


def test_halted_belt_takes_the_deadline_with_it(line: Line) -> None:
    """It should sort a piece in view after a halt as if nothing had been."""
    line.halts = (1000, 2000)
    line.run(0, 6000)

    assert only(line).reason is Reason.SORTED
    (pulse,) = line.pulses
    assert (pulse.open_ns + pulse.close_ns) / 2 == pytest.approx(4400 * MS, rel=0.01)


def test_halt_is_known_to_pieces_past_the_view(line: Line) -> None:
    """It should move the deadline of a piece the camera no longer sees, too."""
    line.pieces = {0.0: "pear", 400.0: "rag"}
    line.halts = (2600, 2000)
    line.run(0, 9000)

    assert [each.reason for each in line.outcomes] == [Reason.SORTED, Reason.BELONGS_IN_END_BIN]
    (pulse,) = line.pulses
    # The pear's middle passes 750 mm after 3.9 s of running.
    assert (pulse.open_ns + pulse.close_ns) / 2 == pytest.approx(5900 * MS, rel=0.01)


def test_what_is_put_down_on_a_halted_belt_is_scored(line: Line) -> None:
    """It should look without a deadline to meet, and sort it once the belt runs again."""
    line.halts = (1200, 2000)
    line.run(0, 2000)
    line.pieces[140.0] = "jar"
    line.run(2000, 8000)

    sent_ns, batch = next(sent for sent in line.batches if sent[0] > 2000 * MS)
    assert sent_ns < 2040 * MS
    assert batch.crops[0].due_ns == sent_ns + 500 * MS
    assert [each.reason for each in line.outcomes] == [Reason.SORTED] * 2


def test_pulse_sent_before_a_halt_is_taken_back(line: Line) -> None:
    """It should not believe a piece sorted that the belt did not bring to the open gate."""
    line.pieces = {0.0: "pear", 600.0: "rag"}
    line.halts = (3600, 2000)
    line.run(0, 11_000)

    assert len(line.pulses) == 1
    assert line.pulses[0].clear_ns < 5600 * MS
    assert [outcome.piece for outcome in line.outcomes] == [1, 2]
    assert line.outcomes[0].reason is Reason.NO_TIME
    # It ends where the belt ends: 960 mm of running and 2 s of standing.
    assert line.outcomes[0].ended_ns == pytest.approx(6800 * MS, rel=0.02)


def test_beam_places_what_runs_on(line: Line, station: BeltStation) -> None:
    """It should believe a beam past every gate, and end a piece that lags where it may be."""
    line.sorter = Sorter(replace(station, beam=Beam(800.0, 30.0)), COSTS)
    line.pieces = {0.0: "rag"}
    line.run(0, 4000)
    line.tell(BeamBroken(4040 * MS, 4041 * MS))
    line.run(4041, 5500)

    assert line.sorter.placed == 1
    # Its front is where the pictures put it 40 ms before; its rear is at 900 mm after 4.8 s.
    assert only(line).ended_ns == pytest.approx(4840 * MS, abs=12 * MS)
