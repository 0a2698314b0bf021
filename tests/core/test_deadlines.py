from collections.abc import Callable

import pytest

from sorterd.core.belt import Belt
from sorterd.core.deadlines import EARLY_LEADS, Deadlines
from sorterd.core.deciding import Bins, Decision
from sorterd.core.followed import Followed
from sorterd.core.judging import Evidence, JudgingRules
from sorterd.core.mind import SILENCE_NS
from sorterd.core.odometer import Odometer
from sorterd.core.records import Pulse, Reason, Region
from sorterd.core.scheduling import GatePlan, Schedule
from sorterd.core.tracking import Tracker

MS = 1_000_000
LEAD_NS = 40 * MS
NOW_NS = 1000 * MS
GATES = {
    name: GatePlan(name, at_mm, move_ns=120 * MS, margin_mm=15.0, recover_ns=150 * MS)
    for name, at_mm in (("metal", 500.0), ("glass", 600.0), ("compost", 700.0))
}
# A front at 200 mm has this far to each gate's margin, at 200 mm/s; the gate must be told of it
# by its movement and its lead earlier.
DUE_NS = {
    name: NOW_NS + round((plan.at_mm - 15.0 - 200.0) / 0.2) * MS - 160 * MS
    for name, plan in GATES.items()
}


@pytest.fixture
def subject(belt: Belt, bins: Bins) -> Deadlines:
    """Return the deadlines of a belt with three gates, that runs at 200 mm/s and ends at 900 mm."""
    odometer = Odometer(belt)
    schedule = Schedule(GATES, lead_ns=LEAD_NS, moving_at_once=2)
    places = Tracker(belt, odometer).places
    return Deadlines(bins, schedule, places, odometer, lead_ns=LEAD_NS, length_mm=belt.length_mm)


@pytest.fixture
def piece(belt: Belt, judging: JudgingRules, region: Callable[..., Region]) -> Followed:
    """Return a piece of 60 mm whose front is at 200 mm."""
    tracker = Tracker(belt, Odometer(belt))
    (sighting,) = tracker.see([region(200.0)], NOW_NS)
    return Followed(piece=1, track=sighting.track, evidence=Evidence(judging))


def looks_like(piece: Followed, label: str, judging: JudgingRules) -> None:
    """Let one view say what the piece is."""
    scores = [0.97 if each == label else 0.01 for each in judging.labels]
    piece.evidence.add(tuple(scores), along_mm=170.0, exposed_ns=NOW_NS)


def pulse(piece: Followed) -> Pulse:
    """Return a pulse of the glass gate, over in two seconds."""
    ends_ns = NOW_NS + 2000 * MS
    return Pulse(1, piece.piece, "glass", NOW_NS, NOW_NS + MS, ends_ns - MS, ends_ns)


def test_a_piece_that_nobody_knows_may_be_decided_until_the_last_gate(
    subject: Deadlines, piece: Followed
) -> None:
    """It should take what the last of all gates can still be told."""
    assert subject.due_ns(piece, NOW_NS) == DUE_NS["compost"]
    assert subject.early_ns(piece, NOW_NS) == DUE_NS["compost"] - EARLY_LEADS * LEAD_NS


def test_a_verdict_names_the_gate(
    subject: Deadlines, piece: Followed, judging: JudgingRules
) -> None:
    """It should be the deadline of the gate that the verdict points to, decided or not."""
    looks_like(piece, "jar", judging)
    assert subject.due_ns(piece, NOW_NS) == DUE_NS["glass"]

    piece.decision = Decision("metal", "metal", None)
    assert subject.due_ns(piece, NOW_NS) == DUE_NS["metal"]


@pytest.mark.parametrize(
    ("answer_ms", "gate"),
    [(100, "metal"), (1400, "glass"), (1800, "compost"), (9000, "compost")],
)
def test_scores_are_wanted_for_the_first_gate_that_they_can_meet(
    subject: Deadlines, piece: Followed, answer_ms: int, gate: str
) -> None:
    """It should pass over gates that an answer comes too late for, and name the last if for all."""
    soonest_ns = NOW_NS + answer_ms * MS

    assert subject.crop_due_ns(piece, NOW_NS, soonest_ns) == DUE_NS[gate]


def test_more_scores_are_wanted_for_the_gate_that_the_first_have_named(
    subject: Deadlines, piece: Followed, judging: JudgingRules
) -> None:
    """It should not hurry another look for gates that the piece is not taken to need."""
    looks_like(piece, "pear", judging)

    assert subject.crop_due_ns(piece, NOW_NS, NOW_NS + 100 * MS) == DUE_NS["compost"]


def test_wakes_for_the_early_moment_and_then_for_the_deadline(
    subject: Deadlines, piece: Followed
) -> None:
    """It should come back when the pulse may be sent, and once more when it must be."""
    early_ns = DUE_NS["compost"] - EARLY_LEADS * LEAD_NS

    assert subject.wake_ns(piece, NOW_NS) == early_ns
    assert subject.wake_ns(piece, early_ns) == DUE_NS["compost"]


def test_wakes_when_a_pulse_is_over_and_when_its_gate_is_too_long_silent(
    subject: Deadlines, piece: Followed
) -> None:
    """It should look at the pulse's end, and then allow the gate its silence."""
    piece.decision = Decision("glass", "glass", None)
    piece.pulse = pulse(piece)
    clear_ns = piece.pulse.clear_ns

    assert subject.wake_ns(piece, NOW_NS) == clear_ns
    assert subject.wake_ns(piece, clear_ns) == clear_ns + SILENCE_NS


def test_wakes_when_a_piece_has_left_the_belt(subject: Deadlines, piece: Followed) -> None:
    """It should come back once the rear of what runs on is past the belt's end, pulse or not."""
    piece.decision = Decision("landfill", None, Reason.GATE_FAULT)
    piece.pulse = pulse(piece)

    wake_ns = subject.wake_ns(piece, NOW_NS)

    # The rear is at 140 mm, the end at 900.
    assert wake_ns == pytest.approx(NOW_NS + 3800 * MS, abs=2)
