from collections.abc import Callable, Sequence

import pytest

from sorterd.core.records import Box, Region
from sorterd.core.tray import Tray

MS = 1_000_000

HERE = Box(100, 100, 80, 60)
THERE = Box(400, 200, 80, 60)
BELOW = Box(100, 300, 80, 60)


@pytest.fixture
def subject() -> Tray:
    """Return an empty tray."""
    return Tray()


@pytest.fixture(scope="session")
def show() -> Callable[..., None]:
    """Return what shows a tray the same boxes, frame after frame."""

    def look(
        tray: Tray, *boxes: Box, from_ms: int, to_ms: int, every_ms: int = 33, lobes: int = 1
    ) -> None:
        regions = [Region(box, box.width_px * box.height_px, lobes) for box in boxes]
        for t_ms in range(from_ms, to_ms, every_ms):
            tray.see(regions, t_ms * MS)

    return look


Show = Callable[..., None]


def rests_ms(tray: Tray) -> Sequence[float]:
    """Return since when each piece rests."""
    return [each.rests_since_ns / MS for each in tray.occupants.values()]


def test_piece_that_lies_rests_since_it_was_put_down(subject: Tray, show: Show) -> None:
    """It should forgive edges that jump by a few pixels."""
    show(subject, HERE, from_ms=0, to_ms=100)
    show(subject, Box(104, 96, 84, 60), from_ms=100, to_ms=500)

    assert rests_ms(subject) == [0.0]
    assert subject.occupants[1].sightings == 17


@pytest.mark.parametrize("step_px", [20, 100])
def test_piece_that_moves_does_not_rest(subject: Tray, show: Show, step_px: int) -> None:
    """It should follow a hand that puts a piece down, as one piece, however fast."""
    for number in range(10):
        box = Box(100 + step_px * number, 100, 80, 60)
        show(subject, box, from_ms=33 * number, to_ms=33 * number + 1)

    assert rests_ms(subject) == [297.0]
    assert not subject.occupants[1].crowded


def test_slow_creep_does_not_rest(subject: Tray, show: Show) -> None:
    """It should compare with where the piece came to rest, not with the last frame."""
    for number in range(20):
        show(
            subject, Box(100 + 2 * number, 100, 80, 60), from_ms=33 * number, to_ms=33 * number + 1
        )

    assert rests_ms(subject)[0] > 300.0


def test_two_at_rest_are_a_crowd(subject: Tray, show: Show) -> None:
    """It should flag both (two items, 16)."""
    show(subject, HERE, THERE, from_ms=0, to_ms=400)

    assert [each.crowded for each in subject.occupants.values()] == [True, True]


def test_outline_of_two_bodies_is_a_crowd(subject: Tray, show: Show) -> None:
    """It should flag two that touch (two items, 16)."""
    show(subject, HERE, from_ms=0, to_ms=400, lobes=2)

    assert subject.occupants[1].crowded


def test_flicker_is_no_crowd(subject: Tray, show: Show) -> None:
    """It should forgive a second region of three frames (blur taken for two, 16)."""
    show(subject, HERE, from_ms=0, to_ms=400)
    show(subject, HERE, THERE, from_ms=400, to_ms=500)
    show(subject, HERE, from_ms=500, to_ms=900)

    assert not subject.occupants[1].crowded


@pytest.mark.parametrize("first", [THERE, BELOW])
def test_second_piece_takes_no_name(subject: Tray, show: Show, first: Box) -> None:
    """It should know the piece that lies there again, whatever order the regions come in."""
    show(subject, first, from_ms=0, to_ms=400)
    show(subject, HERE, first, from_ms=400, to_ms=500)

    assert subject.occupants[1].box == first
    assert subject.occupants[1].rests_since_ns == 0
    assert subject.occupants[2].box == HERE


def test_piece_is_gone_once_its_place_stays_empty(subject: Tray, show: Show) -> None:
    """It should wait for a quarter of a second, for a region may flicker."""
    show(subject, HERE, from_ms=0, to_ms=400)
    show(subject, from_ms=400, to_ms=600)
    assert not subject.occupants[1].gone

    show(subject, from_ms=600, to_ms=700)
    assert subject.occupants[1].gone


def test_what_comes_after_a_gone_piece_is_another(subject: Tray, show: Show) -> None:
    """It should give the next piece a number of its own."""
    show(subject, HERE, from_ms=0, to_ms=400)
    show(subject, from_ms=400, to_ms=800)
    show(subject, HERE, from_ms=800, to_ms=900)

    assert list(subject.occupants) == [1, 2]
    subject.forget(1)
    assert list(subject.occupants) == [2]


def test_piece_that_lies_through_a_gap_is_the_same(subject: Tray, show: Show) -> None:
    """It should count a piece once, however long no frame comes (counted twice, 15)."""
    show(subject, HERE, from_ms=0, to_ms=400)
    show(subject, HERE, from_ms=5000, to_ms=5400)

    assert rests_ms(subject) == [0.0]


def test_another_place_after_a_gap_is_another_piece(subject: Tray, show: Show) -> None:
    """It should not take what was put down in the dark for what lay elsewhere before."""
    show(subject, HERE, from_ms=0, to_ms=400)
    show(subject, THERE, from_ms=1400, to_ms=1800)

    assert subject.occupants[1].gone
    assert subject.occupants[2].box == THERE
