"""An evaluation as plain figures, for JSON, and demands on those figures.

The names are a promise to whoever reads the file: `accuracy`, `macro_recall`, `per_class`,
`confusion`, `stage_one`, `stage_two`, `joint`, `coverage`, `ece` and `parity`, among others. A
figure that cannot be known (the recall of a label without pictures) is null, never 0. Shares are
0 to 1 and stand beside their number of pictures and their 95% interval.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.workshop.evaluate.calibration import ReliabilityBin
from tools.workshop.evaluate.evaluation import Confusion, Evaluation, Landing
from tools.workshop.evaluate.measuring import Share
from tools.workshop.evaluate.parity import Parity
from tools.workshop.evaluate.thresholds import CoveragePoint, at_coverage
from tools.workshop.evaluate.trials import Trial
from tools.workshop.faults import WorkshopFault

# A curve of a hundred points says as much as one of ten thousand.
CURVE_POINTS = 100


def as_record(trial: Trial) -> dict[str, Any]:
    """Every figure by its name; of several cuts the first one's, and all of them below `cuts`."""
    bundle, pictures = trial.bundle, trial.pictures
    figures = {cut: _figures(one) for cut, one in trial.evaluations.items()}
    first, *others = figures
    return {
        "bundle": {
            "name": bundle.manifest.name,
            "version": bundle.manifest.version,
            "thresholds": bundle.manifest.thresholds.model_dump(),
        },
        "data": {
            "described": pictures.described,
            "pictures": len(pictures.rows) - len(trial.broken),
            "broken": [{"file": str(one.path), "why": one.why} for one in trial.broken],
            "empty": list(trial.empty),
        },
        "cut": first,
        "views": trial.views,
        "timed_on": {
            "threads": 1,
            "cores": os.cpu_count() if trial.cluster is None else None,
            "runtime": trial.runtime,
            "cluster": trial.cluster,
        },
        **figures[first],
        **({"cuts": figures} if others else {}),
    }


@dataclass(frozen=True, slots=True)
class Demand:
    """A bound that a figure must keep.

    Attributes:
        figure: Its name, steps parted by dots, as in "per_class.glass.recall".
        bound: The bound.
        at_least: Whether it is the least allowed; else it is the most.
    """

    figure: str
    bound: float
    at_least: bool

    def missed_by(self, record: Mapping[str, Any]) -> str | None:
        """One line if the figure does not keep the bound, or is not known; None if it does.

        Raises:
            WorkshopFault: There is no such figure.
        """
        found: Any = record
        for step in self.figure.split("."):
            if not isinstance(found, Mapping) or step not in found:
                named = ", ".join(found) if isinstance(found, Mapping) else "none below it"
                raise WorkshopFault(f"no figure {self.figure}: at {step} there are {named}")
            found = found[step]
        if isinstance(found, bool) or not isinstance(found, int | float | None):
            raise WorkshopFault(f"{self.figure} is not a number: name one of the numbers in --json")
        word = "at least" if self.at_least else "at most"
        if found is None:
            return f"{self.figure} is not known here; {word} {self.bound:g} is asked for"
        kept = found >= self.bound if self.at_least else found <= self.bound
        return None if kept else f"{self.figure} is {found:.4g}; {word} {self.bound:g} is asked for"


