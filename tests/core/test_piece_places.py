from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.core.belt import Belt, Span
from sorterd.core.odometer import Odometer
from sorterd.core.places import Places
from sorterd.core.records import Region
from sorterd.core.track import Track
from sorterd.core.tracking import Tracker

MS = 1_000_000
LATER_MS = st.integers(0, 900)


@pytest.fixture(scope="session")
def track(belt: Belt, region: Callable[..., Region]) -> Track:
    """Return a piece of 60 mm whose front was at 100 mm at the instant 0."""
    (sighting,) = Tracker(belt, Odometer(belt)).see([region(100.0)], 0)
    return sighting.track


@pytest.fixture(scope="session")
def subject(belt: Belt) -> Places:
    """Return the places on a belt that runs at 200 mm/s."""
    odometer = Odometer(belt)
    odometer.travel_mm(0)  # it counts from the first instant that it is asked about
    return Places(belt, odometer)


@given(later_ms=LATER_MS)
def test_a_piece_rides_with_the_belt(subject: Places, track: Track, later_ms: int) -> None:
    """It should be where the belt has carried it, and fit itself there at any time."""
    span = subject.span(track, later_ms * MS)

    assert span.front_mm == pytest.approx(100.0 + 0.2 * later_ms)
    assert subject.fits(track, span, later_ms * MS)
    assert subject.covers(span, track, later_ms * MS)
    assert subject.off_along_mm(track, span, later_ms * MS) == pytest.approx(0.0, abs=1.0)


@given(sooner_ms=LATER_MS, later_ms=LATER_MS)
def test_a_gap_only_widens_the_tolerance(
    subject: Places, track: Track, sooner_ms: int, later_ms: int
) -> None:
    """It should allow more the longer nobody has looked, and never less."""
    sooner_ms, later_ms = sorted((sooner_ms, later_ms))
    within_mm = subject.tolerance_mm(track, sooner_ms * MS)

    assert 0 < within_mm <= subject.tolerance_mm(track, later_ms * MS)


@pytest.mark.parametrize("off_mm", [-30.0, 30.0])
def test_a_beam_adds_a_place_and_takes_none(
    subject: Places, belt: Belt, region: Callable[..., Region], off_mm: float
) -> None:
    """It should reach from where the pictures put a piece to where a beam found it."""
    (sighting,) = Tracker(belt, Odometer(belt)).see([region(100.0)], 0)
    sighting.track.beam_off_mm = off_mm

    pictures, reach = subject.span(sighting.track, 0), subject.reach(sighting.track, 0)

    assert reach == pictures.hull(pictures.moved(off_mm))
    assert reach.length_mm == pytest.approx(pictures.length_mm + 30.0)


@pytest.mark.parametrize(
    ("t_ms", "in_view", "may_show"),
    [(0, True, True), (1390, True, True), (1420, False, True), (3000, False, False)],
)
def test_the_last_of_a_piece_is_not_another(
    subject: Places, track: Track, t_ms: int, *, in_view: bool, may_show: bool
) -> None:
    """It should expect a piece for a little longer than it is in view."""
    assert subject.in_view(track, t_ms * MS) is in_view
    assert subject.may_show(track, t_ms * MS) is may_show


def test_what_lies_beside_or_behind_is_another(subject: Places, track: Track) -> None:
    """It should fit no region that shares too little of its length or width."""
    span = subject.span(track, 0)
    beside = Span(span.rear_mm, span.front_mm, span.far_mm + 5, span.far_mm + 65)

    assert not subject.fits(track, span.moved(-60.0), 0)
    assert not subject.fits(track, beside, 0)
