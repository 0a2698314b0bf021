from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.belt import Belt
from sorterd.core.odometer import Odometer
from sorterd.core.records import Region
from sorterd.core.track import Sighting, Track
from sorterd.core.tracking import Tracker

MS = 1_000_000
SPEED_MM_MS = 0.2

Regions = Callable[..., Region]


@pytest.fixture
def subject(belt: Belt) -> Tracker:
    """Return a tracker of an empty belt."""
    return Tracker(belt, Odometer(belt))


@pytest.fixture(scope="session")
def ride(region: Regions) -> Callable[..., list[tuple[Sighting, ...]]]:
    """Return what carries pieces of 60 mm past at the belt's speed, each from its own offset."""

    def carry(
        subject: Tracker, times_ms: Iterable[int], *offsets_mm: float, speed_mm_ms: float = 0.2
    ) -> list[tuple[Sighting, ...]]:
        seen = []
        for t_ms in times_ms:
            fronts_mm = [t_ms * speed_mm_ms - offset_mm for offset_mm in offsets_mm]
            shown = [region(front) for front in fronts_mm if 1 <= front < 379]
            seen.append(subject.see(shown, t_ms * MS))
        return seen

    return carry


Ride = Callable[..., list[tuple[Sighting, ...]]]


def the_track(subject: Tracker) -> Track:
    """Return the only piece there is."""
    (track,) = subject.tracks.values()
    return track


def test_piece_is_followed_through_the_view(subject: Tracker, ride: Ride) -> None:
    """It should know one piece from its first to its last sighting, and where it is since."""
    ride(subject, range(0, 2200, 33), 0.0)

    track = the_track(subject)
    assert track.piece == 1
    assert track.seen_whole
    assert track.length_mm == pytest.approx(60.0, abs=2.0)
    assert subject.places.span(track, 3000 * MS).front_mm == pytest.approx(600.0, abs=3.0)
    assert not subject.places.in_view(track, 2200 * MS)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    kept_ms=st.lists(st.integers(150, 1700), min_size=1, max_size=25, unique=True),
    speed_mm_ms=st.floats(0.19, 0.21),
)
def test_gaps_of_any_kind_count_a_piece_once(
    belt: Belt, ride: Ride, kept_ms: list[int], speed_mm_ms: float
) -> None:
    """It should know a piece again after any gap, by time and distance (counted twice, 15)."""
    subject = Tracker(belt, Odometer(belt))
    ride(subject, sorted(kept_ms), 0.0, 170.0, speed_mm_ms=speed_mm_ms)

    assert len(subject.tracks) <= 2
    assert not any(track.spoilt or track.vanished for track in subject.tracks.values())


def test_last_of_a_piece_is_no_other_piece(subject: Tracker, ride: Ride, region: Regions) -> None:
    """It should not count again what was thought to have left (counted twice, 15)."""
    ride(subject, range(0, 1000, 33), 0.0)
    # By the settings its rear is at 320 mm by now; on a belt 5% slower the last 9 mm still show.
    subject.see([region(371.0)], 1910 * MS)

    assert the_track(subject).last_seen_ns == 1910 * MS


def test_glare_for_a_frame_shortens_no_piece(subject: Tracker, ride: Ride, region: Regions) -> None:
    """It should believe a smaller view by how long it is since the last one."""
    ride(subject, range(0, 1000, 33), 0.0)
    subject.see([region(204.6, 40.0)], 1023 * MS)

    assert the_track(subject).length_mm == pytest.approx(60.0, abs=2.0)


def test_entering_piece_is_not_whole(subject: Tracker, ride: Ride) -> None:
    """It should say that no frame has shown all of it yet, nor of one that leaves."""
    seen = ride(subject, range(100, 1900, 33), 0.0)

    shown = [sighting.whole for each in seen for sighting in each]
    first, last = shown.index(True), len(shown) - 1 - shown[::-1].index(True)
    assert all(shown[first : last + 1])
    assert first * 33 + 100 > 60 / SPEED_MM_MS
    assert last * 33 + 100 < 320 / SPEED_MM_MS


