"""Official lists: which part a picture belongs to because those who gave the data said so."""

from collections.abc import Sequence
from pathlib import Path

from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import read_list
from tools.workshop.origins import read_table
from tools.workshop.places import Place

DEFAULT_COLUMN = "official_split"


def official_parts(place: Place, words: Sequence[str]) -> dict[str, str]:
    """Read official lists: key -> part.

    Args:
        place: The data; a table that is not found as given is looked for in it.
        words: Either a table and `column=NAME` (`official_split` if left out), whose cells name
            parts, empty for none; or `PART=FILE` for list files. Both may be mixed.

    Raises:
        WorkshopFault: A file is not there or lacks the column, or two lists disagree.
    """
    column = DEFAULT_COLUMN
    lists: list[tuple[str, str]] = []
    tables = []
    for word in words:
        name, sign, rest = word.partition("=")
        if not sign:
            tables.append(word)
        elif name == "column":
            column = rest
        else:
            lists.append((name, rest))
    parts: dict[str, str] = {}
    for table in tables:
        for key, part in _from_table(place, table, column).items():
            _settle(parts, key, part, table)
    for part, path in lists:
        for row in read_list(Path(path)):
            _settle(parts, row.key, part, path)
    return parts


def _from_table(place: Place, table: str, column: str) -> dict[str, str]:
    path = Path(table)
    at = Place(str(path.parent)) if path.is_file() else place
    rows = read_table(at.read(path.name if at is not place else table), table)
    if not any(column in row for same in rows.values() for row in same):
        known = sorted({name for same in rows.values() for row in same for name in row})
        raise WorkshopFault(f"{table} has no column {column}: it has {', '.join(known)}")
    said = {
        key: next((row[column] for row in same if row.get(column)), "")
        for key, same in rows.items()
    }
    return {key: part for key, part in said.items() if part}


def _settle(parts: dict[str, str], key: str, part: str, where: str) -> None:
    if parts.setdefault(key, part) != part:
        raise WorkshopFault(
            f"{where} puts {key} in {part}, another list in {parts[key]}: correct one"
        )
