"""The station's figures as Prometheus reads them, of the newest run.

A run's counts begin at 0, as every counter does whose program was started anew.
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sorterd.console.state import State
from sorterd.sinks.summary import LATE_MS, Summary


class _Figures(Collector):
    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        """Return every figure there is."""
        running = "Whether the station holds its devices and sorts."
        yield GaugeMetricFamily("sorterd_running", running, float(self._state.running))
        readable = "Whether the journal could be read."
        yield GaugeMetricFamily("sorterd_journal_readable", readable, bool(self._state.summary))
        if self._state.summary is not None:
            yield from _of_the_run(self._state.summary)
        if self._state.last_ago_ns is not None:
            ago = "Time since the last piece ended."
            yield GaugeMetricFamily(
                "sorterd_last_piece_age_seconds", ago, self._state.last_ago_ns / 1e9
            )


def exposition(state: State) -> bytes:
    """Return the text of `/metrics`."""
    registry = CollectorRegistry()
    registry.register(_Figures(state))
    return generate_latest(registry)


def _of_the_run(summary: Summary) -> Iterator[Metric]:
    about = "The newest run: its number, and what it was made with."
    run = GaugeMetricFamily("sorterd_run", about, labels=("station", "bundle", "runtime"))
    told = summary.run.about
    run.add_metric([told.get(key, "") for key in ("station", "bundle", "runtime")], summary.run.run)
    yield run
    pieces = CounterMetricFamily(
        "sorterd_pieces", "Pieces of this run, by bin and reason.", labels=("bin", "reason")
    )
    for (name, reason), count in summary.counts.items():
        pieces.add_metric([name, reason.value], count)
    yield pieces
    late = summary.lateness
    buckets = [
        (str(bound_ms / 1000), float(n)) for bound_ms, n in zip(LATE_MS, late.within, strict=True)
    ]
    yield HistogramMetricFamily(
        "sorterd_gate_lateness_seconds",
        "How late gates began to open in this run.",
        buckets=[*buckets, ("+Inf", float(late.count))],
        sum_value=late.sum_ns / 1e9,
    )
