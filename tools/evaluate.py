#!/usr/bin/env python3
"""Measure a bundle on pictures whose labels are known, and say how sure each figure is.

The answer to a picture is the one that a station would give: the likeliest of stage one's answers,
and the likeliest label within it. Cut `whole` shows the model the whole picture, padded to a
square; cut `piece` finds the piece on its background first and shows the model its box, as a
station does. The bundle's own thresholds, and every threshold on the joint score, say what becomes
of the unsure ones.

Bad input ends with one line and exit code 2. A gate that is not passed (`--float`, `--at-least`,
`--at-most`) gives exit code 1, after everything has been written.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import BundleFault, find, load
from sorterd.ports import DeviceFault, DeviceUnavailable
from tools.workshop.compose.composed import read_scenes
from tools.workshop.evaluate.chosen_pictures import choose_pictures
from tools.workshop.evaluate.cost import cost_beside
from tools.workshop.evaluate.evaluation_lines import headlines, label_lines, time_lines, whole_lines
from tools.workshop.evaluate.evaluation_page import page_of
from tools.workshop.evaluate.evaluation_record import Demand, as_record, read_demand
from tools.workshop.evaluate.looking import CUTS, POSES
from tools.workshop.evaluate.trials import Trial, hold_trial, wrong_pictures
from tools.workshop.faults import EXIT_DONE, EXIT_MISSED, ended
from tools.workshop.pages import Page, write_file
from tools.workshop.places import Place
from tools.workshop.segments.segment_comparison import compare, show

# Wrong pictures, and scenes of each kind of ground, on a page that is still read to its end.
SHOWN, SCENES_SHOWN = 40, 6

EXAMPLE = """examples:
  tools/evaluate.py models/waste ../shared/data/waste --official val \\
      --float models/waste.float.tflite --page waste.html --json waste.json \\
      --at-least accuracy=0.9 --at-least joint.recyclable.accuracy=0.85 --at-most ece=0.05
  tools/evaluate.py models/waste scenes --segments --at-least segments.all.segments.whole_frac=0.95

--json has, among others: accuracy, macro_recall, per_class, confusion, stage_one, stage_two, joint,
coverage, ece, parity. With --cut both they are those of the whole pictures, and cuts.whole and
cuts.piece hold both. --at-least and --at-most name any number in it, steps parted by dots.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    work = _compare_finders if options.segments else _measure
    return ended("evaluate", lambda: work(options), BundleFault, DeviceUnavailable, DeviceFault)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/evaluate.py",
        description=__doc__.split("\n")[0],
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("bundle", metavar="BUNDLE", help="a bundle's folder, or the name of an installed one")
    add("data", metavar="DATA", help="a folder or s3://bucket/folder with one folder per label")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--list",
        type=Path,
        metavar="FILE",
        help="measure these pictures only: a CSV with the columns file and label, as "
        "tools/split.py writes it; files are named as they are below DATA",
    )
    which.add_argument(
        "--official",
        metavar="SPLIT",
        help="only those whose official_split in DATA/SOURCES.csv is this, for instance val",
    )
    add(
        "--without",
        action="append",
        default=[],
        metavar="LABEL",
        help="leave the pictures of a label out; may be given again",
    )
    add(
        "--cut",
        choices=[*CUTS, "both"],
        default="whole",
        help="show the model the whole picture, or the box of the piece in it (default: "
        "%(default)s)",
    )
    add(
        "--views",
        type=_views,
        default=1,
        metavar="N",
        help="look at each picture in N poses (mirrored, turned by quarters; at most "
        f"{len(POSES)}) and add up the log-scores, as a station does with the frames of one piece. "
        "Poses differ more than frames do, so this is the most that several looks can give "
        "(default: %(default)s)",
    )
    add(
        "--float",
        type=Path,
        metavar="MODEL.tflite",
        help="compare with this float model, which tools/train.py leaves beside the bundle: exit "
        "code 1 if they agree on less than 98%% or a label's recall falls by more than 0.02",
    )
    add(
        "--beside",
        metavar="BUNDLE",
        help="time one crop's invoke beside another bundle's, call by call in turn, one thread",
    )
    add(
        "--page", metavar="FILE", help="write a report with plots and wrong pictures, one HTML file"
    )
    add("--json", metavar="FILE", help="write every figure")
    add(
        "--show",
        type=int,
        metavar="N",
        help="most wrong pictures on the page, the surest first; with --segments, scenes of each "
        f"ground (default: {SHOWN} and {SCENES_SHOWN})",
    )
    add(
        "--at-least",
        action="append",
        default=[],
        type=_demand(at_least=True),
        metavar="FIGURE=NUMBER",
        help="exit code 1 if a figure is lower; may be given again",
    )
    add(
        "--at-most",
        action="append",
        default=[],
        type=_demand(at_least=False),
        metavar="FIGURE=NUMBER",
        help="exit code 1 if a figure is higher; may be given again",
    )
    add(
        "--segments",
        action="store_true",
        help="DATA holds scenes made by tools/compose.py: measure how many pieces the bundle's "
        "segmentation model finds whole, and how many differencing does; goes with --page, --json, "
        "--show and gates only",
    )
    add(
        "--cluster",
        metavar="ADDRESS",
        help="spread the work over a Dask cluster, for instance tcp://10.0.0.7:8786; its workers "
        "must reach DATA under the same name. The figures are the same, the times are theirs",
    )
    options = parser.parse_args(arguments)
    of_pictures = ("list", "official", "without", "cut", "views", "float", "beside", "cluster")
    if options.segments:
        for name in of_pictures:
            if getattr(options, name) != parser.get_default(name):
                parser.error(f"--{name} does not go with --segments")
    return options


