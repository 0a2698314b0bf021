"""A bundle is used only if all of it is what was shipped."""

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.classifiers.bundle import BundleFault, find, load

TINY = Path(__file__).parent / "tiny"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of a small bundle that may be spoilt."""
    return Path(shutil.copytree(TINY / "int8", tmp_path / "tiny"))


def change(folder: Path, old: str, new: str) -> None:
    """Replace one piece of the manifest's text."""
    manifest = folder / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new, 1), encoding="utf-8")


def fault_of(folder: Path) -> str:
    """Return the message with which a bundle is refused; always one line."""
    with pytest.raises(BundleFault) as caught:
        load(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_all_that_belongs_to_the_model_is_there(folder: Path) -> None:
    """It should give labels, stages in the labels' order, bins and golden inputs as RGB."""
    bundle = load(folder)

    assert bundle.name == "tiny int8 1"
    assert bundle.labels == ("red", "green", "blue")
    assert bundle.stages == ("recyclable", "organic", "landfill")
    assert bundle.manifest.bins["red"] == "packaging"
    assert bundle.model_path.is_file()
    assert [one.pixels[0, 0].argmax() for one in bundle.golden] == [0, 1, 2]
    assert [int(one.scores.argmax()) for one in bundle.golden] == [0, 1, 2]


def test_a_path_and_a_name_both_find_a_bundle(folder: Path) -> None:
    """It should find the shipped bundle by name and any other by its folder."""
    assert find(str(folder)) == folder
    assert find("waste").name == "waste"


def test_an_unknown_name_lists_the_known_ones() -> None:
    """It should say which bundles there are."""
    with pytest.raises(BundleFault, match=r"no bundle wasted: .* one of: .*waste"):
        find("wasted")


@pytest.mark.parametrize("file", ["model.tflite", "golden/red.png", "manifest.toml"])
def test_a_missing_file_is_named(file: str, folder: Path) -> None:
    """It should name the file that is not there."""
    (folder / file).unlink()

    assert re.search(f"{file} cannot be read .*No such file.*install", fault_of(folder))


@pytest.mark.parametrize("file", ["model.tflite", "golden/red.png"])
def test_a_changed_file_is_named(file: str, folder: Path) -> None:
    """It should compare the sum of every file."""
    path = folder / file
    path.write_bytes(path.read_bytes() + b"\0")

    assert re.search(f"{file} is not the file the manifest lists", fault_of(folder))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('end_bin = "landfill"\n', "", "end_bin: Field required"),
        ("version = ", "mood = 3\nversion = ", "mood: Extra inputs"),
        (
            "stage_two = 1.0",
            'stage_two = "warm"',
            "temperatures.stage_two: Input should be a valid",
        ),
        ("stage_two = 1.0", "stage_two = 0.0", "temperatures.stage_two: Input should be greater"),
        ("width_px = 16", "width_px = 16.5", "preprocessing.width_px: "),
        ("stage_one_frac = 0.6", "stage_one_frac = 60", "thresholds.stage_one_frac: "),
        ('red = "recyclable"', 'red = "wet"', "stages.red: "),
        ('red = "recyclable"', 'rad = "recyclable"', "stages and labels differ in rad, red"),
        ('red = "packaging"\n', "", "bins and labels differ in red"),
        ('["red", "green", "blue"]', '["red", "red", "blue"]', "labels: one is there twice"),
        ('model = "model.tflite"', 'model = "../model.tflite"', "model: String should match"),
        ('model = "model.tflite"', 'model = "/etc/hosts"', "model: String should match"),
        ('model = "model.tflite"', 'model = "other.tflite"', "sha256 has no entry for other"),
        ("scores = [0.9947, 0.0026, 0.0026]", "scores = [0.9, 0.1]", "golden/red.png: needs 3"),
        ("[stages]", "[stages", "is not TOML"),
    ],
)
def test_a_wrong_manifest_says_which_key(old: str, new: str, message: str, folder: Path) -> None:
    """It should name the key and what is wrong with it, in one line."""
    change(folder, old, new)

    found = fault_of(folder)

    assert message in found
    assert "manifest.toml" in found


def test_a_manifest_that_is_no_text_is_refused(folder: Path) -> None:
    """It should not stumble over bytes."""
    (folder / "manifest.toml").write_bytes(b"\xff\xfe\x00junk")

    assert "is not TOML" in fault_of(folder)


def test_a_golden_input_of_another_size_is_refused(folder: Path) -> None:
    """It should take golden inputs of exactly the model's size only."""
    change(folder, "width_px = 16", "width_px = 32")

    assert "is not a picture of 32x16 pixels" in fault_of(folder)


def test_the_shipped_bundle_is_whole() -> None:
    """It should know the seven labels, and its golden inputs should be pictures of them."""
    bundle = load(find("waste"))

    assert set(bundle.labels) == {
        "cardboard", "glass", "metal", "organic", "paper", "plastic", "trash",
    }  # fmt: skip
    assert bundle.manifest.end_bin == "landfill"
    assert set(bundle.manifest.bins.values()) >= {"paper", "glass", "packaging", "compost"}
    assert {one.file for one in bundle.golden} == {f"golden/{x}.png" for x in bundle.labels}
    listed = set(bundle.manifest.sha256) | {"manifest.toml"}
    there = {p.relative_to(bundle.folder).as_posix() for p in bundle.folder.rglob("*.*")}
    assert there == listed
    assert cv2.haveImageReader(str(bundle.folder / bundle.golden[0].file))
    assert np.isfinite([one.scores for one in bundle.golden]).all()


def test_the_shipped_bundle_meets_its_promise() -> None:
    """It should have been right on at least 88% of the validation rows, as its card says."""
    bundle = load(find("waste"))

    first = bundle.manifest.accuracy[0]
    assert first.pictures == "validation photographs"
    assert first.n == 349
    assert first.right_frac >= 0.88
    assert first.low_frac < first.right_frac < first.high_frac
    assert bundle.model_path.stat().st_size <= 4_000_000
