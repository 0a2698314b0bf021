"""Collecting from named sources: folders, buckets, a station's review; and every bad input."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import fsspec
import pytest
import s3fs
import yaml

from sorterd.sinks.review_folder import ReviewRow, Room, name_of, open_review_folder
from tests.tools.collecting_bench import Bench, picture, rows_of
from tests.tools.loopback import STAMP, serving, whole
from tests.tools.machines import bucket_at, s3_endpoint
from tools.workshop.collect.obtained import stamp
from tools.workshop.collect.provenance import Provenance
from tools.workshop.faults import EXIT_DONE, EXIT_INPUT, EXIT_MISSED

PROJECT = Path(__file__).resolve().parents[2]
TERMS = {"licence": "CC0-1.0", "author": "A. Person"}


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    """Return an empty bench."""
    return Bench(tmp_path, capsys)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Return the address of an S3 server on loopback."""
    with s3_endpoint() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Return the address of an empty bucket that can be reached by the usual environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    # A file system is kept by its options, and these do not name the server.
    s3fs.S3FileSystem.clear_instance_cache()
    # Endpoints of one process share what is in them: made or emptied, and of a name of its own.
    bucket_at(endpoint, "collected")
    yield "s3://collected"
    s3fs.S3FileSystem.clear_instance_cache()


def described(bench: Bench, sources: Mapping[str, Mapping[str, object]]) -> Path:
    """Write a YAML file of sources."""
    (path := bench.folder / "sources.yaml").write_text(yaml.safe_dump({"sources": dict(sources)}))
    return path


def photos(folder: Path, pictures: Mapping[str, bytes]) -> Path:
    """Write files by their keys."""
    for key, content in pictures.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    return folder


# Kinds of sources.


def test_every_kind_goes_into_one_collection(bench: Bench, bucket: str) -> None:
    """It should collect a list, a folder and a bucket by one file, each with its own terms."""
    photos(bench.folder / "own", {"a.png": picture(1, ending=".png")})
    with fsspec.open(f"{bucket}/waste/b.webp", "wb") as file:
        file.write(picture(2, ending=".webp"))
    with serving() as server:
        server.answers["/c"] = whole(picture(3))
        bench.links("metal", [server.link("/c")])
        sources = {
            "cans": {"kind": "list", "where": "lists/metal/urls.txt", "label": "metal"},
            "own": {"kind": "folder", "where": "own", "label": "glass"},
            "lab": {"kind": "bucket", "where": f"{bucket}/waste", "label": "paper"},
        }
        licences = dict(zip(sources, ("MIT", "CC0-1.0", "CC-BY-4.0"), strict=True))
        path = described(
            bench,
            {n: {**s, "licence": licences[n], "author": f"who: {n}"} for n, s in sources.items()},
        )

        assert bench.collect(sources=path) == EXIT_DONE
        assert bench.collect(sources=path) == EXIT_DONE
        assert server.asked == ["/c"]

    rows = {row["source"]: row for row in bench.provenance()}
    assert {name: row["licence"] for name, row in rows.items()} == licences
    assert {name: row["label"] for name, row in rows.items()} == {
        name: source["label"] for name, source in sources.items()
    }
    assert rows["own"]["origin"] == "own/a.png"
    assert rows["own"]["fetched"] == stamp((bench.folder / "own" / "a.png").stat().st_mtime)
    assert rows["cans"]["fetched"] == STAMP
    assert rows["lab"]["origin"] == "s3://collected/waste/b.webp"
    assert len(rows["lab"]["fetched"]) == len(STAMP)


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_folders_name_the_labels(bench: Bench, bucket: str, kind: str) -> None:
    """It should take the label from the first folder where a source states none."""
    pictures = {"glass/1.jpg": picture(1), "metal/old/2.jpg": picture(2), "metal/3.jpg": b"none"}
    where = "own"
    photos(bench.folder / "own", pictures)
    if kind == "bucket":
        where = bucket
        fsspec.filesystem("s3").put(f"{bench.folder / 'own'}/", f"{bucket}/", recursive=True)
    path = described(bench, {"all": {"kind": kind, "where": where, **TERMS}})

    assert bench.collect(sources=path) == EXIT_MISSED
    found = {row["label"]: bench.pictures()[row["file"]] for row in bench.provenance()}
    assert found == {"glass": picture(1), "metal": picture(2)}
    assert list(bench.dead()) == ["3.jpg"]


