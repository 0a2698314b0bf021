"""`sorterd calibrate board` and `belt`: files out, or one line that says what is missing."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sorterd import exit_codes
from sorterd.calibration import belt
from sorterd.calibration.board import BoardEye, charuco
from sorterd.calibration.sheet import PAPERS
from sorterd.calibration.spread import NotMeasured
from sorterd.cli import main
from sorterd.clock import ManualClock
from sorterd.holding import hold, holder
from sorterd.ports import Frame
from sorterd.settings import load
from tests.calibration.riding_board import Riding

RIDING = Riding(mm_per_px=1.0, width_px=320, height_px=240, rate_hz=15.0, exposure_ms=6.0)


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of one pass, at 15 frames a second."""
    path = tmp_path_factory.mktemp("recording") / "belt.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (320, 240))
    for frame in RIDING.film():
        writer.write(frame.pixels)
    writer.release()
    return path


def test_a_recording_becomes_a_fragment_with_its_pictures(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should write what a station can read as it is, and pictures to look at."""
    out = tmp_path / "station.d"
    code = main(["calibrate", "belt", "--recording", str(recording), "--out", str(out)])

    assert code == exit_codes.DONE
    said = capsys.readouterr().out
    assert "mm per pixel" in said
    assert f"sudo install -D -m 644 {out}/belt.toml /etc/sorterd/sorterd.d/belt.toml" in said
    assert "note: the print was not measured" in said
    assert sorted(path.name for path in out.iterdir()) == [
        "belt-board.png",
        "belt-fit.png",
        "belt.toml",
    ]
    (tmp_path / "station.toml").write_text("name = 'north'\n")
    settings = load(tmp_path / "station.toml", {})
    assert (settings.view.width_px, settings.view.height_px) == (320, 240)
    assert settings.view.mm_per_px == pytest.approx(1.0, rel=0.002)
    assert settings.belt.speed_mm_s == pytest.approx(200, rel=0.005)
    assert settings.belt.direction == "right"
    text = (out / "belt.toml").read_text()
    assert "1 pass," in text
    assert "+-" in text
    with Image.open(out / "belt-board.png") as board:
        assert board.size == (320, 240)


def test_a_measured_print_is_taken_in(recording: Path, tmp_path: Path) -> None:
    """It should scale everything by what the print's line really measures, and say so."""
    asked = ["calibrate", "belt", "--recording", str(recording), "--out", str(tmp_path)]
    main([*asked, "--measured", "97"])

    text = (tmp_path / "belt.toml").read_text()
    assert "line of 100 mm measured 97 mm" in text
    (tmp_path / "fragment.toml").write_text(text)
    settings = load(tmp_path / "fragment.toml", {})
    assert settings.view.mm_per_px == pytest.approx(0.97, rel=0.003)
    assert settings.belt.speed_mm_s == pytest.approx(194, rel=0.005)


def test_frames_are_taken_in_the_stations_own_size(recording: Path, tmp_path: Path) -> None:
    """It should scale a larger recording down to the station's frames, and refuse another shape."""
    asked = ["calibrate", "belt", "--recording", str(recording), "--out", str(tmp_path)]
    half = ["--set", "view.width_px=240", "--set", "view.height_px=180"]
    assert main([*asked, *half]) == exit_codes.DONE
    (tmp_path / "fragment.toml").write_text((tmp_path / "belt.toml").read_text())
    assert load(tmp_path / "fragment.toml", {}).view.mm_per_px == pytest.approx(320 / 240, rel=0.01)

    wide = ["--set", "view.width_px=320", "--set", "view.height_px=180"]
    assert main([*asked, *wide]) == exit_codes.DEVICE


@pytest.mark.parametrize("still", [[], ["--still"]], ids=["belt", "tray"])
def test_an_empty_belt_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], still: list[str]
) -> None:
    """It should say in one line that no board was seen, and leave no file."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((120, 160, 3), 108, np.uint8))

    out = tmp_path / "out"
    asked = ["calibrate", "belt", "--recording", str(folder), "--out", str(out), *still]
    code = main(asked)

    captured = capsys.readouterr()
    assert code == exit_codes.UNFIT
    assert captured.out == ""
    assert captured.err.startswith("sorterd: no frame shows the board: print it")
    assert captured.err.count("\n") == 1
    assert not out.exists()


def test_a_mirrored_picture_is_found_out() -> None:
    """It should say why no marker can be read."""
    middle = RIDING.frame(RIDING.frames // 2)
    frames = [Frame(n, n * 10**8, np.fliplr(middle.pixels).copy()) for n in range(3)]

    seen = belt.watch(frames, BoardEye(), still=False, passes=None, tell=lambda _: None)

    assert seen.mirrored
    with pytest.raises(NotMeasured, match="mirrored"):
        belt.measure(seen, still=False, measured_mm=None)


def test_live_watching_ends_after_the_passes_that_were_asked_for() -> None:
    """It should end a second after the board has gone by so often, and tell how it goes."""
    passing, empty = RIDING.frame(RIDING.frames // 2), RIDING.frame(0)
    told: list[str] = []
    numbers = iter(range(1000))

    def frames() -> list[Frame]:
        shown = [passing.pixels] * 4 + [empty.pixels] * 20
        return [Frame(n, n * 70_000_000, pixels) for pixels in shown if (n := next(numbers)) >= 0]

    endless = (frame for _ in range(9) for frame in frames())
    seen = belt.watch(endless, BoardEye(), still=False, passes=2, tell=told.append)

    assert seen.passes == 2
    assert 24 + 4 < seen.frames < 48
    assert told[0].startswith("10 frames, 4 with the board")


def test_ctrl_c_uses_what_was_seen() -> None:
    """It should end the watching, not the measuring."""

    def frames() -> Iterator[Frame]:
        yield from RIDING.film()
        raise KeyboardInterrupt

    seen = belt.watch(frames(), BoardEye(), still=False, passes=9, tell=lambda _: None)

    assert belt.measure(seen, still=False, measured_mm=None).direction == "right"


def test_what_a_person_should_mend_is_said() -> None:
    """It should say when the belt runs askew, the camera is tilted, or one pass is little."""
    riding = Riding(askew_deg=6.0, keystone_frac=0.15)
    seen = belt.Sighted(riding.looks(0))
    fit = belt.measure(seen, still=False, measured_mm=100.0)

    notes = "\n".join(belt.advice(fit, measured_mm=100.0))

    assert "6.0 degrees askew" in notes
    assert "a pixel at the right is" in notes
    assert "three passes" in notes
    assert "not measured" not in notes


@pytest.mark.parametrize("paper", PAPERS)
def test_the_printed_board_has_its_size(tmp_path: Path, paper: str) -> None:
    """It should fill the page's true size with a board whose squares measure 32 mm."""
    for name in ("board.pdf", "board.png"):
        assert main(["calibrate", "board", str(tmp_path / name), "--paper", paper]) == 0
    width_mm, height_mm = PAPERS[paper]
    page = (tmp_path / "board.pdf").read_bytes()
    box = page.split(b"/MediaBox [")[1].split(b"]")[0].split()
    points = [float(each) / 72 * 25.4 for each in box[2:]]
    assert points == pytest.approx([width_mm, height_mm], abs=0.01)

    with Image.open(tmp_path / "board.png") as sheet:
        dots_per_mm = sheet.info["dpi"][0] / 25.4
        grey = np.array(sheet.convert("L").reduce(4))
    corners, numbers, _, _ = cv2.aruco.CharucoDetector(charuco()).detectBoard(grey)
    assert len(numbers) == 24
    at_mm = corners.reshape(-1, 2) * 4 / dots_per_mm
    wanted_mm = np.asarray(charuco().getChessboardCorners())[numbers.ravel(), :2]
    assert at_mm - at_mm[0] == pytest.approx(wanted_mm - wanted_mm[0], abs=0.05)
    left = _ruler(np.array(Image.open(tmp_path / "board.png").convert("L")))
    assert left / dots_per_mm == pytest.approx(100.0, abs=0.06)


