"""Segmentation in the workshop: what it learns from, how finders are measured, the training."""

import json
import shutil
from argparse import ArgumentParser
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.classifiers.bundle import Bundle, BundleFault, Segments, load
from sorterd.classifiers.segmenter import open_segmenter
from sorterd.clock import ManualClock
from sorterd.core.records import Box, Region
from sorterd.vision.regions import Finding
from tools.compose import main as compose
from tools.workshop.compose.composed import ComposedScene, read_scenes
from tools.workshop.faults import EXIT_DONE, EXIT_INPUT, WorkshopFault, ended
from tools.workshop.pages import Page
from tools.workshop.places import Place
from tools.workshop.segments.segment_comparison import compare, show
from tools.workshop.segments.segment_lessons import Lesson, SegmentLessons, truth_of, whole_view
from tools.workshop.segments.segment_measuring import Outcome, Tally, iou, judged, kind_of, marked
from tools.workshop.segments.segment_training import add_options, put_into, run, train_segments

TESTS = Path(__file__).resolve().parents[1]
TINY_BUNDLE = TESTS / "classifiers" / "tiny" / "int8"
TINY_MODEL = TESTS / "classifiers" / "tiny_segments" / "segments.tflite"
RECIPE = """
items:
  - drawings: all
grounds:
  - kind: {kind}
frame: {{width_px: 320, height_px: 240, ending: png, rail_frac: 0}}
pieces: {{count: [1, 3], longer_px: [50, 90], overlapping_frac: 0}}
series: {{pictures: {pictures}, travel_px: [{travel}, {travel}]}}
"""


def composed(folder: Path, kind: str, count: int, *, pictures: int = 0, travel: int = 0) -> Path:
    """Compose a few small scenes of drawn pieces."""
    recipe = folder / f"{kind}.yaml"
    recipe.write_text(RECIPE.format(kind=kind, pictures=pictures, travel=travel))
    out = folder / kind
    assert compose([str(recipe), "--out", str(out), "--count", str(count), "--workers", "1"]) == 0
    return out


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compose scenes to learn from."""
    return composed(tmp_path_factory.mktemp("learn"), "belt", 17)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> list[ComposedScene]:
    """Compose scenes of two kinds of ground, with the empty ground before."""
    folder = tmp_path_factory.mktemp("compare")
    still = composed(folder, "stained", 3, pictures=12)
    moving = composed(folder, "checks", 2, pictures=12, travel=20)
    return [scene for one in (still, moving) for scene in read_scenes(Place(str(one)))[1]]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Return the tiny bundle with the tiny segments model: what is not mid grey is a piece."""
    folder = Path(shutil.copytree(TINY_BUNDLE, tmp_path / "tiny"))
    told = Segments(
        model=TINY_MODEL.name,
        width_px=160,
        height_px=120,
        gain=1 / 127.5,
        offset=-1.0,
        threshold=60.0,
        apart=60.0,
    )
    put_into(folder, TINY_MODEL, told)
    return load(folder)


def ids_of(*boxes: tuple[int, int, int, int]) -> npt.NDArray[np.uint8]:
    """Return a picture of ids with pieces at these (left, top, right, bottom)."""
    ids = np.zeros((480, 640), np.uint8)
    for number, (left, top, right, bottom) in enumerate(boxes, start=1):
        ids[top:bottom, left:right] = number
    return ids


def found(*boxes: tuple[int, int, int, int]) -> Finding:
    """Return a finding with these regions."""
    regions = (Box(left, top, right - left, bottom - top) for left, top, right, bottom in boxes)
    return Finding(tuple(Region(box, box.width_px * box.height_px) for box in regions))


def outcome(finding: Finding, ids: npt.NDArray[np.uint8]) -> Outcome:
    """Judge by the usual least area."""
    return judged(finding, ids, min_area_px=400)


def test_boxes_overlap_by_their_areas() -> None:
    """It should be 1 for the same box, 0 for boxes apart, and a share between."""
    one = Box(0, 0, 10, 10)

    assert iou(one, one) == 1.0
    assert iou(one, Box(10, 0, 10, 10)) == 0.0
    assert iou(one, Box(5, 0, 10, 10)) == pytest.approx(1 / 3)


