"""The folder of crops worth a person's look: what lies in it, and how it is kept within bounds.

    review/review.csv            a row for each crop: what the station knew of it
    review/new/000012-....png    crops that nobody has looked at yet
    review/glass/000003-....png  what a person took to be glass, moved there by hand

The rule: only what lies in `new/` under a name made here is the station's to take away, the oldest
first; what a person has sorted is never touched. A crop keeps its name wherever it is moved, and
its row finds it by that name. No column is called label: a label is the name of the folder that a
person chose, never what the model thought.

A crop's name ends in a hash of its content, so the same crop is kept once, however often it comes.
What is written is there whole or not at all. Belongs to one thread.
"""

import csv
import hashlib
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from sorterd.ports import DeviceUnavailable

NEW = "new"
LIST = "review.csv"
_OURS = re.compile(r"\d{6,}-[0-9a-f]{12}\.png")
# Rows outlive their crops, for whoever has carried those elsewhere; but once there are so many for
# each crop that may wait here, those go whose crop is nowhere below the folder.
_ROWS_PER_FILE = 4


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One crop in `review.csv`; the columns are these fields, and a journal's where it has them.

    Attributes:
        file: The crop's name, without a folder.
        run: The run of the journal it belongs to; 0 without a journal.
        piece: Number of the piece in that run.
        first_seen_ns: Exposure of the first frame that showed the piece.
        ended_ns: When its outcome became final.
        why: Why it is here: unsure, low or control.
        likeliest: The label with the highest score.
        verdict: The label it was taken for; empty for *unsure*.
        confidence_frac: Belief in that verdict (or, unsure, in the best one), 0 to 1.
        stage_one: The first stage's answer; empty for *unsure*.
        stage_one_frac: Belief in the likeliest answer of stage one, 0 to 1.
        scores: Belief in every label as a JSON object, to 4 places.
        reason: How the piece ended.
        bundle: Name of the model.
        version: Its version.
    """

    file: str
    run: int
    piece: int
    first_seen_ns: int
    ended_ns: int
    why: str
    likeliest: str
    verdict: str
    confidence_frac: float
    stage_one: str
    stage_one_frac: float
    scores: str
    reason: str
    bundle: str
    version: str

    def beliefs(self) -> dict[str, float]:
        """Return the belief in every label, in the bundle's order."""
        read: dict[str, float] = json.loads(self.scores)
        return read


_COLUMNS = tuple(field.name for field in fields(ReviewRow))
_HEADER = ",".join(_COLUMNS).encode() + b"\n"


def name_of(piece: int, picture: bytes) -> str:
    """Return what a crop is called."""
    return f"{piece:06d}-{hashlib.sha256(picture).hexdigest()[:12]}.png"


@dataclass(frozen=True, slots=True)
class Room:
    """How much may wait in `new/`: crops, crops that look like one label, and bytes in all."""

    most_files: int
    most_per_label: int
    most_bytes: int


class ReviewFolder:
    """An open folder. Made by `open_review_folder`.

    Args:
        folder: Where it is; it and `new/` are there.
        rows: What its list holds.
        room: How much may wait in it.
    """

    def __init__(self, folder: Path, rows: list[ReviewRow], room: Room) -> None:
        self._new = folder / NEW
        self._folder = folder
        self._room = room
        self._listed = {row.file for row in rows}
        self._rewrite_at = _ROWS_PER_FILE * room.most_files
        self._rows = len(rows)
        there = _sizes(self._new)
        known = {row.file: row.likeliest for row in rows if row.file in there}
        # What has lost its row has lain there for longest.
        unknown = {name: "" for name in sorted(there) if name not in known}
        self._waiting = {
            name: _Waiting(label, there[name]) for name, label in (unknown | known).items()
        }

    def add(self, picture: bytes, row: ReviewRow) -> bool:
        """Keep one crop, and let go of the oldest that it leaves no room for.

        Args:
            picture: A whole PNG.
            row: What is known of it.

        Returns:
            Whether it was kept: it is new here, and not larger than all that may wait.

        Raises:
            OSError: It could not be written; nothing of it is left.
        """
        if row.file in self._listed or len(picture) > self._room.most_bytes:
            return False
        if self._rows >= self._rewrite_at:
            self._rewrite()
        self._make_room(row.likeliest, len(picture))
        place = self._new / row.file
        # A person may have carried all of it away.
        self._new.mkdir(parents=True, exist_ok=True)
        _write_whole(place, picture)
        try:
            _append(self._folder / LIST, _as_csv([row]))
        except OSError:
            place.unlink(missing_ok=True)
            raise
        self._rows += 1
        self._listed.add(row.file)
        self._waiting[row.file] = _Waiting(row.likeliest, len(picture))
        return True

    def _make_room(self, label: str, size_bytes: int) -> None:
        if self._one_too_many(label, size_bytes) is None:
            return
        # What a person has moved away by now takes no room.
        there = _sizes(self._new)
        self._waiting = {name: each for name, each in self._waiting.items() if name in there}
        while (oldest := self._one_too_many(label, size_bytes)) is not None:
            (self._new / oldest).unlink(missing_ok=True)
            del self._waiting[oldest]

    def _one_too_many(self, label: str, size_bytes: int) -> str | None:
        """Return what must go before a crop of this label and size may come."""
        like_it = Counter(each.label for each in self._waiting.values())[label]
        if like_it >= self._room.most_per_label:
            return next(name for name, each in self._waiting.items() if each.label == label)
        total_bytes = size_bytes + sum(each.size_bytes for each in self._waiting.values())
        full = len(self._waiting) >= self._room.most_files or total_bytes > self._room.most_bytes
        return next(iter(self._waiting), None) if full else None

    def _rewrite(self) -> None:
        """Leave out of the list what is nowhere below the folder, so that the list has a bound."""
        there = {path.name for path in self._folder.rglob("*.png")}
        rows = [row for row in read_review(self._folder) if row.file in there]
        _write_whole(self._folder / LIST, _HEADER + _as_csv(rows))
        self._listed = {row.file for row in rows}
        self._rows = len(rows)
        self._rewrite_at = max(_ROWS_PER_FILE * self._room.most_files, 2 * len(rows))


