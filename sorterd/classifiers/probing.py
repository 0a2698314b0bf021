"""Whether crops are cheaper in a batch on this runtime and this machine: found out by asking.

A call of an accelerator has a cost of its own, so a batch pays. A processor that one crop keeps
busy gains nothing from four, and every interpreter beyond the first costs a start 3 ms, 8 MB and
the calls that time it. So the largest size is tried on the interpreter that is there already, and
the others are built only if it pays.

Nothing here knows an interpreter or what the numbers in a model mean.
"""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from sorterd.classifiers.tensors import time_of
from sorterd.core.batching import WORTH_FRAC
from sorterd.ports import Clock

# Two calls in a row that gain nothing are believed, and three that gain. The first call takes
# memory, and an accelerator may compile in it: it is not counted among those that gain. A hiccup
# of the machine spoils one call in some dozens, hardly two in a row. Where nothing is gained a call
# of four takes as long as four singles, so each that is not made saves 5 ms of start: a processor
# is asked twice.
POOR_IN_A_ROW: Final = 2
LEAST_GOOD: Final = 3
# Singles are timed again after the batch that looked cheaper: a processor that became quicker
# meanwhile would have flattered it. Three, for two may be disturbed.
AGAIN: Final = 3


def trial(
    largest: Callable[[], object], single_ns: Sequence[int], *, crops: float, clock: Clock
) -> list[int]:
    """Time the largest batch for as long as it takes to know whether it gains.

    Args:
        largest: Makes one call.
        single_ns: What calls of the smallest batch took.
        crops: How many times as many crops the largest batch holds.
        clock: For the timing.

    Returns:
        What calls took, nanoseconds, the first one left out; `gains` judges them.
    """
    first_ns = time_of(largest, clock)
    batch_ns: list[int] = []
    good, poor = 0, int(not gains([first_ns], single_ns, crops=crops))
    while good < LEAST_GOOD and poor < POOR_IN_A_ROW:
        took_ns = time_of(largest, clock)
        batch_ns.append(took_ns)
        if gains([took_ns], single_ns, crops=crops):
            good, poor = good + 1, 0
        else:
            poor += 1
    return batch_ns


def gains(batch_ns: Sequence[int], single_ns: Sequence[int], *, crops: float) -> bool:
    """Tell whether a crop in the largest batch is cheaper, by more than noise and by `WORTH_FRAC`.

    Half of the batches may be disturbed, and all singles but one: disturbances only make a call
    longer, so the quickest is what a single costs. Held against their median, a batch that gained
    2% was taken for one that gains 3% by 3 starts of 25 on a busy machine.
    """
    return median(batch_ns) < crops * min(single_ns) * (1 - WORTH_FRAC)
