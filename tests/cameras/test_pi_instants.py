"""When a Pi's frame was exposed, and which of the sensor's frames it is."""

import pytest

from sorterd.cameras.pi.instants import Instants
from sorterd.clock import ManualClock

MS = 1_000_000
START_MS = 60_000
PERIOD_MS = 20


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that shows a minute."""
    return ManualClock(START_MS * MS)


def place(instants: Instants, clock: ManualClock, stamp_ms: float | None, **more: object) -> int:
    """Have a frame placed 40 ms after its stamp; return its instant in ms, by the stamps' time."""
    metadata: dict[str, object] = dict(more)
    if stamp_ms is not None:
        metadata["SensorTimestamp"] = round(stamp_ms * MS)
        clock.sleep_until(round((stamp_ms + 40) * MS))
    instants.place(metadata)
    return instants.last_ns


def subject(clock: ManualClock, readout_ms: int = 0) -> Instants:
    """Return the instants of a camera with 50 frames a second."""
    return Instants(clock, period_ns=PERIOD_MS * MS, readout_ns=readout_ms * MS)


def test_the_stamp_is_the_end_of_the_first_row(clock: ManualClock) -> None:
    """It should go back by half the exposure: a Pi stamps when the first row is sent."""
    instants = subject(clock)
    found_ns = place(instants, clock, START_MS + 100, ExposureTime=8000)
    assert found_ns == (START_MS + 96) * MS


def test_the_middle_row_is_exposed_half_a_readout_later(clock: ManualClock) -> None:
    """It should speak for the middle of the picture, where pieces are."""
    instants = subject(clock, readout_ms=18)
    found_ns = place(instants, clock, START_MS + 100, ExposureTime=8000)
    assert found_ns == (START_MS + 105) * MS


def test_a_camera_that_tells_no_exposure_has_its_stamp(clock: ManualClock) -> None:
    """It should take the stamp as it is from a USB camera or a virtual one."""
    instants = subject(clock, readout_ms=18)
    assert place(instants, clock, START_MS + 100) == (START_MS + 100) * MS


@pytest.mark.parametrize("stamp_ms", [START_MS + 1000, 10**9, None])
def test_no_frame_is_from_the_future(clock: ManualClock, stamp_ms: float | None) -> None:
    """It should stamp with the present where the stamp is to come, of another clock, or absent."""
    instants = subject(clock)
    clock.sleep_until((START_MS + 500) * MS)
    instants.place({} if stamp_ms is None else {"SensorTimestamp": round(stamp_ms * MS)})
    assert instants.last_ns == clock.now_ns()


def test_an_old_frame_keeps_its_age(clock: ManualClock) -> None:
    """It should never make an old frame young: age decides further on."""
    instants = subject(clock)
    place(instants, clock, START_MS + 100)
    clock.sleep_until((START_MS + 5000) * MS)
    instants.place({"SensorTimestamp": (START_MS + 120) * MS})
    assert instants.last_ns == (START_MS + 120) * MS


def test_instants_rise_while_the_exposure_changes(clock: ManualClock) -> None:
    """It should keep the order of frames when automatic exposure jumps to the longest."""
    instants = subject(clock, readout_ms=18)
    found = [
        place(instants, clock, START_MS + 100 + PERIOD_MS * number, ExposureTime=exposure_us)
        for number, exposure_us in enumerate((100, 20_000, 100, 20_000))
    ]
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("gap_ms", "apart"), [(20, 1), (27, 1), (13, 1), (40, 2), (41.5, 2), (98, 5), (0, 1)]
)
def test_frames_are_counted_by_their_stamps(clock: ManualClock, gap_ms: float, apart: int) -> None:
    """It should count what the sensor made, to the nearest frame, and at least one."""
    instants = subject(clock)
    place(instants, clock, START_MS + 100)
    place(instants, clock, START_MS + 100 + gap_ms)
    assert instants.sequence == apart


def test_the_sensors_own_period_counts(clock: ManualClock) -> None:
    """It should go by the period that the camera tells, where it gives fewer than were asked."""
    instants = subject(clock)
    place(instants, clock, START_MS + 100, FrameDuration=40_000)
    place(instants, clock, START_MS + 140, FrameDuration=40_000)
    assert instants.sequence == 1
