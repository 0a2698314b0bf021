"""The mover keeps the pulses' times: properties over pulses, instants and faults at random."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.clock import ManualClock
from sorterd.core.records import GateMoved, Movement, Pulse
from sorterd.gates.mover import AGAIN_NS, TRIES, Mover
from sorterd.gates.simulated import SimulatedGate
from sorterd.ports import DeviceFault
from sorterd.simulation.servo import SimulatedServo

TOLERANCE_NS = 20
MAX_OPEN_NS = 150
MOVE_NS = 10
NAMES = ("glass", "paper", "compost")
START_NS = 1000


class FailingServo(SimulatedServo):
    """A servo that takes only the commands it is told to take, by their number; then all."""

    def __init__(self, takes: list[bool]) -> None:
        super().__init__(MOVE_NS)
        self._takes = iter(takes)

    def command(self, *, opening: bool, t_ns: int) -> None:
        """Take the command, or fail."""
        if not next(self._takes, True):
            raise DeviceFault("the servo failed; look at its wiring")
        super().command(opening=opening, t_ns=t_ns)


class HummingGate(SimulatedGate):
    """A gate that can rest, and remembers when it did."""

    settle_ns = 60

    def __init__(self, clock: ManualClock, servo: SimulatedServo) -> None:
        super().__init__("glass", clock, servo)
        self.rests: list[int] = []
        self.broken = False

    def rest(self) -> None:
        """Rest, or fail."""
        if self.broken:
            raise DeviceFault("gate glass: it does not answer; look at its wiring")
        self.rests.append(self._clock.now_ns())


@dataclass
class Bench:
    """Simulated gates on one manual clock, and the mover that owns them."""

    clock: ManualClock
    servos: Mapping[str, SimulatedServo]
    mover: Mover

    def act_at(self, now_ns: int) -> list[GateMoved]:
        """Let time pass until `now_ns`, and do all that is due, as the gate thread does."""
        self.clock.sleep_until(now_ns)
        moved = self.mover.act(now_ns)
        while (next_ns := self.mover.next_ns) is not None and next_ns <= now_ns:
            moved += self.mover.act(now_ns)
        return moved

    def settle(self) -> list[GateMoved]:
        """Let time pass until nothing is due."""
        moved = []
        while (next_ns := self.mover.next_ns) is not None:
            moved += self.act_at(max(next_ns, self.clock.now_ns()))
        return moved

    def commands(self, name: str) -> list[tuple[int, bool]]:
        """Return when one gate was told what."""
        return [(each.t_ns, each.opening) for each in self.servos[name].movements]


def bench(takes: dict[str, list[bool]] | None = None, *, moving_at_once: int = 3) -> Bench:
    """Return three gates, of which some fail."""
    clock = ManualClock(START_NS)
    servos = {name: FailingServo((takes or {}).get(name, [])) for name in NAMES}
    gates = {name: SimulatedGate(name, clock, servo) for name, servo in servos.items()}
    mover = Mover(
        gates,
        tolerance_ns=TOLERANCE_NS,
        max_open_ns=MAX_OPEN_NS,
        moving_at_once=moving_at_once,
        move_ns=dict.fromkeys(NAMES, MOVE_NS),
    )
    return Bench(clock, servos, mover)


def pulse(number: int, gate: str, start_ns: int, lasts: tuple[int, int, int]) -> Pulse:
    """Return a pulse whose three stretches last so long."""
    opening_ns, open_ns, clearing_ns = lasts
    close_ns = start_ns + opening_ns + open_ns
    return Pulse(
        number, number, gate, start_ns, start_ns + opening_ns, close_ns, close_ns + clearing_ns
    )


def one_pulse(number: int = 1, start_ns: int = 2000, *, gate: str = "glass") -> Pulse:
    """Return a pulse of 100 ns that keeps its gate for 150."""
    return pulse(number, gate, start_ns, (20, 80, 50))


def did(moved: list[GateMoved]) -> list[tuple[int, Movement]]:
    """Return what became of which pulse."""
    return [(each.pulse, each.movement) for each in moved]


@st.composite
def plans(draw: st.DrawFn) -> list[Pulse]:
    """Draw pulses that never overlap on one gate, in any order."""
    planned: list[Pulse] = []
    for name in NAMES:
        t_ns = START_NS
        for _ in range(draw(st.integers(0, 5))):
            t_ns += draw(st.integers(0, 120))
            lasts = draw(st.tuples(st.integers(0, 60), st.integers(0, 250), st.integers(0, 60)))
            planned.append(pulse(len(planned) + 1, name, t_ns, lasts))
            t_ns = planned[-1].clear_ns
    return draw(st.permutations(planned))


GAPS = st.lists(st.integers(0, 90), min_size=1, max_size=60)


def run(subject: Bench, planned: list[Pulse], gaps: list[int]) -> tuple[list[GateMoved], list[int]]:
    """Act at random instants, then until nothing is due; return what was done, and when acted."""
    for each in planned:
        subject.mover.accept(each)
    moved, instants = [], [START_NS]
    for gap_ns in gaps:
        instants.append(instants[-1] + gap_ns)
        moved += subject.act_at(instants[-1])
    while (next_ns := subject.mover.next_ns) is not None:
        instants.append(max(next_ns, instants[-1]))
        moved += subject.act_at(instants[-1])
    return moved, instants


def shut_due_ns(planned: Pulse) -> int:
    """Return when a pulse has to be shut by the rules."""
    return min(planned.close_ns, planned.start_ns + MAX_OPEN_NS)


@given(plans(), GAPS)
def test_every_open_is_followed_by_one_shut_in_time(planned: list[Pulse], gaps: list[int]) -> None:
    """It should open at the first act in tolerance, and shut at the first from the end on."""
    subject = bench()
    _, instants = run(subject, planned, gaps)
    for name in NAMES:
        expected = []
        for each in sorted(planned, key=lambda p: (p.start_ns, p.clear_ns)):
            if each.gate != name:
                continue
            acted_ns = min(t_ns for t_ns in instants[1:] if t_ns >= each.start_ns)
            if acted_ns <= each.start_ns + TOLERANCE_NS and acted_ns < shut_due_ns(each):
                shut_ns = min(t_ns for t_ns in instants if t_ns >= shut_due_ns(each))
                expected += [(acted_ns, True), (shut_ns, False)]

        assert subject.commands(name) == expected


@given(plans(), GAPS)
def test_no_gate_stands_open_too_long(planned: list[Pulse], gaps: list[int]) -> None:
    """It should shut each gate within the longest time plus the longest gap between acts."""
    subject = bench()
    _, instants = run(subject, planned, gaps)
    longest_gap_ns = max(after - before for before, after in pairwise(instants))

    for name in NAMES:
        commands = subject.commands(name)
        assert [opening for _, opening in commands] == [True, False] * (len(commands) // 2)
        for (opened_ns, _), (shut_ns, _) in zip(commands[::2], commands[1::2], strict=True):
            assert shut_ns - opened_ns <= MAX_OPEN_NS + longest_gap_ns


@given(plans(), GAPS)
def test_every_pulse_is_told_of(planned: list[Pulse], gaps: list[int]) -> None:
    """It should say of each pulse that it opened and closed, or once that it was too late."""
    subject = bench()
    moved, _ = run(subject, planned, gaps)
    for each in planned:
        own = [(m.movement, m.late_ns) for m in moved if m.pulse == each.pulse]

        assert all(late_ns >= 0 for _, late_ns in own)
        if own[0][0] is Movement.OPENED:
            assert own[0][1] <= TOLERANCE_NS
            assert [movement for movement, _ in own] == [Movement.OPENED, Movement.CLOSED]
        else:
            assert [movement for movement, _ in own] == [Movement.REFUSED_LATE]


@given(plans(), GAPS, st.lists(st.booleans(), max_size=8))
def test_a_failing_gate_leaves_the_others_alone(
    planned: list[Pulse], gaps: list[int], takes: list[bool]
) -> None:
    """It should give up the gate that fails, shut it when it can, and move the others as ever."""
    subject, sound = bench({"glass": takes}), bench()
    moved, instants = run(subject, planned, gaps)
    expected, _ = run(sound, planned, gaps)

    assert [m for m in moved if m.gate != "glass"] == [m for m in expected if m.gate != "glass"]
    own = [m.movement for m in moved if m.gate == "glass"]
    if Movement.FAULT in own:
        assert set(own[own.index(Movement.FAULT) :]) == {Movement.FAULT}
    assert subject.mover.unsafe == sound.mover.unsafe
    assert subject.servos["glass"].open_frac(instants[-1] + MOVE_NS) == 0


@given(plans(), GAPS, st.lists(st.booleans(), max_size=8))
def test_after_make_safe_nothing_is_open(
    planned: list[Pulse], gaps: list[int], takes: list[bool]
) -> None:
    """It should shut every gate that can be shut, name the others, and forget every plan."""
    subject = bench({"paper": takes})
    for each in planned:
        subject.mover.accept(each)
    now_ns = START_NS
    for gap_ns in gaps:
        now_ns += gap_ns
        subject.act_at(now_ns)

    faults = subject.mover.make_safe(now_ns)

    assert len(faults) <= 1
    for name in NAMES:
        if not faults or name != "paper":
            assert subject.commands(name)[-1] == (now_ns, False)
    assert subject.settle() == []
    assert subject.mover.unsafe == ()
    assert not subject.commands("paper")[-1][1]


@given(plans(), GAPS)
def test_a_gate_that_is_gone_leaves_the_others_alone(planned: list[Pulse], gaps: list[int]) -> None:
    """It should move the others as ever while one takes no command at all."""
    subject, sound = bench({"glass": [False] * 10_000}), bench()
    moved, _ = run(subject, planned, gaps)
    expected, _ = run(sound, planned, gaps)

    assert [m for m in moved if m.gate != "glass"] == [m for m in expected if m.gate != "glass"]
    assert {m.movement for m in moved if m.gate == "glass"} <= {
        Movement.FAULT,
        Movement.REFUSED_LATE,
    }


def test_next_instant() -> None:
    """It should say when it wants to act: the opening, then the closing, then nothing."""
    subject = bench()
    subject.mover.accept(one_pulse())

    assert subject.mover.next_ns == 2000
    assert subject.act_at(1999) == []
    assert subject.act_at(2007) == [GateMoved(1, "glass", Movement.OPENED, 7, 2007)]
    assert subject.mover.next_ns == 2100
    assert subject.act_at(2900) == [GateMoved(1, "glass", Movement.CLOSED, 800, 2900)]
    assert subject.mover.next_ns is None


def test_a_pulse_that_is_over_does_not_open() -> None:
    """It should not open and shut at once when a short pulse lies wholly in the past."""
    subject = bench()
    subject.mover.accept(pulse(1, "glass", 2000, (2, 3, 50)))

    assert did(subject.act_at(2010)) == [(1, Movement.REFUSED_LATE)]
    assert subject.commands("glass") == []


@pytest.mark.parametrize(
    ("start_ns", "overlaps"),
    [(1850, False), (1851, True), (2000, True), (2149, True), (2150, False)],
)
def test_overlap(start_ns: int, *, overlaps: bool) -> None:
    """It should refuse a pulse before its gate is clear, as the caller's bug, and plan others."""
    subject = bench()
    subject.mover.accept(one_pulse(1, 2000))
    subject.mover.accept(one_pulse(2, start_ns, gate="paper"))

    if overlaps:
        with pytest.raises(ValueError, match="overlaps"):
            subject.mover.accept(one_pulse(3, start_ns))
    else:
        subject.mover.accept(one_pulse(3, start_ns))


