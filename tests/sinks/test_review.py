"""Crops for review: which pieces, what is written of them, and that the folder keeps its bounds."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sorterd.core.records import NO_EVIDENCE, Outcome, Reason, Verdict
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.sinks.review import HELD, Choice, Origin, Review, Why, open_review
from sorterd.sinks.review_folder import ReviewRow, Room, name_of, open_review_folder, read_review

LABELS = ("glass", "metal", "trash")
CHOICE = Choice(below_frac=0.8, control_frac=0.25, seed=3)
WIDE = Room(most_files=100, most_per_label=100, most_bytes=10_000_000)


def outcome(piece: int, label: str | None, *scores: float) -> Outcome:
    """Return the outcome of a piece with these scores; None is unsure."""
    verdict = Verdict(label, max(scores), "recyclable" if label else None, max(scores), scores)
    return Outcome(
        piece=piece,
        bin="landfill",
        reason=Reason.SORTED if label else Reason.UNSURE,
        verdict=verdict,
        sightings=9,
        crops=2,
        first_seen_ns=1_000 + piece,
        last_seen_ns=2_000 + piece,
        last_along_mm=10.0,
        last_across_mm=20.0,
        length_mm=30.0,
        evidence_ns=1_500,
        decided_ns=1_600,
        deadline_ns=1_700,
        pulse=None,
        opened_late_ns=None,
        ended_ns=3_000 + piece,
    )


def picture(piece: int, side_px: int = 24) -> npt.NDArray[np.uint8]:
    """Return the picture of a piece: noise, another for each."""
    return np.random.default_rng(piece).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)


def opened(folder: Path, room: Room = WIDE, choice: Choice = CHOICE) -> Review:
    """Open a folder; every piece has a picture."""
    return open_review(folder, picture, choice, Origin(4, LABELS, "waste", "2"), room)


def waiting(folder: Path) -> list[str]:
    """Return what waits to be looked at."""
    return sorted(path.name for path in (folder / "new").iterdir())


def png(seed: int, size_px: int = 24) -> bytes:
    """Return a picture's file."""
    return cv2.imencode(".png", picture(seed, size_px))[1].tobytes()


def row(piece: int, content: bytes, label: str = "glass") -> ReviewRow:
    """Return a row for a picture."""
    return ReviewRow(
        file=name_of(piece, content),
        run=1,
        piece=piece,
        first_seen_ns=1,
        ended_ns=2,
        why="unsure",
        likeliest=label,
        verdict="",
        confidence_frac=0.5,
        stage_one="",
        stage_one_frac=0.5,
        scores='{"glass": 0.5}',
        reason="unsure",
        bundle="waste",
        version="2",
    )


def test_a_day_has_its_share(tmp_path: Path) -> None:
    """It should keep no more crops than may be written in a day, and say how many it left out."""
    size = len(png(1))
    review = open_review(
        tmp_path, picture, CHOICE, Origin(4, LABELS, "waste", "2"), WIDE, 24 * 3 * size + 24
    )
    for piece in range(1, 11):
        review.write(outcome(piece, None, 0.4, 0.3, 0.3))
    review.flush()

    kept = len(waiting(tmp_path))
    assert kept in {2, 3}  # noise of one size packs into files of nearly one size
    assert review.over == 10 - kept
    assert review.summary(0).endswith(f"; {10 - kept} above what may be written in a day")


# Which pieces.


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (outcome(1, None, 0.4, 0.3, 0.3), Why.UNSURE),
        (outcome(1, "glass", 0.79, 0.11, 0.1), Why.LOW),
        (replace(outcome(1, None, 0.4, 0.3, 0.3), reason=Reason.TOUCHING), None),
        (replace(outcome(1, None, 0.4, 0.3, 0.3), reason=Reason.TWO_AT_ONCE), None),
        (replace(outcome(1, None, 0.4, 0.3, 0.3), verdict=NO_EVIDENCE), None),
    ],
)
def test_a_piece_is_chosen_by_its_verdict(ended: Outcome, why: Why | None) -> None:
    """It should choose what is unsure or nearly so, if it was looked at and lay alone."""
    assert CHOICE.why(ended) is why


