"""The card of a bundle: what a person should know before trusting the model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import Manifest
from tools.workshop.measuring import Share


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """What the card tells beside the manifest.

    Attributes:
        command: How the bundle was made.
        measure: How to measure it again.
        shown: What the network was shown, one line each.
        figures: Pictures -> how often the likeliest label is right.
        sure: Pictures -> (how many answers pass both thresholds, how many of those are right).
        confusion: Of the validation photographs; rows are what it is.
        agreement: How often int8 and float say the same.
        float_right: The float network on the validation photographs.
    """

    command: str
    measure: str
    shown: Sequence[str]
    figures: Mapping[str, Share]
    sure: Mapping[str, tuple[Share, Share]]
    confusion: npt.NDArray[np.int64]
    agreement: Share
    float_right: Share


def write_card(manifest: Manifest, story: Story) -> str:
    """The card as Markdown."""
    size = f"{manifest.preprocessing.width_px}x{manifest.preprocessing.height_px}"
    two = manifest.thresholds
    labels = ", ".join(manifest.labels)
    return f"""# {manifest.name}, version {manifest.version}

Tells seven kinds of waste apart: {labels}.
A MobileNetV2 in full int8, input {size} RGB, outputs logits; scores are
softmax(logits / {manifest.temperatures.stage_two}). Stage one (organic, recyclable, landfill) asks
for a belief of {two.stage_one_frac}, stage two (the label within stage one's answer) for
{two.stage_two_frac}; below them a piece is *unsure* and goes to the end bin.

Made by:

    {story.command}

Measured again, without TensorFlow and without training, by:

    {story.measure}

## What it was shown

{_listed(story.shown)}

Every picture went through the station's own crop: the box of the piece, widened by
{manifest.preprocessing.margin_frac:.0%} of its longer side, padded to a square with grey.

**It has seen drawings of the same kind as those of the dry run** (same forms, other seeds). A dry
run's figures on drawings therefore say that the road works, not how good the model is.

## How right it is

One look, likeliest label, int8 on the station's runtime; 95% intervals are Wilson's.

| pictures | n | right | 95% interval |
|---|---|---|---|
{_rows(story.figures)}

The validation rows are those of SOURCES.csv with `official_split` = `val`; no network saw them or a
near-duplicate of them in training, but settings of the training, temperature and thresholds were
chosen on them, so figures on other pictures of the same kind will be a little lower. The
field photographs (single pieces on grey, taken elsewhere by others) took part in nothing, neither
in training nor in choosing anything: they are measured at the very end, as information.

With the thresholds:

| pictures | sure | right among the sure |
|---|---|---|
{_sure_rows(story.sure)}

int8 and float agree on {story.agreement} of the validation photographs;
the float network is right on {story.float_right}.

Validation photographs, counts (rows: what it is; columns: what the model says; last: recall):

{_confusion(story.confusion, manifest.labels)}

## What it has not seen

A real belt, any moving piece, wet or crushed or soiled waste in numbers, several pieces in one
picture, an empty belt. Organic is mostly fresh fruit and vegetables; trash is 90 photographs and
drawings. Before it sorts anything real, measure it on that station's own pieces. The gap
between the validation row and the field row of the table is what clean photographs leave open.

## Where it comes from

{_listed(f"{one.what}; {one.where}; {one.licence}" for one in manifest.provenance)}

None of the photographs is in this folder. The pictures in `golden/` are drawings made by sorterd;
the answers to them are compared each time the bundle is opened.
"""


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _rows(figures: Mapping[str, Share]) -> str:
    lines = []
    for name, share in figures.items():
        low, high = share.interval
        lines.append(f"| {name} | {share.n} | {share.frac:.1%} | {low:.1%} to {high:.1%} |")
    return "\n".join(lines)


def _sure_rows(sure: Mapping[str, tuple[Share, Share]]) -> str:
    return "\n".join(f"| {name} | {covered} | {right} |" for name, (covered, right) in sure.items())


def _confusion(counts: npt.NDArray[np.int64], labels: Sequence[str]) -> str:
    head = f"| | {' | '.join(labels)} | recall |\n|---|{'---|' * (len(labels) + 1)}"
    lines = [
        f"| {label} | {' | '.join(str(n) for n in row)} | {row[place] / max(1, row.sum()):.0%} |"
        for place, (label, row) in enumerate(zip(labels, counts, strict=True))
    ]
    return "\n".join([head, *lines])
