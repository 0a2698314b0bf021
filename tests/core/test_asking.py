"""Which views the model is asked about, and which crops the look bears out."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sorterd.core.asking import Asking
from sorterd.core.batching import BatchDesk, Cost
from sorterd.core.belt import Belt
from sorterd.core.followed import Followed
from sorterd.core.judging import Evidence, JudgingRules
from sorterd.core.odometer import Odometer
from sorterd.core.records import Box, Crop, FrameCame, FrameSeen, Region, ScoresReady
from sorterd.core.track import Sighting
from sorterd.core.tracking import Tracker

MS = 1_000_000
COSTS = {1: Cost(20 * MS, 30 * MS)}


@dataclass
class Desk:
    """One piece of 60 mm whose front was at 150 mm at the instant 0, and what asks about it."""

    asking: Asking
    tracker: Tracker
    desk: BatchDesk
    piece: Followed
    region: Callable[..., Region]

    def see(self, t_ms: int, **shown: float) -> Sighting:
        """Show the piece where it should be by then, or off from there."""
        front_mm = 150.0 + t_ms / 5 + shown.pop("off_mm", 0.0)
        regions = (self.region(front_mm, **shown),)
        (sighting,) = self.tracker.see(regions, t_ms * MS)
        frame = FrameSeen(t_ms, t_ms * MS, t_ms * MS, regions)
        self.asking.bear_out([self.piece], t_ms, [sighting])
        self.asking.see(self.piece, frame, sighting)
        return sighting

    def expect(self, t_ms: int) -> None:
        """Tell that a frame has come."""
        self.asking.expect([self.piece], FrameCame(t_ms, t_ms * MS, t_ms * MS))


@pytest.fixture
def subject(belt: Belt, judging: JudgingRules, region: Callable[..., Region]) -> Desk:
    """Return it with the piece's first view waiting."""
    tracker, desk = Tracker(belt, Odometer(belt)), BatchDesk(COSTS, stall_ns=500 * MS)
    asking = Asking(belt, judging, tracker, desk, lambda _: 3000 * MS)
    (sighting,) = tracker.see([region(150.0)], 0)
    piece = Followed(piece=1, track=sighting.track, evidence=Evidence(judging))
    subject = Desk(asking, tracker, desk, piece, region)
    asking.see(piece, FrameSeen(0, 0, 0, ()), sighting)
    return subject


def test_newest_view_waits_however_little_it_has_moved(subject: Desk) -> None:
    """It should replace what waits, and leave alone what is with the runtime."""
    subject.see(10)
    assert subject.desk.frames_needed() == {10}

    subject.desk.next_batch(10 * MS)
    subject.see(120)
    subject.expect(140)
    assert not subject.desk.waits(1)
    assert subject.piece.expected is None


def test_nothing_is_expected_while_the_runtime_has_another_piece(subject: Desk) -> None:
    """It should leave to the look what cannot be scored before it is over."""
    subject.desk.withdraw(1)
    subject.desk.offer(Crop(2, 0, 0, Box(0, 0, 9, 9), due_ns=3000 * MS))
    subject.desk.next_batch(0)
    subject.expect(100)

    assert not subject.desk.waits(1)


def test_next_view_is_half_a_new_one_away(subject: Desk) -> None:
    """It should not ask twice about what counts for next to nothing (same view: 20 mm)."""
    subject.desk.next_batch(0)
    subject.desk.answered(ScoresReady(1, 20 * MS, (), 20 * MS))

    subject.see(40)
    assert not subject.desk.waits(1)
    subject.see(60)
    assert subject.desk.waits(1)


def test_spoilt_piece_is_not_asked_about(subject: Desk) -> None:
    """It should offer no view of what is not one body by itself."""
    subject.desk.withdraw(1)
    subject.piece.track.touching = True
    subject.see(100)

    assert not subject.desk.waits(1)


@pytest.mark.parametrize(
    ("shown", "borne_out"),
    [
        ({"off_mm": 5.0}, True),
        ({"off_mm": 9.0}, False),
        ({"off_mm": -9.0}, False),
        ({"across_mm": 125.0}, True),
        ({"across_mm": 137.0}, False),
        ({"across_mm": 103.0}, False),
    ],
)
def test_crop_is_borne_out_by_about_the_same_box(
    subject: Desk, shown: dict[str, float], *, borne_out: bool
) -> None:
    """It should let a crop wait on only if the look shows the piece where it was cut."""
    subject.expect(33)
    subject.piece.track.touching = True  # whatever waits from here on was expected
    subject.see(33, **shown)

    assert subject.desk.waits(1) is borne_out
    assert subject.piece.expected is None
