#!/usr/bin/env python3
"""Clean a collection of pictures with a model: copy those in which it sees one label.

    tools/sift.py glass photos clean --bundle models/waste --threshold 0.8 --review 0.5 0.8
    tools/sift.py glass s3://bucket/photos s3://bucket/clean --cluster tcp://10.0.0.7:8786

Every picture is looked at whole and in the box of its piece, as a station would crop it; the
higher score counts. Needs the extra `tools`. A bucket's credentials come from the environment
or ~/.aws. The source is only read; nothing in the destination is removed or replaced by another
picture, so the command can be run again: it goes on where it was.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import MANIFEST, Bundle, BundleFault, find, load
from sorterd.ports import DeviceFault, DeviceUnavailable
from tools.workshop.evaluate.asking import Carried
from tools.workshop.faults import WorkshopFault, ended
from tools.workshop.pages import write_file
from tools.workshop.places import Place
from tools.workshop.sift.ledger import FILE, Ledger
from tools.workshop.sift.seeking import Rules, Seeker, Sought
from tools.workshop.sift.sifted import as_json, say
from tools.workshop.sift.sifting import REVIEW, Job, Limits, Outcome, model_name, sift
from tools.workshop.spreading import in_order

PATIENCE: Final = 20
THRESHOLD_FRAC: Final = 0.5
# Reading from a bucket is mostly waiting; decoding and scoring take the processor.
THREADS: Final = min(4, os.cpu_count() or 1)

EPILOG = f"""\
below DESTINATION:
  NAME/                 what was found, under the keys of the source
  NAME/boxes.json       COCO: the box in which the label was seen, with its score
  NAME/{FILE}       every picture looked at: score, decision, milliseconds, cost
  {REVIEW}/NAME/          what a person shall decide about, with review.csv

exit code, which says why it stopped:
  0  as many were found as --want says; or no number was given and the source came to its end
  2  bad input: one line says what, where and what to do
  3  --patience misses in a row
  4  --max-scan pictures were looked at, and there are more
  5  the source came to its end before --want were found
  130  interrupted; what was finished is kept

