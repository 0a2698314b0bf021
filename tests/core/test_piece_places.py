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
BEGAN_NS = 3600 * 1000 * MS
"""A machine's clock is never near 0."""
LATER_MS = st.integers(0, 900)


def at_ns(t_ms: float) -> int:
    """Return an instant by how long after the first frame it comes."""
    return BEGAN_NS + round(t_ms * MS)


def place(belt: Belt, region: Region) -> Track:
    """Return a piece that the first frame showed there."""
    (sighting,) = Tracker(belt, Odometer(belt)).see([region], BEGAN_NS)
    return sighting.track


@pytest.fixture(scope="session")
def track(belt: Belt, region: Callable[..., Region]) -> Track:
    """Return a piece of 60 mm whose front was at 100 mm in the first frame."""
    return place(belt, region(100.0))


@pytest.fixture(scope="session")
def subject(belt: Belt) -> Places:
    """Return the places on a belt that runs at 200 mm/s."""
    odometer = Odometer(belt)
    odometer.travel_mm(BEGAN_NS)  # it counts from the first instant that it is asked about
    return Places(belt, odometer)


@given(later_ms=LATER_MS)
def test_a_piece_rides_with_the_belt(subject: Places, track: Track, later_ms: int) -> None:
    """It should be where the belt has carried it, and fit itself there at any time."""
    span = subject.span(track, at_ns(later_ms))

    assert span.front_mm == pytest.approx(100.0 + 0.2 * later_ms)
    assert subject.fits(track, span, at_ns(later_ms))
    assert subject.covers(span, track, at_ns(later_ms))
    assert subject.off_along_mm(track, span, at_ns(later_ms)) == pytest.approx(0.0, abs=1.0)


@given(sooner_ms=LATER_MS, later_ms=LATER_MS)
def test_a_gap_only_widens_the_tolerance(
    subject: Places, track: Track, sooner_ms: int, later_ms: int
) -> None:
    """It should allow a twentieth of what the belt has run since, beside what edges jump by."""
    sooner_mm = subject.tolerance_mm(track, at_ns(sooner_ms))
    later_mm = subject.tolerance_mm(track, at_ns(later_ms))

    assert sooner_mm > 0
    assert later_mm - sooner_mm == pytest.approx(0.2 * (later_ms - sooner_ms) / 20)


@pytest.mark.parametrize("off_mm", [-30.0, 30.0])
def test_a_beam_adds_a_place_and_takes_none(
    subject: Places, belt: Belt, region: Callable[..., Region], off_mm: float
) -> None:
    """It should reach from where the pictures put a piece to where a beam found it."""
    track = place(belt, region(100.0))
    track.beam_off_mm = off_mm

    pictures, reach = subject.span(track, BEGAN_NS), subject.reach(track, BEGAN_NS)

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
    assert subject.in_view(track, at_ns(t_ms)) is in_view
    assert subject.may_show(track, at_ns(t_ms)) is may_show


def test_what_lies_beside_or_behind_is_another(subject: Places, track: Track) -> None:
    """It should fit no region that shares too little of its length or width."""
    span = subject.span(track, BEGAN_NS)
    beside = Span(span.rear_mm, span.front_mm, span.far_mm + 5, span.far_mm + 65)

    assert not subject.fits(track, span.moved(-60.0), BEGAN_NS)
    assert not subject.fits(track, beside, BEGAN_NS)


@pytest.mark.parametrize("off_mm", [-30.0, 30.0])
def test_what_shows_half_of_a_piece_does_not_cover_it(
    subject: Places, track: Track, off_mm: float
) -> None:
    """It should take a piece for covered only if most of what should show of it is."""
    assert not subject.covers(subject.span(track, BEGAN_NS).moved(off_mm), track, BEGAN_NS)


@pytest.mark.parametrize(
    ("began_mm", "length_mm", "run_mm", "rear_mm", "front_mm", "off_mm"),
    [
        pytest.param(100.0, 60.0, 0.0, 42.0, 106.0, 4.0, id="all of it shows, grown"),
        pytest.param(100.0, 60.0, 240.0, 280.0, 320.0, 0.0, id="its rear shows"),
        pytest.param(40.0, 40.0, 40.0, 20.0, 80.0, 0.0, id="its rear shows for the first time"),
        pytest.param(70.0, 30.0, 10.0, 0.0, 80.0, 0.0, id="its rear is further than was thought"),
    ],
)
def test_places_are_compared_by_the_end_that_shows(
    subject: Places,
    belt: Belt,
    region: Callable[..., Region],
    began_mm: float,
    length_mm: float,
    run_mm: float,
    rear_mm: float,
    front_mm: float,
    off_mm: float,
) -> None:
    """It should find a piece where it is, though an edge or the dark hides the other end."""
    track = place(belt, region(began_mm, length_mm))
    track.seen_whole = began_mm > length_mm
    shown = Span(rear_mm, front_mm, 90.0, 150.0)

    assert subject.off_along_mm(track, shown, at_ns(run_mm * 5)) == pytest.approx(off_mm)


@pytest.mark.parametrize(
    ("t_ms", "front_mm", "another"),
    [(1400, 120.0, True), (1400, 140.0, False), (1200, 120.0, False)],
)
def test_only_what_may_have_come_unseen_is_another(
    subject: Places, track: Track, t_ms: int, front_mm: float, *, another: bool
) -> None:
    """It should be no further than the belt ran in the dark, and the piece be due to have left."""
    shown = Span(front_mm - 60.0, front_mm, 90.0, 150.0)

    assert subject.may_be_another(track, shown, at_ns(t_ms), last_ns=at_ns(t_ms - 600)) is another
