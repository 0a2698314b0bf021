"""When a token of life may start, and what is told when one has arrived."""

import pytest

from sorterd.service.heartbeat import Heartbeat
from sorterd.service.notify import Notifier

S = 1_000_000_000


class Told(Notifier):
    """A notifier that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.lines: list[str] = []

    def _tell(self, *lines: str) -> None:
        self.lines += lines


@pytest.fixture
def told() -> Told:
    """Return who is told."""
    return Told()


@pytest.fixture
def subject(told: Told) -> Heartbeat:
    """Return a heartbeat for a watchdog of 15 s."""
    return Heartbeat(told, "sorting", watchdog_ns=15 * S, recent_ns=10 * S)


def test_a_look_with_nothing_owing_lets_a_token_start(subject: Heartbeat) -> None:
    """It should stand for the frame that was looked at."""
    assert subject.token(5 * S) is None
    subject.looked(5 * S)

    assert subject.token(5 * S + 1) == 5 * S


def test_a_second_look_within_a_second_lets_none_start(subject: Heartbeat) -> None:
    """It should wake nobody more often than once a second."""
    for tenth in range(25):
        subject.looked(5 * S + tenth * S // 10)
        if subject.token(5 * S + tenth * S // 10) is not None:
            assert tenth in (0, 10, 20)


def test_a_short_watchdog_hears_four_times_in_its_period(told: Told) -> None:
    """It should let a token start in a quarter of it."""
    subject = Heartbeat(told, "", watchdog_ns=2 * S, recent_ns=10 * S)
    subject.looked(5 * S)
    subject.token(5 * S)
    subject.looked(5 * S + S // 2)

    assert subject.token(5 * S + S // 2) is not None


def test_a_look_says_nothing_while_the_model_owes_an_answer(subject: Heartbeat) -> None:
    """It should start no token, however many frames are looked at, until the answer comes."""
    subject.looked(5 * S)
    subject.asked()
    subject.token(5 * S)
    for second in range(6, 9):
        subject.looked(second * S)
        assert subject.token(second * S) is None
    subject.answered()

    assert subject.token(9 * S) == 5 * S


def test_an_answer_that_comes_too_late_is_no_sign_of_life(subject: Heartbeat) -> None:
    """It should not take a model for alive that answers after it counts as broken."""
    subject.looked(5 * S)
    subject.token(5 * S)
    subject.asked()
    subject.answered()

    assert subject.token(15 * S + 1) is None


def test_with_a_batch_always_out_each_answer_counts(subject: Heartbeat) -> None:
    """It should beat on a busy belt, where the next batch lies ready before the last is back."""
    subject.looked(5 * S)
    subject.asked()
    subject.token(5 * S)
    for second in range(6, 10):
        subject.asked()
        subject.looked(second * S)
        subject.answered()
        assert subject.token(second * S) is not None


def test_the_first_token_says_ready(subject: Heartbeat, told: Told) -> None:
    """It should tell that the start is over once, and that it lives each time."""
    before = subject.ready
    subject.arrived()
    subject.arrived()

    assert (before, subject.ready) == (False, True)
    assert told.lines == ["READY=1", "STATUS=sorting", "WATCHDOG=1", "WATCHDOG=1"]
