"""Write a bundle whose heads were taught: a new version beside the one it comes from.

Everything but the heads stays: the layers below, the golden inputs, labels, bins and thresholds.
The golden answers, the temperatures and the figures are the new heads' own. The old golden set (the
golden inputs, and pictures that the person names) is asked before the bundle takes its place; a
bundle that lost more there than was allowed is refused, and nothing is left of it.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import (
    Accuracy,
    Bundle,
    GoldenAnswer,
    Manifest,
    Output,
    Source,
    Temperatures,
    load,
)
from sorterd.classifiers.tflite import TfliteClassifier, open_part
from sorterd.clock import RealClock
from tools.workshop import bundling
from tools.workshop.evaluate import measuring
from tools.workshop.evaluate.measuring import Share
from tools.workshop.export.flat_model import FlatModel
from tools.workshop.teach.last_layer import Dense, put_dense

_TAUGHT = re.compile(r"(?P<version>.+)-taught-(?P<times>\d+)")


class TooMuchLost(Exception):
    """The old golden set lost more than was allowed. The message is one line."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What the old golden set lost.

    Attributes:
        pictures: What was asked, in words.
        before: The old bundle on it.
        after: The taught one.
    """

    pictures: str
    before: Share
    after: Share


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What goes into the new bundle.

    Attributes:
        heads: The new dense layers by their outputs' names.
        numbers: Output -> float32[n, width], what they give for typical pictures.
        temperatures: Of the new heads.
        figures: Pictures -> how often the likeliest label is right.
        crops: Where the crops come from.
        story: Of the teaching, Markdown, for the card.
    """

    heads: Mapping[Output, Dense]
    numbers: Mapping[str, npt.NDArray[np.float32]]
    temperatures: Temperatures
    figures: Mapping[str, Share]
    crops: Source
    story: str


def opened(bundle: Bundle) -> TfliteClassifier:
    """Open a bundle as a station does, for batches of 1 and 8."""
    sizes = (1, measuring.BATCH)
    return open_part(bundle, runtime="auto", threads=2, batch_sizes=sizes, clock=RealClock())


def write_taught(
    old: Bundle,
    taught: Taught,
    out: Path,
    *,
    most_loss_frac: float,
    losses_of: Callable[[TfliteClassifier], Sequence[Loss]],
) -> Sequence[Loss]:
    """Write the new bundle and open it as a station would.

    Args:
        old: Where everything else comes from.
        taught: The new heads and what is known of them.
        out: Folder of the new bundle.
        most_loss_frac: Of right answers, as a share of the whole old golden set.
        losses_of: Asks an opened bundle about further parts of the old golden set.

    Returns:
        What each part of the old golden set lost.

    Raises:
        TooMuchLost: More than allowed.
        WorkshopFault: The folder cannot be written.
        BundleFault: A station would not open it.
    """
    with bundling.in_its_place(out) as folder:
        for file in old.manifest.sha256:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(old.folder / file, folder / file)
        model = FlatModel(old.model_path)
        for name, head in taught.heads.items():
            put_dense(model, old.manifest.outputs.index(name), head, taught.numbers[name])
        (folder / old.manifest.model).write_bytes(model.packed())
        draft = _draft(old.manifest, taught)
        asked = opened(Bundle(folder, draft, ()))
        answers, golden_loss = _golden(old, asked)
        losses = [golden_loss, *losses_of(asked)]
        asked.close()
        _check(losses, most_loss_frac)
        figures = {**taught.figures, **{loss.pictures: loss.after for loss in losses[1:]}}
        manifest = draft.model_copy(
            update={"accuracy": tuple(_row(*one) for one in figures.items()), "golden": answers}
        )
        _write_card(folder, manifest, taught, old)
        bundling.seal(folder, manifest)
        opened(load(folder)).close()
    return losses


def _check(losses: Sequence[Loss], most_loss_frac: float) -> None:
    """Refuse what lost too much of the whole old golden set."""
    lost = sum(loss.before.right - loss.after.right for loss in losses)
    n = sum(loss.before.n for loss in losses)
    if lost > most_loss_frac * n:
        parts = "; ".join(
            f"{loss.pictures} fell from {loss.before.right} to {loss.after.right} right "
            f"of {loss.before.n}"
            for loss in losses
            if loss.after.right < loss.before.right
        )
        raise TooMuchLost(
            f"refused, and nothing was written: {parts}, more than --most-loss "
            f"{most_loss_frac:g} allows: add crops of what was lost, let the crops count less "
            "(--weight), or allow more"
        )


def next_version(version: str) -> str:
    """The version of a bundle taught from this one: "2" gives "2-taught-1", then "2-taught-2"."""
    if found := _TAUGHT.fullmatch(version):
        return f"{found['version']}-taught-{int(found['times']) + 1}"
    return f"{version}-taught-1"


def _draft(old: Manifest, taught: Taught) -> Manifest:
    return old.model_copy(
        update={
            "version": next_version(old.version),
            "temperatures": taught.temperatures,
            "provenance": (*old.provenance, taught.crops),
        }
    )


def _golden(old: Bundle, asked: TfliteClassifier) -> tuple[tuple[GoldenAnswer, ...], Loss]:
    """The new answers to the golden inputs; an input counts as right while its answer stays."""
    scores = measuring.scores_of(asked, np.stack([golden.pixels for golden in old.golden]))
    answers = tuple(
        GoldenAnswer(file=golden.file, scores=tuple(round(float(score), 4) for score in given))
        for golden, given in zip(old.golden, scores, strict=True)
    )
    said = [int(golden.scores.argmax()) for golden in old.golden]
    stayed = int((scores.argmax(axis=1) == said).sum())
    n = len(said)
    return answers, Loss("the bundle's golden inputs", Share(n, n), Share(stayed, n))


def _row(pictures: str, share: Share) -> Accuracy:
    low, high = share.interval
    return Accuracy(
        pictures=pictures,
        n=share.n,
        right_frac=round(share.frac, 4),
        low_frac=round(low, 4),
        high_frac=round(high, 4),
    )


def _write_card(folder: Path, manifest: Manifest, taught: Taught, old: Bundle) -> None:
    path = folder / bundling.CARD
    before = path.read_text(encoding="utf-8") if path.is_file() else "It had no card.\n"
    # The old card's headings go one step down: they are about another version.
    lower = re.sub(r"^(#+ )", r"#\1", before, flags=re.MULTILINE)
    rows = "\n".join(
        f"| {one.pictures} | {one.n} | {one.right_frac:.1%} | {one.low_frac:.1%} to "
        f"{one.high_frac:.1%} |"
        for one in manifest.accuracy
    )
    path.write_text(
        f"# {manifest.name}, version {manifest.version}\n\n{taught.story}\n\n"
        "| pictures | n | right | 95% interval |\n|---|---|---|---|\n"
        f"{rows}\n\nWhat follows is the card of version {old.manifest.version}, from which this "
        "one was taught. Its figures are those of its own heads, not of these.\n\n"
        f"{lower}",
        encoding="utf-8",
    )
