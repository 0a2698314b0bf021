"""The camera over a simulated world."""

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.cameras.simulated import Settings, belt_scene, open_part, tray_scene
from sorterd.clock import ManualClock
from sorterd.ports import DeviceFault

SECOND_NS = 1_000_000_000


class Dial:
    """A station whose picture shows the instant, and which ends at one."""

    width_px = 8
    height_px = 6

    def __init__(self, end_ns: int) -> None:
        self.end_ns = end_ns

    def picture(self, t_ns: int) -> npt.NDArray[np.uint8]:
        """Return the instant in milliseconds, as far as a byte shows it."""
        return np.full((6, 8, 3), t_ns // 1_000_000 % 256, np.uint8)

    def over(self, t_ns: int) -> bool:
        """Tell whether the end has come."""
        return t_ns >= self.end_ns


def test_schedule_does_not_drift() -> None:
    """It should expose frame n exactly n periods after it was opened."""
    clock = ManualClock()
    opened_ns = clock.now_ns()
    camera = open_part(Settings(rate_hz=30), clock, Dial(opened_ns + 100 * SECOND_NS))
    for number in range(301):
        due_ns = camera.due_ns
        frame = camera.read()
        assert frame is not None
        assert frame.sequence == number
        assert frame.exposed_ns == due_ns == clock.now_ns()
        assert frame.pixels[0, 0, 0] == frame.exposed_ns // 1_000_000 % 256
    assert clock.now_ns() == opened_ns + 10 * SECOND_NS


def test_late_reader_misses_frames() -> None:
    """It should give a late reader the newest frame, and jump in the sequence."""
    clock = ManualClock()
    opened_ns = clock.now_ns()
    camera = open_part(Settings(rate_hz=10), clock, Dial(opened_ns + 100 * SECOND_NS))
    camera.read()
    clock.sleep_until(opened_ns + SECOND_NS + 50_000_000)
    frame = camera.read()
    assert frame is not None
    assert (frame.sequence, frame.exposed_ns) == (10, opened_ns + SECOND_NS)
    assert camera.due_ns == opened_ns + SECOND_NS + 100_000_000


def test_ends_with_the_world() -> None:
    """It should return None from the world's end on."""
    clock = ManualClock()
    camera = open_part(Settings(rate_hz=10), clock, Dial(clock.now_ns() + SECOND_NS))
    frames = 0
    while camera.read() is not None:
        frames += 1
    assert frames == 10
    assert camera.read() is None


def test_missing_frames() -> None:
    """It should leave out the share of frames that it was told to, the same ones each time."""

    def sequences() -> list[int]:
        clock = ManualClock()
        end_ns = clock.now_ns() + 20 * SECOND_NS
        camera = open_part(Settings(rate_hz=30, missing_frac=0.25), clock, Dial(end_ns))
        seen = []
        while (frame := camera.read()) is not None:
            seen.append(frame.sequence)
            # What is announced next does arrive: nobody has to wait past it.
            assert camera.due_ns > frame.exposed_ns
        return seen

    seen = sequences()
    assert len(seen) == pytest.approx(450, abs=50)
    assert seen == sequences()


def test_stall() -> None:
    """It should stop answering after the time it was told, and say so in one line."""
    clock = ManualClock()
    opened_ns = clock.now_ns()
    settings = Settings(rate_hz=10, stall_after_ms=1000)
    camera = open_part(settings, clock, Dial(opened_ns + 100 * SECOND_NS))
    for _ in range(10):
        assert camera.read() is not None
    for _ in range(2):
        with pytest.raises(DeviceFault, match=r"^simulated camera: .*stall_after_ms$"):
            camera.read()


def test_settings_become_scenes() -> None:
    """It should carry every setting about the world into the scene."""
    settings = Settings(gap_mm=99, texture_levels=7, patience_ms=1234, light_period_s=2)
    belt, tray = belt_scene(settings), tray_scene(settings)
    assert (belt.gap_mm, belt.look.texture_levels, belt.look.light_period_ms) == (99, 7, 2000)
    assert (tray.patience_ms, tray.look) == (1234, belt.look)
    assert belt_scene(Settings()) == type(belt)()
    assert tray_scene(Settings()) == type(tray)()
