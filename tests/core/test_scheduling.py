from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.belt import Belt, Span
from sorterd.core.odometer import Odometer
from sorterd.core.records import Pulse, Reason
from sorterd.core.scheduling import GatePlan, Passing, Schedule

MS = 1_000_000
LEAD_NS = 40 * MS
GATES = {
    name: GatePlan(name, at_mm, move_ns=120 * MS, margin_mm=15.0, recover_ns=150 * MS)
    for name, at_mm in (("metal", 500.0), ("glass", 600.0), ("compost", 700.0))
}


@pytest.fixture
def subject() -> Schedule:
    """Return the schedule of three gates, of which two may move at once."""
    return Schedule(GATES, lead_ns=LEAD_NS, moving_at_once=2)


@pytest.fixture
def odometer(belt: Belt) -> Odometer:
    """Return an odometer of a belt that runs at 200 mm/s."""
    return Odometer(belt)


def passing(piece: int, front_mm: float, gate: str | None, length_mm: float = 60.0) -> Passing:
    """Return a piece on its way."""
    return Passing(piece, Span(front_mm - length_mm, front_mm, 0.0, 60.0), gate)


def send(
    subject: Schedule,
    odometer: Odometer,
    mover: Passing,
    *others: Passing,
    now_ms: float = 0.0,
) -> Pulse | Reason:
    """Send a piece's pulse; all that is on its way is told as it is at 0."""
    gate = mover.gate or ""
    return subject.send(gate, mover, others, odometer, t_ns=0, now_ns=round(now_ms * MS))


def test_pulse_follows_from_the_belt(subject: Schedule, odometer: Odometer) -> None:
    """It should stand open from the front's coming to the rear's going, with a margin."""
    pulse = send(subject, odometer, passing(7, 285.0, "metal"))

    assert isinstance(pulse, Pulse)
    assert (pulse.piece, pulse.gate) == (7, "metal")
    # 200 mm to go to the margin, then 60 mm of piece and twice the margin.
    assert pulse.open_ns == 1000 * MS
    assert pulse.close_ns == 1450 * MS
    assert pulse.start_ns == 880 * MS
    assert pulse.clear_ns == 1600 * MS


def test_deadline_is_when_the_pulse_must_be_sent(subject: Schedule, odometer: Odometer) -> None:
    """It should leave the gate its movement and the lead."""
    mover = passing(1, 285.0, "metal")
    due_ns = subject.due_ns("metal", mover.span, odometer, t_ns=0)

    assert due_ns == (1000 - 120 - 40) * MS
    assert isinstance(send(subject, odometer, mover, now_ms=due_ns / MS), Pulse)


def test_halted_belt_has_no_deadline(subject: Schedule, odometer: Odometer) -> None:
    """It should tell no instant, and make no pulse, while nothing moves."""
    odometer.measured([0.0], 0)
    mover = passing(1, 285.0, "metal")

    assert subject.due_ns("metal", mover.span, odometer, t_ns=0) is None
    assert send(subject, odometer, mover) is Reason.NO_TIME


def test_rule_1_too_late_names_no_time(subject: Schedule, odometer: Odometer) -> None:
    """It should make no pulse with less notice than the lead (fires too late, 17)."""
    assert send(subject, odometer, passing(1, 285.0, "metal"), now_ms=840.001) is Reason.NO_TIME


def test_rule_2_busy_gate_stays_with_the_earlier(subject: Schedule, odometer: Odometer) -> None:
    """It should let the second of two run on that come too close for the gate's recovery."""
    first = send(subject, odometer, passing(1, 285.0, "metal"))
    assert isinstance(first, Pulse)
    # Its gate begins to move 120 ms before it opens: 144 mm behind is 0.1 ms too early.
    near, far = passing(2, 285.0 - 143.9, "metal"), passing(3, 285.0 - 144.0, "metal")

    assert send(subject, odometer, near) is Reason.GATE_RECOVERING
    again = send(subject, odometer, far)
    assert isinstance(again, Pulse)
    assert again.start_ns == first.clear_ns


@pytest.mark.parametrize("clear_mm", [-80.0, -5.0, 0.0, 10.0, 38.9])
@pytest.mark.parametrize("ahead", [True, False])
def test_rule_3_pulse_that_would_sweep_another_is_not_made(
    subject: Schedule, odometer: Odometer, clear_mm: float, *, ahead: bool
) -> None:
    """It should spare a neighbour that is not bound for the same gate, before and behind."""
    mover = passing(1, 285.0, "metal")
    shift_mm = (60.0 + clear_mm) * (1 if ahead else -1)
    for bound_for in ("glass", None):
        other = passing(2, 285.0 + shift_mm, bound_for)
        assert send(subject, odometer, mover, other) is Reason.TOO_CLOSE


