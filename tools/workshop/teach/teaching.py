"""What teaching gives, measured before it is believed: nested cross-validation, and halves.

The figure of a taught bundle comes from crops that took no part in it: in each outer fold the
strength is chosen by an inner cross-validation on the other folds alone, the heads are refitted on
those, and the fold is asked. Halves do the same with one half taught and the other asked, many
times over. The heads are asked in float; the bundle that is written is int8.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.classifiers.bundle import STAGES, Manifest, Output, Temperatures
from tools.workshop.evaluate.calibration import choose_temperature
from tools.workshop.evaluate.measuring import Share
from tools.workshop.teach.crop_sets import Crops, dealt, without
from tools.workshop.teach.last_layer import Dense
from tools.workshop.teach.refitting import (
    Numbers,
    Refitter,
    Strength,
    ordered_strengths,
)

# Folds of the inner cross-validation; more took longer and chose no better.
INNER_FOLDS: Final = 4
# Few crops, all right, ask for no temperature at all; beyond these nothing real is measured.
_LEAST_TEMPERATURE, _MOST_TEMPERATURE = 0.5, 3.0


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidated:
    """What refits said to crops that they had not seen.

    Attributes:
        before: The old heads on the same crops.
        after: The refits.
        numbers: Output -> float32[n, width], what the refits said, in the crops' order.
        answers: int64[n], the refits' likeliest labels.
    """

    before: Share
    after: Share
    numbers: dict[str, Numbers]
    answers: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Half:
    """One half taught, the other asked.

    Attributes:
        before: The old heads on the half that is asked.
        after: The refit on it.
        strength: Chosen on the taught half.
    """

    before: Share
    after: Share
    strength: Strength


def cross_validated(refitter: Refitter, crops: Crops, *, folds: int, seed: int) -> CrossValidated:
    """Ask about every crop once, each time a refit that has not seen it.

    Args:
        refitter: Of the bundle.
        crops: Two pieces or more of each label that is there.
        folds: Outer ones.
        seed: Decides who is in which.
    """
    parts = dealt(crops, folds, np.random.default_rng([seed, 0]))
    old = refitter.numbers(refitter.heads, crops)
    said = {name: np.empty_like(given) for name, given in old.items()}
    for turn, rows in enumerate(tqdm(parts, desc="cross-validating", unit="fold")):
        taught = crops.some(without(len(crops), rows))
        inner = np.random.default_rng([seed, 1, turn])
        strength = ordered_strengths(refitter, taught, INNER_FOLDS, inner)[0]
        given = refitter.numbers(
            refitter.refit(refitter.lesson(taught), strength), crops.some(rows)
        )
        for name, some in given.items():
            said[name][rows] = some
    answers = refitter.scores(said).argmax(axis=1)
    after = Share(int((answers == crops.places).sum()), len(crops))
    return CrossValidated(refitter.right(refitter.heads, crops), after, said, answers)


def taught_heads(
    refitter: Refitter, crops: Crops, *, seed: int
) -> Iterator[tuple[dict[Output, Dense], Strength]]:
    """The heads refitted on all crops, under the best strength first, then under the next best."""
    lesson = refitter.lesson(crops)
    rng = np.random.default_rng([seed, 2])
    for strength in ordered_strengths(refitter, crops, INNER_FOLDS, rng):
        yield refitter.refit(lesson, strength), strength


def temperatures_for(manifest: Manifest, said: CrossValidated, crops: Crops) -> Temperatures:
    """The temperatures at which what was said to unseen crops is likeliest."""
    stages = np.array([STAGES.index(manifest.stages[label]) for label in manifest.labels])
    chosen: dict[str, float] = {}
    for name, numbers in said.numbers.items():
        truth, among = stages[crops.places], None
        if name == "stage_two":
            truth = crops.places
            # Beside a stage-one head the station asks stage two only within the stage.
            among = stages[crops.places][:, None] == stages if "stage_one" in said.numbers else None
        exact = choose_temperature(numbers, truth, among)
        chosen[name] = round(float(np.clip(exact, _LEAST_TEMPERATURE, _MOST_TEMPERATURE)), 3)
    return Temperatures(**chosen)


def halves(refitter: Refitter, crops: Crops, *, repeats: int, seed: int) -> Iterator[Half]:
    """Teach on one half and ask about the other, again and again."""
    for turn in tqdm(range(repeats), desc="halves", unit="half"):
        taught, asked = dealt(crops, 2, np.random.default_rng([seed, 3, turn]))
        taught_half, exam = crops.some(taught), crops.some(asked)
        inner = np.random.default_rng([seed, 4, turn])
        strength = ordered_strengths(refitter, taught_half, INNER_FOLDS, inner)[0]
        heads = refitter.refit(refitter.lesson(taught_half), strength)
        yield Half(refitter.right(refitter.heads, exam), refitter.right(heads, exam), strength)
