"""How much may be written in a day."""

from hypothesis import given
from hypothesis import strategies as st

from sorterd.sinks.allowance import DAY_NS, Allowance

HOUR_NS = DAY_NS // 24


@given(
    daily=st.integers(1, 10_000_000),
    asked=st.lists(st.tuples(st.integers(0, HOUR_NS * 3), st.integers(0, 300_000)), max_size=60),
)
def test_no_day_has_more_than_its_share_and_an_hours(
    daily: int, asked: list[tuple[int, int]]
) -> None:
    """It should let through no more in any day than the allowance and an hour's share."""
    subject, now_ns, taken = Allowance(daily), 7, [(0, 0)]
    for after_ns, size in asked:
        now_ns += after_ns
        if subject.take(size, now_ns):
            taken.append((now_ns, size))

    for begins_ns, _ in taken:
        within = sum(size for at_ns, size in taken if begins_ns <= at_ns < begins_ns + DAY_NS)
        assert within <= daily * 25 / 24 + 1e-6 * daily


def test_it_grows_with_time() -> None:
    """It should begin with an hour's share, and have as much again an hour later."""
    subject = Allowance(2400)

    assert subject.take(100, 50)
    assert not subject.take(1, 50)
    assert not subject.take(51, 50 + HOUR_NS // 2)
    assert subject.take(50, 50 + HOUR_NS // 2)
    assert subject.take(100, 50 + 9 * HOUR_NS)
    assert not subject.take(1, 50 + 9 * HOUR_NS)


def test_instants_that_fall_add_nothing() -> None:
    """It should not be refilled by records that come out of order."""
    subject = Allowance(2400)
    assert subject.take(100, HOUR_NS)

    assert not subject.take(60, HOUR_NS // 2)
    assert not subject.take(60, HOUR_NS)


def test_without_a_bound() -> None:
    """It should let everything through."""
    assert Allowance(None).take(1 << 40, 0)
