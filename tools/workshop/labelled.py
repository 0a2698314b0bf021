"""Labelled pictures: one folder a label, or a list that says which file has which label.

A list is a CSV with the columns `file` and `label`; files are keys of a place. What is here knows
names only; nothing is decoded.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place


@dataclass(frozen=True, slots=True, order=True)
class Labelled:
    """One labelled picture.

    Attributes:
        label: What it shows.
        key: Of its file, in its place.
    """

    label: str
    key: str


def in_folders(place: Place) -> list[Labelled]:
    """Every picture below a place, labelled by its first folder, in order.

    Raises:
        WorkshopFault: There are none, or a picture lies in no folder.
    """
    found = []
    for key in place.pictures():
        label, slash, _ = key.partition("/")
        if not slash:
            raise WorkshopFault(f"{place}/{key} lies in no label's folder: move it into one")
        found.append(Labelled(label, key))
    if not found:
        raise WorkshopFault(f"no pictures in {place}: it needs one folder of them per label")
    return found


def read_list(path: Path) -> list[Labelled]:
    """The rows of a list file, in its order.

    Raises:
        WorkshopFault: It is not there, lacks a column, names a file twice, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise WorkshopFault(f"{path} cannot be read ({fault}): give a list file") from fault
    reader = csv.DictReader(io.StringIO(text))
    if missing := {"file", "label"} - set(reader.fieldnames or ()):
        raise WorkshopFault(f"{path} has no column {min(missing)}: a list has file,label")
    rows = [Labelled(row["label"], row["file"]) for row in reader]
    if not rows:
        raise WorkshopFault(f"{path} names no files: make it with tools/split.py")
    seen: set[str] = set()
    for row in rows:
        if row.key in seen:
            raise WorkshopFault(f"{path} names {row.key} twice: remove one")
        seen.add(row.key)
    return rows


def as_list(rows: Iterable[Labelled]) -> bytes:
    """A list file's content, in the order given."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "label"))
    writer.writerows((row.key, row.label) for row in rows)
    return text.getvalue().encode()


def check_labels(rows: Sequence[Labelled], known: Sequence[str], where: str) -> None:
    """Refuse labels that a bundle does not have.

    Raises:
        WorkshopFault: One does not; the line names it.
    """
    for row in rows:
        if row.label not in known:
            raise WorkshopFault(
                f"{where}: {row.key} is labelled {row.label}, which the bundle does not know "
                f"(it knows {', '.join(known)}): rename or remove it"
            )
