"""What a model's tensors hold, and what a call of it costs: the same for every model that is run.

Nothing here opens or checks a model.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from sorterd.ports import Clock

Dtype = Literal["int8", "uint8", "float32"]
# The first call takes memory and touches it; it says nothing about the ones that follow. Nor does a
# second: 1.50 ms, then 1.37 and 1.36.
WARM_UPS: Final = 1
# The median of 8 calls was within 1% of that of 30, beside busy neighbours, for a quarter of the
# start; the planner keeps the costs current from then on, and the worst at once.
TIMED: Final = 8


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a model, and how its numbers are read.

    Attributes:
        index: Of the tensor.
        scale: Quantisation step; 1.0 for float32.
        zero_point: Quantised zero; 0 for float32.
        dtype: Of the tensor.
    """

    index: int
    scale: float
    zero_point: int
    dtype: str

    def numbers(self, levels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """The numbers that levels stand for: float32 of the same shape, the caller's own."""
        read = levels.astype(np.float32)
        read -= self.zero_point
        read *= self.scale
        return read


def output_of(details: Mapping[str, Any]) -> Output:
    """An output by what an interpreter says of it."""
    scale, zero_point = quantisation(details)
    return Output(int(details["index"]), scale, zero_point, np.dtype(details["dtype"]).name)


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
    return typical_and_worst(time_of(call, clock) for _ in range(TIMED))


def time_of(call: Callable[[], object], clock: Clock) -> int:
    """How long one call takes, nanoseconds."""
    before_ns = clock.now_ns()
    call()
    return clock.now_ns() - before_ns


def typical_and_worst(took_ns: Iterable[int]) -> tuple[int, int]:
    """The median and the 99th percentile of some calls, nanoseconds."""
    p50_ns, p99_ns = np.percentile(list(took_ns), (50, 99))
    return int(p50_ns), int(p99_ns)