def test_only_sorted_crops_are_taken(bench: Bench) -> None:
    """It should take from a station's review what a person has sorted, and count what waits."""
    review = bench.folder / "review"
    folder = open_review_folder(review, Room(50, 50, 1 << 20))
    crops = [picture(n, ending=".png") for n in range(4)]
    names = [name_of(n, crop) for n, crop in enumerate(crops)]
    for number, (name, crop) in enumerate(zip(names, crops, strict=True)):
        row = ReviewRow(
            file=name, run=1, piece=number, first_seen_ns=7, ended_ns=8, why="unsure",
            likeliest="glass", verdict="", confidence_frac=0.4, stage_one="", stage_one_frac=0.5,
            scores=json.dumps({"glass": 0.4}), reason="unsure", bundle="waste", version="1",
        )  # fmt: skip
        assert folder.add(crop, row)
    for label, name in (("metal", names[0]), ("glass", names[1])):
        (review / label).mkdir()
        (review / "new" / name).rename(review / label / name)
    photos(review, {"metal/holiday.png": picture(9, ending=".png")})

    code = bench.collect("--licence", "CC0-1.0", "--author", "Us", sources=review)

    assert code == EXIT_MISSED
    assert {row["label"]: row["origin"] for row in bench.provenance()} == {
        "metal": f"./metal/{names[0]}",
        "glass": f"./glass/{names[1]}",
    }
    assert set(bench.pictures().values()) == set(crops[:2])
    assert "crops of review that nobody has sorted yet: 2" in bench.said()[0]
    assert bench.dead() == {"holiday.png": "not in review.csv: no crop of this station"}


def test_limits_belong_to_their_source(bench: Bench) -> None:
    """It should hold each source against its own limits, and others against the options."""
    photos(bench.folder / "own", {f"metal/{n}.jpg": picture(n) for n in range(5)})
    photos(bench.folder / "other", {f"metal/{n}.jpg": picture(10 + n) for n in range(5)})
    path = described(
        bench,
        {
            "own": {"kind": "folder", "where": "own", "most_files": 2, **TERMS},
            "other": {"kind": "folder", "where": "other", "least_px": 37, **TERMS},
        },
    )

    assert bench.collect("--most-files", "4", sources=path) == EXIT_MISSED
    assert [row["source"] for row in bench.provenance()] == ["own", "own"]
    assert len(rows_of(bench.out / "dead.csv")) == 5


def test_odd_files_of_a_folder_are_data(bench: Bench) -> None:
    """It should report what cannot be read or told of in a row, and go on."""
    own = photos(bench.folder / "own", {"1.jpg": picture(1), "a\nb.jpg": picture(2)})
    photos(own, {b"\xff.jpg".decode(errors="surrogateescape"): picture(3), "4.jpg": b""})
    (own / "5.jpg").symlink_to(own / "nowhere")
    path = described(bench, {"own": {"kind": "folder", "where": "own", "label": "metal", **TERMS}})

    assert bench.collect(sources=path) == EXIT_MISSED
    assert len(bench.provenance()) == 1
    assert sorted(bench.dead().values()) == [
        "its name has a line break",
        "its name is no UTF-8: rename it",
        "not a file that can be read",
        "the file is empty",
    ]


# Bad input.

