"""The whole way from folders of photographs to a classifier's bundle."""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence

import numpy as np

from sorterd.classifiers.bundle import STAGES
from sorterd.classifiers.heads import softmax
from sorterd.clock import RealClock
from tools.workshop import bundling
from tools.workshop.evaluate.thresholds import Costs
from tools.workshop.faults import EXIT_DONE
from tools.workshop.pages import write_file
from tools.workshop.signatures import outputs_of
from tools.workshop.train.backbones import BACKBONES
from tools.workshop.train.card import Story
from tools.workshop.train.classifier_options import read_notes, read_sources
from tools.workshop.train.examination import VALIDATION, examination
from tools.workshop.train.finishing import Finished, finish
from tools.workshop.train.kinds import read_kinds, stage_places
from tools.workshop.train.lessons import Lessons, Pixels
from tools.workshop.train.network import Network
from tools.workshop.train.photographs import Photograph, read_folder, read_lists
from tools.workshop.train.pictures import (
    Pool,
    cut_on_belts,
    cut_pieces,
    drawn_on_belts,
    whole_photographs,
)
from tools.workshop.train.teaching_page import Epoch, training_page

# Seeds of the belts of training begin with these; the examination's begin with others.
DRAWN_SEED, CUT_SEED = 730_001, 730_002
# Cosine of ImageNet features from which two photographs are taken for the same picture:
# 12 of 2,413 training photographs are that near to a validation row.
SAME_PICTURE = 0.9
# Training pictures that set the ranges of int8; the converter's guide asks for some hundreds.
SAMPLES = 500
# Pictures of each kind to choose the rehearsal from: 300 of every label are found among them.
REHEARSED = 2400


