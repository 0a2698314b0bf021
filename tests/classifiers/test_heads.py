"""Scores are the declared formula, whether they are looked up or reckoned."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.classifiers.bundle import STAGES, Manifest, find, load
from sorterd.classifiers.heads import Heads, softmax
from sorterd.classifiers.tensors import Output

WASTE = load(find("waste")).manifest
PLAIN = load(Path(__file__).parent / "tiny" / "int8").manifest
Numbers = npt.NDArray[np.float64]


def by_formula(manifest: Manifest, given: dict[str, Numbers]) -> Numbers:
    """Score label by label, as the module's first lines have it."""
    heats = manifest.temperatures
    two = shares(given["stage_two"] / heats.stage_two)
    if "stage_one" not in manifest.outputs:
        return two
    one = shares(given["stage_one"] / heats.stage_one)
    stages = [manifest.stages[label] for label in manifest.labels]
    scores = np.zeros_like(two)
    for place, stage in enumerate(stages):
        same = [other for other, each in enumerate(stages) if each == stage]
        scores[:, place] = one[:, STAGES.index(stage)] * two[:, place] / two[:, same].sum(axis=1)
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def shares(numbers: Numbers) -> Numbers:
    """Softmax in float64."""
    powers = np.exp(numbers - numbers.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("manifest", [WASTE, PLAIN], ids=["two heads", "one head"])
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.001, 0.4), crops=st.integers(1, 5))
def test_scores_follow_the_formula(
    manifest: Manifest, dtype: str, seed: int, scale: float, crops: int
) -> None:
    """It should read each head's levels for the numbers that they stand for."""
    heads, rng = Heads(manifest), np.random.default_rng(seed)
    widths = {"stage_one": len(STAGES), "stage_two": len(manifest.labels)}
    numbers: dict[str, Numbers] = {}
    powers = {}
    for name in heads.reads:
        shape = (crops, widths[name])
        if dtype == "float32":
            output = Output(0, 1.0, 0, dtype)
            levels: npt.NDArray[np.generic] = rng.normal(0, 20, shape).astype(np.float32)
            numbers[name] = levels.astype(np.float64)
        else:
            output = Output(0, scale, int(rng.integers(-100, 100)), dtype)
            limits = np.iinfo(dtype)
            levels = rng.integers(limits.min, limits.max + 1, shape).astype(dtype)
            numbers[name] = (levels.astype(np.float64) - output.zero_point) * scale
        powers[name] = heads.reader(name, output)(levels)

    scores = heads.shared(powers)

    assert scores.dtype == np.float32
    assert np.abs(scores - by_formula(manifest, numbers)).max() < 1e-4
    floats = {name: each.astype(np.float32) for name, each in numbers.items()}
    assert np.abs(scores - heads.scores(floats)).max() < 1e-4


def test_a_stage_without_labels_gives_its_belief_to_the_others() -> None:
    """It should sum to 1 where stage one believes in what this bundle has no label for."""
    merged = dict.fromkeys(WASTE.labels, "recyclable") | {"trash": "landfill"}
    heads = Heads(WASTE.model_copy(update={"stages": merged}))
    answers = {
        "stage_one": np.array([[9.0, 0.0, 0.0]], np.float32),
        "stage_two": np.zeros((1, len(WASTE.labels)), np.float32),
    }

    assert heads.scores(answers).sum() == pytest.approx(1.0)


def test_labels_without_belief_share_evenly() -> None:
    """It should not divide nothing by nothing where a stage is believed in and its labels not."""
    answers = {
        "stage_one": np.array([[0.0, 0.0, 900.0]], np.float32),
        "stage_two": np.array([[3000.0, 0, 0, 0, 0, 0, 0]], np.float32),
    }
    scores = Heads(WASTE).scores(answers)[0]
    assert scores[WASTE.labels.index("trash")] == pytest.approx(1.0)


def test_softmax_stands_great_numbers() -> None:
    """It should not overflow."""
    assert softmax(np.array([[1e30, 0.0]], np.float32)).tolist() == [[1.0, 0.0]]
