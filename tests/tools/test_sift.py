"""Sifting: what is kept, why it stops, what a second run does, and the same on other machines."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sorterd.classifiers.bundle import load
from sorterd.core.records import Box
from tests.tools.machines import (
    KEYS,
    Cluster,
    bucket_at,
    dask_cluster,
    forget_buckets,
    s3_endpoint,
)
from tools import sift as command
from tools.workshop.compose.coco import read_coco
from tools.workshop.evaluate.asking import Carried
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place
from tools.workshop.sift.ledger import Ledger
from tools.workshop.sift.seeking import Rules, Seeker, Sought
from tools.workshop.sift.sifting import Ending, Job, Limits, Outcome, sift

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny"
# BGR. The tiny bundles tell red, green and blue by the mean colour; grey is none of them.
RED, GREEN, BLUE, GREY = (40, 40, 230), (40, 230, 40), (230, 40, 40), (128, 128, 128)
# A red so pale that the bundle gives it some 0.7, another some 0.4.
PALE, PALER = (100, 100, 160), (125, 125, 135)
COLOURS = {"r": RED, "g": GREEN, "b": BLUE, "p": PALE, "q": PALER}
Sift = Callable[..., int]


def packed(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A picture as a PNG file's content."""
    return cv2.imencode(".png", pixels)[1].tobytes()


def plain(colour: tuple[int, int, int], number: int) -> bytes:
    """A picture of one colour, unlike any other number's in its corner."""
    pixels = np.full((24, 32, 3), colour, np.uint8)
    pixels[0, 0] = number
    return packed(pixels)


def fill(place: Place, colours: str) -> None:
    """Write pictures 0.png, 1.png and so on; "x" is a broken one."""
    for number, letter in enumerate(colours):
        whole = letter != "x"
        content = plain(COLOURS[letter], number) if whole else plain(RED, number)[:60]
        place.write(f"{number}.png", content)


@pytest.fixture
def source(tmp_path: Path) -> Place:
    """Return a folder for pictures."""
    return Place(str(tmp_path / "source"))


@pytest.fixture
def out(tmp_path: Path) -> Place:
    """Return a folder for copies."""
    return Place(str(tmp_path / "out"))


@pytest.fixture
def run(source: Place, out: Place) -> Sift:
    """Return what runs the command from the source to the destination; gives its exit code."""

    def sifted(label: str, *options: object) -> int:
        given = [label, str(source), str(out), "--bundle", str(TINY / "int8")]
        return command.main([*given, *map(str, options)])

    return sifted


def rows(place: Place, key: str = "red/ledger.csv") -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(place.read(key).decode())))


def tree(place: Place) -> dict[str, bytes]:
    """Everything in a place but times taken, which no two runs share."""
    found, keys = {}, place.keys()
    for key in keys:
        found[key] = content = place.read(key)
        if key.endswith("ledger.csv"):
            lines = [
                {**row, "took_ms": ""} for row in csv.DictReader(io.StringIO(content.decode()))
            ]
            found[key] = json.dumps(lines).encode()
    return found


def test_what_is_above_the_threshold_is_copied(source: Place, out: Place, run: Sift) -> None:
    """It should copy what shows the label as it is, and write down all that it looked at."""
    fill(source, "rgbrx")

    assert run("RED", "--price", "0.25") == 0
    assert out.pictures() == ["red/0.png", "red/3.png"]
    assert out.read("red/3.png") == source.read("3.png")
    seen = rows(out)
    assert [row["key"] for row in seen] == source.keys()
    assert [row["decision"] for row in seen] == ["found", "passed", "passed", "found", "broken"]
    assert [row["likeliest"] for row in seen] == ["red", "green", "blue", "red", ""]
    assert {row["cost"] for row in seen} == {"0.25"}
    assert all(float(row["took_ms"]) >= 0 for row in seen)
    assert seen[4]["why"]


def test_a_score_at_the_threshold_is_not_above_it(source: Place, out: Place, run: Sift) -> None:
    """It should copy what is strictly above, and nothing that is just at it."""
    fill(source, "p")
    run("red", "--dry-run", "--json", out.address + "/summary.json")
    run("red", "--threshold", "0.9")
    score = rows(out)[0]["score"]

    assert 0.5 < float(score) < 0.9
    assert run("red", "--threshold", score) == 0
    assert out.pictures() == []
    assert run("red", "--threshold", float(score) - 1e-6) == 0
    assert out.pictures() == ["red/0.png"]


