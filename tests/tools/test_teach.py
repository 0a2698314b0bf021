"""Teaching, on the tiny bundles: a station whose lamp is tinted, and everything that can be wrong.

A tiny bundle's embedding is the mean colour of a crop. Under the tinted lamp red things look
yellow to it and green ones dim, so its own heads are often wrong there.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.classifiers.bundle import Bundle, GoldenAnswer, Output, load
from sorterd.classifiers.runtimes import without_chatter
from sorterd.classifiers.tflite import open_part
from sorterd.clock import ManualClock
from tools import teach
from tools.workshop.bundling import seal
from tools.workshop.evaluate.measuring import scores_of
from tools.workshop.export.flat_model import FlatModel
from tools.workshop.faults import WorkshopFault
from tools.workshop.signatures import outputs_of
from tools.workshop.teach.crop_sets import Crops, dealt
from tools.workshop.teach.last_layer import Dense
from tools.workshop.teach.refitting import Refitter, Strength
from tools.workshop.teach.rehearsal import MOST_PER_LABEL, read_rehearsal, write_rehearsal
from tools.workshop.teach.taught_bundle import next_version

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny"
LABELS = ("red", "green", "blue")
PLAIN = {"red": (220, 40, 40), "green": (40, 220, 40), "blue": (40, 40, 220)}
TINTED = {"red": (190, 205, 60), "green": (70, 120, 90), "blue": (60, 90, 200)}
Colours = dict[str, tuple[int, int, int]]
# Where the figure is not what is asked: most of a teaching's time goes into its folds.
QUICK = ("--folds", "2")


def write_crops(folder: Path, colours: Colours, count: int, seed: int) -> Path:
    """Write crops of noise about a colour, one folder a label."""
    rng = np.random.default_rng(seed)
    for label, colour in colours.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            noise = rng.normal(0, 45, (24, 24, 3)) + rng.normal(0, 8, 3)
            rgb = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            _, packed = cv2.imencode(".png", rgb[:, :, ::-1])
            (folder / label / f"{number}.png").write_bytes(packed.tobytes())
    return folder


def rehearsed() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return embeddings of things in plain light, as the tiny bundles give them."""
    rng = np.random.default_rng(4)
    places = np.repeat(np.arange(3), 20)
    colours = np.array([PLAIN[label] for label in LABELS])[places] + rng.normal(0, 20, (60, 3))
    return np.asarray(colours / 127.5 - 1, np.float32), places


def with_rehearsal(folder: Path) -> Path:
    """Give a bundle its rehearsal."""
    manifest = load(folder).manifest
    name = write_rehearsal(folder, *rehearsed())
    seal(folder, manifest.model_copy(update={"rehearsal": name}))
    return folder


@pytest.fixture
def float_bundle(tmp_path: Path) -> Path:
    """Return the tiny bundle with two heads, float32."""
    return with_rehearsal(Path(shutil.copytree(TINY / "heads", tmp_path / "heads")))


@pytest.fixture
def int8_bundle(tmp_path: Path) -> Path:
    """Return a tiny int8 bundle that gives its embedding beside its one head."""
    folder = Path(shutil.copytree(TINY / "int8", tmp_path / "int8"))
    model = FlatModel(folder / "model.tflite")
    last = model.makers(int(model.graph.outputs[0]))[0]
    model.graph.outputs = np.array([last.inputs[0], *model.graph.outputs], np.int32)
    entry = model.schema.TensorMapT()
    entry.name, entry.tensorIndex = b"embedding", int(last.inputs[0])
    model.model.signatureDefs[0].outputs.append(entry)
    (folder / "model.tflite").write_bytes(model.packed())
    manifest = load(TINY / "int8").manifest
    seal(folder, manifest.model_copy(update={"outputs": outputs_of(folder / "model.tflite")}))
    return with_rehearsal(folder)


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """Return the station's crops, eight a label."""
    return write_crops(tmp_path / "crops", TINTED, 8, seed=1)


