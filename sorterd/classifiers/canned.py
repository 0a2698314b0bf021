"""A classifier that reads its scores from a table, for tests and benches.

Crop after crop gets row after row, from the top again when the table ends. It has the same slots
and refuses the same mistakes as a real one, so what runs on it runs on that.

It never looks at the pixels.
"""

import sys
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sorterd.ports import InputSpec

# The attribute and getrefcount's own argument: more means that a view of it is held somewhere.
_UNSHARED = 2


class CannedClassifier:
    """Scores from a table. Meets `sorterd.ports.Classifier`; one thread.

    Args:
        labels: In the order of the scores.
        table: Rows of non-negative weights, one for each label; each row is brought to a sum of 1.
        spec: What a crop must look like.
        batch_sizes: Rising, each 1 or more.
        costs: Batch size -> (p50_ns, p99_ns) that it claims; it answers at once.

    Raises:
        ValueError: The table does not fit the labels.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        table: Sequence[Sequence[float]],
        *,
        spec: InputSpec,
        batch_sizes: tuple[int, ...] = (1, 2, 4, 8),
        costs: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        rows = np.array(table, np.float32)
        if rows.ndim != 2 or rows.shape[1] != len(labels) or (rows < 0).any():
            raise ValueError(
                f"a table of {rows.shape} does not hold scores of {len(labels)} labels"
            )
        self.labels = labels
        self.spec = spec
        self.batch_sizes = batch_sizes
        self.costs = dict.fromkeys(batch_sizes, (0, 0)) if costs is None else costs
        self._table = rows / rows.sum(axis=1, keepdims=True)
        self._given = 0
        self._inputs = {
            size: np.zeros((size, spec.height_px, spec.width_px, 3), spec.dtype)
            for size in batch_sizes
        }

    def slots(self, size: int) -> npt.NDArray[np.generic]:
        """Return an input to write into; see `sorterd.ports.Classifier`."""
        self._check(size)
        return self._inputs[size][:]

    def scores(self, size: int, used: int) -> npt.NDArray[np.float32]:
        """Return the next `used` rows; see `sorterd.ports.Classifier`."""
        self._check(size)
        if not 1 <= used <= size:
            raise ValueError(f"{used} crops in a batch of {size}")
        if sys.getrefcount(self._inputs[size]) > _UNSHARED:
            raise RuntimeError("a slot array is still referenced")
        places = np.arange(self._given, self._given + used) % len(self._table)
        self._given += used
        return np.asarray(self._table[places], np.float32)

    def close(self) -> None:
        """Let go of the inputs. Harmless when repeated."""
        self._inputs.clear()

    def _check(self, size: int) -> None:
        if not self._inputs:
            raise RuntimeError("the classifier is closed")
        if size not in self._inputs:
            raise ValueError(f"no input for a batch of {size}: there are {self.batch_sizes}")