def test_a_gate_is_busy_until_it_is_clear() -> None:
    """It should refuse a pulse in the recovery of one that is closed already."""
    subject = bench()
    subject.mover.accept(one_pulse(1, 2000))
    subject.act_at(2000)
    subject.act_at(2100)

    with pytest.raises(ValueError, match="overlaps"):
        subject.mover.accept(one_pulse(2, 2149))
    subject.act_at(2150)
    subject.mover.accept(one_pulse(2, 2150))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (Pulse(1, 1, "metal", 1, 2, 3, 4), "no gate metal: there are glass, paper, compost"),
        (Pulse(1, 1, "glass", 4, 3, 2, 1), "out of order"),
    ],
)
def test_wrong_pulses(wrong: Pulse, says: str) -> None:
    """It should take them for a caller's bug."""
    with pytest.raises(ValueError, match=says):
        bench().mover.accept(wrong)


@pytest.mark.parametrize(
    ("tolerance_ns", "max_open_ns", "moving_at_once"), [(-1, 10, 1), (0, 0, 1), (0, 10, 0)]
)
def test_wrong_bounds(tolerance_ns: int, max_open_ns: int, moving_at_once: int) -> None:
    """It should not be made with bounds that allow nothing."""
    with pytest.raises(ValueError, match="too small"):
        Mover(
            {},
            tolerance_ns=tolerance_ns,
            max_open_ns=max_open_ns,
            moving_at_once=moving_at_once,
            move_ns={},
        )


