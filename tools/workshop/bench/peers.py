"""What people use today, on the same frames and the same network, frame by frame in turn.

Every peer is shown each frame, with a raw invoke of the same runtime between them, so that a busy
machine is as busy for all. Whose turn is first changes with every frame. All share the caches in
this way, so that the raw invoke is a little slower here than where nothing else runs.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from statistics import median
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.classifiers.runtimes import without_chatter
from tools.workshop.bench.frames import WARM_UP, belt_frames, empty_frames
from tools.workshop.bench.programs import ACCOUNTS, run_program
from tools.workshop.bench.rivals.given import Loop, Network, Pixels
from tools.workshop.bench.roster import PEERS, Peer, networks, open_loop
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row

TITLE: Final = "Peers: from the frame in hand to the servo commanded"

RAW: Final = "raw"
_STARTS: Final = 3
# One frame for everybody, one start of one program, and drawing: on a quiet x86 machine.
_FRAME_S, _START_S, _DRAWING_S = 0.013, 0.35, 2.0


def seconds(depth: Depth) -> float:
    """Estimate how long it takes."""
    starts_s = len(PEERS) * (_STARTS + 1) * _START_S if depth.wide else 0.0
    return _DRAWING_S + depth.pairs * _FRAME_S + starts_s


def measure(bench: Bench) -> Chapter:
    """Show every peer each frame in turn.

    Raises:
        DeviceUnavailable: The runtime does not work here.
        BundleFault: It cannot read the model.
        WorkshopFault: A peer's program ended badly.
    """
    with networks(bench) as given:
        here: dict[Peer, Network] = {}
        absent: list[Row] = []
        for peer in PEERS:
            network = given.of(peer)
            if why := peer.missing or given.refusal * (network is None):
                absent.append(Row(peer.name, {}, why))
            elif network is not None:
                here[peer] = network
        with without_chatter():
            invoke = given.bundle.interpreter().invoke
        with ExitStack() as opened:
            loops: dict[str, Loop] = {}
            for peer, network in here.items():
                loops[peer.key] = open_loop(peer, network)
                opened.callback(loops[peer.key].close)
            took_ms = _took_ms(bench, loops, invoke)
        started = {
            peer.key: _started(bench, peer, network) if bench.depth.wide and ACCOUNTS else {}
            for peer, network in here.items()
        }
    raw_ms = took_ms.pop(RAW)
    rows = [Row("raw invoke", _spread(raw_ms), "what all of them ask for")]
    for peer in here:
        figures = {**_beside(took_ms[peer.key], raw_ms), **started[peer.key]}
        rows.append(Row(peer.name, figures, peer.note))
    series = {f"{key}_ms": some[~np.isnan(some)].tolist() for key, some in took_ms.items()}
    return Chapter(
        "peers", TITLE, [*rows, *absent], series={f"{RAW}_ms": raw_ms.tolist(), **series}
    )


def _took_ms(
    bench: Bench, loops: Mapping[str, Loop], invoke: Callable[[], None]
) -> dict[str, npt.NDArray[np.float64]]:
    """Time every loop and the raw invoke on each frame; not a number where a loop saw nothing."""
    frames = belt_frames(1)
    calls: dict[str, Callable[[Pixels], Any]] = {
        RAW: lambda pixels: invoke(),  # noqa: ARG005  # it is shown nothing
        **{key: loop.handle for key, loop in loops.items()},
    }
    for frame in (*empty_frames(WARM_UP), *frames[:WARM_UP]):
        for call in calls.values():
            call(frame)
    names = list(calls)
    took_ms = {name: np.full(bench.depth.pairs, np.nan) for name in names}
    for number in tqdm(range(bench.depth.pairs), desc="peers", unit="frame", leave=False):
        frame = frames[(WARM_UP + number) % len(frames)]
        first = number % len(names)
        for name in names[first:] + names[:first]:
            before_ns = bench.clock.now_ns()
            seen = calls[name](frame)
            after_ns = bench.clock.now_ns()
            if seen is not None or name == RAW:
                took_ms[name][number] = (after_ns - before_ns) / 1e6
    return took_ms


def _spread(took_ms: npt.NDArray[np.float64]) -> dict[str, float]:
    p50_ms, p99_ms = np.nanpercentile(took_ms, (50, 99))
    return {"p50_ms": float(p50_ms), "p99_ms": float(p99_ms)}


def _beside(took_ms: npt.NDArray[np.float64], raw_ms: npt.NDArray[np.float64]) -> dict[str, float]:
    """A peer's figures beside the raw invokes of the same frames."""
    seen = ~np.isnan(took_ms)
    if not seen.any():
        return {"seen_frac": 0.0}
    own_ms, raw_ms = took_ms[seen], raw_ms[seen]
    return {
        "raw_x": float(np.median(own_ms / raw_ms)),
        "raw_p99_x": float(np.percentile(own_ms, 99) / np.percentile(raw_ms, 99)),
        "overhead_ms": float(np.median(own_ms - raw_ms)),
        **_spread(own_ms),
        "seen_frac": float(seen.mean()),
    }


def _started(bench: Bench, peer: Peer, network: Network) -> dict[str, float]:
    """What a process of its own costs to start and to keep."""
    arguments = [peer.key, *network.as_arguments()]
    runs = [run_program("rivals.start.main", arguments, bench.clock) for _ in range(_STARTS + 1)][
        1:
    ]
    return {
        "start_ms": median(run.wall_ms for run in runs),
        "start_cpu_ms": median(run.cpu_ms for run in runs),
        "rss_mib": median(run.rss_mib for run in runs),
    }
