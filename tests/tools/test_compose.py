"""Composing: the truth fits the pictures, a seed fixes them, and nothing unfit is cut."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.records import Box
from sorterd.simulation.drawings import draw
from tools import compose
from tools.workshop.compose import grounds
from tools.workshop.compose.coco import read_coco
from tools.workshop.compose.composed import read_scenes
from tools.workshop.compose.composing import Scene, compose_scene
from tools.workshop.compose.fitness import measure
from tools.workshop.compose.recipes import Recipe, read_recipe
from tools.workshop.compose.stock import open_stock
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

PROJECT = Path(__file__).resolve().parents[2]
Pixels = npt.NDArray[np.uint8]
SMALL: dict[str, Any] = {
    "items": [{"drawings": ["metal", "glass", "organic"]}],
    "grounds": [{"kind": "belt"}, {"kind": "stained"}],
    "frame": {"width_px": 160, "height_px": 120, "rail_frac": 0.5},
    "pieces": {"count": [1, 6], "longer_px": [24, 60], "overlapping_frac": 0.7, "gap_px": 4},
}


def scene_of(changes: dict[str, Any], seed: int, index: int = 0) -> Scene:
    """Return one scene of the small recipe with some keys changed."""
    recipe = Recipe.model_validate(SMALL | changes)
    return compose_scene(recipe, open_stock(recipe), np.random.default_rng([seed, index]))


def photograph(label: str, seed: int, ground: int = 205) -> Pixels:
    """Return a photograph of a drawn piece in the middle of a plain ground."""
    piece = draw(label, np.random.default_rng([9, seed]))
    rows, columns = piece.alpha.shape
    seen = np.full((rows + 110, columns + 110, 3), ground, np.float32)
    middle = seen[55 : 55 + rows, 55 : 55 + columns]
    middle += (piece.pixels - middle) * (piece.alpha[:, :, None] / np.float32(255))
    return seen.astype(np.uint8)


def packed(pixels: Pixels) -> bytes:
    """Return the picture as a PNG."""
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of photographs of two labels, all fit to be cut."""
    folder = tmp_path_factory.mktemp("photographs")
    for label in ("metal", "paper"):
        (folder / label).mkdir()
        for seed in range(2):
            content = packed(photograph(label, seed, 205 if label == "metal" else 60))
            (folder / label / f"{seed}.png").write_bytes(content)
    return folder


@pytest.fixture
def recipe(tmp_path: Path, photographs: Path) -> Path:
    """Return a recipe that draws from a copy of the photographs, beside it."""
    shutil.copytree(photographs, tmp_path / "items")
    return written(tmp_path / "recipe.yaml", SMALL | {"items": [{"folder": "items"}]})


def written(path: Path, content: object) -> Path:
    """Write YAML; returns where."""
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def run(recipe: Path, out: Path, *more: str) -> int:
    """Run the command for three scenes; returns its exit code."""
    return compose.main([str(recipe), "--out", str(out), "--count", "3", *more])


