"""How far the simulated belt has run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.simulation.travel import NS_PER_MS, NS_PER_S, Travel

SPEEDS = st.floats(5, 3000)
JITTERS = st.floats(0, 0.5)
GAPS_AND_LENGTHS = st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 4000)), max_size=3)
INSTANTS = st.integers(0, 60 * NS_PER_S)


def halts_of(gaps: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Lay halts one after another."""
    halts, end_ms = [], 0
    for gap_ms, length_ms in gaps:
        halts.append((end_ms + gap_ms, length_ms))
        end_ms += gap_ms + length_ms
    return tuple(halts)


def travel(
    speed_mm_s: float = 200.0,
    jitter_frac: float = 0.05,
    halts: tuple[tuple[int, int], ...] = (),
    seed: int = 1,
) -> Travel:
    """Build a travel with a seed."""
    return Travel(speed_mm_s, jitter_frac, halts, np.random.default_rng(seed))


@settings(deadline=None, derandomize=True)
@given(SPEEDS, JITTERS, GAPS_AND_LENGTHS, INSTANTS, INSTANTS)
def test_travel_never_falls(
    speed_mm_s: float, jitter_frac: float, gaps: list[tuple[int, int]], one_ns: int, other_ns: int
) -> None:
    """It should never run backwards, and keep within the jitter of its mean speed."""
    subject = travel(speed_mm_s, jitter_frac, halts_of(gaps))
    early_ns, late_ns = sorted((one_ns, other_ns))
    run_mm = subject.travel_mm(late_ns) - subject.travel_mm(early_ns)
    run_s = subject.running_s(late_ns) - subject.running_s(early_ns)
    assert run_mm >= -1e-6
    assert run_mm == pytest.approx(speed_mm_s * run_s, rel=jitter_frac + 1e-6, abs=1e-6)


@settings(deadline=None, derandomize=True)
@given(SPEEDS, JITTERS, GAPS_AND_LENGTHS, st.floats(0, 20_000))
def test_instant_is_the_first(
    speed_mm_s: float, jitter_frac: float, gaps: list[tuple[int, int]], mm: float
) -> None:
    """It should give the first nanosecond at which the belt has run so far."""
    subject = travel(speed_mm_s, jitter_frac, halts_of(gaps))
    instant_ns = subject.instant_ns(mm)
    assert subject.travel_mm(instant_ns) >= mm
    assert instant_ns == 0 or subject.travel_mm(instant_ns - 1) < mm


def test_halt_takes_its_time() -> None:
    """It should stand still in a halt and go on afterwards as if nothing had been."""
    halted, free = travel(halts=((1000, 500),)), travel()
    assert halted.speed_mm_s(1200 * NS_PER_MS) == 0
    assert halted.travel_mm(1500 * NS_PER_MS) == halted.travel_mm(1000 * NS_PER_MS)
    assert halted.travel_mm(2500 * NS_PER_MS) == free.travel_mm(2000 * NS_PER_MS)


@settings(deadline=None, derandomize=True)
@given(st.integers(NS_PER_S, 60 * NS_PER_S))
def test_speed_is_the_slope(t_ns: int) -> None:
    """It should give as speed the slope of the travel."""
    subject = travel(jitter_frac=0.3)
    step_ns = NS_PER_MS
    slope_mm_s = (subject.travel_mm(t_ns + step_ns) - subject.travel_mm(t_ns - step_ns)) / 0.002
    assert subject.speed_mm_s(t_ns) == pytest.approx(slope_mm_s, rel=1e-4)


@pytest.mark.parametrize(
    ("speed_mm_s", "jitter_frac", "halts"),
    [(0.0, 0.0, ()), (200.0, 1.0, ()), (200.0, 0.0, ((100, 100), (150, 10)))],
)
def test_impossible_belts(
    speed_mm_s: float, jitter_frac: float, halts: tuple[tuple[int, int], ...]
) -> None:
    """It should refuse a belt that cannot be."""
    with pytest.raises(ValueError, match=r"belt|halts"):
        travel(speed_mm_s, jitter_frac, halts)
