"""A division as a folder of list files: written whole, and read again by the next one.

    lists/train.csv  val.csv  test.csv   file,label; one for each part
    lists/left_out.csv                   file,label,reason
    lists/split.json                     seed, shares, groups, counts

A folder is replaced as a whole or not at all: lists of two divisions never lie side by side.
"""

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled, as_list, read_list
from tools.workshop.split.dividing import Division

RECORD: Final = "split.json"
LEFT_OUT: Final = "left_out"


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier division.

    Raises:
        WorkshopFault: It does; the line names it.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise WorkshopFault(f"{folder} is a file: give --out a folder")
    names = sorted(path.name for path in folder.iterdir())
    odd = [name for name in names if name != RECORD and not name.endswith(".csv")]
    if odd or (names and RECORD not in names):
        raise WorkshopFault(
            f"{folder} holds {(odd or names)[0]} and is no earlier split: give another --out"
        )


def read_earlier(folder: Path, wanted: Mapping[str, Any]) -> dict[str, str]:
    """What an earlier division of the same settings put where: key -> part.

    Args:
        folder: Of the division; it need not be there.
        wanted: What its record must say; empty if it says otherwise or is not there.

    Raises:
        WorkshopFault: It is damaged.
    """
    record = _record(folder)
    if not record or any(record.get(name) != value for name, value in wanted.items()):
        return {}
    return {row.key: part for part in parts_of(folder) for row in read_part(folder / f"{part}.csv")}


def parts_of(folder: Path) -> list[str]:
    """The parts of a division in their order; none if the folder has no record of one.

    Raises:
        WorkshopFault: The record is damaged.
    """
    return list(_record(folder).get("files", {}))


def read_part(path: Path) -> list[Labelled]:
    """The rows of a list file; unlike elsewhere, one that names nothing is no fault.

    Raises:
        WorkshopFault: It is not there or is no list.
    """
    if path.is_file() and path.read_bytes() == as_list(()):
        return []
    return read_list(path)


def write_division(folder: Path, division: Division, record: Mapping[str, object]) -> None:
    """Write the lists and the record, in the place of an earlier division.

    Raises:
        WorkshopFault: It cannot be written; what was there is still there.
    """
    files = {f"{part}.csv": as_list(rows) for part, rows in division.parts.items()}
    files[f"{LEFT_OUT}.csv"] = _as_reasons(division.left_out)
    files[RECORD] = (json.dumps(record, indent=1) + "\n").encode()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, content in files.items():
                (new / name).write_bytes(content)
            new.chmod(0o755)
            old = new.with_name(f"{new.name}-old")
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as fault:
        raise WorkshopFault(
            f"{folder} cannot be written ({fault.strerror}): give another --out"
        ) from fault


def _record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record["files"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise WorkshopFault(
            f"{path} is damaged ({fault!r}): remove {folder}, or give another folder"
        ) from fault
    return record


def _as_reasons(left_out: Sequence[tuple[Labelled, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "label", "reason"))
    writer.writerows((row.key, row.label, why) for row, why in left_out)
    return text.getvalue().encode()
