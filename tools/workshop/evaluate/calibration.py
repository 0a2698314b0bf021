"""Whether scores mean what they say: of the answers given with 0.8, eight in ten should be right.

The error of calibration and the reliability table follow Guo, Pleiss, Sun and Weinberger, "On
Calibration of Modern Neural Networks" (ICML 2017): answers are put into bins of equal width by
their confidence, and each bin's confidence is compared with its accuracy. The remedy is theirs
too: one temperature per head, chosen by the likelihood of the truth.

Nothing here runs a model.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

BINS: Final = 15
# Networks trained with smoothed labels end near 0.5, overtrained ones near 3.
LEAST_TEMPERATURE: Final = 0.1
MOST_TEMPERATURE: Final = 10.0
# Halvings of the logarithm of that range: 4.6 / 2**40 is far below what a manifest writes down.
_HALVINGS: Final = 40

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers of one range of confidence: above `low_frac`, up to `high_frac`.

    Attributes:
        low_frac: Lower end, not included (but for 0).
        high_frac: Upper end, included.
        n: Answers.
        confidence_frac: Their mean confidence; 0 where there are none.
        accuracy_frac: The share of right ones; 0 where there are none.
    """

    low_frac: float
    high_frac: float
    n: int
    confidence_frac: float
    accuracy_frac: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidence is from accuracy.

    Attributes:
        bins: The reliability table, rising.
    """

    bins: tuple[ReliabilityBin, ...]

    @property
    def ece_frac(self) -> float:
        """The expected calibration error: the bins' gaps, weighted by their answers; 0 to 1."""
        whole = sum(one.n for one in self.bins)
        gaps = (one.n * abs(one.accuracy_frac - one.confidence_frac) for one in self.bins)
        return float(sum(gaps)) / whole


def calibration(
    confidence: npt.NDArray[np.float32], right: Flags, *, bins: int = BINS
) -> Calibration:
    """Compare what answers claimed with how often they were right.

    Args:
        confidence: float32[n], the score of each answer given, 0 to 1; n is 1 or more.
        right: bool[n].
        bins: How many of equal width.

    Raises:
        ValueError: There are no answers, or not as many of one as of the other: a caller's bug.
    """
    if not len(confidence) or confidence.shape != right.shape:
        raise ValueError(f"{confidence.shape} confidences for {right.shape} answers")
    edges = np.linspace(0.0, 1.0, bins + 1)
    # A score may be above 1 by a rounding.
    held = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    table = []
    for place in range(bins):
        inside = held == place
        n = int(inside.sum())
        table.append(
            ReliabilityBin(
                low_frac=float(edges[place]),
                high_frac=float(edges[place + 1]),
                n=n,
                confidence_frac=float(confidence[inside].mean(dtype=np.float64)) if n else 0.0,
                accuracy_frac=float(right[inside].mean()) if n else 0.0,
            )
        )
    return Calibration(tuple(table))


def choose_temperature(
    logits: npt.NDArray[np.float32], truth: npt.NDArray[np.int64], among: Flags | None = None
) -> float:
    """The temperature at which softmax(logits / temperature) makes the truth likeliest.

    The mean negative log-likelihood is convex in 1 / temperature, so its one minimum is where its
    slope changes sign, and halving the range finds it.

    For a bundle with two heads choose both from the same pictures: stage one from its own logits
    and the true stages; stage two from its logits and the true labels `among` the labels of the
    true stage, which is all that the station asks it. The likelihood of the joint scores is the
    product of the two, so nothing is left to choose together.

    Args:
        logits: float32[n, width], one head's output at temperature 1; n is 1 or more.
        truth: int64[n], the place of what is true.
        among: bool[n, width], what each row is to be told apart from (itself included); everything
            if left out.

    Returns:
        Between 0.1 and 10: 0.1 where every row is right, 10 where they are worse than guessing,
        and 1 where no temperature changes anything.

    Raises:
        ValueError: There are no rows, or the truth is not among what competes: a caller's bug.
    """
    rows = np.arange(len(truth))
    if not len(truth) or (among is not None and not among[rows, truth].all()):
        raise ValueError(f"nothing to choose from: {len(truth)} rows, or a truth out of reach")
    numbers = logits.astype(np.float64)
    if among is not None:
        numbers = np.where(among, numbers, -np.inf)
    numbers = numbers - numbers.max(axis=1, keepdims=True)
    reached = np.where(np.isfinite(numbers), numbers, 0.0)

    if not reached.any():
        return 1.0

    def too_cold(log_temperature: float) -> bool:
        """Whether the truth becomes likelier with a higher temperature."""
        powers = np.exp(numbers / np.exp(log_temperature))
        expected = (powers * reached).sum(axis=1) / powers.sum(axis=1)
        return bool((expected - reached[rows, truth]).mean() > 0)

    low, high = np.log(LEAST_TEMPERATURE), np.log(MOST_TEMPERATURE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if too_cold(middle) else (low, middle)
    return float(np.exp((low + high) / 2))