def run(options: Namespace) -> int:
    """Train a classifier and write its bundle, its float model and its report."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kinds = read_kinds(options.labels)
    index = {label: place for place, label in enumerate(kinds)}
    backbone = BACKBONES[options.network]
    size_px = options.size or backbone.size_px
    sources = read_sources(options.sources)
    notes = read_notes(options.notes)
    photographs = (
        read_lists(options.data, options.lists[0], options.lists[1], list(kinds))
        if options.lists
        else read_folder(options.data, list(kinds))
    )
    with bundling.in_its_place(options.out) as folder:
        network = Network(
            backbone,
            stage_places(kinds),
            size_px=size_px,
            width=options.width,
            weights=options.weights,
            seed=options.seed,
        )
        taught = _without_doubles(network, photographs, index, size_px)
        lessons = _lessons(taught, index, size_px, options)
        pools = examination(photographs, options.field, index, size_px, drawings=options.examined)
        epochs, kept = _taught(network, lessons, pools[VALIDATION], options)
        model, plain = network.to_tflite(_samples(taught, lessons, size_px))
        (folder / bundling.MODEL).write_bytes(model)
        draft = bundling.draft_manifest(
            options.out.name,
            options.version,
            kinds,
            backbone,
            size_px=size_px,
            outputs=outputs_of(folder / bundling.MODEL),
            sources=[backbone.source, *sources],
        )
        finished = finish(
            folder,
            draft,
            network,
            kinds=kinds,
            pools=pools,
            photographs=taught,
            rehearsed=_rehearsed(taught, lessons, size_px, options.seed),
            costs=Costs(wrong_bin=options.wrong_bin),
            story=Story(
                network=f"A {backbone.title} with two heads",
                command=" ".join(["python", "tools/train.py", *sys.argv[1:]]),
                measure=_measure_command(options),
                shown=_shown(lessons, options, kept),
                notes=notes,
            ),
            gated=not options.without_gate,
        )
    beside = options.float or options.out.with_name(f"{options.out.name}.float.tflite")
    write_file(str(beside), plain)
    page = options.page or str(options.out.with_name(f"{options.out.name}.html"))
    _write_page(page, finished, epochs, kept, pools[VALIDATION])
    for name, evaluation in finished.evaluations.items():
        print(f"{name}: right {evaluation.joint.right}; stage one {evaluation.stage_one.right}")
    print(f"{options.out} is complete; its float model is {beside}, the report {page}")
    return EXIT_DONE


def _without_doubles(
    network: Network, photographs: Sequence[Photograph], index: dict[str, int], size_px: int
) -> list[Photograph]:
    """The training photographs that are not nearly the same picture as one held out."""
    taught = [one for one in photographs if not one.held_out]
    both = []
    for some in (taught, [one for one in photographs if one.held_out]):
        pool = whole_photographs(some, index, size_px)
        seen = network.answers(pool.pixels, title="doubles")["embedding"]
        both.append(seen / (np.linalg.norm(seen, axis=1, keepdims=True) + 1e-9))
    nearest = (both[0] @ both[1].T).max(axis=1)
    kept = [one for one, near in zip(taught, nearest, strict=True) if near < SAME_PICTURE]
    print(f"{len(taught) - len(kept)} training photographs left out: too like a held-out one")
    return kept


def _lessons(
    taught: Sequence[Photograph], index: dict[str, int], size_px: int, options: Namespace
) -> Lessons:
    pools = []
    if options.drawings:
        seed = (DRAWN_SEED, options.seed)
        pools.append(drawn_on_belts(options.drawings, index=index, size_px=size_px, seed=seed))
    if options.cuts:
        seed = (CUT_SEED, options.seed)
        pieces = cut_pieces(taught)
        pools.append(cut_on_belts(pieces, options.cuts, index=index, size_px=size_px, seed=seed))
    # A third of each pool in every epoch: photographs stay the greater part.
    shares = [max(1, len(pool.labels) // 3) for pool in pools]
    return Lessons(taught, index, pools, shares, size_px, options.mixed)


def _taught(
    network: Network, lessons: Lessons, validation: Pool, options: Namespace
) -> tuple[list[Epoch], int]:
    """Fit the heads, fine-tune, and go back to the best epoch; returns the curve and that epoch."""
    whole = whole_photographs(lessons.photographs, lessons.index, lessons.size_px)
    mirrored = Pool(whole.pixels[:, :, ::-1], whole.labels)
    clock = RealClock()
    begun_ns = clock.now_ns()
    network.fit_heads([whole, mirrored, *lessons.pools], [1.0, 1.0, *[0.5] * len(lessons.pools)])
    epochs = [_epoch(network, validation, 0, None, begun_ns)]
    best = (epochs[0], network.weights())
    waited = 0

    def after_epoch(number: int, loss: float) -> bool:
        nonlocal best, begun_ns, waited
        epochs.append(_epoch(network, validation, number + 1, loss, begun_ns))
        begun_ns = clock.now_ns()
        # Fine-tuning first makes the fitted heads worse: only its own epochs are waited for.
        least = min(one.validation_loss for one in epochs[1:])
        waited = 0 if epochs[-1].validation_loss == least else waited + 1
        if epochs[-1].validation_loss < best[0].validation_loss:
            best = (epochs[-1], network.weights())
        return waited >= int(options.patience)

    if not options.epochs:
        return epochs, 0
    begun_ns = clock.now_ns()
    network.fine_tune(
        lessons,
        first_block=options.first_block,
        epochs=options.epochs,
        batch=options.batch,
        rate=options.rate,
        seed=options.seed,
        after_epoch=after_epoch,
    )
    network.set_weights(best[1])
    return epochs, best[0].number


def _epoch(
    network: Network, validation: Pool, number: int, loss: float | None, begun_ns: int
) -> Epoch:
    beliefs = softmax(network.answers(validation.pixels, title="validation")["stage_two"])
    of_truth = beliefs[np.arange(len(beliefs)), validation.labels]
    epoch = Epoch(
        number,
        loss,
        validation_loss=float(-np.log(np.maximum(of_truth, 1e-9)).mean()),
        right_frac=float((beliefs.argmax(axis=1) == validation.labels).mean()),
        took_s=(RealClock().now_ns() - begun_ns) / 1e9,
    )
    print(
        f"after epoch {number}: {epoch.right_frac:.1%} of the validation photographs, "
        f"loss {epoch.validation_loss:.3f}",
        flush=True,
    )
    return epoch


def _samples(taught: Sequence[Photograph], lessons: Lessons, size_px: int) -> Pixels:
    """Pictures of every kind that is shown, in equal parts, to set the ranges of int8."""
    pools = [whole_photographs(taught, lessons.index, size_px), *lessons.pools]
    each = SAMPLES // len(pools)
    return np.concatenate([p.pixels[:: max(1, len(p.labels) // each)][:each] for p in pools])


def _rehearsed(taught: Sequence[Photograph], lessons: Lessons, size_px: int, seed: int) -> Pool:
    """Some pictures of every kind that is shown, of which teaching later keeps the embeddings."""
    rng = np.random.default_rng([seed, REHEARSED])
    pixels, labels = [], []
    for pool in (whole_photographs(taught, lessons.index, size_px), *lessons.pools):
        chosen = rng.permutation(len(pool.labels))[:REHEARSED]
        pixels.append(pool.pixels[chosen])
        labels.append(pool.labels[chosen])
    return Pool(np.concatenate(pixels), np.concatenate(labels))


def _write_page(
    page: str, finished: Finished, epochs: Sequence[Epoch], kept: int, validation: Pool
) -> None:
    labels = finished.manifest.labels
    evaluation = finished.evaluations[VALIDATION]
    wrong = [
        (
            np.ascontiguousarray(validation.pixels[int(one.key)][:, :, ::-1]),
            f"{one.truth}, taken for {one.said} with {one.confidence_frac:.2f}",
        )
        for one in evaluation.wrong[:40]
    ]
    title = f"Training of {finished.manifest.name}, version {finished.manifest.version}"
    made = training_page(title, epochs, kept, finished.evaluations, wrong)
    made.section("Labels")
    made.text(f"{', '.join(labels)}; stage one: {', '.join(STAGES)}.")
    made.write(page)


def _shown(lessons: Lessons, options: Namespace, kept: int) -> list[str]:
    photographs = f"{len(lessons.photographs)} photographs, whole"
    lines = [f"{photographs}; turned, scaled, mirrored and lit anew each time"]
    both = (("drawn pieces", options.drawings), ("pieces cut from those photographs", options.cuts))
    kinds = [kind for kind, count in both if count]
    for kind, pool, share in zip(kinds, lessons.pools, lessons.shares, strict=True):
        lines.append(f"{len(pool.labels)} {kind}, laid on drawn belts, {share} in each epoch")
    if options.mixed:
        lines.append(f"pictures mixed in pairs (mixup, CutMix) in {options.mixed:.0%} of batches")
    lines.append(
        f"{options.epochs} epochs from block {options.first_block} up, highest rate "
        f"{options.rate:g}, seed {options.seed}; the weights of epoch {kept} were kept"
    )
    return lines


def _measure_command(options: Namespace) -> str:
    which = f"--list {options.lists[1]}" if options.lists else "--official val"
    return f"python tools/evaluate.py {options.out} {options.data} {which}"
