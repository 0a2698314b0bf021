"""Exploring a data set: what is odd is found, shown and counted, and nothing odd ends the work."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.simulation.drawings import LABELS, draw
from tests.tools.machines import KEYS, bucket_at, forget_buckets, s3_endpoint
from tools.explore import main
from tools.workshop.explore.backgrounds import background_of
from tools.workshop.explore.likeness import exact, fingerprint, near, pairs_above
from tools.workshop.explore.mislabels import opinion, suspects
from tools.workshop.explore.quality import quality

Pixels = npt.NDArray[np.uint8]

PROJECT = Path(__file__).resolve().parents[2]
HEADS = PROJECT / "tests/classifiers/tiny/heads"
PER_LABEL = 6


def photograph(label: str, number: int) -> Pixels:
    """Return a drawn piece on a light table, as somebody would photograph it."""
    rng = np.random.default_rng([7, number, LABELS.index(label)])
    piece = draw(label, rng, resolution_px_per_mm=1.0)
    table = np.full((160, 200, 3), rng.integers(190, 215, 3), np.float32)
    top, left = (160 - piece.pixels.shape[0]) // 2, (200 - piece.pixels.shape[1]) // 2
    spot = table[top : top + piece.pixels.shape[0], left : left + piece.pixels.shape[1]]
    cover = piece.alpha[:, :, None].astype(np.float32) / 255
    spot += (piece.pixels - spot) * cover
    table += rng.normal(0, 2, table.shape)
    return np.asarray(np.clip(table, 0, 255), np.uint8)


def save(path: Path, pixels: Pixels) -> Path:
    """Write a picture in the form that its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, packed = cv2.imencode(path.suffix, pixels)
    path.write_bytes(packed.tobytes())
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder of drawn photographs of three labels, with a table of origins."""
    folder = tmp_path / "data"
    rows = ["file,class,source,licence"]
    for label in ("glass", "metal", "organic"):
        for number in range(PER_LABEL):
            save(folder / label / f"{number}.png", photograph(label, number))
            rows.append(f"{label}/{number}.png,{label},{label} people,CC0")
    (folder / "SOURCES.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


@pytest.fixture
def explored(data: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return what runs the command on the data and reads its JSON."""

    def run(*more: str | Path) -> dict[str, Any]:
        page, record = tmp_path / "page.html", tmp_path / "found.json"
        words = [str(data), "--out", str(page), "--json", str(record), *map(str, more)]
        assert main(words) == 0
        found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        return found

    return run


def page_of(folder: Path) -> str:
    """Return the page as it stands."""
    return (folder / "page.html").read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """Return one section of a page."""
    return page[page.index(f"<h2>{title}</h2>") :].split("<h2>")[1]


def lists(folder: Path, **parts: list[str]) -> Path:
    """Write list files; keys name their label first."""
    folder.mkdir()
    for name, keys in parts.items():
        rows = [f"{key},{key.partition('/')[0]}" for key in keys]
        (folder / f"{name}.csv").write_text("\n".join(["file,label", *rows]), encoding="utf-8")
    return folder


