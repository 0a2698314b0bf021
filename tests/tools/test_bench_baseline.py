import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.workshop.bench.baseline import (
    SECOND_LOOKS,
    check_terms,
    compare,
    compare_again,
    comparison_lines,
)
from tools.workshop.bench.bench_record import KIND, Stored, Terms, read_stored
from tools.workshop.bench.goals import GOALS
from tools.workshop.faults import WorkshopFault

RATIOS = sorted(name for name, goal in GOALS.items() if not goal.unit)
TERMS = Terms("quick", "waste", "2", "ai-edge-litert")
STORED: dict[str, Any] = {
    "kind": KIND,
    "depth": "quick",
    "bundle": {"name": "waste", "version": "2"},
    "runtime": "ai-edge-litert",
    "machine": {"processor": "AMD EPYC"},
    "goals": {"G1": 1.15, "G7.fifo": 0.04, "G9.rss": None},
}

figures = st.floats(0.01, 50)


@given(goals=st.dictionaries(st.sampled_from(sorted(GOALS)), figures))
def test_an_equal_run_never_regresses(goals: dict[str, float]) -> None:
    """It should find nothing worse in the same figures, and compare all of their ratios."""
    comparison = compare(goals, goals)
    assert comparison.regressions == []
    assert {change.goal.name for change in comparison.changes} == goals.keys() & set(RATIOS)
    assert not comparison.missing_now
    assert not comparison.missing_before


@given(name=st.sampled_from(RATIOS), before=figures, beyond=st.floats(0.01, 10))
def test_worse_beyond_the_margin_regresses(name: str, before: float, beyond: float) -> None:
    """It should find a goal worse as soon as it is worse by more than its margin, not before."""
    goal = GOALS[name]
    towards_worse = -1 if goal.higher else 1
    just_noise = before + towards_worse * 0.99 * goal.margin(before)
    too_much = before + towards_worse * (goal.margin(before) + beyond)
    better = before - towards_worse * beyond
    assert not compare({name: before}, {name: just_noise}).regressions
    assert not compare({name: before}, {name: better}).regressions
    (change,) = compare({name: before}, {name: too_much}).regressions
    assert str(change).startswith(name)


@given(looks=st.lists(st.floats(1.0, 3.0), min_size=SECOND_LOOKS, max_size=SECOND_LOOKS))
def test_what_seems_worse_is_believed_if_it_stays_worse(looks: list[float]) -> None:
    """It should compare the best of all looks, and look no more often than it has to."""
    limit = 1.1 + GOALS["G1"].margin(1.1)
    asked: list[list[str]] = []

    def measure(names: list[str]) -> dict[str, float]:
        asked.append(names)
        return {"G1": looks[len(asked) - 1], "G2": 99.0}

    comparison = compare_again({"G1": 1.1, "G2": 0.1}, {"G1": 3.0, "G2": 0.1}, measure)
    good = [value <= limit for value in looks]
    assert bool(comparison.regressions) == (not any(good))
    assert asked == [["G1"]] * (good.index(True) + 1 if any(good) else SECOND_LOOKS)
    figures_now = {change.goal.name: change.now for change in comparison.changes}
    assert figures_now == {"G1": min([3.0, *looks[: len(asked)]]), "G2": 0.1}


def test_what_is_as_good_is_not_measured_again() -> None:
    """It should look once where nothing seems worse; and keep the first look where none follows."""

    def never(names: list[str]) -> dict[str, float]:
        raise AssertionError(names)

    assert not compare_again({"G1": 1.1}, {"G1": 1.1}, never).regressions
    (change,) = compare_again({"G1": 1.1}, {"G1": 2.0}, lambda _: {}).regressions
    assert change.now == 2.0


def test_every_ratio_has_a_margin() -> None:
    """It should state for each ratio how much noise is; a margin of nothing fails by chance."""
    assert all(GOALS[name].margin(1.0) > 0 for name in RATIOS)


def test_milliseconds_are_never_compared() -> None:
    """It should not compare what belongs to the machine."""
    comparison = compare({"G7.fifo": 0.04, "G11": 0.0}, {"G7.fifo": 40.0, "G11": 18.0})
    assert comparison.changes == ()


def test_what_one_run_lacks_is_named() -> None:
    """It should name goals that only one run has, and those that are no number."""
    comparison = compare({"G1": 1.1, "G3": 1.2}, {"G1": 1.1, "G2": 0.1, "G3": math.nan})
    assert comparison.missing_now == ("G3",)
    assert comparison.missing_before == ("G2",)
    assert comparison_lines(comparison)[1:] == [
        "  not compared: only the baseline has G3",
        "  not compared: only this run has G2",
    ]


def test_a_stored_run_is_read(tmp_path: Path) -> None:
    """It should read terms and figures, and leave out what was no number."""
    file = tmp_path / "stored.json"
    file.write_text(json.dumps(STORED))
    stored = read_stored(str(file))
    assert stored == Stored(TERMS, {"G1": 1.15, "G7.fifo": 0.04}, "AMD EPYC")
    check_terms(str(file), stored, TERMS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"3",
        b"{}",
        json.dumps(STORED | {"kind": "another"}).encode(),
        json.dumps(STORED | {"goals": [1]}).encode(),
        json.dumps(STORED | {"goals": {"G1": "fast"}}).encode(),
        json.dumps(STORED | {"bundle": "waste"}).encode(),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """It should refuse in one line that names the file whatever is not a stored run."""
    file = tmp_path / "odd.json"
    file.write_bytes(content)
    with pytest.raises(WorkshopFault, match=r"odd\.json is not what") as fault:
        read_stored(str(file))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "terms",
    [
        Terms("full", "waste", "2", "ai-edge-litert"),
        Terms("quick", "other", "2", "ai-edge-litert"),
        Terms("quick", "waste", "3", "ai-edge-litert"),
        Terms("quick", "waste", "2", "tflite-runtime"),
    ],
)
def test_a_baseline_of_another_kind_of_run_is_refused(terms: Terms) -> None:
    """It should refuse to compare another depth, bundle, version or runtime, and say which."""
    stored = Stored(terms, {"G1": 1.1}, None)
    with pytest.raises(WorkshopFault, match="not compared") as fault:
        check_terms("stored.json", stored, TERMS)
    assert str(terms) in str(fault.value)
    assert str(TERMS) in str(fault.value)


def test_a_baseline_without_ratios_is_refused() -> None:
    """It should not pass a run because there was nothing to compare it with."""
    with pytest.raises(WorkshopFault, match="no ratio"):
        check_terms("stored.json", Stored(TERMS, {"G11": 0.0}, None), TERMS)