def right(bundle: Bundle, colours: Colours, seed: int = 9) -> float:
    """Return how often a bundle, opened as a station does, is right on fresh things."""
    rng = np.random.default_rng(seed)
    pixels = [
        np.clip(np.array(colours[label]) + rng.normal(0, 8, 3), 0, 255) * np.ones((16, 16, 1))
        for label in LABELS
        for _ in range(30)
    ]
    with without_chatter():
        one = open_part(bundle, runtime="auto", threads=1, batch_sizes=(8,), clock=ManualClock())
    scores = scores_of(one, np.stack(pixels).astype(np.uint8))
    return float((scores.argmax(axis=1) == np.repeat(np.arange(3), 30)).mean())


@pytest.mark.parametrize("kind", ["float_bundle", "int8_bundle"])
def test_a_taught_bundle_knows_the_station(
    kind: str, crops: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It should be right under the tinted lamp, where it was often wrong, and still in plain light.

    And it should be a bundle of its own, that a station opens and that says where it comes from.
    """
    folder = request.getfixturevalue(kind)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    out, record = tmp_path / "taught", tmp_path / "record.json"

    done = teach.main([str(folder), str(crops), "--out", str(out), "--json", str(record)])

    assert done == 0
    old, new = load(folder), load(out)
    assert right(old, TINTED) < 0.7
    assert right(new, TINTED) > 0.95
    assert right(new, PLAIN) > 0.95
    assert new.manifest.version == "1-taught-1"
    assert "24 labelled crops" in new.manifest.provenance[-1].what
    assert [one.pictures for one in new.manifest.accuracy] == [
        f"the crops of {crops}, cross-validated"
    ]
    figures = json.loads(record.read_text(encoding="utf-8"))
    assert figures["after"]["frac"] == pytest.approx(new.manifest.accuracy[0].right_frac, abs=1e-4)
    assert figures["after"]["right"] > figures["before"]["right"]
    assert figures["per_label"]["red"]["n"] == 8
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "Taught from version 1" in card
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_teaching_twice_gives_the_same(float_bundle: Path, crops: Path, tmp_path: Path) -> None:
    """It should write the same model and the same answers for the same crops and seed."""
    outs = [tmp_path / "first", tmp_path / "second"]

    for out in outs:
        assert teach.main([str(float_bundle), str(crops), "--out", str(out), *QUICK]) == 0

    first, second = (load(out).manifest for out in outs)
    assert first.sha256["model.tflite"] == second.sha256["model.tflite"]
    assert first.golden == second.golden


def test_a_label_that_no_crop_shows_is_not_forgotten(float_bundle: Path, tmp_path: Path) -> None:
    """It should still know blue after a lesson on red and green alone."""
    two = {label: TINTED[label] for label in ("red", "green")}
    crops = write_crops(tmp_path / "crops", two, 8, seed=2)
    out = tmp_path / "taught"

    assert teach.main([str(float_bundle), str(crops), "--out", str(out), *QUICK]) == 0

    assert right(load(out), {**TINTED, "blue": PLAIN["blue"]}) > 0.95


def test_a_bundle_without_rehearsal_can_be_taught(tmp_path: Path, crops: Path) -> None:
    """It should teach the bundles that were made before there was one, and say so."""
    out = tmp_path / "taught"

    assert teach.main([str(TINY / "heads"), str(crops), "--out", str(out), *QUICK]) == 0

    assert right(load(out), TINTED) > right(load(TINY / "heads"), TINTED)


def test_too_great_a_loss_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It should write nothing, with exit code 1, where what the bundle knew would be lost."""
    swapped = {"red": PLAIN["green"], "green": PLAIN["red"], "blue": PLAIN["blue"]}
    crops = write_crops(tmp_path / "crops", swapped, 40, seed=3)
    golden = write_crops(tmp_path / "golden", PLAIN, 5, seed=4)
    out = Path(shutil.copytree(TINY / "int8", tmp_path / "taught"))
    command = [str(TINY / "heads"), str(crops), "--out", str(out), "--golden", str(golden)]

    assert teach.main([*command, *QUICK]) == 1

    assert "nothing was written" in capsys.readouterr().err
    assert load(out).name == "tiny int8 1"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "crops",
        "golden",
        "taught",
    ]


