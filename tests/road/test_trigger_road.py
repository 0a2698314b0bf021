"""A light barrier on the whole road: what it is worth, and that it changes nothing by itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from sorterd.cli import main

# Gates far from the camera, few pieces, a belt that runs slower than the settings say by all that
# they allow: with nothing in view for 3 s the settings are believed, and places drift.
FAR = """
[belt]
length_mm = 1700
speed_tolerance_frac = 0.1

[camera]
kind = "simulated"
slip_frac = -0.1
gap_mm = 2000
clear_mm = 1800
burst_frac = 0
touching_frac = 0
overlapping_frac = 0
rate_hz = 12

[gates.paper]
at_mm = 1250

[gates.glass]
at_mm = 1360

[gates.packaging]
at_mm = 1470

[gates.compost]
at_mm = 1580
"""
BEAM = ("--set", "trigger.at_mm=1150", "--set", "trigger.tolerance_mm=80")


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a quick dry run of the far station; return its report."""
    config, path = folder / "far.toml", folder / "r.json"
    config.write_text(FAR)
    dry = ("--dry-run", "--fast", "--pieces", "8", "--seed", "5", "--config", str(config))
    assert main([*dry, "--report", str(path), *arguments]) == 0
    report: dict[str, Any] = json.loads(path.read_bytes())
    return report


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the report of the far station without a beam."""
    return run(tmp_path_factory.mktemp("without"))


def test_a_beam_brings_far_pieces_to_their_gates(without: dict[str, Any], tmp_path: Path) -> None:
    """It should catch what ran past its gate without it, and say how many it has placed."""
    report = run(tmp_path, *BEAM)

    assert without["end_bin_by_reason"]["ran_past"] == 3
    assert report["end_bin_by_reason"] == {}
    assert (without["recovery"], report["recovery"]) == (0.571429, 1.0)
    assert report["wrong_bin"] == without["wrong_bin"]
    assert report["beams"] == {"placed": 7, "dropped_by_reason": {"beam_too_late": 1}}
    assert "beams" not in without


def test_a_beam_that_stands_wrong_does_no_harm(without: dict[str, Any], tmp_path: Path) -> None:
    """It should be as good as no beam where it is 120 mm off, and say that it is of no use."""
    report = run(tmp_path, *BEAM, "--set", "trigger.off_mm=120")

    assert report.pop("beams") == {"placed": 0, "dropped_by_reason": {"beam_no_piece": 8}}
    assert report == without
