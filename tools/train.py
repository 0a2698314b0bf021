#!/usr/bin/env python3
"""Train the models of a bundle from pictures: the classifier, or the one that finds pieces.

Bad input ends with one line and exit code 2; nothing is left half-written. Needs the extra `train`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import BundleFault
from sorterd.ports import DeviceUnavailable
from tools.workshop.faults import ended
from tools.workshop.segments import segment_training
from tools.workshop.train import classifier_options, classifier_training

EXAMPLES = """examples:
  tools/train.py classifier --data photos --out my-bundle
  tools/train.py classifier --data photos --lists lists/train.csv lists/val.csv \\
      --labels labels.yaml --out my-bundle --epochs 16
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="tools/train.py",
        description=(__doc__ or "").split("\n")[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_subparsers(required=True, metavar="MODEL")
    one = which.add_parser("classifier", help="what says what a piece is")
    classifier_options.add_options(one)
    one.set_defaults(run=classifier_training.run)
    other = which.add_parser("segments", help="what finds pieces where differencing fails")
    segment_training.add_options(other)
    other.set_defaults(run=segment_training.run)
    options = parser.parse_args(arguments)
    return ended("train", lambda: int(options.run(options)), BundleFault, DeviceUnavailable)


if __name__ == "__main__":
    sys.exit(main())
