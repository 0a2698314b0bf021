import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sorterd.classifiers.bundle import Segments, load
from sorterd.core.records import Box
from tests.tools.machines import (
    KEYS,
    Cluster,
    bucket_at,
    dask_cluster,
    forget_buckets,
    s3_endpoint,
)
from tools import evaluate
from tools.workshop.bundling import seal
from tools.workshop.compose.coco import CocoFile, Notes

PROJECT = Path(__file__).resolve().parents[2]
TINY = PROJECT / "tests" / "classifiers" / "tiny"
WASTE = PROJECT / ".." / "shared" / "data" / "waste"
# BGR: how the three labels of the tiny bundles look.
COLOURS = {"red": (40, 40, 220), "green": (40, 220, 40), "blue": (220, 40, 40)}
PROMISED = {
    "accuracy",
    "macro_recall",
    "per_class",
    "confusion",
    "stage_one",
    "stage_two",
    "joint",
    "coverage",
    "ece",
    "parity",
}

Pixels = npt.NDArray[np.uint8]


def paint(path: Path, colour: tuple[int, int, int], *, seed: int = 0) -> None:
    """Write a picture of one colour, a little uneven, as PNG."""
    rng = np.random.default_rng([11, seed])
    pixels = np.full((40, 30, 3), colour, np.int16) + rng.integers(-9, 10, (40, 30, 3))
    save(path, np.clip(pixels, 0, 255).astype(np.uint8))


def save(path: Path, pixels: Pixels) -> None:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder of four pictures a label; one that lies under red is blue."""
    folder = tmp_path / "data"
    for label, colour in COLOURS.items():
        for place in range(4):
            paint(folder / label / f"{place}.png", colour, seed=place)
    paint(folder / "red" / "3.png", COLOURS["blue"])
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return where the figures go."""
    return tmp_path / "out" / "figures.json"