example:
  tools/sift.py glass photos clean --threshold 0.8 --review 0.5 0.8 --want 200 --patience 0
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    return ended("sift", lambda: _run(options), BundleFault, DeviceUnavailable, DeviceFault)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/sift.py",
        description=__doc__.split("\n")[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("label", help="what to look for: one of the bundle's labels, in any case")
    add("source", help="folder of pictures, with all below it; local or s3://bucket/folder")
    add("destination", help="folder in which NAME/ is made; local or s3://bucket/folder")
    add("--bundle", default="waste", help="the model: a folder or a name (default: %(default)s)")
    add(
        "--threshold",
        type=_frac,
        default=THRESHOLD_FRAC,
        metavar="FRAC",
        help="copy what scores above this, not at it; 0 to 1 (default: %(default)s)",
    )
    add("--name", help="folder of the copies (default: the label)")
    add(
        "--review",
        type=_frac,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help=f"scores from LOW to HIGH, both included, go to {REVIEW}/ and not to NAME/, "
        "whatever the threshold (default: none do)",
    )
    add("--max-scan", type=_count, metavar="N", help="look at N pictures at most (default: all)")
    add("--want", type=_count, metavar="N", help="stop when N are found (default: find all)")
    add(
        "--patience",
        type=_count_or_none,
        default=PATIENCE,
        metavar="N",
        help="stop after N misses in a row, 0 for never; a picture for review or a broken one "
        "is no hit and no miss (default: %(default)s)",
    )
    add("--price", type=_price, help="of looking at one picture, for the ledger (default: none)")
    add("--dry-run", action="store_true", help="write nothing; say what would be copied")
    add(
        "--cluster",
        metavar="ADDRESS",
        help="spread the work over a Dask cluster, such as tcp://10.0.0.7:8786; its workers need "
        "sorterd[tools] and must reach the source (default: work here)",
    )
    add(
        "--threads",
        type=_count,
        default=THREADS,
        metavar="N",
        help="pictures looked at at once on this machine (default: %(default)s)",
    )
    add("--json", metavar="FILE", help="write the summary there too")
    return parser.parse_args(arguments)


def _frac(text: str) -> float:
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 and 1")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def _count_or_none(text: str) -> int | None:
    return None if int(text) == 0 else _count(text)


def _price(text: str) -> float:
    number = float(text)
    if not 0.0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no price")
    return number


def _run(options: argparse.Namespace) -> int:
    bundle = load(find(options.bundle))
    job = _job(options, bundle)
    ledger = Ledger(job.folder_of("found"), writes=job.writes)
    keys = job.source.pictures()
    if not keys:
        raise WorkshopFault(f"no pictures in {job.source}: check the folder")
    spread = _spread(options, job, Carried(bundle))
    outcome = sift(job, keys, ledger, spread=spread, watch=with_bar)
    say(job, outcome, ledger, of=len(keys))
    if options.json:
        write_file(options.json, as_json(job, outcome, ledger, of=len(keys)))
    return outcome.ending.value


def _job(options: argparse.Namespace, bundle: Bundle) -> Job:
    label = _label(options.label, bundle)
    name = label if options.name is None else options.name
    steps = name.split("/")
    if steps[0] == REVIEW or any(not step or step.startswith(".") for step in steps):
        raise WorkshopFault(f"--name {name} cannot be a folder of copies: choose a plain name")
    if options.review is not None and options.review[0] > options.review[1]:
        low, high = options.review
        raise WorkshopFault(f"--review {low} {high} is no band: give the lower score first")
    job = Job(
        source=_settled(options.source),
        destination=_settled(options.destination),
        name=name,
        label=label,
        model=model_name((bundle.folder / MANIFEST).read_bytes()),
        rules=Rules(options.threshold, tuple(options.review) if options.review else None),
        limits=Limits(options.max_scan, options.want, options.patience),
        price=options.price,
        writes=not options.dry_run,
    )
    for folder in (job.folder_of("found"), job.folder_of("review")):
        if f"{folder}/".startswith(f"{job.source}/"):
            raise WorkshopFault(
                f"{folder} lies in the source, so copies would be looked at again: "
                "choose a destination beside it"
            )
    return job


def _label(asked: str, bundle: Bundle) -> str:
    """The bundle's own spelling of a label."""
    if asked in bundle.labels:
        return asked
    folded = {label.casefold(): label for label in bundle.labels}
    if asked.casefold() in folded:
        return folded[asked.casefold()]
    near = difflib.get_close_matches(asked.casefold(), folded)
    hint = f"did you mean {' or '.join(folded[each] for each in near)}? " if near else ""
    raise WorkshopFault(
        f"{bundle.folder} has no label {asked}: {hint}it has {', '.join(bundle.labels)}"
    )


def _settled(address: str) -> Place:
    """A place by an address that means the same from any folder and in any later run."""
    place = Place(address)
    return place if place.local is None else Place(str(place.local.expanduser().resolve()))


def _spread(
    options: argparse.Namespace, job: Job, bundle: Carried
) -> Callable[[Iterable[str]], Generator[Sought, None, None]]:
    seeker = Seeker(bundle, job.source, job.label, job.rules)
    return lambda keys: in_order(seeker, keys, cluster=options.cluster, threads=options.threads)


def with_bar(keys: Sequence[str], outcome: Outcome) -> Iterator[str]:
    """Give the keys again, and show on a terminal how far a run is and what it has found."""
    with tqdm(keys, desc="looked at", unit=" pictures", disable=None) as bar:
        for key in bar:
            bar.set_postfix(found=outcome.counts["found"], refresh=False)
            yield key


if __name__ == "__main__":
    sys.exit(main())
