#!/usr/bin/env python3
"""Divide labelled pictures into list files: stratified, seeded, no group in two parts.

Pictures that are copies of each other, nearly the same, or of one session make a group, and a group
never straddles. Every label has its share in every part, as near as whole groups allow; a label
with fewer groups than parts fills them in their order, and a line says which parts lack it.

Lists are the same for the same pictures, seed and shares, whatever the order or the names of files.
Run again over an earlier split of the same seed and shares, it keeps every picture in its part and
deals out only what is new. A picture that ties together two parts is left out instead. Exit code 2
and one line for bad input; then nothing is changed.
"""

import argparse
import re
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import BundleFault
from sorterd.ports import DeviceUnavailable
from tools.workshop.explore.describing import ByEmbedding, opened
from tools.workshop.explore.inspection import Inspected, inspect
from tools.workshop.explore.likeness import LEAST_EMBEDDING, near
from tools.workshop.faults import EXIT_DONE, WorkshopFault, ended
from tools.workshop.labelled import Labelled, in_folders
from tools.workshop.origins import origins_of
from tools.workshop.places import Place
from tools.workshop.split.dividing import Division, Fixed, counts_of, divided
from tools.workshop.split.groups import Bond, copy_bonds, grouped, likeness_bonds
from tools.workshop.split.official import official_parts
from tools.workshop.split.sessions import GAP_S, session_bonds
from tools.workshop.split.split_folder import LEFT_OUT, check_folder, read_earlier, write_division

_EXAMPLES = """examples:
  tools/split.py photos/waste --out lists
  tools/split.py photos/waste --out lists --shares train=0.8 val=0.2 --seed 7
  tools/split.py photos/waste --out lists --official SOURCES.csv column=official_split
  tools/split.py s3://bucket/waste --out lists --official test=their_test.csv --bundle models/waste
"""
_PART = re.compile(r"[A-Za-z0-9][\w-]*")
# A group with more than this share of its label's pictures spoils the shares; worth a word.
_LARGE_FRAC = 0.25


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    # Pillow warns about notes of cameras that it cannot read; they are not needed.
    warnings.filterwarnings("ignore", module="PIL")
    return ended("split", lambda: _split(options), BundleFault, DeviceUnavailable)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/split.py",
        description=__doc__.partition("\n\n")[0],
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("data", help="one folder of pictures per label, here or in a bucket (s3://...)")
    add(
        "--out", type=Path, required=True, help="folder for the lists; an earlier split is replaced"
    )
    add(
        "--shares",
        nargs="+",
        default=["train=0.7", "val=0.15", "test=0.15"],
        metavar="PART=SHARE",
        help="parts and their shares, adding up to 1; the first is learned from "
        "(default: train=0.7 val=0.15 test=0.15)",
    )
    add("--seed", type=int, default=1, help="another one divides otherwise (default: %(default)s)")
    add(
        "--official",
        nargs="+",
        default=[],
        metavar="WORD",
        help="keep what an official list says: TABLE [column=NAME] (official_split by default; "
        "empty cells say nothing) or PART=LIST.csv. Shares are of the rest; what resembles an "
        "official picture outside the first part is left out",
    )
    add("--bundle", help="its embedding finds more near-duplicates than shape and colour do")
    add(
        "--alike",
        type=float,
        default=LEAST_EMBEDDING,
        help="with --bundle: cosine of whitened embeddings from which two pictures are nearly the "
        "same (default: %(default)s)",
    )
    add(
        "--session-gap-s",
        type=int,
        default=GAP_S,
        help="longest pause within one session, by the camera's clock; 0 asks no clock "
        "(default: %(default)s)",
    )
    add("--ignore-names", action="store_true", help="read no sessions from the names of files")
    add("--anew", action="store_true", help="forget an earlier split in --out")
    return parser.parse_args(arguments)


