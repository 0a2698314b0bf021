"""What every servo has in common: angles into pulses, and the bounds that no pulse leaves."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sorterd.servos import ServoSettings

REACH = st.tuples(st.floats(-180, 180), st.floats(-180, 180)).filter(lambda r: r[1] - r[0] > 1)
BOUNDS = st.tuples(st.integers(500, 2500), st.integers(500, 2500)).filter(lambda b: b[0] < b[1])


def turning(reach: tuple[float, float], bounds: tuple[int, int], **keys: Any) -> ServoSettings:  # noqa: ANN401
    """Return a servo that turns so far with such pulses, and uses all of it."""
    ends = {"min_deg": reach[0], "max_deg": reach[1], "shut_deg": reach[0], "open_deg": reach[1]}
    pulses = {"min_pulse_us": bounds[0], "max_pulse_us": bounds[1]}
    return ServoSettings.model_validate({"kind": "servo"} | ends | pulses | keys)


@given(REACH, BOUNDS, st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_angles_become_pulses(
    reach: tuple[float, float], bounds: tuple[int, int], shares: list[float]
) -> None:
    """It should be linear, hit both ends to the last bit, and never leave the bounds between."""
    servo = turning(reach, bounds)
    angles_deg = sorted(reach[0] + share * (reach[1] - reach[0]) for share in shares)
    angles_deg = [min(max(each, reach[0]), reach[1]) for each in angles_deg]
    widths_us = [servo.width_us(each) for each in angles_deg]

    assert [servo.width_us(each) for each in reach] == [*bounds]
    assert all(before <= after + 1e-9 for before, after in pairwise(widths_us))
    for angle_deg, width_us in zip(angles_deg, widths_us, strict=True):
        share = (angle_deg - reach[0]) / (reach[1] - reach[0])
        assert width_us == pytest.approx(bounds[0] + share * (bounds[1] - bounds[0]))
        assert bounds[0] - 1e-9 <= width_us <= bounds[1] + 1e-9


@given(st.floats(-100, 100))
def test_trim_moves_every_pulse(trim_us: float) -> None:
    """It should shift the whole way, and leave the bounds where they are."""
    inwards: dict[str, Any] = {"shut_deg": -30, "open_deg": 30}
    plain = turning((-45, 45), (1000, 2000), **inwards)
    trimmed = turning((-45, 45), (1000, 2000), trim_us=trim_us, **inwards)

    for angle_deg in (-30.0, 0.0, 12.5, 30.0):
        assert trimmed.width_us(angle_deg) == pytest.approx(plain.width_us(angle_deg) + trim_us)
    assert not trimmed.allows(999.9)
    assert not trimmed.allows(2000.1)


@pytest.mark.parametrize(
    ("trim_us", "key"), [(-25.0, "shut_deg"), (25.0, "open_deg"), (-0.5, "shut_deg")]
)
def test_trim_that_leaves_no_room(trim_us: float, key: str) -> None:
    """It should say which angle leads out of the bounds, and how far to move it."""
    with pytest.raises(ValidationError, match=rf"{key} = [^;]* outside [^;]*; move {key} inwards"):
        turning((-45, 45), (1000, 2000), trim_us=trim_us)


def test_trim_is_small() -> None:
    """It should not be what sets a servo's reach: beyond a tooth the horn is to be set anew."""
    with pytest.raises(ValidationError, match="less than or equal to 100"):
        turning((-45, 45), (1000, 2000), trim_us=101)
