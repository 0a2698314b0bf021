"""What the station must hold, what it aims at, and what others reach: a table, and its judge.

A goal is judged by one figure or by several, told apart by a dot. Figures are ratios wherever a
ratio says it: milliseconds are the machine's, ratios are the station's. The bounds were set for
a MobileNetV2 1.0/224 int8 on ai-edge-litert, one thread, where one call takes 1.4 to 1.7 ms on the
machine that they were set on; a model that is quicker than that makes the ratios higher.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SET_FOR: Final = "MobileNetV2 1.0/224 int8, ai-edge-litert, one thread"


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure with its bounds.

    Attributes:
        name: `G1`, or `G7.fifo` where a goal has several figures.
        what: What is measured, for a person.
        must: The bound; None where the figure is only aimed at.
        aim: What would be better still; None where nothing is.
        peer: The best that others were measured to reach.
        unit: Of the figure; empty for a ratio.
        higher: Whether more is better.
        noise: Two runs of the same program may differ by this much: an absolute part, and a share
            of the figure. Only ratios are compared between runs. Found by repeating short runs on
            two shared cores; on a machine that others keep busy more is possible.
    """

    name: str
    what: str
    must: float | None
    aim: float | None
    peer: str = ""
    unit: str = ""
    higher: bool = False
    noise: tuple[float, float] = (0.0, 0.0)

    def verdict(self, value: float | None) -> str:
        """Judge a figure: "not measured", "missed", "met" or "aim met"."""
        if value is None or not math.isfinite(value):
            return "not measured"
        if self.aim is not None and self._within(value, self.aim):
            return "aim met"
        if self.must is None:
            return "aim missed"
        return "met" if self._within(value, self.must) else "missed"

    def margin(self, value: float) -> float:
        """Return how much worse than `value` another run may be before it counts as worse."""
        absolute, share = self.noise
        return absolute + share * abs(value)

    def worse_by(self, before: float, now: float) -> float:
        """Return how much worse `now` is; negative if it is better."""
        return before - now if self.higher else now - before

    def bound(self, limit: float | None) -> str:
        """Return a bound as people write it: `<= 1.2`; in the figure's unit."""
        if limit is None:
            return "-"
        return f"{'>=' if self.higher else '<='} {limit:g}"

    def _within(self, value: float, limit: float) -> bool:
        return value >= limit if self.higher else value <= limit


_ALL: Final = (
    Goal(
        "G1",
        "one piece: whole road / raw invoke, p50",
        1.20,
        1.12,
        "1.08-1.15 without regions or tracking; 2.07 naive; 4.0 MOG2",
        noise=(0.03, 0.03),
    ),
    Goal(
        "G2",
        "everything but the invoke / raw",
        0.20,
        0.11,
        "0.08-0.15 without regions",
        noise=(0.03, 0.15),
    ),
    Goal("G3", "p99 road / p99 raw", 1.30, 1.15, "2.2", noise=(0.1, 0.15)),
    Goal(
        "G4",
        "k pieces in a batch / k singles, CPU",
        1.05,
        1.00,
        "nobody batches",
        noise=(0.03, 0.0),
    ),
    Goal(
        "G5",
        "pieces per second x raw invoke",
        0.85,
        0.90,
        "0.93 without regions, 0.5-0.7",
        higher=True,
        noise=(0.03, 0.02),
    ),
    Goal(
        "G6.age",
        "2x overload: age of decisions p99 / (frame period + 2 invokes)",
        1.0,
        None,
        "seconds",
        noise=(0.4, 0.1),
    ),
    Goal("G6.late", "2x overload: gates fired late", 0, None, unit="gates"),
    Goal("G6.age_10x", "10x overload: the same age", None, 1.0, noise=(0.25, 0.1)),
    Goal("G6.late_10x", "10x overload: gates fired late", None, 0, unit="gates"),
    Goal("G7.fifo", "gate lateness p99 at full inference, FIFO", 0.25, 0.10, "9-37 ms", unit="ms"),
    Goal(
        "G7.plain",
        "gate lateness p99 without FIFO / a bare sleep's, median of turns",
        1.2,
        None,
        noise=(0.2, 0.2),
    ),
    Goal("G7.hog", "gate lateness, longest, FIFO, beside a Python hog", None, 1.0, unit="ms"),
    Goal(
        "G8",
        "start to ready, CPU / (numpy + interpreter + one invoke)",
        2.0,
        1.4,
        "1.9-5.5",
        noise=(0.1, 0.05),
    ),
    Goal("G9.rss", "RSS / the same bare program", 2.0, 1.5, "1.9", noise=(0.03, 0.02)),
    Goal("G9.growth_mib", "growth of RSS over the frames of the memory run", 1.0, 0.0, unit="MiB"),
    Goal("G10", "empty belt, CPU / naive loop", 0.05, 0.02, "0.65", noise=(0.03, 0.2)),
    Goal("G11", "longest garbage collection pause in steady state", 0.1, 0.0, "18 ms", unit="ms"),
)

GOALS: Final[Mapping[str, Goal]] = MappingProxyType({goal.name: goal for goal in _ALL})
"""By name, in the order in which they are shown."""