def test_a_share_of_the_sure_pieces_is_chosen() -> None:
    """It should draw the set share, the same for one seed and others for another."""

    def drawn(choice: Choice) -> list[int]:
        sure = (outcome(piece, "glass", 0.9, 0.05, 0.05) for piece in range(1, 2001))
        return [each.piece for each in sure if choice.why(each) is Why.CONTROL]

    share = drawn(CHOICE)

    # Four standard deviations of 2000 draws of a quarter: 77.
    assert abs(len(share) - 500) < 78
    assert drawn(CHOICE) == share != drawn(replace(CHOICE, seed=4))
    assert drawn(replace(CHOICE, control_frac=0.0)) == []
    assert len(drawn(replace(CHOICE, control_frac=1.0))) == 2000


# What is written.


def test_a_crop_and_its_row_are_written(tmp_path: Path) -> None:
    """It should write the very pixels, and all that the station knew."""
    review = opened(tmp_path / "review")
    review.write(outcome(12, None, 0.25, 0.5, 0.25))
    review.write(outcome(13, "glass", 0.7, 0.2, 0.1))
    review.close()

    unsure, low = read_review(tmp_path / "review")
    encoded = np.frombuffer((tmp_path / "review" / "new" / unsure.file).read_bytes(), np.uint8)
    assert np.array_equal(cv2.imdecode(encoded, cv2.IMREAD_COLOR), picture(12))
    assert unsure.file.startswith("000012-")
    assert (unsure.run, unsure.piece, unsure.why) == (4, 12, "unsure")
    assert (unsure.first_seen_ns, unsure.ended_ns) == (1_012, 3_012)
    assert (unsure.verdict, unsure.likeliest, unsure.stage_one) == ("", "metal", "")
    assert (unsure.bundle, unsure.version, unsure.reason) == ("waste", "2", "unsure")
    assert unsure.beliefs() == {"glass": 0.25, "metal": 0.5, "trash": 0.25}
    assert (low.verdict, low.why, low.confidence_frac) == ("glass", "low", 0.7)
    assert review.kept == {Why.UNSURE: 1, Why.LOW: 1}


def test_the_list_is_no_list_of_labels(tmp_path: Path) -> None:
    """It should have no column that a list of labelled pictures has: the model's word is none."""
    opened(tmp_path).close()

    columns = (tmp_path / "review.csv").read_text().splitlines()[0].split(",")

    assert "file" in columns
    assert "label" not in columns


def test_a_piece_without_a_picture_is_passed_over(tmp_path: Path) -> None:
    """It should write nothing of what the road had to let go."""
    origin = Origin(4, LABELS, "waste", "2")
    review = open_review(tmp_path, lambda _: None, CHOICE, origin, WIDE)
    review.write(outcome(1, None, 0.4, 0.3, 0.3))
    review.close()

    assert waiting(tmp_path) == []
    assert list(read_review(tmp_path)) == []


def test_every_picture_is_taken(tmp_path: Path) -> None:
    """It should take also what it does not keep, or the road would hold on to it."""
    taken: list[int] = []

    def take(piece: int) -> None:
        taken.append(piece)

    review = open_review(tmp_path, take, CHOICE, Origin(4, LABELS, "waste", "2"), WIDE)
    review.write(replace(outcome(1, None, 0.4, 0.3, 0.3), reason=Reason.TOUCHING))
    review.close()

    assert taken == [1]


def test_the_same_crop_is_kept_once(tmp_path: Path) -> None:
    """It should not write it again in another run, nor when a person has sorted it."""
    for _ in range(2):
        review = opened(tmp_path)
        review.write(outcome(1, None, 0.4, 0.3, 0.3))
        review.close()
    (name,) = waiting(tmp_path)
    (tmp_path / "glass").mkdir()
    (tmp_path / "new" / name).rename(tmp_path / "glass" / name)
    review = opened(tmp_path)
    review.write(outcome(1, None, 0.4, 0.3, 0.3))
    review.close()

    assert waiting(tmp_path) == []
    assert [each.file for each in read_review(tmp_path)] == [name]
    assert review.summary(0).startswith("0 crops to look at")


# Bounds.


