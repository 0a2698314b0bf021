"""Which crops a bundle is taught from: all of a place, checked before anything is looked at.

Crops lie in one folder a label. A station's review folder is such a place once a person has moved
crops into folders; what still lies in its `new/` has no label and is left out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled, check_labels, in_folders
from tools.workshop.places import Place
from tools.workshop.teach.crop_sets import Crops

UNSORTED: Final = "new"


@dataclass(frozen=True, slots=True)
class ChosenCrops:
    """Crops to teach from.

    Attributes:
        rows: At least two of each label that is there.
        unsorted: How many lie in `new/` and were left out.
    """

    rows: Sequence[Labelled]
    unsorted: int

    @property
    def counted(self) -> str:
        """How many of each label, in words."""
        counts = Counter(row.label for row in self.rows)
        return ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))


def choose_crops(place: Place, labels: Sequence[str]) -> ChosenCrops:
    """Choose.

    Args:
        place: One folder of crops a label.
        labels: What the bundle knows.

    Raises:
        WorkshopFault: A folder is empty, holds one picture only, or is no label of the bundle.
    """
    found = in_folders(place)
    rows = [row for row in found if row.label != UNSORTED or UNSORTED in labels]
    if (folder := place.local) is not None:
        filled = {row.label for row in found}
        for path in sorted(path for path in folder.iterdir() if path.is_dir()):
            if path.name not in filled and path.name in labels:
                raise WorkshopFault(f"{path} holds no pictures: put some in, or remove the folder")
    check_labels(rows, labels, str(place))
    counts = Counter(row.label for row in rows)
    for row in rows:
        if counts[row.label] == 1:
            raise WorkshopFault(
                f"{place}/{row.key} is the only picture of {row.label}: teaching needs two pieces "
                "of a label, one to learn from and one to be tested on; add some or remove it"
            )
    if len(counts) < 2:
        raise WorkshopFault(
            f"{place} shows {next(iter(counts), 'no label')} only: give crops of two labels or more"
        )
    return ChosenCrops(rows, len(found) - len(rows))


def check_pieces(place: Place, crops: Crops, labels: Sequence[str]) -> None:
    """Refuse a label whose crops all show one piece.

    Raises:
        WorkshopFault: One does.
    """
    for number in np.unique(crops.places):
        if len(np.unique(crops.groups[crops.places == number])) == 1:
            raise WorkshopFault(
                f"{place}/{labels[number]} shows one piece only, again and again: teaching needs "
                "two pieces of a label; add crops of others"
            )