def open_review_folder(folder: Path, room: Room) -> ReviewFolder:
    """Open a folder, make it if there is none, and mend what a power cut has left half-done.

    Args:
        folder: Where it is, in a folder that exists.
        room: How much may wait in it.

    Raises:
        DeviceUnavailable: It cannot be written to, or its list is another program's.
    """
    try:
        for each in (folder, folder / NEW):
            each.mkdir(exist_ok=True)
        for half_done in (*folder.glob(".*.part"), *(folder / NEW).glob(".*.part")):
            half_done.unlink()
        rows = list(read_review(folder)) if (folder / LIST).exists() else []
        _write_whole(folder / LIST, _HEADER + _as_csv(rows))
        return ReviewFolder(folder, rows, room)
    except DeviceUnavailable:
        raise
    except OSError as error:
        raise DeviceUnavailable(
            f"review {folder}: cannot be written to ({error.strerror}); name a folder of your own"
            " in a folder that exists"
        ) from error


def read_review(folder: Path) -> Iterator[ReviewRow]:
    """Give back the rows of a folder's list, the oldest first; half a row is passed over.

    Raises:
        DeviceUnavailable: There is no list, or it is another program's.
    """
    place = folder / LIST
    try:
        text = place.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DeviceUnavailable(
            f"{place}: cannot be read ({error}); name a review folder"
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if tuple(reader.fieldnames or ()) != _COLUMNS:
            raise DeviceUnavailable(
                f"{place}: is not a list that this sorterd writes; move it away, or name another"
                " folder"
            )
        for values in reader:
            with suppress(ValueError):
                yield _row_of(values)
    except csv.Error as error:
        raise DeviceUnavailable(f"{place}: {error}; move it away") from error


def _row_of(values: dict[str, str]) -> ReviewRow:
    if set(values) != set(_COLUMNS) or None in values.values():
        raise ValueError("a row of another length")
    return ReviewRow(
        file=values["file"],
        run=int(values["run"]),
        piece=int(values["piece"]),
        first_seen_ns=int(values["first_seen_ns"]),
        ended_ns=int(values["ended_ns"]),
        why=values["why"],
        likeliest=values["likeliest"],
        verdict=values["verdict"],
        confidence_frac=float(values["confidence_frac"]),
        stage_one=values["stage_one"],
        stage_one_frac=float(values["stage_one_frac"]),
        scores=values["scores"],
        reason=values["reason"],
        bundle=values["bundle"],
        version=values["version"],
    )


@dataclass(frozen=True, slots=True)
class _Waiting:
    label: str
    size_bytes: int


def _sizes(new: Path) -> dict[str, int]:
    """Return the size of every crop in `new/` that was written here, by name."""
    if not new.exists():
        return {}
    with os.scandir(new) as entries:
        return {
            entry.name: entry.stat().st_size
            for entry in entries
            if _OURS.fullmatch(entry.name) and entry.is_file()
        }


def _as_csv(rows: Iterable[ReviewRow]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(astuple(row) for row in rows)
    return text.getvalue().encode()


def _write_whole(place: Path, content: bytes) -> None:
    beside = place.with_name(f".{place.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(place)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def _append(place: Path, content: bytes) -> None:
    before = place.stat().st_size if place.exists() else 0
    try:
        with place.open("ab") as file:
            file.write(content if before else _HEADER + content)
    except OSError:
        # Half a row would spoil the next; a file can be cut short on a full disk too.
        with suppress(OSError):
            os.truncate(place, before)
        raise
