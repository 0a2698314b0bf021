"""Hold a run against a stored one: which ratios have become worse by more than noise.

Only ratios are compared, since milliseconds are the machine's. A goal that only one of the two runs
has is named and not compared. How far two runs of one program may differ is each goal's own
margin, found by repeating the bench (`goals.py`).

Other programs make a figure worse and hardly ever better. So what seems worse is measured again
before it is believed, and the best of all looks is compared: what the program itself has lost
does not come back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from tools.workshop.bench.bench_record import Stored, Terms
from tools.workshop.bench.goals import GOALS, Goal
from tools.workshop.faults import WorkshopFault

SECOND_LOOKS: Final = 2
"""How often what seems worse is measured again, at most."""


@dataclass(frozen=True, slots=True)
class Change:
    """One goal in two runs.

    Attributes:
        goal: Which.
        before: The stored figure.
        now: This run's.
    """

    goal: Goal
    before: float
    now: float

    @property
    def margin(self) -> float:
        """How much worse it may be by noise alone."""
        return self.goal.margin(self.before)

    @property
    def regressed(self) -> bool:
        """Whether it is worse by more than that."""
        return self.goal.worse_by(self.before, self.now) > self.margin

    def __str__(self) -> str:
        """One line for a person."""
        return (
            f"{self.goal.name} {self.goal.what}: {self.before:.3f} before, {self.now:.3f} now, "
            f"margin {self.margin:.3f}"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        changes: Of the ratios that both have.
        missing_now: Names of ratios that only the stored run has.
        missing_before: Names of ratios that only this run has.
    """

    changes: tuple[Change, ...]
    missing_now: tuple[str, ...]
    missing_before: tuple[str, ...]

    @property
    def regressions(self) -> list[Change]:
        """What has become worse."""
        return [change for change in self.changes if change.regressed]


def check_terms(address: str, stored: Stored, terms: Terms) -> None:
    """Refuse a baseline that says nothing about this run.

    Raises:
        WorkshopFault: It is of another depth, bundle or runtime, or has no ratio.
    """
    if stored.terms != terms:
        raise WorkshopFault(
            f"{address} holds {stored.terms}, and this is {terms}: their ratios are not compared"
        )
    if not any(_ratio(name) for name in stored.goals):
        raise WorkshopFault(f"{address} has no ratio of any goal: nothing can be compared with it")


def compare(before: Mapping[str, float], now: Mapping[str, float]) -> Comparison:
    """Hold the goals of two runs against each other.

    Args:
        before: The stored figures by goal.
        now: This run's.
    """
    then, own = (
        {name: value for name, value in figures.items() if _ratio(name) and isfinite(value)}
        for figures in (before, now)
    )
    return Comparison(
        tuple(
            Change(goal, then[name], own[name])
            for name, goal in GOALS.items()
            if name in then and name in own
        ),
        tuple(name for name in then if name not in own),
        tuple(name for name in own if name not in then),
    )


def compare_again(
    before: Mapping[str, float],
    now: Mapping[str, float],
    measure: Callable[[list[str]], Mapping[str, float]],
) -> Comparison:
    """Hold two runs against each other, and look again at what seems worse.

    Args:
        before: The stored figures by goal.
        now: This run's.
        measure: Is given the names of goals that seem worse, and measures them once more; called
            at most `SECOND_LOOKS` times. What else it returns is left alone.

    Returns:
        The comparison with the best figure of all looks.
    """
    best = dict(now)
    comparison = compare(before, best)
    for _ in range(SECOND_LOOKS):
        names = [change.goal.name for change in comparison.regressions]
        if not names:
            break
        again = measure(names)
        for name in names:
            value = again.get(name)
            if value is not None and GOALS[name].worse_by(value, best[name]) > 0:
                best[name] = value
        comparison = compare(before, best)
    return comparison


def comparison_lines(comparison: Comparison) -> list[str]:
    """The comparison for a terminal."""
    lines = [
        f"  {'WORSE' if change.regressed else 'as good':8}{change}" for change in comparison.changes
    ]
    for names, which in (
        (comparison.missing_now, "only the baseline has"),
        (comparison.missing_before, "only this run has"),
    ):
        if names:
            lines.append(f"  not compared: {which} {', '.join(names)}")
    return lines


def _ratio(name: str) -> bool:
    return name in GOALS and not GOALS[name].unit
