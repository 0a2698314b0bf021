"""Crops for review on the whole road: the pieces that were unsure, and nothing else changes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.cli import main
from sorterd.sinks.review_folder import ReviewRow, read_review

# No model is wholly sure of a material, so every recyclable piece is unsure and the others are not.
DOUBTFUL = (
    "--dry-run", "--fast", "--pieces", "8", "--seed", "7", "--set", "camera.rate_hz=12",
    "--set", "judging.stage_two_frac=1", "--set", "judging.max_views=2",
)  # fmt: skip


def run(folder: Path, *arguments: str, review: bool = True) -> tuple[int, bytes]:
    """Run a dry run that is often unsure; return its exit code and its report."""
    report = folder / "report.json"
    asked = ("--review", str(folder / "review")) if review else ()
    code = main([*DOUBTFUL, "--report", str(report), *asked, *arguments])
    return code, report.read_bytes()


def files(folder: Path) -> dict[str, bytes]:
    """Return all that a review folder holds, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Run once with a review and nothing kept for control."""
    folder = tmp_path_factory.mktemp("usual")
    code, report = run(folder, "--set", "review.control_frac=0")
    assert code == 0
    return folder / "review", report


def rows(folder: Path) -> list[ReviewRow]:
    """Return the rows of a review folder."""
    return list(read_review(folder))


def test_the_unsure_pieces_leave_their_crops(usual: tuple[Path, bytes]) -> None:
    """It should keep one picture of every piece that ended unsure, and of no other."""
    folder, report = usual
    missed = json.loads(report)["end_bin_by_reason"]["unsure"]
    kept = rows(folder)

    # An unsure piece that belongs in the end bin is not missed, and is kept all the same.
    assert 2 <= missed <= len(kept) < 10
    assert {row.why for row in kept} == {"unsure"}
    assert len({row.piece for row in kept}) == len(kept)
    assert sorted(files(folder)) == sorted(["review.csv", *(f"new/{row.file}" for row in kept)])


def test_a_crop_shows_its_piece(usual: tuple[Path, bytes]) -> None:
    """It should show a thing on the belt, with belt around it, not the whole frame."""
    folder, _ = usual
    for row in rows(folder):
        encoded = np.frombuffer((folder / "new" / row.file).read_bytes(), np.uint8)
        pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR).astype(int)
        rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        height_px, width_px = pixels.shape[:2]
        middle = pixels[height_px // 4 : -height_px // 4, width_px // 4 : -width_px // 4]
        assert max(height_px, width_px) < 400
        assert middle.std() > 1.5 * np.median(np.abs(rim - np.median(rim, axis=0)))


def test_the_report_is_the_same_without(usual: tuple[Path, bytes], tmp_path: Path) -> None:
    """It should tell the same story, byte for byte, and leave nothing behind, with no review."""
    code, report = run(tmp_path, review=False)

    assert code == 0
    assert report == usual[1]
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_same_seed_leaves_the_same_files(usual: tuple[Path, bytes], tmp_path: Path) -> None:
    """It should leave the same pictures and the same list, byte for byte."""
    run(tmp_path, "--set", "review.control_frac=0")

    assert files(tmp_path / "review") == files(usual[0])


def test_sure_pieces_are_kept_for_control(tmp_path: Path) -> None:
    """It should keep every piece whose crop was scored when all are wanted for control."""
    code, report = run(tmp_path, "--set", "review.control_frac=1")

    assert code == 0
    assert len(rows(tmp_path / "review")) == json.loads(report)["pieces"]
    assert {"control", "unsure"} <= {row.why for row in rows(tmp_path / "review")}


def test_the_folder_is_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It should keep the newest of more than may wait, and say how many came."""
    run(tmp_path, "--set", "review.control_frac=1", "--set", "review.most_files=3")

    kept = sorted(path.name for path in (tmp_path / "review" / "new").iterdir())
    assert kept == sorted(row.file for row in rows(tmp_path / "review")[-3:])
    assert "--review: 8 crops to look at in" in capsys.readouterr().err


def test_a_disk_that_fails_does_not_stop_the_road(
    usual: tuple[Path, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should run to the end and tell its whole story, then say in one line what is missing."""
    for row in rows(usual[0]):
        # A folder stands where the crop should go, as solid as a full disk.
        (tmp_path / "review" / "new" / row.file / "in the way").mkdir(parents=True)
    code, report = run(tmp_path, "--set", "review.control_frac=0")

    assert code == 3
    assert report == usual[1]
    (line,) = [
        line for line in capsys.readouterr().err.splitlines() if "could not be written" in line
    ]
    assert str(tmp_path / "review") in line


def test_a_folder_that_cannot_be_is_told_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should end at once, in one line."""
    (tmp_path / "file").write_bytes(b"")
    code = main([*DOUBTFUL, "--review", str(tmp_path / "file")])

    assert code == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert str(tmp_path / "file") in said.err


def test_a_tray_leaves_its_crops_too(tmp_path: Path) -> None:
    """It should keep what lay before the camera of a station with lids."""
    run(tmp_path, "--station", "lids", "--set", "review.control_frac=1", "--pieces", "4")

    assert len(rows(tmp_path / "review")) >= 2
    assert len(files(tmp_path / "review")) == len(rows(tmp_path / "review")) + 1


@pytest.mark.parametrize("on", [True, False])
def test_a_station_keeps_crops_when_its_settings_say_so(tmp_path: Path, *, on: bool) -> None:
    """It should open the folder that the settings name, and none when they name none."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(5):
        shade = np.full((480, 640, 3), 90 + number, np.uint8)
        (photos / f"{number}.png").write_bytes(cv2.imencode(".png", shade)[1].tobytes())
    config = tmp_path / "sorterd.toml"
    review = f'[review]\nfolder = "{tmp_path / "review"}"\n' if on else ""
    config.write_text(
        f'[camera]\nkind = "replay"\npath = "{photos}"\nas_fast_as_possible = true\n{review}'
    )

    assert main(["--config", str(config)]) == 0
    assert (tmp_path / "review" / "review.csv").exists() is on