def test_teaching_goes_only_so_far_as_the_golden_set_allows(
    float_bundle: Path, tmp_path: Path
) -> None:
    """It should teach less, not refuse, where only bold refits would lose what must be kept."""
    swapped = {"red": PLAIN["green"], "green": PLAIN["red"], "blue": PLAIN["blue"]}
    crops = write_crops(tmp_path / "crops", swapped, 8, seed=3)
    outs = [tmp_path / "bold", tmp_path / "held"]
    command = [str(float_bundle), str(crops), "--weight", "50", *QUICK]

    for out, loss in zip(outs, ("1", "0"), strict=True):
        assert teach.main([*command, "--out", str(out), "--most-loss", loss]) == 0

    assert right(load(outs[0]), PLAIN) < 0.5
    assert right(load(outs[1]), PLAIN) > 0.9


def test_the_golden_pictures_are_in_the_figures(
    float_bundle: Path, crops: Path, tmp_path: Path
) -> None:
    """It should measure the new bundle on the old golden set, by list if one is given."""
    golden = write_crops(tmp_path / "golden", PLAIN, 5, seed=4)
    chosen = tmp_path / "some.csv"
    chosen.write_text("file,label\nred/0.png,red\nblue/1.png,blue\n", encoding="utf-8")
    out = tmp_path / "taught"
    command = [str(float_bundle), str(crops), "--out", str(out), "--golden", str(golden)]

    assert teach.main([*command, "--golden-list", str(chosen), "--most-loss", "0.5", *QUICK]) == 0

    assert [one.n for one in load(out).manifest.accuracy] == [24, 2]


