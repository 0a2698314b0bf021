"""A recording as a camera: its pace, its end, and what a folder may hold."""

import os
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from sorterd.cameras.replay import ReplayCamera, Settings, open_part
from sorterd.clock import ManualClock
from sorterd.ports import DeviceFault, DeviceUnavailable, Frame

MS = 1_000_000


def photo(level: int, width_px: int = 64, height_px: int = 48) -> bytes:
    """Return a PNG of one level of grey."""
    done, data = cv2.imencode(".png", np.full((height_px, width_px, 3), level, np.uint8))
    assert done
    return data.tobytes()


def folder_of(tmp_path: Path, count: int) -> Path:
    """Write `count` photographs whose level of grey is 10 times their number."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(count):
        (folder / f"img{number}.png").write_bytes(photo(10 * number))
    return folder


def film(path: Path, frames: int, rate_hz: float = 20.0) -> bytes:
    """Write a video whose level of grey is 4 times the frame's number."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate_hz, (96, 64))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((64, 96, 3), 4 * number, np.uint8))
    writer.release()
    return path.read_bytes()


def frames_of(camera: ReplayCamera) -> list[Frame]:
    """Read a recording to its end."""
    found = []
    while (frame := camera.read()) is not None:
        found.append(frame)
    return found


def levels(frames: list[Frame], step: int) -> list[int]:
    """Return the numbers that the pictures were made from."""
    return [round(float(frame.pixels.mean()) / step) for frame in frames]


def test_photographs_come_twice_a_second(tmp_path: Path) -> None:
    """It should show photographs in their order, two a second from the first read."""
    clock = ManualClock()
    camera = open_part(Settings(path=folder_of(tmp_path, 12)), clock)
    clock.sleep_until(clock.now_ns() + 9_000 * MS)  # opening is not beginning
    start_ns = clock.now_ns()
    frames = frames_of(camera)
    assert levels(frames, 10) == list(range(12))
    assert [frame.exposed_ns for frame in frames] == [start_ns + 500 * MS * n for n in range(12)]
    assert [frame.sequence for frame in frames] == list(range(12))
    assert camera.read() is None
    assert camera.faults == []


def test_a_video_keeps_its_own_pace(tmp_path: Path) -> None:
    """It should show the frames of a video at the instants that are in it."""
    film(tmp_path / "a.avi", 30)
    clock = ManualClock()
    camera = open_part(Settings(path=tmp_path / "a.avi"), clock)
    start_ns = clock.now_ns()
    frames = frames_of(camera)
    assert levels(frames, 4) == list(range(30))
    wanted = [start_ns + 50 * MS * number for number in range(30)]
    assert [frame.exposed_ns for frame in frames] == pytest.approx(wanted, abs=1000)
    assert (camera.width_px, camera.height_px) == (96, 64)


@pytest.mark.parametrize("rate_hz", [0.5, 7.0, 59.94])
def test_a_given_pace_never_drifts(tmp_path: Path, rate_hz: float) -> None:
    """It should put frame n at n periods after the first, however many there are."""
    clock = ManualClock()
    settings = Settings(path=folder_of(tmp_path, 3), rate_hz=rate_hz, loop=True)
    camera = open_part(settings, clock)
    start_ns = clock.now_ns()
    for number in range(200):
        frame = camera.read()
        assert frame is not None
        assert frame.exposed_ns == start_ns + round(number * 1e9 / rate_hz)


@pytest.mark.parametrize("late_ms", [49, 50, 75, 120, 499])
def test_a_late_reader_finds_the_present(tmp_path: Path, late_ms: int) -> None:
    """It should skip what is over by the time it is asked, and leave a gap in the sequence."""
    film(tmp_path / "a.avi", 30)
    clock = ManualClock()
    camera = open_part(Settings(path=tmp_path / "a.avi", rate_hz=20), clock)
    start_ns = clock.now_ns()
    first = camera.read()
    assert first is not None
    clock.sleep_until(start_ns + 50 * MS + late_ms * MS)
    due_ns = camera.due_ns
    second = camera.read()
    assert second is not None
    assert second.sequence == 1 + late_ms // 50
    assert levels([second], 4) == [second.sequence]
    assert second.exposed_ns == start_ns + second.sequence * 50 * MS
    assert due_ns <= second.exposed_ns <= clock.now_ns()


