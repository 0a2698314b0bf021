"""What is tried in processes of its own: real ones where they are quick, and what each tells."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.classifiers.runtimes import MODULES
from sorterd.clock import ManualClock
from sorterd.doctor.apart import answers, camera, library, runtime
from sorterd.doctor.apart.telling import told_by, why_not
from sorterd.holding import hold
from sorterd.machine.programs import Answer, ask
from sorterd.ports import DeviceFault, Frame

TINY = Path(__file__).parents[1] / "classifiers/tiny/int8"


def here(*bundles: Path) -> dict[str, object]:
    """Return the question after a bundle's answers."""
    folders = [str(bundle) for bundle in bundles or (TINY,)]
    return {"bundles": folders, "runtime": "auto", "threads": 1, "delegate": None}


def test_a_runtime_builds_an_interpreter_in_a_process_of_its_own() -> None:
    """It should tell the version of what was built, through the very command that is used."""
    command = (sys.executable, "-m", "sorterd.doctor.apart.runtime")
    told = told_by(ask(*command, "ai-edge-litert", str(TINY / "model.tflite"), within_s=100))

    assert str(told["built"])[0].isdigit()


def test_a_runtime_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should tell an absent runtime from one that fails."""
    monkeypatch.setitem(MODULES, "ai-edge-litert", "no_such_runtime.interpreter")

    assert runtime.told("ai-edge-litert", TINY / "model.tflite") == {"absent": True}


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    """It should tell it as a fault."""
    odd = tmp_path / "model.tflite"
    odd.write_bytes(b"odd")

    assert "not a model" in str(runtime.told("ai-edge-litert", odd)["fault"])


def test_golden_answers_are_compared() -> None:
    """It should count them, name the runtime and tell what a crop takes."""
    told = answers.told(here(), ManualClock())

    assert (told["golden"], told["typical_ms"]) == (3, 0.0)
    assert told["runtime"] in MODULES


def test_a_version_that_is_faulty_is_passed_over_as_a_station_does() -> None:
    """It should go on with the one before it, and say why."""
    told = answers.told(here(Path("no-such"), TINY), ManualClock())

    assert (told["golden"], "cannot be read" in str(told["passed_over"])) == (3, True)


def test_a_bundle_that_is_not_there() -> None:
    """It should tell it as a fault, and no runtime as what is unavailable."""
    assert "cannot be read" in str(answers.told(here(Path("no-such")), ManualClock())["fault"])
    missing = {**here(), "delegate": "no-such-delegate.so"}
    assert "no such library" in str(answers.told(missing, ManualClock())["unavailable"])


def test_a_camera_is_looked_through(tmp_path: Path) -> None:
    """It should tell size, brightness and rate of what it sees."""
    for number in range(4):
        grey = np.full((48, 64, 3), 100, np.uint8)
        (tmp_path / f"{number}.png").write_bytes(cv2.imencode(".png", grey)[1].tobytes())
    told = camera.told(
        {
            "camera": {"kind": "replay", "path": str(tmp_path)},
            "view": {"width_px": 64, "height_px": 48},
        },
        ManualClock(),
    )

    assert (told["width_px"], told["height_px"], told["brightness_levels"]) == (64, 48, 100.0)
    assert float(str(told["rate_hz"])) > 0


def test_a_camera_that_cannot_be_opened(tmp_path: Path) -> None:
    """It should tell what the camera's own file says."""
    question = {"camera": {"kind": "v4l2", "device": str(tmp_path / "video0")}, "view": {}}

    assert "does not exist" in str(camera.told(question, ManualClock())["unavailable"])


class Blind:
    """A camera that opens and then shows nothing, or fails."""

    width_px, height_px, due_ns = 64, 48, 0

    def __init__(self, fault: DeviceFault | None = None) -> None:
        self.fault = fault
        self.closed = 0

    def read(self) -> Frame | None:
        """Fail, or be over."""
        if self.fault is not None:
            raise self.fault
        return None

    def close(self) -> None:
        """Remember it."""
        self.closed += 1


