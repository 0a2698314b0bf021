"""The end of a training: calibrate, measure, and write everything that belongs to the model."""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sorterd.classifiers.bundle import Bundle, GoldenAnswer, Temperatures, load
from sorterd.classifiers.tflite import TfliteClassifier, open_part
from sorterd.clock import RealClock
from tools.workshop import bundling, measuring
from tools.workshop.card import Story, write_card
from tools.workshop.examination import VALIDATION, examination, golden_candidates
from tools.workshop.lessons import Lessons
from tools.workshop.network import Network
from tools.workshop.photographs import LABELS, Photograph

INDEX = {label: place for place, label in enumerate(LABELS)}
# Of what passes both thresholds, this share is to be right.
WANTED_FRAC = 0.97


def finish(
    folder: Path,
    network: Network,
    lessons: Lessons,
    photographs: Sequence[Photograph],
    options: Namespace,
) -> None:
    """Make a bundle of the folder in which the model lies.

    Args:
        folder: Holds model.tflite; everything else is written beside it.
        network: The float network that the model was made from.
        lessons: What it was shown.
        photographs: All of them, with those held out.
        options: Of the command line.

    Raises:
        BundleFault: The station would not open it.
    """
    draft = bundling.draft_manifest(
        name=options.out.name, size_px=options.size, outputs=("stage_two",)
    )
    raw = opened(Bundle(folder, draft, ()))
    pools = examination(photographs, options.field, INDEX, options.size, drawings=options.examined)
    scores = {name: measuring.scores_of(raw, pool.pixels) for name, pool in pools.items()}
    chosen_on = [name for name in pools if name.startswith(VALIDATION)]
    labels = np.concatenate([pools[name].labels for name in chosen_on])
    temperature = measuring.choose_temperature(
        np.concatenate([scores[n] for n in chosen_on]), labels
    )
    raw.close()
    temperatures = Temperatures(stage_two=temperature)
    warm = opened(Bundle(folder, draft.model_copy(update={"temperatures": temperatures}), ()))
    scores = {name: measuring.scores_of(warm, pool.pixels) for name, pool in pools.items()}
    stages = tuple(bundling.STAGES[label] for label in LABELS)
    rules = measuring.choose_rules(
        scores[VALIDATION], pools[VALIDATION].labels, stages, wanted_frac=WANTED_FRAC
    )
    figures = {n: measuring.accuracy(scores[n], pools[n].labels) for n in pools}
    manifest = bundling.measured_manifest(
        draft,
        temperatures=temperatures,
        rules=rules,
        figures=figures,
        golden=_golden(folder, warm, options.size),
    )
    warm.close()
    float_logits = network.logits(pools[VALIDATION].pixels, title="float")
    agreed = int((float_logits.argmax(axis=1) == scores[VALIDATION].argmax(axis=1)).sum())
    story = Story(
        command=" ".join(["python", "tools/train.py", *sys.argv[1:]]),
        measure=_measure_command(options),
        shown=_shown(lessons, options),
        figures=figures,
        sure={n: measuring.sure_ones(scores[n], pools[n].labels, rules) for n in pools},
        confusion=measuring.confusion(scores[VALIDATION], pools[VALIDATION].labels),
        agreement=measuring.Share(agreed, len(float_logits)),
        float_right=measuring.accuracy(float_logits, pools[VALIDATION].labels),
    )
    (folder / bundling.CARD).write_text(write_card(manifest, story), encoding="utf-8")
    bundling.seal(folder, manifest)
    opened(load(folder)).close()
    print_figures(figures, story.sure)


def _golden(folder: Path, classifier: TfliteClassifier, size_px: int) -> list[GoldenAnswer]:
    """Draw a golden input for each label: the first that the model is sure of, else its best."""
    answers = []
    for place, label in enumerate(LABELS):
        crops = golden_candidates(label, size_px)
        scores = measuring.scores_of(classifier, crops)
        sure = np.flatnonzero(scores[:, place] >= 0.95)
        best = int(sure[0]) if sure.size else int(scores[:, place].argmax())
        file = bundling.write_golden(folder, label, crops[best])
        answers.append(
            GoldenAnswer(file=file, scores=tuple(round(float(s), 4) for s in scores[best]))
        )
    return answers


def _shown(lessons: Lessons, options: Namespace) -> list[str]:
    photographs = f"{len(lessons.photographs)} photographs, whole"
    lines = [f"{photographs}; turned, scaled, mirrored and lit anew each time"]
    both = (("drawn pieces", options.drawings), ("pieces cut from those photographs", options.cuts))
    kinds = [kind for kind, count in both if count]
    for kind, pool, share in zip(kinds, lessons.pools, lessons.shares, strict=True):
        lines.append(f"{len(pool.labels)} {kind}, laid on drawn belts, {share} in each epoch")
    return [*lines, f"{options.epochs} epochs, seed {options.seed}"]


def _measure_command(options: Namespace) -> str:
    words = ["python", "tools/train.py", "--data", str(options.data)]
    words += [] if options.field is None else ["--field", str(options.field)]
    return " ".join([*words, "--measure", str(options.out)])


def opened(bundle: Bundle) -> TfliteClassifier:
    """Open a bundle as a station does, for batches of 1 and 8."""
    sizes = (1, measuring.BATCH)
    return open_part(bundle, runtime="auto", threads=2, batch_sizes=sizes, clock=RealClock())


def print_figures(
    figures: Mapping[str, measuring.Share],
    sure: Mapping[str, tuple[measuring.Share, measuring.Share]],
) -> None:
    """Print one line for each kind of pictures."""
    for name, share in figures.items():
        covered, right = sure[name]
        print(
            f"{name}: right {share}; sure {covered.frac:.1%}, right among the sure {right.frac:.1%}"
        )
