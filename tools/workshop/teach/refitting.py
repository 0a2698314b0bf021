"""Refit a bundle's heads to new crops without forgetting the old ones: regularised towards them.

A head is multinomial logistic regression on the embedding. It is fitted as a correction to what the
old head says, numbers = trust * old numbers + correction, by L-BFGS on the crops and on the
bundle's rehearsal together, with a quadratic penalty on the correction. Three things keep the old
knowledge: the rehearsal counts four times as much as the crops, the penalty pulls the correction to
nothing, and the trust says how sure the old head may be of itself where nothing corrects it.

How it was chosen: on pseudo-stations, never on the field photographs. Between unlike sources of
photographs (TrashNet and GroceryStore to AquaTrash and Fruits-And-Vegetables, and back; ImageNet's
features, five crops of each of five labels taught, 400 other photographs asked) the untaught heads
are right on 52% and 60%, taught ones on 63% and 70%; without rehearsal on 60% and 69%, by means of
the classes and one covariance (LDA) on 53% and 62%. Cut pieces on one belt, 48 taught: where belt
and light are as in training 79% stays 79%, and falls to 74% without rehearsal; where they are far
from it 46% becomes 51%, and 44% without rehearsal. Pooled features of earlier layers beside the
embedding were worse than the embedding alone in all of these, by 1 to 10 points.

Nothing here reads a picture or runs a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import STAGES, Manifest, Output, Temperatures
from sorterd.classifiers.heads import Heads
from tools.workshop.evaluate.measuring import Share
from tools.workshop.teach.crop_sets import Crops, dealt, without
from tools.workshop.teach.last_layer import Dense

Numbers = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

# The rehearsal counts four times as much, unless the person says otherwise: as much as the crops
# was as good where everything is new and 1 to 3 points worse where it is not.
CROPS_WEIGHT: Final = 0.25
# In which the rehearsal differs most, and in which the crops leave it: more of either gained less
# than a point and took twice the time.
DIRECTIONS: Final = 128
OWN_DIRECTIONS: Final = 64
_STEPS: Final = 60


@dataclass(frozen=True, slots=True)
class Strength:
    """How far a refit may leave the old heads.

    Attributes:
        trust_frac: What the old numbers are multiplied by.
        ridge: Penalty on the square of the correction, for embeddings whose mean distance from
            their middle is 1.
    """

    trust_frac: float
    ridge: float

    def __str__(self) -> str:
        return f"trust {self.trust_frac:g}, ridge {self.ridge:g}"


STRENGTHS: Final = (
    Strength(1.0, 3.0),
    Strength(1.0, 0.3),
    Strength(0.5, 0.3),
    Strength(0.5, 0.03),
    Strength(0.0, 0.03),
)
# Without rehearsal the old head is all that is known of the other pictures.
CAREFUL_STRENGTHS: Final = tuple(Strength(1.0, ridge) for ridge in (3.0, 1.0, 0.3))


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Pictures of which not too much may be lost.

    Attributes:
        crops: One view of each, with what they are (or what the old heads took them for).
        most_loss_frac: Of right answers, as a share of all.
    """

    crops: Crops
    most_loss_frac: float


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Crops with the rehearsal, ready to be fitted under any strength.

    Attributes:
        shown: float32[n, width], every view of every crop, and the rehearsal.
        places: int64[n], of their labels.
        counts: float32[n], how much each counts.
        middle: float32[width].
        turn: float32[width, directions]; `(shown - middle) @ turn` is what is fitted on.
    """

    shown: Numbers
    places: Places
    counts: Numbers
    middle: Numbers
    turn: Numbers


class Refitter:
    """Refits one bundle's heads.

    Args:
        manifest: Of the bundle.
        heads: Its dense layers by their outputs' names.
        rehearsal: Embeddings and places; may be empty.
        weight: How much the crops count beside the rehearsal; above 0.
        kept: What the refitted heads must still know.

    Attributes:
        heads: As given.
        strengths: Those that are worth trying for this bundle, the most careful first.
    """

    def __init__(
        self,
        manifest: Manifest,
        heads: Mapping[Output, Dense],
        rehearsal: tuple[Numbers, Places],
        *,
        weight: float,
        kept: Kept | None = None,
    ) -> None:
        self.heads = dict(heads)
        self.strengths = STRENGTHS if len(rehearsal[1]) else CAREFUL_STRENGTHS
        self._weight = weight
        self._kept = kept
        self._rehearsed, self._places = rehearsal
        self._known = np.empty((self._rehearsed.shape[1], 0), np.float32)
        if len(self._places):
            centred = self._rehearsed - self._rehearsed.mean(axis=0)
            self._known = _directions(centred, DIRECTIONS)
        stages = np.array([STAGES.index(manifest.stages[label]) for label in manifest.labels])
        self._truths = {"stage_one": stages, "stage_two": np.arange(len(manifest.labels))}
        plain = manifest.model_copy(update={"temperatures": Temperatures(stage_two=1.0)})
        self._joint = Heads(plain)

    def lesson(self, crops: Crops) -> Lesson:
        """Prepare some crops; nothing of any other crop is in it."""
        count, views, width = crops.embeddings.shape
        shown = np.concatenate([crops.embeddings.reshape(-1, width), self._rehearsed])
        # Each crop counts 1, spread over its views.
        each = count / self._weight / max(1, len(self._places))
        counts = [np.full(count * views, 1 / views), np.full(len(self._places), each)]
        # What is typical is the rehearsal's to say, where there is one: crops may be few and odd.
        typical = self._rehearsed if len(self._rehearsed) else shown
        middle = typical.mean(axis=0)
        reach = float(np.linalg.norm(typical - middle, axis=1).mean()) + 1e-9
        # One view of each crop is enough to say where the rehearsal does not reach.
        reached = crops.embeddings[:, 0] - middle
        beyond = reached - reached @ self._known @ self._known.T
        turn = np.concatenate([self._known, _directions(beyond, OWN_DIRECTIONS)], axis=1)
        return Lesson(
            shown,
            np.concatenate([np.repeat(crops.places, views), self._places]),
            np.concatenate(counts).astype(np.float32),
            middle,
            turn / np.float32(reach),
        )

    def refit(self, lesson: Lesson, strength: Strength) -> dict[Output, Dense]:
        """The heads, refitted to a lesson."""
        seen = np.asarray((lesson.shown - lesson.middle) @ lesson.turn, np.float32)
        refitted: dict[Output, Dense] = {}
        for name, head in self.heads.items():
            old = strength.trust_frac * head(lesson.shown)
            truth = self._truths[name][lesson.places]
            weights, bias = _fitted(seen, truth, old, lesson.counts, strength.ridge)
            step = weights @ lesson.turn.T
            refitted[name] = Dense(
                np.asarray(strength.trust_frac * head.weights + step, np.float32),
                np.asarray(
                    strength.trust_frac * head.bias + bias - step @ lesson.middle, np.float32
                ),
            )
        return refitted

    def numbers(self, heads: Mapping[Output, Dense], crops: Crops) -> dict[str, Numbers]:
        """What heads say to crops as they are, before any temperature."""
        return {name: head(crops.embeddings[:, 0]) for name, head in heads.items()}

    def scores(self, numbers: Mapping[str, Numbers]) -> Numbers:
        """Joint scores at temperature 1, float32[n, labels]."""
        return self._joint.scores(numbers)

    def right(self, heads: Mapping[Output, Dense], crops: Crops) -> Share:
        """How often the likeliest label of crops as they are is the true one."""
        said = self.scores(self.numbers(heads, crops)).argmax(axis=1)
        return Share(int((said == crops.places).sum()), len(crops))

    def keeps(self, heads: Mapping[Output, Dense]) -> bool:
        """Whether heads still know what they must."""
        if self._kept is None:
            return True
        before, after = (self.right(each, self._kept.crops) for each in (self.heads, heads))
        return before.right - after.right <= self._kept.most_loss_frac * before.n

    def surprise(self, heads: Mapping[Output, Dense], crops: Crops) -> Numbers:
        """How unlikely the truth was to heads, crop by crop: the negative log of its score."""
        scores = self.scores(self.numbers(heads, crops))
        rows = np.arange(len(crops))
        return np.asarray(-np.log(np.maximum(scores[rows, crops.places], 1e-6)), np.float32)


def ordered_strengths(
    refitter: Refitter, crops: Crops, folds: int, rng: np.random.Generator
) -> list[Strength]:
    """Strengths by how little held-out crops surprise under them; of equals the careful first.

    Those whose refit to all the crops loses what must be kept are left out; if none is left, the
    most careful one.
    """
    costs = np.zeros(len(refitter.strengths))
    for rows in dealt(crops, folds, rng):
        lesson = refitter.lesson(crops.some(without(len(crops), rows)))
        for place, strength in enumerate(refitter.strengths):
            heads = refitter.refit(lesson, strength)
            costs[place] += float(refitter.surprise(heads, crops.some(rows)).sum())
    lesson = refitter.lesson(crops)
    ordered = [refitter.strengths[int(place)] for place in np.argsort(costs, kind="stable")]
    keeping = [each for each in ordered if refitter.keeps(refitter.refit(lesson, each))]
    return keeping or [refitter.strengths[0]]


def _directions(centred: Numbers, most: int) -> Numbers:
    """The directions in which rows differ most: float32[width, at most `most`], of length 1."""
    rows, width = centred.shape
    # The products of rows have the same eigenvalues as those of columns; the fewer are quicker.
    few = rows < width
    values, turned = np.linalg.eigh(centred @ centred.T if few else centred.T @ centred)
    # A direction that holds a millionth of the largest one's variance is rounding.
    kept = values > max(1e-6 * float(values[-1]), 1e-9)
    kept[:-most] = False
    if few:
        return np.asarray(centred.T @ (turned[:, kept] / np.sqrt(values[kept])), np.float32)
    return np.asarray(turned[:, kept], np.float32)


def _fitted(
    seen: Numbers, truth: Places, old: Numbers, counts: Numbers, ridge: float
) -> tuple[Numbers, Numbers]:
    """The correction: weights float32[outputs, directions] and bias float32[outputs]."""
    rows = np.arange(len(truth))
    directions, outputs = seen.shape[1], old.shape[1]

    def cost(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        """Negative log-likelihood and penalty, with their slope."""
        table = flat.astype(np.float32).reshape(outputs, directions + 1)
        weights = table[:, :-1]
        numbers = old + seen @ weights.T + table[:, -1]
        numbers -= numbers.max(axis=1, keepdims=True)
        powers = np.exp(numbers)
        sums = powers.sum(axis=1, keepdims=True)
        missed = counts * (np.log(sums[:, 0]) - numbers[rows, truth])
        pull = powers / sums
        pull[rows, truth] -= 1
        pull *= counts[:, None]
        slope = np.concatenate([pull.T @ seen + ridge * weights, pull.sum(axis=0)[:, None]], axis=1)
        penalty = ridge / 2 * float((weights * weights).sum(dtype=np.float64))
        return float(missed.sum(dtype=np.float64)) + penalty, slope.ravel().astype(np.float64)

    found = import_module("scipy.optimize").minimize(
        cost,
        np.zeros(outputs * (directions + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _STEPS},
    )
    table = np.asarray(found.x, np.float32).reshape(outputs, directions + 1)
    return table[:, :-1], table[:, -1]
