"""When to answer and when to be unsure: thresholds by what a wrong bin costs, and what they give.

A piece that lands in a wrong bin spoils what is in there; one that runs on to the end bin is only
lost. Both stages' thresholds are chosen together, so that the pictures at hand would have cost
least. Beside it the curve of coverage against accuracy: what share of pieces is answered, and how
many of those answers are right, as one threshold on the joint score moves.

Nothing here runs a model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tools.workshop.evaluate.measuring import Rules, Share, stage_beliefs

# From "answer always" to "hardly ever", finely enough for a cost of 10 to 1, and no finer: between
# two steps of 0.025 a few hundred pictures decide by single ones.
STEPS: Final = tuple(step / 40 for step in range(10, 40))

Scores = npt.NDArray[np.float32]
Truth = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Costs:
    """What it costs where a piece lands; the right bin costs nothing.

    Attributes:
        wrong_bin: It lands in a bin that it spoils.
        end_bin: It lands in the end bin and belongs in another.
    """

    wrong_bin: float = 10.0
    end_bin: float = 1.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """Thresholds and what they would have cost.

    Attributes:
        rules: The thresholds.
        cost: Mean cost of a piece.
        covered: How many pieces were answered.
        right: How many of those answers named the right label; None if nothing was answered.
    """

    rules: Rules
    cost: float
    covered: Share
    right: Share | None


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """What one threshold gives.

    Attributes:
        threshold_frac: Least joint score for an answer.
        covered: How many pieces were answered.
        right: How many of those answers were right.
    """

    threshold_frac: float
    covered: Share
    right: Share


def choose_thresholds(
    scores: Scores,
    truth: Truth,
    labels: Sequence[str],
    *,
    stages: Mapping[str, str],
    bins: Mapping[str, str],
    end_bin: str,
    costs: Costs | None = None,
) -> Chosen:
    """The two thresholds that would have cost least.

    Args:
        scores: float32[n, labels], at the bundle's temperatures; n is 1 or more.
        truth: int64[n], the place of the true label.
        labels: In the order of the scores.
        stages: Label -> the answer of stage one that it belongs to.
        bins: Label -> its bin.
        end_bin: Where an unsure piece lands.
        costs: 10 for a wrong bin and 1 for the end bin if left out.

    Returns:
        Of pairs that cost the same, the one that answers most; of those, the lowest.
    """
    paid = cost_table(labels, bins=bins, end_bin=end_bin, costs=costs or Costs())
    ordered = tuple(stages[label] for label in labels)
    answers, one, two = stage_beliefs(scores, ordered)
    answered, unsure = paid[truth, answers], paid[truth, len(labels)]
    tried = []
    for one_frac in STEPS:
        for two_frac in STEPS:
            passed = (one >= one_frac) & (two >= two_frac)
            # Rounded, so that the order of adding up breaks no tie.
            cost = round(float(np.where(passed, answered, unsure).mean()), 9)
            tried.append((cost, int((~passed).sum()), one_frac, two_frac))
    cost, missed, one_frac, two_frac = min(tried)
    passed = (one >= one_frac) & (two >= two_frac)
    right = (
        Share(int((answers == truth)[passed].sum()), int(passed.sum())) if passed.any() else None
    )
    rules = Rules(ordered, one_frac, two_frac)
    return Chosen(rules, cost, Share(len(truth) - missed, len(truth)), right)


def cost_table(
    labels: Sequence[str], *, bins: Mapping[str, str], end_bin: str, costs: Costs
) -> npt.NDArray[np.float64]:
    """What each answer costs for each truth.

    Returns:
        float64[labels, labels + 1]: rows are what it is, columns what is answered, the last one
        *unsure*. Only the bins count: glass taken for a jar of the same bin costs nothing, and an
        answer whose bin is the end bin costs what the end bin costs.
    """
    landed = [*(bins[label] for label in labels), end_bin]
    table = np.full((len(labels), len(landed)), costs.wrong_bin)
    for row, label in enumerate(labels):
        for column, bin_name in enumerate(landed):
            if bin_name == bins[label]:
                table[row, column] = 0.0
            elif bin_name == end_bin:
                table[row, column] = costs.end_bin
    return table


def coverage_curve(confidence: Scores, right: npt.NDArray[np.bool_]) -> tuple[CoveragePoint, ...]:
    """Every way in which one threshold can part these answers.

    Args:
        confidence: float32[n], the score of each answer; n is 1 or more.
        right: bool[n].

    Returns:
        From the surest answers alone to all of them; answers of equal confidence stand or fall
        together.
    """
    order = np.argsort(-confidence, kind="stable")
    falling, hits = confidence[order], np.cumsum(right[order])
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    n = len(confidence)
    return tuple(
        CoveragePoint(float(falling[k]), Share(int(k) + 1, n), Share(int(hits[k]), int(k) + 1))
        for k in last
    )


def at_coverage(curve: Sequence[CoveragePoint], coverage_frac: float) -> CoveragePoint:
    """The point of a curve that answers at least this share of pieces, and no more than it must."""
    return next(point for point in curve if point.covered.frac >= coverage_frac)
