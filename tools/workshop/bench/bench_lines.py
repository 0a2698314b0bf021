"""A bench's figures as lines for a terminal: chapters as tables, goals with their verdicts.

Ratios stand first, since they are the station's; milliseconds are the machine's and stand beside
them. What was not measured stays empty.
"""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tools.workshop.bench.chapters import Told
from tools.workshop.bench.disturbances import in_words
from tools.workshop.bench.goals import GOALS, SET_FOR
from tools.workshop.bench.rows import Row

# Figures whose name ends so are quantities; all others are ratios or shares.
_UNITS: Final = ("ns", "us", "ms", "s", "kib", "mib", "mb", "hz", "px", "mm", "deg")
_GAP: Final = "  "
_WIDTH: Final = 110
# A note gets a column of its own if this much is left for it, else lines of its own.
_LEAST_NOTE: Final = 28

# A core of a Pi's four: what is measured on two threads no longer has them for itself.
_BUSY_FRAC: Final = 0.25

GOAL_HEAD: Final = ("goal", "what", "measured", "must", "aim", "verdict")


def chapter_lines(told: Told, *, width: int = _WIDTH) -> list[str]:
    """A chapter: its title, its tables, and what could have disturbed it.

    Args:
        told: The chapter.
        width: Characters of a line.
    """
    chapter = told.chapter
    lines = [f"{chapter.title}  ({chapter.key}, {told.took_s:.1f} s)"]
    for rows in alike(chapter.rows):
        lines += _table_lines(rows, width)
    lines += textwrap.wrap(
        f"meanwhile: {in_words(told.disturbed)}",
        width,
        initial_indent=_GAP,
        subsequent_indent=_GAP * 2,
    )
    return lines


def alike(rows: Sequence[Row]) -> list[list[Row]]:
    """Part rows into runs that fit under one head: each has the figures of the run, or some."""
    runs: list[list[Row]] = []
    heads: list[set[str]] = []
    for row in rows:
        names = set(row.figures)
        if runs and (names <= heads[-1] or names >= heads[-1]):
            runs[-1].append(row)
            heads[-1] |= names
        else:
            runs.append([row])
            heads.append(names)
    return runs


def columns(rows: Iterable[Row]) -> list[str]:
    """The figures' names, ratios first, each kind as it came."""
    names = dict.fromkeys(name for row in rows for name in row.figures)
    return sorted(names, key=is_quantity)


def is_quantity(name: str) -> bool:
    """Whether a figure has a unit, and so is the machine's as much as the station's."""
    return "_" in name and name.rpartition("_")[2] in _UNITS


def number(value: float | None) -> str:
    """A figure with about three digits that say something."""
    if value is None or not math.isfinite(value):
        return "-"
    if float(value).is_integer() and abs(value) >= 10:
        return f"{value:.0f}"
    decimals = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{value:.{decimals}f}"


def goal_rows(measured: Mapping[str, float]) -> list[tuple[str, ...]]:
    """The measured goals as rows of `GOAL_HEAD`; a figure without a bound stands at the end."""
    rows: list[tuple[str, ...]] = [
        (
            goal.name,
            goal.what,
            f"{_cells([measured[name]])[0]} {goal.unit}".rstrip(),
            goal.bound(goal.must),
            goal.bound(goal.aim),
            goal.verdict(measured[name]),
        )
        for name, goal in GOALS.items()
        if name in measured
    ]
    rows += [
        (name, "", number(value), "-", "-", "no bound is set")
        for name, value in measured.items()
        if name not in GOALS
    ]
    return rows


def goal_lines(measured: Mapping[str, float]) -> list[str]:
    """The goals' table, what it was made for, and the goals that nothing was measured for."""
    rows = [GOAL_HEAD, *goal_rows(measured)]
    lines = ["Goals", *(f"{_GAP}{line}" for line in _aligned(rows, left=(0, 1, 5)))]
    absent = [name for name in GOALS if name not in measured]
    if absent:
        lines += textwrap.wrap(
            f"not measured: {', '.join(absent)}",
            _WIDTH,
            initial_indent=_GAP,
            subsequent_indent=_GAP * 2,
        )
    return [*lines, f"{_GAP}Bounds: {SET_FOR}; a quicker model makes the ratios higher."]


