"""A video that is whole, and one that is not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.recordings.video import Video

RATE_HZ = 25.0
FRAMES = 40


def filmed(path: Path, fourcc: str, frames: int = FRAMES) -> bytes:
    """Write a video of a block that moves to the right, and return the file."""
    code = cv2.VideoWriter.fourcc(*fourcc)
    writer = cv2.VideoWriter(str(path), code, RATE_HZ, (96, 64))
    assert writer.isOpened()
    for number in range(frames):
        picture = np.full((64, 96, 3), 60, np.uint8)
        picture[20:44, number : number + 20] = (40, 160, 240)
        writer.write(picture)
    writer.release()
    return path.read_bytes()


def instants(video: Video) -> list[int]:
    """Play a video to its end and return the instant of each frame."""
    found = []
    while (instant := video.advance()) is not None:
        found.append(instant)
    return found


KINDS = [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v"), ("a.webm", "VP80")]


@pytest.mark.parametrize(("name", "fourcc"), KINDS)
def test_healthy_video_misses_nothing(tmp_path: Path, name: str, fourcc: str) -> None:
    """It should give every frame of a whole video at its instant, and twice if asked."""
    filmed(tmp_path / name, fourcc)
    video = Video(tmp_path / name)
    once = instants(video)
    assert once == pytest.approx([number * 40_000_000 for number in range(FRAMES)], abs=1_000_000)
    assert video.period_ns == 40_000_000
    assert video.shortfall() is None
    video.rewind()
    assert instants(video) == once
    video.close()


@pytest.mark.parametrize(("name", "fourcc"), KINDS[1:])
@pytest.mark.parametrize("kept_frac", [0.3, 0.6, 0.85])
def test_cut_video_says_what_came(
    tmp_path: Path, name: str, fourcc: str, kept_frac: float, capfd: pytest.CaptureFixture[str]
) -> None:
    """It should give every frame that is left, then say how many of how many came."""
    path = tmp_path / name
    data = filmed(path, fourcc)
    path.write_bytes(data[: int(len(data) * kept_frac)])
    capfd.readouterr()  # what the writer said
    video = Video(path)
    came = len(instants(video))
    assert 0 < came < FRAMES
    said = video.shortfall()
    assert said is not None
    assert f"{came} of the {FRAMES} frames" in said
    assert str(path) in said
    assert "\n" not in said
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("more", [0, 1, 3])
def test_a_few_frames_are_no_fault(tmp_path: Path, more: int) -> None:
    """It should forgive a header that promises a few frames too many."""
    path = tmp_path / "a.avi"
    data = bytearray(filmed(path, "MJPG"))
    promise = FRAMES.to_bytes(4, "little")
    for at in (data.index(b"avih") + 24, data.index(b"strh") + 40):
        assert data[at : at + 4] == promise
        data[at : at + 4] = (FRAMES + more).to_bytes(4, "little")
    path.write_bytes(data)
    video = Video(path)
    assert len(instants(video)) == FRAMES
    assert video.shortfall() is None


def test_no_video_has_no_frames(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It should take a file that is no video as one without frames, quietly."""
    path = tmp_path / "a.mp4"
    data = filmed(path, "mp4v")
    path.write_bytes(data[: len(data) // 2])  # its index is at the end
    video = Video(path)
    assert video.advance() is None
    assert str(path) in video.nothing()
    assert capfd.readouterr().err == ""
