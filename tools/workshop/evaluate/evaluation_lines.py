"""An evaluation's figures as lines of a name and a value, for a terminal or a table."""

from collections.abc import Mapping
from typing import Any

from tools.workshop.evaluate.evaluation import Evaluation
from tools.workshop.evaluate.measuring import Share


def headlines(evaluation: Evaluation) -> list[tuple[str, str]]:
    """The figures that come first."""
    landing = evaluation.landing
    lines = [
        ("accuracy", or_nothing(evaluation.joint.right)),
        ("macro recall", _percent(evaluation.joint.macro_recall)),
        ("stage one", or_nothing(evaluation.stage_one.right)),
        ("stage two, once stage one is right", or_nothing(evaluation.stage_two.right)),
        ("joint: recyclable to its material", or_nothing(evaluation.recyclable)),
        ("answered, with the thresholds", or_nothing(landing.answered)),
        ("right, of those", or_nothing(landing.right)),
        ("right at 90% coverage", or_nothing(evaluation.at_coverage.right)),
        ("calibration error, 15 bins", f"{evaluation.calibration.ece_frac:.3f}"),
    ]
    if (parity := evaluation.parity) is not None:
        lines.append(("int8 and float agree", str(parity.agreement)))
    return lines


def label_lines(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Recall and precision of each label that is shown or said."""
    lines = []
    for name in evaluation.joint.names:
        recall, precision = evaluation.joint.recall(name), evaluation.joint.precision(name)
        if recall is not None or precision is not None:
            said = "never said" if precision is None else f"precision {precision.frac:.1%}"
            found = "no pictures" if recall is None else f"recall {recall}"
            lines.append((name, f"{found}, {said}"))
    return lines


def time_lines(evaluation: Evaluation) -> list[tuple[str, str]]:
    """How long one picture takes."""
    times = evaluation.times
    return [
        (what, f"{p50_ms:.2f} ms, p95 {p95_ms:.2f} ms")
        for what, (p50_ms, p95_ms) in (
            ("decode and crop", times.prepared_ms),
            ("invoke", times.invoked_ms),
        )
    ]


def whole_lines(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How many pieces each finder found whole on each kind of ground; see `segment_comparison`."""
    lines = []
    for kind, finders in figures.items():
        # Beside the kinds of ground stand what the model costs and what ran it.
        if not isinstance(finders, Mapping):
            continue
        for finder, own in finders.items():
            whole = "no pieces"
            if own["whole_frac"] is not None:
                low, high = own["whole_interval"]
                whole = (
                    f"{own['whole_frac']:.1%} (n = {own['pieces']}, "
                    f"95% interval {low:.1%} to {high:.1%})"
                )
            lines.append((f"{kind}, by {finder}", whole))
    return lines


def or_nothing(share: Share | None) -> str:
    """A share in words, also where there is nothing that it could be a share of."""
    return "nothing to count" if share is None else str(share)


def _percent(frac: float | None) -> str:
    return "-" if frac is None else f"{frac:.1%}"