def test_a_gate_without_its_time() -> None:
    """It should want to know of each gate how long it moves."""
    gate = SimulatedGate("glass", ManualClock(), SimulatedServo(MOVE_NS))

    with pytest.raises(ValueError, match="no move_ns for glass"):
        Mover({"glass": gate}, tolerance_ns=0, max_open_ns=1, moving_at_once=1, move_ns={})


def test_a_gate_that_fails_to_open_is_shut_and_retired() -> None:
    """It should shut it at once, and report each later pulse as a fault without moving."""
    subject = bench({"glass": [False]})
    subject.mover.accept(one_pulse(1, 2000))
    subject.mover.accept(one_pulse(2, 3000))

    assert did(subject.act_at(2000)) == [(1, Movement.FAULT)]
    assert subject.commands("glass") == [(2000, False)]
    assert did(subject.act_at(3000)) == [(2, Movement.FAULT)]
    assert subject.mover.next_ns is None
    assert subject.commands("glass") == [(2000, False)]


def test_a_gate_that_fails_to_shut_is_told_again() -> None:
    """It should not leave a gate open because one command was lost."""
    subject = bench({"glass": [True, False, False]})
    subject.mover.accept(one_pulse())
    subject.act_at(2000)

    assert did(subject.act_at(2100)) == [(1, Movement.FAULT)]
    subject.act_at(2100 + AGAIN_NS)
    subject.act_at(2100 + 2 * AGAIN_NS)
    subject.act_at(2100 + 3 * AGAIN_NS)

    assert subject.commands("glass") == [(2000, True), (2100 + 2 * AGAIN_NS, False)]


