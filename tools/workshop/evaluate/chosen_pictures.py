"""Which pictures a bundle is measured on: all of a place, those of a list, or of an official split.

What is chosen is checked before any work: the bundle must know every label, and a list must name
files that are there. What is here knows names only; nothing is decoded.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled, check_labels, in_folders, read_list
from tools.workshop.origins import origins_of
from tools.workshop.places import Place

OFFICIAL = "official_split"


@dataclass(frozen=True, slots=True)
class ChosenPictures:
    """Some pictures of a place.

    Attributes:
        place: Where they are.
        rows: At least one, in the place's or the list's order.
        described: Place and choice, in words.
    """

    place: Place
    rows: Sequence[Labelled]
    described: str


def choose_pictures(
    place: Place,
    labels: Sequence[str],
    *,
    list_file: Path | None = None,
    official: str | None = None,
    without: Collection[str] = (),
) -> ChosenPictures:
    """Choose.

    Args:
        place: One folder a label, unless a list says what each file shows.
        labels: What the bundle knows.
        list_file: Names files and labels; its keys are the place's.
        official: Only rows whose `official_split` in the place's own table is this.
        without: Labels that are left out.

    Raises:
        WorkshopFault: Nothing is left, a file or table is missing, or a label is unknown.
    """
    described = str(place)
    if list_file is not None:
        rows = read_list(list_file)
        described += f", list {list_file}"
        there = set(place.keys())
        if missing := next((row.key for row in rows if row.key not in there), None):
            raise WorkshopFault(f"{list_file} names {missing}, which is not in {place}: check both")
    else:
        rows = in_folders(place)
    if official is not None:
        rows = _official(place, rows, official)
        described += f", official {official}"
    if odd := sorted(set(without) - set(labels)):
        raise WorkshopFault(
            f"--without {odd[0]}: the bundle does not know it (it knows {', '.join(labels)})"
        )
    rows = [row for row in rows if row.label not in without]
    if not rows:
        raise WorkshopFault(f"no pictures are left of {described}: leave fewer out")
    if without:
        described += f", without {', '.join(sorted(without))}"
    check_labels(rows, labels, str(list_file or place))
    return ChosenPictures(place, rows, described)


def _official(place: Place, rows: Sequence[Labelled], official: str) -> list[Labelled]:
    origins = origins_of(place)
    named = {row.key: origins.value(row.key, OFFICIAL) for row in rows}
    if kept := [row for row in rows if named[row.key] == official]:
        return kept
    known = ", ".join(sorted({name for name in named.values() if name})) or "no split"
    raise WorkshopFault(
        f"{place}: no picture has {OFFICIAL} {official} in {origins.table or 'a SOURCES.csv'} "
        f"(there is {known}): name one that is there"
    )
