from collections.abc import Callable
from dataclasses import replace

import pytest

from sorterd.core.health import Frames
from sorterd.core.records import Drop, FrameCame, FrameSeen

MS = 1_000_000

Seen = Callable[..., FrameSeen]


@pytest.fixture
def subject() -> Frames:
    """Return a check that takes frames up to 100 ms old."""
    return Frames(max_age_ns=100 * MS)


def test_fresh_frames_in_order_are_fit(subject: Frames, seen: Seen) -> None:
    """It should let through and count what it can."""
    assert subject.fit(seen(0))
    assert subject.fit(seen(33))
    assert subject.seen == 2
    assert not subject.drops


def test_old_frame_is_refused(subject: Frames, seen: Seen) -> None:
    """It should not act on a belt that has moved on (frame is old, 2)."""
    late = replace(seen(0), now_ns=100 * MS)
    assert subject.fit(late)
    assert not subject.fit(replace(seen(33), now_ns=133 * MS + 1))

    assert subject.drops == {Drop.FRAME_TOO_OLD: 1}
    assert subject.seen == 2


def test_frame_out_of_order_is_refused(subject: Frames, seen: Seen) -> None:
    """It should not go back in time, nor look at one frame twice."""
    assert subject.fit(seen(33))
    assert not subject.fit(seen(33))
    assert not subject.fit(seen(10))

    assert subject.drops == {Drop.FRAME_OUT_OF_ORDER: 2}


def test_covered_frame_is_refused(subject: Frames, seen: Seen) -> None:
    """It should not take a hand for an empty belt."""
    assert not subject.fit(seen(0, covered=True))
    assert subject.fit(seen(33))

    assert subject.drops == {Drop.FRAME_COVERED: 1}


def test_refused_frame_does_not_make_the_next_one_old(subject: Frames, seen: Seen) -> None:
    """It should compare with frames that were used."""
    assert not subject.fit(seen(50, covered=True))

    assert subject.fit(seen(40))


def test_frame_is_refused_before_it_is_looked_at(subject: Frames, seen: Seen) -> None:
    """It should spare the look at what is too old or out of order, and count a frame once."""
    assert subject.worth_a_look(FrameCame(0, 0, 100 * MS))
    assert subject.fit(seen(33))
    assert not subject.worth_a_look(FrameCame(2, 20 * MS, 40 * MS))
    assert not subject.worth_a_look(FrameCame(3, 66 * MS, 166 * MS + 1))

    assert subject.seen == 3
    assert subject.drops == {Drop.FRAME_OUT_OF_ORDER: 1, Drop.FRAME_TOO_OLD: 1}
