"""A real station from its settings file: recorded camera, servos on mock pins, a journal."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.cli import main
from sorterd.realtime import PRIORITIES, place_at
from sorterd.sinks.journal import read_runs


def test_a_station_runs_from_its_settings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It should open what the file names, run to the recording's end and close its journal."""
    caplog.set_level("INFO")
    for number in range(5):
        shade = np.full((480, 640, 3), 90 + number, np.uint8)
        (tmp_path / f"{number}.png").write_bytes(cv2.imencode(".png", shade)[1].tobytes())
    config = tmp_path / "sorterd.toml"
    config.write_text(
        f"""
        [camera]
        kind = "replay"
        path = "{tmp_path}"
        as_fast_as_possible = true
        [gates.glass]
        kind = "servo"
        pins = "mock"
        pin = 17
        at_mm = 500
        [bins.glass]
        gate = "glass"
        labels = ["glass"]
        [bins.landfill]
        labels = ["cardboard", "metal", "organic", "paper", "plastic", "trash"]
        [journal]
        path = "{tmp_path / "journal.db"}"
        """
    )

    assert main(["--config", str(config)]) == 0
    (run,) = read_runs(tmp_path / "journal.db")
    assert run.about["bundle"].startswith("waste")
    place = place_at(PRIORITIES["gates"])
    assert run.about["gate_priority"] == str(place)
    (said,) = [each for each in caplog.records if each.getMessage() == place.told]
    assert said.levelname == ("WARNING" if place.refused else "INFO")


def test_check_tells_whether_gates_go_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say it in a line of its own, beside what fits."""
    config = tmp_path / "sorterd.toml"
    config.write_text("")

    assert main(["check", "--config", str(config)]) == 0
    assert place_at(PRIORITIES["gates"]).told in capsys.readouterr().out.splitlines()


def test_a_station_needs_a_camera_that_exists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should not start on the simulated camera, and say what to do instead."""
    config = tmp_path / "sorterd.toml"
    config.write_text("")

    assert main(["--config", str(config)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "camera.kind" in line
    assert "--dry-run" in line


def test_a_camera_of_another_size_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say both sizes and what to correct; once this was taken for a bug."""
    folder = tmp_path / "photos"
    folder.mkdir()
    shade = np.full((240, 320, 3), 90, np.uint8)
    (folder / "1.png").write_bytes(cv2.imencode(".png", shade)[1].tobytes())
    config = tmp_path / "sorterd.toml"
    config.write_text(f"[camera]\nkind = 'replay'\npath = '{folder}'\n")

    assert main(["--config", str(config)]) == 3
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "sorterd: " in each]
    assert "320 x 240" in line
    assert "640 x 480" in line


def test_a_truncated_recording_ends_a_station_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should not play it again and again in the hope that it mends."""
    whole = tmp_path / "whole.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (640, 480))
    rng = np.random.default_rng(1)
    for _ in range(40):
        writer.write(rng.integers(0, 255, (480, 640, 3), dtype=np.uint8))
    writer.release()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    config = tmp_path / "sorterd.toml"
    config.write_text(f"[camera]\nkind = 'replay'\npath = '{cut}'\nas_fast_as_possible = true\n")

    assert main(["--config", str(config)]) == 3
    assert "cut.avi" in capsys.readouterr().err