def test_make_safe_shuts_gates_that_never_opened() -> None:
    """It should bring every gate into the safe position at start, whatever stood before."""
    subject = bench()

    assert subject.mover.make_safe(START_NS) == []
    assert [subject.commands(name) for name in NAMES] == [[(START_NS, False)]] * 3


def test_make_safe_forgets_what_was_planned() -> None:
    """It should take a new pulse in the place of one that it has forgotten."""
    subject = bench()
    subject.mover.accept(one_pulse(1, 2000))
    subject.mover.make_safe(START_NS)
    subject.mover.accept(one_pulse(2, 2010))

    assert did(subject.act_at(2010)) == [(2, Movement.OPENED)]


def test_make_safe_keeps_going() -> None:
    """It should shut the gates after the one that fails, and return its fault."""
    subject = bench({"glass": [False]})

    assert [str(fault) for fault in subject.mover.make_safe(START_NS)] == [
        "the servo failed; look at its wiring"
    ]
    assert subject.commands("compost") == [(START_NS, False)]


def test_close_lets_go_of_all() -> None:
    """It should be repeatable, and leave gates that take no more commands."""
    subject = bench()
    subject.mover.close()
    subject.mover.close()

    assert len(subject.mover.make_safe(START_NS)) == 3


def humming() -> tuple[HummingGate, Bench]:
    """Return a gate that can rest, alone with its mover."""
    clock, servo = ManualClock(START_NS), SimulatedServo(10)
    gate = HummingGate(clock, servo)
    mover = Mover(
        {"glass": gate},
        tolerance_ns=TOLERANCE_NS,
        max_open_ns=MAX_OPEN_NS,
        moving_at_once=1,
        move_ns={"glass": MOVE_NS},
    )
    return gate, Bench(clock, {"glass": servo}, mover)


def test_a_gate_rests_once_it_has_settled() -> None:
    """It should let it rest after it was shut, not while it is open, and say when that is due."""
    gate, subject = humming()
    subject.mover.accept(one_pulse())
    subject.act_at(2000)
    subject.act_at(2100)

    assert subject.mover.next_ns == 2160
    subject.act_at(2159)
    assert gate.rests == []
    assert subject.act_at(2160) == []
    assert gate.rests == [2160]
    assert subject.mover.next_ns is None


