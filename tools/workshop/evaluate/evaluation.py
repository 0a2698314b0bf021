"""How good a bundle is on some pictures, from what it said to each: counts, and figures from them.

The answer to a picture is the station's: the likeliest answer of stage one, and within it the
likeliest label. *Joint* is that answer as a whole. Stage two is asked about recyclable pieces only,
and only where stage one was right, as at the station. Every share has its number of pictures.

Nothing here runs a model or reads a picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import STAGES, Manifest
from tools.workshop.evaluate.calibration import Calibration, calibration
from tools.workshop.evaluate.measuring import Share, stage_beliefs
from tools.workshop.evaluate.parity import Parity, compare
from tools.workshop.evaluate.thresholds import (
    Costs,
    CoveragePoint,
    at_coverage,
    cost_table,
    coverage_curve,
)

Scores = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]

COVERAGE_FRAC: Final = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a bundle said to every picture that could be looked at.

    Attributes:
        keys: Of the pictures.
        truth: int64[n], the place of the true label.
        scores: float32[n, labels].
        float_scores: The same by the float model, if it was asked.
        prepared_ns: int64[n], decoding, finding and cropping.
        invoked_ns: int64[n], the model.
    """

    keys: Sequence[str]
    truth: Places
    scores: Scores
    float_scores: Scores | None
    prepared_ns: Places
    invoked_ns: Places


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """What things are against what they were taken for.

    Attributes:
        names: What they can be.
        counts: int64[names, names or more]: rows are what it is, columns what was said. Columns
            beyond the names are answers that are never right, such as *unsure*.
    """

    names: tuple[str, ...]
    counts: Counts

    @property
    def right(self) -> Share | None:
        """How often what was said is so; None where nothing was asked."""
        return _share(int(np.trace(self.counts)), int(self.counts.sum()))

    @property
    def macro_recall(self) -> float | None:
        """Mean recall of the names that occur."""
        shares = [share.frac for name in self.names if (share := self.recall(name)) is not None]
        return sum(shares) / len(shares) if shares else None

    def recall(self, name: str) -> Share | None:
        """Of what is so, how much was found; None where there is none."""
        place = self.names.index(name)
        return _share(int(self.counts[place, place]), int(self.counts[place].sum()))

    def precision(self, name: str) -> Share | None:
        """Of what was said to be so, how much is; None where it was never said."""
        place = self.names.index(name)
        return _share(int(self.counts[place, place]), int(self.counts[:, place].sum()))


@dataclass(frozen=True, slots=True, eq=False)
class Landing:
    """Where pieces end up with the bundle's thresholds.

    Attributes:
        confusion: Of labels; the last column counts the unsure ones.
        answered: How many pieces were answered.
        right: Of the answers, the right ones; None if nothing was answered.
        right_bin: Pieces in their bin; among them unsure ones that belong in the end bin.
        wrong_bin: Pieces in a bin that they spoil.
        end_bin: Pieces in the end bin that belong in another.
        cost: Mean cost of a piece (see `tools.workshop.evaluate.thresholds.Costs`).
    """

    confusion: Confusion
    answered: Share
    right: Share | None
    right_bin: Share
    wrong_bin: Share
    end_bin: Share
    cost: float


@dataclass(frozen=True, slots=True)
class Wrong:
    """A picture that was taken for something else.

    Attributes:
        key: Of the picture.
        truth: Its label.
        said: The label it was given.
        confidence_frac: The score of that label.
    """

    key: str
    truth: str
    said: str
    confidence_frac: float


