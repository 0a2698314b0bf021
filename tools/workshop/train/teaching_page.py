"""The page of a training: its curves, the time it took, and how right the result is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.workshop.evaluate.evaluation import Evaluation
from tools.workshop.evaluate.evaluation_lines import headlines
from tools.workshop.evaluate.evaluation_page import show_evaluation
from tools.workshop.evaluate.looking import Pixels
from tools.workshop.pages import Page
from tools.workshop.train.examination import VALIDATION


@dataclass(frozen=True, slots=True)
class Epoch:
    """What is known after one pass over the lessons.

    Attributes:
        number: From 1; 0 for the fitted heads before any fine-tuning.
        loss: Mean loss of the lessons; None before the first.
        validation_loss: Mean negative log-likelihood of the validation photographs.
        right_frac: Share of those whose label is the likeliest.
        took_s: Seconds of the epoch, validation included.
    """

    number: int
    loss: float | None
    validation_loss: float
    right_frac: float
    took_s: float


def training_page(
    title: str,
    epochs: Sequence[Epoch],
    kept: int,
    evaluations: Mapping[str, Evaluation],
    wrong: Sequence[tuple[Pixels, str]],
) -> Page:
    """Make the page.

    Args:
        title: Of the page.
        epochs: In their order, the fitted heads first.
        kept: Number of the epoch whose weights were kept.
        evaluations: Of each kind of pictures, by name.
        wrong: Validation photographs that were taken for something else, with captions.
    """
    whole_s = sum(epoch.took_s for epoch in epochs)
    page = Page(title)
    page.text(
        f"{len(epochs) - 1} epochs in {whole_s / 60:.1f} minutes; the weights of epoch {kept} "
        "were kept: it has the least loss on the validation photographs."
    )
    page.table(("validation photographs", ""), headlines(evaluations[VALIDATION]))
    page.section("The training")
    page.plot(lambda axes: _draw_losses(axes, epochs, kept))
    page.plot(lambda axes: _draw_accuracy(axes, epochs, kept))
    page.table(
        ("epoch", "loss", "validation loss", "right", "seconds"),
        [
            (
                one.number,
                "" if one.loss is None else f"{one.loss:.3f}",
                f"{one.validation_loss:.3f}",
                f"{one.right_frac:.1%}",
                f"{one.took_s:.0f}",
            )
            for one in epochs
        ],
    )
    page.section("Other pictures")
    page.table(
        ("pictures", "n", "right", "stage one", "calibration error"),
        [
            (name, right.n, f"{right.frac:.1%}", str(one.stage_one.right), f"{ece:.3f}")
            for name, one in evaluations.items()
            for right, ece in [(one.joint.right, one.calibration.ece_frac)]
            if right is not None
        ],
    )
    show_evaluation(page, evaluations[VALIDATION], wrong, before="Validation photographs: ")
    return page


def _draw_losses(axes: Any, epochs: Sequence[Epoch], kept: int) -> None:  # noqa: ANN401  # untyped library
    learned = [epoch for epoch in epochs if epoch.loss is not None]
    axes.plot([e.number for e in learned], [e.loss for e in learned], label="lessons")
    axes.plot([e.number for e in epochs], [e.validation_loss for e in epochs], label="validation")
    axes.axvline(kept, color="#8c959f", linestyle=":", label="kept")
    axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    axes.legend()


def _draw_accuracy(axes: Any, epochs: Sequence[Epoch], kept: int) -> None:  # noqa: ANN401  # untyped library
    axes.plot([e.number for e in epochs], [100 * e.right_frac for e in epochs])
    axes.axvline(kept, color="#8c959f", linestyle=":")
    axes.set(xlabel="epoch", ylabel="validation photographs right, %")
