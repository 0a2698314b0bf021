"""Labelled crops as the model sees them, and how they are dealt into folds for cross-validation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Labelled crops, as the model sees them.

    Attributes:
        embeddings: float32[n, views, width]; the first view is the crop as it is.
        places: int64[n], of their labels.
        groups: int64[n]; crops of one piece have one number.
    """

    embeddings: Numbers
    places: Places
    groups: Places

    def some(self, rows: npt.NDArray[np.int64]) -> "Crops":
        """A part of them."""
        return Crops(self.embeddings[rows], self.places[rows], self.groups[rows])

    def beside(self, others: "Crops") -> "Crops":
        """Both, as crops of different pieces; as many views of each."""
        return Crops(
            np.concatenate([self.embeddings, others.embeddings]),
            np.concatenate([self.places, others.places]),
            np.concatenate([self.groups, others.groups + self.groups.max() + 1]),
        )

    def __len__(self) -> int:
        return len(self.places)


def dealt(crops: Crops, folds: int, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Deal crops into folds, label by label, so that every fold has its share of each.

    Crops of one piece stay together.

    Args:
        crops: Two pieces or more of each label that is there.
        folds: How many, 2 or more.
        rng: Decides.

    Returns:
        The rows of each fold, rising; folds that would be empty are left out.
    """
    fold_of = np.empty(len(crops), np.int64)
    begin = 0
    for place in np.unique(crops.places):
        rows = np.flatnonzero(crops.places == place)
        pieces = rng.permutation(np.unique(crops.groups[rows]))
        for turn, piece in enumerate(pieces):
            fold_of[rows[crops.groups[rows] == piece]] = (begin + turn) % folds
        # The next label begins where this one ended, or the first fold would get all odd ones.
        begin += len(pieces)
    parts = [np.flatnonzero(fold_of == fold) for fold in range(folds)]
    return [rows for rows in parts if len(rows)]


def without(count: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """All rows but these."""
    return np.setdiff1d(np.arange(count), rows)
