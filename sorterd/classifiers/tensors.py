"""What a model's tensors hold, and what a call of it costs: the same for every model that is run.

Nothing here opens or checks a model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from sorterd.ports import Clock

Dtype = Literal["int8", "uint8", "float32"]
# The first calls allocate and pack weights; they say nothing about the ones that follow.
WARM_UPS: Final = 2
MOST_TIMED: Final = 30
LEAST_TIMED: Final = 8
# Slow runtimes get fewer timed calls, or a start would take half a minute.
TIMING_NS: Final = 300_000_000


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a model, and how its numbers are read.

    Attributes:
        index: Of the tensor.
        scale: Quantisation step; 1.0 for float32.
        zero_point: Quantised zero; 0 for float32.
    """

    index: int
    scale: float
    zero_point: int

    def numbers(self, levels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """The numbers that levels stand for: float32 of the same shape, the caller's own."""
        read = levels.astype(np.float32)
        read -= self.zero_point
        read *= self.scale
        return read


def output_of(details: Mapping[str, Any]) -> Output:
    """An output by what an interpreter says of it."""
    return Output(int(details["index"]), *quantisation(details))


def quantisation(details: Mapping[str, Any]) -> tuple[float, int]:
    """A tensor's (scale, zero_point); (1.0, 0) where it is not quantised."""
    scale, zero_point = details["quantization"]
    return (float(scale), int(zero_point)) if scale else (1.0, 0)


def timed(call: Callable[[], object], clock: Clock) -> tuple[int, int]:
    """Warm a model and time it.

    Args:
        call: Asks the model once.
        clock: Tells how long that took.

    Returns:
        Typical and worst time of one call, nanoseconds: (p50_ns, p99_ns).
    """
    for _ in range(WARM_UPS):
        call()
    begun_ns = clock.now_ns()
    took_ns: list[int] = []
    while len(took_ns) < MOST_TIMED:
        before_ns = clock.now_ns()
        if len(took_ns) >= LEAST_TIMED and before_ns - begun_ns > TIMING_NS:
            break
        call()
        took_ns.append(clock.now_ns() - before_ns)
    p50_ns, p99_ns = np.percentile(took_ns, (50, 99))
    return int(p50_ns), int(p99_ns)
