"""What a data set consists of before a picture is opened: files, labels, lists, and what is odd.

Nothing odd ends the work here: a list that names what is not there, a folder without pictures, a
picture in no folder are all things that somebody who explores a data set wants to be told.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled
from tools.workshop.origins import TABLES
from tools.workshop.places import PICTURE_SUFFIXES, Place
from tools.workshop.split.split_folder import LEFT_OUT, parts_of, read_part

UNLISTED = "in no list"
ALL = "all"
"""The one part of a data set without lists."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A data set's files.

    Attributes:
        rows: Pictures with a label, in order.
        part_of: Key -> the list that names it.
        parts: The lists' names in order; `UNLISTED` last if there are such.
        strays: Pictures without a label: in no folder and in no list.
        others: Files that are no pictures by their ending.
        empty_labels: Folders without a picture (only seen on this machine), lists without a row.
        missing: Keys that a list names and that are not there.
        in_two_lists: Keys that several lists name; the first counts.
        relabelled: Keys whose list says another label than their folder; the list counts.
    """

    rows: list[Labelled]
    part_of: dict[str, str]
    parts: list[str]
    strays: list[str]
    others: list[str]
    empty_labels: list[str]
    missing: list[str]
    in_two_lists: list[str]
    relabelled: list[str]

    @property
    def counts(self) -> dict[str, Counter[str]]:
        """Label -> part -> pictures, labels in order."""
        counted = {label: Counter[str]() for label in sorted({row.label for row in self.rows})}
        for row in self.rows:
            counted[row.label][self.part_of[row.key]] += 1
        return counted


def lists_in(folder: Path) -> dict[str, list[Labelled]]:
    """Every list file of a folder by its name without the ending; other tables are passed over.

    Raises:
        WorkshopFault: There is no such folder, or no list in it.
    """
    if not folder.is_dir():
        raise WorkshopFault(f"no folder {folder}: give --lists what tools/split.py wrote")
    # left_out.csv has a reason for each row: those pictures are in no part.
    paths = {path.stem: path for path in sorted(folder.glob("*.csv")) if path.name not in TABLES}
    paths.pop(LEFT_OUT, None)
    order = [part for part in parts_of(folder) if part in paths]
    lists = {part: read_part(paths[part]) for part in dict.fromkeys((*order, *paths))}
    if not lists:
        raise WorkshopFault(f"no list in {folder}: it needs files like train.csv")
    return lists


def gather(place: Place, lists: Mapping[str, Sequence[Labelled]]) -> Gathered:
    """List a data set.

    Args:
        place: One folder of pictures per label; or of any form if lists name all of them.
        lists: By name; may be empty.

    Raises:
        WorkshopFault: It cannot be listed, or there is not one picture with a label.
    """
    keys = place.keys()
    pictures = [key for key in keys if PurePosixPath(key).suffix.lower() in PICTURE_SUFFIXES]
    listed: dict[str, tuple[str, str]] = {}
    labels = {row.label for rows in lists.values() for row in rows}
    in_two_lists = set()
    for part, rows in lists.items():
        for row in rows:
            if row.key in listed:
                in_two_lists.add(row.key)
            listed.setdefault(row.key, (part, row.label))
    rows, strays, relabelled = [], [], []
    part_of = {}
    for key in pictures:
        folder = key.partition("/")[0] if "/" in key else ""
        part, label = listed.get(key, (UNLISTED if lists else ALL, folder))
        if not label:
            strays.append(key)
            continue
        # Folders need not be labels where lists name the pictures.
        if label != folder and folder in labels:
            relabelled.append(key)
        rows.append(Labelled(label, key))
        part_of[key] = part
    if not rows:
        raise WorkshopFault(f"no pictures in {place}: it needs one folder of them per label")
    here = set(pictures)
    used = set(part_of.values())
    return Gathered(
        rows=sorted(rows),
        part_of=part_of,
        parts=[part for part in (*lists, UNLISTED, ALL) if part in lists or part in used],
        strays=strays,
        others=[key for key in keys if key not in here and key not in TABLES],
        empty_labels=_empty_folders(place, {row.key.partition("/")[0] for row in rows}),
        missing=sorted(listed.keys() - here),
        in_two_lists=sorted(in_two_lists),
        relabelled=relabelled,
    )


def _empty_folders(place: Place, filled: set[str]) -> list[str]:
    if (folder := place.local) is None:
        return []
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    return sorted(name for name in names if name not in filled and not name.startswith("."))
