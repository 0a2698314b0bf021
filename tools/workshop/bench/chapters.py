"""The bench's chapters one after the other: when each is imported, and what stands beside it.

A chapter is one file with `TITLE`, `seconds` and `measure`. It is imported when its turn comes, so
that what one needs never weighs on another. A chapter that cannot be measured here is a chapter of
one row that says why; a bug in one is a bug and ends the bench.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

from sorterd.classifiers.bundle import BundleFault
from sorterd.ports import DeviceFault, DeviceUnavailable
from tools.workshop.bench import disturbances
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.faults import WorkshopFault

_KEYS: Final = (
    "road",
    "batches",
    "throughput",
    "load",
    "gates",
    "startup",
    "memory",
    "empty_belt",
    "pauses",
    "peers",
    "sweeps",
)
CHAPTERS: Final[Mapping[str, str]] = MappingProxyType(
    {key: f"tools.workshop.bench.{key}" for key in _KEYS}
)
"""The module of each chapter, in the order in which they are measured."""

DECIDE_NO_GOAL: Final = ("peers", "sweeps")
"""Left out of the short form, which is for the goals, unless somebody asks for them."""

_OWN: Final = ("sorterd", "tools")
_HINDRANCES: Final = (BundleFault, DeviceFault, DeviceUnavailable, WorkshopFault)


class Part(Protocol):
    """A chapter's file."""

    TITLE: str
    seconds: Callable[[Depth], float]
    measure: Callable[[Bench], Chapter]


@dataclass(frozen=True, slots=True)
class Told:
    """A chapter that was measured.

    Attributes:
        chapter: What it found.
        took_s: How long that took.
        disturbed: What could have disturbed it, by name.
    """

    chapter: Chapter
    took_s: float
    disturbed: Mapping[str, Any] = field(default_factory=dict)


def part(module: str) -> Part:
    """Import a chapter's file."""
    return cast("Part", import_module(module))


def tell(key: str, own: Part, bench: Bench, root: Path = Path("/")) -> Told:
    """Measure one chapter, with what could have disturbed it.

    Args:
        key: Its name.
        own: Its file.
        bench: What it is given.
        root: Where the system is read from.

    Returns:
        The chapter; what could have disturbed it stands in each of its rows too.
    """
    # What the chapter before left behind is not this one's garbage.
    gc.collect()
    before, began_ns = disturbances.read(root), bench.clock.now_ns()
    try:
        chapter = own.measure(bench)
    except (*_HINDRANCES, ModuleNotFoundError) as fault:
        if isinstance(fault, ModuleNotFoundError) and (fault.name or "").startswith(_OWN):
            raise  # a file of the project's own is missing: a bug
        why = " ".join(str(fault).split())
        chapter = Chapter(key, own.TITLE, [Row("not measured", {}, why)])
    took_s = (bench.clock.now_ns() - began_ns) / 1e9
    disturbed = disturbances.between(before, disturbances.read(root))
    rows = [replace(row, disturbed={**disturbed, **row.disturbed}) for row in chapter.rows]
    return Told(replace(chapter, rows=rows), took_s, disturbed)