@dataclass(frozen=True, slots=True)
class Times:
    """How long one picture takes, on one thread and alone.

    Attributes:
        prepared_ms: Decoding, finding the piece, cropping: (p50, p95).
        invoked_ms: The model: (p50, p95).
    """

    prepared_ms: tuple[float, float]
    invoked_ms: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All figures of one bundle on some pictures.

    Attributes:
        joint: Labels, without thresholds.
        recyclable: Of the recyclable pieces, how many got their material; None without any.
        likeliest: How often the label with the highest score is right, without regard to stages.
        stage_one: Organic, recyclable, landfill.
        stage_two: Materials of recyclable pieces that stage one took for recyclable.
        landing: With the bundle's thresholds.
        coverage: As one threshold on the joint score moves, from the surest answers to all.
        calibration: Of the joint score.
        parity: Against the float model, if it was asked.
        times: Of one picture.
        wrong: The surest first.
    """

    joint: Confusion
    recyclable: Share | None
    likeliest: Share
    stage_one: Confusion
    stage_two: Confusion
    landing: Landing
    coverage: tuple[CoveragePoint, ...]
    calibration: Calibration
    parity: Parity | None
    times: Times
    wrong: tuple[Wrong, ...]

    @property
    def at_coverage(self) -> CoveragePoint:
        """The surest nine tenths of the answers."""
        return at_coverage(self.coverage, COVERAGE_FRAC)


def evaluate(said: Said, manifest: Manifest) -> Evaluation:
    """Compute every figure.

    Args:
        said: At least one picture.
        manifest: Of the bundle.
    """
    labels, truth = manifest.labels, said.truth
    stages = tuple(manifest.stages[label] for label in labels)
    answers, one, two = stage_beliefs(said.scores, stages)
    confidence = said.scores[np.arange(len(truth)), answers]
    stage_of = np.array([STAGES.index(stage) for stage in stages])
    joint = _confusion(labels, truth, answers)
    recyclable = stage_of == STAGES.index("recyclable")
    counts = joint.counts[recyclable]
    thresholds = manifest.thresholds
    passed = (one >= thresholds.stage_one_frac) & (two >= thresholds.stage_two_frac)
    return Evaluation(
        joint=joint,
        recyclable=_share(int(joint.counts[recyclable, recyclable].sum()), int(counts.sum())),
        likeliest=Share(int((said.scores.argmax(axis=1) == truth).sum()), len(truth)),
        stage_one=_confusion(STAGES, stage_of[truth], stage_of[answers]),
        stage_two=Confusion(
            tuple(label for label, so in zip(labels, recyclable, strict=True) if so),
            counts[:, recyclable],
        ),
        landing=_landing(truth, answers, passed, manifest),
        coverage=coverage_curve(confidence, answers == truth),
        calibration=calibration(confidence, answers == truth),
        parity=None
        if said.float_scores is None
        else compare(said.float_scores, said.scores, truth, labels),
        times=Times(_typical_ms(said.prepared_ns), _typical_ms(said.invoked_ns)),
        wrong=_wrong(said.keys, truth, answers, confidence, labels),
    )


def _landing(
    truth: Places, answers: Places, passed: npt.NDArray[np.bool_], manifest: Manifest
) -> Landing:
    labels = manifest.labels
    given = np.where(passed, answers, len(labels))
    right_counts = Confusion(labels, _counts(truth, given, len(labels) + 1)[: len(labels)])
    costs = Costs()
    table = cost_table(labels, bins=manifest.bins, end_bin=manifest.end_bin, costs=costs)
    paid = table[truth, given]
    n = len(truth)
    return Landing(
        confusion=right_counts,
        answered=Share(int(passed.sum()), n),
        right=_share(int((given == truth).sum()), int(passed.sum())),
        right_bin=Share(int((paid == 0).sum()), n),
        wrong_bin=Share(int((paid == costs.wrong_bin).sum()), n),
        end_bin=Share(int((paid == costs.end_bin).sum()), n),
        cost=float(paid.mean()),
    )


def _wrong(
    keys: Sequence[str], truth: Places, answers: Places, confidence: Scores, labels: Sequence[str]
) -> tuple[Wrong, ...]:
    missed = np.flatnonzero(answers != truth)
    surest = missed[np.argsort(-confidence[missed], kind="stable")]
    return tuple(
        Wrong(keys[k], labels[truth[k]], labels[answers[k]], float(confidence[k])) for k in surest
    )


def _confusion(names: Sequence[str], truth: Places, said: Places) -> Confusion:
    return Confusion(tuple(names), _counts(truth, said, len(names)))


def _counts(truth: Places, said: Places, size: int) -> Counts:
    return np.bincount(truth * size + said, minlength=size * size).reshape(size, size)


def _share(right: int, n: int) -> Share | None:
    return Share(right, n) if n else None


def _typical_ms(took_ns: Places) -> tuple[float, float]:
    p50, p95 = np.percentile(took_ns / 1e6, (50, 95))
    return float(p50), float(p95)