PIECE, BESIDE, FAR = (100, 100, 200, 200), (200, 100, 300, 200), (400, 300, 500, 400)


@pytest.mark.parametrize(
    ("finding", "pieces", "whole", "false"),
    [
        (found(PIECE), (PIECE,), (True,), 0),
        (found((105, 95, 205, 190)), (PIECE,), (True,), 0),
        (found(), (PIECE,), (False,), 0),
        (found((100, 100, 160, 200)), (PIECE,), (False,), 0),  # half of it
        (found(PIECE, (102, 100, 200, 200)), (PIECE,), (False,), 0),  # told twice
        (found((100, 100, 300, 200)), (PIECE, BESIDE), (False, False), 0),  # both as one
        (found(PIECE, BESIDE), (PIECE, BESIDE), (True, True), 0),
        (found(PIECE), (PIECE, FAR), (True, False), 0),
        (found(PIECE, FAR), (PIECE,), (True,), 1),
        (found((100, 100, 215, 200)), (PIECE, (201, 120, 226, 150)), (False, False), 0),
        (found(PIECE), (PIECE, (300, 300, 310, 310)), (True,), 0),  # a crumb is no piece
        (Finding(covered=True), (PIECE,), (False,), 0),
    ],
)
def test_what_counts_as_found_whole(
    finding: Finding,
    pieces: tuple[tuple[int, int, int, int], ...],
    whole: tuple[bool, ...],
    false: int,
) -> None:
    """It should want exactly one region for a piece, of its size, and no other piece in it."""
    told = outcome(finding, ids_of(*pieces))

    assert told.whole == whole
    assert told.false == false


def test_a_small_piece_within_a_large_ones_box_is_no_fault() -> None:
    """It should let a piece lie in the box of a slanted one if it has a region of its own."""
    ids = ids_of((100, 100, 300, 140), (100, 140, 140, 300))
    ids[ids == 2] = 1
    ids[220:280, 220:280] = 2

    both = outcome(found((100, 100, 300, 300), (220, 220, 280, 280)), ids)
    one = outcome(found((100, 100, 300, 300)), ids)

    assert both.whole == (True, True)
    assert one.whole == (False, False)


def test_figures_add_up() -> None:
    """It should count pieces that touch apart from those that lie alone."""
    tally = Tally()
    tally.add(outcome(found(PIECE), ids_of(PIECE, BESIDE, FAR)))
    tally.add(outcome(found(FAR), ids_of()))
    tally.add(outcome(Finding(covered=True), ids_of(FAR)))

    figures = tally.figures()

    assert (figures["pieces"], figures["whole_pieces"], figures["whole_frac"]) == (4, 1, 0.25)
    assert (figures["touching_pieces"], figures["touching_whole_frac"]) == (2, 0.5)
    assert (figures["alone_pieces"], figures["alone_whole_frac"]) == (2, 0.0)
    assert figures["false_regions_per_scene"] == pytest.approx(1 / 3, abs=0.001)
    assert (figures["covered_scenes"], figures["learning_scenes"]) == (1, 0)
    json.dumps(figures)


def test_nothing_seen_has_no_share() -> None:
    """It should give figures of no scene at all."""
    assert Tally().figures()["whole_frac"] is None


def test_false_regions_are_marked() -> None:
    """It should draw a region that holds nothing in another colour than one that does."""
    ids = ids_of(PIECE)
    shown = marked(np.zeros((480, 640, 3), np.uint8), ids, [Box(20, 20, 40, 40)], min_area_px=400)

    assert tuple(shown[20, 30]) == (40, 40, 230)
    assert tuple(shown[100, 150]) == (255, 255, 255)