FOLDER = {"kind": "folder", "where": "own", "label": "metal", **TERMS}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"licence": None}, "sources.x.licence must be a text: put it in quotes"),
        ({"label": False}, "sources.x.label must be a text: put it in quotes"),
        ({"label": "a/b"}, "sources.x label 'a/b' cannot name a folder"),
        ({"label": "../up"}, "cannot name a folder"),
        ({"label": ".hidden"}, "cannot name a folder"),
        ({"kind": "page"}, "sources.x.kind must be 'list', 'folder', 'bucket' or 'review'"),
        ({"licnce": "MIT"}, "sources.x.licnce is not a key that is known here"),
        ({"author": "two\nlines"}, "sources.x.author must be one line of text"),
        ({"most_files": "ten"}, "sources.x.most_files must be a whole number"),
        ({"most_files": 0}, "sources.x.most_files must be greater than or equal to 1"),
        ({"kind": "list", "label": None}, "sources.x label is missing"),
        ({"kind": "review"}, "sources.x label does not belong here"),
        ({"kind": "bucket"}, "sources.x where must be s3://bucket/folder"),
        ({"where": "s3://a/b"}, "sources.x where must be a path on this machine"),
        ({"where": "nowhere"}, "nowhere"),
        ({"where": "empty"}, "no pictures in"),
        ({"where": "."}, "lies in the source x"),
        ({"kind": "list", "where": "nowhere.txt"}, "nowhere.txt is not there"),
        ({"kind": "review", "label": None}, "review.csv is not there"),
        ({"label": None}, "lies in no label's folder"),
    ],
)
def test_a_faulty_source_is_one_line(bench: Bench, change: dict[str, object], said: str) -> None:
    """It should name the file and the key before anything is collected."""
    photos(bench.folder / "own", {"1.jpg": picture(1)})
    (bench.folder / "empty").mkdir()
    path = described(bench, {"x": {**FOLDER, **change}})

    line = bench.refused(sources=path)

    assert line.startswith("collect: ")
    assert said in line
    assert str(bench.folder) in line
    assert not bench.out.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must hold one key, sources"),
        ("sources: []", "must hold one key, sources"),
        ("sources: {x: folder}", "sources.x must hold kind, where, licence and author"),
        ("sources: {1: {}}", "the name 1 of a source"),
        ("sources: {x: {}}", "sources.x.kind is missing (and 3 more)"),
        ("sources:\n  x: {}\n  x: {}\n", "sources.yaml:3: the key x stands here a second time"),
        ("sources: {x: [}", "sources.yaml:1: "),
        ("other: 1\nsources: {x: {}}", "must hold one key, sources"),
    ],
)
def test_faulty_yaml_is_one_line(bench: Bench, text: str, said: str) -> None:
    """It should name the line of what is no YAML, and the key of what is missing."""
    path = bench.folder / "sources.yaml"
    path.write_text(text, encoding="utf-8")

    assert said in bench.refused(sources=path)


def test_lists_must_be_there(bench: Bench) -> None:
    """It should refuse a folder without lists, an empty list, and one that is no text."""
    assert "is not there" in bench.refused()
    bench.lists.mkdir()
    assert "holds no <label>/urls.txt" in bench.refused()
    bench.links("metal", ["# nothing yet", ""])
    assert "urls.txt names no links" in bench.refused()
    (bench.lists / "metal" / "urls.txt").write_bytes(b"\xff\xfe\x00")
    assert "is no text in UTF-8" in bench.refused()


def test_labels_that_differ_in_case_are_refused(bench: Bench) -> None:
    """It should not make two folders that are one on many machines."""
    bench.links("metal", ["http://127.0.0.1:1/a"])
    bench.links("Metal", ["http://127.0.0.1:1/b"])

    assert "Metal and metal differ in case only" in bench.refused()


@pytest.mark.parametrize(
    "option", ["--most-files=0", "--delay=soon", "--retries=-1", "--total=nan"]
)
def test_options_must_make_sense(bench: Bench, option: str) -> None:
    """It should refuse a number that cannot be meant, by the option's name."""
    with pytest.raises(SystemExit) as ended:
        bench.collect(option)

    assert ended.value.code == EXIT_INPUT
    assert f"argument {option.partition('=')[0]}" in bench.said()[1][-1]


