#!/usr/bin/env python3
"""Collect pictures from links, folders, buckets or a station's review crops, one folder a label.

Every picture is decoded before it counts and named by its content; provenance.csv says where each
came from, dead.csv what could not be had. A second run asks only for what is missing.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.recordings.pictures import LEAST_PX, MOST_PX
from tools.workshop.collect.collecting import Collection, Tally
from tools.workshop.collect.dead_links import DEAD, DeadLinks
from tools.workshop.collect.fetching import Manners
from tools.workshop.collect.provenance import PROVENANCE, Provenance, Row
from tools.workshop.collect.sources import read_sources
from tools.workshop.collect.wanted import wanted
from tools.workshop.faults import EXIT_DONE, EXIT_MISSED, WorkshopFault, ended

_EXAMPLE = """\
SOURCES is one of
  a folder with <label>/urls.txt   one link on each line, # begins a remark
  a station's review folder        PNG crops sorted into folders by label, and review.csv
  a YAML file of named sources     as below; paths in it begin at the file's own folder

    sources:
      street-photos:            # any name; it stands in provenance.csv
        kind: list              # list, folder, bucket or review
        where: metal/urls.txt
        label: metal            # left out: a folder for each label (folder, bucket)
        licence: CC-BY-4.0
        author: A. Person
        most_files: 500         # of each label; also least_px, most_px, most_bytes
      own-photos:
        {kind: folder, where: ~/Pictures/waste, licence: CC0-1.0, author: B. Person}
      lab:
        {kind: bucket, where: "s3://lab/waste", licence: MIT, author: The lab}
      station-3:
        {kind: review, where: /var/lib/sorterd/review, licence: CC0-1.0, author: Us}

example:
  tools/collect.py sources.yaml --out photos/raw --contact waste@example.org

