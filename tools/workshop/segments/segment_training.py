"""Train the segmentation model on composed scenes, choose its levels, export it.

Every eighth scene is held out: by those the best epoch is kept, and the two levels of the manifest
are chosen with the exported int8 model and the station's own finder. They show other scenes of the
same photographs; a figure to trust comes from scenes of photographs that no training saw
(`segment_measuring`).
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tqdm import tqdm

from sorterd.classifiers.bundle import Segments, load
from sorterd.clock import RealClock
from tools.workshop.bundling import in_its_place, seal
from tools.workshop.compose.composed import read_scenes
from tools.workshop.faults import EXIT_DONE, WorkshopFault
from tools.workshop.pages import Page, write_file
from tools.workshop.places import Place
from tools.workshop.segments.segment_lessons import Lesson, SegmentLessons, read_lessons, whole_view
from tools.workshop.segments.segment_levels import choose_levels
from tools.workshop.segments.segment_network import GAIN, OFFSET, SegmentNetwork, Untyped

MODEL = "segments.tflite"
WEIGHTS = "segments.weights.h5"
WIDTH_PX, HEIGHT_PX = 320, 240
HELD_OUT_EVERY = 8
# Training pictures that set the ranges of int8; the converter's guide asks for some hundreds.
SAMPLES = 200
# Levels are chosen on this many held-out scenes at most.
MOST_JUDGED = 200
_S_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training.

    Attributes:
        segments: For the bundle's manifest.
        figures: As JSON takes them: losses by epoch, levels tried, time, size, what was found whole
            on the held-out scenes.
    """

    segments: Segments
    figures: dict[str, Any]


