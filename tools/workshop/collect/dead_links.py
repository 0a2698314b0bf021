"""The report of what could not be had: dead.csv, one row for each dead link, with the reason.

It is also the memory of the next run: a link whose reason is lasting is not asked again. Files of
folders and buckets that are no pictures stand here too.
"""

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.workshop.collect.obtained import Missed
from tools.workshop.collect.wanted import Original
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

DEAD = "dead.csv"
_COLUMNS = ("label", "source", "origin", "reason", "lasting")


class DeadLinks:
    """The dead links of a collection.

    Args:
        folder: The collection.

    Raises:
        WorkshopFault: The report of an earlier run cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = _read(folder / DEAD)

    def why(self, identity: tuple[str, str]) -> Missed | None:
        """Why a link is known to be dead, if it is."""
        row = self._rows.get(identity)
        return None if row is None else Missed(row[3], lasting=row[4] == "yes")

    def add(self, original: Original, missed: Missed) -> None:
        """Note a dead link, or another reason of a known one."""
        self._rows[original.identity] = (
            original.label,
            original.name,
            original.origin.encode(errors="replace").decode(),
            " ".join(missed.reason.split()),
            "yes" if missed.lasting else "no",
        )

    def write(self, alive: Callable[[tuple[str, str]], object]) -> None:
        """Write the report whole, in order of label and link; without rows only over an old one.

        Args:
            alive: Gives something for a label and a link whose picture has been had after all.

        Raises:
            WorkshopFault: It cannot be written.
        """
        rows = sorted(row for identity, row in self._rows.items() if not alive(identity))
        if rows or (self._folder / DEAD).exists():
            Place(str(self._folder)).write(DEAD, _as_lines(rows))


def _read(path: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    try:
        lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise WorkshopFault(f"{path} cannot be read ({fault}): restore or remove it") from fault
    if not lines or tuple(lines[0]) != _COLUMNS or any(len(row) != 5 for row in lines):
        raise WorkshopFault(f"{path} is no report of dead links: restore or remove it")
    return {(row[0], row[2]): tuple(row) for row in lines[1:]}


def _as_lines(rows: Iterable[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_COLUMNS, *rows])
    return text.getvalue().encode()
