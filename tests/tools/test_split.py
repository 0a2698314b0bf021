"""Dividing a data set: no group straddles, every picture is somewhere once, nothing moves later."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tools.split import main
from tools.workshop.explore.inspection import Inspected, Taken
from tools.workshop.explore.likeness import Fingerprint
from tools.workshop.explore.quality import Quality
from tools.workshop.labelled import Labelled, read_list
from tools.workshop.origins import Origins
from tools.workshop.split.allotting import allot
from tools.workshop.split.dividing import Division, Fixed, divided
from tools.workshop.split.groups import Bond, grouped
from tools.workshop.split.sessions import named_session, session_bonds, taken_by_name

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
NOTHING = Fixed({}, {})
FLAT = Fingerprint(np.zeros(64, np.bool_), np.zeros(768, np.float32))
LABELS = ("can", "jar", "pear")


def picture(
    number: int, label: str = "can", *, name: str = "", taken: Taken | None = None
) -> Inspected:
    """Return a picture that nobody has to draw."""
    key = f"{label}/{name or number}.jpg"
    digest = hashlib.sha256(key.encode()).hexdigest()
    return Inspected(Labelled(label, key), digest, 9, 8, 8, taken, Quality(9.0, 9.0, 0.0), FLAT)


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[list[Inspected], list[Bond]]:
    """Give pictures of three labels, some of them bound together."""
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=60))
    places = st.integers(0, len(labels) - 1)
    pairs = draw(st.lists(st.tuples(places, places, st.booleans()), max_size=25))
    pictures = [picture(number, label) for number, label in enumerate(labels)]
    return pictures, [Bond(a, b, "alike", session=s) for a, b, s in pairs if a != b]


def where(division: Division) -> dict[str, str]:
    """Return key -> part, and check that none is in two."""
    keys = [row.key for rows in division.parts.values() for row in rows]
    keys += [row.key for row, _ in division.left_out]
    assert len(keys) == len(set(keys))
    return {row.key: part for part, rows in division.parts.items() for row in rows}


@given(data_sets(), st.integers(0, 9))
def test_every_picture_is_dealt_out_once_and_no_group_straddles(
    data: tuple[list[Inspected], list[Bond]], seed: int
) -> None:
    """It should leave nothing out, and keep what is bound together in one part."""
    pictures, bonds = data

    subject = divided(pictures, bonds, SHARES, seed=seed, fixed=NOTHING)

    part = where(subject)
    assert part.keys() == {one.row.key for one in pictures}
    for group in grouped(len(pictures), bonds):
        assert len({part[pictures[place].row.key] for place in group}) == 1


@given(data_sets(), st.data())
def test_the_order_of_the_pictures_is_of_no_matter(
    data: tuple[list[Inspected], list[Bond]], draw: st.DataObject
) -> None:
    """It should give the same parts for the same pictures in any order."""
    pictures, bonds = data
    order = draw.draw(st.permutations(range(len(pictures))))
    moved = {old: new for new, old in enumerate(order)}
    turned = [replace(bond, first=moved[bond.second], second=moved[bond.first]) for bond in bonds]

    here = divided(pictures, bonds, SHARES, seed=1, fixed=NOTHING)
    there = divided([pictures[place] for place in order], turned, SHARES, seed=1, fixed=NOTHING)

    assert here.parts == there.parts


@given(
    st.lists(st.tuples(st.sampled_from(LABELS), st.integers(1, 6)), min_size=30, max_size=120),
    st.integers(0, 99),
)
def test_shares_are_met_as_near_as_whole_groups_allow(
    groups: list[tuple[str, int]], seed: int
) -> None:
    """It should give no part more of a label than its share and one group."""
    parcels = {f"{place}": {label: size} for place, (label, size) in enumerate(groups)}

    dealt = allot(parcels, SHARES, seed=seed)

    for label in {label for label, _ in groups}:
        sizes = [size for name, size in groups if name == label]
        if len(sizes) < len(SHARES):
            continue
        held = Counter[str]()
        for name, part in dealt.items():
            held[part] += parcels[name].get(label, 0)
        for part, share in SHARES.items():
            assert held[part] > 0
            assert held[part] - share * sum(sizes) <= max(sizes)
            assert share * sum(sizes) - held[part] <= 2 * max(sizes)


def test_single_pictures_meet_the_shares_to_the_picture() -> None:
    """It should be off by less than one picture where nothing is bound."""
    parcels = {f"{place}": {LABELS[place % 3]: 1} for place in range(1000)}

    dealt = allot(parcels, SHARES, seed=3)

    for at, label in enumerate(LABELS):
        held = Counter(part for name, part in dealt.items() if int(name) % 3 == at)
        for part, share in SHARES.items():
            assert abs(held[part] - share * held.total()) < 1, (label, part)


def test_large_groups_come_to_small_parts_too() -> None:
    """It should not keep every large group for the part with the largest share."""
    sizes = [20] * 10 + [1] * 400
    parcels = {f"{place}": {"can": size} for place, size in enumerate(sizes)}

    found = Counter[str]()
    for seed in range(20):
        dealt = allot(parcels, SHARES, seed=seed)
        found.update(dealt[f"{place}"] for place in range(10))

    assert found["val"] > 10
    assert found["test"] > 10


@given(data_sets(), st.integers(1, 20), st.data())
def test_what_was_dealt_out_stays_where_it_is(
    data: tuple[list[Inspected], list[Bond]], more: int, draw: st.DataObject
) -> None:
    """It should move no picture when new ones come, whatever those resemble."""
    pictures, bonds = data
    first = where(divided(pictures, bonds, SHARES, seed=1, fixed=NOTHING))
    grown = [*pictures, *(picture(1000 + n, LABELS[n % 3]) for n in range(more))]
    new = st.integers(len(pictures), len(grown) - 1)
    ends = draw.draw(st.lists(st.tuples(new, st.integers(0, len(grown) - 1)), max_size=9))
    bonds = [*bonds, *(Bond(a, b, "alike") for a, b in ends if a != b)]

    later = divided(grown, bonds, SHARES, seed=1, fixed=Fixed({}, first))

    part = where(later)
    assert {key: part.get(key) for key in first} == first
    for bond in bonds:
        ends_in = {part.get(grown[place].row.key) for place in (bond.first, bond.second)}
        assert len(ends_in - {None}) <= 1
    assert len(part) + len(later.left_out) == len(grown)


@given(data_sets(), st.data())
def test_official_parts_hold_what_their_list_says(
    data: tuple[list[Inspected], list[Bond]], draw: st.DataObject
) -> None:
    """It should keep official held-out lists as they are and nothing near them in train."""
    pictures, bonds = data
    said = draw.draw(
        st.lists(
            st.sampled_from(["", "train", "val"]), min_size=len(pictures), max_size=len(pictures)
        )
    )
    official = {one.row.key: part for one, part in zip(pictures, said, strict=True) if part}

    subject = divided(pictures, bonds, SHARES, seed=1, fixed=Fixed(official, {}))

    part = where(subject)
    held_back = {key for key, name in official.items() if name == "val"}
    assert {key for key, name in part.items() if name == "val" and key in official} == held_back
    for bond in bonds:
        ends_in = {part.get(pictures[place].row.key) for place in (bond.first, bond.second)}
        assert len(ends_in - {None}) <= 1
    moved = {key for key, name in official.items() if part.get(key, name) != name}
    assert not moved
    assert all("\n" not in why for _, why in subject.left_out)


@given(data_sets(), st.data())
def test_nothing_straddles_whatever_was_said_before(
    data: tuple[list[Inspected], list[Bond]], draw: st.DataObject
) -> None:
    """It should part with pictures rather than keep two of a group in two parts."""
    pictures, bonds = data
    count = len(pictures)
    words = st.lists(st.sampled_from(["", "train", "val", "test"]), min_size=count, max_size=count)
    keys = [one.row.key for one in pictures]
    official, earlier = (
        {key: part for key, part in zip(keys, draw.draw(words), strict=True) if part}
        for _ in range(2)
    )

    subject = divided(pictures, bonds, SHARES, seed=1, fixed=Fixed(official, earlier))

    part = where(subject)
    assert len(part) + len(subject.left_out) == count
    for bond in bonds:
        ends = [keys[place] for place in (bond.first, bond.second)]
        # Official lists that contradict each other are theirs to settle; a remark says so.
        if not all(official.get(key) in {"val", "test"} for key in ends):
            assert len({part.get(key) for key in ends} - {None}) <= 1
    held_back = {key: name for key, name in official.items() if name != "train"}
    assert {key: part.get(key) for key in held_back} == held_back


def test_what_resembles_an_official_picture_is_left_out_with_the_reason() -> None:
    """It should name the official picture and why the other one may not be learned from."""
    pictures = [picture(0), picture(1), picture(2), picture(3)]
    bonds = [Bond(0, 1, "nearly the same picture"), Bond(1, 2, "same session", session=True)]
    official = {"can/0.jpg": "val", "can/1.jpg": "train", "can/3.jpg": "train"}

    subject = divided(pictures, bonds, SHARES, seed=1, fixed=Fixed(official, {}))

    reasons = {row.key: why for row, why in subject.left_out}
    assert reasons == {
        "can/1.jpg": "nearly the same picture as can/0.jpg, which is in val",
        "can/2.jpg": "bound through others to pictures of another part",
    }
    assert [row.key for row in subject.parts["train"]] == ["can/3.jpg"]


def test_a_label_with_few_groups_fills_the_parts_in_their_order() -> None:
    """It should learn from the only group there is, and say which parts lack the label."""
    pictures = [picture(0, "jar"), picture(1, "jar"), *(picture(n) for n in range(20))]

    subject = divided(pictures, [Bond(0, 1, "alike")], SHARES, seed=1, fixed=NOTHING)

    assert [row.label for row in subject.parts["train"]].count("jar") == 2
    assert subject.remarks == [
        "jar has no pictures in val, test: only 1 groups of it were dealt out; add pictures of it"
    ]


@pytest.mark.parametrize(
    ("name", "session"),
    [
        ("cardboard123", ""),
        ("tn_cardboard123", ""),
        ("IMG_5510", ""),
        ("DSC01234", ""),
        ("000012-3f2a1b4c5d6e", ""),
        ("overview12", ""),
        ("20240326_24aa6e29-f1ef-4333-b3b4-6d008a5b5c8c", ""),
        (
            "hh_20240326_24aa6e29-f1ef-4333-b3b4-6d008a5b5c8c_1_png_1f4af6_0",
            "hh_20240326_24aa6e29-f1ef-4333-b3b4-6d008a5b5c8c",
        ),
        ("can_jpg.rf.42c4ba88119aae9d425f5c00", "can_jpg"),
        ("belt7_frame_00012", "belt7"),
        ("belt7-frame12", "belt7"),
        ("cup_view_3", "cup"),
        ("frame_0001", "glass"),
    ],
)
def test_names_state_sessions_only_where_they_do(name: str, session: str) -> None:
    """It should believe identities, copies and frames, and never a plain number."""
    assert named_session(f"glass/{name}.jpg") == session


@pytest.mark.parametrize(
    ("name", "second_s"),
    [
        ("IMG_20240326_153012", 12),
        ("PXL_20240326_153013345", 13),
        ("2024-03-26 15.30.14", 14),
        ("20240326_153099", None),
        ("IMG_20240326", None),
        ("20241326_153012", None),
        ("1202403261530120", None),
    ],
)
def test_times_are_read_from_names(name: str, second_s: int | None) -> None:
    """It should read whole times only."""
    taken = taken_by_name(f"glass/{name}.jpg")

    assert (taken and taken.second_s % 60) == second_s


def test_pictures_of_one_camera_close_in_time_are_one_session() -> None:
    """It should chain pauses up to the limit, camera by camera, however they are ordered."""
    taken = [Taken("a", 100), Taken("a", 300), Taken("a", 160), Taken("b", 101), Taken("a", 219)]
    pictures = [picture(n, taken=one) for n, one in enumerate(taken)]

    bonds = session_bonds(pictures, Origins(), gap_s=60)

    assert grouped(5, bonds) == [[0, 2, 4], [1], [3]]
    assert session_bonds(pictures, Origins(), gap_s=0) == []


def test_the_table_of_origins_states_sessions() -> None:
    """It should keep together crops of one photograph and what the table calls a session."""
    rows = {
        "can/0.jpg": [{"original_path": "a.jpg", "source_repo": "x"}],
        "can/1.jpg": [{"original_path": "a.jpg", "source_repo": "x"}],
        "can/2.jpg": [{"original_path": "a.jpg", "source_repo": "y"}],
        "can/3.jpg": [{"session": "tuesday"}],
        "can/4.jpg": [{"session": "tuesday"}],
    }

    bonds = session_bonds([picture(n) for n in range(6)], Origins("SOURCES.csv", rows))

    assert grouped(6, bonds) == [[0, 1], [2], [3, 4], [5]]


# The command itself, on small pictures of noise: no two of them resemble each other.


def noise(seed: int, side_px: int = 48) -> npt.NDArray[np.uint8]:
    """Return coarse coloured noise."""
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    return np.asarray(
        cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC), np.uint8
    )


def save(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write a picture in the form that its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, packed = cv2.imencode(path.suffix, pixels)
    path.write_bytes(packed.tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder of two labels with 20 pictures each."""
    folder = tmp_path / "data"
    for number in range(20):
        save(folder / "can" / f"{number}.png", noise(number))
        save(folder / "jar" / f"{number}.png", noise(100 + number))
    return folder


