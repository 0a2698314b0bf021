"""Films: what comes out can be looked at again, and nothing half-written is ever left."""

import struct
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageSequence

from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.recordings.video import Video
from sorterd.sinks.film import GIF_MOST_PICTURES, GIF_RATE_HZ, GIF_WIDTH_PX, open_film

WIDTH, HEIGHT = 160, 120


def picture(number: int, *, width: int = WIDTH, height: int = HEIGHT) -> npt.NDArray[np.uint8]:
    """Return a grainy belt with one disc that moves 4 pixels a frame."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(106, 112, (height, width, 3), dtype=np.uint8)
    cv2.circle(pixels, (20 + 4 * number, height // 2), 12, (40, 160, 220), -1)
    return pixels


def play(path: Path) -> tuple[list[int], list[npt.NDArray[np.uint8]]]:
    """Return the instants and pictures of a film."""
    video = Video(path)
    instants, pictures = [], []
    while (instant_ns := video.advance()) is not None:
        instants.append(instant_ns)
        pictures.append(video.picture)
    video.close()
    return instants, pictures


@pytest.mark.parametrize("ending", [".mp4", ".avi", ".gif", ".GIF"])
def test_film_can_be_played(tmp_path: Path, ending: str) -> None:
    """It should hold the pictures that were written, in order, at their rate."""
    path = tmp_path / f"seen{ending}"
    film = open_film(path, width_px=WIDTH, height_px=HEIGHT, rate_hz=10.0)
    for number in range(12):
        film.write(picture(number))
    film.close()
    film.close()

    instants_ns, pictures = play(path)

    assert len(pictures) == 12
    assert instants_ns[-1] == pytest.approx(1_100_000_000, rel=0.02)
    for number, shown in enumerate(pictures):
        off = np.abs(shown.astype(int) - picture(number))
        assert shown.shape == (HEIGHT, WIDTH, 3)
        assert off.mean() < 8
        assert off[HEIGHT // 2, 20 + 4 * number].max() < 30
        # Where the disc was, there is belt again.
        assert number < 8 or off[HEIGHT // 2, 20].max() < 16
    assert list(tmp_path.iterdir()) == [path]


def test_gif_is_made_smaller_and_slower(tmp_path: Path) -> None:
    """It should leave out pictures past 10 a second, keep the time, and keep to its width."""
    path = tmp_path / "seen.gif"
    film = open_film(path, width_px=1000, height_px=200, rate_hz=30.0)
    for number in range(45):
        film.write(picture(number, width=1000, height=200))
    film.close()

    instants_ns, pictures = play(path)

    assert pictures[0].shape[1] == GIF_WIDTH_PX
    assert len(pictures) == 15
    assert instants_ns[-1] == pytest.approx(1_400_000_000, rel=0.02)


def test_gif_of_a_still(tmp_path: Path) -> None:
    """It should show a film in which nothing changes as the one picture that it is."""
    path = tmp_path / "still.gif"
    film = open_film(path, width_px=40, height_px=30, rate_hz=5.0)
    for _ in range(5):
        film.write(np.full((30, 40, 3), 90, np.uint8))
    film.close()

    _, pictures = play(path)

    assert len(pictures) == 1
    assert np.abs(pictures[-1].astype(int) - 90).max() <= 4


def test_gif_bears_any_picture(tmp_path: Path) -> None:
    """It should hold even noise, recognisably."""
    rng = np.random.default_rng(4)
    noise = [rng.integers(0, 256, (90, 120, 3), dtype=np.uint8) for _ in range(3)]
    path = tmp_path / "noise.gif"
    film = open_film(path, width_px=120, height_px=90, rate_hz=10.0)
    for each in noise:
        film.write(each)
    film.close()

    _, pictures = play(path)
    head = path.read_bytes()[:10]

    assert struct.unpack("<6sHH", head) == (b"GIF89a", 120, 90)
    assert len(pictures) == 3
    for shown, true in zip(pictures, noise, strict=True):
        assert np.abs(shown.astype(int) - true).mean() < 60


def test_a_gif_ends_with_its_last_picture(tmp_path: Path) -> None:
    """It should stay within the memory it takes to write: no more pictures than its most."""
    path = tmp_path / "long.gif"
    film = open_film(path, width_px=16, height_px=16, rate_hz=GIF_RATE_HZ)
    for number in range(GIF_MOST_PICTURES + 50):
        film.write(np.full((16, 16, 3), 40 + 150 * (number % 2), np.uint8))
    film.close()

    with Image.open(path) as gif:
        assert sum(1 for _ in ImageSequence.Iterator(gif)) == GIF_MOST_PICTURES


@pytest.mark.parametrize("ending", [".mp4", ".avi", ".gif"])
def test_until_the_end_the_old_film_stands(tmp_path: Path, ending: str) -> None:
    """It should leave what is there alone until it is closed, for ever if nothing is written."""
    path = tmp_path / f"seen{ending}"
    path.write_text("the old film")

    open_film(path, width_px=WIDTH, height_px=HEIGHT, rate_hz=10.0).close()

    assert path.read_text() == "the old film"
    assert list(tmp_path.iterdir()) == [path]

    film = open_film(path, width_px=WIDTH, height_px=HEIGHT, rate_hz=10.0)
    film.write(picture(0))
    assert path.read_text() == "the old film"
    film.close()
    assert len(play(path)[1]) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["seen.webm", "seen", "seen.gif.txt"])
def test_unknown_endings_are_refused(tmp_path: Path, name: str) -> None:
    """It should name the endings that work, in one line."""
    with pytest.raises(DeviceUnavailable, match=r"\.mp4, \.avi or \.gif") as refusal:
        open_film(tmp_path / name, width_px=WIDTH, height_px=HEIGHT, rate_hz=10.0)

    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_places_that_cannot_be_written_are_refused(tmp_path: Path, ending: str) -> None:
    """It should say at once, in one line, that nothing can be written there."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(DeviceUnavailable, match="no film can be written there") as refusal:
            open_film(folder / f"seen{ending}", width_px=WIDTH, height_px=HEIGHT, rate_hz=10.0)

        assert "\n" not in str(refusal.value)


def test_a_place_that_is_lost_on_the_way(tmp_path: Path) -> None:
    """It should say so in one line when the film cannot be put in its place, and leave nothing."""
    path = tmp_path / "seen.gif"
    film = open_film(path, width_px=WIDTH, height_px=HEIGHT, rate_hz=10.0)
    film.write(picture(0))
    path.mkdir()

    with pytest.raises(DeviceFault, match="could not be written") as fault:
        film.close()

    assert "\n" not in str(fault.value)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_pictures_of_another_size_are_a_bug(tmp_path: Path, ending: str) -> None:
    """It should not swallow a picture of the wrong size, as OpenCV does."""
    film = open_film(tmp_path / f"seen{ending}", width_px=WIDTH, height_px=HEIGHT, rate_hz=10.0)

    with pytest.raises(ValueError, match="in a film of"):
        film.write(picture(0, width=WIDTH + 2))
    film.close()
