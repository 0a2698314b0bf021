"""Whether an int8 model still says what its float model says: the gate before a bundle is written.

Both are asked about the same pictures. The gate is passed when they agree on at least 98% of them
and no label's recall falls by more than 2 points from float to int8. Where a label has fewer than
50 pictures a single lost one is more than that; the gate holds all the same, and every figure
comes with its number of pictures, so that a person can see how little stands behind it.

Nothing here runs a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tools.workshop.evaluate.measuring import Share

LEAST_AGREEMENT_FRAC: Final = 0.98
MOST_RECALL_DROP_FRAC: Final = 0.02


@dataclass(frozen=True, slots=True)
class RecallDrop:
    """What a label's recall loses from float to int8.

    Attributes:
        label: Which one.
        n: Pictures that show it; 1 or more.
        float_right: Of those, right by the float model.
        int8_right: Of those, right by the int8 model.
    """

    label: str
    n: int
    float_right: int
    int8_right: int

    @property
    def frac(self) -> float:
        """The drop, -1 to 1; below 0 where int8 is the better one."""
        # One division of whole numbers: a difference of two shares could miss 0.02 by a rounding.
        return (self.float_right - self.int8_right) / self.n


@dataclass(frozen=True, slots=True)
class Parity:
    """How near int8 comes to float.

    Attributes:
        agreement: How often both have the same likeliest label.
        recall_drop: Of each label that the pictures show, in the labels' order.
    """

    agreement: Share
    recall_drop: tuple[RecallDrop, ...]

    @property
    def worst(self) -> RecallDrop:
        """The label that loses most."""
        return max(self.recall_drop, key=lambda drop: drop.frac)

    @property
    def passes(self) -> bool:
        """Whether a bundle with this int8 model may be written."""
        return (
            self.agreement.frac >= LEAST_AGREEMENT_FRAC and self.worst.frac <= MOST_RECALL_DROP_FRAC
        )

    def refusal(self) -> str:
        """Why it may not, in one line with every figure that is out of bounds; "" if it may."""
        faults = []
        if self.agreement.frac < LEAST_AGREEMENT_FRAC:
            faults.append(f"they agree on {self.agreement}, below {LEAST_AGREEMENT_FRAC:.0%}")
        faults += [
            f"{drop.label} loses {100 * drop.frac:.1f} points of recall "
            f"({drop.float_right} to {drop.int8_right} of {drop.n})"
            for drop in self.recall_drop
            if drop.frac > MOST_RECALL_DROP_FRAC
        ]
        if not faults:
            return ""
        return (
            f"int8 is too far from float: {'; '.join(faults)}; at most "
            f"{100 * MOST_RECALL_DROP_FRAC:.0f} points may go: show the converter more of such "
            "pictures, or train longer"
        )


def compare(
    float_scores: npt.NDArray[np.float32],
    int8_scores: npt.NDArray[np.float32],
    truth: npt.NDArray[np.int64],
    labels: Sequence[str],
) -> Parity:
    """Compare two models' answers to the same pictures.

    Args:
        float_scores: float32[n, labels]; only the place of the highest counts, so logits of one
            head serve as well.
        int8_scores: float32[n, labels].
        truth: int64[n], the place of the true label.
        labels: In the order of the scores.

    Raises:
        ValueError: There are no pictures, or the shapes do not fit: a caller's bug.
    """
    shape = (len(truth), len(labels))
    if not len(truth) or float_scores.shape != shape or int8_scores.shape != shape:
        raise ValueError(f"scores {float_scores.shape} and {int8_scores.shape} for {shape}")
    by_float, by_int8 = float_scores.argmax(axis=1), int8_scores.argmax(axis=1)
    drops = []
    for place, label in enumerate(labels):
        shown = truth == place
        if shown.any():
            right = [int((said[shown] == place).sum()) for said in (by_float, by_int8)]
            drops.append(RecallDrop(label, int(shown.sum()), *right))
    return Parity(Share(int((by_float == by_int8).sum()), len(truth)), tuple(drops))