def train_segments(
    scenes: Sequence[Path],
    out: Path,
    *,
    weights: str,
    epochs: int,
    seed: int,
    batch: int = 16,
    rate: float = 1.5e-3,
    alpha: float = 1.0,
    size_px: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
    begin_from: Path | None = None,
) -> Trained:
    """Train on composed scenes and write `segments.tflite`, and the network's weights beside it.

    Args:
        scenes: Folders made by tools/compose.py; 16 scenes or more in all, of one size.
        out: The folder to write into; an older model there is replaced once the new one is whole.
        weights: An .h5 file for MobileNetV2 without its top, "imagenet", or "none".
        epochs: Passes over the scenes; 1 or more.
        seed: Of everything random.
        batch: Scenes in a step.
        rate: Highest learning rate.
        alpha: Width of MobileNetV2; 1.0 fits the weights.
        size_px: Columns and rows of the input, multiples of 16.
        begin_from: Weights that an earlier training left, to go on from; `weights` is not used.

    Raises:
        WorkshopFault: TensorFlow or the weights are missing, or the scenes are too few or damaged.
    """
    clock = RealClock()
    begun_ns = clock.now_ns()
    width_px, height_px = size_px
    found = [scene for folder in scenes for scene in read_scenes(Place(str(folder)))[1]]
    if len(found) < 2 * HELD_OUT_EVERY:
        raise WorkshopFault(
            f"{', '.join(map(str, scenes))}: {len(found)} scenes: make {2 * HELD_OUT_EVERY} or more"
        )
    network = SegmentNetwork(
        width_px=width_px,
        height_px=height_px,
        weights="none" if begin_from else weights,
        alpha=alpha,
        seed=seed,
    )
    if begin_from:
        network.recall(begin_from)
    lessons = read_lessons(found)
    held_out = lessons[::HELD_OUT_EVERY]
    taught = [one for place, one in enumerate(lessons) if place % HELD_OUT_EVERY]
    losses = _learn(network, taught, held_out, epochs=epochs, batch=batch, rate=rate, seed=seed)
    step = max(1, len(taught) // SAMPLES)
    content = network.to_int8(whole_view(each, width_px, height_px)[0] for each in taught[::step])
    Place(str(out)).write(MODEL, content)
    network.keep(out / WEIGHTS)
    judged = held_out[:: -(-len(held_out) // MOST_JUDGED)]
    draft = Segments(
        model=MODEL,
        width_px=width_px,
        height_px=height_px,
        gain=GAIN,
        offset=OFFSET,
        threshold=0.0,
        apart=0.0,
    )
    levels = choose_levels(out / MODEL, draft, judged)
    floats = network.numbers(
        np.stack([whole_view(each, width_px, height_px)[0] for each in judged])
    )
    threshold = levels.segments.threshold
    agreement = (floats > threshold) == (levels.numbers > threshold)
    return Trained(
        levels.segments,
        {
            "scenes": len(taught),
            "held_out": len(held_out),
            "epochs": epochs,
            "batch": batch,
            "rate": rate,
            "seed": seed,
            "weights": str(begin_from or weights),
            "losses": losses,
            "bytes": len(content),
            "took_s": round((clock.now_ns() - begun_ns) / _S_NS),
            "segments": levels.segments.model_dump(),
            "levels": levels.tried,
            "whole": levels.best,
            "agreement_frac": round(float(agreement.mean()), 5),
        },
    )


def put_into(bundle: Path, model: Path, segments: Segments) -> None:
    """Make a model part of a bundle, and of its manifest and checksums; all of it or nothing.

    Args:
        bundle: The bundle's folder; an older segments model in it is replaced.
        model: The .tflite file.
        segments: What the manifest is to say of it.

    Raises:
        BundleFault: The bundle must not be used as it is.
        WorkshopFault: It cannot be written.
    """
    manifest = load(bundle).manifest
    with in_its_place(bundle) as folder:
        shutil.copytree(bundle, folder, dirs_exist_ok=True)
        shutil.copyfile(model, folder / segments.model)
        seal(folder, manifest.model_copy(update={"segments": segments}))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add = parser.add_argument
    add(
        "--scenes",
        type=Path,
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="composed scenes to learn from, made by tools/compose.py of training photographs only",
    )
    add("--out", type=Path, required=True, metavar="FOLDER", help=f"where {MODEL} goes")
    add("--bundle", type=Path, metavar="FOLDER", help="a bundle to put the model into, too")
    add(
        "--weights",
        default="imagenet",
        help='an .h5 file of MobileNetV2 without its top, "imagenet" or "none" (default: '
        "%(default)s)",
    )
    add(
        "--begin-from",
        type=Path,
        metavar="FILE",
        help=f"go on from the {WEIGHTS} that an earlier training left in its --out, for instance "
        "on scenes of your own belt",
    )
    add("--epochs", type=int, default=14, help="passes over the scenes (default: %(default)s)")
    add("--batch", type=int, default=16, help="scenes in a step (default: %(default)s)")
    add("--rate", type=float, default=1.5e-3, help="highest learning rate (default: %(default)s)")
    add(
        "--size-px",
        type=int,
        nargs=2,
        default=(WIDTH_PX, HEIGHT_PX),
        metavar=("WIDTH", "HEIGHT"),
        help="of the model's input, multiples of 16; every frame pays for it (default: "
        f"{WIDTH_PX} {HEIGHT_PX})",
    )
    add("--seed", type=int, default=1, help="of everything random (default: %(default)s)")
    add("--report", metavar="FILE", help="a page with the loss curve and the levels, as HTML")
    add("--json", metavar="FILE", help="the figures, as JSON")


def run(options: argparse.Namespace) -> int:
    """Do what the options of `add_options` ask for; returns the exit code.

    Raises:
        WorkshopFault: Bad input; `tools.workshop.faults.ended` makes it one line.
        BundleFault: The bundle must not be used; give it to `ended` beside that.
    """
    if options.bundle:
        load(options.bundle)  # a training is long: what cannot take it is told at once
    if options.epochs < 1 or options.batch < 1:
        raise WorkshopFault("--epochs and --batch: give 1 or more")
    trained = train_segments(
        options.scenes,
        options.out,
        weights=options.weights,
        epochs=options.epochs,
        seed=options.seed,
        batch=options.batch,
        rate=options.rate,
        size_px=(options.size_px[0], options.size_px[1]),
        begin_from=options.begin_from,
    )
    if options.bundle:
        put_into(options.bundle, options.out / MODEL, trained.segments)
    if options.json:
        write_file(options.json, (json_of(trained) + "\n").encode())
    if options.report:
        page = Page("Training of the segmentation model")
        show(page, trained)
        page.write(options.report)
    whole = trained.figures["whole"]
    print(
        f"{options.out / MODEL}: {trained.figures['bytes'] / 1e6:.2f} MB after "
        f"{trained.figures['took_s']} s; {whole['whole_frac']:.1%} of {whole['pieces']} pieces of "
        f"held-out scenes found whole\nthe manifest's [segments]: "
        + ", ".join(f"{key} = {value}" for key, value in trained.segments.model_dump().items())
    )
    return EXIT_DONE


def json_of(trained: Trained) -> str:
    """The figures as JSON."""
    return json.dumps(trained.figures, indent=1)


def show(page: Page, trained: Trained) -> None:
    """Add the loss curve, the levels and what they give to a page."""
    figures = trained.figures

    def curve(axes: Untyped) -> None:
        places = range(1, len(figures["losses"]) + 1)
        axes.plot(
            places, [each["taught"] for each in figures["losses"]], label="scenes learnt from"
        )
        axes.plot(places, [each["held_out"] for each in figures["losses"]], label="held-out scenes")
        axes.set(xlabel="epoch", ylabel="loss (cross-entropy + 1 - Dice)", yscale="log")
        axes.legend()

    page.section("Segmentation: training")
    page.text(
        f"{figures['scenes']} composed scenes, {figures['held_out']} held out, "
        f"{figures['epochs']} epochs, {figures['took_s']} s."
    )
    page.plot(curve)
    page.table(
        ("threshold", "apart", "found whole", "touching, found whole", "false regions per scene"),
        [
            (
                each["threshold"],
                each["apart"],
                each["whole_frac"],
                each["touching_whole_frac"],
                each["false_regions_per_scene"],
            )
            for each in figures["levels"]
        ],
    )
    chosen = trained.segments
    page.text(
        f"Chosen: threshold {chosen.threshold}, apart {chosen.apart}. Places on which int8 and "
        f"float agree: {figures['agreement_frac']:.2%}."
    )


def _learn(
    network: SegmentNetwork,
    taught: Sequence[Lesson],
    held_out: Sequence[Lesson],
    *,
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
) -> list[dict[str, float]]:
    """Train, and leave the network as it was after its best epoch; returns the losses."""
    width_px, height_px = network.size_px
    lessons = SegmentLessons(taught, width_px=width_px, height_px=height_px)
    steps = lessons.steps(batch)
    network.begin(rate=rate, steps=epochs * steps)
    losses: list[dict[str, float]] = []
    with TemporaryDirectory() as folder:
        best = Path(folder) / "best.weights.h5"
        for epoch in range(epochs):
            bar = tqdm(lessons.epoch(batch, (seed, epoch)), f"epoch {epoch + 1}/{epochs}", steps)
            seen = []
            for each in bar:
                seen.append(network.learn(each.pixels, each.targets, each.counts))
                bar.set_postfix(loss=f"{np.mean(seen[-50:]):.3f}")
            own = _held_out_loss(network, held_out, batch)
            if all(own < each["held_out"] for each in losses):
                network.keep(best)
            losses.append({"taught": round(float(np.mean(seen)), 4), "held_out": round(own, 4)})
            tqdm.write(f"after epoch {epoch + 1}: loss {own:.4f} on held-out scenes")
        network.recall(best)
    return losses


def _held_out_loss(network: SegmentNetwork, held_out: Sequence[Lesson], batch: int) -> float:
    losses, counts = [], []
    for start in range(0, len(held_out), batch):
        some = [whole_view(each, *network.size_px) for each in held_out[start : start + batch]]
        pixels, targets, weights = (np.stack(each) for each in zip(*some, strict=True))
        losses.append(network.loss(pixels, targets, weights))
        counts.append(len(some))
    return float(np.average(losses, weights=counts))