@pytest.mark.parametrize("shift_mm", [99.1, -99.1])
def test_rule_3_spares_what_is_far_enough(
    subject: Schedule, odometer: Odometer, shift_mm: float
) -> None:
    """It should move where margin and movement keep clear of the neighbour: 15 and 24 mm."""
    mover, other = passing(1, 285.0, "metal"), passing(2, 285.0 + shift_mm, None)

    assert isinstance(send(subject, odometer, mover, other), Pulse)


def test_rule_3_lets_a_gate_take_two_of_its_own(subject: Schedule, odometer: Odometer) -> None:
    """It should not mind a neighbour that goes to the same bin."""
    mover, other = passing(1, 285.0, "metal"), passing(2, 215.0, "metal")

    assert isinstance(send(subject, odometer, mover, other), Pulse)


def test_rule_4_no_more_gates_move_than_may(odometer: Odometer) -> None:
    """It should let the later one run on that would move with too many others."""
    subject = Schedule(GATES, lead_ns=LEAD_NS, moving_at_once=1)
    assert isinstance(send(subject, odometer, passing(1, 285.0, "metal")), Pulse)

    # Both begin to open at the same instant: one is 100 mm behind, its gate 100 mm ahead.
    assert send(subject, odometer, passing(2, 385.0, "glass")) is Reason.TOO_MANY_MOVING
    # 120 ms later the first stands open, and no longer moves.
    assert isinstance(send(subject, odometer, passing(3, 360.9, "glass")), Pulse)


def test_rule_4_counts_movements_of_a_gate_that_has_another_pulse(odometer: Odometer) -> None:
    """It should remember that a gate is still to close when its next pulse is made already."""
    subject = Schedule(GATES, lead_ns=LEAD_NS, moving_at_once=1)
    first = send(subject, odometer, passing(1, 285.0, "metal"))
    assert isinstance(first, Pulse)
    assert isinstance(send(subject, odometer, passing(2, 85.0, "metal")), Pulse)
    # Opens while the first closes.
    front_mm = 600.0 - 15.0 - (first.close_ns + 150 * MS) / MS / 5

    assert send(subject, odometer, passing(3, front_mm, "glass")) is Reason.TOO_MANY_MOVING


@st.composite
def movers(draw: st.DrawFn) -> list[tuple[Passing, float]]:
    """Draw pieces with the instants (ms) at which their pulses are sent, as they come."""
    told = draw(
        st.lists(
            st.tuples(st.sampled_from(sorted(GATES)), st.integers(-900, 400), st.integers(20, 120)),
            min_size=1,
            max_size=12,
        )
    )
    pieces = [
        passing(number, float(front_mm), gate, float(length_mm))
        for number, (gate, front_mm, length_mm) in enumerate(told, 1)
    ]
    due = [
        ((GATES[each.gate or ""].at_mm - 15.0 - each.span.front_mm) * 5 - 120 - 80, each)
        for each in pieces
    ]
    return [(each, due_ms) for due_ms, each in sorted(due, key=lambda pair: pair[0])]


def moves(pulse: Pulse) -> Iterator[tuple[int, int]]:
    """Yield when its gate moves."""
    yield pulse.start_ns, pulse.open_ns
    yield pulse.close_ns, pulse.close_ns + GATES[pulse.gate].move_ns


@settings(derandomize=True, deadline=None, max_examples=150)
@given(told=movers(), moving_at_once=st.integers(1, 3))
def test_pulses_keep_every_rule_whatever_comes(
    belt: Belt, told: list[tuple[Passing, float]], moving_at_once: int
) -> None:
    """It should never let a gate's pulses overlap, nor more gates move than may."""
    subject = Schedule(GATES, lead_ns=LEAD_NS, moving_at_once=moving_at_once)
    odometer = Odometer(belt)
    odometer.travel_mm(0)
    sent = [send(subject, odometer, mover, now_ms=due_ms) for mover, due_ms in told]

    pulses = [each for each in sent if isinstance(each, Pulse)]
    for gate in GATES:
        mine = [pulse for pulse in pulses if pulse.gate == gate]
        assert all(one.clear_ns <= other.start_ns for one, other in pairwise(mine))
    moving = [move for pulse in pulses for move in moves(pulse)]
    for begin_ns, _ in moving:
        assert sum(start <= begin_ns < end for start, end in moving) <= moving_at_once
    assert [pulse.pulse for pulse in pulses] == list(range(1, len(pulses) + 1))