def test_sliver_at_the_edge_begins_no_piece(subject: Tracker, region: Regions) -> None:
    """It should wait until so much shows that it cannot be a flicker of the outline."""
    subject.see([region(5.0)], 0)
    assert not subject.tracks

    subject.see([region(12.0)], 35 * MS)
    assert len(subject.tracks) == 1


def test_fragments_are_one_piece(subject: Tracker, region: Regions) -> None:
    """It should count a bottle once whose glare parts it for some frames."""
    for number, front_mm in enumerate(range(40, 320, 8)):
        whole = [region(front_mm, 100.0)]
        parts = [region(front_mm, 45.0), region(front_mm - 58.0, 42.0)]
        glare = front_mm > 110 and number % 4 in {1, 2}
        subject.see(parts if glare else whole, number * 40 * MS)

    assert not the_track(subject).spoilt
    assert the_track(subject).length_mm == pytest.approx(100.0, abs=3.0)


def test_fragment_of_an_entering_piece_is_taken_in(subject: Tracker, region: Regions) -> None:
    """It should count a bottle once whose glare parts it just as it enters (counted twice, 15)."""
    subject.see([region(60.0, 60.0)], 0)
    subject.see([region(67.0, 30.0), region(25.0, 25.0)], 33 * MS)
    subject.see([region(73.0, 73.0)], 66 * MS)
    for t_ms in range(99, 900, 33):
        subject.see([region(60.0 + t_ms / 5, 100.0)], t_ms * MS)

    assert list(subject.tracks) == [1]
    assert not the_track(subject).spoilt


@pytest.mark.parametrize(("rejoins_at_mm", "touching"), [(90, False), (130, True)])
def test_fragment_followed_by_itself_is_taken_in(
    subject: Tracker, region: Regions, rejoins_at_mm: int, *, touching: bool
) -> None:
    """It should go on with the older one, and trust it only if they were two but for a moment."""
    for run_mm in range(20, rejoins_at_mm, 6):
        front, rear = region(run_mm, 45.0), region(run_mm - 60.0, 80.0)
        subject.see([front, rear] if run_mm > 61 else [front], run_mm * 5 * MS)
    assert list(subject.tracks) == [1, 2]
    (sighting,) = subject.see([region(rejoins_at_mm, 140.0)], rejoins_at_mm * 5 * MS)

    assert subject.absorbed == [2]
    assert sighting.track is the_track(subject)
    assert sighting.track.touching is touching


@pytest.mark.parametrize(
    "spans_mm", [((200.0, 100.0),), ((212.0, 112.0),), ((200.0, 45.0), (142.0, 42.0))]
)
def test_what_comes_right_behind_is_no_fragment(
    subject: Tracker, region: Regions, spans_mm: tuple[tuple[float, float], ...]
) -> None:
    """It should begin a piece, be the one before it whole, grown by a shadow or parted by glare."""
    subject.see([region(193.4, 100.0)], 0)
    subject.see([*(region(*each) for each in spans_mm), region(99.0, 10.0)], 33 * MS)

    first, second = subject.tracks.values()
    assert not first.spoilt
    assert (first.sightings, second.sightings) == (2, 1)
    assert first.length_mm == pytest.approx(max(100.0, spans_mm[0][1]), abs=1.0)
    assert second.length_mm == pytest.approx(10.0)


def test_piece_never_seen_whole_keeps_its_front(subject: Tracker, region: Regions) -> None:
    """It should know where the front is of a piece whose front left the view in the dark."""
    for t_ms in range(100, 250, 33):
        subject.see([region(t_ms / 5)], t_ms * MS)
    subject.see([region(335.0)], 1675 * MS)

    assert not the_track(subject).seen_whole
    assert subject.places.span(the_track(subject), 1675 * MS).front_mm == pytest.approx(
        335.0, abs=9.0
    )


