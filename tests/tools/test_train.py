"""The training tool, on a handful of drawn pictures: it makes a whole bundle, or nothing at all."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.classifiers.bundle import find, load
from sorterd.classifiers.tflite import open_part
from sorterd.clock import ManualClock
from sorterd.simulation.drawings import LABELS, draw

PROJECT = Path(__file__).resolve().parents[2]
PER_LABEL = 7
# The smallest network that MobileNetV2 makes, on the smallest pictures it takes gladly.
SMALL = ("--weights", "none", "--size", "96", "--alpha", "0.35", "--batch", "8")
FEW = ("--epochs", "1", "--drawings", "14", "--cuts", "14", "--examined", "7")
needs_training = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("tensorflow", "keras", "sklearn", "tqdm")),
    reason="the extra `train` is not installed",
)
needs_tqdm = pytest.mark.skipif(find_spec("tqdm") is None, reason="tqdm is not installed")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of drawn pictures, one folder a label."""
    folder = tmp_path_factory.mktemp("drawn")
    for label in LABELS:
        (folder / label).mkdir()
        for place in range(PER_LABEL):
            piece = draw(label, np.random.default_rng([5, place]))
            _, packed = cv2.imencode(".png", piece.pixels)
            (folder / label / f"{place}.png").write_bytes(packed.tobytes())
    return folder


@pytest.fixture
def data(drawn: Path, tmp_path: Path) -> Path:
    """Return a copy of the pictures that may be spoilt."""
    return Path(shutil.copytree(drawn, tmp_path / "data"))


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the tool as a person would."""
    command = [sys.executable, "tools/train.py", *map(str, arguments)]
    return subprocess.run(  # noqa: S603  # our own tool with our own arguments
        command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=110
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which the tool ended."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("train: ")]
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(lines) == 1
    return lines[0]


@needs_training
def test_a_tiny_training_makes_a_whole_bundle(data: Path, tmp_path: Path) -> None:
    """It should leave a bundle that opens as a station opens it, and nothing beside it."""
    out = tmp_path / "out" / "tiny"

    done = run("--data", data, "--out", out, *SMALL, *FEW)

    assert done.returncode == 0, done.stderr[-2000:]
    assert [path.name for path in out.parent.iterdir()] == ["tiny"]
    bundle = load(out)
    assert bundle.manifest.preprocessing.width_px == 96
    assert {one.pictures for one in bundle.manifest.accuracy} >= {"validation photographs"}
    subject = open_part(bundle, runtime="auto", threads=1, batch_sizes=(1, 2), clock=ManualClock())
    assert subject.spec.dtype == "int8"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "tools/train.py" in card
    assert "has seen drawings" in card


@needs_tqdm
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("no folder", "no folder"),
        ("empty label", "no pictures of glass in"),
        ("broken picture", "3.png is of no use"),
        ("no picture", "3.png is of no use"),
    ],
)
def test_bad_pictures_end_in_one_line(spoil: str, message: str, data: Path, tmp_path: Path) -> None:
    """It should say what and where before any work, and write nothing."""
    broken = data / "glass" / "3.png"
    if spoil == "no folder":
        shutil.rmtree(data)
    elif spoil == "empty label":
        shutil.rmtree(data / "glass")
    elif spoil == "broken picture":
        broken.write_bytes(broken.read_bytes()[:200])
    else:
        broken.write_text("not a picture", encoding="utf-8")
    out = tmp_path / "out"

    assert message in refused(run("--data", data, "--out", out, *SMALL))
    assert not out.exists()


@needs_tqdm
def test_a_folder_that_is_no_bundle_is_not_replaced(data: Path, tmp_path: Path) -> None:
    """It should leave alone what it did not write."""
    out = tmp_path / "precious"
    out.mkdir()
    (out / "letter.txt").write_text("dear", encoding="utf-8")

    assert "is there and is not a bundle" in refused(run("--data", data, "--out", out, *SMALL))
    assert (out / "letter.txt").read_text(encoding="utf-8") == "dear"


@pytest.mark.skipif(find_spec("tensorflow") is not None, reason="TensorFlow is installed")
@needs_tqdm
def test_without_tensorflow_it_says_how_to_get_it(data: Path, tmp_path: Path) -> None:
    """It should give the line to install what is missing."""
    message = refused(run("--data", data, "--out", tmp_path / "out"))

    assert "pip install 'sorterd[train]'" in message


@needs_training
def test_weights_that_do_not_load_are_refused(data: Path, tmp_path: Path) -> None:
    """It should name the file of weights."""
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"nothing")

    done = run("--data", data, "--out", tmp_path / "out", "--weights", weights)

    assert f"the weights {weights} do not load" in refused(done)
    assert not (tmp_path / "out").exists()


@needs_tqdm
def test_the_shipped_bundle_is_measured_again(data: Path) -> None:
    """It should give figures with their number and interval, without TensorFlow."""
    done = run("--data", data, "--measure", find("waste"), "--examined", "14")

    assert done.returncode == 0, done.stderr[-2000:]
    assert "fresh drawings on belts: right " in done.stdout
    assert "(n = 14, 95% interval " in done.stdout


@needs_tqdm
def test_measuring_what_is_no_bundle_ends_in_one_line(data: Path, tmp_path: Path) -> None:
    """It should say what a bundle lacks."""
    message = refused(run("--data", data, "--measure", tmp_path))

    assert "manifest.toml cannot be read" in message