def _split(options: argparse.Namespace) -> int:
    shares = _shares(options.shares)
    place = Place(options.data)
    check_folder(options.out)
    official = official_parts(place, options.official)
    _check_names(set(official.values()))
    settings = {"seed": options.seed, "shares": shares}
    earlier = {} if options.anew else read_earlier(options.out, settings)
    bundle = opened(options.bundle)
    if options.bundle and bundle is None:
        raise WorkshopFault(f"{options.bundle} gives no embedding: leave --bundle away")
    describer = ByEmbedding(bundle) if bundle else None
    rows = in_folders(place)
    seen = inspect(place, rows, each=describer.add if describer else None)
    alike = near(
        [one.print for one in seen.pictures],
        describer.rows() if describer else None,
        least=options.alike,
    )
    bonds = [
        *copy_bonds(seen.pictures),
        *likeness_bonds(alike),
        *session_bonds(
            seen.pictures,
            origins_of(place),
            gap_s=options.session_gap_s,
            by_name=not options.ignore_names,
        ),
    ]
    fixed = Fixed(official, earlier)
    division = divided(seen.pictures, bonds, shares, seed=options.seed, fixed=fixed)
    division.left_out.extend((row, f"of no use: {why}") for row, why in seen.unusable)
    division.left_out.sort()
    record = _record(options, division, settings, seen.pictures, bonds)
    write_division(options.out, division, record)
    _tell(options.out, division, rows, fixed)
    _warn(division, rows, fixed, seen.pictures, bonds)
    return EXIT_DONE


def _shares(words: Sequence[str]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for word in words:
        name, _, share = word.partition("=")
        try:
            shares[name] = float(share)
        except ValueError:
            raise WorkshopFault(f"--shares {word}: write PART=SHARE, as in train=0.7") from None
        if not 0 < shares[name] <= 1:
            raise WorkshopFault(f"--shares {word}: a share is above 0 and at most 1")
    _check_names(set(shares))
    # Shares written with two or three places may add up to a little less: 0.33 three times.
    if len(shares) < len(words) or abs(sum(shares.values()) - 1) > 0.011:
        raise WorkshopFault(
            f"--shares {' '.join(words)}: name each part once and let them add up to 1"
        )
    return shares


def _check_names(names: set[str]) -> None:
    for name in sorted(names):
        if name == LEFT_OUT or not _PART.fullmatch(name):
            raise WorkshopFault(f"a part cannot be called {name!r}: its list is a file's name")


def _record(
    options: argparse.Namespace,
    division: Division,
    settings: dict[str, object],
    pictures: Sequence[Inspected],
    bonds: Sequence[Bond],
) -> dict[str, object]:
    several = [group for group in grouped(len(pictures), bonds) if len(group) > 1]
    return {
        "data": options.data,
        **settings,
        "official": list(options.official),
        "bundle": options.bundle,
        "session_gap_s": options.session_gap_s,
        "files": {part: len(some) for part, some in division.parts.items()},
        "left_out": len(division.left_out),
        "counts": counts_of(division.parts),
        "group_count": division.groups,
        "groups": sorted(sorted(pictures[place].row.key for place in group) for group in several),
    }


def _tell(out: Path, division: Division, rows: Sequence[Labelled], fixed: Fixed) -> None:
    parts = list(division.parts)
    wide = max(len(row.label) for row in rows)
    print(f"{'':{wide}}" + "".join(f"{part:>9}" for part in parts))
    for label, counts in counts_of(division.parts).items():
        print(f"{label:{wide}}" + "".join(f"{counts[part]:9}" for part in parts))
    total = "".join(f"{len(some):9}" for some in division.parts.values())
    print(f"{'all':{wide}}{total}")
    print(f"{len(rows)} pictures in {division.groups} groups; left out: {len(division.left_out)}")
    keys = {row.key for row in rows}
    for name, said in (("the official list", fixed.official), ("the earlier split", fixed.earlier)):
        if said:
            print(f"{len(keys & said.keys())} are where {name} has them, or left out")
    print(f"{out} is complete")


def _warn(
    division: Division,
    rows: Sequence[Labelled],
    fixed: Fixed,
    pictures: Sequence[Inspected],
    bonds: Sequence[Bond],
) -> None:
    keys = {row.key for row in rows}
    remarks = list(division.remarks)
    if missing := sorted(fixed.official.keys() - keys):
        remarks.append(
            f"{len(missing)} pictures of the official list are not in the data (first {missing[0]})"
        )
    if lost := sorted(fixed.earlier.keys() - keys):
        remarks.append(f"{len(lost)} pictures of the earlier split are gone (first {lost[0]})")
    of_label = Counter(one.row.label for one in pictures)
    for group in grouped(len(pictures), bonds):
        label, number = Counter(pictures[p].row.label for p in group).most_common(1)[0]
        if number > max(3, _LARGE_FRAC * of_label[label]):
            remarks.append(
                f"{number} of {of_label[label]} pictures of {label} are one group, that of "
                f"{pictures[group[0]].row.key}: its shares cannot be met; see split.json"
            )
    for remark in remarks:
        print(f"split: warning: {remark}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
