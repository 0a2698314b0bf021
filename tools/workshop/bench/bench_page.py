"""A bench's run as a page: goals, plots, every chapter's table, and what ran it."""

from collections.abc import Mapping, Sequence
from typing import Any

from tools.workshop.bench.bench_lines import (
    GOAL_HEAD,
    alike,
    columns,
    goal_rows,
    number,
    summary,
)
from tools.workshop.bench.bench_plots import plots
from tools.workshop.bench.bench_record import Terms, goals_of
from tools.workshop.bench.chapters import Told
from tools.workshop.bench.disturbances import in_words
from tools.workshop.bench.goals import GOALS, SET_FOR
from tools.workshop.pages import Page


def page_of(
    terms: Terms, told: Sequence[Told], machine: Mapping[str, Any], notes: Sequence[str] = ()
) -> Page:
    """Make the page.

    Args:
        terms: What the run is.
        told: Its chapters.
        machine: What it ran on.
        notes: Lines that stand below the goals, such as a comparison's.
    """
    goals = goals_of(told)
    page = Page(f"{terms.bundle} {terms.version}: how far from the model's own time")
    page.text(f"This is {terms}. {summary(goals)}")
    page.section("Goals")
    page.table((*GOAL_HEAD, "others"), _with_peers(goals))
    page.text(f"Bounds were set for {SET_FOR}; a quicker model makes the ratios higher.")
    for note in notes:
        page.text(note.strip())
    for draw in plots(told).values():
        page.plot(draw)
    for one in told:
        _show(page, one)
    page.section("Machine")
    page.table(("", ""), [(name, _said(value)) for name, value in machine.items()])
    return page


def _with_peers(goals: Mapping[str, float]) -> list[tuple[str, ...]]:
    return [(*row, GOALS[row[0]].peer if row[0] in GOALS else "") for row in goal_rows(goals)]


def _show(page: Page, one: Told) -> None:
    page.section(one.chapter.title)
    for rows in alike(one.chapter.rows):
        names = columns(rows)
        page.table(
            ("", *(name.replace("_", " ") for name in names), "note"),
            [
                (
                    row.name,
                    *(number(row.figures[name]) if name in row.figures else "" for name in names),
                    row.note,
                )
                for row in rows
            ],
        )
    page.text(f"Took {one.took_s:.1f} s; meanwhile: {in_words(one.disturbed)}.")


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {own}" for name, own in value.items())
    return "not known" if value is None else str(value)
