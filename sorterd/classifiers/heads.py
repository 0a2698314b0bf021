"""From a model's heads to scores: stage one's belief, shared out among its labels by stage two.

    score(label) = P1(stage of label) * P2(label) / sum of P2 over that stage's labels

A model without a stage-one head has its stage-two softmax as scores. Either way each row is
non-negative and sums to 1, and the scores of one stage's labels sum to the belief in that stage.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import STAGES, Manifest

Numbers = npt.NDArray[np.float32]
# A stage whose labels all have no belief left shares its own out evenly, not by 0 / 0.
_LEAST = np.float32(1e-12)


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
        self._temperatures = manifest.temperatures.model_dump()
        self._stage = np.array([STAGES.index(manifest.stages[label]) for label in manifest.labels])
        self._members = np.eye(len(STAGES), dtype=np.float32)[self._stage]

    def scores(self, answers: Mapping[str, Numbers]) -> Numbers:
        """Scores of some crops.

        Args:
            answers: The outputs named in `reads`, float32[n, width] each; more may be there.

        Returns:
            float32[n, labels].
        """
        two = softmax(answers["stage_two"] / self._temperatures["stage_two"])
        if "stage_one" not in self.reads:
            return two
        one = softmax(answers["stage_one"] / self._temperatures["stage_one"])
        two += _LEAST
        within = two / (two @ self._members)[:, self._stage]
        shared = within * one[:, self._stage]
        # The belief in a stage that has no label in this bundle belongs to the others.
        return np.asarray(shared / shared.sum(axis=1, keepdims=True), np.float32)


def softmax(numbers: Numbers) -> Numbers:
    """Softmax of each row, float32[n, width]."""
    powers = np.exp(numbers - numbers.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
