"""Pieces drawn by the project, as a world takes them: any label as likely as another."""

from collections.abc import Sequence

import numpy as np

from sorterd.simulation.drawings import LABELS, draw
from sorterd.simulation.sprites import Sprite


class DrawnPieces:
    """A `PieceSource` that draws. Holds nothing; any thread.

    Args:
        labels: What comes, each as often as it is listed; some of `drawings.LABELS`.
    """

    def __init__(self, labels: Sequence[str] = LABELS) -> None:
        self._labels = tuple(labels)

    def take(self, rng: np.random.Generator) -> Sprite:
        """Return the piece that `rng` chooses; the same again for a generator in the same state."""
        return draw(self._labels[int(rng.integers(len(self._labels)))], rng)
