"""What a bench tells: figures in rows, rows in chapters, and how many of everything it takes.

A figure's name carries its unit (`p50_ms`, `rss_mib`) or is a ratio. A chapter that decides one of
the goals says so by the goal's name; `goals.py` knows the bounds. Nothing here measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sorterd.classifiers.bundle import Bundle
from sorterd.clock import RealClock


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        name: What was measured.
        figures: By name; a missing one was not measured, which `note` explains.
        note: For a person: what to bear in mind.
        disturbed: What could have disturbed it (load, temperature...), by name; the bench fills it.
    """

    name: str
    figures: Mapping[str, float]
    note: str = ""
    disturbed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one part of the bench found.

    Attributes:
        key: The name of its file.
        title: For a person.
        rows: Of its table.
        goals: Figures that goals are judged by: `{"G1": 1.17}`; several figures of one goal are
            told apart by a dot: `{"G7.fifo": 0.04, "G7.plain": 1.1}`.
        series: What plots are drawn from, by name: numbers in the unit that the name carries.
    """

    key: str
    title: str
    rows: Sequence[Row]
    goals: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Depth:
    """How many of everything.

    Attributes:
        pairs: Calls, each beside a raw invoke.
        load_s: Seconds of each offered load.
        shots: Movements of a gate in each setting.
        starts: Starts of each program.
        frames: Frames of the memory run.
        wide: Whether sweeps go through all their values, or only the first and the last.
    """

    pairs: int
    load_s: float
    shots: int
    starts: int
    frames: int
    wide: bool


# All chapters that decide a goal, in this depth, take less than a minute on two x86 cores.
QUICK = Depth(pairs=150, load_s=1.2, shots=80, starts=3, frames=600, wide=False)
FULL = Depth(pairs=1500, load_s=10.0, shots=600, starts=7, frames=108_000, wide=True)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a chapter is given.

    Attributes:
        bundle: Whose model is run.
        runtime: "auto", or one by name.
        depth: How many of everything.
        clock: The only one.
    """

    bundle: Bundle
    runtime: str
    depth: Depth
    clock: RealClock = field(default_factory=RealClock)
