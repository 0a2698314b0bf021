"""What goes wrong is told in one line, with what to do, and leaves nothing half-written."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.classifiers.bundle import find
from sorterd.cli import main


def tell(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """Run the command line; return its exit code and the lines it wrote to standard error."""
    code = main(list(arguments))
    return code, capsys.readouterr().err.splitlines()


def test_settings_tell_every_fault_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name each fault with its key and what to do, a line each."""
    config = tmp_path / "sorterd.toml"
    config.write_text(
        "lead_ms = -1\nspeling = 3\n[belt]\nspeed_mm_s = 0\n[camera]\nkind = 'v4l3'\n"
    )

    code, lines = tell(capsys, "check", "--config", str(config))

    assert code == 2
    assert len(lines) == 4
    for key in ("lead_ms", "speling", "belt.speed_mm_s", "camera.kind"):
        assert any(key in line for line in lines)


def test_settings_and_model_are_held_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should refuse pins used twice, labels without a bin and gates before the camera."""
    config = tmp_path / "sorterd.toml"
    config.write_text(
        """
        [view]
        region_of_interest = {left_px = 600, top_px = 0, width_px = 100, height_px = 480}
        [gates.glass]
        kind = "servo"
        pin = 17
        at_mm = 100
        [gates.compost]
        kind = "servo"
        pin = 17
        at_mm = 650
        [bins.glass]
        gate = "glass"
        labels = ["glass"]
        [bins.compost]
        gate = "compost"
        labels = ["organic"]
        [bins.landfill]
        labels = ["trash"]
        """
    )

    code, lines = tell(capsys, "check", "--config", str(config))

    assert code == 2
    text = "\n".join(lines)
    for clue in ("pin", "region_of_interest", "cardboard"):
        assert clue in text


def test_a_deadline_the_model_cannot_meet_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """It should refuse a belt that is too fast for the model, with the numbers."""
    code, lines = tell(capsys, "--dry-run", "--fast", "--pieces", "1", "--invoke-ms", "5000")

    assert code == 2
    assert all("sorterd: " in line for line in lines)
    assert any("5000" in line for line in lines)


@pytest.mark.parametrize("flag", ["--report", "--film"])
def test_an_output_that_cannot_be_written_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    """It should find out before the run, not after it."""
    path = tmp_path / "missing" / "out.mp4"

    code, lines = tell(capsys, "--dry-run", "--fast", "--pieces", "1", flag, str(path))

    assert code == 2
    assert len(lines) == 1
    assert flag in lines[0]
    assert not path.parent.exists()


@pytest.mark.parametrize("flag", ["--images", "--camera"])
def test_an_empty_folder_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    """It should say that there is nothing in it, and what there should be."""
    code, lines = tell(capsys, "--dry-run", "--fast", flag, str(tmp_path))

    assert code in (2, 3)
    assert len(lines) == 1
    assert str(tmp_path) in lines[0]


def test_odd_pictures_are_named_and_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should lay what it can on the belt, and tell of the rest, a line each."""
    folder = tmp_path / "glass"
    folder.mkdir()
    shade = np.full((200, 150, 3), 200, np.uint8)
    cv2.rectangle(shade, (40, 50), (110, 150), (30, 90, 40), -1)
    for name, pixels in {
        "good.png": shade,
        "grey.png": shade[:, :, 0],
        "alpha.png": cv2.cvtColor(shade, cv2.COLOR_BGR2BGRA),
        "tiny.png": shade[:4, :4],
    }.items():
        folder.joinpath(name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    folder.joinpath("broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    folder.joinpath("notes.txt").write_text("not a picture")

    code, lines = tell(
        capsys, "--dry-run", "--fast", "--pieces", "3", "--images", str(tmp_path),
        "--set", "camera.rate_hz=10",
    )  # fmt: skip

    assert code == 0
    assert not any("Traceback" in line for line in lines)
    assert any("notes.txt" in line for line in lines)


def test_a_truncated_video_is_told_with_what_was_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should report what came, then name the file that ended early, and exit with 3."""
    whole = tmp_path / "whole.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (320, 240))
    rng = np.random.default_rng(1)
    for _ in range(60):
        writer.write(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8))
    writer.release()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    report = tmp_path / "r.json"

    code, lines = tell(capsys, "--dry-run", "--fast", "--camera", str(cut), "--report", str(report))

    assert code == 3
    assert len(lines) == 1
    assert "cut.avi" in lines[0]
    assert report.exists()


def test_a_bundle_that_was_changed_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should not run a model that is not the one its manifest lists."""
    bundle = tmp_path / "waste"
    shutil.copytree(find("waste"), bundle)
    model = bundle / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"\0")

    code, lines = tell(capsys, "check", "--set", f"model.bundle={bundle}")

    assert code == 4
    assert len(lines) == 1
    assert "model.tflite" in lines[0]


def test_a_station_needs_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """It should say what to do when it is started with nothing."""
    code, lines = tell(capsys)

    assert code == 2
    assert "--dry-run" in lines[0]