def test_as_fast_as_possible_skips_nothing(tmp_path: Path) -> None:
    """It should give every picture at once, however late the reader comes."""
    clock = ManualClock()
    settings = Settings(path=folder_of(tmp_path, 6), as_fast_as_possible=True)
    camera = open_part(settings, clock)
    frames = []
    while (frame := camera.read()) is not None:
        frames.append(frame)
        clock.sleep_until(clock.now_ns() + 3_000 * MS)
    assert levels(frames, 10) == list(range(6))
    assert frames[-1].exposed_ns - frames[0].exposed_ns == pytest.approx(15_000 * MS, abs=1000)


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_a_loop_goes_on_at_the_same_pace(tmp_path: Path, kind: str) -> None:
    """It should begin again at the end, one period after the last picture."""
    film(tmp_path / "a.avi", 3)
    path = folder_of(tmp_path, 3) if kind == "folder" else tmp_path / "a.avi"
    clock = ManualClock()
    camera = open_part(Settings(path=path, loop=True), clock)
    start_ns = clock.now_ns()
    frames = [camera.read() for _ in range(8)]
    there = [frame for frame in frames if frame is not None]
    assert levels(there, 10 if kind == "folder" else 4) == [0, 1, 2, 0, 1, 2, 0, 1]
    assert [frame.sequence for frame in there] == list(range(8))
    period_ns = (500 if kind == "folder" else 50) * MS
    wanted = [start_ns + number * period_ns for number in range(8)]
    assert [frame.exposed_ns for frame in there] == pytest.approx(wanted, abs=3000)


def test_a_loop_over_what_is_gone_ends(tmp_path: Path) -> None:
    """It should say so when the recording can no longer be read, and not try for ever."""
    folder = folder_of(tmp_path, 2)
    camera = open_part(Settings(path=folder, loop=True), ManualClock())
    camera.read()
    camera.read()
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(DeviceFault, match="no longer"):
        camera.read()


def test_pictures_are_padded_to_one_size(tmp_path: Path) -> None:
    """It should bring every picture to the frame's size without stretching it."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "1.png").write_bytes(photo(200, 100, 50))
    (folder / "2.png").write_bytes(photo(200, 20, 40))
    camera = open_part(Settings(path=folder, as_fast_as_possible=True), ManualClock())
    wide, tall = frames_of(camera)
    assert wide.pixels.shape == tall.pixels.shape == (50, 100, 3)
    assert (wide.pixels == 200).all()
    columns = np.flatnonzero(tall.pixels[25, :, 0] > 100)
    assert (columns[0], columns[-1]) == (37, 61)
    assert (tall.pixels[:, 37:62] == 200).all()


@pytest.mark.parametrize(
    ("own", "given", "wanted"),
    [
        ((64, 48), {}, (64, 48)),
        ((2000, 1000), {}, (1280, 640)),
        ((64, 48), {"width_px": 128}, (128, 96)),
        ((64, 48), {"height_px": 24}, (32, 24)),
        ((64, 48), {"width_px": 40, "height_px": 40}, (40, 40)),
    ],
)
def test_the_size_follows_from_what_is_known(
    tmp_path: Path, own: tuple[int, int], given: dict[str, int], wanted: tuple[int, int]
) -> None:
    """It should take the size from the settings, what they leave open from the picture."""
    path = tmp_path / "a.png"
    path.write_bytes(photo(90, *own))
    camera = open_part(Settings.model_validate({"path": path, **given}), ManualClock())
    frame = camera.read()
    assert frame is not None
    assert (camera.width_px, camera.height_px) == wanted
    assert frame.pixels.shape == (wanted[1], wanted[0], 3)
    assert camera.read() is None


def test_a_mixed_folder_shows_what_it_can(tmp_path: Path) -> None:
    """It should show the good pictures, list the others a line each, once, and lose no time."""
    folder = folder_of(tmp_path, 3)
    (folder / "img0b.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    (folder / "img1b.png").write_bytes(photo(5, 12, 12))
    (folder / "notes.txt").write_text("three good ones")
    clock = ManualClock()
    camera = open_part(Settings(path=folder, loop=True), clock)
    frames = [camera.read() for _ in range(7)]
    there = [frame for frame in frames if frame is not None]
    assert levels(there, 10) == [0, 1, 2, 0, 1, 2, 0]
    steps = {after.exposed_ns - one.exposed_ns for one, after in pairwise(there)}
    assert steps == {500 * MS}
    assert [Path(line.split(":")[0]).name for line in camera.faults] == [
        "img0b.jpg",
        "img1b.png",
        "notes.txt",
    ]


@pytest.mark.parametrize("what", ["missing", "empty folder", "no pictures", "text", "empty file"])
def test_nothing_to_play_is_said_in_one_line(
    tmp_path: Path, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It should name the path and what to do, in one line, and leave the terminal alone."""
    path = tmp_path / "recording"
    if what in {"empty folder", "no pictures"}:
        path.mkdir()
    if what == "no pictures":
        (path / "a.txt").write_text("nothing")
        (path / "b.jpg").write_bytes(b"\xff\xd8\xff")
    if what in {"text", "empty file"}:
        path.write_text("#EXTM3U\nhttp://example.org/a.mp4\n" if what == "text" else "")
    with pytest.raises(DeviceUnavailable) as raised:
        open_part(Settings(path=path), ManualClock())
    said = str(raised.value)
    assert str(path) in said
    assert "; give " in said
    assert "\n" not in said
    assert capfd.readouterr().err == ""


