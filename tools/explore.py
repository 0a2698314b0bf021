#!/usr/bin/env python3
"""Show what is in a data set: one page with pictures, and whatever is odd about it.

Counts per label and part, sizes, samples, copies and near-duplicates within and across parts, one
picture under two labels, blur and exposure, labels that may be wrong, what the background alone
gives away, sources and licences. Broken files, labels without pictures and the like are on the
page and never end the work. Nothing in the data is changed.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import BundleFault
from sorterd.ports import DeviceUnavailable
from tools.workshop.explore.describing import opened
from tools.workshop.explore.exploration_figures import summary
from tools.workshop.explore.exploration_page import exploration_page
from tools.workshop.explore.exploration_record import as_json
from tools.workshop.explore.exploring import Explored, explore
from tools.workshop.explore.gathering import gather, lists_in
from tools.workshop.explore.likeness import LEAST_EMBEDDING
from tools.workshop.faults import EXIT_DONE, WorkshopFault, ended
from tools.workshop.labelled import Labelled
from tools.workshop.origins import origins_of
from tools.workshop.pages import write_file
from tools.workshop.places import Place
from tools.workshop.split.split_folder import read_part

_EXAMPLES = """examples:
  tools/explore.py photos/waste --out waste.html
  tools/explore.py photos/waste --out waste.html --lists lists --bundle models/waste
  tools/explore.py s3://bucket/waste --out s3://bucket/waste.html --list test=test.csv
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    # Pillow warns about notes of cameras that it cannot read; they are not needed.
    warnings.filterwarnings("ignore", module="PIL")
    return ended("explore", lambda: _explore(options), BundleFault, DeviceUnavailable)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/explore.py",
        description=__doc__.partition("\n\n")[0],
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("data", help="one folder of pictures per label, here or in a bucket (s3://...)")
    add("--out", required=True, metavar="PAGE", help="the page to write, here or in a bucket")
    add("--json", metavar="FILE", help="also write every figure and every file named, as JSON")
    add("--lists", type=Path, metavar="FOLDER", help="the parts, as tools/split.py wrote them")
    add(
        "--list",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="one more part, as a CSV with file,label; may be given several times",
    )
    add(
        "--bundle",
        help="its embedding finds more near-duplicates and gives better second opinions; without "
        "one, colours and edges must do",
    )
    add(
        "--alike",
        type=float,
        default=LEAST_EMBEDDING,
        help="with --bundle: cosine of whitened embeddings from which two pictures are nearly the "
        "same (default: %(default)s)",
    )
    add(
        "--shown",
        type=int,
        default=24,
        help="pictures or pairs in a section; --json has all (default: %(default)s)",
    )
    add("--seed", type=int, default=1, help="of samples and folds (default: %(default)s)")
    return parser.parse_args(arguments)


def _explore(options: argparse.Namespace) -> int:
    place = Place(options.data)
    lists = _lists(options)
    bundle = opened(options.bundle)
    if options.bundle and bundle is None:
        print(f"{options.bundle} gives no embedding: colours and edges must do", file=sys.stderr)
    found = explore(
        place,
        gather(place, lists),
        origins_of(place),
        bundle=bundle,
        least=options.alike,
        seed=options.seed,
    )
    page = exploration_page(place, found, most=options.shown, seed=options.seed)
    if options.json:
        write_file(options.json, as_json(found))
    page.write(options.out)
    _tell(options.out, found)
    return EXIT_DONE


def _lists(options: argparse.Namespace) -> dict[str, list[Labelled]]:
    lists = lists_in(options.lists) if options.lists else {}
    for word in options.list:
        name, sign, path = word.partition("=")
        if not (name and sign and path):
            raise WorkshopFault(f"--list {word}: write NAME=FILE, as in test=lists/test.csv")
        lists[name] = read_part(Path(path))
    return lists


def _tell(out: str, found: Explored) -> None:
    for what, number in summary(found).items():
        print(f"{number:7}  {what}")
    if found.opinion is not None:
        print(f"second opinions agree with the labels: {found.opinion.accuracy}")
    judged = found.background.background
    if judged is not None:
        print(f"by the background alone: {judged.accuracy}; guessing {judged.commonest.frac:.1%}")
    print(f"{out} is complete")


if __name__ == "__main__":
    sys.exit(main())
