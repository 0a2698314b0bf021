"""From a verdict to a bin.

The end bin is where a piece lands if nothing moves, so *unsure* needs no gate
and no luck: it is the safe answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sorterd.core.records import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Bins:
    """Which label goes where, and which gate leads there.

    Attributes:
        of_label: Bin of each label.
        gate_of: Gate of each bin that has one.
        end_bin: Where a piece lands if nothing moves.
    """

    of_label: Mapping[str, str]
    gate_of: Mapping[str, str]
    end_bin: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a piece goes: to `bin` through `gate`, or to the end bin for `reason`."""

    bin: str
    gate: str | None
    reason: Reason | None


def decide(verdict: Verdict, bins: Bins) -> Decision:
    """Choose the bin.

    Args:
        verdict: What the piece is taken for.
        bins: A bin for every label the model knows.

    Returns:
        A gate to move, or the reason why none moves.

    Raises:
        KeyError: A label without a bin: `sorterd check` refuses such settings.
    """
    if verdict.label is None:
        return Decision(bins.end_bin, None, Reason.UNSURE)
    chosen = bins.of_label[verdict.label]
    gate = bins.gate_of.get(chosen)
    if gate is None:
        return Decision(chosen, None, Reason.BELONGS_IN_END_BIN)
    return Decision(chosen, gate, None)
