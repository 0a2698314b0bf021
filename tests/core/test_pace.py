"""What the pieces in view show of the belt, to those past it as well."""

from collections.abc import Callable, Iterable

import pytest

from sorterd.core.belt import Belt
from sorterd.core.odometer import Odometer
from sorterd.core.records import Region
from sorterd.core.tracking import Tracker

MS = 1_000_000

Regions = Callable[..., Region]


@pytest.fixture
def odometer(belt: Belt) -> Odometer:
    """Return an odometer that has begun at 0."""
    odometer = Odometer(belt)
    odometer.travel_mm(0)
    return odometer


@pytest.fixture
def subject(belt: Belt, odometer: Odometer) -> Tracker:
    """Return what tells the odometer of the pieces that it follows."""
    return Tracker(belt, odometer)


def ride(subject: Tracker, region: Regions, times_ms: Iterable[int], *offsets_mm: float) -> None:
    """Carry pieces of 60 mm past at 200 mm/s, each from its own offset."""
    for t_ms in times_ms:
        fronts_mm = [t_ms / 5 - offset_mm for offset_mm in offsets_mm]
        subject.see([region(front) for front in fronts_mm if 1 <= front < 379], t_ms * MS)


def test_halted_belt_takes_pieces_past_the_view_with_it(subject: Tracker, region: Regions) -> None:
    """It should hold still what has left the view while something in view stands still."""
    ride(subject, region, range(0, 2800, 33), 0.0, 400.0)
    gone, there = subject.tracks.values()
    assert not subject.places.in_view(gone, 2800 * MS)
    # The belt stands for 2 s with the second piece in view.
    for t_ms in range(2800, 4800, 33):
        subject.see([region(160.0)], t_ms * MS)

    assert subject.places.span(gone, 4800 * MS).front_mm == pytest.approx(560.0, abs=4.0)
    assert subject.places.span(there, 4800 * MS).front_mm == pytest.approx(160.0, abs=4.0)
    assert len(subject.tracks) == 2


def test_halt_shows_in_a_piece_that_leaves(
    subject: Tracker, odometer: Odometer, region: Regions
) -> None:
    """It should see by its rear alone that a piece half out of view stands still."""
    ride(subject, region, range(0, 1700, 33), 0.0)
    for t_ms in range(1716, 3000, 33):
        subject.see([region(340.0)], t_ms * MS)

    assert len(subject.tracks) == 1
    assert odometer.travel_mm(2970 * MS) == pytest.approx(340.0, abs=8.0)


def test_rear_that_only_now_shows_has_run_nothing(
    subject: Tracker, odometer: Odometer, region: Regions
) -> None:
    """It should measure between two places of an end, not from the view's edge."""
    ride(subject, region, range(10, 340, 33), 0.0)

    assert odometer.travel_mm(340 * MS) == pytest.approx(68.0, abs=1.0)


def test_one_of_two_close_pieces_moves_no_belt(
    subject: Tracker, odometer: Odometer, region: Regions
) -> None:
    """It should learn nothing of a region that fits the piece before it as well."""
    for t_ms in (0, 33, 66):
        shown = [region(60.0 + t_ms / 5, 10.0), region(49.0 + t_ms / 5, 10.0)]
        subject.see(shown, t_ms * MS)
    subject.see([region(68.8, 10.0)], 99 * MS)

    assert odometer.travel_mm(99 * MS) == pytest.approx(19.8, abs=1.0)


@pytest.mark.parametrize(
    ("front_mm", "length_mm", "moved_mm"), [(194.0, 20.0, 0.0), (216.0, 60.0, 6.6)]
)
def test_one_odd_region_hardly_moves_the_others(
    subject: Tracker, region: Regions, front_mm: float, length_mm: float, moved_mm: float
) -> None:
    """It should not take for a belt that jumps what loses half its length, or is pushed."""
    ride(subject, region, range(0, 2970, 33), 0.0, 400.0)
    gone = subject.tracks[1]
    subject.see([region(front_mm, length_mm)], 2970 * MS)

    # At the most, a belt is believed to run at twice its speed.
    gone_mm = subject.places.span(gone, 2970 * MS).front_mm
    assert gone_mm == pytest.approx(594.0 + moved_mm, abs=2.0)
    assert len(subject.tracks) == 2


def test_piece_longer_than_the_view_shows_the_speed(
    subject: Tracker, odometer: Odometer, region: Regions
) -> None:
    """It should measure by a front that comes in, not by one that the view's edge cuts off."""
    for t_ms in range(0, 2200, 33):
        subject.see([region(20 + 0.18 * t_ms, 400.0)], t_ms * MS)

    assert odometer.speed_mm_s == pytest.approx(180.0, abs=2.0)
