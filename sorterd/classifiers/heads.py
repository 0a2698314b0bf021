"""From a model's heads to scores: stage one's belief, shared out among its labels by stage two.

    score(label) = P1(stage of label) * P2(label) / sum of P2 over that stage's labels

A model without a stage-one head has its stage-two softmax as scores. Either way each row is
non-negative and sums to 1, and the scores of one stage's labels sum to the belief in that stage.

A softmax is powers over their sum, and both heads' sums cancel in the formula above: only powers
are needed. A head of 8 bits can say 256 things, so its powers are looked up, already divided by the
temperature and exponentiated: on a call's own time of 1.36 ms the whole takes 10 us instead of 50.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import STAGES, Manifest
from sorterd.classifiers.tensors import Output

Numbers = npt.NDArray[np.float32]
Powers = npt.NDArray[np.float64]
# A stage whose labels all have no belief left shares its own out evenly, not by 0 / 0.
_LEAST: Final = 1e-300


class Heads:
    """Turns the heads of one bundle into scores. Keeps nothing between calls; any thread.

    Args:
        manifest: Labels, stages, outputs and temperatures.

    Attributes:
        reads: The outputs that the scores need.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.reads: tuple[str, ...] = tuple(
            name for name in ("stage_one", "stage_two") if name in manifest.outputs
        )
        self._temperatures: Mapping[str, float] = manifest.temperatures.model_dump()
        self._stage = np.array([STAGES.index(manifest.stages[label]) for label in manifest.labels])
        self._members = np.eye(len(STAGES))[self._stage]
        # A stage that no label belongs to has nothing to share its belief out among.
        self._absent = (self._members.sum(axis=0) == 0).astype(np.float64)
        self._all = np.ones((len(manifest.labels), 1))

    def scores(self, answers: Mapping[str, Numbers]) -> Numbers:
        """Scores of some crops.

        Args:
            answers: The outputs named in `reads`, float32[n, width] each; more may be there.

        Returns:
            float32[n, labels].
        """
        return self.shared(
            {name: _powers(answers[name], self._temperatures[name]) for name in self.reads}
        )

    def reader(
        self, name: str, output: Output
    ) -> Callable[[npt.NDArray[np.generic]], npt.NDArray[np.float64]]:
        """Return what reads one head for `shared`, straight from the model's own levels.

        Args:
            name: One of `reads`.
            output: How its numbers are read.

        Returns:
            Takes `output.dtype`[n, width]; gives float64[n, width], the caller's own: each row is
            the softmax at the head's temperature but for a factor.
        """
        temperature = self._temperatures[name]
        if output.dtype == "float32":
            return lambda numbers: _powers(numbers, temperature)
        every = np.arange(256, dtype=np.uint8).view(output.dtype)
        numbers = output.numbers(every).astype(np.float64) / temperature
        table = np.exp(numbers - numbers.max())
        return lambda levels: table.take(levels.view(np.uint8))

    def shared(self, powers: Mapping[str, Powers]) -> Numbers:
        """Scores of some crops, from what `reader` gives.

        Args:
            powers: The outputs named in `reads`, float64[n, width] each; may be written to.

        Returns:
            float32[n, labels].
        """
        shared = powers["stage_two"]
        shared += _LEAST
        if "stage_one" in powers:
            each = powers["stage_one"] / (shared @ self._members + self._absent)
            # The belief in a stage that has no label in this bundle belongs to the others.
            shared *= each.take(self._stage, axis=1)
        shared /= shared @ self._all
        return shared.astype(np.float32)


def softmax(numbers: Numbers) -> Numbers:
    """Softmax of each row, float32[n, width]."""
    powers = _powers(numbers, 1.0)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _powers(numbers: npt.NDArray[np.generic], temperature: float) -> Powers:
    """Softmax of each row at a temperature but for a factor: float64[n, width]."""
    scaled = numbers.astype(np.float64) / temperature
    return np.asarray(np.exp(scaled - scaled.max(axis=1, keepdims=True)))