def _ruler(grey: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> int:
    """Return the length of the longest unbroken horizontal line of a sheet, dots."""
    best = 0
    for row in grey[-1600:]:
        ends = np.flatnonzero(np.diff(np.concatenate([[0], row < 128, [0]])))
        best = max(best, int((ends[1::2] - ends[::2]).max(initial=0)))
    return best


def test_the_camera_is_refused_while_another_holds_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name whoever holds the devices, and open none; a recording needs none."""
    camera = ["--set", "camera.kind=v4l2", "--set", "camera.device=/dev/null"]
    with hold("sorterd run"):
        code = main(["calibrate", "belt", "--out", str(tmp_path), *camera])

    assert code == exit_codes.DEVICE
    assert "held by sorterd run" in capsys.readouterr().err


def test_the_stations_own_camera_is_watched_until_a_pass_is_over(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should open the camera of the settings, and hold the devices meanwhile."""
    monkeypatch.setattr("sorterd.calibration.watching.RealClock", ManualClock)
    camera = [
        f"camera={{kind = 'replay', path = '{recording}', loop = true}}",
        "view.width_px=320",
        "view.height_px=240",
    ]
    asked = ["calibrate", "belt", "--passes", "2", "--out", str(tmp_path / "out")]
    code = main([*asked, *(part for each in camera for part in ("--set", each))])

    assert code == exit_codes.DONE
    assert "lay the board on the running belt" in capsys.readouterr().out
    assert "2 passes, " in (tmp_path / "out" / "belt.toml").read_text()
    assert holder() is None


def test_a_tray_of_lids_needs_no_belt(tmp_path: Path) -> None:
    """It should measure the scale alone where the station has lids."""
    frames = tmp_path / "frames"
    frames.mkdir()
    middle = RIDING.frame(RIDING.frames // 2).pixels
    for number in range(8):
        cv2.imwrite(str(frames / f"{number}.png"), middle)
    asked = ["calibrate", "belt", "--recording", str(frames), "--out", str(tmp_path / "out")]

    assert main([*asked, "--set", "station=lids"]) == exit_codes.DONE
    text = (tmp_path / "out" / "belt.toml").read_text()
    assert "mm_per_px = " in text
    assert "[belt]" not in text


def test_a_station_without_a_camera_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    """It should ask for a camera or a recording where the settings name neither."""
    assert main(["calibrate", "belt"]) == exit_codes.SETTINGS
    assert "or give --recording" in capsys.readouterr().err


def test_a_sheet_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the file, and refuse an ending that it cannot write."""
    missing = tmp_path / "none" / "board.pdf"
    assert main(["calibrate", "board", str(missing)]) == exit_codes.DEVICE
    assert f"{missing} cannot be written" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["calibrate", "board", str(tmp_path / "board.doc")])
