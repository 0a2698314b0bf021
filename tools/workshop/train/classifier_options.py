"""The options of a classifier's training, and the small files that they name."""

from argparse import ArgumentParser
from pathlib import Path

import yaml
from pydantic import RootModel, ValidationError

from sorterd.classifiers.bundle import Source
from tools.workshop.faults import WorkshopFault
from tools.workshop.train.backbones import BACKBONES


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this training."""
    add = parser.add_argument
    add("--data", type=Path, required=True, help="one folder of photographs per label")
    add("--out", type=Path, required=True, help="the bundle to write; replaces an older one")
    add("--labels", type=Path, help="YAML of labels with stage and bin (default: the shipped 7)")
    add("--lists", type=Path, nargs=2, metavar=("TRAIN", "VAL"), help="lists from tools/split.py")
    add("--field", type=Path, help="photographs to measure only, never to learn from")
    add("--sources", type=Path, help="YAML of where the photographs come from, for the bundle")
    add("--notes", type=Path, help="Markdown for the bundle's card")
    add("--version", default="1", help="of the bundle (default: %(default)s)")
    add("--page", help="the report, HTML (default: beside the bundle)")
    add("--float", type=Path, help="the float model (default: beside the bundle)")
    add(
        "--without-gate",
        action="store_true",
        help="write the bundle though int8 and float differ by more than the gate allows",
    )
    net = parser.add_argument_group("the network")
    net.add_argument("--network", choices=BACKBONES, default="lite0", help="default: %(default)s")
    net.add_argument(
        "--weights",
        default="imagenet",
        help='a file of its ImageNet weights, "imagenet" for the published ones, or "none"',
    )
    net.add_argument("--size", type=int, help="side of the input, pixels (default: the network's)")
    net.add_argument("--width", type=float, default=1.0, help="other than 1.0 needs other weights")
    how = parser.add_argument_group("the training")
    for name, kind, value, text in (
        ("epochs", int, 20, "passes over the pictures; 0 fits the heads alone"),
        ("patience", int, 8, "epochs without a better validation loss before it ends"),
        ("seed", int, 1, "of everything random"),
        ("rate", float, 4e-4, "highest learning rate"),
        ("batch", int, 32, "pictures in a step"),
        ("first-block", int, 2, "blocks of the backbone below it stay as they are"),
        ("mixed", float, 0.5, "share of batches with pictures mixed in pairs"),
        ("drawings", int, 1500, "drawn pieces to learn from"),
        ("cuts", int, 8400, "cut-out photographs on belts to learn from"),
        ("examined", int, 700, "drawn pieces to measure on"),
        ("wrong-bin", float, 10.0, "cost of a wrong bin, when the end bin costs 1"),
    ):
        how.add_argument(f"--{name}", type=kind, default=value, help=f"{text} (default: {value})")


def read_sources(path: Path | None) -> list[Source]:
    """Where the photographs come from.

    Raises:
        WorkshopFault: The file is not a list of what, where and licence.
    """
    if path is None:
        return []
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        return RootModel[list[Source]].model_validate(told).root
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as fault:
        line = str(fault).splitlines()[0]
        raise WorkshopFault(
            f"{path} cannot be used ({line}): a list of what, where and licence"
        ) from fault


def read_notes(path: Path | None) -> str:
    """What a person adds to the card.

    Raises:
        WorkshopFault: The file cannot be read.
    """
    try:
        return "" if path is None else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise WorkshopFault(f"{path} cannot be read ({fault}): give a Markdown file") from fault
