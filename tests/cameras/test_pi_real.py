"""The real picamera2 on a real libcamera, whose cameras exist in memory alone.

`tools/libcamera_virtual.py build` makes it; LIBCAMERA_VIRTUAL names its folder.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.workshop.libcamera.building import COLOURS_BGR, SIZE_PX, built
from tools.workshop.libcamera.places import Places

NAMED_BY = "LIBCAMERA_VIRTUAL"
PROGRAM = "tools.workshop.libcamera.watching_program"
ROOT = Path(__file__).parents[2]

places = Places(Path(os.environ.get(NAMED_BY, "")))
pytestmark = pytest.mark.skipif(
    NAMED_BY not in os.environ or not built(places),
    reason=f"tools/libcamera_virtual.py build makes it, {NAMED_BY} names its folder",
)


def seen(what: str = "look", **settings: str) -> dict[str, Any]:
    """Run the program and return what it saw."""
    given = [f"{key}={value}" for key, value in settings.items()]
    done = subprocess.run(  # noqa: S603  # the interpreter that was built beside it
        [places.python, "-m", PROGRAM, places.binding, what, *given],
        cwd=ROOT,
        env={**os.environ, "LD_LIBRARY_PATH": str(places.libraries)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_frames_come_three_times_in_a_row() -> None:
    """It should open by id, show what is before the camera, and close so that it opens again."""
    turns = seen(camera_id="Virtual0")["turns"]
    assert len(turns) == 3
    last_ns = 0
    for turn in turns:
        sequences = [frame["sequence"] for frame in turn]
        assert sequences == sorted(set(sequences))
        for frame in turn:
            assert last_ns < frame["exposed_ns"]
            assert 0 <= frame["age_ns"] < 1_000_000_000
            assert frame["size"] == list(SIZE_PX)
            last_ns = frame["exposed_ns"]


def test_colours_are_what_they_were() -> None:
    """It should show each of the papers, blue first."""
    for turn in seen(sensor="coloured_paper")["turns"]:
        middles = np.array([frame["middle_bgr"] for frame in turn])
        for colour in COLOURS_BGR:
            apart = np.abs(middles - colour).max(axis=1)
            assert apart.min() <= 30, f"{colour} is not among {middles.tolist()}"


def test_a_camera_that_hangs_is_noticed_closed_and_opened_again() -> None:
    """It should come back from the real picamera2 in time, although that never does."""
    told = seen("starve", camera_id="Virtual0", timeout_ms="300")
    assert "no picture within 300 ms" in told["fault"]
    assert 300_000_000 <= told["noticed_ns"] < 1_000_000_000
    assert told["closed_ns"] < 3_000_000_000
    assert len(told["turns"][0]) == 20


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"camera_id": "Virtual9"}, "no camera has camera_id = 'Virtual9'"),
        ({"sensor": "imx708"}, "coloured_paper at Virtual0"),
        ({"camera_id": "Virtual1", "sensor": "coloured_paper"}, "bars at Virtual1"),
        ({}, "2 cameras are there"),
        ({"camera_id": "Virtual0", "width_px": "320"}, "offers 640x480 instead of 320x480"),
        ({"camera_id": "Virtual0", "pixel_format": "BGR"}, 'pixel_format = "NV12"'),
        ({"camera_id": "Virtual0", "exposure_us": "8000"}, "leave out exposure_us"),
    ],
)
def test_what_is_wrong_is_refused(given: dict[str, str], said: str) -> None:
    """It should say what is there instead, and leave Python able to end."""
    assert said in seen(**given)["refused"]