@pytest.mark.parametrize("seed", range(5))
def test_the_folder_keeps_its_bounds(tmp_path: Path, seed: int) -> None:
    """It should never hold more than it may, whatever comes, over restarts, sorted crops apart."""
    rng = np.random.default_rng(seed)
    room = Room(most_files=8, most_per_label=5, most_bytes=12_000)
    folder = open_review_folder(tmp_path, room)
    given: list[ReviewRow] = []
    sorted_by_hand: dict[Path, bytes] = {}
    for piece in range(60):
        content = png(piece, int(rng.integers(8, 40)))
        given.append(row(piece, content, str(rng.choice(LABELS))))
        assert folder.add(content, given[-1])
        there = [each for each in given if (tmp_path / "new" / each.file).exists()]
        assert there[-1] is given[-1]
        assert len(there) == len(waiting(tmp_path)) <= 8
        assert all(sum(each.likeliest == label for each in there) <= 5 for label in LABELS)
        sizes = [(tmp_path / "new" / each.file).stat().st_size for each in there]
        assert sum(sizes) <= 12_000
        if rng.random() < 0.2:
            place = tmp_path / "glass" / there[0].file
            place.parent.mkdir(exist_ok=True)
            (tmp_path / "new" / there[0].file).rename(place)
            sorted_by_hand[place] = place.read_bytes()
        if rng.random() < 0.1:
            folder = open_review_folder(tmp_path, room)

    assert sorted_by_hand
    assert all(place.read_bytes() == content for place, content in sorted_by_hand.items())
    listed = {each.file for each in read_review(tmp_path)}
    assert {path.name for path in tmp_path.rglob("*.png")} <= listed
    # What may wait four times over, and what came since the list was last shortened.
    assert len(listed) < 60


def test_the_oldest_give_way(tmp_path: Path) -> None:
    """It should let go of the oldest, and of the oldest of one label when that has its fill."""
    folder = open_review_folder(tmp_path, Room(4, 2, 1_000_000))
    contents = [png(piece) for piece in range(6)]
    labels = ("glass", "glass", "metal", "glass", "trash", "trash")
    for piece, (content, label) in enumerate(zip(contents, labels, strict=True)):
        folder.add(content, row(piece, content, label))

    assert waiting(tmp_path) == [name_of(piece, contents[piece]) for piece in (2, 3, 4, 5)]


def test_crops_moved_away_take_no_room(tmp_path: Path) -> None:
    """It should count what lies there now, not what was written."""
    folder = open_review_folder(tmp_path, Room(3, 3, 1_000_000))
    contents = [png(piece) for piece in range(4)]
    for piece in range(3):
        folder.add(contents[piece], row(piece, contents[piece]))
    (tmp_path / "new" / name_of(2, contents[2])).unlink()
    folder.add(contents[3], row(3, contents[3]))

    assert waiting(tmp_path) == [name_of(piece, contents[piece]) for piece in (0, 1, 3)]


def test_other_files_are_never_touched(tmp_path: Path) -> None:
    """It should take away nothing that it has not written, in new/ or elsewhere."""
    others = [tmp_path / "new" / "mine.png", tmp_path / "glass" / "000001-000000000000.png"]
    for path in others:
        path.parent.mkdir()
        path.write_bytes(b"kept")
    folder = open_review_folder(tmp_path, Room(1, 1, 1_000_000))
    for piece in range(3):
        folder.add(png(piece), row(piece, png(piece)))

    assert [path.read_bytes() for path in others] == [b"kept", b"kept"]
    assert len(waiting(tmp_path)) == 2


def test_a_crop_larger_than_all_room_is_not_kept(tmp_path: Path) -> None:
    """It should not empty the folder for what has no place in it."""
    folder = open_review_folder(tmp_path, Room(9, 9, 3_000))
    small, large = png(1, 16), png(2, 64)
    assert folder.add(small, row(1, small))
    assert not folder.add(large, row(2, large))

    assert waiting(tmp_path) == [name_of(1, small)]


# What goes wrong.


def spoil(folder: Path) -> None:
    """Put a plain file where crops should go: no user may write through it, not even root."""
    for path in (folder / "new").iterdir():
        path.unlink()
    (folder / "new").rmdir()
    (folder / "new").write_bytes(b"")


def full_disk(folder: Path) -> None:
    """Let the list lie on a disk that is full."""
    (folder / "review.csv").unlink()
    (folder / "review.csv").symlink_to("/dev/full")


