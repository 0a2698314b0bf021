"""What a station holds beside a bare program, and whether it holds more after very many frames.

Memory in steady state is that of the station's own process (its command line, its threads) after it
has looked at a belt with pieces on it, at thirty frames a second. Growth is that of the whole road
on a manual clock, as fast as it goes, with a journal in a file: most of the time the belt is empty.
What is held during the first tenth of the frames is not counted, for it is the warm-up's. The
garbage collector is kept as the daemon keeps it; what the simulated gates remember is let go of.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from tqdm import tqdm

from tools.workshop.bench.frames import belt_frames, empty_frames
from tools.workshop.bench.programs import Finished, run_program
from tools.workshop.bench.reel import COUNT, WARM, write_reel
from tools.workshop.bench.roster import network_of
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.bench.station_file import write_settings

TITLE: Final = "Memory: held, and growing"

_HZ: Final = 30
_BARE_RUNS: Final = 3
# How many times memory is read in a run at least, and how many frames apart at most.
_LEAST_READINGS, _EVERY = 100, 1000
_WARM_FRAC: Final = 0.1
# Drawing and the other programs; a frame of the long run. On a quiet x86 machine.
_OVERHEAD_S, _FRAME_S = 4.0, 0.0004


def seconds(depth: Depth) -> float:
    """Estimate how long it takes."""
    return _OVERHEAD_S + depth.load_s + depth.frames * _FRAME_S


def measure(bench: Bench) -> Chapter:
    """Run a station, a bare program, and a station through very many frames.

    Raises:
        DeviceUnavailable: The runtime does not work here.
        BundleFault: The bundle must not be used.
        WorkshopFault: A program ended badly.
    """
    network = network_of(bench)
    with TemporaryDirectory(prefix="sorterd-bench-") as folder:
        room = Path(folder)
        reel = room / "reel.raw"
        write_reel(reel, empty_frames(COUNT), belt_frames(1, count=COUNT))
        config = write_settings(
            room / "station.toml", bench, {"journal.path": str(room / "journal.db")}
        )
        bare = [
            run_program("bare.main", [str(network.model), network.module], bench.clock)
            for _ in range(_BARE_RUNS)
        ]
        frames = round(bench.depth.load_s * _HZ)
        station = run_program(
            "station_program.look",
            [str(config), str(reel), "mixed", str(frames), str(WARM)],
            bench.clock,
        )
        every = max(1, min(_EVERY, bench.depth.frames // _LEAST_READINGS))
        with tqdm(total=bench.depth.frames, desc="frames", unit="frame", leave=False) as bar:
            long_run = run_program(
                "lockstep_program.main",
                [*map(str, (config, reel, room / "long.db", bench.depth.frames, every))],
                bench.clock,
                hear=lambda name, figure: bar.update(figure - bar.n) if name == "shown" else None,
            )
    bare_mib = median(run.rss_mib for run in bare)
    how = "" if "rss_mib" in station.said else "no /proc here: the most ever held; "
    growth = growth_of(long_run.said["shown"], _held_mib(long_run))
    growth["pieces"] = long_run.last("pieces")
    rows = [
        Row(
            "bare program",
            {**_figures(bare[-1], bare_mib), "bare_x": 1.0, "rss_mib": bare_mib},
            f"{how}numpy, an interpreter, one invoke",
        ),
        Row(
            "sorterd, steady",
            _figures(station, bare_mib),
            f"{how}after {frames} frames at {_HZ} Hz, its own command line and threads",
        ),
        Row(
            f"sorterd, {bench.depth.frames} frames",
            growth,
            f"{how}{bench.depth.frames / _HZ / 60:.1f} min of belt on a manual clock; the slope "
            "after the first tenth, and the last reading less the first",
        ),
    ]
    return Chapter(
        "memory",
        TITLE,
        rows,
        {"G9.rss": station.rss_mib / bare_mib, "G9.growth_mib": growth["growth_mib"]},
        {"frames": long_run.said["shown"], "rss_mib": _held_mib(long_run)},
    )


def growth_of(shown: Sequence[float], held_mib: Sequence[float]) -> dict[str, float]:
    """Tell by how much memory grew after the first tenth of the frames.

    Args:
        shown: Frames shown so far, rising; one for each reading.
        held_mib: The readings.

    Returns:
        `growth_mib`, the slope of the straight line through the readings times their frames, and
        `last_less_first_mib`.
    """
    frames, mib = np.array(shown), np.array(held_mib)
    counted = frames >= frames[-1] * _WARM_FRAC
    frames, mib = frames[counted], mib[counted]
    slope = float(np.polyfit(frames, mib, 1)[0]) if len(frames) > 1 else 0.0
    return {
        "growth_mib": slope * float(frames[-1] - frames[0]),
        "last_less_first_mib": float(mib[-1] - mib[0]),
        "held_mib": float(mib[-1]),
    }


def _held_mib(run: Finished) -> Sequence[float]:
    return run.said["rss_mib" if "rss_mib" in run.said else "peak_mib"]


def _figures(run: Finished, bare_mib: float) -> dict[str, float]:
    figures = {"bare_x": run.rss_mib / bare_mib, "rss_mib": run.rss_mib}
    return figures | ({"anon_mib": run.last("anon_mib")} if "anon_mib" in run.said else {})
