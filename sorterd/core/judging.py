"""What a piece is, by all its scores together: stage one, then stage two, or *unsure*.

Evidence is added up as log-probabilities, which is what independent views
would warrant. Views of one piece are not independent, so a view that hardly
differs from the last one counts for less, and no single view counts for more
than a floor allows: one reflection must not veto five good looks.
"""

from dataclasses import dataclass
from math import exp, log

from sorterd.core.records import NO_EVIDENCE, Verdict

# A score below this is taken as this: an int8 softmax cannot tell 0.004 from 0.
FLOOR_FRAC = 0.004
# A view of a piece that has not moved at all still averages out the sensor's noise.
REPEAT_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class JudgingRules:
    """When evidence is enough.

    Attributes:
        labels: In the order of the scores.
        stages: The answer of stage one that each label belongs to, in the order of `labels`.
        stage_one_frac: Least belief for an answer of stage one, 0 to 1.
        stage_two_frac: Least belief for a label within its stage-one answer, 0 to 1.
        sure_frac: Belief from which a piece is decided early, 0 to 1.
        min_views: Views needed for an early decision.
        max_views: Views after which no more are asked for.
        same_view_mm: A view this far from the last one counts in full, a nearer one less; 0 for
            all of them in full.
    """

    labels: tuple[str, ...]
    stages: tuple[str, ...]
    stage_one_frac: float
    stage_two_frac: float
    sure_frac: float
    min_views: int
    max_views: int
    same_view_mm: float


class Evidence:
    """The scores of one piece so far."""

    def __init__(self, rules: JudgingRules) -> None:
        self._rules = rules
        self._sums = [0.0] * len(rules.labels)
        self._last_mm: float | None = None
        self.views = 0
        self.newest_ns: int | None = None
        self.verdict: Verdict = NO_EVIDENCE

    def add(self, scores: tuple[float, ...], *, along_mm: float, exposed_ns: int) -> None:
        """Take in one crop's scores.

        Args:
            scores: One for each label, in order; non-negative, summing to 1.
            along_mm: Where the piece was when seen; tells how much of a new view this is.
            exposed_ns: Exposure of the frame.
        """
        weight = 1.0
        if self._last_mm is not None:
            moved_mm = abs(along_mm - self._last_mm)
            same_mm = self._rules.same_view_mm
            weight = max(REPEAT_WEIGHT, moved_mm / same_mm) if moved_mm < same_mm else 1.0
        self._last_mm = along_mm
        self.views += 1
        self.newest_ns = max(exposed_ns, self.newest_ns or exposed_ns)
        for index, score in enumerate(scores):
            self._sums[index] += weight * log(max(score, FLOOR_FRAC))
        self.verdict = judge(self._beliefs(), self._rules)

    @property
    def sure(self) -> bool:
        """Whether more views could hardly change the verdict."""
        return (
            self.views >= self._rules.min_views
            and self.verdict.label is not None
            and self.verdict.confidence_frac >= self._rules.sure_frac
        )

    @property
    def full(self) -> bool:
        """Whether as many views were scored as will be asked for."""
        return self.views >= self._rules.max_views

    def _beliefs(self) -> tuple[float, ...]:
        highest = max(self._sums)
        powers = [exp(total - highest) for total in self._sums]
        whole = sum(powers)
        return tuple(power / whole for power in powers)


def judge(beliefs: tuple[float, ...], rules: JudgingRules) -> Verdict:
    """Ask stage one, and of its answer stage two.

    Args:
        beliefs: One for each label, in order; summing to 1.
        rules: Labels, stages and thresholds.

    Returns:
        The verdict; its label is None when either stage stays below its threshold.

    Example:
        >>> rules = JudgingRules(("apple", "can", "jar"), ("organic", "recyclable", "recyclable"),
        ...     stage_one_frac=0.8, stage_two_frac=0.7, sure_frac=0.95, min_views=2, max_views=6,
        ...     same_view_mm=40.0)
        >>> judge((0.1, 0.5, 0.4), rules).label is None
        True
        >>> judge((0.1, 0.8, 0.1), rules).label
        'can'
    """
    by_stage: dict[str, float] = {}
    for stage, belief in zip(rules.stages, beliefs, strict=True):
        by_stage[stage] = by_stage.get(stage, 0.0) + belief
    stage_one = max(by_stage, key=lambda stage: by_stage[stage])
    stage_one_frac = by_stage[stage_one]
    best = max(
        (index for index, stage in enumerate(rules.stages) if stage == stage_one),
        key=lambda index: beliefs[index],
    )
    within_frac = beliefs[best] / stage_one_frac
    passed_one = stage_one_frac >= rules.stage_one_frac
    passed_two = passed_one and within_frac >= rules.stage_two_frac
    return Verdict(
        label=rules.labels[best] if passed_two else None,
        confidence_frac=beliefs[best],
        stage_one=stage_one if passed_one else None,
        stage_one_frac=stage_one_frac,
        scores=beliefs,
    )
