#!/usr/bin/env python3
"""Compose scenes from cut-out photographs and drawings, with masks, boxes and classes."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.workshop.compose.composed import read_scenes
from tools.workshop.compose.composing import compose_scene
from tools.workshop.compose.recipes import Recipe, read_recipe
from tools.workshop.compose.scene_folder import SCENES, Record, SceneFolder
from tools.workshop.compose.sheets import contact_sheet, with_truth, write_sheet
from tools.workshop.compose.stock import RecipeStock, open_stock
from tools.workshop.compose.unfit import SOURCES, UNFIT, as_table, known_from, unfit_sheet
from tools.workshop.faults import EXIT_DONE, WorkshopFault, ended
from tools.workshop.places import Place

_EPILOG = """
example:
  tools/compose.py tools/recipes/belt.yaml --items ../shared/data/waste --out ../scenes \\
      --count 500 --seed 1 --contact-sheet ../scenes.png

The folder gets frames/ (what a camera sees), masks/ (0 is ground, n the n-th piece), grounds/ (the
empty ground before, if the recipe has a series), scenes.json (COCO: masks, boxes, classes),
provenance.csv (which picture each piece was cut from), sources.csv (every picture of the items:
used or not, and why) and unfit.png (examples of those not used, for a person's eye).

The same recipe, pictures and seed give the same scenes, however many workers there are. Scenes that
are there are not made again, so a run that was stopped goes on, and a larger --count adds to it.
"""
# Scenes on a contact sheet, and its columns.
_SHOWN, _COLUMNS, _CELL_PX = 24, 4, (320, 240)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    return ended("compose", lambda: _compose(options))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/compose.py",
        description=__doc__.split("\n")[0],
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("recipe", type=Path, metavar="RECIPE", help="what to draw from; see tools/recipes/*.yaml")
    add("--out", required=True, metavar="FOLDER", help="where scenes go; local or s3://...")
    add(
        "--count",
        type=_not_negative,
        default=100,
        help="scenes in all; 0 only examines the pictures (default: %(default)s)",
    )
    add("--seed", type=_not_negative, default=1, help="of every scene (default: %(default)s)")
    add(
        "--items",
        metavar="FOLDER",
        help="pictures to cut, one folder per label, in place of the recipe's folders of items",
    )
    add(
        "--list",
        metavar="FILE",
        help="use only the pictures of --items that this list of tools/split.py names",
    )
    add(
        "--grounds",
        metavar="FOLDER",
        help="pictures to lay pieces on, in place of the recipe's folders of grounds",
    )
    add(
        "--contact-sheet", metavar="FILE", help="the first 24 scenes with their truth, .png or .jpg"
    )
    add(
        "--again",
        action="store_true",
        help="make every scene anew, whatever recipe or seed the folder was made from",
    )
    add("--workers", type=_positive, default=2, help="scenes made at a time (default: %(default)s)")
    return parser.parse_args(arguments)


def _compose(options: argparse.Namespace) -> int:
    recipe = _recipe(options)
    out = Place(options.out)
    stock = open_stock(recipe, {} if options.again else known_from(out), workers=options.workers)
    folder = SceneFolder(out, recipe, seed=options.seed, stock=stock.identity, again=options.again)
    _tell_of_stock(stock, out)
    wanted = range(options.count)
    missing = [index for index in wanted if options.again or not folder.has(index)]

    def make(index: int) -> None:
        # Each scene has its own generator: neither order nor threads can change it.
        rng = np.random.default_rng([options.seed, index])
        folder.write(index, compose_scene(recipe, stock, rng))

    with ThreadPoolExecutor(options.workers) as threads:
        list(
            tqdm(
                threads.map(make, missing),
                "composing",
                len(missing),
                unit="scene",
                disable=not missing,
            )
        )
    records = folder.finish(options.count, stock.labels)
    _tell_of_scenes(records, len(missing), out)
    if options.contact_sheet:
        labels, scenes = read_scenes(out)
        shown = [
            (with_truth(scene, labels), f"{scene.frame} {scene.ground}")
            for scene in scenes[:_SHOWN]
        ]
        write_sheet(options.contact_sheet, contact_sheet(shown, columns=_COLUMNS, cell_px=_CELL_PX))
        print(f"{options.contact_sheet} shows the first {len(shown)}")
    return EXIT_DONE


def _recipe(options: argparse.Namespace) -> Recipe:
    recipe = read_recipe(options.recipe)
    if options.list and not options.items:
        raise WorkshopFault("--list goes with --items: give the folder that it speaks of")
    if options.items:
        recipe = recipe.with_items(options.items, options.list)
    if options.grounds:
        recipe = recipe.with_grounds(options.grounds)
    return recipe


def _tell_of_stock(stock: RecipeStock, out: Place) -> None:
    """Write which pictures are used and which are not, and say how many."""
    for line in stock.broken_grounds:
        print(f"compose: {line}", file=sys.stderr)
    examined = stock.examined
    if not examined:
        return
    for one in examined:
        if one.fault:
            print(f"compose: {one.place}/{one.key}: not used: {one.fault}", file=sys.stderr)
    flags = Counter(flag for one in examined if one.fitness for flag in one.fitness.flags)
    unfit = ", ".join(f"{count} {flag}" for flag, count in flags.most_common()) or "none"
    table = as_table(examined)
    if not (out.has(UNFIT) and out.has(SOURCES) and out.read(SOURCES) == table):
        write_sheet(f"{out}/{UNFIT}", unfit_sheet(examined))
        out.write(SOURCES, table)
    print(
        f"{sum(one.fit for one in examined)} of {len(examined)} pictures are fit to cut pieces "
        f"from; flags on the others: {unfit} ({out}/{SOURCES}, {out}/{UNFIT})"
    )
    for label in sorted({one.label for one in examined}):
        own = [one for one in examined if one.label == label]
        if not any(one.fit for one in own):
            print(f"compose: none of {len(own)} pictures of {label} is fit", file=sys.stderr)


def _tell_of_scenes(records: Sequence[Record], made: int, out: Place) -> None:
    pieces = [piece for record in records for piece in record.pieces]
    by_label = Counter(piece.label for piece in pieces)
    print(
        f"{out}/{SCENES}: {len(records)} scenes, {made} of them made now; {len(pieces)} pieces ("
        + ", ".join(f"{count} {label}" for label, count in sorted(by_label.items()))
        + ")"
    )


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is below 0")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