@pytest.fixture
def split(data: Path, tmp_path: Path) -> Callable[..., int]:
    """Return what runs the command on the data, into `lists`."""
    return lambda *more: main([str(data), "--out", str(tmp_path / "lists"), *map(str, more)])


def listed(folder: Path) -> dict[str, str]:
    """Return key -> part of a folder of lists."""
    record = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    return {row.key: part for part in record["files"] for row in read_list(folder / f"{part}.csv")}


def left_out(folder: Path) -> dict[str, str]:
    """Return key -> reason."""
    with (folder / "left_out.csv").open(newline="", encoding="utf-8") as lines:
        return {row["file"]: row["reason"] for row in csv.DictReader(lines)}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line with which the command ended."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("split: ")]
    assert len(lines) == 1
    return lines[0]


def test_the_command_writes_lists_and_a_record(
    split: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should divide by the shares, say so, and give the same files again."""
    assert split() == 0

    lists = tmp_path / "lists"
    assert Counter(listed(lists).values()) == {"train": 28, "val": 6, "test": 6}
    record = json.loads((lists / "split.json").read_text(encoding="utf-8"))
    assert record["seed"] == 1
    assert record["shares"] == SHARES
    assert record["group_count"] == 40
    assert record["counts"]["can"] == {"train": 14, "val": 3, "test": 3}
    assert "40 pictures in 40 groups; left out: 0" in capsys.readouterr().out
    before = contents(lists)
    assert split() == 0
    assert contents(lists) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "lists"]


def test_another_seed_and_other_shares_divide_anew(
    split: Callable[..., int], tmp_path: Path
) -> None:
    """It should replace an earlier split of other settings, its lists included."""
    split()
    first = listed(tmp_path / "lists")
    split("--seed", 2)
    second = listed(tmp_path / "lists")
    split("--shares", "learn=0.5", "check=0.5")

    assert first != second
    assert Counter(listed(tmp_path / "lists").values()) == {"learn": 20, "check": 20}
    assert not (tmp_path / "lists" / "train.csv").exists()


def test_new_pictures_move_no_old_one(
    split: Callable[..., int], data: Path, tmp_path: Path
) -> None:
    """It should keep every picture in its part when the data have grown, unless told otherwise."""
    split()
    before = listed(tmp_path / "lists")
    for number in range(20, 60):
        save(data / "can" / f"{number}.png", noise(number))
    split()
    after = listed(tmp_path / "lists")

    assert {key: after[key] for key in before} == before
    assert Counter(part for key, part in after.items() if key.startswith("can")) == {
        "train": 42,
        "val": 9,
        "test": 9,
    }
    split("--anew")
    assert listed(tmp_path / "lists") != after


def test_near_copies_stay_together_and_renaming_changes_nothing(
    split: Callable[..., int], data: Path, tmp_path: Path
) -> None:
    """It should see through size, compression and light, and look at content, not at names."""
    for number in range(20):
        pixels = noise(number)
        larger = cv2.resize(pixels, (160, 160), interpolation=cv2.INTER_CUBIC)
        save(data / "can" / f"{number}b.jpg", np.asarray(larger, np.uint8))
        brighter = cv2.convertScaleAbs(pixels, alpha=0.8, beta=30)
        save(data / "can" / f"{number}c.png", np.asarray(brighter, np.uint8))
    split()
    first = listed(tmp_path / "lists")

    for number in range(20):
        assert len({first[f"can/{number}{end}"] for end in (".png", "b.jpg", "c.png")}) == 1
        (data / "can" / f"{number}.png").rename(data / "can" / f"{90 - number}.png")
    split("--anew")
    second = listed(tmp_path / "lists")
    assert [second[f"can/{90 - n}.png"] for n in range(20)] == [
        first[f"can/{n}.png"] for n in range(20)
    ]


def test_times_of_the_camera_keep_pictures_together(
    split: Callable[..., int], data: Path, tmp_path: Path
) -> None:
    """It should read when a picture was taken, and survive notes that make no sense."""
    for number in range(10):
        notes = Image.Exif()
        notes[0x0110] = "camera"
        said = f"2026:03:01 10:00:{5 * number:02}" if number < 8 else "2026:99:01 10:00:00"
        notes.get_ifd(0x8769)[0x9003] = said
        picture = Image.fromarray(noise(200 + number))
        picture.save(data / "can" / f"shoot{number}.jpg", exif=notes)
    broken = (data / "can" / "shoot9.jpg").read_bytes()
    (data / "can" / "shoot9.jpg").write_bytes(broken.replace(b"Exif\0\0II", b"Exif\0\0IX"))

    assert split("--session-gap-s", 10) == 0

    parts = listed(tmp_path / "lists")
    assert len({parts[f"can/shoot{number}.jpg"] for number in range(8)}) == 1
    record = json.loads((tmp_path / "lists" / "split.json").read_text(encoding="utf-8"))
    assert record["groups"] == [[f"can/shoot{number}.jpg" for number in range(8)]]


def test_an_official_list_is_kept(
    split: Callable[..., int], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should keep official rows, leave out what resembles them, and share out the rest."""
    save(data / "can" / "copy.jpg", noise(0, 96))
    table = ["file,class,official_split"]
    table += [f"can/{number}.png,can,{'val' if number < 4 else ''}" for number in range(10)]
    (data / "SOURCES.csv").write_text("\n".join([*table, "can/gone.png,can,val"]), encoding="utf-8")

    assert split("--official", "SOURCES.csv", "column=official_split") == 0

    parts = listed(tmp_path / "lists")
    assert {parts[f"can/{number}.png"] for number in range(4)} == {"val"}
    reasons = left_out(tmp_path / "lists")
    assert list(reasons) == ["can/copy.jpg"]
    assert reasons["can/copy.jpg"].endswith("as can/0.png, which is in val")
    assert "1 pictures of the official list are not in the data" in refused(capsys)


def test_an_official_part_may_be_none_of_the_shares(
    split: Callable[..., int], data: Path, tmp_path: Path
) -> None:
    """It should keep a list file as a part of its own and share out the rest."""
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("file,label\ncan/1.png,can\njar/1.png,jar\n", encoding="utf-8")

    assert split("--official", f"exam={theirs}", "--shares", "train=0.5", "val=0.5") == 0

    assert [row.key for row in read_list(tmp_path / "lists" / "exam.csv")] == [
        "can/1.png",
        "jar/1.png",
    ]
    assert Counter(listed(tmp_path / "lists").values()) == {"train": 19, "val": 19, "exam": 2}
    assert data.is_dir()


def test_pictures_of_no_use_are_left_out_and_named(
    split: Callable[..., int], data: Path, tmp_path: Path
) -> None:
    """It should go on without them, and say why."""
    whole = (data / "can" / "3.png").read_bytes()
    (data / "can" / "3.png").write_bytes(whole[: len(whole) // 2])
    (data / "jar" / "4.png").write_bytes(b"")

    assert split() == 0

    reasons = left_out(tmp_path / "lists")
    assert reasons["can/3.png"].startswith("of no use: ")
    assert reasons["jar/4.png"] == "of no use: the file is empty"
    assert len(listed(tmp_path / "lists")) == 38


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shares", "train=0.7", "val=0.7"], "add up to 1"),
        (["--shares", "train=much"], "write PART=SHARE"),
        (["--shares", "train=1.5", "val=-0.5"], "above 0 and at most 1"),
        (["--shares", "../train=1"], "a part cannot be called"),
        (["--official", "none.csv"], "none.csv is not there"),
        (["--official", "table.csv"], "table.csv has no column official_split"),
        (["--official", "val=none.csv"], "none.csv cannot be read"),
        (["--bundle", "tests/classifiers/tiny/int8"], "gives no embedding"),
        (["--bundle", "nowhere"], "no bundle nowhere"),
    ],
)
def test_bad_input_ends_in_one_line_and_changes_nothing(
    words: Sequence[str],
    message: str,
    split: Callable[..., int],
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It should say what to do, with exit code 2."""
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    (data / "table.csv").write_text("file,class\ncan/1.png,can\n", encoding="utf-8")
    split()
    before = contents(tmp_path / "lists")
    capsys.readouterr()

    assert split(*words) == 2

    assert message in refused(capsys)
    assert contents(tmp_path / "lists") == before


def test_a_folder_of_something_else_is_left_alone(
    split: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should not replace what it did not write."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "letter.txt").write_text("dear", encoding="utf-8")

    assert split() == 2

    assert "holds letter.txt and is no earlier split" in refused(capsys)
    assert contents(tmp_path / "lists") == {"letter.txt": b"dear"}


def test_a_damaged_record_is_named(
    split: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should not guess what an earlier split was."""
    split()
    (tmp_path / "lists" / "split.json").write_text("{}", encoding="utf-8")
    capsys.readouterr()

    assert split() == 2
    assert "split.json is damaged" in refused(capsys)
    assert split("--anew") == 0
