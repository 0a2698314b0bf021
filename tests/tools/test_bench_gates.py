"""The chapters on gates and on pauses, on the smallest of bundles."""

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sorterd import realtime
from sorterd.classifiers.bundle import load
from sorterd.realtime import PRIORITIES, Place, place_at
from tools.workshop.bench import gates, pauses
from tools.workshop.bench.rows import Bench, Chapter, Depth

TINY = Path(__file__).parents[1] / "classifiers" / "tiny" / "int8"
SHALLOW = Depth(pairs=5, load_s=0.1, shots=20, starts=1, frames=60, wide=False)


@pytest.fixture
def bench() -> Bench:
    """Return a bench of the tiny bundle, with next to nothing of everything."""
    return Bench(load(TINY), "auto", SHALLOW)


@pytest.fixture
def left_as_it_was() -> Iterator[None]:
    """Fail a test after which the next chapter would not measure a usual process."""
    before = sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()
    watchers = len(gc.callbacks)
    yield
    assert (sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()) == before
    assert len(gc.callbacks) == watchers


def by_name(chapter: Chapter) -> dict[str, dict[str, float]]:
    """Return the figures of each row."""
    return {row.name: dict(row.figures) for row in chapter.rows}


@pytest.mark.usefixtures("left_as_it_was")
def test_every_movement_of_every_setting_is_told(bench: Bench) -> None:
    """It should time what was asked for, nothing early, and judge by its own rows.

    On a machine so busy that a gate is told to open after it should shut, that is one movement.
    And it should put back what it changes.
    """
    chapter = gates.measure(bench)
    rows = by_name(chapter)

    assert chapter.key == "gates"
    for load_name in ("idle", "inference", "Python hog"):
        assert rows[f"{load_name}, usual"]["bare_p99_x"] > 0
    told = [name for name in chapter.series if not name.endswith("bare sleep")]
    assert {name.removeprefix("late_ms:") for name in told} == set(rows) - {"FIFO"}
    for name in told:
        late_ms = list(chapter.series[name])
        judged = name.endswith("inference, usual")
        most = SHALLOW.shots * (3 if judged else 1)
        assert most / 2 <= len(late_ms) <= most
        assert late_ms == sorted(late_ms)
        assert late_ms[0] > 0
        assert rows[name.removeprefix("late_ms:")]["max_ms"] == late_ms[-1]
    assert chapter.goals["G7.plain"] == rows["inference, usual"]["bare_p99_x"]
    if place_at(PRIORITIES["gates"]).priority is not None:
        assert chapter.goals["G7.fifo"] == rows["inference, FIFO"]["p99_ms"]
        assert chapter.goals["G7.hog"] == rows["Python hog, FIFO"]["max_ms"]


def test_where_nobody_goes_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say so in a row, judge the rest, and leave out what could not be measured."""
    monkeypatch.setattr(
        realtime, "_take_place", lambda *_, **__: Place(None, "not allowed; ask somebody")
    )

    chapter = gates.measure(bench)

    (row,) = [row for row in chapter.rows if not row.figures]
    assert "not allowed; ask somebody" in row.note
    assert set(chapter.goals) == {"G7.plain"}
    assert not any("FIFO" in name for name in chapter.series)


@pytest.mark.usefixtures("left_as_it_was")
def test_pauses_of_both_ways(bench: Bench) -> None:
    """It should bring no full collection, leave no garbage, and look at far less in the end.

    And it should put back what it changes.
    """
    chapter = pauses.measure(bench)
    rows = by_name(chapter)
    own, station = rows["Python's own"], rows["the station's"]

    assert chapter.goals == {"G11": station["max_ms"]}
    assert station["full_collections"] == 0
    assert station["garbage"] == 0
    assert station["looked_at"] < own["looked_at"] / 10
    assert station["forced_full_ms"] < own["forced_full_ms"]


@pytest.mark.parametrize("seconds", [gates.seconds, pauses.seconds])
def test_more_takes_longer(seconds: Callable[[Depth], float]) -> None:
    """It should expect to take longer for more movements or frames."""
    deep = Depth(pairs=5, load_s=0.1, shots=600, starts=1, frames=6000, wide=True)

    assert 0 < seconds(SHALLOW) < seconds(deep)
