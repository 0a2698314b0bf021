"""Where pictures come from: the table that lies beside a data set.

The table is SOURCES.csv or provenance.csv in the data's own folder, a row for each picture and
each place it came from, with the column `file` (the picture's key). Every other column may be
missing; which ones mean what is said here and nowhere else.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

TABLES: Final = ("SOURCES.csv", "provenance.csv")
_SOURCE_COLUMNS: Final = ("source_repo", "source", "url")
# One photograph cut into several pictures is one session, whatever else is known.
_SESSION_COLUMNS: Final = ("session", "original_path")


@dataclass(frozen=True, slots=True)
class Origins:
    """What is known of where pictures come from.

    Attributes:
        table: The table's name; empty if there is none.
        rows: By the picture's key; several where the same picture came from several places.
    """

    table: str = ""
    rows: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)

    def value(self, key: str, *columns: str) -> str:
        """The first of some columns that says something of a picture; empty if none does."""
        rows = self.rows.get(key, ())
        return next((row[column] for column in columns for row in rows if row.get(column)), "")

    def source(self, key: str) -> str:
        """Who or what it was got from."""
        return self.value(key, *_SOURCE_COLUMNS)

    def licence(self, key: str) -> str:
        """Under which terms."""
        return self.value(key, "licence", "license")

    def labels(self, key: str) -> list[str]:
        """The labels under which it was got: several if its sources do not agree."""
        rows = self.rows.get(key, ())
        return sorted({row.get("label") or row.get("class") or "" for row in rows} - {""})

    def session(self, key: str) -> str:
        """The shoot or the photograph that it belongs to; empty if the table does not say."""
        for column in _SESSION_COLUMNS:
            if said := self.value(key, column):
                # Two sources may well have used the same name.
                return f"{column} {said} of {self.source(key)}".removesuffix(" of ")
        return ""


def origins_of(place: Place) -> Origins:
    """Read the table beside a data set, if there is one.

    Raises:
        WorkshopFault: It is there and is no such table.
    """
    for table in TABLES:
        if place.has(table):
            return Origins(table, read_table(place.read(table), f"{place}/{table}"))
    return Origins()


def read_table(content: bytes, where: str) -> dict[str, list[dict[str, str]]]:
    """The rows of a table by their column `file`, each file's in the table's order.

    Raises:
        WorkshopFault: It is not text, or has no column `file`.
    """
    rows: dict[str, list[dict[str, str]]] = {}
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        if "file" not in (reader.fieldnames or ()):
            raise WorkshopFault(f"{where} has no column file: name the pictures' keys in one")
        for row in reader:
            cells = {name: cell for name, cell in row.items() if name and cell is not None}
            if file := cells.get("file"):
                rows.setdefault(file, []).append(cells)
    except (UnicodeDecodeError, csv.Error) as fault:
        raise WorkshopFault(f"{where} is no CSV in UTF-8 ({fault}): correct it") from fault
    return rows
