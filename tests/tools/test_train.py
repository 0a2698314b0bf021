"""The training tool, on a handful of drawn pictures: it makes a whole bundle, or nothing at all."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.classifiers.bundle import load
from sorterd.classifiers.tflite import open_part
from sorterd.clock import ManualClock
from sorterd.simulation.drawings import LABELS, draw
from tools.train import main
from tools.workshop.train.kinds import read_kinds
from tools.workshop.train.photographs import read_folder

PROJECT = Path(__file__).resolve().parents[2]
PER_LABEL = 7
# The smallest network that MobileNetV2 makes, on the smallest pictures it takes gladly.
NET = ("--network", "mobilenet", "--weights", "none", "--size", "96", "--width", "0.35")
FEW = ("--epochs", "2", "--batch", "8", "--drawings", "14", "--cuts", "14", "--examined", "7")
SMALL = (*NET, *FEW, "--mixed", "0.5")
needs_training = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("tensorflow", "keras")),
    reason="the extra `train` is not installed",
)


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


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run the command, which must end in one line, and return that line."""
    assert main(["classifier", *map(str, arguments)]) == 2
    return the_one_line(capsys.readouterr().err)


def the_one_line(said: str) -> str:
    """Return the one line with which the tool ended."""
    lines = [line for line in said.splitlines() if line.startswith("train: ")]
    assert "Traceback" not in said
    assert len(lines) == 1
    return lines[0]


@needs_training
# Keras 3 and TensorFlow 2.17 warn of each other's numpy calls; nothing of ours can change that.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.long
def test_a_tiny_training_makes_a_whole_bundle(data: Path, tmp_path: Path) -> None:
    """It should leave a bundle that opens as a station opens it, its float model and its report.

    The labels are those of a YAML file, in its order, and the photographs those of a split's lists.
    """
    for label in ("cardboard", "metal", "plastic", "organic"):
        shutil.rmtree(data / label)
    (data / "trash").rename(data / "nappy")
    labels = tmp_path / "labels.yaml"
    labels.write_text(
        "nappy: {stage: landfill, bin: landfill}\n"
        "glass: {stage: recyclable, bin: glass}\n"
        "paper: {stage: recyclable, bin: paper}\n",
        encoding="utf-8",
    )
    rows = [f"{p.parent.name}/{p.name},{p.parent.name}" for p in sorted(data.glob("*/*.png"))]
    for name, some in (("train", rows[1:]), ("val", rows[:1])):
        text = "\n".join(["file,label", *some, ""])
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    lists = ("--lists", tmp_path / "train.csv", tmp_path / "val.csv")
    out = tmp_path / "out" / "tiny"
    asked = ("--data", data, "--labels", labels, *lists, "--out", out, *SMALL)

    # Two epochs from random weights are nothing that int8 could keep.
    assert main(["classifier", *map(str, asked), "--without-gate"]) == 0

    assert {path.name for path in out.parent.iterdir()} == {
        "tiny",
        "tiny.html",
        "tiny.float.tflite",
    }
    bundle = load(out)
    assert bundle.labels == ("nappy", "glass", "paper")
    assert bundle.stages == ("landfill", "recyclable", "recyclable")
    assert bundle.manifest.preprocessing.width_px == 96
    assert set(bundle.manifest.outputs) == {"stage_one", "stage_two", "embedding"}
    assert {one.pictures: one.n for one in bundle.manifest.accuracy}["validation photographs"] == 1
    subject = open_part(bundle, runtime="auto", threads=1, batch_sizes=(1, 2), clock=ManualClock())
    assert subject.spec.dtype == "int8"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "tools/train.py" in card
    assert "has seen drawings" in card
    page = (out.parent / "tiny.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "validation loss" in page


def test_without_lists_every_seventh_picture_is_held_out(drawn: Path) -> None:
    """It should read the shipped labels' folders in order and keep the first of seven back."""
    read = read_folder(drawn, list(read_kinds(None)))

    names = [f"{label}/{place}.png" for label in sorted(LABELS) for place in range(PER_LABEL)]
    assert [one.name for one in read] == names
    assert [one.label for one in read] == [name.split("/")[0] for name in names]
    assert [one.name for one in read if one.held_out] == names[::7]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("no folder", "no folder"),
        ("empty label", "0 pictures of glass to learn from"),
        ("one picture", "1 pictures of glass to learn from"),
        ("another label", "is labelled tyre, which the bundle does not know"),
        ("no label", "lies in no label's folder"),
        ("broken picture", "3.png is of no use"),
        ("no picture", "3.png is of no use"),
    ],
)
def test_bad_pictures_end_in_one_line(
    spoil: str, message: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say what and where before any work, and write nothing."""
    broken = data / "glass" / "3.png"
    if spoil == "no folder":
        shutil.rmtree(data)
    elif spoil == "empty label":
        shutil.rmtree(data / "glass")
    elif spoil == "one picture":
        for place in range(2, PER_LABEL):
            (data / "glass" / f"{place}.png").unlink()
    elif spoil == "another label":
        (data / "glass").rename(data / "tyre")
    elif spoil == "no label":
        broken.rename(data / "3.png")
    elif spoil == "broken picture":
        broken.write_bytes(broken.read_bytes()[:200])
    else:
        broken.write_text("not a picture", encoding="utf-8")
    out = tmp_path / "out"

    assert message in refused(capsys, "--data", data, "--out", out, *SMALL)
    assert not out.exists()


def test_a_folder_that_is_no_bundle_is_not_replaced(data: Path, tmp_path: Path) -> None:
    """It should leave alone what it did not write, started as a person starts it."""
    out = tmp_path / "precious"
    out.mkdir()
    (out / "letter.txt").write_text("dear", encoding="utf-8")

    done = subprocess.run(  # noqa: S603  # our own tool with our own arguments
        [sys.executable, "tools/train.py", "classifier", "--data", data, "--out", out, *SMALL],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )

    assert done.returncode == 2
    assert "is there and is not a bundle" in the_one_line(done.stderr)
    assert (out / "letter.txt").read_text(encoding="utf-8") == "dear"


@pytest.mark.skipif(find_spec("tensorflow") is not None, reason="TensorFlow is installed")
def test_without_tensorflow_it_says_how_to_get_it(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should give the line to install what is missing."""
    message = refused(capsys, "--data", data, "--out", tmp_path / "out")

    assert "pip install 'sorterd[train]'" in message


@needs_training
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("network", ["lite0", "mobilenet"])
def test_weights_that_do_not_load_are_refused(
    network: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the file of weights."""
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"nothing")

    out = tmp_path / "out"
    asked = ("--data", data, "--out", out, "--network", network, "--weights", weights)

    assert f"the weights {weights} " in refused(capsys, *asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("glass: {stage: dry, bin: glass}", "glass.stage"),
        ("glass: {stage: recyclable}", "glass.bin"),
        ("glass: {stage: recyclable, bin: glass}", "names 1 label"),
        ("- glass", "the file"),
        ("glass: [", "cannot be read"),
    ],
)
def test_a_wrong_file_of_labels_says_which_key(
    text: str, message: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the file and the key, before any work."""
    labels = tmp_path / "labels.yaml"
    labels.write_text(text, encoding="utf-8")

    line = refused(capsys, "--data", data, "--out", tmp_path / "out", "--labels", labels)

    assert str(labels) in line
    assert message in line
