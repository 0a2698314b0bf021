"""From the start of a process to being ready: the station beside a bare program and the peers.

Each program is started anew, in turn, so that a busy machine is as busy for all; once before
anything is measured, for the compiled bytecode and the files in the system's memory. What counts
is processor time, of all threads, by the kernel's own account. numpy's BLAS threads spin at their
start for as long as they find a processor, which is much of the bare program's time; the station
starts none. So on a busy machine the bare program takes less, and the ratio is higher.

The station is ready when its capture thread asks for the camera: settings read and checked, model
checked against its golden inputs and timed, gates opened (simulated ones), all threads running. The
time that a camera's device takes to open is in no figure. A peer is ready when it has handled its
first frame, as the bare program is with its first invoke.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from tqdm import tqdm

from tools.workshop.bench.programs import Finished, run_program
from tools.workshop.bench.roster import PEERS, networks
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row
from tools.workshop.bench.station_file import write_settings

TITLE: Final = "Start: processor time until ready"

BARE: Final = "bare program"
STATION: Final = "sorterd"
ONE_BLAS: Final = "bare program, one BLAS thread"
# Of a start of the programs that every run has, and of the further ones of a deep run.
_USUAL_S, _FURTHER_S = 0.6, 0.7

Start = Callable[[], Finished]


def seconds(depth: Depth) -> float:
    """Estimate how long it takes."""
    return (depth.starts + 1) * (_USUAL_S + _FURTHER_S * depth.wide) + 1.0


def measure(bench: Bench) -> Chapter:
    """Start every program so many times, in turn.

    Raises:
        DeviceUnavailable: The runtime does not work here.
        BundleFault: The bundle must not be used.
        WorkshopFault: A program ended badly.
    """
    with TemporaryDirectory(prefix="sorterd-bench-") as folder, networks(bench) as given:
        network = given.bundle
        bare = [str(network.model), network.module]
        config = write_settings(Path(folder) / "station.toml", bench)
        run = partial(run_program, clock=bench.clock)
        starts: dict[str, Start] = {
            BARE: partial(run, "bare.main", bare),
            STATION: partial(run, "station_program.start", [str(config)]),
        }
        notes = {
            BARE: "numpy, an interpreter, one invoke",
            STATION: f"{network.module}, the usual station; the camera's device is not in it",
        }
        absent = []
        if bench.depth.wide:
            starts[ONE_BLAS] = partial(
                run, "bare.main", bare, environment={"OPENBLAS_NUM_THREADS": "1"}
            )
            notes[ONE_BLAS] = "as sorterd sets it for itself: what is left of the bare program"
            for peer in PEERS:
                own = given.of(peer)
                if peer.missing or own is None:
                    absent.append(Row(peer.name, {}, peer.missing or given.refusal))
                    continue
                arguments = [peer.key, *own.as_arguments()]
                starts[peer.name] = partial(run, "rivals.start.main", arguments)
                notes[peer.name] = "until its first frame is handled"
        finished = _in_turn(starts, bench.depth.starts)
    rows = [
        Row(name, _figures(runs, finished[BARE]), notes[name]) for name, runs in finished.items()
    ]
    return Chapter(
        "startup",
        TITLE,
        [*rows, *absent],
        {"G8": _figures(finished[STATION], finished[BARE])["bare_x"]},
    )


def _in_turn(starts: Mapping[str, Start], times: int) -> dict[str, list[Finished]]:
    """Start each so many times, after one start that does not count."""
    finished: dict[str, list[Finished]] = {name: [] for name in starts}
    for number in tqdm(range(times + 1), desc="starts", unit="round", leave=False):
        for name, start in starts.items():
            ended = start()
            if number > 0:
                finished[name].append(ended)
    return finished


def _figures(runs: list[Finished], bare: list[Finished]) -> dict[str, float]:
    return {
        "bare_x": median(own.cpu_ms / other.cpu_ms for own, other in zip(runs, bare, strict=True)),
        "cpu_ms": median(run.cpu_ms for run in runs),
        "wall_ms": median(run.wall_ms for run in runs),
        "rss_mib": median(run.rss_mib for run in runs),
    }