def test_the_band_goes_to_review(source: Place, out: Place, run: Sift) -> None:
    """It should keep a band, ends included, for a person, and list it with scores."""
    fill(source, "rpqg")
    run("red", "--dry-run", "--threshold", "1")
    run("red", "--threshold", "1", "--name", "scores")
    scores = {row["key"]: row["score"] for row in rows(out, "scores/ledger.csv")}
    low, high = scores["2.png"], scores["1.png"]

    assert run("red", "--threshold", "0.1", "--review", low, high) == 0
    assert out.below("red").pictures() == ["0.png"]
    assert out.below("review/red").pictures() == ["1.png", "2.png"]
    listed = rows(out, "review/red/review.csv")
    assert [(row["copied_as"], row["score"]) for row in listed] == [
        ("1.png", high),
        ("2.png", low),
    ]


def test_boxes_lie_beside_the_copies(source: Place, out: Place, run: Sift) -> None:
    """It should say where the label was seen, in pixels of the picture as it is."""
    rng = np.random.default_rng(3)
    # Large enough to be decoded at a part of its size.
    large = rng.integers(120, 136, (1500, 2000, 3)).astype(np.uint8)
    piece = Box(1200, 300, 400, 600)
    large[piece.top_px : piece.bottom_px, piece.left_px : piece.right_px] = RED
    source.write("large.jpg", cv2.imencode(".jpg", large)[1].tobytes())
    source.write("plain.png", plain(RED, 0))

    assert run("red") == 0
    coco = read_coco(out.read("red/boxes.json"))
    assert coco.categories == ("red",)
    on_large, on_plain = coco.images
    assert (on_large.file, on_large.width_px, on_large.height_px) == ("large.jpg", 2000, 1500)
    found = on_large.annotations[0].box
    edges = np.array([found.left_px, found.top_px, found.right_px, found.bottom_px])
    assert np.abs(edges - [1200, 300, 1600, 900]).max() <= 30
    assert on_plain.annotations[0].box == Box(0, 0, 32, 24)
    assert on_plain.annotations[0].score == float(rows(out)[1]["score"])


