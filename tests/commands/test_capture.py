"""`sorterd capture`: pictures and films of what the station's camera sees."""

import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.cameras import pi, v4l2
from sorterd.cli import main
from sorterd.clock import ManualClock
from sorterd.commands import capture
from sorterd.holding import hold
from sorterd.ports import DeviceFault, Frame
from sorterd.recordings.video import Video

MS = 1_000_000
WIDTH_PX, HEIGHT_PX = 64, 48


@pytest.fixture
def station(tmp_path: Path) -> list[str]:
    """Return the arguments of a station whose camera plays three photographs."""
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = np.full((HEIGHT_PX, WIDTH_PX, 3), 60 + 60 * number, np.uint8)
        done, data = cv2.imencode(".png", pixels)
        assert done
        (tmp_path / "photos" / f"{number}.png").write_bytes(data.tobytes())
    values = [
        "camera.kind=replay",
        f"camera.path={tmp_path / 'photos'}",
        "camera.as_fast_as_possible=true",
        f"view.width_px={WIDTH_PX}",
        f"view.height_px={HEIGHT_PX}",
    ]
    return [word for value in values for word in ("--set", value)]


class Cam:
    """Shows a frame every 40 ms on a manual clock, each there after 7 ms, and then fails.

    Args:
        clock: Moves on to each frame.
        frames: How many there are.
        left_out: Numbers of frames that never come.
    """

    width_px, height_px = WIDTH_PX, HEIGHT_PX

    def __init__(self, clock: ManualClock, frames: int, left_out: tuple[int, ...] = ()) -> None:
        self._clock = clock
        self._coming = [number for number in range(frames) if number not in left_out]
        self._begin_ns = clock.now_ns()
        self.asked_at: int | None = None

    @property
    def due_ns(self) -> int:
        """The present."""
        return self._clock.now_ns()

    def read(self) -> Frame:
        """Return the next frame; Ctrl-C is pressed while one of them is awaited."""
        if not self._coming:
            raise DeviceFault("no picture within 1000 ms")
        number = self._coming.pop(0)
        if number == self.asked_at:
            signal.raise_signal(signal.SIGINT)
        exposed_ns = self._begin_ns + 40 * MS * number
        self._clock.sleep_until(exposed_ns + 7 * MS)
        pixels = np.full((HEIGHT_PX, WIDTH_PX, 3), 10 + number, np.uint8)
        return Frame(number, exposed_ns, pixels)

    def close(self) -> None:
        """Nothing is held."""