def summary(measured: Mapping[str, float]) -> str:
    """One line: how many goals were met and which were missed."""
    verdicts = {name: goal.verdict(measured.get(name)) for name, goal in GOALS.items()}
    judged = [name for name, verdict in verdicts.items() if verdict != "not measured"]
    missed = [name for name in judged if verdicts[name] == "missed"]
    musts = [name for name in judged if GOALS[name].must is not None]
    tail = f"; missed: {', '.join(missed)}" if missed else ""
    return f"{len(musts) - len(missed)} of {len(musts)} measured bounds are met{tail}."


def caution(told: Sequence[Told]) -> str:
    """One line if other programs worked so much that figures may be theirs; empty if not."""
    taken = {one.chapter.key: one.disturbed.get("others_frac", 0.0) for one in told}
    busy = [key for key, share in taken.items() if share >= _BUSY_FRAC]
    if not busy:
        return ""
    return (
        f"Other programs took up to {max(taken.values()):.0%} of the cores meanwhile "
        f"({', '.join(busy)}): measure again on a quiet machine before believing a change."
    )


def _table_lines(rows: Sequence[Row], width: int) -> list[str]:
    """Rows under one head; below one another, in part, where they are too wide for a line."""
    names = [row.name for row in rows]
    blocks = [["", *names]]
    for figure in columns(rows):
        column = [figure.replace("_", " "), *_cells([row.figures.get(figure) for row in rows])]
        blocks.append(column)
    lines: list[str] = []
    for part in _parts(blocks, width - len(_GAP)):
        lines += [f"{_GAP}{line}" for line in _aligned(list(zip(*part, strict=True)), left=(0,))]
    last = len(lines) - len(rows)
    head, body = lines[:last], lines[last:]
    return [*(line for line in head if line.strip()), *_with_notes(rows, body, width)]


def _parts(blocks: list[list[str]], width: int) -> list[list[list[str]]]:
    """Columns in as many parts as lines of that width need; each begins with the first column."""
    first, *others = blocks
    begins = max(len(cell) for cell in first)
    parts, used = [[first]], begins
    for column in others:
        wide = len(_GAP) + max(len(cell) for cell in column)
        if used + wide > width and len(parts[-1]) > 1:
            parts.append([first])
            used = begins
        parts[-1].append(column)
        used += wide
    return parts


def _with_notes(rows: Sequence[Row], lines: Sequence[str], width: int) -> list[str]:
    """Each row's line with its note: beside it if there is room beside all of them, else below."""
    used = max(len(line) for line in lines)
    room = width - used - len(_GAP)
    told: list[str] = []
    for row, line in zip(rows, lines, strict=True):
        if not row.note:
            told.append(line)
        elif room >= _LEAST_NOTE:
            first, *more = textwrap.wrap(row.note, room)
            told.append(f"{line.ljust(used)}{_GAP}{first}")
            told += [f"{' ' * used}{_GAP}{rest}" for rest in more]
        else:
            told.append(line)
            told += textwrap.wrap(
                row.note, width, initial_indent=_GAP * 3, subsequent_indent=_GAP * 3
            )
    return told


def _cells(values: Sequence[float | None]) -> list[str]:
    """One column; counts are shown as counts, if all of it is."""
    there = [value for value in values if value is not None]
    counts = all(math.isfinite(value) and float(value).is_integer() for value in there)
    return [
        "" if value is None else f"{value:.0f}" if counts else number(value) for value in values
    ]


def _aligned(rows: Sequence[Sequence[str]], *, left: Sequence[int]) -> list[str]:
    """Cells in columns as wide as their widest; those in `left` begin there, the others end."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(
            cell.ljust(wide) if place in left else cell.rjust(wide)
            for place, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
