"""What a bundle's model costs beside another's, on one thread of this machine.

Both are asked in turn, call by call, so that a busy machine is as busy for the one as for the
other; what is told is the ratio, which holds on other machines of the kind, and not the times.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from sorterd.classifiers.bundle import Bundle
from sorterd.classifiers.tflite import TfliteClassifier, open_part
from sorterd.clock import RealClock

PAIRS: Final = 300
"""Of calls: the median of the ratios then moves by less than a hundredth from run to run."""


@dataclass(frozen=True, slots=True)
class Cost:
    """A model's time for one crop, beside another's.

    Attributes:
        ratio: Median over pairs of calls of own time / the other's.
        own_ms: Median.
        other_ms: Median.
    """

    ratio: float
    own_ms: float
    other_ms: float

    def record(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "ratio": round(self.ratio, 4),
            "own_ms": round(self.own_ms, 3),
            "other_ms": round(self.other_ms, 3),
        }


def cost_beside(bundle: Bundle, other: Bundle) -> Cost:
    """Time both models in turn, one crop a call, one thread.

    Raises:
        BundleFault: One of them cannot be opened.
        DeviceUnavailable: No runtime works here.
    """
    both = [_opened(bundle), _opened(other)]
    clock = RealClock()
    took_ns = np.empty((PAIRS, 2), np.int64)
    for pair in tqdm(range(PAIRS), desc="timing", unit="pair", leave=False):
        for place, classifier in enumerate(both):
            before_ns = clock.now_ns()
            classifier.scores(1, 1)
            took_ns[pair, place] = clock.now_ns() - before_ns
    own_ms, other_ms = np.median(took_ns, axis=0) / 1e6
    return Cost(float(np.median(took_ns[:, 0] / took_ns[:, 1])), float(own_ms), float(other_ms))


def _opened(bundle: Bundle) -> TfliteClassifier:
    return open_part(bundle, runtime="auto", threads=1, batch_sizes=(1,), clock=RealClock())
