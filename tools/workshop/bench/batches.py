"""What a batch costs beside as many single crops, in turn: G4.

Cropping costs the same either way and is left out; reading the answer is in.
"""

from typing import Final, cast

import numpy as np

from sorterd.classifiers.runtimes import Runtime
from sorterd.classifiers.tflite import TfliteClassifier, open_part
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.bench.stopwatch import figures

TITLE: Final = "A batch of crops beside as many single ones"

_SIZES: Final = (1, 2, 4, 8)
# Of the bench's pairs: a round asks the model for thirty crops.
_ROUNDS_SHARE = 0.2


def seconds(depth: Depth) -> float:
    """Return how long it takes here."""
    return 2.0 + 0.045 * _rounds(depth)


def measure(bench: Bench) -> Chapter:
    """Ask for k crops at once and for k one by one, for every k in turn.

    Raises:
        BundleFault: The bundle must not be used, or takes no batches.
        DeviceUnavailable: The runtime does not work here.
        DeviceFault: It failed.
    """
    classifier = open_part(
        bench.bundle,
        runtime=cast("Runtime", bench.runtime),
        threads=1,
        batch_sizes=_SIZES,
        clock=bench.clock,
    )
    rounds = _rounds(bench.depth)
    batch_ns: dict[int, list[int]] = {size: [] for size in _SIZES}
    singles_ns: dict[int, list[int]] = {size: [] for size in _SIZES}
    try:
        for number in range(rounds):
            for size in _SIZES:
                # Whichever comes first finds the other's leavings in the caches: take turns.
                for batch in (True, False) if number % 2 else (False, True):
                    took_ns = _took_ns(bench, classifier, size, batch=batch)
                    (batch_ns if batch else singles_ns)[size].append(took_ns)
    finally:
        classifier.close()
    ratios = {size: _ratio(batch_ns[size], singles_ns[size]) for size in _SIZES}
    rows = [
        Row(
            f"batch of {size}",
            {**figures(batch_ns[size]), "ratio_p50": ratios[size]},
            f"beside {size} singles, {np.median(singles_ns[size]) / 1e6:.2f} ms"
            if size > 1
            else "a single beside a single: what the figures are good for",
        )
        for size in _SIZES
    ]
    worst = max(_SIZES[1:], key=lambda size: ratios[size])
    rows.append(
        Row("worst", {"ratio_p50": ratios[worst]}, f"G4: a batch of {worst}, {classifier.runtime}")
    )
    series = {"batch": list(map(float, _SIZES)), "cost_ratio": [ratios[size] for size in _SIZES]}
    return Chapter("batches", TITLE, rows, {"G4": ratios[worst]}, series)


def _rounds(depth: Depth) -> int:
    return max(20, round(_ROUNDS_SHARE * depth.pairs))


def _took_ns(bench: Bench, classifier: TfliteClassifier, size: int, *, batch: bool) -> int:
    began_ns = bench.clock.now_ns()
    if batch:
        classifier.scores(size, size)
    else:
        for _ in range(size):
            classifier.scores(1, 1)
    return bench.clock.now_ns() - began_ns


def _ratio(batch_ns: list[int], singles_ns: list[int]) -> float:
    return float(np.median(np.array(batch_ns) / np.array(singles_ns)))
