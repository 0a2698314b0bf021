"""One piece, from the exposure of its frame to the pulse for its gate, stage by stage: G1 to G3.

Driven through the daemon's own threads; see `driving.py`. Each road has its raw invoke, taken right
after it, so what a busy machine does to the one it does to the other. Stages do not add up to the
road: what runs while the model is asked costs processor time and not the road's, and its row says
how much of it did.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np

from tools.workshop.bench.driving import Drive, Road, Way, drive
from tools.workshop.bench.frames import FRAME_NS
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.bench.stopwatch import Stamp, figures, stamp_cost_ns

TITLE: Final = "The road of one piece, from exposure to the pulse planned"

# Fewer say nothing about one in a hundred.
_LEAST_ROADS = 300
# At 30 Hz there are fifteen decisions a second.
_PACED_SHARE = 0.15

_STAGES: Final[Sequence[tuple[str, str, str]]] = (
    ("expect", "expect", "where the piece must be, before the frame is looked at"),
    ("crop", "crop", ""),
    ("infer", "infer", "the invoke within the road"),
    ("find", "find", "regions of the frame"),
    ("follow", "follow", "regions to pieces, and whether the expected one is there"),
)
"""Stages with stamps of their own: row, stamp, note."""

_HANDOFFS: Final[Sequence[tuple[str, str, str]]] = (
    ("hand-off: job", "job put", "job taken"),
    ("hand-off: answer", "scores", "answer taken"),
    ("hand-off: pulse", "judge", "pulse taken"),
)
"""From the end of one stamp to the beginning of another."""


def seconds(depth: Depth) -> float:
    """Return how long it takes here."""
    roads, paced = _counts(depth)
    return 2.5 + 0.012 * roads + 0.067 * paced


def measure(bench: Bench) -> Chapter:
    """Drive back to back, then at 30 frames a second.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The runtime does not work here.
        DeviceFault: It failed, or no road came to its end.
    """
    roads, paced = _counts(bench.depth)
    quick = drive(bench, Way(bench.runtime, 1, roads))
    slow = drive(bench, Way(bench.runtime, 1, paced, FRAME_NS))
    rows = [
        *_whole("road, back to back", quick),
        *_stages(quick, stamp_cost_ns(bench.clock)),
        *_whole("road at 30 Hz", slow),
    ]
    if not quick.roads:
        return Chapter("road", TITLE, rows)
    goals = {"G1": quick.ratio(), "G2": quick.beside_ratio(), "G3": quick.tail_ratio()}
    series = {
        "road_ms": sorted(map(float, quick.took_ms())),
        "raw_ms": sorted(map(float, quick.raw_ms())),
    }
    return Chapter("road", TITLE, rows, goals, series)


def _counts(depth: Depth) -> tuple[int, int]:
    roads = max(depth.pairs, _LEAST_ROADS)
    return roads, round(_PACED_SHARE * roads)


def _whole(name: str, driven: Drive) -> list[Row]:
    if not driven.roads:
        return [Row(name, {}, f"no decision in {driven.frames} frames: the machine is too busy")]
    raw = figures(road.raw_ns for road in driven.roads)
    took = figures(road.took_ns for road in driven.roads)
    worked_ms = float(np.median([road.worked_ns for road in driven.roads])) / 1e6
    first = driven.first_looks
    rows = [
        Row(
            name,
            {
                **took,
                "cpu_ms": worked_ms,
                "ratio_p50": driven.ratio(),
                "beside_invoke_ratio_p50": driven.beside_ratio(),
                "p99_ratio": driven.tail_ratio(),
            },
            _counted(driven),
        ),
        Row(
            f"{name}: raw invoke",
            {
                **raw,
                "cpu_ms": float(np.median([road.raw_worked_ns for road in driven.roads])) / 1e6,
                "ratio_p50": 1.0,
            },
            f"{driven.runtime}, one after each road, while the station is idle",
        ),
    ]
    if first:
        rows.append(
            Row(
                f"{name}: first look",
                {
                    **figures(road.took_ns for road in first),
                    "cpu_ms": float(np.median([road.worked_ns for road in first])) / 1e6,
                    "ratio_p50": float(np.median([road.took_ns / road.raw_ns for road in first])),
                },
                "exposure to scores taken in; a new piece is found before it can be cropped",
            )
        )
    return rows


def _counted(driven: Drive) -> str:
    words = [f"{len(driven.roads)} decisions, {driven.frames} frames"]
    if driven.not_there:
        words.append(f"{driven.not_there} crops cut in vain")
    if driven.late:
        words.append(f"{driven.late} pulses refused: road too late")
    return ", ".join(words)


def _stages(driven: Drive, stamp_ns: float) -> list[Row]:
    roads = driven.roads
    if not roads:
        return []
    raw_ms = float(np.median(driven.raw_ms()))

    def row(name: str, stamps: Sequence[Stamp], note: str = "") -> Row:
        took = figures(stamp.took_ns for stamp in stamps)
        told = {**took, "cpu_ms": float(np.median([stamp.cpu_ns for stamp in stamps])) / 1e6}
        return Row(name, {**told, "ratio_p50": told["p50_ms"] / raw_ms}, note)

    rows = [row("hand-off: frame", _each(roads, _frame_hand_off), "capture to sort thread")]
    for name, stage, note in _STAGES:
        stamps = _each(roads, partial(_in_road, stage=stage))
        if stamps:
            beside = _beside_frac(roads, stage)
            told = f"{beside:.0%} of it beside the invoke" if beside > 0.01 else ""
            rows.append(row(name, stamps, "; ".join(filter(None, (note, told)))))
    rows.append(row("read the answer", _each(roads, _reading), "outputs to scores"))
    looked = [stamp for road in driven.first_looks for stamp in _in_road(road, "judge")]
    decided = _each(roads, lambda road: _in_road(road, "judge"))
    if looked and decided:
        judged_ns = float(np.median([stamp.took_ns for stamp in looked]))
        rows.append(row("judge", looked, "scores to a verdict: a look that does not decide"))
        rows.append(
            row(
                "decide and schedule",
                [
                    stamp._replace(
                        began_ns=stamp.began_ns + min(stamp.took_ns, round(judged_ns)),
                        cpu_ns=max(0, stamp.cpu_ns - round(judged_ns)),
                    )
                    for stamp in decided
                ],
                "what a look that decides needs beyond judging: verdict to pulse",
            )
        )
    for name, before, after in _HANDOFFS:
        stamps = _each(roads, partial(_between, before=before, after=after))
        if stamps:
            after_road = "to the gate thread; not part of the road"
            rows.append(row(name, stamps, after_road if after == "pulse taken" else ""))
    per_road = float(np.median([len(_of_road(road)) for road in roads]))
    cost_ms = stamp_ns / 1e6
    rows.append(
        Row(
            "the stopwatch itself",
            {"p50_ms": per_road * cost_ms, "ratio_p50": per_road * cost_ms / raw_ms},
            f"{per_road:.0f} stamps a road, {stamp_ns / 1e3:.1f} us each; not subtracted anywhere",
        )
    )
    return rows


def _each(roads: Sequence[Road], pick: Callable[[Road], list[Stamp]]) -> list[Stamp]:
    return [stamp for road in roads for stamp in pick(road)]


def _of_road(road: Road) -> list[Stamp]:
    ended_ns = road.exposed_ns + road.took_ns
    return [stamp for stamp in road.stamps if road.exposed_ns <= stamp.began_ns < ended_ns]


def _in_road(road: Road, stage: str) -> list[Stamp]:
    return [stamp for stamp in _of_road(road) if stamp.stage == stage]


def _between(road: Road, before: str, after: str) -> list[Stamp]:
    """Return the hand-off between two stages, as a stamp without processor time."""
    first = _in_road(road, before)
    if not first:
        return []
    later = [s for s in road.stamps if s.stage == after and s.began_ns >= first[-1].ended_ns]
    return [Stamp(after, first[-1].ended_ns, later[0].began_ns, 0)] if later else []


def _frame_hand_off(road: Road) -> list[Stamp]:
    taken = _in_road(road, "frame taken")
    return [Stamp("frame", road.exposed_ns, taken[0].began_ns, 0)] if taken else []


def _reading(road: Road) -> list[Stamp]:
    scores, invokes = _in_road(road, "scores"), _in_road(road, "infer")
    if not scores or not invokes:
        return []
    cpu_ns = scores[0].cpu_ns - invokes[0].cpu_ns
    return [Stamp("read", invokes[0].ended_ns, scores[0].ended_ns, max(0, cpu_ns))]


def _beside_frac(roads: Sequence[Road], stage: str) -> float:
    """Return how much of a stage's time lay within the road's own invoke, 0 to 1."""
    within_ns, whole_ns = 0, 0
    if stage == "infer":
        return 0.0
    for road in roads:
        for invoke in _in_road(road, "infer"):
            for stamp in road.stamps:
                if stamp.stage != stage or stamp.began_ns < road.exposed_ns:
                    continue
                first_ns = max(stamp.began_ns, invoke.began_ns)
                within_ns += max(0, min(stamp.ended_ns, invoke.ended_ns) - first_ns)
                whole_ns += stamp.took_ns
    return within_ns / whole_ns if whole_ns else 0.0