def test_truth_parts_pieces_that_touch() -> None:
    """It should take a crack from both, and count it and nothing else more than open belt."""
    ids = np.zeros((240, 320), np.uint8)
    ids[100:160, 100:150] = 1
    ids[100:160, 150:200] = 2

    targets, counts = truth_of(ids)

    assert targets.shape == counts.shape == (120, 160)
    assert targets[65, 60] == targets[65, 90] == 1.0
    assert targets[65, 74] == targets[65, 75] == 0.0
    assert counts[65, 75] > 5
    assert counts[65, 60] == counts[10, 10] == 1.0
    assert targets[55, 50] == 1.0  # the outer edges stay where they are


def test_truth_of_an_empty_belt() -> None:
    """It should say that nothing is there."""
    targets, counts = truth_of(np.zeros((240, 320), np.uint8))

    assert not targets.any()
    assert (counts == 1).all()


def test_lessons_follow_from_their_seed() -> None:
    """It should show every scene once in an epoch, the same for a seed, with its own truth."""
    rng = np.random.default_rng(6)
    lessons = []
    for place in range(7):
        ids = np.zeros((120, 160), np.uint8)
        ids[20 : 60 + place, 30:100] = 1
        pixels = np.where(ids[:, :, None] > 0, 250, rng.integers(0, 40, (120, 160, 3)))
        lessons.append(Lesson(pixels.astype(np.uint8), ids))
    subject = SegmentLessons(lessons, width_px=64, height_px=48)

    one, again, other = (list(subject.epoch(3, (1, epoch))) for epoch in (0, 0, 1))

    assert [len(batch.pixels) for batch in one] == [3, 3, 1]
    assert subject.steps(3) == 3
    for left, right in zip(one, again, strict=True):
        assert (left.pixels == right.pixels).all()
        assert (left.targets == right.targets).all()
    assert any((a.pixels != b.pixels).any() for a, b in zip(one, other, strict=True))
    for batch in one:
        bright = batch.pixels[:, ::2, ::2].min(axis=3) > 140
        assert (bright == (batch.targets > 0.5)).mean() > 0.95


def test_a_whole_view_is_what_the_station_shows() -> None:
    """It should keep the shape of a wide frame and expect nothing where there is no frame."""
    ids = np.ones((100, 400), np.uint8)

    pixels, targets, _ = whole_view(Lesson(np.full((100, 400, 3), 200, np.uint8), ids), 320, 240)

    assert (pixels[:80] == 128).all()
    assert (pixels[82:158] == 200).all()
    assert not targets[:40].any()
    assert targets[41:79].all()


def test_both_finders_are_compared_by_kind_of_ground(
    bundle: Bundle, compared: list[ComposedScene]
) -> None:
    """It should give figures for each finder and kind of ground, and pictures of both."""
    comparison = compare(bundle, compared, examples=2)

    figures = comparison.figures
    assert [kind_of(scene) for scene in compared] == ["plain"] * 3 + ["moving"] * 2
    assert set(figures) == {"cost_ms", "runtime", "plain", "moving", "all"}
    for kind, count in (("plain", 3), ("moving", 2), ("all", 5)):
        for finder in ("segments", "difference"):
            assert figures[kind][finder]["scenes"] == count
    pieces = sum(len(scene.pieces) for scene in compared)
    assert figures["all"]["segments"]["pieces"] == figures["all"]["difference"]["pieces"] == pieces
    assert figures["all"]["difference"]["mean_mask_iou"] is None
    assert 0 <= figures["all"]["segments"]["mean_mask_iou"] <= 1
    # Drawn pieces on a stained belt that stands still are what differencing is made for.
    assert figures["plain"]["difference"]["whole_frac"] > 0.7
    assert len(comparison.pictures) == 2 * 2 * 2
    json.dumps(figures)


def test_a_comparison_is_shown(bundle: Bundle, compared: list[ComposedScene]) -> None:
    """It should make a page with a row for each finder and kind."""
    page = Page("finders")

    show(page, compare(bundle, compared[:1], examples=1))

    assert "plain, by segments" in page.html()
    assert "plain, by difference" in page.html()