def test_a_video_without_its_index_is_unavailable(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It should refuse a file that only begins like a video, and say what may have happened."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(5000))
    with pytest.raises(DeviceUnavailable, match="cut off"):
        open_part(Settings(path=path), ManualClock())
    assert capfd.readouterr().err == ""


def test_a_path_through_a_file_is_unavailable(tmp_path: Path) -> None:
    """It should turn any answer of the file system into one line."""
    (tmp_path / "a.png").write_bytes(photo(1))
    with pytest.raises(DeviceUnavailable, match="cannot be read"):
        open_part(Settings(path=tmp_path / "a.png" / "b.png"), ManualClock())


def test_a_device_is_no_recording() -> None:
    """It should send whoever names a device to the camera that can use it."""
    with pytest.raises(DeviceUnavailable, match="v4l2"):
        open_part(Settings(path=Path(os.devnull)), ManualClock())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_unavailable(tmp_path: Path) -> None:
    """It should say that this user may not read it."""
    path = tmp_path / "a.png"
    path.write_bytes(photo(1))
    path.chmod(0)
    with pytest.raises(DeviceUnavailable, match="may not be read"):
        open_part(Settings(path=path), ManualClock())


def test_a_truncated_video_is_played_and_then_reported(tmp_path: Path) -> None:
    """It should give every frame that is left, then fail with the count, again and again."""
    path = tmp_path / "a.avi"
    data = film(path, 30)
    path.write_bytes(data[: len(data) * 2 // 3])
    camera = open_part(Settings(path=path), ManualClock())
    frames = []

    def play() -> None:
        while (frame := camera.read()) is not None:
            frames.append(frame)

    with pytest.raises(DeviceFault, match="of the 30 frames") as raised:
        play()
    assert f"after {len(frames)} of" in str(raised.value)
    assert levels(frames, 4) == list(range(len(frames)))
    assert 10 < len(frames) < 30
    assert camera.due_ns <= frames[-1].exposed_ns
    with pytest.raises(DeviceFault, match="cut off"):
        camera.read()


class SlowSource:
    """A recording at 10 frames a second of which every frame takes 250 ms to decode."""

    period_ns = 100 * MS

    def __init__(self, clock: ManualClock) -> None:
        self.picture: npt.NDArray[np.uint8] = np.zeros((32, 32, 3), np.uint8)
        self.faults: list[str] = []
        self._clock = clock
        self._count = -1

    def advance(self) -> int:
        """Take too long."""
        self._clock.sleep_until(self._clock.now_ns() + 250 * MS)
        self._count += 1
        return self._count * self.period_ns

    def nothing(self) -> str:
        """Never asked."""
        raise AssertionError

    def shortfall(self) -> str | None:
        """Nothing is missing."""

    def rewind(self) -> None:
        """Never asked."""
        raise AssertionError

    def close(self) -> None:
        """Nothing to close."""


def test_a_recording_too_heavy_for_the_machine_is_a_fault() -> None:
    """It should say so instead of falling further and further behind."""
    clock = ManualClock()
    camera = ReplayCamera(Settings(path=Path("heavy.mp4")), clock, SlowSource(clock))
    ages = []

    def play() -> None:
        while (frame := camera.read()) is not None:
            ages.append(clock.now_ns() - frame.exposed_ns)

    with pytest.raises(DeviceFault, match=r"heavy\.mp4.*behind"):
        play()
    assert ages
    assert max(ages) <= 5_000 * MS


def test_a_long_pause_is_caught_up_with(tmp_path: Path) -> None:
    """It should go on in the present after a reader that slept for a minute."""
    clock = ManualClock()
    camera = open_part(Settings(path=folder_of(tmp_path, 3), loop=True), clock)
    camera.read()
    clock.sleep_until(clock.now_ns() + 60_000 * MS)
    frame = camera.read()
    assert frame is not None
    assert clock.now_ns() - frame.exposed_ns < 500 * MS
    assert frame.sequence == 120


def test_two_paces_are_refused() -> None:
    """It should refuse a given pace together with as fast as possible, and say what to do."""
    with pytest.raises(ValidationError, match="leave one out"):
        Settings(path=Path("a.mp4"), rate_hz=5, as_fast_as_possible=True)


def test_closing_ends_a_wait(tmp_path: Path) -> None:
    """It should wake a reader that waits for a distant picture when the camera is closed."""

    class Impatient(ManualClock):
        """Closes the camera, as another thread would, while the reader sleeps."""

        camera: ReplayCamera | None = None

        def sleep_until(self, due_ns: int) -> None:
            """Close, then let the time pass."""
            if self.camera is not None:
                self.camera.close()
            super().sleep_until(due_ns)

    clock = Impatient()
    camera = open_part(Settings(path=folder_of(tmp_path, 3), rate_hz=0.02), clock)
    camera.read()
    clock.camera = camera
    before_ns = clock.now_ns()
    with pytest.raises(DeviceFault, match="closed"):
        camera.read()
    assert clock.now_ns() - before_ns < 1_000 * MS
