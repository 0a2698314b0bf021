#!/usr/bin/env python3
"""Teach a bundle from labelled crops: refit its last layers, here and now, without TensorFlow.

The crops lie in one folder a label: a station's review folder after a person has sorted it, or
photographs with `--cut piece`. The layers below stay as they are; both heads are refitted, held
towards the old ones by the bundle's rehearsal and by a penalty whose strength cross-validation on
the crops chooses. A new bundle is written beside the old one, with the figures it reached on crops
that its heads had not seen, and opened as a station opens it. To go back, point the settings at the
old bundle again.

Teach from the bundle as it was trained, with all crops so far, and not from a taught one with
more crops: crops that the old heads have learned are no test of them.

If the old golden set loses more than `--most-loss`, nothing is written and the exit code is 1. Bad
input ends with one line and exit code 2.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import BundleFault, find
from sorterd.ports import DeviceFault, DeviceUnavailable
from tools.workshop.evaluate.looking import CUTS
from tools.workshop.faults import EXIT_DONE, EXIT_MISSED, WorkshopFault, ended
from tools.workshop.pages import write_file
from tools.workshop.teach.refitting import CROPS_WEIGHT
from tools.workshop.teach.school import School
from tools.workshop.teach.taught_bundle import TooMuchLost

EXAMPLE = """examples:
  tools/teach.py models/waste /var/lib/sorterd/review --out /var/lib/sorterd/taught
  tools/teach.py models/waste crops --out taught --golden ../shared/data/waste --most-loss 0.02
  tools/teach.py models/waste photographs --cut piece --study 20
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    return ended("teach", lambda: _run(options), BundleFault, DeviceUnavailable, DeviceFault)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/teach.py",
        description=__doc__.split("\n")[0],
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("bundle", metavar="BUNDLE", help="a bundle's folder, or the name of an installed one")
    add("crops", metavar="CROPS", help="a folder or s3://bucket/folder, one folder a label")
    does = parser.add_mutually_exclusive_group(required=True)
    does.add_argument(
        "--out", type=Path, metavar="FOLDER", help="the new bundle; replaces an older one there"
    )
    does.add_argument(
        "--study",
        type=_count,
        metavar="REPEATS",
        help="write nothing; teach on one half of the crops and ask about the other, so many times",
    )
    add(
        "--cut",
        choices=CUTS,
        default="whole",
        help="show the model the whole picture, as with a station's crops, or the box of the "
        "piece in it, as with photographs (default: %(default)s)",
    )
    add(
        "--golden",
        metavar="FOLDER",
        help="pictures, one folder a label, that the new bundle must know as well as the old one; "
        "asked whole. The bundle's own golden inputs are always asked",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--golden-list",
        type=Path,
        metavar="FILE",
        help="of --golden only these: a CSV with the columns file and label",
    )
    which.add_argument(
        "--golden-official",
        metavar="SPLIT",
        help="of --golden only those whose official_split in its SOURCES.csv is this, say val",
    )
    add(
        "--most-loss",
        type=_share,
        default=0.02,
        metavar="FRAC",
        help="refuse a bundle that gets more than this share of the golden inputs and pictures, "
        "taken together, newly wrong on balance; a few golden inputs alone may lose none at the "
        "default (default: %(default)s)",
    )
    add(
        "--folds",
        type=_folds,
        default=5,
        metavar="N",
        help="of the cross-validation that gives the figures (default: %(default)s)",
    )
    add(
        "--weight",
        type=_weight,
        default=CROPS_WEIGHT,
        metavar="W",
        help="how much the crops count, all together, beside what the bundle rehearses "
        "(default: %(default)s)",
    )
    add("--seed", type=_count, default=1, help="of everything random (default: %(default)s)")
    add(
        "--licence",
        default="own pictures, not published",
        help='of the crops, for the new bundle\'s manifest (default: "%(default)s")',
    )
    add("--json", metavar="FILE", help="write every figure")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> int:
    if options.golden is None and (options.golden_list or options.golden_official):
        raise WorkshopFault("--golden-list and --golden-official choose from --golden: give it too")
    old = find(options.bundle)
    if options.out is not None and options.out.resolve() == old.resolve():
        raise WorkshopFault(f"{old} is what you would go back to: give another --out")
    try:
        record = School(old, options).held()
    except TooMuchLost as fault:
        print(f"teach: {fault}", file=sys.stderr)
        return EXIT_MISSED
    if options.json is not None:
        write_file(options.json, (json.dumps(record, indent=2) + "\n").encode())
    return EXIT_DONE


def _count(text: str) -> int:
    return _above(text, int(text), 1)


def _folds(text: str) -> int:
    return _above(text, int(text), 2)


def _above(text: str, number: int, least: int) -> int:
    if number < least:
        raise argparse.ArgumentTypeError(f"{text} is below {least}")
    return number


def _share(text: str) -> float:
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share: give 0 to 1")
    return float(text)


def _weight(text: str) -> float:
    if not 0.01 <= float(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0.01 and 100")
    return float(text)


if __name__ == "__main__":
    sys.exit(main())
