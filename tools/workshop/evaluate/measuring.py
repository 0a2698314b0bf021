"""How right a bundle is, on which pictures, and how sure that figure is.

Needs no TensorFlow: a bundle is asked on the runtime of the station, about crops that the station's
own cropper made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.classifiers.tflite import TfliteClassifier

# Of the normal distribution, for a 95% interval.
Z95 = 1.96
BATCH = 8
Scores = npt.NDArray[np.float32]
Truth = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Share:
    """A share of right answers with its 95% interval (Wilson's).

    Attributes:
        right: Right answers.
        n: Answers; 1 or more.
    """

    right: int
    n: int

    @property
    def frac(self) -> float:
        """The share itself."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""
        spread = Z95**2 / self.n
        middle = self.frac + spread / 2
        half = Z95 * sqrt(self.frac * (1 - self.frac) / self.n + spread / (4 * self.n))
        return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.frac:.1%} (n = {self.n}, 95% interval {low:.1%} to {high:.1%})"


@dataclass(frozen=True, slots=True)
class Rules:
    """What turns scores into an answer or into *unsure*.

    Attributes:
        stages: The answer of stage one of each label, in the labels' order.
        stage_one_frac: Least belief for an answer of stage one.
        stage_two_frac: Least belief for a label within it.
    """

    stages: tuple[str, ...]
    stage_one_frac: float
    stage_two_frac: float


def scores_of(classifier: TfliteClassifier, pixels: npt.NDArray[np.uint8]) -> Scores:
    """Score ready crops; see `answers_of`."""
    return np.concatenate([part["scores"] for part in answers_of(classifier, pixels)])


def answers_of(
    classifier: TfliteClassifier, pixels: npt.NDArray[np.uint8], *, title: str | None = None
) -> list[dict[str, Scores]]:
    """Ask about ready crops, batch by batch.

    Args:
        classifier: Opened with a batch size of 8.
        pixels: uint8[N, H, W, 3], RGB.
        title: For a progress bar; none is shown without.

    Returns:
        For each batch what `TfliteClassifier.answers` gives.
    """
    table = classifier.spec.levels()
    parts = []
    for start in tqdm(range(0, len(pixels), BATCH), desc=title, leave=False, disable=not title):
        some = pixels[start : start + BATCH]
        classifier.slots(BATCH)[: len(some)] = table[some]
        parts.append(classifier.answers(BATCH, len(some)))
    return parts


def stage_beliefs(
    scores: Scores, stages: Sequence[str]
) -> tuple[npt.NDArray[np.int64], Scores, Scores]:
    """Answer by answer what the two stages believe.

    Returns:
        The likeliest label within the likeliest answer of stage one; the belief in that answer;
        the belief in that label within that answer.
    """
    names = sorted(set(stages))
    member = np.array([[stage == name for stage in stages] for name in names])
    sums = scores @ member.T.astype(np.float32)
    best = sums.argmax(axis=1)
    inside = np.where(member[best], scores, 0.0)
    one = sums.max(axis=1)
    return inside.argmax(axis=1), one, (inside.max(axis=1) / one).astype(np.float32)