def test_a_plain_data_set_is_described(
    explored: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should count, show samples of every label, and find nothing odd where nothing is."""
    found = explored()

    assert found["labels"] == {label: {"all": 6} for label in ("glass", "metal", "organic")}
    assert found["usable"] == 18
    assert found["summary"]["files that cannot be used"] == 0
    assert found["summary"]["pairs that are nearly the same"] == 0
    assert found["background_only"]["background"]["accuracy"] < 0.7
    page = page_of(tmp_path)
    assert section(page, "Samples").count("<img ") == 18
    assert "None: every file is a picture" in section(page, "Files and labels that are odd")
    assert "glass people" in section(page, "Sources and licences")
    # One file, no network.
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert "page.html is complete" in capsys.readouterr().out


def test_what_is_odd_is_reported_and_ends_nothing(
    explored: Callable[..., dict[str, Any]], data: Path, tmp_path: Path
) -> None:
    """It should name broken files, empty and lonely labels, strays and what is no picture."""
    save(data / "plastic" / "only.png", photograph("plastic", 1))
    (data / "trash").mkdir()
    (data / "glass" / "0.png").write_bytes((data / "glass" / "0.png").read_bytes()[:300])
    (data / "glass" / "text.jpg").write_text("not a picture", encoding="utf-8")
    (data / "glass" / "notes.txt").write_text("dear", encoding="utf-8")
    save(data / "stray.png", photograph("glass", 1))

    found = explored()

    assert {one["file"] for one in found["unusable"]} == {"glass/0.png", "glass/text.jpg"}
    assert found["empty_labels"] == ["trash"]
    assert found["one_picture_labels"] == ["plastic"]
    assert found["strays"] == ["stray.png"]
    assert found["not_pictures"] == ["glass/notes.txt"]
    odd = section(page_of(tmp_path), "Files and labels that are odd")
    for name in ("glass/0.png", "text.jpg", "trash/", "plastic", "stray.png", "notes.txt"):
        assert name in odd


def test_copies_and_near_copies_are_found_within_and_across_parts(
    explored: Callable[..., dict[str, Any]], data: Path, tmp_path: Path
) -> None:
    """It should tell a copy from a likeness, one label from two, and one part from two."""
    one = photograph("glass", 0)
    (data / "metal" / "same.png").write_bytes((data / "glass" / "1.png").read_bytes())
    save(data / "glass" / "small.jpg", np.asarray(cv2.resize(one, (120, 96)), np.uint8))
    train = [f"{label}/{n}.png" for label in ("glass", "metal", "organic") for n in range(4)]
    parts = lists(
        tmp_path / "lists", train=train, val=["glass/small.jpg", "metal/same.png", "metal/gone.png"]
    )

    found = explored("--lists", parts)

    assert found["copies"] == [["glass/1.png", "metal/same.png"]]
    assert [(pair["files"], pair["parts"]) for pair in found["near"]] == [
        (["glass/0.png", "glass/small.jpg"], ["train", "val"])
    ]
    assert found["two_labels"] == [
        {"files": ["glass/1.png", "metal/same.png"], "how": "the same file"}
    ]
    assert found["groups"]["straddling"] == 2
    assert found["missing"] == ["metal/gone.png"]
    assert found["labels"]["glass"] == {"train": 4, "in no list": 2, "val": 1}
    page = page_of(tmp_path)
    assert "glass/0.png (train) | glass/small.jpg (val)" in section(page, "Nearly the same picture")
    assert section(page, "One picture under two labels").count("<img ") == 1


def test_lists_may_stand_alone_and_disagree(
    explored: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """It should take a list by name, and report a file in two lists and one under another label."""
    parts = lists(tmp_path / "lists", a=["glass/1.png", "metal/1.png"], b=["glass/1.png"])
    text = "file,label\norganic/1.png,glass\n"
    (parts / "c.csv").write_text(text, encoding="utf-8")

    found = explored(
        "--list", f"one={parts / 'a.csv'}", "--list", f"two={parts / 'b.csv'}",
        "--list", f"three={parts / 'c.csv'}",
    )  # fmt: skip

    assert found["parts"] == ["one", "two", "three", "in no list"]
    assert found["in_two_lists"] == ["glass/1.png"]
    assert found["labels"]["glass"]["three"] == 1


def test_a_source_that_gives_two_labels_is_reported(
    explored: Callable[..., dict[str, Any]], data: Path
) -> None:
    """It should read every row of a collection's table, not the last one only."""
    (data / "SOURCES.csv").unlink()
    rows = (
        "file,label,source,licence,sha256\nglass/1.png,glass,a,MIT,00\nglass/1.png,metal,b,MIT,\n"
    )
    (data / "provenance.csv").write_text(rows, encoding="utf-8")

    found = explored()

    assert found["claimed"] == {"glass/1.png": ["glass", "metal"]}
    assert found["changed_since_listed"] == ["glass/1.png"]


def test_a_bundle_describes_by_its_embedding(
    explored: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should use an embedding where there is one and say so where there is none."""
    assert explored("--bundle", HEADS)["described_by"].startswith("embedding of")
    assert explored("--bundle", HEADS.with_name("int8"))["described_by"].startswith("colours")
    assert "gives no embedding" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lists", "nowhere"], "no folder nowhere"),
        (["--list", "nowhere.csv"], "write NAME=FILE"),
        (["--list", "a=nowhere.csv"], "nowhere.csv cannot be read"),
        (["--bundle", "nowhere"], "no bundle nowhere"),
    ],
)
def test_bad_input_ends_in_one_line(
    words: list[str], message: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should leave an older page as it was."""
    (tmp_path / "page.html").write_text("older", encoding="utf-8")

    assert main([str(data), "--out", str(tmp_path / "page.html"), *words]) == 2

    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("explore: ")]
    assert message in line
    assert page_of(tmp_path) == "older"


def test_data_of_broken_pictures_only_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should not write a page about nothing."""
    for path in data.rglob("*.png"):
        path.write_bytes(b"")

    assert main([str(data), "--out", str(tmp_path / "page.html")]) == 2
    assert "no picture in" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Return the address of an S3 endpoint."""
    with s3_endpoint() as address:
        yield address


def test_data_and_page_may_be_in_a_bucket(
    endpoint: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should give the same record for the same pictures in a bucket."""
    forget_buckets()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    client = bucket_at(endpoint, "photos")
    for path in data.rglob("*.*"):
        client.upload_file(str(path), "photos", f"in/{path.relative_to(data).as_posix()}")

    main([str(data), "--out", str(tmp_path / "page.html"), "--json", str(tmp_path / "here.json")])
    done = main(
        ["s3://photos/in", "--out", "s3://photos/page.html", "--json", "s3://photos/there.json"]
    )
    there = client.get_object(Bucket="photos", Key="there.json")["Body"].read()
    forget_buckets()

    assert done == 0
    assert there == (tmp_path / "here.json").read_bytes()
    page = client.get_object(Bucket="photos", Key="page.html")["Body"].read()
    assert b"What is in s3://photos/in" in page


# What the page is founded on, each by itself.


@given(st.integers(2, 30), st.integers(0, 99), st.floats(-1, 1))
def test_pairs_are_those_of_a_loop(count: int, seed: int, least: float) -> None:
    """It should name exactly the pairs that a loop over all of them finds."""
    vectors = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)

    found = {(first, second) for first, second, _ in pairs_above(vectors, least)}

    assert found == {
        (i, j)
        for i in range(count)
        for j in range(i + 1, count)
        if vectors[i] @ vectors[j] >= least
    }


def test_pairs_reach_over_blocks() -> None:
    """It should find a pair whose ends are thousands of pictures apart."""
    vectors = np.zeros((5000, 2), np.float32)
    vectors[[3, 2100, 4999]] = (1, 0)

    assert [pair[:2] for pair in pairs_above(vectors, 0.5)] == [(3, 2100), (3, 4999), (2100, 4999)]


@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: cv2.resize(pixels, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA),
        lambda pixels: cv2.convertScaleAbs(pixels, alpha=0.7, beta=40),
        lambda pixels: cv2.imdecode(
            cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 25])[1], cv2.IMREAD_COLOR
        ),
    ],
    ids=["smaller", "brighter", "compressed"],
)
def test_changed_copies_are_near_and_other_things_are_not(
    change: Callable[[Pixels], Pixels],
) -> None:
    """It should pair every photograph with its changed copy and with nothing else."""
    some = [photograph(label, number) for label in LABELS for number in (50, 51, 52)]
    prints = [fingerprint(one) for one in some]
    prints += [fingerprint(np.asarray(change(one), np.uint8)) for one in some]

    found = {(one.first, one.second) for one in near(prints)}

    assert found == {(place, place + len(some)) for place in range(len(some))}


def test_one_shape_in_two_colours_is_no_likeness() -> None:
    """It should not take two things for one because both are small and round on white."""
    canvas = np.full((160, 160, 3), 225, np.uint8)
    green = cv2.circle(canvas.copy(), (80, 80), 22, (40, 150, 40), -1)
    orange = cv2.circle(canvas.copy(), (80, 80), 22, (30, 110, 200), -1)
    again = cv2.circle(canvas.copy(), (81, 80), 22, (42, 148, 42), -1)

    found = near([fingerprint(np.asarray(one, np.uint8)) for one in (green, orange, again)])

    assert [(one.first, one.second) for one in found] == [(0, 2)]


def test_flat_pictures_resemble_nothing() -> None:
    """It should not pair two empty white pictures: there is nothing to compare."""
    flat = [np.full((40, 40, 3), level, np.uint8) for level in (200, 201, 255)]

    assert near([fingerprint(one) for one in flat]) == []


def test_embeddings_pair_what_is_near_beyond_its_label() -> None:
    """It should pair one thing seen twice, not two things because their label is the same."""
    rng = np.random.default_rng(4)
    labels = rng.normal(0, 10, (4, 128))
    things = labels.repeat(30, axis=0) + rng.normal(0, 1, (120, 128))
    things[7] = things[3] + rng.normal(0, 0.3, 128)
    blank = [fingerprint(np.full((40, 40, 3), 255, np.uint8))] * 120

    found = near(blank, things.astype(np.float32))

    assert [(one.first, one.second, one.how) for one in found] == [(3, 7, "embedding")]


def test_equal_digests_are_copies() -> None:
    """It should name all places of each digest that is there more than once."""
    assert exact(["a", "b", "a", "c", "b", "a"]) == [[0, 2, 5], [1, 4]]


def test_wrong_labels_are_suspected_first() -> None:
    """It should find labels that were exchanged, each with the likelier one."""
    rng = np.random.default_rng(1)
    truth = np.arange(150) % 3
    features = (np.eye(3)[truth] * 8 + rng.normal(0, 1, (150, 3))).astype(np.float32)
    labels = [("can", "jar", "pear")[at] for at in truth]
    wrong = {10: "pear", 52: "can", 99: "jar"}
    given = [wrong.get(place, label) for place, label in enumerate(labels)]

    judged = opinion(features, given, [[place] for place in range(150)], seed=1)

    assert judged is not None
    found = suspects(judged)
    assert {one.place for one in found} == set(wrong)
    assert all(one.thought == labels[one.place] for one in found)
    assert judged.accuracy.frac > 0.9


def test_no_picture_is_judged_by_one_of_its_own_group() -> None:
    """It should not let pictures of one group, however alike, speak for each other."""
    rng = np.random.default_rng(2)
    groups = [list(range(start, start + 5)) for start in range(0, 200, 5)]
    features = rng.normal(0, 1, (40, 60)).repeat(5, axis=0).astype(np.float32)
    labels = [("can", "jar")[place // 5 % 2] for place in range(200)]

    apart = opinion(features, labels, groups, seed=1)
    mixed = opinion(features, labels, [[place] for place in range(200)], seed=1)

    assert apart is not None
    assert mixed is not None
    assert mixed.accuracy.frac > 0.95
    assert apart.accuracy.frac < 0.7


def test_labels_of_one_group_are_not_judged() -> None:
    """It should leave out what cannot be compared, and say nothing at all of a single label."""
    features = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    labels = ["can"] * 5 + ["jar"] * 5 + ["pear"] * 2
    groups = [*([place] for place in range(10)), [10, 11]]

    judged = opinion(features, labels, groups, seed=1)

    assert judged is not None
    assert judged.labels == ("can", "jar")
    assert len(judged.places) == 10
    assert opinion(features, ["can"] * 12, groups, seed=1) is None


def test_backgrounds_are_what_is_left_without_the_thing() -> None:
    """It should fill a thing in by what surrounds it, and give up where there is no one thing."""
    pixels = photograph("metal", 3)

    subject = background_of(pixels)

    assert subject is not None
    table = np.median(subject.pixels.reshape(-1, 3), axis=0)
    off = np.abs(subject.pixels.astype(int) - table).max(axis=2)
    assert (off > 40).mean() < 0.01
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    assert background_of(noise) is None


def test_the_oddest_shapes_are_looked_at(
    explored: Callable[..., dict[str, Any]], data: Path
) -> None:
    """It should take the smallest and the narrowest pictures that can be decoded."""
    shapes = ((16, 16), (16, 1500), (900, 17))
    for number, shape in enumerate(shapes):
        pixels = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
        save(data / "glass" / f"odd{number}.png", pixels)

    assert explored()["usable"] == 18 + len(shapes)


def test_a_background_that_tells_the_label_is_reported(
    explored: Callable[..., dict[str, Any]], data: Path
) -> None:
    """It should find tables that differ by label; above, in plain data, nothing is found."""
    for place, label in enumerate(("glass", "metal", "organic")):
        for number in range(12):
            pixels = photograph(label, number).astype(np.float32)
            pixels *= (1.0, 0.8, 0.6)[place]
            save(data / label / f"{number}.png", np.asarray(pixels, np.uint8))
    told = explored()["background_only"]

    assert told["background"]["accuracy"] > 0.8
    assert told["chance"]["macro_recall"] == pytest.approx(1 / 3, abs=1e-4)


def test_blur_and_bad_light_are_told_from_small_sharp_things() -> None:
    """It should call blurred what is blurred, not what shows little on a plain table."""
    small = np.full((320, 320, 3), 200, np.uint8)
    small[150:170, 150:175] = (20, 20, 160)
    smeared = np.asarray(cv2.GaussianBlur(small, (0, 0), 6), np.uint8)

    assert quality(small).faults == ()
    assert quality(smeared).faults == ("blurred",)
    assert "dark" in quality(np.asarray(small // 8, np.uint8)).faults
    assert "clipped" in quality(np.full((64, 64, 3), 255, np.uint8)).faults