exit codes: 0 all that is wanted is there, 1 some links are dead (OUT/dead.csv says why),
2 bad input (one line says what), 130 interrupted (what was finished is kept; run it again).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    return ended("collect", partial(_collect, _options(arguments)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/collect.py",
        description=__doc__.split("\n")[0],
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    usual = Manners()
    add("sources", type=Path, metavar="SOURCES", help="what to collect from; see below")
    add("--out", required=True, help="the collection, a folder on this machine; made or added to")
    add("--retry-dead", action="store_true", help="ask again for links that dead.csv knows")
    add("--contact", help="your mail address, told to the servers: some ask for it")
    group = parser.add_argument_group("limits", "for sources that state none of their own")
    add = group.add_argument
    add("--most-files", type=_whole, metavar="N", help="pictures of each source and label")
    add("--least-px", type=_whole, default=LEAST_PX, metavar="PX", help=_shown("shorter side"))
    add("--most-px", type=_whole, default=MOST_PX, metavar="PX", help=_shown("pixels in all"))
    add("--most-bytes", type=_whole, default=32 << 20, metavar="BYTES", help=_shown("of a file"))
    group = parser.add_argument_group("terms", "of what a folder holds; a YAML file has its own")
    add = group.add_argument
    add("--licence", default="unknown", help=_shown("of the pictures"))
    add("--author", default="unknown", help=_shown("of the pictures"))
    group = parser.add_argument_group("manners", "towards the servers that links lead to")
    add = group.add_argument
    add("--at-once", type=_whole, default=usual.at_once, metavar="N", help=_shown("requests"))
    add("--per-host", type=_whole, default=usual.per_host, metavar="N", help=_shown("of them"))
    add(
        "--delay",
        type=_seconds,
        default=usual.delay_s,
        metavar="S",
        help=_shown("between two requests to one host"),
    )
    add(
        "--silence",
        type=_seconds,
        default=usual.silence_s,
        metavar="S",
        help=_shown("longest wait for the next bytes"),
    )
    add(
        "--total",
        type=_seconds,
        default=usual.total_s,
        metavar="S",
        help=_shown("longest time for one file"),
    )
    add(
        "--retries",
        type=_count,
        default=usual.retries,
        metavar="N",
        help=_shown("after silence, a broken connection, 429 or 5xx"),
    )
    add(
        "--backoff",
        type=_seconds,
        default=usual.backoff_s,
        metavar="S",
        help=_shown("before the first retry; doubles with each"),
    )
    add(
        "--longest-wait",
        type=_seconds,
        default=usual.longest_wait_s,
        metavar="S",
        help=_shown("a host that asks for more is left for the next run"),
    )
    return parser.parse_args(arguments)


def _collect(options: argparse.Namespace) -> int:
    if "://" in options.out:
        raise WorkshopFault(f"{options.out}: a collection is a folder on this machine; copy it on")
    out = Path(options.out)
    sources, beside = read_sources(
        options.sources, _limits(options), licence=options.licence, author=options.author
    )
    offered = wanted(sources, beside, out)
    with Provenance(out) as provenance:
        dead = DeadLinks(out)
        with tqdm(desc="collecting", unit="file", disable=None, leave=False) as bar:
            collection = Collection(provenance, dead, options.retry_dead, bar.update)
            left = collection.begin(offered.originals)
            bar.reset(len(left))
            try:
                collection.run(left, _manners(options))
            finally:
                dead.write(provenance.row_of)
        _print_table(collection.tallies)
        if offered.repeated:
            print(f"listed more than once, asked for once: {offered.repeated}")
        for name, count in offered.unsorted.items():
            print(f"crops of {name} that nobody has sorted yet: {count}")
        _print_claims(provenance.rows)
        print(f"rows of {out / PROVENANCE}: {len(provenance.rows)}")
        return _print_dead(collection.tallies, out)


def _limits(options: argparse.Namespace) -> dict[str, int]:
    names = ("most_files", "least_px", "most_px", "most_bytes")
    given = {name: getattr(options, name) for name in names}
    return {name: limit for name, limit in given.items() if limit is not None}


def _manners(options: argparse.Namespace) -> Manners:
    contact = f" (contact: {options.contact})" if options.contact else ""
    return Manners(
        at_once=options.at_once,
        per_host=options.per_host,
        delay_s=options.delay,
        silence_s=options.silence,
        total_s=options.total,
        retries=options.retries,
        backoff_s=options.backoff,
        longest_wait_s=options.longest_wait,
        introduction=Manners().introduction + contact,
    )


def _print_table(tallies: dict[str, Tally]) -> None:
    wide = max(len("all"), *map(len, tallies))
    names = ("listed", "before", "new", "doubles", "dead", "spare")
    print(" ".join([" " * wide, *(f"{name:>8}" for name in names)]))
    rows = {label: [getattr(tally, name) for name in names] for label, tally in tallies.items()}
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    for label, counts in rows.items():
        print(" ".join([f"{label:<{wide}}", *(f"{count:>8}" for count in counts)]))


def _print_claims(rows: Sequence[Row]) -> None:
    """Name the pictures that two labels claim: a person must say which is right."""
    claims = [row for row in rows if row.label != row.folder]
    for row in claims[:10]:
        print(f"two labels: {row.file} is also called {row.label} ({row.source}: {row.origin})")
    if len(claims) > 10:
        print(f"and {len(claims) - 10} more: rows of {PROVENANCE} whose label is not the folder")


def _print_dead(tallies: dict[str, Tally], out: Path) -> int:
    dead = sum(tally.dead for tally in tallies.values())
    known = sum(tally.known_dead for tally in tallies.values())
    if not dead:
        return EXIT_DONE
    again = f"; not asked again: {known} (--retry-dead asks)" if known else ""
    print(f"dead links: {dead}, {out / DEAD} says why{again}")
    return EXIT_MISSED


def _shown(text: str) -> str:
    return f"{text} (default: %(default)s)"


def _whole(text: str) -> int:
    return int(_checked(text, "a whole number above 0", fits=text.isdecimal() and int(text) > 0))


def _count(text: str) -> int:
    return int(_checked(text, "a whole number", fits=text.isdecimal()))


def _seconds(text: str) -> float:
    plain = text.replace(".", "", 1).isdecimal()
    return float(_checked(text, "a time in seconds", fits=plain))


def _checked(text: str, kind: str, *, fits: bool) -> str:
    if not fits:
        raise argparse.ArgumentTypeError(f"{text} is not {kind}")
    return text


if __name__ == "__main__":
    sys.exit(main())
