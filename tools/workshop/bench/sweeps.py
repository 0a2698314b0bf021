"""The same road with another runtime, other threads, another type of input, more pieces.

Each value has its own raw invoke beside it, and its own ratio: what is compared within a row is the
road and its model; what is compared between rows is what a choice costs. The types of input are
those of small networks that come with the tests, alike but for their numbers; where the tests are
not there, only the bench's own bundle is measured.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import numpy as np

from sorterd.classifiers.bundle import load
from sorterd.classifiers.runtimes import MODULES, Runtime
from sorterd.ports import DeviceUnavailable
from tools.workshop.bench.driving import Drive, Way, drive, of_stage
from tools.workshop.bench.raw_invoke import RawInvoke
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.bench.throughput import saturate

TITLE: Final = "Runtime, threads, type of input, pieces in view"

TINY: Final = Path(__file__).resolve().parents[3] / "tests" / "classifiers" / "tiny"
"""Small bundles of the tests."""

_DTYPES: Final = ("int8", "uint8", "float32")
_PIECES: Final = (1, 4, 8)
_ROADS, _WIDE_ROADS = 40, 300
# A slow runtime is driven for fewer decisions: two frames and two raw invokes each.
_MOST_S, _WIDE_MOST_S = 2.5, 12.0
_RAW_CALLS = 15


def seconds(depth: Depth) -> float:
    """Return how long it takes here."""
    drives = len(MODULES) + len(_threads(depth)) + len(_dtypes(depth))
    pieces_s = len(_PIECES) * 3.5 if depth.wide else 0.0
    # tflite-runtime has no quick kernels for int8 on x86: it takes as long as it may.
    return drives * (1.5 + 0.012 * _roads(depth)) + _most_s(depth) + pieces_s


def measure(bench: Bench) -> Chapter:
    """Go through every choice in turn.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The bench's own runtime does not work here.
        DeviceFault: It failed.
    """
    rows = [
        *_runtimes(bench),
        *_thread_rows(bench),
        *_inputs(bench),
        *(_piece_rows(bench) if bench.depth.wide else ()),
    ]
    return Chapter("sweeps", TITLE, rows)


def _runtimes(bench: Bench) -> Iterator[Row]:
    for name in MODULES:
        try:
            yield _driven(bench, f"runtime {name}", name, 1)
        except DeviceUnavailable as missing:
            yield Row(f"runtime {name}", {}, str(missing))


def _thread_rows(bench: Bench) -> Iterator[Row]:
    cores = os.cpu_count() or 1
    for threads in _threads(bench.depth):
        note = "leaves no core to the road" if threads >= cores else ""
        yield _driven(bench, f"{threads} threads", bench.runtime, threads, note)


def _inputs(bench: Bench) -> Iterator[Row]:
    for dtype in _dtypes(bench.depth):
        folder = TINY / dtype
        if not folder.is_dir():
            yield Row(f"input {dtype}", {}, "the tests' small bundles are not installed here")
            continue
        tiny = replace(bench, bundle=load(folder))
        side_px = tiny.bundle.manifest.preprocessing.width_px
        note = f"a network of {side_px} x {side_px}: the road's own cost, hardly any model"
        yield _driven(tiny, f"input {dtype}: small", bench.runtime, 1, note)


def _piece_rows(bench: Bench) -> Iterator[Row]:
    for pieces in _PIECES:
        through = saturate(bench, pieces, spells=4)
        yield Row(f"{pieces} pieces in view, saturated", through.figures(), through.runtime)


def _driven(bench: Bench, name: str, runtime: str, threads: int, note: str = "") -> Row:
    raw = RawInvoke(
        bench.bundle, runtime=cast("Runtime", runtime), threads=threads, clock=bench.clock
    )
    raw_s = raw.typical_ns(_RAW_CALLS) / 1e9
    roads = min(_roads(bench.depth), max(10, round(_most_s(bench.depth) / (6 * raw_s + 0.004))))
    driven = drive(bench, Way(runtime, threads, roads))
    if not driven.roads:
        return Row(name, {"raw_ms": raw_s * 1e3}, "no decision in time: the machine is too busy")
    parts = (f"{driven.runtime}, {raw.dtype} input", f"{len(driven.roads)} decisions", note)
    said = "; ".join(filter(None, parts))
    return Row(name, _figures(driven), said)


def _figures(driven: Drive) -> dict[str, float]:
    def typical_ms(stage: str) -> float:
        stamps = of_stage(driven.roads, stage)
        return float(np.median([stamp.took_ns for stamp in stamps])) / 1e6

    return {
        "raw_ms": float(np.median(driven.raw_ms())),
        "road_ms": float(np.median(driven.took_ms())),
        "ratio_p50": driven.ratio(),
        "beside_invoke_ms": float(
            np.median([road.took_ns - road.own_ns for road in driven.roads]) / 1e6
        ),
        "crop_ms": typical_ms("crop"),
        "read_ms": typical_ms("scores") - typical_ms("infer"),
        "cpu_ms": float(np.median([road.worked_ns for road in driven.roads])) / 1e6,
    }


def _roads(depth: Depth) -> int:
    return _WIDE_ROADS if depth.wide else _ROADS


def _most_s(depth: Depth) -> float:
    return _WIDE_MOST_S if depth.wide else _MOST_S


def _threads(depth: Depth) -> tuple[int, ...]:
    # The settings take eight at most.
    most = min(8, os.cpu_count() or 1)
    # The first row of all is that of one thread.
    return tuple(range(1, most + 1)) if depth.wide else (most,)


def _dtypes(depth: Depth) -> tuple[str, ...]:
    return _DTYPES if depth.wide else (_DTYPES[0], _DTYPES[-1])
