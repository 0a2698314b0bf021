from collections.abc import Callable

import pytest

from sorterd.core.belt import Belt, Span
from sorterd.core.odometer import Odometer, Unseen

MS = 1_000_000
SECOND_NS = 1_000_000_000


def show(subject: Odometer, speed_mm_s: float, *, from_ms: int, to_ms: int) -> None:
    """Show the odometer one speed, frame after frame."""
    for t_ms in range(from_ms, to_ms, 33):
        subject.measured([speed_mm_s], t_ms * MS)


@pytest.fixture
def subject(belt: Belt) -> Odometer:
    """Return an odometer that has begun at 0."""
    odometer = Odometer(belt)
    odometer.travel_mm(0)
    return odometer


def test_settings_are_believed_until_a_piece_shows_its_speed(subject: Odometer) -> None:
    """It should run at the speed it was told."""
    assert subject.travel_mm(2 * SECOND_NS) == pytest.approx(400.0)
    assert subject.ns_until(100.0) == SECOND_NS // 2
    assert subject.ns_until(-100.0) == -SECOND_NS // 2


def test_slow_drift_is_followed(subject: Odometer) -> None:
    """It should come to believe a speed that pieces show again and again."""
    show(subject, 192.0, from_ms=0, to_ms=5000)

    assert subject.speed_mm_s == pytest.approx(192.0, abs=0.2)


def test_first_speed_that_shows_is_believed(subject: Odometer) -> None:
    """It should weigh it against no settings, which nobody has measured."""
    subject.measured([192.0], SECOND_NS)

    assert subject.speed_mm_s == 192.0


def test_one_noisy_edge_moves_no_arrival(subject: Odometer) -> None:
    """It should take the median of the pieces, and of one frame only a little."""
    show(subject, 200.0, from_ms=0, to_ms=1000)
    subject.measured([200.0, 260.0, 199.0], 1023 * MS)
    assert subject.speed_mm_s == pytest.approx(200.0)

    subject.measured([220.0], 1056 * MS)
    assert subject.speed_mm_s < 201.0


def test_distance_run_never_jumps_when_the_speed_does(subject: Odometer) -> None:
    """It should go on from where the belt is."""
    show(subject, 200.0, from_ms=0, to_ms=1000)
    before_mm = subject.travel_mm(SECOND_NS)
    subject.measured([0.0], SECOND_NS)

    assert subject.travel_mm(SECOND_NS) == pytest.approx(before_mm)


def test_halted_belt_brings_nothing(subject: Odometer) -> None:
    """It should tell no arrival while the belt stands, halts or starts, and then again."""
    show(subject, 200.0, from_ms=0, to_ms=1000)
    show(subject, 0.0, from_ms=1000, to_ms=2000)
    assert subject.ns_until(100.0) is None
    assert subject.travel_mm(3 * SECOND_NS) == pytest.approx(subject.travel_mm(2 * SECOND_NS))

    subject.measured([200.0], 2000 * MS)
    assert subject.ns_until(100.0) is None
    show(subject, 200.0, from_ms=2033, to_ms=2500)
    assert subject.ns_until(100.0) == SECOND_NS // 2


@pytest.mark.parametrize(("speed_mm_s", "until_ns"), [(90.0, None), (125.0, 800 * MS)])
def test_crawling_belt_brings_nothing(
    subject: Odometer, speed_mm_s: float, until_ns: int | None
) -> None:
    """It should tell no arrival below half of its speed: it halts, or has only just started."""
    show(subject, speed_mm_s, from_ms=0, to_ms=1000)

    assert subject.ns_until(100.0) == until_ns


def test_empty_belt_is_believed_to_run_again(subject: Odometer) -> None:
    """It should forget a halt that no piece confirms any more."""
    show(subject, 0.0, from_ms=0, to_ms=1000)
    subject.measured([], 3900 * MS)
    assert subject.speed_mm_s == 0.0

    subject.measured([], 5 * SECOND_NS)
    assert subject.speed_mm_s == 200.0


def test_belt_never_runs_backwards_or_at_twice_its_speed(subject: Odometer) -> None:
    """It should not believe a piece that rolls."""
    subject.measured([-300.0], 0)
    assert subject.speed_mm_s == 0.0

    subject.measured([900.0], 33 * MS)
    assert subject.speed_mm_s == 400.0


def test_correction_moves_the_distance_not_the_speed(subject: Odometer) -> None:
    """It should take over how far the pieces say that the belt has run."""
    subject.corrected(-12.0, SECOND_NS)

    assert subject.travel_mm(SECOND_NS) == pytest.approx(188.0)
    assert subject.travel_mm(2 * SECOND_NS) == pytest.approx(388.0)


@pytest.fixture
def unseen(belt: Belt) -> Callable[..., list[Span]]:
    """Return what shows frames at some instants and asks for the unseen stretches at another."""

    def ask(*frames_ms: int, at_ms: int) -> list[Span]:
        odometer = Odometer(belt)
        odometer.travel_mm(0)
        kept = Unseen(belt, odometer)
        for t_ms in frames_ms:
            kept.shown(t_ms * MS)
        return [span for span in kept.spans(at_ms * MS) if span.length_mm > 0]

    return ask


def test_belt_ahead_of_the_first_frame_is_unseen(unseen: Callable[..., list[Span]]) -> None:
    """It should not vouch for what had left the view before the first frame."""
    (ahead,) = unseen(0, at_ms=0)
    assert (ahead.rear_mm, ahead.front_mm) == (320.0, 900.0)

    assert unseen(*range(0, 5000, 100), at_ms=4900) == []


def test_stretch_between_two_frames_is_unseen(unseen: Callable[..., list[Span]]) -> None:
    """It should keep what ran through the view without a frame, and a little for drift."""
    # In 2 s the belt ran 400 mm and shows 320; a twentieth of 400 may have come besides.
    ahead, stretch = unseen(0, 2000, at_ms=2000)
    assert stretch.rear_mm == 320.0
    assert stretch.front_mm == pytest.approx(420.0)
    assert ahead.rear_mm == pytest.approx(720.0)


def test_stretch_since_the_last_frame_grows(unseen: Callable[..., list[Span]]) -> None:
    """It should count what comes by just now, before the next frame."""
    growing = unseen(0, at_ms=3000)[-1]

    assert growing.rear_mm == 0.0
    assert growing.front_mm == pytest.approx(630.0)


def test_stretches_end_with_the_belt(belt: Belt) -> None:
    """It should not grow with time."""
    odometer = Odometer(belt)
    kept = Unseen(belt, odometer)
    for t_s in range(0, 600, 2):
        kept.shown(t_s * SECOND_NS)

    assert len(kept.spans(600 * SECOND_NS)) <= 4