def left_in(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def length_of(path: Path) -> int:
    """Return how many frames a film has."""
    video, frames = Video(path), 0
    while video.advance() is not None:
        frames += 1
    video.close()
    return frames


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_is_what_the_road_gets(
    tmp_path: Path, station: list[str], ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should write one picture, and say what it is of and how old it was."""
    path = tmp_path / f"belt.{ending}"
    assert main(["capture", str(path), *station]) == 0
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert abs(int(pixels[5, 5, 0]) - 60) <= 2
    said = capsys.readouterr().out
    assert f"{path}: 64x48 from replay {tmp_path / 'photos'}, exposed" in said
    assert not [name for name in left_in(tmp_path) if ".part" in name]


def test_a_film_is_of_so_many_frames(
    tmp_path: Path, station: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should film until the frames are counted, and end with a recording that ends."""
    path = tmp_path / "belt.avi"
    assert main(["capture", str(path), "--frames", "2", *station]) == 0
    assert "of 2 frames" in capsys.readouterr().out
    assert main(["capture", str(path), *station]) == 0
    assert "of 3 frames" in capsys.readouterr().out
    assert length_of(path) > 0


def test_the_devices_of_a_station_that_runs_are_left_alone(
    tmp_path: Path, station: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say who holds them, and leave no file."""
    path = tmp_path / "belt.png"
    with hold("sorterd run"):
        assert main(["capture", str(path), *station]) == 3
    assert "held by sorterd run, process" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [("belt.bmp", "must end in one of .png"), ("none/belt.png", "nothing can be written there")],
)
def test_a_place_that_cannot_be_is_told_before_the_camera_opens(
    tmp_path: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should be an argument's fault, with the endings that there are."""
    with pytest.raises(SystemExit) as raised:
        main(["capture", str(tmp_path / name)])
    assert raised.value.code == 2
    assert said in capsys.readouterr().err
    assert left_in(tmp_path) == []


def test_a_picture_has_no_length(
    tmp_path: Path, station: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should not leave somebody to wait for a film that was never asked for."""
    path = tmp_path / "belt.png"
    assert main(["capture", str(path), "--seconds", "5", *station]) == 2
    assert "name a film" in capsys.readouterr().err
    assert not path.exists()


def test_a_simulated_camera_shows_nothing_real(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should be a fault of the settings."""
    assert main(["capture", str(tmp_path / "belt.png")]) == 2
    assert "must be a camera that exists" in capsys.readouterr().err


def test_a_picture_waits_for_the_exposure(tmp_path: Path) -> None:
    """It should take the last frame of the first second, and tell its age."""
    clock = ManualClock()
    told = capture.picture(Cam(clock, 100), tmp_path / "belt.png", clock, 1.0)
    assert told == "exposed 7.0 ms before it was there"
    pixels = cv2.imdecode(np.frombuffer((tmp_path / "belt.png").read_bytes(), np.uint8), 1)
    assert pixels is not None
    assert pixels[0, 0, 0] == 35


def test_a_camera_that_fails_leaves_no_picture(tmp_path: Path) -> None:
    """It should keep what was there before."""
    path = tmp_path / "belt.png"
    path.write_bytes(b"before")
    clock = ManualClock()
    with pytest.raises(DeviceFault, match="no picture"):
        capture.picture(Cam(clock, 3), path, clock, 1.0)
    assert path.read_bytes() == b"before"
    assert left_in(tmp_path) == ["belt.png"]


def filmed(cam: Cam, path: Path, clock: ManualClock) -> str:
    """Film a second."""
    return capture.film(cam, path, clock, seconds=1.0, frames=None, rate_hz=25.0)


def test_a_film_runs_as_time_did(tmp_path: Path) -> None:
    """It should show a frame longer where the camera left the next ones out."""
    clock = ManualClock()
    told = filmed(Cam(clock, 100, left_out=(3, 4, 5, 12)), tmp_path / "belt.avi", clock)
    assert told == "1.0 s of 21 frames, each there within 7.0 ms of its exposure"
    assert length_of(tmp_path / "belt.avi") == 25


def test_a_film_that_is_interrupted_is_whole(tmp_path: Path) -> None:
    """It should end with the frame in hand, and leave Ctrl-C as it was."""
    clock = ManualClock()
    cam = Cam(clock, 100)
    cam.asked_at = 9
    before = signal.getsignal(signal.SIGINT)
    told = filmed(cam, tmp_path / "belt.avi", clock)
    assert told.startswith("0.4 s of 10 frames")
    assert length_of(tmp_path / "belt.avi") == 10
    assert signal.getsignal(signal.SIGINT) is before


def test_a_camera_that_fails_ends_the_film(tmp_path: Path) -> None:
    """It should keep what was filmed, say what failed, and leave nothing half-written."""
    clock = ManualClock()
    with pytest.raises(DeviceFault, match="no picture within 1000 ms"):
        filmed(Cam(clock, 8), tmp_path / "belt.avi", clock)
    assert length_of(tmp_path / "belt.avi") == 8
    with pytest.raises(DeviceFault, match="no picture"):
        filmed(Cam(clock, 0), tmp_path / "none.avi", clock)
    assert left_in(tmp_path) == ["belt.avi"]


def test_a_camera_has_the_name_that_its_settings_give_it() -> None:
    """It should tell which camera it was."""
    assert capture.named(pi.Settings(sensor="imx708")) == "pi imx708"
    assert capture.named(v4l2.Settings(device=Path("/dev/video0"))) == "v4l2 /dev/video0"