def test_a_gate_that_opens_again_does_not_rest() -> None:
    """It should not stop holding a gate that is on its way into the open position."""
    gate, subject = humming()
    subject.mover.accept(one_pulse(1, 2000))
    subject.mover.accept(one_pulse(2, 2150))
    for now_ns in (2000, 2100, 2150, 2200):
        subject.act_at(now_ns)

    assert gate.rests == []
    assert subject.mover.next_ns == 2250


def test_made_safe_a_gate_has_time_to_settle() -> None:
    """It should ask for another act after making safe, so that whoever closes knows to wait."""
    gate, subject = humming()
    subject.mover.make_safe(START_NS)

    assert subject.mover.next_ns == START_NS + 60
    subject.act_at(START_NS + 60)
    assert gate.rests == [START_NS + 60]


def test_a_gate_that_cannot_rest_is_retired() -> None:
    """It should take that for a broken device: the next pulse is a fault."""
    gate, subject = humming()
    gate.broken = True
    subject.mover.make_safe(START_NS)
    subject.act_at(START_NS + 60)
    subject.mover.accept(one_pulse())

    assert did(subject.act_at(2000)) == [(1, Movement.FAULT)]


def test_what_is_abandoned_is_told_of() -> None:
    """It should name each pulse that will not come to its end, open or not, and do no more."""
    subject = bench()
    subject.mover.accept(one_pulse(1, 2000))
    subject.mover.accept(one_pulse(2, 3000))
    subject.act_at(2000)

    moved = subject.mover.abandon(2001)

    assert sorted(did(moved)) == [(1, Movement.ABANDONED), (2, Movement.ABANDONED)]
    assert subject.mover.next_ns is None


def most_moving(subject: Bench) -> int:
    """Return how many gates moved at one instant at most, by what their servos were told."""
    spans = [
        (each.t_ns, each.t_ns + MOVE_NS)
        for name in NAMES
        for each in subject.servos[name].movements
    ]
    return max(sum(begin <= t_ns < end for begin, end in spans) for t_ns, _ in spans)


@pytest.mark.parametrize("moving_at_once", [1, 2, 3])
def test_gates_of_which_nothing_is_known_go_safe_one_after_the_other(moving_at_once: int) -> None:
    """It should not move all servos at once at a start: the Pi browns out (sailing-robot#75)."""
    subject = bench(moving_at_once=moving_at_once)
    subject.mover.make_safe(START_NS)
    assert len(subject.mover.unsafe) == 3 - moving_at_once

    subject.settle()

    assert most_moving(subject) == moving_at_once
    assert all(len(subject.commands(name)) == 1 for name in NAMES)
    assert subject.mover.unsafe == ()


def open_gates(subject: Bench, *names: str) -> None:
    """Open gates in turn."""
    for number, name in enumerate(names, 1):
        subject.mover.accept(one_pulse(number, 2000 + 20 * number, gate=name))
        subject.act_at(2000 + 20 * number)


def test_what_stands_open_is_told_to_shut_at_once() -> None:
    """It should leave no gate open for the others' sake: they are told before it returns."""
    subject = bench(moving_at_once=1)
    open_gates(subject, "glass", "compost")
    assert subject.mover.unsafe == NAMES

    subject.clock.sleep_until(2050)
    subject.mover.make_safe(2050)

    assert subject.commands("glass")[-1] == (2050, False)
    assert subject.commands("compost")[-1] == (2050, False)
    assert subject.commands("paper") == []
    subject.settle()
    assert subject.commands("paper") == [(2060, False)]


def test_what_is_known_to_be_shut_need_not_wait() -> None:
    """It should stop at once where nothing has to move."""
    subject = bench(moving_at_once=1)
    subject.mover.make_safe(START_NS)
    subject.settle()

    subject.clock.sleep_until(2000)
    subject.mover.make_safe(2000)

    assert [subject.commands(name)[-1] for name in NAMES] == [(2000, False)] * 3
    assert subject.mover.next_ns is None


