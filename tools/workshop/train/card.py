"""The card of a bundle: what a person should know before trusting the model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sorterd.classifiers.bundle import Manifest
from tools.workshop.evaluate.evaluation import Confusion, Evaluation
from tools.workshop.evaluate.evaluation_lines import headlines
from tools.workshop.evaluate.measuring import Share
from tools.workshop.train.examination import VALIDATION


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """What the card tells beside the manifest.

    Attributes:
        network: What it is, in a few words.
        command: How the bundle was made.
        measure: How to measure it again.
        shown: What the network was shown, one line each.
        notes: What a person adds, Markdown; empty for nothing.
        evaluations: Of each kind of pictures.
    """

    network: str
    command: str
    measure: str
    shown: Sequence[str]
    notes: str = ""
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)


def write_card(manifest: Manifest, story: Story) -> str:
    """The card as Markdown."""
    size = f"{manifest.preprocessing.width_px}x{manifest.preprocessing.height_px}"
    two, warm = manifest.thresholds, manifest.temperatures
    validation = story.evaluations[VALIDATION]
    return f"""# {manifest.name}, version {manifest.version}

Tells {len(manifest.labels)} kinds of waste apart: {", ".join(manifest.labels)}.
{story.network} in full int8, input {size} RGB. One call gives stage one (organic, recyclable,
landfill), stage two (the labels) and the embedding that both see; scores are softmax(output /
temperature), {warm.stage_one} for stage one and {warm.stage_two} for stage two. Stage one asks for
a belief of {two.stage_one_frac}, stage two (the label within stage one's answer) for
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

One look, int8 on the station's runtime, stage one first and its likeliest label then, without
thresholds; 95% intervals are Wilson's.

| pictures | n | right | 95% interval | stage one | recyclables given their material |
|---|---|---|---|---|---|
{_rows(story.evaluations)}

The validation pictures were never shown in training, nor was a near-duplicate of them; but settings
of the training, the epoch that was kept, temperatures and thresholds were chosen on them, so
figures on other pictures of the same kind will be a little lower. Field photographs took part in
nothing, neither in training nor in choosing anything: they are measured as information.

Validation photographs, whole:

| what | figure |
|---|---|
{_headlines(validation)}

With the thresholds, which were chosen by cost (a wrong bin costs ten times what the end bin costs):

| pictures | answered | right among those | right bin | wrong bin | end bin |
|---|---|---|---|---|---|
{_landings(story.evaluations)}

Validation photographs, counts (rows: what it is; columns: what the model says; last: recall):

{_confusion(validation.joint)}

{_parity(validation)}

{story.notes.strip()}

## Where it comes from

{_listed(f"{one.what}; {one.where}; {one.licence}" for one in manifest.provenance)}

None of the photographs is in this folder unless a label could not be drawn. The answers to the
pictures in `golden/` are compared each time the bundle is opened.
"""


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _rows(evaluations: Mapping[str, Evaluation]) -> str:
    lines = []
    for name, one in evaluations.items():
        if (right := one.joint.right) is None:
            continue
        low, high = right.interval
        lines.append(
            f"| {name} | {right.n} | {right.frac:.1%} | {low:.1%} to {high:.1%} | "
            f"{_percent(one.stage_one.right)} | {_percent(one.recyclable)} |"
        )
    return "\n".join(lines)


def _headlines(evaluation: Evaluation) -> str:
    return "\n".join(f"| {what} | {figure} |" for what, figure in headlines(evaluation))


def _landings(evaluations: Mapping[str, Evaluation]) -> str:
    return "\n".join(
        f"| {name} | {_percent(one.landing.answered)} | {_percent(one.landing.right)} | "
        f"{_percent(one.landing.right_bin)} | {_percent(one.landing.wrong_bin)} | "
        f"{_percent(one.landing.end_bin)} |"
        for name, one in evaluations.items()
    )


def _confusion(confusion: Confusion) -> str:
    names = confusion.names
    head = f"| | {' | '.join(names)} | recall |\n|---|{'---|' * (len(names) + 1)}"
    lines = [
        f"| {name} | {' | '.join(str(n) for n in row)} | {_percent(confusion.recall(name))} |"
        for name, row in zip(names, confusion.counts, strict=True)
    ]
    return "\n".join([head, *lines])


def _parity(evaluation: Evaluation) -> str:
    if (parity := evaluation.parity) is None:
        return "int8 was not held against float."
    worst = parity.worst
    return (
        f"int8 and float agree on {parity.agreement} of the validation photographs; the label whose"
        f" recall\nfalls most from float to int8 is {worst.label}: by {100 * worst.frac:.1f} points"
        f" of {worst.n} pictures."
    )


def _percent(share: Share | None) -> str:
    return "none" if share is None else f"{share.frac:.1%}"