def test_an_unknown_bucket_is_one_line(bench: Bench, bucket: str) -> None:
    """It should name a bucket that is not there, before anything is collected."""
    source = {"kind": "bucket", "where": f"{bucket}-of-others/x", **TERMS}
    path = described(bench, {"x": source})

    assert f"{bucket}-of-others/x" in bench.refused(sources=path)


# The collection itself.


def test_the_collection_must_be_writable(bench: Bench) -> None:
    """It should refuse a bucket, a file and a folder in a file as its place."""
    photos(bench.folder / "own", {"1.jpg": picture(1)})
    path = described(bench, {"x": FOLDER})

    assert "a collection is a folder on this machine" in bench.refused("--out=s3://a", sources=path)
    (bench.folder / "file").write_text("mine")
    for out in ("file", "file/out"):
        line = bench.refused(f"--out={bench.folder / out}", sources=path)
        assert f"{bench.folder / out} cannot be collected into" in line
    assert (bench.folder / "file").read_text() == "mine"


def test_a_full_disk_is_one_line(bench: Bench) -> None:
    """It should end with one line and leave a true table when a picture finds no room."""
    small, large = picture(1), picture(2, ending=".bmp", side_px=200)
    photos(bench.folder / "own", {"1.jpg": small, "2.bmp": large, "3.bmp": large + b"more"})
    path = described(bench, {"x": FOLDER})
    # A limit on the size of one file stands for the full disk: 8 blocks are 4 or 8 KiB. Without -B
    # it would cut bytecode short, and no later start gets over that (python/cpython#126606).
    command = f'ulimit -f 8; exec "{sys.executable}" -B tools/collect.py "$0" --out "$1"'
    done = subprocess.run(  # noqa: S603  # our own tool with our own arguments
        ["/bin/sh", "-c", command, str(path), str(bench.out)],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == EXIT_INPUT
    (line,) = done.stderr.splitlines()
    assert str(bench.out) in line
    assert {row["origin"] for row in bench.provenance()} <= {"own/1.jpg"}
    assert bench.collect(sources=path) == EXIT_DONE
    assert len(bench.provenance()) == 3


@pytest.mark.parametrize("table", ["provenance.csv", "dead.csv"])
def test_another_table_is_not_overwritten(bench: Bench, table: str) -> None:
    """It should refuse a folder whose tables are somebody else's, and leave them as they are."""
    photos(bench.folder / "own", {"1.jpg": picture(1)})
    path = described(bench, {"x": FOLDER})
    photos(bench.out, {table: b"file,label\na.jpg,metal\n"})

    assert table in bench.refused(sources=path)
    assert (bench.out / table).read_bytes() == b"file,label\na.jpg,metal\n"


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
def test_two_runs_do_not_share_a_collection(bench: Bench) -> None:
    """It should refuse a collection that another run is at, and take it afterwards."""
    photos(bench.folder / "own", {"1.jpg": picture(1)})
    path = described(bench, {"x": FOLDER})

    with Provenance(bench.out):
        assert "is being collected into" in bench.refused(sources=path)
    assert bench.collect(sources=path) == EXIT_DONE


def test_odd_words_survive_the_table(bench: Bench) -> None:
    """It should read back commas, quotes and other scripts as they were."""
    photos(bench.folder / "own", {'a "b", ü 物.jpg': picture(1)})
    terms = {"licence": 'MIT, "as is"', "author": "Ærø; 山田"}
    path = described(bench, {"x, y": {**FOLDER, **terms}})

    assert bench.collect(sources=path) == EXIT_DONE
    first = (bench.out / "provenance.csv").read_bytes()
    assert bench.collect(sources=path) == EXIT_DONE
    assert (bench.out / "provenance.csv").read_bytes() == first
    (row,) = bench.provenance()
    assert (row["licence"], row["author"]) == tuple(terms.values())
    assert row["origin"] == 'own/a "b", ü 物.jpg'