@given(plans(), GAPS, st.integers(1, 2))
def test_openings_keep_to_what_the_supply_bears(
    planned: list[Pulse], gaps: list[int], moving_at_once: int
) -> None:
    """It should open no gate while others move, and shut every gate that opened all the same."""
    subject = bench(moving_at_once=moving_at_once)
    moved, _ = run(subject, planned, gaps)

    commands = sorted(
        (each.t_ns, each.opening, name) for name in NAMES for each in subject.servos[name].movements
    )
    for t_ns, opening, name in commands:
        moving = {
            other
            for at_ns, _, other in commands
            if other != name and at_ns < t_ns < at_ns + MOVE_NS
        }
        assert not opening or len(moving) < moving_at_once
    assert {each.movement for each in moved} <= {
        Movement.OPENED,
        Movement.CLOSED,
        Movement.REFUSED_LATE,
    }
    assert all(
        not subject.commands(name)[-1:] or not subject.commands(name)[-1][1] for name in NAMES
    )


def test_an_opening_waits_for_room_within_its_tolerance() -> None:
    """It should open as soon as another has moved, and say how late that was."""
    subject = bench(moving_at_once=1)
    subject.mover.accept(one_pulse(1, 2000))
    subject.mover.accept(one_pulse(2, 2003, gate="paper"))
    subject.act_at(2000)

    assert subject.act_at(2003) == []
    assert subject.mover.next_ns == 2010
    assert subject.act_at(2010) == [GateMoved(2, "paper", Movement.OPENED, 7, 2010)]


def test_an_opening_does_not_wait_for_what_comes_too_late() -> None:
    """It should say at once that there will be no room in time."""
    subject = bench(moving_at_once=1)
    subject.mover.make_safe(START_NS)
    subject.settle()
    subject.mover.accept(one_pulse(1, 2000))
    subject.act_at(2009)
    subject.mover.accept(one_pulse(2, 1995, gate="paper"))

    assert did(subject.act_at(2011)) == [(2, Movement.REFUSED_LATE)]


def test_a_gate_that_waits_to_be_shut_may_open() -> None:
    """It should leave its shutting to the pulse."""
    subject = bench(moving_at_once=2)
    subject.mover.make_safe(START_NS)
    subject.mover.accept(one_pulse(1, START_NS + 10, gate="compost"))
    subject.act_at(START_NS + 9)
    assert subject.commands("compost") == []

    subject.settle()

    # Of the two that are due, safety comes first, and the opening in the same instant.
    assert [opening for _, opening in subject.commands("compost")] == [False, True, False]


def test_a_device_that_takes_its_time_makes_no_other_gate_late_unnoticed() -> None:
    """It should look at the time again before the next opening (beam-bots/bb#237)."""
    subject = bench()
    subject.mover.accept(one_pulse(1, 2000))
    subject.mover.accept(one_pulse(2, 2000, gate="paper"))

    assert did(subject.mover.act(2000)) == [(1, Movement.OPENED)]
    # glass's bus hung until now.
    assert subject.mover.next_ns == 2000
    assert did(subject.mover.act(2000 + TOLERANCE_NS + 1)) == [(2, Movement.REFUSED_LATE)]
    assert subject.commands("paper") == []


def test_a_bus_that_was_disturbed_leaves_no_gate_open() -> None:
    """It should ask for another try by itself, and be content with the first that is taken."""
    subject = bench({"glass": [True, False, False]})
    subject.mover.accept(one_pulse())
    subject.act_at(2000)
    subject.act_at(2100)
    assert subject.mover.unsafe == NAMES

    subject.settle()

    assert subject.commands("glass") == [(2000, True), (2100 + 2 * AGAIN_NS, False)]
    assert "glass" not in subject.mover.unsafe


def test_a_device_that_is_gone_does_not_keep_the_station_from_stopping() -> None:
    """It should give up after a second, and still name the gate."""
    subject = bench({"glass": [False] * 1000})
    assert len(subject.mover.make_safe(START_NS)) == 1

    subject.settle()

    assert subject.clock.now_ns() == START_NS + TRIES * AGAIN_NS
    assert subject.mover.unsafe == ("glass",)


def test_a_gate_that_fails_later_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """It should log the fault of one that had to wait for its turn."""
    subject = bench({"compost": [False]}, moving_at_once=1)
    assert subject.mover.make_safe(START_NS) == []

    subject.settle()

    assert "the servo failed; look at its wiring" in caplog.text
    assert "gate compost took the command to shut after all" in caplog.text
