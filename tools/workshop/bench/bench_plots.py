"""A bench's plots: drawn from the chapters' series, as far as they are there.

A plot is a function that draws on axes, so the same drawing serves a page and a file. A series
that is missing, or has no number in it, is not drawn; a plot with nothing to draw does not exist.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tools.workshop.bench.chapters import Told
from tools.workshop.bench.goals import GOALS

Draw = Callable[[Any], None]
Series = Mapping[str, Sequence[float]]
_Numbers = npt.NDArray[np.float64]

_BLUE, _ORANGE, _GREY = "#1f6feb", "#bc4c00", "#8c959f"
_COLOURS: Final = (_BLUE, _ORANGE, "#1a7f37", "#8250df", "#bf3989", "#57606a")
_SIZE: Final = (7.0, 4.0)
_DOTS_PER_INCH: Final = 130
_PER_SETTING: Final = "late_ms:"
_LEAST_MS: Final = 1e-3
# Marks between powers of ten, for an axis that is not longer than so many decades.
_MARKS: Final = (
    (1.0, (1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)),
    (3.0, (1.0, 2.0, 5.0)),
    (math.inf, (1.0,)),
)


def plots(told: Sequence[Told]) -> dict[str, Draw]:
    """Return what can be drawn: a file's name without its ending, and the drawing."""
    series = {one.chapter.key: one.chapter.series for one in told}
    found = {
        "latency": _latency(series.get("road", {})),
        "load": _load(series.get("load", {})),
        "batches": _batches(series.get("batches", {})),
        "gates": _gates(series.get("gates", {})),
        "peers": _peers(series.get("peers", {})),
    }
    return {name: draw for name, draw in found.items() if draw is not None}


def as_png(draw: Draw) -> bytes:
    """Draw on a picture of its own."""
    figure = import_module("matplotlib.figure").Figure(_SIZE, layout="constrained")
    draw(figure.add_subplot())
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return file.getvalue()


def _latency(series: Series) -> Draw | None:
    named = {"raw invoke": "raw_ms", "whole road": "road_ms"}
    curves = {what: found for what, name in named.items() if (found := _numbers(series, name)).size}
    if not curves:
        return None
    return partial(
        _cumulative,
        curves=curves,
        title="One piece, from exposure to pulse planned",
        what="milliseconds",
    )


def _gates(series: Series) -> Draw | None:
    curves = {
        name.removeprefix(_PER_SETTING): found
        for name in series
        if name.startswith(_PER_SETTING) and (found := _numbers(series, name)).size
    }
    if not curves:
        return None
    return partial(
        _cumulative, curves=curves, title="How late gates move", what="milliseconds late"
    )


def _peers(series: Series) -> Draw | None:
    """One curve for each peer; their names end in the unit."""
    curves = {
        name.removesuffix("_ms").replace("_", " "): found
        for name in series
        if (found := _numbers(series, name)).size
    }
    if not curves:
        return None
    return partial(
        _cumulative,
        curves=curves,
        title="One frame, from the frame in hand to the servo commanded",
        what="milliseconds",
    )


def _cumulative(axes: Any, *, curves: Mapping[str, _Numbers], title: str, what: str) -> None:  # noqa: ANN401 - matplotlib's axes
    """Share of calls that took no longer, on a scale on which the far end is still seen."""
    for place, (name, values) in enumerate(curves.items()):
        # What is not above zero has no place on a scale of powers; less than a microsecond is none.
        ordered = np.sort(np.maximum(values, _LEAST_MS))
        share = np.arange(1, ordered.size + 1) / ordered.size
        p50, p99 = np.percentile(ordered, (50, 99))
        axes.step(
            ordered,
            share,
            where="post",
            color=_COLOURS[place % len(_COLOURS)],
            linestyle="-" if place < len(_COLOURS) else "--",
            label=f"{name}: p50 {p50:.3g}, p99 {p99:.3g}",
        )
    axes.set_xscale("log")
    least, most = (max(_LEAST_MS, edge) for edge in axes.get_xlim())
    # Powers of ten lie too far apart to read a millisecond and a half.
    between = next(marks for decades, marks in _MARKS if most < 10**decades * least)
    ticks = import_module("matplotlib.ticker")
    axes.xaxis.set_major_locator(ticks.LogLocator(subs=between))
    axes.xaxis.set_major_formatter(ticks.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(ticks.NullFormatter())
    axes.set_xlabel(what)
    axes.set_ylabel("share that took no longer")
    axes.set_title(title)
    axes.grid(color="#e6e9ed")
    # Below, where no curve runs.
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, fontsize="small")


def _load(series: Series) -> Draw | None:
    load, age = _numbers(series, "load"), _numbers(series, "age_p99_ms")
    missed = _numbers(series, "missed_frac")
    if not load.size or load.size not in (age.size, missed.size):
        return None

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        axes.set_xscale("log", base=2)
        axes.set_xticks(load, [f"{each:.3g}x" for each in load])
        axes.set_xlabel("offered load, of what the model can do")
        axes.set_title("What becomes of decisions under load")
        axes.grid(color="#e6e9ed")
        beside = axes
        if missed.size == load.size:
            axes.plot(load, 100 * missed, "o-", color=_ORANGE)
            axes.set_ylabel("pieces without a decision, %", color=_ORANGE)
            axes.set_ylim(0, max(5.0, 105 * float(missed.max())))
            beside = axes.twinx() if age.size == load.size else axes
        if age.size == load.size:
            beside.plot(load, age, "s--", color=_BLUE)
            beside.set_ylabel("age of decisions, p99, ms", color=_BLUE)
            beside.set_ylim(0, 1.1 * float(age.max()) or 1.0)

    return draw


def _batches(series: Series) -> Draw | None:
    batch, ratio = _numbers(series, "batch"), _numbers(series, "cost_ratio")
    if not batch.size or batch.size != ratio.size:
        return None

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
        axes.axhline(1.0, color=_GREY, linewidth=1)
        if (must := GOALS["G4"].must) is not None:
            axes.axhline(must, color=_GREY, linewidth=1, linestyle=":", label=f"must: {must:g}")
        axes.plot(batch, ratio, "o-", color=_BLUE, label="measured")
        axes.set_xticks(batch, [f"{each:g}" for each in batch])
        axes.set_xlabel("pieces in a batch")
        axes.set_ylabel("cost / that of as many single calls")
        axes.set_title("What a batch costs")
        axes.set_ylim(0, 1.15 * max(1.0, float(ratio.max())))
        axes.grid(color="#e6e9ed")
        axes.legend(fontsize="small")

    return draw


def _numbers(series: Series, name: str) -> _Numbers:
    """A series' numbers; nothing if one of them is none, since places would no longer agree."""
    values = np.asarray(series.get(name, ()), np.float64)
    return values if np.isfinite(values).all() else np.empty(0)
