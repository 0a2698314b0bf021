"""The simulated servo and the gate that turns it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.clock import ManualClock
from sorterd.gates.simulated import Settings, open_part
from sorterd.simulation.servo import ServoMovement, SimulatedServo

MOVE_NS = 100
COMMANDS = st.lists(st.tuples(st.booleans(), st.integers(0, 250)), min_size=1, max_size=12)


def commanded(commands: list[tuple[bool, int]]) -> SimulatedServo:
    """Return a servo with these commands, each so long after the one before."""
    servo, t_ns = SimulatedServo(MOVE_NS), 1000
    for opening, gap_ns in commands:
        t_ns += gap_ns
        servo.command(opening=opening, t_ns=t_ns)
    return servo


def test_servo_takes_its_time_both_ways() -> None:
    """It should move linearly, and turn round from where it stands."""
    servo = SimulatedServo(MOVE_NS)
    servo.command(opening=True, t_ns=1000)
    servo.command(opening=False, t_ns=1060)

    places = [servo.open_frac(t_ns) for t_ns in (0, 1000, 1030, 1060, 1090, 1120, 9999)]

    assert places == pytest.approx([0.0, 0.0, 0.3, 0.6, 0.3, 0.0, 0.0])
    assert [(m.t_ns, m.opening) for m in servo.movements] == [(1000, True), (1060, False)]


@given(COMMANDS)
def test_servo_never_jumps(commands: list[tuple[bool, int]]) -> None:
    """It should stay between shut and open and never move faster than its own speed."""
    servo = commanded(commands)
    places = [servo.open_frac(t_ns) for t_ns in range(900, servo.movements[-1].t_ns + 300)]

    assert all(0 <= place <= 1 for place in places)
    assert all(abs(after - before) <= 1 / MOVE_NS + 1e-9 for before, after in pairwise(places))
    assert places[-1] == (1.0 if servo.movements[-1].opening else 0.0)


@given(COMMANDS, st.tuples(st.booleans(), st.integers(0, 250)))
def test_servo_keeps_its_past(commands: list[tuple[bool, int]], new: tuple[bool, int]) -> None:
    """It should give the same answer about an instant whatever is commanded after it."""
    servo = commanded(commands)
    opening, gap_ns = new
    last_ns = servo.movements[-1].t_ns + gap_ns
    before = [servo.open_frac(t_ns) for t_ns in range(900, last_ns + 1)]

    servo.command(opening=opening, t_ns=last_ns)

    assert before == [servo.open_frac(t_ns) for t_ns in range(900, last_ns + 1)]


def test_servo_refuses_to_change_the_past() -> None:
    """It should take no command from before its last one."""
    servo = SimulatedServo(MOVE_NS)
    servo.command(opening=True, t_ns=1000)

    with pytest.raises(ValueError, match="a command at 999 ns after one at 1000 ns"):
        servo.command(opening=False, t_ns=999)


def test_servo_takes_time_to_move() -> None:
    """It should not be made without a movement time."""
    with pytest.raises(ValueError, match="takes time to move"):
        SimulatedServo(0)


def test_gate_remembers_when_it_was_told() -> None:
    """It should stamp each movement with the clock's time, not with a plan's."""
    clock, servo = ManualClock(5000), SimulatedServo(MOVE_NS)
    gate = open_part("glass", Settings(), clock, servo)

    gate.open()
    clock.sleep_until(5050)
    gate.shut()

    assert servo.movements == [ServoMovement(5000, True, 0.0), ServoMovement(5050, False, 0.5)]