def test_a_study_shows_every_half(
    float_bundle: Path, crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should teach one half and ask the other, write no bundle, and sum the halves up."""
    record = tmp_path / "record.json"
    command = [str(float_bundle), str(crops), "--study", "4", "--json", str(record)]

    assert teach.main(command) == 0

    figures = json.loads(record.read_text(encoding="utf-8"))
    halves = [half["after"] for half in figures["halves"]]
    assert [half["n"] for half in halves] == [12] * 4
    assert figures["after"]["worst"] == min(half["frac"] for half in halves)
    assert figures["after"]["mean"] > figures["before"]["mean"]
    assert "half 4:" in capsys.readouterr().out
    assert not (tmp_path / "taught").exists()


def test_crops_that_nobody_sorted_are_left_out(
    float_bundle: Path, crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should take a station's review folder as it is: what lies in new/ has no label."""
    shutil.copytree(crops / "red", crops / "new")

    out = tmp_path / "taught"
    assert teach.main([str(float_bundle), str(crops), "--out", str(out), *QUICK]) == 0

    assert "8 in new/ have no label yet" in capsys.readouterr().out


def spoil_label(crops: Path) -> None:
    """Name a label that the bundle does not have."""
    (crops / "red").rename(crops / "mauve")


def spoil_count(crops: Path) -> None:
    """Leave one picture of a label."""
    for number in range(1, 8):
        (crops / "red" / f"{number}.png").unlink()


def spoil_empty(crops: Path) -> None:
    """Leave a label's folder empty."""
    for path in (crops / "red").iterdir():
        path.unlink()


def spoil_picture(crops: Path) -> None:
    """Cut a picture off."""
    path = crops / "red" / "3.png"
    path.write_bytes(path.read_bytes()[:200])


def spoil_pieces(crops: Path) -> None:
    """Make all crops of a label sightings of one piece, by the station's names."""
    for number in range(8):
        path = crops / "red" / f"{number}.png"
        path.rename(path.with_name(f"000007-{number:012x}.png"))


def spoil_place(crops: Path) -> None:
    """Take everything away."""
    shutil.rmtree(crops)


def spoil_labels(crops: Path) -> None:
    """Leave one label."""
    shutil.rmtree(crops / "red")
    shutil.rmtree(crops / "green")


def spoil_folder(crops: Path) -> None:
    """Leave a picture outside any label's folder."""
    (crops / "red" / "0.png").rename(crops / "0.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_label, "mauve, which the bundle does not know"),
        (spoil_count, "red/0.png is the only picture of red"),
        (spoil_empty, "red holds no pictures"),
        (spoil_picture, "red/3.png is of no use"),
        (spoil_pieces, "red shows one piece only"),
        (spoil_place, "no folder"),
        (spoil_labels, "shows blue only"),
        (spoil_folder, "0.png lies in no label's folder"),
    ],
)
def test_bad_crops_end_in_one_line(
    spoil: Callable[[Path], None],
    message: str,
    float_bundle: Path,
    crops: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should name the file or the label, with exit code 2, and write nothing."""
    spoil(crops)

    assert teach.main([str(float_bundle), str(crops), "--out", str(tmp_path / "taught")]) == 2

    lines = [one for one in capsys.readouterr().err.splitlines() if one.startswith("teach: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "taught").exists()


def test_a_bundle_that_cannot_be_taught_is_one_line(
    crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say that a bundle without an embedding must be trained anew."""
    assert teach.main([str(TINY / "int8"), str(crops), "--out", str(tmp_path / "taught")]) == 2

    assert "gives no embedding" in capsys.readouterr().err


def test_the_old_bundle_is_not_written_over(
    float_bundle: Path, crops: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should refuse to replace what one would go back to."""
    assert teach.main([str(float_bundle), str(crops), "--out", str(float_bundle)]) == 2

    assert "give another --out" in capsys.readouterr().err


def test_versions_count_on() -> None:
    """It should number the teachings of one version."""
    assert next_version("2") == "2-taught-1"
    assert next_version("2-taught-1") == "2-taught-2"
    assert next_version("2-taught-9") == "2-taught-10"


def test_a_rehearsal_comes_back(tmp_path: Path) -> None:
    """It should keep at most its share of each label, and give back what was written."""
    rng = np.random.default_rng(8)
    embeddings = rng.normal(0, 1, (400, 3)).astype(np.float32)
    places = np.repeat([0, 1, 2], [350, 40, 10])
    folder = Path(shutil.copytree(TINY / "heads", tmp_path / "heads"))
    name = write_rehearsal(folder, embeddings, places)
    seal(folder, load(TINY / "heads").manifest.model_copy(update={"rehearsal": name}))

    found, found_places = read_rehearsal(load(folder), 3)

    assert list(np.bincount(found_places)) == [MOST_PER_LABEL, 40, 10]
    kept = {tuple(row) for row in embeddings.astype(np.float16).astype(np.float32)}
    assert {tuple(row) for row in found} <= kept


@pytest.mark.parametrize("spoil", ["text", "width", "place"])
def test_a_rehearsal_that_does_not_fit_is_one_line(spoil: str, tmp_path: Path) -> None:
    """It should name the file that is not the bundle's rehearsal."""
    folder = Path(shutil.copytree(TINY / "heads", tmp_path / "heads"))
    places = np.array([0, 1, 7 if spoil == "place" else 2])
    name = write_rehearsal(folder, np.zeros((3, 4 if spoil == "width" else 3), np.float32), places)
    if spoil == "text":
        (folder / name).write_text("nothing of the kind", encoding="utf-8")
    seal(folder, load(TINY / "heads").manifest.model_copy(update={"rehearsal": name}))

    with pytest.raises(WorkshopFault, match="rehearsal"):
        read_rehearsal(load(folder), 3)


@given(
    pieces=st.lists(st.integers(2, 9), min_size=2, max_size=5),
    sightings=st.integers(1, 3),
    folds=st.integers(2, 6),
    seed=st.integers(0, 999),
)
def test_folds_keep_pieces_together(
    pieces: list[int], sightings: int, folds: int, seed: int
) -> None:
    """It should put each crop into one fold, with all others of its piece, labels spread evenly."""
    places = np.repeat(np.arange(len(pieces)), np.array(pieces) * sightings)
    groups = np.arange(sum(pieces)).repeat(sightings)
    crops = Crops(np.zeros((len(places), 1, 2), np.float32), places, groups)

    parts = dealt(crops, folds, np.random.default_rng(seed))

    assert sorted(np.concatenate(parts)) == list(range(len(places)))
    for place, count in enumerate(pieces):
        shares = [int((places[rows] == place).sum()) // sightings for rows in parts]
        assert max(shares) - min(shares) <= 1 or count < folds
        assert max(shares) < count
    for rows in parts:
        others = np.setdiff1d(np.arange(len(places)), rows)
        assert not set(groups[rows]) & set(groups[others])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.sampled_from([2, 5, 150]),
    strength=st.builds(
        Strength, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.03, 0.3, 3.0])
    ),
)
def test_a_refit_is_never_more_surprised_by_its_lesson(
    seed: int, width: int, strength: Strength
) -> None:
    """It should find the lesson likelier than the heads it began with, whatever the strength."""
    rng = np.random.default_rng(seed)
    manifest = load(TINY / "heads").manifest
    names: tuple[Output, ...] = ("stage_one", "stage_two")
    heads: dict[Output, Dense] = {
        name: Dense(
            rng.normal(0, 1, (3, width)).astype(np.float32), rng.normal(0, 1, 3).astype(np.float32)
        )
        for name in names
    }
    places = np.arange(18) % 3
    embeddings = rng.normal(0, 1, (18, 2, width)).astype(np.float32)
    crops = Crops(embeddings, places, np.arange(18))
    nothing = (np.empty((0, width), np.float32), np.empty(0, np.int64))
    subject = Refitter(manifest, heads, nothing, weight=1.0)

    refitted = subject.refit(subject.lesson(crops), strength)

    def loss(layers: dict[Output, Dense]) -> float:
        """What both heads have to be least surprised by: every view, each head by itself."""
        stage = np.array([1, 0, 2])[places]
        whole = 0.0
        for name, truth in zip(names, (stage, places), strict=True):
            for view in range(2):
                numbers = layers[name](embeddings[:, view])
                numbers = numbers - numbers.max(axis=1, keepdims=True)
                said = numbers[np.arange(18), truth] - np.log(np.exp(numbers).sum(axis=1))
                whole -= float(said.sum())
        return whole

    begun = {
        name: Dense(strength.trust_frac * head.weights, strength.trust_frac * head.bias)
        for name, head in heads.items()
    }
    assert loss(refitted) <= loss(begun) + 1e-3


def test_golden_answers_are_the_new_heads_own(
    float_bundle: Path, crops: Path, tmp_path: Path
) -> None:
    """It should not keep an answer that the old heads gave."""
    out = tmp_path / "taught"
    assert teach.main([str(float_bundle), str(crops), "--out", str(out), *QUICK]) == 0
    old, new = load(float_bundle), load(out)
    with without_chatter():
        one = open_part(new, runtime="auto", threads=1, batch_sizes=(8,), clock=ManualClock())

    scores = scores_of(one, np.stack([golden.pixels for golden in new.golden]))

    assert old.manifest.golden != new.manifest.golden
    for answer, found in zip(new.manifest.golden, scores, strict=True):
        assert isinstance(answer, GoldenAnswer)
        assert np.allclose(answer.scores, found, atol=2e-3)