@pytest.mark.parametrize(
    ("blind", "fault"),
    [(Blind(), "it is open and shows nothing"), (Blind(DeviceFault("it stalled")), "it stalled")],
)
def test_a_camera_that_opens_and_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, blind: Blind, fault: str
) -> None:
    """It should tell why, and let go of it."""
    monkeypatch.setattr("sorterd.doctor.apart.camera.open_camera", lambda *_: blind)

    told = camera.told({"camera": {"kind": "simulated"}, "view": {}}, ManualClock())
    assert told == {"fault": fault}
    assert blind.closed == 1


def test_a_camera_is_left_alone_while_the_devices_are_held(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should take the devices as every program does, or say who has them."""
    question = json.dumps({"camera": {"kind": "replay", "path": "no-such"}, "view": {}})

    assert camera.main([question]) == 0
    assert "does not exist" in json.loads(capsys.readouterr().out)["unavailable"]
    with hold("sorterd capture"):
        assert camera.main([question]) == 0
    assert "held by sorterd capture" in json.loads(capsys.readouterr().out)["held"]


def test_each_program_tells_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It should be JSON that can be read back, and the end a good one."""
    assert answers.main([json.dumps(here(Path("no-such")))]) == 0
    assert "cannot be read" in told_by(Answer(capsys.readouterr().out))["fault"]
    assert runtime.main(["ai-edge-litert", str(TINY / "model.tflite")]) == 0
    assert told_by(Answer(capsys.readouterr().out))["built"]


def test_a_library_is_tried_in_an_empty_folder() -> None:
    """It should leave the folder it was started in alone: lgpio makes a pipe there."""
    command = (sys.executable, "-m", "sorterd.doctor.apart.library")

    assert told_by(ask(*command, "no_such_library", within_s=100)) == {"absent": True}


def test_a_library_is_imported() -> None:
    """It should tell the version of one that is there, and one that is absent."""
    assert library.told("numpy")["version"] == np.__version__
    assert library.told("no_such_library") == {"absent": True}


def test_cameras_are_listed_by_model_and_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should list what libcamera knows of, as its binding tells it."""
    (tmp_path / "libcamera.py").write_text(
        "class _Camera:\n"
        "    id = '/base/soc/i2c0mux/imx708@1a'\n"
        "    properties = {'properties.Model': 'imx708'}\n"
        "class CameraManager:\n"
        "    cameras = [_Camera()]\n"
        "    @classmethod\n"
        "    def singleton(cls): return cls()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    assert library.told("libcamera") == {
        "version": "of an unknown version",
        "cameras": ["imx708 at /base/soc/i2c0mux/imx708@1a"],
    }


@pytest.mark.parametrize(
    "fault", ["ValueError('numpy.dtype size changed')", "OSError('no pipe')", "ImportError('odd')"]
)
def test_a_library_that_breaks_at_its_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """It should tell how, in one line."""
    name = f"broken_{fault[:3].lower()}"
    (tmp_path / f"{name}.py").write_text(f"raise {fault}\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert library.told(name)["fault"] == fault.replace("('", ": ").replace("')", "")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(code=-4), "died of SIGILL: it was built for another processor"),
        (Answer(code=-11), "died of SIGSEGV"),
        (Answer("no json"), "said nothing that makes sense"),
        (Answer("[1]", 0), "said nothing that makes sense"),
        (Answer("", 1, "ImportError: x"), "ImportError: x"),
        (Answer(json.dumps({"fault": "it is odd"})), "it is odd"),
    ],
)
def test_a_process_that_tells_nothing_good(answer: Answer, why: str) -> None:
    """It should say why, whatever it died of."""
    assert why_not(answer, told_by(answer)) == why


def test_a_library_that_chatters_is_understood() -> None:
    """It should read the last line only: libcamera writes of itself before."""
    assert told_by(Answer('[0:01] INFO Camera\n{"version": "0.3"}')) == {"version": "0.3"}
