import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.deciding import Bins, decide
from sorterd.core.judging import JudgingRules, judge
from tools.workshop.evaluate.measuring import Share
from tools.workshop.evaluate.thresholds import (
    STEPS,
    Costs,
    at_coverage,
    choose_thresholds,
    cost_table,
    coverage_curve,
)

LABELS = ("can", "jar", "pear", "rag")
STAGES = {"can": "recyclable", "jar": "recyclable", "pear": "organic", "rag": "landfill"}
BINS = {"can": "packaging", "jar": "glass", "pear": "compost", "rag": "landfill"}
END_BIN = "landfill"

Scores = npt.NDArray[np.float32]
Truth = npt.NDArray[np.int64]


def drawn(n: int, seed: int, *, clarity: float = 2.0) -> tuple[Scores, Truth]:
    """Scores and truths of a model that is right more often than not."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(LABELS), n)
    powers = np.exp(rng.normal(0, 1.5, (n, len(LABELS))) + clarity * np.eye(len(LABELS))[truth])
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32), truth


def chosen_for(
    scores: Scores, truth: Truth, costs: Costs | None = None
) -> tuple[float, float, float]:
    """Both thresholds and the mean cost."""
    chosen = choose_thresholds(
        scores, truth, LABELS, stages=STAGES, bins=BINS, end_bin=END_BIN, costs=costs
    )
    return chosen.rules.stage_one_frac, chosen.rules.stage_two_frac, chosen.cost


def station_cost(
    scores: Scores, truth: Truth, one_frac: float, two_frac: float, costs: Costs | None = None
) -> float:
    """What the station's own judging and deciding would have cost."""
    rules = JudgingRules(
        labels=LABELS,
        stages=tuple(STAGES[label] for label in LABELS),
        stage_one_frac=one_frac,
        stage_two_frac=two_frac,
        sure_frac=1.0,
        min_views=1,
        max_views=1,
        same_view_mm=1.0,
    )
    bins = Bins(BINS, {}, END_BIN)
    costs = costs or Costs()
    paid = 0.0
    for row, place in zip(scores, truth, strict=True):
        landed = decide(judge(tuple(float(s) for s in row), rules), bins).bin
        if landed != BINS[LABELS[place]]:
            paid += costs.end_bin if landed == END_BIN else costs.wrong_bin
    return paid / len(truth)


@given(st.integers(1, 40), st.integers(0, 500))
def test_the_cost_is_the_stations_and_the_least(n: int, seed: int) -> None:
    """It should find what the station's own rules would cost, and no pair that costs less."""
    scores, truth = drawn(n, seed)

    one_frac, two_frac, cost = chosen_for(scores, truth)

    assert cost == pytest.approx(station_cost(scores, truth, one_frac, two_frac), abs=1e-6)
    for other in ((STEPS[0], STEPS[0]), (STEPS[-1], STEPS[-1]), (0.5, 0.9), (0.9, 0.5)):
        assert cost <= station_cost(scores, truth, *other) + 1e-6


@settings(max_examples=20)
@given(st.integers(0, 200))
def test_a_dearer_wrong_bin_is_hit_no_more_often(seed: int) -> None:
    """It should spoil fewer bins, or as many, where spoiling one costs more."""
    scores, truth = drawn(80, seed)

    spoilt = []
    for dear in (1.0, 3.0, 10.0, 100.0):
        one_frac, two_frac, _ = chosen_for(scores, truth, Costs(wrong_bin=dear))
        spoilt.append(station_cost(scores, truth, one_frac, two_frac, Costs(1.0, 0.0)))

    assert spoilt == sorted(spoilt, reverse=True)


def test_a_model_that_is_never_wrong_answers_everything() -> None:
    """It should take the lowest thresholds, at no cost, where nothing is gained by waiting."""
    scores = np.full((8, 4), 0.1, np.float32)
    truth = np.arange(8) % 4
    scores[np.arange(8), truth] = 0.7

    chosen = choose_thresholds(scores, truth, LABELS, stages=STAGES, bins=BINS, end_bin=END_BIN)

    assert (chosen.rules.stage_one_frac, chosen.rules.stage_two_frac) == (STEPS[0], STEPS[0])
    assert chosen.cost == 0
    assert chosen.covered == chosen.right == Share(8, 8)


def test_a_model_that_is_always_wrong_answers_nothing() -> None:
    """It should leave every piece to the end bin, and have no accuracy to show."""
    scores = np.array([[0.3, 0.7, 0, 0]] * 5, np.float32)

    chosen = choose_thresholds(
        scores, np.zeros(5, np.int64), LABELS, stages=STAGES, bins=BINS, end_bin=END_BIN
    )

    assert chosen.right is None
    assert chosen.covered.right == 0
    assert chosen.cost == 1.0


def test_only_the_bin_counts() -> None:
    """It should charge nothing for the wrong label of the right bin, and little for the end bin."""
    bins = BINS | {"jar": "packaging"}

    table = cost_table(LABELS, bins=bins, end_bin=END_BIN, costs=Costs())

    assert table.tolist() == [
        [0, 0, 10, 1, 1],
        [0, 0, 10, 1, 1],
        [10, 10, 0, 1, 1],
        [10, 10, 10, 0, 0],
    ]


@given(
    st.lists(st.tuples(st.sampled_from((0.2, 0.4, 0.6, 0.8, 1.0)), st.booleans()), min_size=1),
    st.floats(0, 1),
)
def test_a_curve_is_what_one_threshold_lets_through(
    rows: list[tuple[float, bool]], wanted_frac: float
) -> None:
    """It should count, at each threshold, the answers at or above it and the right ones of them."""
    confidence = np.array([row[0] for row in rows], np.float32)

    curve = coverage_curve(confidence, np.array([row[1] for row in rows]))

    assert [point.threshold_frac for point in curve] == sorted(set(confidence.tolist()))[::-1]
    for point in curve:
        through = [
            row for row, c in zip(rows, confidence, strict=True) if c >= point.threshold_frac
        ]
        assert point.covered == Share(len(through), len(rows))
        assert point.right == Share(sum(row[1] for row in through), len(through))
    assert curve[-1].covered.frac == 1.0
    reached = at_coverage(curve, wanted_frac)
    assert reached.covered.frac >= wanted_frac
    assert all(
        p.covered.frac < wanted_frac
        for p in curve
        if p.covered.n and p.threshold_frac > reached.threshold_frac
    )
