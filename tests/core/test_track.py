import pytest

from sorterd.core.belt import Span
from sorterd.core.records import Box, Region
from sorterd.core.track import Track, joined, lies_on, reshaped

MS = 1_000_000
KNOWN = Span(0.0, 100.0, 0.0, 60.0)


@pytest.mark.parametrize(("after_ms", "share"), [(50, 0.1), (250, 0.5), (500, 1.0), (5000, 1.0)])
def test_what_shows_of_a_piece_shrinks_slowly(after_ms: int, share: float) -> None:
    """It should follow a smaller view with half a second, and go no further than that view."""
    seen = Span(10.0, 80.0, 4.0, 50.0)

    span = reshaped(KNOWN, seen, after_ns=after_ms * MS, widens=True, leaving=False)

    assert span == Span(10 * share, 100 - 20 * share, 4 * share, 60 - 10 * share)


@pytest.mark.parametrize(
    ("widens", "leaving", "span"),
    [
        (True, False, Span(-8.0, 120.0, -4.0, 70.0)),
        (True, True, Span(-8.0, 100.0, -4.0, 70.0)),
        (False, False, KNOWN),
    ],
)
def test_a_piece_grows_at_once(span: Span, *, widens: bool, leaving: bool) -> None:
    """It should take in all that shows, unless fragments do, and no front that has left."""
    seen = Span(-8.0, 120.0, -4.0, 70.0)

    assert reshaped(KNOWN, seen, after_ns=33 * MS, widens=widens, leaving=leaving) == span


@pytest.mark.parametrize(
    ("rear_mm", "front_mm", "lies"),
    [(20.0, 40.0, True), (-20.0, 40.0, True), (-30.0, 30.0, False), (90.0, 110.0, False)],
)
def test_fragments_lie_where_the_piece_was(rear_mm: float, front_mm: float, *, lies: bool) -> None:
    """It should be most of a region that covers the place."""
    assert lies_on(Span(rear_mm, front_mm, 0.0, 60.0), KNOWN) is lies


def test_fragments_show_the_bodies_of_the_one_that_shows_most() -> None:
    """It should join their places, too."""
    fragments = [
        (Region(Box(0, 0, 9, 9), 81, lobes), Span(rear_mm, rear_mm + 20.0, 10.0, 30.0))
        for lobes, rear_mm in ((1, 40.0), (2, 0.0), (1, 70.0))
    ]

    assert joined(fragments) == (2, Span(0.0, 90.0, 10.0, 30.0))


@pytest.mark.parametrize(
    ("touching", "ambiguous", "lobed", "fit"),
    [
        (False, False, 2, True),
        (False, False, 3, False),
        (True, False, 0, False),
        (False, True, 0, False),
    ],
)
def test_piece_is_fit_if_it_is_one_body_by_itself(
    lobed: int, *, touching: bool, ambiguous: bool, fit: bool
) -> None:
    """It should spoil a piece to touch another, or to be taken for another."""
    track = Track(1, KNOWN, 0, 0, KNOWN, 100.0, KNOWN, 0.0)
    track.touching, track.ambiguous, track.lobed, track.whole = touching, ambiguous, lobed, 4

    assert track.fit_for_crop() is fit