@pytest.mark.parametrize("broken", [spoil, full_disk])
def test_what_the_disk_refuses_is_kept_for_another_try(
    tmp_path: Path, broken: Callable[[Path], None]
) -> None:
    """It should tell of it in one line by flush alone, leave nothing half-done, and write later."""
    review = opened(tmp_path)
    broken(tmp_path)
    for piece in range(1, 20):
        review.write(outcome(piece, None, 0.4, 0.3, 0.3))
    with pytest.raises(DeviceFault, match=r"^review [^\n]+ 19 crops could not be written [^\n]+$"):
        review.flush()
    assert not list(tmp_path.rglob("*.part"))
    (tmp_path / ("new" if broken is spoil else "review.csv")).unlink()
    review.flush()

    assert len(waiting(tmp_path)) == 19
    assert [each.piece for each in read_review(tmp_path)] == list(range(1, 20))
    assert review.fault is None
    assert review.dropped == 0


def test_what_cannot_be_written_is_bounded_and_counted(tmp_path: Path) -> None:
    """It should hold the newest only, and say how many it gave up; closing tells of no fault."""
    review = opened(tmp_path)
    spoil(tmp_path)
    for piece in range(1, HELD + 4):
        review.write(outcome(piece, None, 0.4, 0.3, 0.3))
    assert review.dropped == 3
    review.close()

    assert review.dropped == HELD + 3
    assert review.fault is not None
    assert review.summary(2).endswith(f"; {HELD + 5} dropped")


def test_a_person_may_carry_all_of_it_away(tmp_path: Path) -> None:
    """It should go on in a folder that was emptied while it ran."""
    review = opened(tmp_path / "review")
    review.write(outcome(1, None, 0.4, 0.3, 0.3))
    review.flush()
    (tmp_path / "review").rename(tmp_path / "taken")
    review.write(outcome(2, None, 0.4, 0.3, 0.3))
    review.close()

    assert [each.piece for each in read_review(tmp_path / "taken")] == [1]
    assert [each.piece for each in read_review(tmp_path / "review")] == [2]
    assert len(waiting(tmp_path / "review")) == 1


def test_a_power_cut_leaves_a_folder_that_opens(tmp_path: Path) -> None:
    """It should take out half a row and half a crop, and keep what is whole."""
    review = opened(tmp_path)
    for piece in (1, 2):
        review.write(outcome(piece, None, 0.4, 0.3, 0.3))
    review.close()
    names = waiting(tmp_path)
    text = (tmp_path / "review.csv").read_bytes()
    (tmp_path / "review.csv").write_bytes(text[:-60])
    (tmp_path / "new" / ".000003-000000000000.png.part").write_bytes(b"half")

    review = opened(tmp_path, Room(1, 1, 1_000_000))
    assert waiting(tmp_path) == names
    assert [each.piece for each in read_review(tmp_path)] == [1]
    review.write(outcome(3, None, 0.4, 0.3, 0.3))
    review.close()

    assert [name[:6] for name in waiting(tmp_path)] == ["000003"]
    assert [each.piece for each in read_review(tmp_path)] == [1, 3]


@pytest.mark.parametrize(
    "content", [b"file,label\na.png,glass\n", b"\xff\xfe", b"", b'"' + b"x" * 200_000]
)
def test_a_strange_list_is_refused(tmp_path: Path, content: bytes) -> None:
    """It should name the file in one line and leave it as it was."""
    (tmp_path / "review.csv").write_bytes(content)

    with pytest.raises(DeviceUnavailable, match=r"^[^\n]*review\.csv[^\n]+$"):
        opened(tmp_path)
    assert (tmp_path / "review.csv").read_bytes() == content


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """It should say so in one line when the folder above is missing or it is a file."""
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "not" / "there", tmp_path / "file"):
        with pytest.raises(DeviceUnavailable, match=r"^review [^\n]+$"):
            opened(place)


def test_scores_that_are_not_the_bundles_are_a_bug(tmp_path: Path) -> None:
    """It should not write beliefs under the wrong labels."""
    review = opened(tmp_path)
    with pytest.raises(ValueError, match="zip"):
        review.write(outcome(1, None, 0.5, 0.5))
    review.close()


def test_rows_read_back_as_written(tmp_path: Path) -> None:
    """It should give back labels with commas, quotes and line breaks."""
    folder = open_review_folder(tmp_path, WIDE)
    there = replace(row(1, png(1), 'a "b", c\nd'), scores=json.dumps({"é,": 0.25}))
    folder.add(png(1), there)

    assert list(read_review(tmp_path)) == [there]
