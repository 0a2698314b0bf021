"""A bench's run as one object, as `--json` writes it and `--baseline` reads it.

A figure that is no number is null. Goals stand by name, each with its figure and nothing else; one
of several figures (`G7.fifo`, `G7.plain`) stands under its plain name, too, with the first of them.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tools.workshop.bench.chapters import Told
from tools.workshop.bench.goals import GOALS
from tools.workshop.bench.machine import machine, program_version
from tools.workshop.bench.rows import Bench
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

KIND: Final = "sorterd bench"


@dataclass(frozen=True, slots=True)
class Terms:
    """What two runs must share for their ratios to be compared.

    Attributes:
        depth: "quick" or "full".
        bundle: Its name.
        version: Its version.
        runtime: By name, never "auto".
    """

    depth: str
    bundle: str
    version: str
    runtime: str

    def __str__(self) -> str:
        """As a person reads it."""
        return f"a {self.depth} run of {self.bundle} {self.version} on {self.runtime}"


@dataclass(frozen=True, slots=True)
class Stored:
    """A run that was stored.

    Attributes:
        terms: What it was.
        goals: Its figures; without those that were no numbers.
        processor: What it ran on, as far as that is known.
    """

    terms: Terms
    goals: Mapping[str, float]
    processor: str | None


def terms_of(bench: Bench, depth: str, runtime: str) -> Terms:
    """Return what the run is."""
    manifest = bench.bundle.manifest
    return Terms(depth, manifest.name, manifest.version, runtime)


def goals_of(told: Sequence[Told]) -> dict[str, float]:
    """Return the figures that goals are judged by, of all chapters."""
    return {name: value for one in told for name, value in one.chapter.goals.items()}


def as_record(terms: Terms, told: Sequence[Told]) -> dict[str, Any]:
    """Return the run as one object."""
    return {
        "kind": KIND,
        "program": program_version(),
        "bundle": {"name": terms.bundle, "version": terms.version},
        "runtime": terms.runtime,
        "machine": machine(),
        "depth": terms.depth,
        "took_s": round(sum(one.took_s for one in told), 1),
        "goals": _with_plain_names(goals_of(told)),
        "chapters": {one.chapter.key: _chapter(one) for one in told},
    }


def as_bytes(record: Mapping[str, Any]) -> bytes:
    """Return the file's content."""
    return (json.dumps(record, indent=1, allow_nan=False) + "\n").encode()


def read_stored(address: str) -> Stored:
    """Read a run that `--json` wrote.

    Args:
        address: A path, or a file in a bucket.

    Raises:
        WorkshopFault: It is not there, or is something else.
    """
    folder, _, name = address.rpartition("/")
    try:
        given = json.loads(Place(folder or ".").read(name))
        if given["kind"] != KIND:
            raise WorkshopFault(f"{address} is not what tools/bench.py --json writes")
        terms = Terms(
            str(given["depth"]),
            str(given["bundle"]["name"]),
            str(given["bundle"]["version"]),
            str(given["runtime"]),
        )
        goals = {
            str(name): float(value) for name, value in given["goals"].items() if value is not None
        }
        processor = given["machine"]["processor"]
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        if isinstance(fault, WorkshopFault):
            raise
        raise WorkshopFault(f"{address} is not what tools/bench.py --json writes") from fault
    return Stored(terms, goals, processor)


def _with_plain_names(goals: Mapping[str, float]) -> dict[str, float | None]:
    """Add `G7` for `G7.fifo`, the first of its figures in the table of goals."""
    written = {name: _number(value) for name, value in goals.items()}
    for name in GOALS:
        plain, dot, _ = name.partition(".")
        if dot and name in written:
            written.setdefault(plain, written[name])
    return written


def _chapter(one: Told) -> dict[str, Any]:
    chapter = one.chapter
    return {
        "title": chapter.title,
        "took_s": round(one.took_s, 2),
        "disturbed": dict(one.disturbed),
        "rows": [
            {
                "name": row.name,
                "figures": {name: _number(value) for name, value in row.figures.items()},
                "note": row.note,
                "disturbed": dict(row.disturbed),
            }
            for row in chapter.rows
        ],
        "series": {
            name: [_number(value) for value in values] for name, values in chapter.series.items()
        },
    }


def _number(value: float) -> float | None:
    """A plain number, whatever library it came from; six digits are more than it is worth."""
    plain = float(value)
    if not math.isfinite(plain):
        return None
    return int(plain) if plain.is_integer() and abs(plain) < 2**53 else float(f"{plain:.6g}")