def test_a_bundle_without_the_model_is_told(compared: list[ComposedScene]) -> None:
    """It should name the bundle, and say when there are no scenes."""
    with pytest.raises(WorkshopFault, match="int8 has no segments model"):
        compare(load(TINY_BUNDLE), compared)


def test_no_scenes_are_told(bundle: Bundle) -> None:
    """It should say what makes some."""
    with pytest.raises(WorkshopFault, match=r"tools/compose\.py"):
        compare(bundle, [])


def test_a_model_becomes_part_of_a_bundle(bundle: Bundle) -> None:
    """It should replace an older one, and leave all else as it was."""
    before = load(TINY_BUNDLE).manifest
    again = bundle.manifest.segments
    assert again is not None

    put_into(bundle.folder, TINY_MODEL, again.model_copy(update={"threshold": 1.0}))

    after = load(bundle.folder).manifest
    assert after.segments is not None
    assert after.segments.threshold == 1.0
    assert set(after.sha256) == {*before.sha256, TINY_MODEL.name}
    assert after.labels == before.labels
    assert [each.name for each in bundle.folder.parent.iterdir()] == ["tiny"]


def test_a_bundle_that_cannot_take_it_is_told_before_training(tmp_path: Path) -> None:
    """It should not train for an hour first."""
    asked = f"--scenes {tmp_path} --out {tmp_path} --bundle {tmp_path / 'none'}"

    with pytest.raises(BundleFault, match="none"):
        run(options_of().parse_args(asked.split()))


def options_of() -> ArgumentParser:
    """Return a parser with this command's options."""
    parser = ArgumentParser()
    add_options(parser)
    return parser


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")
# Keras 3 and TensorFlow 2.17 warn of each other's numpy calls; nothing of ours can change that.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.long
def test_training_leaves_a_model_that_the_station_opens(scenes: Path, tmp_path: Path) -> None:
    """It should write an int8 model and figures, from the command line's options."""
    out = tmp_path / "model"
    asked = f"--scenes {scenes} --out {out} --weights none --epochs 1 --batch 5 --size-px 64 48"
    reports = ["--json", f"{tmp_path}/t.json", "--report", f"{tmp_path}/t.html"]
    options = options_of().parse_args([*asked.split(), *reports])

    assert run(options) == EXIT_DONE

    figures = json.loads((tmp_path / "t.json").read_text())
    assert (figures["scenes"], figures["held_out"]) == (14, 3)
    assert len(figures["losses"]) == 1
    assert figures["agreement_frac"] > 0.9
    assert "found whole" in (tmp_path / "t.html").read_text()
    segments = Segments.model_validate(figures["segments"])
    model = open_segmenter(
        out / segments.model, segments, runtime="auto", threads=1, clock=ManualClock()
    )
    assert model.numbers().shape == (24, 32)


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("weights", "size_px", "words"),
    [("nowhere.h5", (64, 48), "nowhere.h5 do not load"), ("none", (60, 48), "multiples of 16")],
)
def test_what_cannot_be_trained(
    scenes: Path, tmp_path: Path, weights: str, size_px: tuple[int, int], words: str
) -> None:
    """It should end in one line and leave no model behind."""
    with pytest.raises(WorkshopFault, match=words):
        train_segments([scenes], tmp_path, weights=weights, epochs=1, seed=1, size_px=size_px)

    assert not list(tmp_path.iterdir())


def test_too_few_scenes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It should say how many there are, before anything is trained."""
    few = composed(tmp_path, "belt", 3)
    options = options_of().parse_args(["--scenes", str(few), "--out", str(tmp_path / "model")])
    capsys.readouterr()

    assert ended("train", lambda: run(options)) == EXIT_INPUT

    assert capsys.readouterr().err == f"train: {few}: 3 scenes: make 16 or more\n"
    assert not (tmp_path / "model").exists()


def test_a_folder_that_holds_no_scenes(tmp_path: Path) -> None:
    """It should say what makes them."""
    with pytest.raises(WorkshopFault, match=r"tools/compose\.py"):
        train_segments([tmp_path], tmp_path, weights="none", epochs=1, seed=1)
