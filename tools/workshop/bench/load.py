"""What becomes of pieces when more comes than the model can score: G6.

Thirty frames a second with pieces on the belt, each of which wants a look in every frame, through
the daemon on the real clock. A camera cannot offer ten times what a quick network can take, so the
network is made slower: it is really asked several times for one answer, with no sleep anywhere, and
the station is told what that costs. The age of an answer is what has passed since its frame was
exposed when the sorter takes it in. Beside it stands a queue without bound.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.runtimes import Runtime
from sorterd.core.batching import Cost
from sorterd.core.records import Drop, Movement, Outcome, Reason
from sorterd.ports import Classifier, Clock
from sorterd.settings import Settings
from sorterd.wiring.models import open_model
from tools.workshop.bench.bench_camera import PacedCamera
from tools.workshop.bench.driving import MS_NS, empty_film, film, one_bin
from tools.workshop.bench.frames import FRAME_HZ, FRAME_NS, MM_PER_PX, WIDTH_PX
from tools.workshop.bench.opening import EVERY_FRAME, bench_settings
from tools.workshop.bench.raw_invoke import RawInvoke
from tools.workshop.bench.riding import Outcomes, riding
from tools.workshop.bench.rivals import unbounded
from tools.workshop.bench.roster import network_of
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.bench.watched import watched_station

TITLE: Final = "More pieces than the model can score"

_WIDE: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
_NARROW: Final = (2.0, 10.0)
_GOAL_AT: Final[Mapping[float, str]] = {2.0: "", 10.0: "_10x"}
_MANY, _ONE = 4, 1
_RAW_CALLS = 50
# What is on the belt at first has come from nowhere; this long it does not count.
_WARM_NS = 800_000_000
_SEEN_TO_THE_END_FRAC = 0.85


@dataclass(frozen=True, slots=True)
class Load:
    """What one offered load did.

    Attributes:
        offered_x: Looks wanted a second, divided by what the model can give.
        calls: How often the network is asked for one answer.
        call_ms: What one crop's answer took, median of this run; a busy machine slows it as well.
        ages_ms: Of every answer.
        decision_ages_ms: Of the newest view at the instant of each decision.
        fired_late: Gates that opened later than their tolerance.
        refused_late: Pulses that a gate refused for being late.
        fired: Gates that opened.
        superseded: Frames that a newer one took the place of.
        pieces: That were seen to the end of the view.
        missed: Of these, without any scores.
        reasons: How pieces ended.
        drops: What was not used.
    """

    offered_x: float
    calls: int
    call_ms: float
    ages_ms: npt.NDArray[np.float64]
    decision_ages_ms: npt.NDArray[np.float64]
    fired_late: int
    refused_late: int
    fired: int
    superseded: int
    pieces: int
    missed: int
    reasons: Mapping[str, int]
    drops: Mapping[Drop, int]

    @property
    def bound_ms(self) -> float:
        """One frame period and two invokes."""
        return FRAME_NS / MS_NS + 2 * self.call_ms

    @property
    def age_p99_ms(self) -> float:
        """Of the answers."""
        return float(np.percentile(self.ages_ms, 99)) if self.ages_ms.size else float("nan")

    @property
    def missed_frac(self) -> float:
        """Share of pieces without any scores."""
        return self.missed / max(1, self.pieces)


def seconds(depth: Depth) -> float:
    """Return how long it takes here."""
    return len(_offered(depth)) * (3.0 + depth.load_s) + min(depth.load_s, 3.0) + 1.0


def measure(bench: Bench) -> Chapter:
    """Offer one load after the other.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The runtime does not work here.
        DeviceFault: It failed.
    """
    raw = RawInvoke(
        bench.bundle, runtime=cast("Runtime", bench.runtime), threads=1, clock=bench.clock
    )
    rows, goals = [], dict[str, float]()
    loads = []
    for wanted_x in _offered(bench.depth):
        load = offer(bench, wanted_x, raw_ns=raw.typical_ns(_RAW_CALLS))
        loads.append(load)
        rows.append(_row(wanted_x, load))
        if wanted_x in _GOAL_AT and load.ages_ms.size:
            goals[f"G6.age{_GOAL_AT[wanted_x]}"] = load.age_p99_ms / load.bound_ms
            goals[f"G6.late{_GOAL_AT[wanted_x]}"] = float(load.fired_late)
    rows.append(_unbounded(bench))
    series = {
        "load": [load.offered_x for load in loads],
        "age_p99_ms": [load.age_p99_ms for load in loads],
        "missed_frac": [load.missed_frac for load in loads],
    }
    return Chapter("load", TITLE, rows, goals, series)


def offer(bench: Bench, wanted_x: float, *, raw_ns: float) -> Load:
    """Run a station under one load.

    Args:
        bench: Says which bundle, and for how long.
        wanted_x: Looks wanted a second, divided by what the model can give.
        raw_ns: A raw invoke.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The runtime does not work here.
        DeviceFault: It failed.
    """
    clock = bench.clock
    pieces = _MANY if _MANY * FRAME_HZ * raw_ns / 1e9 <= wanted_x else _ONE
    looks_hz = pieces * FRAME_HZ
    calls = max(1, round(wanted_x * 1e9 / (looks_hz * raw_ns)))
    call_ns = calls * raw_ns
    settings = _settings(bench, call_ns)
    opened = open_model(settings, clock)
    slower = _Slower(opened.classifier, calls, clock)
    model = replace(opened, classifier=cast("Classifier", slower))
    costs = {
        size: Cost(calls * cost.typical_ns, calls * cost.worst_ns)
        for size, cost in opened.costs.items()
    }
    station, pipeline = watched_station(settings, model, costs, None, clock)
    camera = PacedCamera(clock, empty_film(), film(pieces), tick_ns=FRAME_NS)
    outcomes = Outcomes()
    try:
        with riding(clock, station, camera, outcomes) as daemon:
            camera.ready.wait()
            from_ns = clock.now_ns() + max(_WARM_NS, round(2 * call_ns))
            clock.sleep_until(from_ns + round(bench.depth.load_s * 1e9))
            until_ns = clock.now_ns()
            drops = daemon.dropped()
    finally:
        opened.close()
    tolerance_ns = settings.gate_tolerance_ms * MS_NS
    ages_ns = [
        answer.now_ns - crop.exposed_ns
        for answer in pipeline.seen.answers
        if from_ns <= answer.now_ns <= until_ns
        for crop in answer.crops
    ]
    moves = pipeline.seen.moves
    opened_late = [each.late_ns for each in moves if each.movement is Movement.OPENED]
    whole = [each for each in outcomes.all if _seen_to_the_end(each)]
    return Load(
        offered_x=looks_hz * slower.typical_ns() / 1e9,
        calls=calls,
        call_ms=slower.typical_ns() / MS_NS,
        ages_ms=np.array(ages_ns) / MS_NS,
        decision_ages_ms=np.array(_decision_ages_ns(outcomes, from_ns, until_ns)) / MS_NS,
        fired_late=sum(late_ns > tolerance_ns for late_ns in opened_late),
        refused_late=sum(each.movement is Movement.REFUSED_LATE for each in moves),
        fired=len(opened_late),
        superseded=drops.get(Drop.FRAME_SUPERSEDED, 0),
        pieces=len(whole),
        missed=sum(each.crops == 0 for each in whole),
        reasons=outcomes.reasons(),
        drops=drops,
    )


class _Slower:
    """A classifier that really asks its model several times for one answer."""

    def __init__(self, own: Classifier, calls: int, clock: Clock) -> None:
        self._own = own
        self._calls = calls
        self._now_ns = clock.now_ns
        self._took_ns: list[float] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a classifier has
        return getattr(self._own, name)

    def scores(self, size: int, used: int) -> npt.NDArray[np.float32]:
        began_ns = self._now_ns()
        for _ in range(self._calls - 1):
            self._own.scores(size, used)
        scores = self._own.scores(size, used)
        self._took_ns.append((self._now_ns() - began_ns) / size)
        return scores

    def typical_ns(self) -> float:
        """Return what an answer took for each crop that its batch has room for: the median."""
        return float(np.median(self._took_ns)) if self._took_ns else float("nan")


def _offered(depth: Depth) -> tuple[float, ...]:
    return _WIDE if depth.wide else _NARROW


def _settings(bench: Bench, call_ns: float) -> Settings:
    """Return the usual belt with one gate, so that pieces that follow each other do not conflict.

    The gate takes its word early: pieces are decided before they have left the view.
    """
    return bench_settings(
        bench,
        {
            **EVERY_FRAME,
            **one_bin(bench, at_mm=400.0, move_ms=20, margin_mm=5.0),
            "belt.length_mm": 450.0,
            "lead_ms": 100,
            "judging.min_views": 100,
            "model.stall_ms": min(60_000, max(500, round(20 * call_ns / MS_NS))),
        },
    )


def _seen_to_the_end(outcome: Outcome) -> bool:
    return outcome.last_along_mm >= _SEEN_TO_THE_END_FRAC * WIDTH_PX * MM_PER_PX


def _decision_ages_ns(outcomes: Outcomes, from_ns: int, until_ns: int) -> list[int]:
    return [
        each.decided_ns - each.evidence_ns
        for each in outcomes.all
        if each.decided_ns is not None
        and each.evidence_ns is not None
        and from_ns <= each.decided_ns <= until_ns
    ]


def _row(wanted_x: float, load: Load) -> Row:
    ages, decided = load.ages_ms, load.decision_ages_ms
    figures = {
        "offered_x": load.offered_x,
        "call_ms": load.call_ms,
        "age_p50_ms": float(np.median(ages)) if ages.size else float("nan"),
        "age_p99_ms": load.age_p99_ms,
        "age_of_bound": load.age_p99_ms / load.bound_ms,
        "decision_age_p50_ms": float(np.median(decided)) if decided.size else float("nan"),
        "decision_age_max_ms": float(decided.max()) if decided.size else float("nan"),
        "missed_frac": load.missed_frac,
        "gates_fired": float(load.fired),
        "fired_late": float(load.fired_late),
        "refused_late": float(load.refused_late),
        "frames_superseded": float(load.superseded),
    }
    ended = {
        reason: count for reason, count in load.reasons.items() if reason != Reason.STOPPED.value
    }
    note = (
        f"the network is asked {load.calls} times for one answer; "
        f"{ages.size} answers, {load.pieces} pieces; ended: {_told(ended)}"
    )
    return Row(f"offered {wanted_x:g}x", figures, note)


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none yet"


def _unbounded(bench: Bench) -> Row:
    lasts_s = min(bench.depth.load_s, 3.0)
    ages_ms = unbounded.run(
        2.0,
        network=network_of(bench),
        frames=film(_MANY),
        lasts_s=lasts_s,
        clock=bench.clock,
    )
    figures = {
        "offered_x": 2.0,
        "age_p50_ms": float(np.median(ages_ms)),
        "age_p99_ms": float(np.percentile(ages_ms, 99)),
    }
    return Row(
        "a queue without bound, 2x",
        figures,
        f"after {lasts_s:g} s; it grows for as long as it runs",
    )