def figures(out: Path, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """Measure, and read what was written."""
    assert evaluate.main([*map(str, arguments), "--json", str(out)]) == code
    read: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return read


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Measure what cannot be measured, and return the one line that says why."""
    assert evaluate.main([*map(str, arguments)]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "evaluate: " in line]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("bundle", ["int8", "uint8", "float32", "heads"])
def test_every_figure_is_there_and_true(bundle: str, data: Path, out: Path) -> None:
    """It should count one wrong picture of twelve, by label, by stage and by name."""
    found = figures(out, TINY / bundle, data)

    assert found.keys() >= PROMISED
    assert found["labels"] == ["red", "green", "blue"]
    assert found["confusion"] == [[3, 0, 1], [0, 4, 0], [0, 0, 4]]
    assert found["accuracy"] == 11 / 12
    assert found["accuracy_interval"] == pytest.approx([0.646, 0.985], abs=0.001)
    assert found["macro_recall"] == pytest.approx((0.75 + 1 + 1) / 3)
    assert found["per_class"]["red"]["n"] == 4
    assert found["per_class"]["red"]["recall"] == 0.75
    assert found["per_class"]["red"]["precision"] == 1.0
    assert found["per_class"]["blue"]["precision"] == 0.8
    assert found["stage_one"]["names"] == ["organic", "recyclable", "landfill"]
    assert found["stage_one"]["confusion"] == [[4, 0, 0], [0, 3, 1], [0, 0, 4]]
    assert found["stage_two"]["confusion"] == [[3]]
    assert found["joint"]["recyclable"]["accuracy"] == 0.75
    assert found["joint"]["with_thresholds"]["coverage"] == 1.0
    assert found["parity"] is None
    assert [one["file"] for one in found["wrong"]] == ["red/3.png"]
    assert found["wrong"][0]["said"] == "blue"
    assert found["coverage"]["curve"][-1]["coverage"] == 1.0
    assert found["coverage"]["at_90"]["coverage"] >= 0.9
    assert 0 < found["ece"] < 0.2
    assert found["timed_on"]["threads"] == 1
    assert found["time"]["invoke_ms"]["p50"] > 0


def test_a_list_says_what_is_measured(data: Path, out: Path, tmp_path: Path) -> None:
    """It should measure what a list names, under the labels that it gives."""
    rows = tmp_path / "test.csv"
    rows.write_text("file,label\nred/3.png,blue\ngreen/0.png,green\n", encoding="utf-8")

    found = figures(out, TINY / "heads", data, "--list", rows)

    assert found["n"] == 2
    assert found["accuracy"] == 1.0
    assert found["data"]["empty"] == ["red"]
    assert found["per_class"]["red"]["recall"] is None
    assert found["stage_two"]["accuracy"] is None


def test_an_official_split_is_chosen_by_its_name(
    data: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should measure the rows of that split, and name the splits there are for any other."""
    table = "file,official_split\nred/0.png,val\nred/1.png,train\ngreen/0.png,val\n"
    (data / "SOURCES.csv").write_text(table, encoding="utf-8")

    found = figures(out, TINY / "heads", data, "--official", "val")

    assert found["n"] == 2
    line = refused(capsys, TINY / "heads", data, "--official", "test")
    assert "there is train, val" in line


def test_a_label_can_be_left_out(data: Path, out: Path) -> None:
    """It should measure the other labels' pictures, and say so."""
    found = figures(out, TINY / "heads", data, "--without", "red")

    assert found["accuracy"] == 1.0
    assert found["n"] == 8
    assert "without red" in found["data"]["described"]


def test_broken_pictures_are_named_and_left_out(data: Path, out: Path) -> None:
    """It should count on without them, and without a label that has only broken ones."""
    (data / "green" / "0.png").write_bytes(b"not a picture")
    shutil.rmtree(data / "blue")
    (data / "blue").mkdir()
    (data / "blue" / "0.png").write_bytes((data / "red" / "0.png").read_bytes()[:200])

    found = figures(out, TINY / "heads", data)

    assert [one["file"] for one in found["data"]["broken"]] == ["blue/0.png", "green/0.png"]
    assert all(one["why"] for one in found["data"]["broken"])
    assert found["data"]["pictures"] == found["n"] == 7
    assert found["data"]["empty"] == ["blue"]
    assert found["macro_recall"] == pytest.approx((0.75 + 1) / 2)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("no folder", "no folder"),
        ("unknown label", "yellow/0.png is labelled yellow, which the bundle does not know"),
        ("all broken", "every picture of"),
        ("no bundle", "no bundle"),
        ("list names nothing there", "names red/9.png, which is not in"),
        ("unknown label left out", "--without yellow: the bundle does not know it"),
        ("all left out", "no pictures are left"),
        ("no table", "no picture has official_split val"),
    ],
)
def test_bad_input_ends_in_one_line(
    spoil: str, said: str, data: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name what is wrong and write nothing."""
    arguments: list[str | Path] = [TINY / "heads", data, "--json", out]
    if spoil == "no folder":
        shutil.rmtree(data)
    elif spoil == "unknown label":
        paint(data / "yellow" / "0.png", (40, 220, 220))
    elif spoil == "all broken":
        for path in data.rglob("*.png"):
            path.write_bytes(b"")
    elif spoil == "no bundle":
        arguments[0] = data
    elif spoil == "list names nothing there":
        rows = data.with_name("rows.csv")
        rows.write_text("file,label\nred/9.png,red\n", encoding="utf-8")
        arguments += ["--list", rows]
    elif spoil == "unknown label left out":
        arguments += ["--without", "yellow"]
    elif spoil == "all left out":
        for label in COLOURS:
            arguments += ["--without", label]
    else:
        arguments += ["--official", "val"]

    assert said in refused(capsys, *arguments)
    assert not out.exists()


def test_gates_decide_the_exit_code(
    data: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should give 1 and a line for each figure out of bounds, after writing everything."""
    kept = ("--at-least", "accuracy=0.9", "--at-most", "ece=0.5")
    missed = ("--at-least", "per_class.red.recall=0.8", "--at-most", "accuracy=0.5")

    figures(out, TINY / "heads", data, *kept)
    capsys.readouterr()
    figures(out, TINY / "heads", data, *kept, *missed, code=1)

    lines = [line for line in capsys.readouterr().err.splitlines() if "evaluate: " in line]
    assert [line.split("evaluate: ")[1] for line in lines] == [
        "per_class.red.recall is 0.75; at least 0.8 is asked for",
        "accuracy is 0.9167; at most 0.5 is asked for",
    ]


def test_a_figure_that_cannot_be_known_misses_its_gate(data: Path, out: Path) -> None:
    """It should not pass a gate on a label without pictures."""
    gate = ("--without", "red", "--at-least", "per_class.red.recall=0.1")

    figures(out, TINY / "heads", data, *gate, code=1)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("acuracy=0.9", "no figure acuracy"),
        ("per_class.yellow.recall=0.9", "at yellow there are red, green, blue"),
        ("confusion=0.9", "confusion is not a number"),
    ],
)
def test_a_gate_on_no_figure_is_refused(
    gate: str, said: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the figures there are."""
    assert said in refused(capsys, TINY / "heads", data, "--at-least", gate)


@pytest.mark.parametrize("wrong", ["accuracy", "accuracy=high", "=0.9"])
def test_a_gate_without_a_number_is_refused(wrong: str, data: Path) -> None:
    """It should be refused with the other faults of the command line."""
    with pytest.raises(SystemExit, match="2"):
        evaluate.main([str(TINY / "heads"), str(data), "--at-least", wrong])


def test_int8_is_compared_with_float(data: Path, out: Path) -> None:
    """It should find that both say the same of plain colours."""
    float_model = TINY / "float32" / "model.tflite"

    parity = figures(out, TINY / "int8", data, "--float", float_model)["parity"]

    assert parity["agreement"] == 1.0
    assert parity["n"] == 12
    assert parity["passes"] is True
    assert parity["recall_drop"]["red"] == {
        "n": 4,
        "float_recall": 0.75,
        "int8_recall": 0.75,
        "drop": 0.0,
    }


def test_int8_too_far_from_float_gives_1(
    data: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should refuse a bundle whose int8 numbers are clipped where float tells labels apart."""
    bundle = Path(shutil.copytree(TINY / "int8", tmp_path / "bundle"))
    manifest = (bundle / "manifest.toml").read_text(encoding="utf-8")
    manifest = re.sub(r"gain = .*", "gain = 0.05", manifest)
    manifest = re.sub(r"offset = .*", "offset = -6.0", manifest)
    (bundle / "manifest.toml").write_text(manifest, encoding="utf-8")
    # Both above what int8 holds, so int8 sees them equal and takes the first.
    for place in range(4):
        paint(data / "green" / f"{place}.png", (20, 220, 170), seed=place)

    found = figures(out, bundle, data, "--float", TINY / "float32" / "model.tflite", code=1)

    assert found["parity"]["passes"] is False
    assert found["parity"]["worst"] == "green"
    err = capsys.readouterr().err
    assert "evaluate: cut whole: int8 is too far from float: they agree on 66.7%" in err
    assert "green loses 100.0 points of recall (4 to 0 of 4)" in err


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("none.tflite", "no float model"),
        ("noise.tflite", "is not a model that opens"),
        ("int8/model.tflite", "is not a float model"),
        ("heads/model.tflite", "give its own float"),
    ],
)
def test_a_float_model_that_does_not_fit_is_refused(
    model: str, said: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the file."""
    (tmp_path / "noise.tflite").write_bytes(bytes(range(256)) * 8)
    path = tmp_path / model if model == "noise.tflite" else TINY / model

    line = refused(capsys, TINY / "int8", data, "--float", path)

    assert said in line
    assert str(path) in line


def test_the_piece_is_found_as_a_station_finds_it(out: Path, tmp_path: Path) -> None:
    """It should see a red thing on a bluish ground where the whole picture is mostly blue."""
    pixels = np.full((200, 240, 3), (205, 190, 190), np.uint8)
    cv2.circle(pixels, (120, 100), 32, COLOURS["red"], cv2.FILLED)
    save(tmp_path / "belt" / "red" / "0.png", pixels)

    found = figures(out, TINY / "heads", tmp_path / "belt", "--cut", "both")

    assert found["cut"] == "whole"
    assert found["cuts"].keys() == {"whole", "piece"}
    assert found["accuracy"] == found["cuts"]["whole"]["accuracy"] == 0.0
    assert found["cuts"]["piece"]["accuracy"] == 1.0


def test_more_views_are_surer(data: Path, out: Path) -> None:
    """It should add up what eight poses say of even colours: the same, and more surely."""
    one = figures(out, TINY / "heads", data)
    eight = figures(out, TINY / "heads", data, "--views", "8")

    assert eight["views"] == 8
    assert eight["confusion"] == one["confusion"]
    assert eight["wrong"][0]["confidence"] > one["wrong"][0]["confidence"]


def test_the_cost_is_told_beside_another_bundle(
    data: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should give the ratio of two models' times, and name the other one."""
    found = figures(out, TINY / "int8", data, "--beside", str(TINY / "float32"))

    assert found["cost"]["ratio"] > 0
    assert "of what tiny float32 1 takes" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["0", "9", "some"])
