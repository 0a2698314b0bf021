"""The end of a training: calibrate, choose thresholds, measure, write what belongs to a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sorterd.classifiers.bundle import Bundle, GoldenAnswer, Manifest, Temperatures, load
from sorterd.classifiers.heads import Heads
from sorterd.classifiers.tflite import TfliteClassifier, open_part
from sorterd.clock import RealClock
from tools.workshop import bundling
from tools.workshop.evaluate import measuring
from tools.workshop.evaluate.calibration import choose_temperature
from tools.workshop.evaluate.evaluation import Evaluation, Said, evaluate
from tools.workshop.evaluate.thresholds import Costs, choose_thresholds
from tools.workshop.faults import WorkshopFault
from tools.workshop.teach.rehearsal import write_rehearsal
from tools.workshop.train.card import Story, write_card
from tools.workshop.train.examination import ON_BELTS, VALIDATION, golden_candidates
from tools.workshop.train.kinds import Kinds, stage_places
from tools.workshop.train.network import Network, Numbers
from tools.workshop.train.photographs import Photograph
from tools.workshop.train.pictures import Pool

# Bundles of this many crops at once: as the station's largest batch.
_SIZES = (1, measuring.BATCH)


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A bundle that is complete.

    Attributes:
        manifest: As written.
        evaluations: Of each kind of pictures, by the name it has in the card.
    """

    manifest: Manifest
    evaluations: Mapping[str, Evaluation]


def finish(
    folder: Path,
    draft: Manifest,
    network: Network,
    *,
    kinds: Kinds,
    pools: Mapping[str, Pool],
    photographs: Sequence[Photograph],
    rehearsed: Pool,
    costs: Costs,
    story: Story,
    gated: bool,
) -> Finished:
    """Make a bundle of the folder in which the model lies.

    Temperatures are chosen on the validation photographs. The thresholds are chosen on these and on
    their pieces laid on belts, of which the model is less often right than it says: what a wrong
    bin costs must be seen there, too. Field photographs choose nothing.

    Args:
        folder: Holds the model; everything else is written beside it.
        draft: The manifest as far as it is known.
        network: The float network that the model was made from.
        kinds: Labels, stages and bins.
        pools: From `examination`.
        photographs: To choose golden inputs from, where a label cannot be drawn.
        rehearsed: Training pictures whose embeddings the bundle keeps for teaching.
        costs: Of wrong bins, for the thresholds.
        story: For the card; its evaluations are filled in here.
        gated: Whether int8 must pass the parity gate.

    Raises:
        WorkshopFault: int8 is too far from float; nothing of the bundle is to be kept.
        BundleFault: The station would not open it.
    """
    raw = opened(Bundle(folder, draft, ()))
    answers = {name: _answers(raw, pool, name) for name, pool in pools.items()}
    remembered = _answers(raw, rehearsed, "rehearsal")["embedding"]
    raw.close()
    draft = draft.model_copy(
        update={"rehearsal": write_rehearsal(folder, remembered, rehearsed.labels)}
    )
    warm = _temperatures(answers[VALIDATION], pools[VALIDATION].labels, kinds)
    manifest = draft.model_copy(update={"temperatures": warm})
    scores = {name: Heads(manifest).scores(given) for name, given in answers.items()}
    chosen_on = [VALIDATION, ON_BELTS]
    chosen = choose_thresholds(
        np.concatenate([scores[name] for name in chosen_on]),
        np.concatenate([pools[name].labels for name in chosen_on]),
        manifest.labels,
        stages=manifest.stages,
        bins=manifest.bins,
        end_bin=manifest.end_bin,
        costs=costs,
    )
    manifest = bundling.with_thresholds(manifest, chosen.rules)
    floats = {VALIDATION: network.answers(pools[VALIDATION].pixels, title="float")}
    evaluations = {
        name: evaluate(_said(pool, scores[name], floats.get(name), manifest), manifest)
        for name, pool in pools.items()
    }
    parity = evaluations[VALIDATION].parity
    if gated and parity is not None and not parity.passes:
        raise WorkshopFault(parity.refusal())
    manifest = bundling.with_figures(
        manifest,
        {name: one.joint.right for name, one in evaluations.items() if one.joint.right},
        _golden(folder, manifest, photographs),
    )
    told = replace(story, evaluations=evaluations)
    (folder / bundling.CARD).write_text(write_card(manifest, told), encoding="utf-8")
    bundling.seal(folder, manifest)
    opened(load(folder)).close()
    return Finished(manifest, evaluations)


def opened(bundle: Bundle) -> TfliteClassifier:
    """Open a bundle as a station does, for single crops and for full batches."""
    return open_part(bundle, runtime="auto", threads=2, batch_sizes=_SIZES, clock=RealClock())


def _answers(classifier: TfliteClassifier, pool: Pool, title: str) -> dict[str, Numbers]:
    parts = measuring.answers_of(classifier, pool.pixels, title=title)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _temperatures(
    heard: Mapping[str, Numbers], truth: measuring.Truth, kinds: Kinds
) -> Temperatures:
    """Each head's own: stage two is asked only to tell apart the labels of the true stage."""
    stage_of = np.array(stage_places(kinds))
    rivals = stage_of[truth][:, None] == stage_of[None]
    return Temperatures(
        stage_one=round(choose_temperature(heard["stage_one"], stage_of[truth]), 3),
        stage_two=round(choose_temperature(heard["stage_two"], truth, rivals), 3),
    )


def _said(
    pool: Pool, scores: Numbers, floats: Mapping[str, Numbers] | None, manifest: Manifest
) -> Said:
    nothing = np.zeros(len(pool.labels), np.int64)
    return Said(
        keys=[str(place) for place in range(len(pool.labels))],
        truth=pool.labels,
        scores=scores,
        float_scores=None if floats is None else Heads(manifest).scores(floats),
        prepared_ns=nothing,
        invoked_ns=nothing,
    )


def _golden(
    folder: Path, manifest: Manifest, photographs: Sequence[Photograph]
) -> list[GoldenAnswer]:
    """A golden input for each label: the first that the model is sure of, else its best."""
    classifier = opened(Bundle(folder, manifest, ()))
    answers = []
    for place, label in enumerate(manifest.labels):
        crops = golden_candidates(label, photographs, manifest.preprocessing.width_px)
        scores = measuring.scores_of(classifier, crops)
        sure = np.flatnonzero(scores[:, place] >= 0.95)
        best = int(sure[0]) if sure.size else int(scores[:, place].argmax())
        file = bundling.write_golden(folder, label, crops[best])
        answers.append(
            GoldenAnswer(file=file, scores=tuple(round(float(s), 4) for s in scores[best]))
        )
    classifier.close()
    return answers
