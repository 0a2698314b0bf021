"""What a person may write of a Pi's camera."""

from typing import Any

import pytest
from pydantic import ValidationError

from sorterd.cameras.pi import Settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"width_px": 641}, "must be even"),
        ({"red_gain": 2.0}, "red_gain and blue_gain go together"),
        ({"sensor_width_px": 640}, "go together"),
        ({"exposure_us": 40_000, "rate_hz": 30}, "longer than a frame at rate_hz = 30"),
        ({"timeout_ms": 60, "rate_hz": 30}, "shorter than two frames at rate_hz = 30"),
        ({"camera_id": ""}, "at least 1 character"),
        ({"crop": {"left_px": 0}}, "top_px"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], said: str) -> None:
    """It should say which keys do not fit, before any camera is opened."""
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "name it by camera_id or sensor"),
        ({"sensor": "imx708", "lock": False}, "lock = false"),
        ({"sensor": "imx708"}, None),
        ({"camera_id": "/base/imx219@10"}, None),
    ],
)
def test_advice(given: dict[str, Any], said: str | None) -> None:
    """It should tell of what works and yet is unwise."""
    advice = Settings.model_validate(given).advice()
    assert (advice is None) if said is None else (advice is not None and said in advice)