@pytest.mark.parametrize(
    ("colours", "options", "code", "looked_at"),
    [
        ("rgrg", (), 0, 4),
        ("rgrg", ("--want", 2), 0, 3),
        ("rgrg", ("--want", 3), 5, 4),
        ("rgrg", ("--max-scan", 3), 4, 3),
        ("rgrg", ("--max-scan", 4), 0, 4),
        ("rgrgg", ("--patience", 2), 0, 5),
        ("rggr", ("--patience", 2), 3, 3),
        ("rgxgr", ("--patience", 2), 3, 4),
        ("rgpgr", ("--patience", 2, "--review", 0.5, 0.9), 3, 4),
        ("rggr", ("--patience", 0), 0, 4),
        ("g" * 25, (), 3, 20),
    ],
)
def test_why_it_stopped_is_its_exit_code(
    colours: str,
    options: tuple[object, ...],
    code: int,
    looked_at: int,
    source: Place,
    out: Place,
    run: Sift,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should stop where the options say, and tell why by code, in words and as JSON."""
    fill(source, colours)

    summary = out.below("summary.json")
    assert run("red", *options, "--json", summary) == code
    said = json.loads(out.read("summary.json"))
    assert (said["exit_code"], said["looked_at"]) == (code, looked_at)
    assert len(rows(out)) == looked_at
    assert f"stopped: {said['why']} (exit code {code})" in capsys.readouterr().out


def test_twice_is_harmless(source: Place, out: Place, run: Sift) -> None:
    """It should look at nothing again, change nothing, and end as it ended."""
    fill(source, "rgxprg")
    options = ("--review", 0.5, 0.9, "--patience", 3, "--price", 1)
    first = run("red", *options)
    before = out.read("red/ledger.csv"), tree(out)

    assert run("red", *options, "--json", out.below("../summary.json")) == first
    assert (out.read("red/ledger.csv"), tree(out)) == before
    assert json.loads(out.read("../summary.json"))["known"] == 6
    assert json.loads(out.read("../summary.json"))["cost"] == 0


def test_a_copy_that_was_lost_comes_back(source: Place, out: Place, run: Sift) -> None:
    """It should copy again what an earlier run had copied and somebody removed."""
    fill(source, "rg")
    run("red")
    before = tree(out)
    (Path(out.address) / "red" / "0.png").unlink()

    assert run("red") == 0
    assert tree(out) == before


def test_wider_limits_go_on(source: Place, out: Place, run: Sift) -> None:
    """It should go on where an earlier run stopped, and end like one that went all the way."""
    fill(source, "rgrgrb")
    run("red", "--max-scan", 2)
    run("red", "--threshold", "0.99")

    assert run("red") == 0
    known = out.below("red").pictures()
    shutil.rmtree(out.address)
    run("red")
    assert known == out.below("red").pictures() == ["0.png", "2.png", "4.png"]


def test_another_threshold_asks_the_ledger(
    source: Place, out: Place, run: Sift, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should decide anew from the scores it has, and tell of copies that it would not make."""
    fill(source, "rp")
    run("red", "--threshold", 0.5)
    capsys.readouterr()

    assert run("red", "--threshold", 0.9) == 0
    said = capsys.readouterr().out
    assert "2 of them known" in said
    assert f"{out}/red/1.png" in said
    assert [image.file for image in read_coco(out.read("red/boxes.json")).images] == ["0.png"]


def test_another_model_looks_again(source: Place, out: Place, run: Sift) -> None:
    """It should not take one model's scores for another's."""
    fill(source, "rg")
    run("red")

    assert run("red", "--bundle", TINY / "heads") == 0
    assert len({row["model"] for row in rows(out)}) == 2
    assert len(rows(out)) == 4


def test_a_name_that_is_taken(tmp_path: Path, source: Place, out: Place, run: Sift) -> None:
    """It should never write over another picture, and give the same name whenever it runs."""
    fill(source, "r")
    other = Place(str(tmp_path / "other"))
    other.write("0.png", plain(RED, 77))
    arguments = ["red", str(other), str(out), "--bundle", str(TINY / "int8")]
    run("red")

    for _ in range(2):
        assert command.main(arguments) == 0
        assert run("red") == 0
        names = out.below("red").pictures()
        contents = {out.below("red").read(name) for name in names}
        assert len(names) == 2
        assert contents == {source.read("0.png"), other.read("0.png")}
    assert len(read_coco(out.read("red/boxes.json")).images) == 2


def test_a_dry_run_writes_nothing(
    source: Place, out: Place, run: Sift, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say what it would copy, and where, and leave the disk alone."""
    fill(source, "rgp")

    assert run("red", "--dry-run", "--name", "mine", "--review", 0.5, 0.9) == 0
    said = capsys.readouterr().out
    assert f"{out}/mine/0.png" in said
    assert f"{out}/review/mine/2.png" in said
    assert not Path(out.address).exists()


@pytest.mark.parametrize(
    ("label", "options", "hint"),
    [
        ("gren", (), "did you mean green?"),
        ("zebra", (), "it has red, green, blue"),
        ("red", ("--bundle", "nothing"), "no bundle nothing"),
        ("red", ("--name", "../up"), "--name ../up"),
        ("red", ("--name", "review"), "--name review"),
        ("red", ("--review", 0.9, 0.1), "lower score first"),
        ("red", ("--cluster", "nonsense://x"), "nonsense://x"),
    ],
)
def test_bad_input_is_one_line(
    label: str,
    options: tuple[object, ...],
    hint: str,
    source: Place,
    out: Place,
    run: Sift,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should end at once with one line that says what to do, and write nothing."""
    fill(source, "r")

    assert run(label, *options) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert hint in line
    assert not Path(out.address).exists()


def test_a_source_without_pictures(
    tmp_path: Path, source: Place, run: Sift, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the folder that is not there, is empty, or holds the copies."""
    assert run("red") == 2
    Path(source.address).mkdir()
    assert run("red") == 2
    fill(source, "r")
    inside = ["red", str(tmp_path), str(tmp_path / "source"), "--bundle", str(TINY / "int8")]
    assert command.main(inside) == 2

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(str(tmp_path) in line for line in lines)


def test_a_file_that_is_no_ledger(
    source: Place, out: Place, run: Sift, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the file and the line, and leave the file as it is."""
    fill(source, "r")
    out.write("red/ledger.csv", b"a,b\n1,2\n")

    assert run("red") == 2
    assert "red/ledger.csv, line 2" in capsys.readouterr().err
    assert out.read("red/ledger.csv") == b"a,b\n1,2\n"


def test_what_was_looked_at_is_kept_when_a_copy_fails(
    source: Place, out: Place, run: Sift, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should keep the ledger of the pictures before the one that could not be copied."""
    fill(source, "rgr")
    (Path(out.address) / "red" / "2.png" / "in the way").mkdir(parents=True)

    assert run("red") == 2
    assert "red/2.png" in capsys.readouterr().err
    assert [row["key"] for row in rows(out)] == ["0.png", "1.png"]
    (Path(out.address) / "red" / "2.png" / "in the way").rmdir()
    (Path(out.address) / "red" / "2.png").rmdir()
    assert run("red") == 0
    assert out.below("red").pictures() == ["0.png", "2.png"]


# What a run does is a matter of scores and settings; this needs no pictures.

SCORES = st.lists(st.none() | st.sampled_from((0.1, 0.4, 0.5, 0.6, 0.9)), min_size=1, max_size=14)
LIMITS = st.builds(
    Limits,
    scan=st.none() | st.integers(1, 15),
    want=st.none() | st.integers(1, 5),
    patience=st.none() | st.integers(1, 4),
)
RULES = st.builds(
    Rules, st.sampled_from((0.1, 0.5, 0.8)), st.none() | st.sampled_from([(0.4, 0.5), (0.5, 0.9)])
)


def told(scores: Sequence[float | None], folder: Path) -> tuple[Job, list[str]]:
    """A job on files that are no pictures, and their keys."""
    source = Place(str(folder / "source"))
    keys = [f"{number:02}.png" for number in range(len(scores))]
    for key in keys:
        if not source.has(key):
            source.write(key, key.encode())
    place = Place(str(folder / "out"))
    return Job(source, place, "red", "red", "m", Rules(0.5), Limits()), keys


def asked(job: Job, keys: list[str], scores: Sequence[float | None], looked: list[str]) -> Outcome:
    """Run a job on scores instead of pictures."""

    def spread(some: Iterable[str]) -> Generator[Sought, None, None]:
        for key in some:
            looked.append(key)
            score = scores[keys.index(key)]
            if score is None:
                yield Sought(key, why="broken")
            else:
                yield Sought(key, 1, "", score, "red", Box(0, 0, 2, 2), (4, 4), key.encode())

    ledger = Ledger(job.folder_of("found"))
    return sift(job, keys, ledger, spread=spread, watch=lambda given, _: given)


@given(scores=SCORES, rules=RULES, limits=LIMITS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_it_stops_where_the_limits_say(
    scores: list[float | None],
    rules: Rules,
    limits: Limits,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """It should end as told one picture at a time, and a second run should repeat the first."""
    job, keys = told(scores, tmp_path_factory.mktemp("job"))
    job = Job(job.source, job.destination, "red", "red", "m", rules, limits)
    looked: list[str] = []
    first = asked(job, keys, scores, looked)
    again: list[str] = []
    second = asked(job, keys, scores, again)

    decisions = ["broken" if s is None else rules.decision(s) for s in scores[: len(looked)]]
    misses = 0
    for count, decision in enumerate(decisions, start=1):
        misses = 0 if decision == "found" else misses + (decision == "passed")
        enough = decisions[:count].count("found") == limits.want
        stops = enough or count in {len(keys), limits.scan} or misses == limits.patience
        assert stops == (count == len(decisions))
    assert first.counts == {d: decisions.count(d) for d in set(decisions)}
    if first.ending is Ending.DONE:
        assert enough or (limits.want is None and len(decisions) == len(keys))
    assert again == []
    assert (second.counts, second.ending, second.copied) == (first.counts, first.ending, [])


@given(scores=SCORES, before=RULES, rules=RULES, limits=LIMITS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_earlier_runs_change_nothing_but_the_work(
    scores: list[float | None],
    before: Rules,
    rules: Rules,
    limits: Limits,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """It should decide the same with a ledger from other settings as without any."""
    folder = tmp_path_factory.mktemp("job")
    job, keys = told(scores, folder)
    wanted = Job(job.source, job.destination, "red", "red", "m", rules, limits)
    fresh = asked(
        Job(job.source, Place(str(folder / "fresh")), "red", "red", "m", rules, limits),
        keys,
        scores,
        [],
    )
    asked(Job(job.source, job.destination, "red", "red", "m", before, Limits()), keys, scores, [])
    later = asked(wanted, keys, scores, [])

    assert (later.counts, later.ending, later.broken) == (fresh.counts, fresh.ending, fresh.broken)


# Other machines.


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Return the address of an S3 endpoint."""
    with s3_endpoint() as address:
        yield address


@pytest.fixture(scope="module")
def machines(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster whose workers have their own credentials for the endpoint."""
    environment = {**KEYS, "AWS_ENDPOINT_URL": endpoint}
    with dask_cluster(tmp_path_factory.mktemp("cluster"), **environment) as cluster:
        yield cluster


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give this process the endpoint, where the bucket `photos` is empty."""
    forget_buckets()
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    bucket_at(endpoint, "photos")
    yield
    forget_buckets()


@pytest.fixture
def mixed(bucket: None) -> Place:
    """Return a folder of the bucket with pictures of all kinds; the 17th to 20th are misses."""
    del bucket
    place = Place("s3://photos/mixed")
    fill(place, "rgprxgbrqrggrxrpgbggrrbr")
    return place


@pytest.mark.usefixtures("bucket")
def test_a_bucket_is_sifted_like_a_folder(source: Place, out: Place, run: Sift) -> None:
    """It should leave in a bucket what it would leave in a folder, from either."""
    far, far_out = Place("s3://photos/source"), Place("s3://photos/out")
    fill(source, "rgpxr")
    fill(far, "rgpxr")
    options = ["--review", "0.5", "0.9", "--bundle", str(TINY / "int8")]
    run("red", *options)

    for _ in range(2):
        assert command.main(["red", str(far), str(far_out), *options]) == 0
    there = tree(far_out)
    named_alike = {
        key: content.replace(str(far).encode(), str(source).encode())
        for key, content in there.items()
    }
    assert named_alike == tree(out)


@pytest.mark.parametrize(
    ("options", "code", "killed"),
    [
        ((), 0, False),
        (("--want", 6), 0, True),
        (("--patience", 4), 3, False),
        (("--max-scan", 15), 4, False),
    ],
)
def test_a_cluster_gives_the_same(
    options: tuple[object, ...],
    code: int,
    killed: bool,  # noqa: FBT001  # a parameter of the test
    machines: Cluster,
    mixed: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It should copy the same and write the same ledger, early stop included, from a bucket.

    In one run one of two workers is killed when the first pictures have come back.
    """
    machines.settle(2)
    given = ["red", str(mixed), "--bundle", str(TINY / "int8"), "--review", "0.5", "0.9"]
    more = list(map(str, options))

    alone = command.main([*given, str(tmp_path / "alone"), *more])
    watch = command.with_bar

    def killing(keys: Sequence[str], outcome: Outcome) -> Iterator[str]:
        for count, key in enumerate(watch(keys, outcome)):
            if killed and count == 3:
                machines.kill_worker()
            yield key

    monkeypatch.setattr(command, "with_bar", killing)
    there = command.main([*given, str(tmp_path / "there"), *more, "--cluster", machines.address])

    assert alone == there == code
    assert tree(Place(str(tmp_path / "there"))) == tree(Place(str(tmp_path / "alone")))


def test_a_machine_without_the_folder(tmp_path: Path) -> None:
    """It should say that the folder is not there, and not that every picture is broken."""
    bundle = Carried(load(TINY / "int8"))
    subject = Seeker(bundle, Place(str(tmp_path / "elsewhere")), "red", Rules(0.5))

    with pytest.raises(WorkshopFault, match=r"no folder .*elsewhere"):
        subject("0.png")