def test_no_more_views_than_poses(wrong: str, data: Path) -> None:
    """It should refuse a number of views for which there are no poses."""
    with pytest.raises(SystemExit, match="2"):
        evaluate.main([str(TINY / "heads"), str(data), "--views", wrong])


def test_a_page_shows_figures_and_wrong_pictures(data: Path, tmp_path: Path) -> None:
    """It should hold plots, the wrong picture and its name, and escape what folders are called."""
    odd = data.rename(tmp_path / "a <b> & c")
    page = tmp_path / "page.html"

    code = evaluate.main([str(TINY / "heads"), str(odd), "--cut", "both", "--page", str(page)])

    text = page.read_text(encoding="utf-8")
    assert code == 0
    assert text.count("<svg") == 12
    assert text.count("red, said blue 0.9") == 4
    assert "a &lt;b&gt; &amp; c" in text
    assert "a <b>" not in text
    assert "91.7% (n = 12" in text


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Yield the address of an S3 endpoint."""
    with s3_endpoint() as address:
        yield address


@pytest.fixture(scope="module")
def cluster(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Yield a scheduler with two workers, which can reach the endpoint."""
    folder = tmp_path_factory.mktemp("machines")
    with dask_cluster(folder, AWS_ENDPOINT_URL=endpoint, **KEYS) as made:
        made.settle(2)
        yield made


