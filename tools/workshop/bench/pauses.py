"""How long the garbage collector stops everything: the station's way to keep memory, and Python's.

The same frames, with pieces on them, go down the whole road on a manual clock, journal and gates
included. Python tells when each collection begins and ends; how long it took is processor time, so
that no other program is taken for garbage. In the end everything is collected once, by force: how
many objects were garbage shows what was put off until then by never doing so, and how long it took,
what it would have cost.
"""

import gc
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tqdm import tqdm

from sorterd.clock import ManualClock, thread_cpu_ns
from sorterd.lockstep import Lockstep, NominalCost
from sorterd.ports import Frame
from sorterd.realtime import steady_memory
from sorterd.settings import Settings
from sorterd.sinks.journal import open_journal
from sorterd.wiring.devices import simulated_gates
from sorterd.wiring.models import Model
from sorterd.wiring.parts import assemble
from tools.workshop.bench.frames import (
    FRAME_NS,
    HEIGHT_PX,
    WARM_UP,
    WIDTH_PX,
    Pixels,
    belt_frames,
    empty_frames,
)
from tools.workshop.bench.opening import open_single
from tools.workshop.bench.rows import Bench, Chapter, Depth, Row

TITLE: Final = "Pauses for garbage"

_PIECES: Final = 4
# 900 frames bring 38 young collections; more frames bring more of the same.
_MOST_FRAMES: Final = 6000
# A frame of the road on a quiet x86 machine; drawing and opening.
_FRAME_S, _OPENING_S = 0.0025, 3.0


@dataclass(slots=True)
class _Watch:
    """What the collector did.

    Attributes:
        took_ns: Of each collection, by generation.
        full_ns: Of the one that was forced in the end.
        garbage: Objects that it took away.
        looked_at: Objects that it looked at.
    """

    took_ns: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    full_ns: int = 0
    garbage: int = 0
    looked_at: int = 0

    @property
    def longest_ms(self) -> float:
        """The longest pause; 0 if there was none."""
        return max((took for each in self.took_ns.values() for took in each), default=0) / 1e6

    def row(self, name: str, note: str) -> Row:
        """As a line of the table."""
        counts = {
            f"{which}_collections": float(len(self.took_ns[generation]))
            for generation, which in enumerate(("young", "middle", "full"))
        }
        return Row(
            name,
            {
                "max_ms": self.longest_ms,
                **counts,
                "forced_full_ms": self.full_ns / 1e6,
                "looked_at": float(self.looked_at),
                "garbage": float(self.garbage),
            },
            note,
        )


class _Belt:
    """Shows the same frames round and round on a manual clock. Meets `ports.Camera`."""

    width_px, height_px = WIDTH_PX, HEIGHT_PX

    def __init__(self, clock: ManualClock, empty: Sequence[Pixels], full: Sequence[Pixels]) -> None:
        self._clock = clock
        self._empty = empty
        self._full = full
        self._first_ns = clock.now_ns()
        self.shown = 0
        self.until = len(empty)

    @property
    def due_ns(self) -> int:
        """When the next frame is exposed."""
        return self._first_ns + self.shown * FRAME_NS

    def read(self) -> Frame | None:
        """Return the next frame; None from `until` on."""
        number = self.shown
        if number >= self.until:
            return None
        self.shown += 1
        late = number - len(self._empty)
        pixels = self._empty[number] if late < 0 else self._full[late % len(self._full)]
        return Frame(number, self._clock.now_ns(), pixels)

    def close(self) -> None:
        """There is nothing to let go of."""


def seconds(depth: Depth) -> float:
    """Estimate how long it takes."""
    return _OPENING_S + 2 * min(depth.frames, _MOST_FRAMES) * _FRAME_S


def measure(bench: Bench) -> Chapter:
    """Drive the road both ways.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The runtime does not work here.
    """
    frames = min(bench.depth.frames, _MOST_FRAMES)
    settings, model = open_single(bench, {})
    film = empty_frames(WARM_UP), belt_frames(_PIECES)
    ways: Mapping[str, AbstractContextManager[None]] = {
        "Python's own": nullcontext(),
        "the station's": steady_memory(),
    }
    watched = {}
    try:
        for name, way in tqdm(ways.items(), desc="collecting", unit="way", leave=False):
            watched[name] = _drive(settings, model, film, frames, way)
    finally:
        model.close()
    notes = {
        "Python's own": "a full one comes once enough has piled up; the bench's own memory counts",
        "the station's": "what there is after the start is frozen, and a full one never falls due",
    }
    rows = [watch.row(name, notes[name]) for name, watch in watched.items()]
    return Chapter("pauses", TITLE, rows, {"G11": watched["the station's"].longest_ms})


def _drive(
    settings: Settings,
    model: Model,
    film: tuple[Sequence[Pixels], Sequence[Pixels]],
    frames: int,
    way: AbstractContextManager[None],
) -> _Watch:
    """Put a station together, let it learn its belt, and watch it from then on."""
    manual = ManualClock()
    gates, _ = simulated_gates(settings, manual)
    camera = _Belt(manual, *film)
    with TemporaryDirectory(prefix="sorterd-bench-") as folder:
        journal = open_journal(Path(folder) / "journal.db")
        typical_ns = model.costs[1].typical_ns
        engine = Lockstep(
            clock=manual,
            station=assemble(settings, model, model.costs, gates, manual),
            camera=camera,
            sinks=(journal,),
            cost=NominalCost(call_ns=0, crop_ns=typical_ns),
        )
        engine.run(camera.due_ns + WARM_UP * FRAME_NS)
        camera.until += frames
        gc.collect()
        watch = _Watch()
        with way:
            with _collections(watch):
                engine.run(None)
            watch.looked_at = len(gc.get_objects())
            began_ns = thread_cpu_ns()
            watch.garbage = gc.collect()
            watch.full_ns = thread_cpu_ns() - began_ns
        journal.close()
    return watch


@contextmanager
def _collections(watch: _Watch) -> Iterator[None]:
    """Take note of every collection until the end of the block."""
    began_ns = 0

    def note(phase: str, about: dict[str, int]) -> None:
        nonlocal began_ns
        if phase == "start":
            began_ns = thread_cpu_ns()
        else:
            watch.took_ns[about["generation"]].append(thread_cpu_ns() - began_ns)

    gc.callbacks.append(note)
    try:
        yield
    finally:
        gc.callbacks.remove(note)
