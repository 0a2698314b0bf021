import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.workshop.evaluate.parity import compare

LABELS = ("can", "jar", "pear")


def one_hot(places: list[int]) -> npt.NDArray[np.float32]:
    """Scores of a model that says these labels."""
    return np.eye(len(LABELS), dtype=np.float32)[np.array(places, np.int64)]


answers = st.lists(st.tuples(*[st.integers(0, len(LABELS) - 1)] * 3), min_size=1, max_size=60)


@given(answers)
def test_a_model_is_at_one_with_itself(rows: list[tuple[int, int, int]]) -> None:
    """It should pass where both say the same, however wrong they are."""
    truth, said, _ = map(list, zip(*rows, strict=True))

    parity = compare(one_hot(said), one_hot(said), np.array(truth), LABELS)

    assert parity.passes
    assert parity.refusal() == ""
    assert parity.agreement.frac == 1.0
    assert parity.worst.frac == 0.0


@given(answers)
def test_figures_are_those_of_counting(rows: list[tuple[int, int, int]]) -> None:
    """It should count as a person would, and pass just when each figure is within its bound."""
    truth, by_float, by_int8 = map(list, zip(*rows, strict=True))

    parity = compare(one_hot(by_float), one_hot(by_int8), np.array(truth), LABELS)

    same = sum(one == two for one, two in zip(by_float, by_int8, strict=True))
    assert parity.agreement.right == same
    assert sum(drop.n for drop in parity.recall_drop) == len(rows)
    lost = []
    for drop in parity.recall_drop:
        shown = [row for row in rows if LABELS[row[0]] == drop.label]
        before = sum(row[1] == row[0] for row in shown)
        after = sum(row[2] == row[0] for row in shown)
        assert (drop.n, drop.float_right, drop.int8_right) == (len(shown), before, after)
        lost.append(50 * (before - after) <= len(shown))
    assert parity.passes == (50 * same >= 49 * len(rows) and all(lost))
    assert (parity.refusal() == "") == parity.passes
    assert "\n" not in parity.refusal()


@pytest.mark.parametrize(("lost", "passes"), [(0, True), (1, True), (2, False)])
def test_the_bound_itself_still_passes(lost: int, *, passes: bool) -> None:
    """It should let exactly 2 points of recall and 98% agreement pass, and nothing beyond."""
    truth = [0] * 50
    by_int8 = [1] * lost + [0] * (50 - lost)

    assert compare(one_hot(truth), one_hot(by_int8), np.array(truth), LABELS).passes is passes


def test_a_refusal_names_figures_and_numbers() -> None:
    """It should say how far they agree, and which label lost how many of how many."""
    truth = [0] * 40 + [1] * 10
    by_int8 = [0] * 40 + [1] * 8 + [2] * 2

    refusal = compare(one_hot(truth), one_hot(by_int8), np.array(truth), LABELS).refusal()

    assert "they agree on 96.0% (n = 50" in refusal
    assert "jar loses 20.0 points of recall (10 to 8 of 10)" in refusal
    assert "can" not in refusal.split(":")[1]


def test_one_lost_picture_of_few_is_refused_though_most_agree() -> None:
    """It should hold the gate for a label with few pictures, and say how few."""
    truth = [0] * 99 + [1]
    by_int8 = [0] * 100

    parity = compare(one_hot(truth), one_hot(by_int8), np.array(truth), LABELS)

    assert parity.agreement.frac == 0.99
    assert parity.worst.label == "jar"
    assert "(1 to 0 of 1)" in parity.refusal()


def test_a_better_int8_model_has_a_drop_below_nothing() -> None:
    """It should show a gain as a negative drop, and leave out labels without pictures."""
    parity = compare(one_hot([1, 0]), one_hot([0, 0]), np.array([0, 0]), LABELS)

    assert [(drop.label, drop.frac) for drop in parity.recall_drop] == [("can", -0.5)]


def test_nothing_to_compare_is_an_error() -> None:
    """It should refuse no pictures, and scores of other labels."""
    with pytest.raises(ValueError, match="scores"):
        compare(one_hot([]), one_hot([]), np.array([], np.int64), LABELS)
    with pytest.raises(ValueError, match="scores"):
        compare(one_hot([0]), one_hot([0]), np.array([0]), LABELS[:2])
