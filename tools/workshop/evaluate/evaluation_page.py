"""An evaluation as a page that a person can judge a bundle by, with the pictures it got wrong.

Everything shown is a figure of `tools.workshop.evaluate.evaluation`; nothing is computed here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tools.workshop.evaluate.evaluation import Confusion, Evaluation, Landing
from tools.workshop.evaluate.evaluation_lines import headlines, or_nothing, time_lines
from tools.workshop.evaluate.looking import Cut, Pixels
from tools.workshop.evaluate.measuring import Share
from tools.workshop.evaluate.parity import LEAST_AGREEMENT_FRAC, MOST_RECALL_DROP_FRAC, Parity
from tools.workshop.evaluate.thresholds import Costs
from tools.workshop.evaluate.trials import Trial
from tools.workshop.pages import Page

_BLUE, _RED, _GREY = "#1f6feb", "#cf222e", "#8c959f"


def page_of(trial: Trial, wrong: Mapping[Cut, Sequence[tuple[Pixels, str]]]) -> Page:
    """Make the page.

    Args:
        trial: What it shows.
        wrong: How they were cut -> pictures that were taken for something else, with captions.
    """
    evaluations = trial.evaluations
    page = Page(f"{trial.bundle.name}, measured")
    for note in trial.notes:
        page.text(note)
    page.table(("", *evaluations), _columns([headlines(one) for one in evaluations.values()]))
    for cut, evaluation in evaluations.items():
        before = f"Cut {cut}: " if len(evaluations) > 1 else ""
        show_evaluation(page, evaluation, wrong[cut], before=before)
    page.section("Time of one picture")
    page.table(("", *evaluations), _columns([time_lines(one) for one in evaluations.values()]))
    page.text(trial.timing_note)
    return page


def show_evaluation(
    page: Page,
    evaluation: Evaluation,
    wrong: Sequence[tuple[Pixels, str]],
    *,
    before: str = "",
) -> None:
    """Add all that one evaluation has to show: labels, stages, sureness, parity, mistakes.

    Args:
        page: To add to.
        evaluation: The figures.
        wrong: Pictures that were taken for something else, with captions.
        before: Begins the title of each section.
    """
    _labels(page, before, evaluation)
    _stages(page, before, evaluation)
    _sureness(page, before, evaluation)
    if evaluation.parity is not None:
        _parity(page, before, evaluation.parity)
    _wrong(page, before, wrong, len(evaluation.wrong))


def _columns(lists: Sequence[Sequence[tuple[str, str]]]) -> list[tuple[str, ...]]:
    """Lists of the same lines side by side."""
    return [(rows[0][0], *(value for _, value in rows)) for rows in zip(*lists, strict=True)]


def _labels(page: Page, before: str, evaluation: Evaluation) -> None:
    joint = evaluation.joint
    page.section(f"{before}each label")
    page.table(
        ("label", "pictures", "recall", "95% interval", "precision", "95% interval"),
        [
            (
                name,
                int(joint.counts[place].sum()),
                *_with_interval(joint.recall(name)),
                *_with_interval(joint.precision(name)),
            )
            for place, name in enumerate(joint.names)
        ],
    )
    side = 1.6 + 0.6 * len(joint.names)
    page.plot(lambda axes: _draw_confusion(axes, joint), width=side + 0.8, height=side)


def _stages(page: Page, before: str, evaluation: Evaluation) -> None:
    page.section(f"{before}stage one")
    page.text(f"Right: {or_nothing(evaluation.stage_one.right)}.")
    page.plot(lambda axes: _draw_confusion(axes, evaluation.stage_one), width=4.2, height=3.4)
    page.section(f"{before}stage two")
    two = evaluation.stage_two
    page.text(
        "Recyclable pieces that stage one took for recyclable. Right: "
        f"{or_nothing(two.right)}. Through both stages, {or_nothing(evaluation.recyclable)} of the "
        "recyclable pieces get their material."
    )
    if two.names:
        side = 1.6 + 0.6 * len(two.names)
        page.plot(lambda axes: _draw_confusion(axes, two), width=side + 0.8, height=side)
    _with_thresholds(page, before, evaluation.landing)


def _with_thresholds(page: Page, before: str, landing: Landing) -> None:
    page.section(f"{before}joint, with the bundle's thresholds")
    costs = Costs()
    page.table(
        ("where pieces land", "share"),
        [
            ("in their bin", str(landing.right_bin)),
            ("in a bin that they spoil", str(landing.wrong_bin)),
            ("in the end bin, though they belong in another", str(landing.end_bin)),
        ],
    )
    page.text(
        f"Answered: {landing.answered}; right of those: {or_nothing(landing.right)}. Mean cost of "
        f"a piece {landing.cost:.2f}, at {costs.wrong_bin:g} for a spoilt bin and "
        f"{costs.end_bin:g} for a piece lost to the end bin."
    )
    side = 1.6 + 0.6 * len(landing.confusion.names)
    page.plot(
        lambda axes: _draw_confusion(axes, landing.confusion, extra=("unsure",)),
        width=side + 1.4,
        height=side,
    )


def _sureness(page: Page, before: str, evaluation: Evaluation) -> None:
    at = evaluation.at_coverage
    page.section(f"{before}coverage against accuracy")
    page.text(
        "One threshold on the joint score moves from the surest answer to all of them. At "
        f"{at.covered.frac:.1%} coverage (threshold {at.threshold_frac:.3f}) {at.right} are right. "
        "The dot is what the bundle's two thresholds give."
    )
    page.plot(lambda axes: _draw_coverage(axes, evaluation))
    page.section(f"{before}calibration")
    page.text(
        f"Expected calibration error {evaluation.calibration.ece_frac:.3f} (15 bins of equal "
        "width). Bars on the line mean that of answers given with 0.8, eight in ten are right; "
        "bars below it that the model is too sure. The numbers are answers, the red marks their "
        "mean confidence."
    )
    page.plot(lambda axes: _draw_reliability(axes, evaluation), width=6.4, height=4.4)


def _parity(page: Page, before: str, parity: Parity) -> None:
    page.section(f"{before}int8 against float")
    page.text(
        f"They agree on {parity.agreement}; at least {LEAST_AGREEMENT_FRAC:.0%} is asked for, and "
        f"no label's recall may fall by more than {100 * MOST_RECALL_DROP_FRAC:.0f} points. "
        + (f"Not passed: {parity.refusal()}." if not parity.passes else "Passed.")
    )
    page.table(
        ("label", "pictures", "float right", "int8 right", "points lost"),
        [
            (drop.label, drop.n, drop.float_right, drop.int8_right, f"{100 * drop.frac:.1f}")
            for drop in parity.recall_drop
        ],
    )


def _wrong(page: Page, before: str, shown: Sequence[tuple[Pixels, str]], number: int) -> None:
    page.section(f"{before}taken for something else, the surest first")
    if not number:
        page.text("None.")
        return
    page.text(f"{len(shown)} of {number}, as the model saw them.")
    page.pictures(shown)


def _draw_confusion(axes: Any, confusion: Confusion, *, extra: tuple[str, ...] = ()) -> None:  # noqa: ANN401  # untyped library
    counts = confusion.counts
    whole = np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.imshow(counts / whole, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(counts.shape[1]), [*confusion.names, *extra], rotation=40, ha="right")
    axes.set_yticks(range(counts.shape[0]), confusion.names)
    axes.set_xlabel("said")
    axes.set_ylabel("is")
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            dark = count / whole[row, 0] > 0.5
            text = str(count) if count else ""
            axes.text(column, row, text, ha="center", va="center", color="w" if dark else "k")


def _draw_coverage(axes: Any, evaluation: Evaluation) -> None:  # noqa: ANN401  # untyped library
    covered = [point.covered.frac for point in evaluation.coverage]
    ends = np.array([point.right.interval for point in evaluation.coverage])
    axes.fill_between(covered, ends[:, 0], ends[:, 1], color=_BLUE, alpha=0.15, lw=0)
    axes.plot(covered, [point.right.frac for point in evaluation.coverage], color=_BLUE)
    axes.axvline(0.9, color=_GREY, lw=0.8, ls=":")
    landing = evaluation.landing
    if landing.right is not None:
        axes.plot(landing.answered.frac, landing.right.frac, "o", color=_RED)
    axes.set_xlim(0, 1.01)
    axes.set_ylim(min(0.5, ends[-1, 0]), 1.005)
    axes.set_xlabel("coverage: share of pieces answered")
    axes.set_ylabel("accuracy of the answers, 95% interval")
    axes.grid(alpha=0.3)


def _draw_reliability(axes: Any, evaluation: Evaluation) -> None:  # noqa: ANN401  # untyped library
    for one in evaluation.calibration.bins:
        if not one.n:
            continue
        wide, middle = one.high_frac - one.low_frac, (one.low_frac + one.high_frac) / 2
        axes.bar(middle, one.accuracy_frac, wide * 0.92, color=_BLUE, alpha=0.75)
        axes.plot([one.confidence_frac], [one.confidence_frac], "_", color=_RED, ms=14)
        axes.text(middle, one.accuracy_frac + 0.01, str(one.n), ha="center", size=8)
    axes.plot([0, 1], [0, 1], color=_GREY, lw=1)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.08)
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")


def _with_interval(share: Share | None) -> tuple[str, str]:
    if share is None:
        return "-", "-"
    low, high = share.interval
    return f"{share.frac:.1%}", f"{low:.1%} to {high:.1%}"
