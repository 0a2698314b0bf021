"""Ask, for every picture, what a classifier thinks that has learned from all the others.

A linear classifier on descriptions is trained several times, each time without one part of the
pictures, and answers for that part: so it never speaks of what it has seen, nor of a near-duplicate
of it. Where it hardly believes the given label and has a better one, the given one may be wrong.
May be: it is a list for a person to look at, the least believed first.

Tried on 2,762 photographs of waste, described by ImageNet features, of which 100 were given wrong
labels: 73 of those are among the 203 on the list, 66 among its first 100. Confident learning
(Northcutt, Jiang and Chuang 2021) named 348 and found 70.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tools.workshop.evaluate.measuring import Share
from tools.workshop.split.allotting import allot

FOLDS: Final = 5
_MOST_DIRECTIONS: Final = 128
# Of logistic regression on descriptions of this mean squared length. On 40 to 2,762 photographs,
# described by ImageNet features, no other one of 0.03 to 1 gave beliefs as good, nor did whitening.
_LOOSENESS, _MEAN_SQUARE = 1.0, 10.0
# See above: 0.6 and 0.05 find 65 of the 100, 0.5 and 0.2 find 77 and name 315.
_LEAST_THOUGHT_FRAC: Final = 0.5
_MOST_GIVEN_FRAC: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What was thought of pictures that were not learned from.

    Attributes:
        labels: The ones that could be learned, in the order of the beliefs.
        places: int64[N]: of the pictures that were judged, in the list that was given.
        given: int64[N]: places of their given labels in `labels`.
        beliefs: float64[N, labels]: rows sum to 1.
    """

    labels: tuple[str, ...]
    places: npt.NDArray[np.int64]
    given: npt.NDArray[np.int64]
    beliefs: npt.NDArray[np.float64]

    @property
    def accuracy(self) -> Share:
        """How often the likeliest label is the given one."""
        return Share(int((self.beliefs.argmax(axis=1) == self.given).sum()), len(self.given))

    @property
    def recalls(self) -> dict[str, Share]:
        """The same for each label."""
        right = self.beliefs.argmax(axis=1) == self.given
        return {
            label: Share(int(right[self.given == at].sum()), int((self.given == at).sum()))
            for at, label in enumerate(self.labels)
        }

    @property
    def macro_recall_frac(self) -> float:
        """Mean of the recalls; guessing gives 1 / labels, however many pictures a label has."""
        return float(np.mean([share.frac for share in self.recalls.values()]))

    @property
    def commonest(self) -> Share:
        """How often one would be right who always says the label with most pictures."""
        return Share(int(np.bincount(self.given).max()), len(self.given))


@dataclass(frozen=True, slots=True)
class Suspect:
    """A picture whose label may be wrong.

    Attributes:
        place: In the list that was given.
        given: Its label.
        thought: The likelier one.
        given_frac: Belief in the given one.
        thought_frac: Belief in the likelier one.
    """

    place: int
    given: str
    thought: str
    given_frac: float
    thought_frac: float


def opinion(
    descriptions: npt.NDArray[np.float32],
    labels: Sequence[str],
    groups: Sequence[Sequence[int]],
    *,
    seed: int,
    title: str = "second opinions",
) -> Opinion | None:
    """Have every picture judged by what was learned from other groups.

    Args:
        descriptions: float32[N, width].
        labels: Of the N pictures.
        groups: Of their places: none is both learned from and judged at once.
        seed: Of the folds.
        title: For the progress bar.

    Returns:
        None if fewer than two labels are in two groups or more: there is nothing to compare.
    """
    spread = Counter(label for group in groups for label in {labels[place] for place in group})
    known = tuple(sorted(label for label, number in spread.items() if number > 1))
    if len(known) < 2:
        return None
    index = {label: at for at, label in enumerate(known)}
    fold_of = _folds(groups, labels, index, seed)
    places = np.array(sorted(fold_of))
    given = np.array([index[labels[place]] for place in places])
    folds = np.array([fold_of[place] for place in places])
    beliefs = np.zeros((len(places), len(known)))
    seen = _condensed(descriptions[places], seed)
    for fold in tqdm(sorted(set(folds)), desc=title, unit="fold"):
        held_out = folds == fold
        taught = given[~held_out]
        if len(set(taught)) < 2:
            beliefs[held_out] = 1 / len(known)
            continue
        model = import_module("sklearn.linear_model").LogisticRegression(
            C=_LOOSENESS, class_weight="balanced", max_iter=500
        )
        model.fit(seen[~held_out], taught)
        beliefs[np.ix_(held_out, model.classes_)] = model.predict_proba(seen[held_out])
    return Opinion(known, places, given, beliefs)


def suspects(opinion: Opinion) -> list[Suspect]:
    """The pictures whose label may be wrong, the least believed first."""
    rows = np.arange(len(opinion.given))
    thought = opinion.beliefs.argmax(axis=1)
    believed = opinion.beliefs[rows, opinion.given]
    doubted = believed <= _MOST_GIVEN_FRAC
    found = [
        Suspect(
            int(opinion.places[row]),
            opinion.labels[opinion.given[row]],
            opinion.labels[thought[row]],
            float(believed[row]),
            float(opinion.beliefs[row, thought[row]]),
        )
        for row in np.flatnonzero(doubted & (opinion.beliefs[rows, thought] >= _LEAST_THOUGHT_FRAC))
    ]
    return sorted(found, key=lambda one: (one.given_frac, one.place))


def _folds(
    groups: Sequence[Sequence[int]], labels: Sequence[str], index: dict[str, int], seed: int
) -> dict[int, str]:
    """Place -> fold, for the pictures whose label is in the index."""
    parcels, members = {}, {}
    for number, group in enumerate(groups):
        some = [place for place in group if labels[place] in index]
        if some:
            name = f"group {number}"
            parcels[name], members[name] = Counter(labels[place] for place in some), some
    shares = {f"fold {number}": 1 / FOLDS for number in range(FOLDS)}
    dealt = allot(parcels, shares, seed=seed)
    return {place: fold for name, fold in dealt.items() for place in members[name]}


def _condensed(descriptions: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float64]:
    """Fewer numbers for each picture. No label is looked at, so all folds may share them."""
    directions = min(_MOST_DIRECTIONS, len(descriptions) - 1, descriptions.shape[1])
    axes = import_module("sklearn.decomposition").PCA(
        directions, svd_solver="randomized", random_state=seed
    )
    rows = np.asarray(axes.fit_transform(descriptions))
    scale = np.sqrt(_MEAN_SQUARE / max(1e-12, float((rows**2).sum(axis=1).mean())))
    return np.asarray(rows * scale, np.float64)