def _views(text: str) -> int:
    views = int(text)
    if not 1 <= views <= len(POSES):
        raise argparse.ArgumentTypeError(f"{views} views: 1 to {len(POSES)} are possible")
    return views


def _demand(*, at_least: bool) -> Callable[[str], Demand]:
    def read(text: str) -> Demand:
        try:
            return read_demand(text, at_least=at_least)
        except ValueError as fault:
            raise argparse.ArgumentTypeError(
                f"{text} is not of the form figure=number, as in accuracy=0.9"
            ) from fault

    return read


def _measure(options: argparse.Namespace) -> int:
    bundle = load(find(options.bundle))
    pictures = choose_pictures(
        Place(options.data),
        bundle.labels,
        list_file=options.list,
        official=options.official,
        without=options.without,
    )
    trial = hold_trial(
        bundle,
        pictures,
        cuts=CUTS if options.cut == "both" else (options.cut,),
        views=options.views,
        float_model=options.float,
        cluster=options.cluster,
    )
    record = as_record(trial)
    _tell(trial)
    if options.beside is not None:
        other = load(find(options.beside))
        cost = cost_beside(bundle, other)
        record["cost"] = cost.record()
        print(f"One invoke takes {cost.ratio:.3f} of what {other.name} takes, one thread.")
    if options.json is not None:
        write_file(options.json, (json.dumps(record, indent=1) + "\n").encode())
    if options.page is not None:
        wrong = {
            cut: wrong_pictures(trial, cut, options.show or SHOWN) for cut in trial.evaluations
        }
        page_of(trial, wrong).write(options.page)
    refusals = [
        f"cut {cut}: {one.parity.refusal()}"
        for cut, one in trial.evaluations.items()
        if one.parity is not None and not one.parity.passes
    ]
    return _gates(record, options, refusals)


def _tell(trial: Trial) -> None:
    for note in trial.notes:
        print(note)
    for cut, one in trial.evaluations.items():
        print(f"\ncut {cut}")
        rows = [*headlines(one), *label_lines(one), *time_lines(one)]
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            print(f"  {name.ljust(width)}  {value}")
    print(f"\n{trial.timing_note}")


def _compare_finders(options: argparse.Namespace) -> int:
    """Show composed scenes to both finders of the station."""
    bundle = load(find(options.bundle))
    _, scenes = read_scenes(Place(options.data))
    comparison = compare(bundle, scenes, examples=options.show or SCENES_SHOWN)
    described = f"{bundle.name} on {len(scenes)} composed scenes of {options.data}"
    record = {
        "bundle": {"name": bundle.manifest.name, "version": bundle.manifest.version},
        "data": {"described": options.data, "scenes": len(scenes)},
        "segments": comparison.figures,
    }
    print(f"{described}; pieces found whole:")
    for name, value in whole_lines(comparison.figures):
        print(f"  {name.ljust(24)}  {value}")
    if options.json is not None:
        write_file(options.json, (json.dumps(record, indent=1) + "\n").encode())
    if options.page is not None:
        page = Page(described)
        show(page, comparison)
        page.write(options.page)
    return _gates(record, options, [])


def _gates(record: Mapping[str, Any], options: argparse.Namespace, missed: list[str]) -> int:
    """Say every gate that was missed, those found before among them."""
    demands: list[Demand] = [*options.at_least, *options.at_most]
    missed = [line for one in demands if (line := one.missed_by(record)) is not None] + missed
    for line in missed:
        print(f"evaluate: {line}", file=sys.stderr)
    return EXIT_MISSED if missed else EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
