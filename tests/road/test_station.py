"""A real station from its settings file: recorded camera, servos on mock pins, a journal."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.cli import main
from sorterd.sinks.journal import read_runs


def test_a_station_runs_from_its_settings(tmp_path: Path) -> None:
    """It should open what the file names, run to the recording's end and close its journal."""
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
