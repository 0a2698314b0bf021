"""Train a bundle from folders of photographs, or measure one.

    tools/train.py --data ../shared/data/waste --weights imagenet --out models/waste
    tools/train.py --data ../shared/data/waste --measure models/waste

The first needs the extra `train` and leaves a complete bundle, checked by opening it as a station
would; the second needs no TensorFlow and prints the figures of the bundle's card again.
Bad input ends with one line and exit code 2, and nothing is left half-written.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import BundleFault, Manifest, load
from sorterd.ports import DeviceUnavailable
from tools.workshop import bundling, measuring
from tools.workshop.examination import examination
from tools.workshop.faults import WorkshopFault
from tools.workshop.finishing import INDEX, finish, opened, print_figures
from tools.workshop.lessons import Lessons
from tools.workshop.network import Network
from tools.workshop.photographs import LABELS, Photograph, read_folder
from tools.workshop.pictures import (
    Pool,
    cut_on_belts,
    cut_pieces,
    drawn_on_belts,
    whole_photographs,
)

EXIT_INPUT = 2
# Seeds of the belts of training begin with these; the examination's begin with others.
DRAWN_SEED, CUT_SEED = 730_001, 730_002
# Cosine of ImageNet features from which two photographs are taken for the same picture:
# 12 of 2,413 training photographs are that near to a validation row.
SAME_PICTURE = 0.9
# Training pictures that set the ranges of int8; the converter's guide asks for some hundreds.
SAMPLES = 400


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    try:
        if options.measure is None:
            _train(options)
        else:
            _measure(options)
    except (WorkshopFault, BundleFault, DeviceUnavailable) as fault:
        print(f"train: {fault}", file=sys.stderr)
        return EXIT_INPUT
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/train.py", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="one folder of photographs per label")
    add(
        "--field",
        type=Path,
        help="photographs of the same labels to measure only, never to learn from",
    )
    does = parser.add_mutually_exclusive_group(required=True)
    does.add_argument("--out", type=Path, help="the bundle to write; replaces an older one")
    does.add_argument("--measure", type=Path, help="a bundle to measure; nothing is trained")
    add(
        "--weights",
        default="imagenet",
        help='an .h5 file of MobileNetV2 without its top, "imagenet" or "none"',
    )
    add("--epochs", type=int, default=16, help="passes over the pictures (default: %(default)s)")
    add("--seed", type=int, default=1, help="of everything random (default: %(default)s)")
    add(
        "--drawings",
        type=int,
        default=3000,
        help="drawn pieces to learn from (default: %(default)s)",
    )
    add(
        "--cuts",
        type=int,
        default=5600,
        help="cut-out photographs to learn from (default: %(default)s)",
    )
    add(
        "--examined",
        type=int,
        default=700,
        help="drawn pieces to measure on (default: %(default)s)",
    )
    add("--rate", type=float, default=2.5e-4, help="highest learning rate (default: %(default)s)")
    add("--batch", type=int, default=32, help="pictures in a step (default: %(default)s)")
    add("--size", type=int, default=224, help="side of the input, pixels (default: %(default)s)")
    add(
        "--alpha",
        type=float,
        default=1.0,
        help="width of the network; other than 1.0 needs other weights",
    )
    return parser.parse_args(arguments)


def _train(options: argparse.Namespace) -> None:
    photographs = read_folder(options.data)
    with bundling.in_its_place(options.out) as folder:
        network = Network(
            len(LABELS),
            size_px=options.size,
            weights=options.weights,
            alpha=options.alpha,
            seed=options.seed,
        )
        held_out = [one for one in photographs if one.held_out]
        taught = _without_doubles(
            network, [p for p in photographs if not p.held_out], held_out, options.size
        )
        lessons = _lessons(taught, options)
        whole = whole_photographs(taught, INDEX, options.size)
        validation = whole_photographs(held_out, INDEX, options.size)
        mirrored = Pool(whole.pixels[:, :, ::-1], whole.labels)
        network.fit_last_layer(
            [whole, mirrored, *lessons.pools], [1.0, 1.0, *[0.5] * len(lessons.pools)]
        )

        def report(epoch: int) -> None:
            right = measuring.accuracy(
                network.logits(validation.pixels, title="validation"), validation.labels
            )
            print(f"after epoch {epoch + 1}: {right} of the validation photographs", flush=True)

        report(-1)
        network.fine_tune(
            lessons,
            epochs=options.epochs,
            batch=options.batch,
            rate=options.rate,
            seed=options.seed,
            after_epoch=report,
        )
        samples = measuring.joined([whole, *lessons.pools]).pixels
        step = max(1, len(samples) // SAMPLES)
        (folder / bundling.MODEL).write_bytes(network.to_int8(samples[::step]))
        finish(folder, network, lessons, photographs, options)
    print(f"{options.out} is complete")


def _without_doubles(
    network: Network, taught: list[Photograph], held_out: Sequence[Photograph], size_px: int
) -> list[Photograph]:
    """The training photographs that are not nearly the same picture as one held out."""
    both = []
    for some in (taught, held_out):
        pool = whole_photographs(some, INDEX, size_px)
        features = network.features(pool.pixels, title="doubles")
        both.append(features / (np.linalg.norm(features, axis=1, keepdims=True) + 1e-9))
    nearest = (both[0] @ both[1].T).max(axis=1)
    kept = [one for one, near in zip(taught, nearest, strict=True) if near < SAME_PICTURE]
    print(f"{len(taught) - len(kept)} training photographs left out: too like a held-out one")
    return kept


def _lessons(taught: Sequence[Photograph], options: argparse.Namespace) -> Lessons:
    pools = []
    if options.drawings:
        pools.append(
            drawn_on_belts(
                options.drawings, index=INDEX, size_px=options.size, seed=(DRAWN_SEED, options.seed)
            )
        )
    if options.cuts:
        pools.append(
            cut_on_belts(
                cut_pieces(taught),
                options.cuts,
                index=INDEX,
                size_px=options.size,
                seed=(CUT_SEED, options.seed),
            )
        )
    # A third of each pool in every epoch: photographs stay the greater part.
    return Lessons(
        taught, INDEX, pools, [max(1, len(pool.labels) // 3) for pool in pools], options.size
    )


def _measure(options: argparse.Namespace) -> None:
    bundle = load(options.measure)
    if set(bundle.labels) != set(LABELS):
        raise BundleFault(f"{options.measure} does not know the labels {', '.join(LABELS)}")
    index = {label: place for place, label in enumerate(bundle.labels)}
    size_px = bundle.manifest.preprocessing.width_px
    classifier = opened(bundle)
    pools = examination(
        read_folder(options.data), options.field, index, size_px, drawings=options.examined
    )
    scores = {name: measuring.scores_of(classifier, pool.pixels) for name, pool in pools.items()}
    rules = _rules(bundle.manifest)
    print_figures(
        {n: measuring.accuracy(scores[n], pools[n].labels) for n in pools},
        {n: measuring.sure_ones(scores[n], pools[n].labels, rules) for n in pools},
    )


def _rules(manifest: Manifest) -> measuring.Rules:
    return measuring.Rules(
        tuple(manifest.stages[label] for label in manifest.labels),
        manifest.thresholds.stage_one_frac,
        manifest.thresholds.stage_two_frac,
    )


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.exit(main())