def content_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows_of(table: Path) -> dict[str, dict[str, str]]:
    """Return the rows of a table of examined pictures, by file."""
    return {row["file"]: row for row in csv.DictReader(io.StringIO(table.read_text()))}


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_truth_fits_itself(seed: int) -> None:
    """It should give each piece pixels of its own, a tight box, and the share that is seen."""
    scene = scene_of({}, seed)

    assert set(np.unique(scene.ids)) - {0} == set(range(1, len(scene.instances) + 1))
    assert len(scene.instances) <= 6
    for place, one in enumerate(scene.instances):
        mask = scene.mask(place)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        tight = (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
        assert one.box == Box(*map(int, tight))
        assert 0.5 <= one.visible_frac <= 1
        assert one.label in {"metal", "glass", "organic"}


def test_pieces_lie_where_the_masks_say() -> None:
    """It should change the ground under the masks, and hardly anywhere else."""
    plain = {
        "grounds": [{"kind": "belt"}],
        "camera": {"noise_levels": [0, 0], "defocus_px": [0, 0]},
        "shadow": {"darkness_frac": [0, 0]},
        "series": {"pictures": 1, "flicker_frac": 0},
    }
    for seed in range(6):
        scene = scene_of(plain, seed)
        off = np.abs(scene.pixels.astype(int) - scene.empty[0]).max(axis=2)
        near = cv2.dilate((scene.ids > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert scene.instances
        assert off[~near].max() <= 1
        assert np.median(off[scene.ids > 0]) > 8


def test_pieces_overlap_only_where_they_may() -> None:
    """It should keep ground between pieces without overlap, and have some touch with it."""
    apart = SMALL["pieces"] | {"count": [6, 6], "overlapping_frac": 0, "gap_px": 6}
    touching = 0
    for seed in range(5):
        scene = scene_of({"pieces": apart}, seed)
        for place in range(len(scene.instances)):
            grown = cv2.dilate(scene.mask(place), np.ones((7, 7), np.uint8))
            assert not ((scene.ids != place + 1) & (scene.ids > 0) & (grown > 0)).any()
        crowded = scene_of({"pieces": apart | {"overlapping_frac": 1}}, seed)
        for place in range(len(crowded.instances)):
            grown = cv2.dilate(crowded.mask(place), np.ones((3, 3), np.uint8))
            touching += bool(((crowded.ids != place + 1) & (crowded.ids > 0) & (grown > 0)).any())
    assert touching > 5


def test_what_is_hidden_whole_is_dropped() -> None:
    """It should not list pieces of which nothing is seen, where the recipe allows to hide them."""
    crowd = {
        "frame": {"width_px": 64, "height_px": 64},
        "pieces": {
            "count": [40, 40],
            "longer_px": [40, 60],
            "overlapping_frac": 1,
            "least_visible_frac": 0,
        },
    }
    scene = scene_of(crowd, 1)

    assert 0 < len(scene.instances) < 40
    assert set(np.unique(scene.ids)) - {0} == set(range(1, len(scene.instances) + 1))
    assert all(one.visible_frac > 0 for one in scene.instances)


def test_an_empty_scene_is_one_too() -> None:
    """It should make scenes without pieces where the recipe wants some."""
    scene = scene_of({"pieces": {"count": [0, 0]}}, 1)

    assert scene.instances == ()
    assert not scene.ids.any()


def test_the_number_of_empty_pictures_does_not_change_a_scene() -> None:
    """It should draw the scene before the pictures of its ground."""
    few = scene_of({"series": {"pictures": 1}}, 4)
    many = scene_of({"series": {"pictures": 5}}, 4)

    assert np.array_equal(few.pixels, many.pixels)
    assert (len(few.empty), len(many.empty)) == (1, 5)


def test_a_still_camera_sees_the_same_ground_with_other_noise() -> None:
    """It should give empty pictures that differ by noise only."""
    scene = scene_of({"series": {"pictures": 3}}, 2)
    first, second = (picture.astype(float) for picture in scene.empty[:2])

    assert 0 < np.abs(first - second).mean() < 12
    assert abs(float((first - second).mean())) < 3


def test_a_moving_ground_runs_to_the_right() -> None:
    """It should shift each picture of the ground by the travel, rails and light apart."""
    moving = {
        "grounds": [{"kind": "gravel"}],
        "camera": {"noise_levels": [0, 0], "slope_frac": [0, 0], "vignette_frac": [0, 0]},
        "series": {"pictures": 4, "travel_px": [11, 11], "flicker_frac": 0},
    }
    scene = scene_of(moving, 3)

    assert scene.travel_px == 11
    for before, after in zip(scene.empty, scene.empty[1:], strict=False):
        apart = np.abs(after[:, 15:-4].astype(int) - before[:, 4:-15])
        assert apart.max() <= 1
        assert np.abs(after.astype(int) - before).mean() > 5


@pytest.mark.parametrize("kind", list(grounds.DRAWN))
def test_every_ground_fills_its_size(kind: str) -> None:
    """It should draw any size, the same again for the same seed and another for another."""

    def drawn(seed: int) -> Pixels:
        return grounds.DRAWN[kind](90, 210, np.random.default_rng(seed))

    assert drawn(1).shape == (90, 210, 3)
    assert drawn(1).dtype == np.uint8
    assert np.array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(1), drawn(2))


def test_workers_and_order_change_nothing(recipe: Path, tmp_path: Path) -> None:
    """It should give the same bytes with one worker, with three, and when taken up again."""
    assert run(recipe, tmp_path / "one", "--workers", "1") == 0
    assert run(recipe, tmp_path / "three", "--workers", "3") == 0
    assert compose.main([str(recipe), "--out", str(tmp_path / "later"), "--count", "1"]) == 0
    assert run(recipe, tmp_path / "later") == 0

    one = content_of(tmp_path / "one")
    assert one == content_of(tmp_path / "three")
    assert one == content_of(tmp_path / "later")
    assert {"frames/00002.jpg", "masks/00002.png", "scenes.json", "provenance.csv"} <= set(one)


def test_another_seed_gives_other_scenes(recipe: Path, tmp_path: Path) -> None:
    """It should draw all anew for another seed."""
    assert run(recipe, tmp_path / "one", "--seed", "1") == 0
    assert run(recipe, tmp_path / "two", "--seed", "2") == 0

    one, two = content_of(tmp_path / "one"), content_of(tmp_path / "two")
    assert all(one[key] != two[key] for key in one if key.startswith("frames/"))


def test_what_is_there_is_not_made_again(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should make only what is missing: a lost frame, a broken record, more scenes."""
    out = tmp_path / "out"
    assert run(recipe, out) == 0
    whole = content_of(out)
    marked = (out / "frames" / "00000.jpg").stat().st_mtime_ns
    (out / "frames" / "00001.jpg").unlink()
    (out / "records" / "00002.json").write_text("{")
    capsys.readouterr()

    assert run(recipe, out) == 0

    assert "3 scenes, 2 of them made now" in capsys.readouterr().out
    assert content_of(out) == whole
    assert (out / "frames" / "00000.jpg").stat().st_mtime_ns == marked


def test_a_changed_recipe_is_noticed(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should refuse to mix scenes of two recipes, name the key, and make all anew if asked."""
    out = tmp_path / "out"
    assert run(recipe, out) == 0
    before = content_of(out)
    other = yaml.safe_load(recipe.read_text())
    other["pieces"]["gap_px"] = 7
    written(recipe, other)
    capsys.readouterr()

    assert run(recipe, out) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("compose: ")]
    assert "recipe.pieces.gap_px was 4, is 7" in line
    assert content_of(out) == before

    assert compose.main([str(recipe), "--out", str(out), "--count", "2", "--again"]) == 0
    assert not (out / "frames" / "00002.jpg").exists()
    assert content_of(out)["compose.json"] != before["compose.json"]


def test_other_photographs_are_noticed(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should refuse to go on with other photographs, but not with moved ones."""
    out = tmp_path / "out"
    assert run(recipe, out) == 0
    (tmp_path / "items").rename(tmp_path / "moved")
    assert run(recipe, out, "--items", str(tmp_path / "moved")) == 0

    (tmp_path / "moved" / "metal" / "new.png").write_bytes(packed(photograph("metal", 77)))
    assert run(recipe, out, "--items", str(tmp_path / "moved")) == 2
    assert "other pictures" in capsys.readouterr().err


def test_scenes_come_back_as_they_were_written(recipe: Path, tmp_path: Path) -> None:
    """It should write COCO whose masks are the pictures of ids, and read all of it back."""
    content = yaml.safe_load(recipe.read_text())
    content["series"] = {"pictures": 2, "interval_ms": 40}
    content["frame"]["ending"] = "png"
    out = tmp_path / "out"
    assert run(written(recipe, content), out) == 0

    labels, scenes = read_scenes(Place(str(out)))
    made = read_recipe(recipe)
    stock = open_stock(made)

    assert labels == ("metal", "paper")
    assert len(scenes) == 3
    for index, scene in enumerate(scenes):
        truth = compose_scene(made, stock, np.random.default_rng([1, index]))
        assert np.array_equal(scene.pixels(), truth.pixels)
        assert np.array_equal(scene.ids(), truth.ids)
        assert [np.array_equal(scene.empty_pixels(k), truth.empty[k]) for k in range(2)] == [
            True
        ] * 2
        assert (scene.ground, scene.interval_ms) == (truth.ground, 40)
        assert [(a.category, a.box) for a in scene.pieces] == [
            (one.label, one.box) for one in truth.instances
        ]
        for place, piece in enumerate(scene.pieces):
            mask = piece.mask()
            assert mask is not None
            assert np.array_equal(mask, truth.mask(place))
            assert piece.area_px == mask.sum()


def test_provenance_names_the_photograph_of_every_piece(recipe: Path, tmp_path: Path) -> None:
    """It should say of each piece and each ground where it comes from."""
    out = tmp_path / "out"
    assert run(recipe, out) == 0

    table = list(csv.DictReader(io.StringIO((out / "provenance.csv").read_text())))
    coco = read_coco((out / "scenes.json").read_bytes())

    assert len(table) == sum(1 + len(image.annotations) for image in coco.images)
    for row in table:
        if row["piece"] != "0":
            assert (tmp_path / "items" / row["source"]).is_file()
            assert row["source"].startswith(f"{row['label']}/")
        else:
            assert row["source"] == "drawn"


def test_a_photograph_may_be_the_ground(recipe: Path, tmp_path: Path) -> None:
    """It should lay pieces on pictures, leave broken ones out, refuse a folder of only those."""
    folder = tmp_path / "landscapes"
    folder.mkdir()
    blue = np.full((60, 90, 3), (200, 80, 40), np.uint8)
    (folder / "sea.png").write_bytes(packed(blue))
    (folder / "torn.png").write_bytes(packed(blue)[:60])
    content = yaml.safe_load(recipe.read_text())
    content |= {"grounds": [{"kind": "photos", "folder": "nowhere"}]}
    written(recipe, content)
    out = tmp_path / "out"

    assert run(recipe, out, "--grounds", str(folder)) == 0

    _, scenes = read_scenes(Place(str(out)))
    for scene in scenes:
        bare = scene.pixels()[scene.ids() == 0]
        assert scene.ground == "photos"
        assert (np.median(bare, axis=0).argsort() == [2, 1, 0]).all()
    (folder / "sea.png").unlink()
    with pytest.raises(WorkshopFault, match="no usable pictures of grounds"):
        open_stock(read_recipe(recipe).with_grounds(str(folder)))


def with_caption(pixels: Pixels) -> bytes:
    """A line of print on the ground."""
    at = (6, pixels.shape[0] - 12)
    face, ink = cv2.FONT_HERSHEY_SIMPLEX, (20, 20, 20)
    cv2.putText(pixels, "www.stockpictures.com", at, face, 0.6, ink, 1, cv2.LINE_AA)
    return packed(pixels)


def with_holes(pixels: Pixels) -> bytes:
    """A piece on nothing."""
    alpha = np.where(np.abs(pixels.astype(int) - 205).max(axis=2) > 12, 255, 0)
    return packed(np.dstack([pixels, alpha]).astype(np.uint8))


def far_away(pixels: Pixels) -> bytes:
    """A piece that is a speck."""
    wide = np.full((600, 800, 3), 205, np.uint8)
    small = cv2.resize(pixels, (150, 120), interpolation=cv2.INTER_AREA)
    wide[240:360, 300:450] = small
    return packed(wide)


def with_another(pixels: Pixels) -> bytes:
    """A second thing in a corner."""
    cv2.circle(pixels, (24, 24), 18, (30, 60, 200), cv2.FILLED)
    return packed(pixels)


def close_up(pixels: Pixels) -> bytes:
    """Nothing but texture."""
    return packed(np.random.default_rng(1).integers(0, 255, pixels.shape, np.uint8))


def beyond_the_edge(pixels: Pixels) -> bytes:
    """A thing of which the picture shows a part."""
    pixels[70:, 40:-40] = (40, 90, 30)
    return packed(pixels)


SPOILS: dict[str, Callable[[Pixels], bytes]] = {
    "text": with_caption,
    "transparent": with_holes,
    "scale": far_away,
    "bodies": with_another,
    "whole": close_up,
    "cropped": beyond_the_edge,
}


def test_an_unfit_photograph_is_flagged_and_not_used(recipe: Path, tmp_path: Path) -> None:
    """It should flag each for what it is, keep the others, and cut nothing from it."""
    for flag, spoil in SPOILS.items():
        content = spoil(photograph("metal", 1))
        (tmp_path / "items" / "metal" / f"odd_{flag}.png").write_bytes(content)
    out = tmp_path / "out"

    assert compose.main([str(recipe), "--out", str(out), "--count", "0"]) == 0

    rows = rows_of(out / "sources.csv")
    for flag in SPOILS:
        assert flag in rows[f"metal/odd_{flag}.png"]["flags"].split()
        assert rows[f"metal/odd_{flag}.png"]["used"] == "no"
    assert [row["used"] for file, row in rows.items() if "odd" not in file] == ["yes"] * 4
    fit = [e.key for e in open_stock(read_recipe(recipe)).examined if e.fit]
    assert fit == [file for file in rows if "odd" not in file]
    assert (out / "unfit.png").is_file()


def test_a_flag_may_be_accepted(recipe: Path, tmp_path: Path) -> None:
    """It should use a flagged photograph where the recipe says that the flag does not matter."""
    content = beyond_the_edge(photograph("metal", 1))
    (tmp_path / "items" / "metal" / "odd.png").write_bytes(content)
    with_it = SMALL | {"items": [{"folder": "items", "accept": ["cropped"]}]}
    written(recipe, with_it)

    (odd,) = [e for e in open_stock(read_recipe(recipe)).examined if e.key == "metal/odd.png"]

    assert odd.fitness is not None
    assert odd.fitness.flags == ("cropped",)
    assert odd.fit


def test_a_plain_photograph_raises_no_flag() -> None:
    """It should find pictures fit that show one thing on a plain ground."""
    for seed in range(4):
        pixels = photograph("metal", seed)
        fitness, cover = measure(pixels, packed(pixels))
        assert fitness.flags == ()
        assert cover.shape == pixels.shape[:2]


def test_broken_pictures_are_skipped_and_named(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should go on without files that cannot be decoded, and say which they are."""
    items = tmp_path / "items"
    torn = (items / "paper" / "0.png").read_bytes()[:300]
    (items / "paper" / "torn.png").write_bytes(torn)
    (items / "paper" / "empty.jpg").write_bytes(b"")
    (items / "paper" / "page.jpg").write_text("<html>not found</html>")

    assert run(recipe, tmp_path / "out") == 0

    said = capsys.readouterr().err
    rows = rows_of(tmp_path / "out" / "sources.csv")
    for name in ("torn.png", "empty.jpg", "page.jpg"):
        assert f"paper/{name}: not used: " in said
        assert rows[f"paper/{name}"]["flags"].startswith("broken: ")


def test_one_picture_is_enough(tmp_path: Path) -> None:
    """It should compose from a folder that holds a single picture."""
    (tmp_path / "items" / "metal").mkdir(parents=True)
    (tmp_path / "items" / "metal" / "only.png").write_bytes(packed(photograph("metal", 1)))
    recipe = written(tmp_path / "recipe.yaml", SMALL | {"items": [{"folder": "items"}]})

    assert run(recipe, tmp_path / "out", "--contact-sheet", str(tmp_path / "sheet.png")) == 0

    labels, scenes = read_scenes(Place(str(tmp_path / "out")))
    assert labels == ("metal",)
    assert {piece.notes["source"] for scene in scenes for piece in scene.pieces} == {
        "metal/only.png"
    }
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_both_ends_may_be_in_a_bucket(recipe: Path, tmp_path: Path) -> None:
    """It should read photographs from and write scenes to another file system, byte for byte."""
    bucket = Place("memory://compose-test")
    for key, content in content_of(tmp_path / "items").items():
        bucket.write(f"items/{key}", content)
    assert run(recipe, tmp_path / "out") == 0

    there = [str(recipe), "--items", f"{bucket}/items", "--out", f"{bucket}/out", "--count", "3"]
    assert compose.main(there) == 0
    assert compose.main(there) == 0

    keys = bucket.below("out").keys()
    assert {key: bucket.read(f"out/{key}") for key in keys} == content_of(tmp_path / "out")


def test_a_list_limits_what_is_cut(recipe: Path, tmp_path: Path) -> None:
    """It should use only what a list of tools/split.py names."""
    listed = tmp_path / "train.csv"
    listed.write_text("file,label\nmetal/1.png,metal\npaper/0.png,paper\n")
    items = str(tmp_path / "items")

    assert run(recipe, tmp_path / "out", "--items", items, "--list", str(listed)) == 0

    assert set(rows_of(tmp_path / "out" / "sources.csv")) == {"metal/1.png", "paper/0.png"}
    listed.write_text("file,label\nmetal/9.png,metal\n")
    assert run(recipe, tmp_path / "other", "--items", items, "--list", str(listed)) == 2
    assert not (tmp_path / "other").exists()


def changed(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 # whatever a person may write
    """Return the small recipe with some keys changed."""
    return SMALL | changes


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (changed(peices={}), "peices: no such key"),
        (changed(pieces={"count": [1, 2], "colour": 1}), "pieces.colour: no such key"),
        (changed(items=[{"folder": "x", "wieght": 2}]), "items.0.wieght: no such key"),
        (changed(items=[{}]), "items.0: give either folder or drawings"),
        (changed(items=[]), "items: "),
        (changed(items=[{"drawings": ["gold"]}]), "items.0.drawings: nobody can draw gold"),
        (changed(items=[{"folder": "x", "weight": 0}]), "items.0.weight: "),
        (changed(grounds=[{"kind": "lava"}]), "grounds.0.kind: "),
        (changed(grounds=[{"kind": "photos"}]), "grounds.0: folder goes with kind: photos"),
        (changed(pieces={"count": [6, 1]}), "pieces.count: from 6 to 1 is no span"),
        (changed(pieces={"least_visible_frac": 1.5}), "pieces.least_visible_frac: "),
        (changed(camera={"noise_levels": [0, float("inf")]}), "camera.noise_levels.1: "),
        (["items"], "a recipe begins with the keys items and grounds"),
        (None, "a recipe begins with the keys items and grounds"),
    ],
)
def test_a_wrong_recipe_is_one_line_that_names_the_key(
    content: object, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should end with exit code 2, name file and key, and make nothing."""
    recipe = written(tmp_path / "recipe.yaml", content)

    assert run(recipe, tmp_path / "out") == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"compose: {recipe}: {named}")
    assert not (tmp_path / "out").exists()


def no_yaml(folder: Path) -> list[str]:
    """Write a recipe that is no YAML."""
    (folder / "bad.yaml").write_text("items: [")
    return [str(folder / "bad.yaml")]


def no_recipe(folder: Path) -> list[str]:
    """Name a recipe that is not there."""
    return [str(folder / "none.yaml")]


def no_folder(folder: Path) -> list[str]:
    """Name a folder of items that is not there."""
    return [str(folder / "recipe.yaml"), "--items", str(folder / "nowhere")]


def empty_folder(folder: Path) -> list[str]:
    """Name a folder without pictures."""
    (folder / "bare" / "metal").mkdir(parents=True)
    return [str(folder / "recipe.yaml"), "--items", str(folder / "bare")]


def only_unfit(folder: Path) -> list[str]:
    """Name a folder of which nothing can be cut."""
    (folder / "close" / "metal").mkdir(parents=True)
    content = close_up(np.zeros((90, 120, 3), np.uint8))
    (folder / "close" / "metal" / "1.png").write_bytes(content)
    return [str(folder / "recipe.yaml"), "--items", str(folder / "close")]


def list_alone(folder: Path) -> list[str]:
    """Give a list without its folder."""
    return [str(folder / "recipe.yaml"), "--list", "train.csv"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (no_yaml, "bad.yaml is no YAML"),
        (no_recipe, "none.yaml cannot be read"),
        (no_folder, "no folder "),
        (empty_folder, "no pictures in "),
        (only_unfit, "none of 1 pictures in "),
        (list_alone, "--list goes with --items"),
    ],
)
def test_bad_input_is_one_line_and_makes_nothing(
    arguments: Callable[[Path], list[str]],
    named: str,
    recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should end with exit code 2 and one line that says what is wrong."""
    out = tmp_path / "out"

    assert compose.main([*arguments(recipe.parent), "--out", str(out), "--count", "1"]) == 2

    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("compose: ")]
    assert named in line
    assert not out.exists()


def test_a_folder_of_something_else_is_left_alone(recipe: Path, tmp_path: Path) -> None:
    """It should not write into a folder that it did not make, whatever it is asked."""
    out = tmp_path / "letters"
    out.mkdir()
    (out / "to_mother.txt").write_text("dear")

    assert run(recipe, out) == 2
    assert run(recipe, out, "--again") == 2

    assert content_of(out) == {"to_mother.txt": b"dear"}


@pytest.mark.parametrize("name", ["belt", "patterned", "moving"])
def test_the_examples_are_recipes(name: str) -> None:
    """It should read every example, with its folder seen from where the example lies."""
    recipe = read_recipe(PROJECT / "tools" / "recipes" / f"{name}.yaml")

    assert {source.folder for source in recipe.items if source.folder} == {
        str(PROJECT / "tools" / "recipes" / "../../../shared/data/waste")
    }


def test_the_example_shows_the_defaults() -> None:
    """It should say of every key in belt.yaml what holds without it."""
    content = yaml.safe_load((PROJECT / "tools" / "recipes" / "belt.yaml").read_text())
    least = Recipe.model_validate({key: content[key] for key in ("items", "grounds")})

    assert Recipe.model_validate(content) == least
    assert set(content) == set(Recipe.model_fields)
    for name in ("frame", "pieces", "shadow", "camera", "series"):
        assert set(content[name]) == set(type(getattr(least, name)).model_fields)