def test_what_is_longer_than_any_piece_is_two(belt: Belt, region: Regions) -> None:
    """It should flag two that touch from the beginning (two items, 16)."""
    subject = Tracker(replace(belt, longest_mm=150.0), Odometer(belt))
    for t_ms in range(0, 1500, 33):
        subject.see([region(20 + t_ms / 5, 160.0)], t_ms * MS)

    assert the_track(subject).touching


def test_next_piece_close_behind_is_no_fragment(subject: Tracker, ride: Ride) -> None:
    """It should tell two pieces that enter 6 mm apart, and not judge them as one (two, 16)."""
    ride(subject, range(0, 1500, 33), 0.0, 66.0)

    first, second = subject.tracks.values()
    assert not first.spoilt
    assert not second.spoilt
    assert first.length_mm == pytest.approx(60.0, abs=3.0)
    assert second.length_mm == pytest.approx(60.0, abs=3.0)


def test_two_pieces_that_join_are_touching(subject: Tracker, region: Regions) -> None:
    """It should flag both when one region covers both for long (two items, 16)."""
    for number in range(30):
        front_mm = 150.0 + number * 4
        apart = [region(front_mm), region(front_mm - 80.0)]
        joined = [region(front_mm, 130.0)]
        subject.see(apart if number < 15 else joined, number * 20 * MS)

    assert [track.touching for track in subject.tracks.values()] == [True, True]


def test_two_that_join_beside_a_third_are_touching(subject: Tracker, region: Regions) -> None:
    """It should flag both, and not the third that lies in their box's corner (two items, 16)."""
    for number in range(30):
        front_mm = 170.0 + number * 4
        long, short = (
            region(front_mm, 100.0, across_mm=80.0),
            region(front_mm - 104.0, 40.0, across_mm=140.0),
        )
        joined = region(front_mm, 144.0, across_mm=110.0, width_mm=120.0)
        third = region(front_mm - 30.0, 30.0, across_mm=150.0, width_mm=20.0)
        subject.see([joined, third] if number > 12 else [long, short, third], number * 20 * MS)

    assert [track.touching for track in subject.tracks.values()] == [True, True, False]
    assert [track.sightings for track in subject.tracks.values()] == [13, 13, 30]


def test_flicker_of_the_outline_is_no_touch(subject: Tracker, region: Regions) -> None:
    """It should forgive moments in which a shadow joins two pieces (two items, 16)."""
    for number in range(30):
        front_mm = 150.0 + number * 4
        apart = [region(front_mm), region(front_mm - 80.0)]
        joined = [region(front_mm, 130.0)]
        subject.see(joined if number in {12, 13, 14, 20, 21} else apart, number * 20 * MS)

    assert [track.touching for track in subject.tracks.values()] == [False, False]


def test_one_region_that_comes_apart_was_two(subject: Tracker, region: Regions) -> None:
    """It should flag both parts: what was seen before was never one piece's own."""
    for number in range(30):
        front_mm = 130.0 + number * 4
        gap_mm = max(0.0, (number - 10) * 2.0)
        one = [region(front_mm, 80.0)]
        two = [region(front_mm, 40.0), region(front_mm - 40.0 - gap_mm, 40.0)]
        subject.see(two if number > 12 else one, number * 20 * MS)

    assert [track.touching for track in subject.tracks.values()] == [True, True]


def test_region_of_several_bodies_is_not_fit(subject: Tracker, region: Regions) -> None:
    """It should not offer a piece for scoring whose outline mostly shows two bodies."""
    for number in range(10):
        subject.see([region(150.0 + 7 * number, lobes=2 - (number == 3))], number * 35 * MS)

    assert not the_track(subject).fit_for_crop()


