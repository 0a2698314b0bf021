"""What an empty belt costs: the station's own process beside the plain loop, at 30 frames a second.

Three programs look at the same frames of an empty belt, in turn: the station (its command line and
all its threads), the plain OpenCV loop, and one that only waits for frames. What the waiting one
uses is taken off the other two, so that neither pays for the bench's camera; decoding and a
camera's device are in neither. In the station's figure are finding, following, the hand-offs
between its threads, its ticks, and its journal. A deep run counts once the station has known the
belt for its time constant of 20 s; a quick one counts from the start, when it learns several times
as often.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from tqdm import tqdm

from tools.workshop.bench.frames import empty_frames
from tools.workshop.bench.programs import run_program
from tools.workshop.bench.reel import COUNT, WARM, write_reel
from tools.workshop.bench.roster import network_of
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.bench.station_file import write_settings

TITLE: Final = "Empty belt: processor time of a frame"

STATION, NAIVE, WAITING = "sorterd", "plain OpenCV loop", "camera alone"
_HZ: Final = 30
_START_S: Final = 0.6
_KNOWN: Final = 22 * _HZ


def seconds(depth: Depth) -> float:
    """Estimate how long it takes."""
    own_s = _run_s(depth) + WARM / _HZ + _START_S
    known_s = _rounds(depth) * (_warm(depth) - WARM) / _HZ
    return 1.0 + (3 * _rounds(depth) + depth.wide) * own_s + known_s


def measure(bench: Bench) -> Chapter:
    """Run the three programs in turn.

    Raises:
        DeviceUnavailable: The runtime does not work here.
        BundleFault: The bundle must not be used.
        WorkshopFault: A program ended badly.
    """
    network = network_of(bench)
    frames = round(_run_s(bench.depth) * _HZ)
    with TemporaryDirectory(prefix="sorterd-bench-") as folder:
        room = Path(folder)
        reel = room / "reel.raw"
        empty = empty_frames(COUNT)
        write_reel(reel, empty, empty)
        config = write_settings(
            room / "station.toml", bench, {"journal.path": str(room / "journal.db")}
        )
        shown = [str(reel), "empty", str(frames)]
        run = partial(run_program, clock=bench.clock)
        cpu_ms: dict[str, list[float]] = {STATION: [], NAIVE: [], WAITING: []}
        rounds = tqdm(range(_rounds(bench.depth)), desc="empty belt", unit="round", leave=False)
        for _ in rounds:
            for name, program, arguments in (
                (WAITING, "paced_program.wait", shown),
                (STATION, "station_program.look", [str(config), *shown, str(_warm(bench.depth))]),
                (NAIVE, "paced_program.look", [*shown, *network.as_arguments()]),
            ):
                cpu_ms[name].append(run(program, arguments).last("cpu_ms"))
        chapter = told(cpu_ms, frames)
        if not bench.depth.wide:
            return chapter
        alone = run("pipeline_program.look", [str(config), *shown])
    naive_ms = median(cpu_ms[NAIVE]) - median(cpu_ms[WAITING])
    parts = [
        Row(
            f"sorterd, {name}",
            {
                "naive_frac": alone.last(figure) / naive_ms,
                "cpu_ms": alone.last(figure),
                "core_frac": alone.last(figure) * _HZ / 1e3,
            },
            note,
        )
        for name, figure, note in (
            ("find alone", "find_cpu_ms", "learning the belt is in it"),
            (
                "find and mind",
                "see_cpu_ms",
                "one thread; what is missing are threads and hand-offs",
            ),
        )
    ]
    return replace(chapter, rows=[*chapter.rows, *parts])


def told(cpu_ms: dict[str, list[float]], frames: int) -> Chapter:
    """Make a chapter of what the three programs used a frame, milliseconds, one figure a round."""
    waiting_ms = median(cpu_ms[WAITING])
    ratio = median(
        (own - waiting) / (other - waiting)
        for own, other, waiting in zip(cpu_ms[STATION], cpu_ms[NAIVE], cpu_ms[WAITING], strict=True)
    )
    notes = {
        STATION: "its own command line, all threads; the camera's share taken off",
        NAIVE: "the whole frame classified, frame by frame; the camera's share taken off",
    }
    rows = [
        Row(
            name,
            {
                "naive_frac": ratio if name == STATION else 1.0,
                "cpu_ms": median(cpu_ms[name]) - waiting_ms,
                "core_frac": (median(cpu_ms[name]) - waiting_ms) * _HZ / 1e3,
            },
            f"{note}; {frames} frames",
        )
        for name, note in notes.items()
    ]
    alone = {"cpu_ms": waiting_ms, "core_frac": waiting_ms * _HZ / 1e3}
    rows.append(Row(WAITING, alone, "waiting for a frame and reading it; taken off the others"))
    return Chapter("empty_belt", TITLE, rows, {"G10": ratio})


def _rounds(depth: Depth) -> int:
    return 3 if depth.wide else 1


def _warm(depth: Depth) -> int:
    """How many frames the station is shown before they count."""
    return _KNOWN if depth.wide else WARM


def _run_s(depth: Depth) -> float:
    return depth.load_s