def read_demand(text: str, *, at_least: bool) -> Demand:
    """Read "figure=number".

    Raises:
        ValueError: It is not of that form.
    """
    figure, _, bound = text.partition("=")
    if not figure:
        raise ValueError(text)
    return Demand(figure.strip(), float(bound), at_least)


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "labels": list(evaluation.joint.names),
        **_confusion(evaluation.joint),
        "stage_one": {
            "names": list(evaluation.stage_one.names),
            **_confusion(evaluation.stage_one),
        },
        "stage_two": {
            "names": list(evaluation.stage_two.names),
            **_confusion(evaluation.stage_two),
        },
        "joint": {
            **_right(evaluation.joint.right),
            "recyclable": _right(evaluation.recyclable),
            "likeliest_label": _right(evaluation.likeliest),
            "with_thresholds": _landing(evaluation.landing),
        },
        "coverage": {
            "at_90": _point(evaluation.at_coverage),
            "curve": [_point(point) for point in _thinned(evaluation.coverage)],
        },
        "ece": evaluation.calibration.ece_frac,
        "reliability": [_bin(one) for one in evaluation.calibration.bins],
        "parity": None if evaluation.parity is None else _parity(evaluation.parity),
        "time": {
            "decode_and_crop_ms": _typical(evaluation.times.prepared_ms),
            "invoke_ms": _typical(evaluation.times.invoked_ms),
        },
        "wrong": [
            {
                "file": one.key,
                "label": one.truth,
                "said": one.said,
                "confidence": one.confidence_frac,
            }
            for one in evaluation.wrong
        ],
    }


def _confusion(confusion: Confusion) -> dict[str, Any]:
    return {
        **_right(confusion.right),
        "macro_recall": confusion.macro_recall,
        "per_class": {
            name: {
                "n": int(confusion.counts[place].sum()),
                "said": int(confusion.counts[:, place].sum()),
                "recall": _frac(confusion.recall(name)),
                "recall_interval": _interval(confusion.recall(name)),
                "precision": _frac(confusion.precision(name)),
                "precision_interval": _interval(confusion.precision(name)),
            }
            for place, name in enumerate(confusion.names)
        },
        "confusion": confusion.counts.tolist(),
    }


def _landing(landing: Landing) -> dict[str, Any]:
    return {
        "coverage": landing.answered.frac,
        **_right(landing.right),
        "right_bin": landing.right_bin.frac,
        "wrong_bin": landing.wrong_bin.frac,
        "lost_to_end_bin": landing.end_bin.frac,
        "cost": landing.cost,
        "confusion": landing.confusion.counts.tolist(),
    }


def _bin(one: ReliabilityBin) -> dict[str, Any]:
    return {
        "above": one.low_frac,
        "up_to": one.high_frac,
        "n": one.n,
        "confidence": one.confidence_frac if one.n else None,
        "accuracy": one.accuracy_frac if one.n else None,
    }


def _parity(parity: Parity) -> dict[str, Any]:
    return {
        "agreement": parity.agreement.frac,
        "agreement_interval": _interval(parity.agreement),
        "n": parity.agreement.n,
        "recall_drop": {
            drop.label: {
                "n": drop.n,
                "float_recall": drop.float_right / drop.n,
                "int8_recall": drop.int8_right / drop.n,
                "drop": drop.frac,
            }
            for drop in parity.recall_drop
        },
        "worst": parity.worst.label,
        "passes": parity.passes,
        "refusal": parity.refusal(),
    }


def _right(share: Share | None) -> dict[str, Any]:
    return {
        "n": 0 if share is None else share.n,
        "right": 0 if share is None else share.right,
        "accuracy": _frac(share),
        "accuracy_interval": _interval(share),
    }


def _point(point: CoveragePoint) -> dict[str, Any]:
    return {
        "threshold": point.threshold_frac,
        "coverage": point.covered.frac,
        **_right(point.right),
    }


def _thinned(curve: Sequence[CoveragePoint]) -> list[CoveragePoint]:
    """At most a hundred points, evenly along the coverage."""
    points = [at_coverage(curve, place / CURVE_POINTS) for place in range(1, CURVE_POINTS + 1)]
    return [p for k, p in enumerate(points) if k == 0 or p is not points[k - 1]]


def _typical(took_ms: tuple[float, float]) -> dict[str, float]:
    return {"p50": took_ms[0], "p95": took_ms[1]}


def _frac(share: Share | None) -> float | None:
    return None if share is None else share.frac


def _interval(share: Share | None) -> list[float] | None:
    return None if share is None else list(share.interval)