def test_two_that_cannot_be_told_apart_are_ambiguous(subject: Tracker, region: Regions) -> None:
    """It should not guess which is which after a long gap."""
    for t_ms in (0, 33, 66):
        subject.see([region(60.0 + t_ms / 5, 15.0), region(40.0 + t_ms / 5, 15.0)], t_ms * MS)
    # In 1 s they have come 10 mm less far than the settings say: half their distance.
    subject.see([region(263.0, 15.0), region(243.0, 15.0)], 1066 * MS)

    assert [track.ambiguous for track in subject.tracks.values()] == [True, True]


@pytest.mark.parametrize(("t_ms", "front_mm", "length_mm"), [(99, 69.8, 12.0), (1066, 258.0, 15.0)])
def test_one_region_that_could_be_either_is_nobodys(
    subject: Tracker, region: Regions, t_ms: int, front_mm: float, length_mm: float
) -> None:
    """It should not guess whose fragment lies between two, nor which of two a lone one is."""
    for each_ms in (0, 33, 66):
        shown = [region(60.0 + each_ms / 5, 15.0), region(40.0 + each_ms / 5, 15.0)]
        subject.see(shown, each_ms * MS)
    subject.see([region(front_mm, length_mm)], t_ms * MS)

    assert [track.ambiguous for track in subject.tracks.values()] == [True, True]


def test_piece_that_may_have_left_is_not_its_follower(subject: Tracker, region: Regions) -> None:
    """It should not give one piece's name to another that came to its place in the dark."""
    for t_ms in range(0, 132, 33):
        subject.see([region(14.0 + t_ms / 5, 30.0)], t_ms * MS)
    # The first has left, 4% faster than believed; no frame has shown the second.
    subject.see([region(311.0, 30.0)], 1600 * MS)

    assert all(track.ambiguous for track in subject.tracks.values())


@pytest.mark.parametrize("front_mm", [30.0, 150.0])
def test_fly_vanishes(subject: Tracker, region: Regions, front_mm: float) -> None:
    """It should not wait for what was seen once and is not where it should be."""
    subject.see([region(front_mm)], 0)
    for t_ms in (33, 66):
        subject.see([], t_ms * MS)
        assert not the_track(subject).vanished

    subject.see([], 99 * MS)
    assert the_track(subject).vanished


def test_piece_that_leaves_is_no_fly(subject: Tracker, region: Regions) -> None:
    """It should not miss, where the view ends, what was seen once and need not show any more."""
    subject.see([region(345.0)], 0)
    for t_ms in range(33, 165, 33):
        subject.see([], t_ms * MS)
        assert subject.places.in_view(the_track(subject), t_ms * MS)

    assert not the_track(subject).vanished


def test_piece_that_was_taken_vanishes_after_a_while(subject: Tracker, ride: Ride) -> None:
    """It should believe the camera only after 0.4 s, for glare may hide a piece."""
    ride(subject, range(0, 600, 33), 0.0)
    track = the_track(subject)
    for t_ms in range(600, 1000, 33):
        subject.see([], t_ms * MS)
        assert not track.vanished

    subject.see([], 1040 * MS)
    assert track.vanished


def test_heap_is_ambiguous(belt: Belt, region: Regions) -> None:
    """It should tell nothing apart where more lies than it can follow."""
    subject = Tracker(belt, Odometer(belt), max_pieces=4)
    heap = [region(60.0 + 50 * each, 30.0) for each in range(5)]
    for t_ms in (0, 33):
        subject.see(heap, t_ms * MS)

    assert len(subject.tracks) == 5
    assert all(track.ambiguous for track in subject.tracks.values())


def test_place_that_the_edge_cuts_off_is_no_crop(
    subject: Tracker, ride: Ride, region: Regions
) -> None:
    """It should expect a piece's box in the next frame only if all of it will show there."""
    ride(subject, range(0, 1585, 33), 0.0)

    assert subject.expected_box(the_track(subject), 1590 * MS) == region(318.0).box
    assert subject.expected_box(the_track(subject), 1617 * MS) is None