@pytest.fixture
def bucket(endpoint: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a bucket that holds the data."""
    for name, value in {"AWS_ENDPOINT_URL": endpoint, **KEYS}.items():
        monkeypatch.setenv(name, value)
    forget_buckets()
    client = bucket_at(endpoint, "lab")
    for path in data.rglob("*.png"):
        key = f"waste/{path.relative_to(data).as_posix()}"
        client.put_object(Bucket="lab", Key=key, Body=path.read_bytes())
    return "s3://lab/waste"


def test_a_cluster_gives_the_same_figures(
    cluster: Cluster, data: Path, out: Path, tmp_path: Path
) -> None:
    """It should differ in its times only, with a broken picture and the float model too."""
    (data / "green" / "0.png").write_bytes(b"not a picture")
    both = (TINY / "heads", data, "--cut", "both", "--views", "2")
    extra = ("--float", TINY / "heads" / "model.tflite")

    here = figures(out, *both, *extra)
    there = figures(tmp_path / "there.json", *both, *extra, "--cluster", cluster.address)

    assert without_times(there) == without_times(here)
    assert there["timed_on"]["cluster"] == cluster.address


def test_a_bucket_gives_the_same_figures(
    cluster: Cluster, bucket: str, data: Path, out: Path, tmp_path: Path
) -> None:
    """It should measure a bucket as it measures a folder, here and on a cluster."""
    folder = figures(out, TINY / "heads", data)
    here = figures(tmp_path / "here.json", TINY / "heads", bucket)
    there = figures(tmp_path / "there.json", TINY / "heads", bucket, "--cluster", cluster.address)

    assert without_times(there) == without_times(here)
    assert here["data"].pop("described") == bucket
    assert folder["data"].pop("described") == str(data)
    assert without_times(here) == without_times(folder)


def test_a_bucket_that_is_not_there_is_one_line(
    bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the bucket."""
    line = refused(capsys, TINY / "heads", bucket.replace("lab", "nothing-here"))

    assert "s3://nothing-here/waste" in line


def test_a_worker_that_cannot_see_the_folder_is_no_broken_picture(
    cluster: Cluster,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It should stop where a worker has other files under the same path, not leave pictures out."""
    # What this leads to differs from process to process.
    monkeypatch.chdir(data)

    line = refused(capsys, TINY / "heads", "/proc/self/cwd", "--cluster", cluster.address)

    assert "mount the folder there under the same path" in line


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """The figures that do not depend on who measured."""
    cuts = {cut: without_times(one) for cut, one in found.get("cuts", {}).items()}
    kept = {key: value for key, value in found.items() if key not in {"time", "timed_on", "cuts"}}
    return kept | cuts


def test_no_cluster_is_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It should name the address at which nobody answers."""
    line = refused(capsys, TINY / "heads", data, "--cluster", "nonsense")

    assert "nonsense" in line


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Return a folder of one composed scene: two bright squares on a belt seen empty before."""
    folder = tmp_path / "scenes"
    frame = np.full((120, 160, 3), 112, np.uint8)
    coco, ids = CocoFile(["can"]), np.zeros((120, 160), np.uint8)
    for place in range(12):
        save(folder / "grounds" / f"0_{place}.png", frame)
    notes: Notes = {
        "mask_file": "masks/0.png",
        "ground": "belt",
        "empty_pictures": 12,
        "interval_ms": 100,
    }
    image = coco.image("frames/0.png", 160, 120, notes)
    for number, box in enumerate((Box(20, 20, 24, 24), Box(100, 60, 32, 32)), start=1):
        inside = np.s_[box.top_px : box.bottom_px, box.left_px : box.right_px]
        frame[inside], ids[inside] = 240, number
        coco.annotation(image, "can", box, np.asarray(ids == number, np.uint8))
    save(folder / "frames" / "0.png", frame)
    save(folder / "masks" / "0.png", ids)
    (folder / "scenes.json").write_bytes(coco.content())
    return folder


@pytest.fixture
def finding(tmp_path: Path) -> Path:
    """Return a bundle that has a segments model."""
    folder = Path(shutil.copytree(TINY / "heads", tmp_path / "finding"))
    shutil.copy(TINY.parent / "tiny_segments" / "segments.tflite", folder)
    segments = Segments(
        model="segments.tflite",
        width_px=160,
        height_px=120,
        gain=1 / 127.5,
        offset=-1.0,
        threshold=0.0,
        apart=0.0,
    )
    seal(folder, load(folder).manifest.model_copy(update={"segments": segments}))
    return folder


def test_both_finders_are_compared_on_composed_scenes(
    finding: Path, scenes: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should count the pieces that each finds whole, show the scene, and hold its gates."""
    page = tmp_path / "page.html"
    figure = "segments.all.segments.whole_frac"

    found = figures(
        out, finding, scenes, "--segments", "--page", page, "--at-least", f"{figure}=0.95"
    )

    for finder in ("segments", "difference"):
        assert found["segments"]["plain"][finder]["pieces"] == 2
        assert found["segments"]["plain"][finder]["whole_frac"] == 1.0
    assert "plain, by difference" in capsys.readouterr().out
    assert page.read_text(encoding="utf-8").count("<figure>") == 2
    figures(out, finding, scenes, "--segments", "--at-most", f"{figure}=0.5", code=1)


def test_scenes_need_a_segments_model_and_scenes(
    finding: Path, scenes: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say in one line which of the two is missing."""
    assert "has no segments model" in refused(capsys, TINY / "heads", scenes, "--segments")
    assert "has no scenes.json" in refused(capsys, finding, data, "--segments")


@pytest.mark.parametrize("option", ["--views", "--cluster", "--float"])
def test_options_of_pictures_do_not_go_with_scenes(
    option: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should refuse what it would not heed."""
    with pytest.raises(SystemExit, match="2"):
        evaluate.main([str(TINY / "heads"), str(data), "--segments", option, "2"])

    assert f"{option} does not go with --segments" in capsys.readouterr().err


def test_it_runs_as_a_program() -> None:
    """It should explain itself from any folder."""
    command = [sys.executable, str(PROJECT / "tools" / "evaluate.py"), "--help"]
    done = subprocess.run(  # noqa: S603  # our own tool with our own arguments
        command, cwd="/", capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0
    assert "examples:" in done.stdout
    assert "--at-least" in done.stdout


@pytest.mark.skipif(not WASTE.is_dir(), reason="../shared/data/waste is not here")
def test_the_shipped_bundle_on_real_photographs(out: Path) -> None:
    """It should recognise most photographs that no training saw."""
    left_out = [
        word for label in ("organic", "paper", "plastic", "glass") for word in ("--without", label)
    ]

    found = figures(out, "waste", WASTE, "--official", "val", *left_out)

    assert found["n"] == 112
    assert found["accuracy"] > 0.8
