import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.classifiers.bundle import STAGES, Temperatures, find, load
from sorterd.classifiers.heads import Heads
from tools.workshop.evaluate.calibration import calibration, choose_temperature

Logits = npt.NDArray[np.float32]
Truth = npt.NDArray[np.int64]
claims = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=80)


def heard(n: int, width: int, *, heat: float, seed: int) -> tuple[Logits, Truth]:
    """Logits and truths drawn from softmax(logits / heat): that is the right temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (n, width)).astype(np.float32)
    # Adding Gumbel noise and taking the highest draws from the softmax.
    noisy = logits / heat + rng.gumbel(size=logits.shape)
    return logits, noisy.argmax(axis=1)


def loss(logits: Logits, truth: Truth, temperature: float) -> float:
    """Mean negative log-likelihood of the truth."""
    numbers = logits.astype(np.float64) / temperature
    return float(
        (np.logaddexp.reduce(numbers, axis=1) - numbers[np.arange(len(truth)), truth]).mean()
    )


@given(claims)
def test_the_error_is_that_of_the_definition(rows: list[tuple[float, bool]]) -> None:
    """It should be the mean gap of bins that are open below and closed above, as published."""
    confidence = np.array([row[0] for row in rows], np.float32)
    right = np.array([row[1] for row in rows])

    table = calibration(confidence, right)

    assert len(table.bins) == 15
    assert sum(one.n for one in table.bins) == len(rows)
    gaps = 0.0
    for place in range(15):
        low, high = place / 15, (place + 1) / 15
        inside = [r for r in rows if low < r[0] <= high or (place == 0 and r[0] == 0)]
        gaps += abs(sum(r[1] for r in inside) - sum(r[0] for r in inside))
    assert table.ece_frac == pytest.approx(gaps / len(rows), abs=1e-6)
    assert 0 <= table.ece_frac <= 1


def test_honest_confidence_has_no_error() -> None:
    """It should find nothing where of answers given with 0.8 eight in ten are right."""
    confidence = np.full(10, 0.8, np.float32)

    assert calibration(confidence, np.arange(10) < 8).ece_frac == pytest.approx(0, abs=1e-6)
    assert calibration(confidence, np.arange(10) < 3).ece_frac == pytest.approx(0.5)


def test_a_rounding_above_one_is_still_the_last_bin() -> None:
    """It should take a score of a hair above 1 for 1."""
    table = calibration(np.array([1.0000001], np.float32), np.array([True]))

    assert table.bins[-1].n == 1


@given(st.integers(2, 7), st.floats(0.4, 4.0), st.integers(0, 50))
def test_the_right_temperature_is_found(width: int, heat: float, seed: int) -> None:
    """It should find the temperature at which the truths were drawn, as near as 4,000 tell."""
    logits, truth = heard(4000, width, heat=heat, seed=seed)

    assert choose_temperature(logits, truth) == pytest.approx(heat, rel=0.2)


@given(st.integers(2, 6), st.integers(1, 30), st.integers(0, 1000))
def test_no_other_temperature_makes_the_truth_likelier(width: int, n: int, seed: int) -> None:
    """It should be the minimum on any data, however few or odd."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, width)).astype(np.float32)
    truth = rng.integers(0, width, n)

    chosen = choose_temperature(logits, truth)

    best = loss(logits, truth, chosen)
    assert all(best <= loss(logits, truth, t) + 1e-9 for t in np.geomspace(0.1, 10, 41))


def test_rows_that_are_all_right_end_at_the_bound() -> None:
    """It should go as cold as it may where nothing is wrong, and as hot where all is."""
    logits = np.array([[4, 0, 0], [0, 4, 0]], np.float32)

    assert choose_temperature(logits, np.array([0, 1])) == pytest.approx(0.1)
    assert choose_temperature(logits, np.array([1, 0])) == pytest.approx(10)


def test_logits_that_say_nothing_leave_it_at_one() -> None:
    """It should not leave 1 where every temperature is as good."""
    logits = np.full((5, 3), 2.0, np.float32)
    alone = np.eye(3, dtype=np.bool_)[[0, 1, 2, 0, 1]]

    assert choose_temperature(logits, np.zeros(5, np.int64)) == 1.0
    assert choose_temperature(logits, np.array([0, 1, 2, 0, 1]), alone) == 1.0


def test_two_heads_are_each_at_their_best_for_the_joint_scores() -> None:
    """It should leave the station's own joint scores no better pair of temperatures."""
    shipped = load(find("waste")).manifest
    draft = shipped.model_copy(update={"outputs": ("stage_one", "stage_two")})
    stage = np.array([STAGES.index(draft.stages[label]) for label in draft.labels])
    rng = np.random.default_rng(3)
    truth = rng.integers(0, len(stage), 600)
    one = (rng.normal(0, 2, (600, 3)) + 3 * np.eye(3)[stage[truth]]).astype(np.float32)
    two = (rng.normal(0, 3, (600, 7)) + 3 * np.eye(7)[truth]).astype(np.float32)

    chosen = (
        choose_temperature(one, stage[truth]),
        choose_temperature(two, truth, stage[truth][:, None] == stage[None, :]),
    )

    def joint_loss(pair: tuple[float, float]) -> float:
        heats = Temperatures(stage_one=pair[0], stage_two=pair[1])
        heads = Heads(draft.model_copy(update={"temperatures": heats}))
        scores = heads.scores({"stage_one": one, "stage_two": two})
        return float(-np.log(scores[np.arange(600), truth].astype(np.float64)).mean())

    best = joint_loss(chosen)
    for off in ((0.9, 1), (1.1, 1), (1, 0.9), (1, 1.1), (0.9, 0.9), (1.1, 1.1)):
        assert best < joint_loss((chosen[0] * off[0], chosen[1] * off[1]))


def test_nothing_to_choose_from_is_an_error() -> None:
    """It should refuse no rows, and a truth that does not compete."""
    with pytest.raises(ValueError, match="nothing to choose"):
        choose_temperature(np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="nothing to choose"):
        choose_temperature(
            np.zeros((1, 3), np.float32), np.array([1]), np.array([[True, False, True]])
        )
    with pytest.raises(ValueError, match="confidences"):
        calibration(np.zeros(0, np.float32), np.zeros(0, np.bool_))
