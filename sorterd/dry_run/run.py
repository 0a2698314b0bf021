"""One dry run, from its arguments to its table.

The report is made from the journal that the run wrote and from what the world
knows to have happened; the road itself never learns the truth.
"""

import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sorterd.cameras import replay, simulated, v4l2
from sorterd.clock import ManualClock, RealClock
from sorterd.core.batching import Cost
from sorterd.core.records import Drop
from sorterd.daemon import Daemon, Patience
from sorterd.dry_run.filming import Filming
from sorterd.dry_run.live_line import LiveLine
from sorterd.dry_run.scenery import build_world, pieces_from
from sorterd.lockstep import Lockstep, NominalCost
from sorterd.ports import Camera, Clock, DeviceFault, Sink
from sorterd.settings import Settings
from sorterd.simulation.photos import PhotoFault
from sorterd.simulation.report import Run, report
from sorterd.simulation.world import World
from sorterd.sinks.journal import open_journal, read
from sorterd.wiring import (
    MS_NS,
    Model,
    Station,
    assemble,
    check_together,
    open_camera,
    open_model,
    simulated_gates,
)

S_NS = 1_000_000_000
USUAL_S = 60.0


class DryRunFault(ValueError):
    """Arguments that cannot work. The message is one line: what, where, what to do."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What was asked for on the command line; `run` does it.

    Attributes:
        settings: Of the station; its gates are simulated whatever their kind.
        pieces: How many come; None for as many as the time allows.
        seconds: How long; None for a minute, or until the last of `pieces`.
        seed: Of all that is left to chance.
        images: Photographs to lay on the belt; None for drawn pieces.
        camera: A device, a video or a folder instead of the simulated belt.
        fast: On a manual clock.
        invoke_ms: With `fast`: what the model is said to need for a crop.
        film: Where to write what was seen.
        report: Where to write the report as JSON.
    """

    settings: Settings
    pieces: int | None = None
    seconds: float | None = None
    seed: int = 1
    images: Path | None = None
    camera: str | None = None
    fast: bool = False
    invoke_ms: float = 30.0
    film: Path | None = None
    report: Path | None = None

    def run(self, on_signal: Callable[[Callable[[], None]], None]) -> int:
        """Run, print the table, write what was asked for.

        Args:
            on_signal: Told what to call when the process is asked to stop.

        Returns:
            0.

        Raises:
            DryRunFault: The arguments cannot work.
            SettingsFault: The settings do not fit each other or the model.
            BundleFault: The model must not be used.
            DeviceUnavailable: A camera, recording or film could not be opened.
            DeviceFault: One failed; what was seen until then has been told and written.
        """
        self._check_arguments()
        model = open_model(self.settings, RealClock())
        try:
            check_together(self.settings, model, self._costs(model))
            self._run(model, on_signal)
        finally:
            model.classifier.close()
        return 0

    def _check_arguments(self) -> None:
        if self.camera is not None and self.images is not None:
            raise DryRunFault("--camera and --images: give only one; photos lie on the simulated belt")
        for flag, path in (("--report", self.report), ("--film", self.film)):
            if path is not None:
                _check_writable(flag, path)

    @property
    def _lasts_s(self) -> float | None:
        """How long the run may last; None until its camera is over."""
        if self.seconds is not None:
            return self.seconds
        recorded = self.camera is not None and not _is_device(self.camera)
        return None if self.pieces is not None or recorded else USUAL_S

    def _nominal(self) -> NominalCost:
        return NominalCost(call_ns=0, crop_ns=round(self.invoke_ms * MS_NS))

    def _costs(self, model: Model) -> Mapping[int, Cost]:
        if not self.fast:
            return model.costs
        nominal = self._nominal()
        return {size: Cost(nominal.of(size), nominal.of(size)) for size in model.costs}

    def _run(self, model: Model, on_signal: Callable[[Callable[[], None]], None]) -> None:
        clock: Clock = ManualClock() if self.fast else RealClock()
        gates, servos = simulated_gates(self.settings, clock)
        station = assemble(self.settings, model, self._costs(model), gates, clock)
        start_ns = clock.now_ns()
        world = None
        if self.camera is None:
            world = self._world(model, servos, start_ns)
        with ExitStack() as open_until_told:
            folder = open_until_told.enter_context(tempfile.TemporaryDirectory(prefix="sorterd-"))
            path = Path(folder) / "journal.db"
            line = LiveLine(RealClock())
            film = None
            if self.film is not None:
                film = open_until_told.enter_context(
                    Filming(self.film, self.settings, servos, threaded=not self.fast)
                )
            journal = open_journal(path, {"station": self.settings.name, "seed": str(self.seed)})
            journey = _Journey(self, clock, station, world, journal, line, film, start_ns)
            fault = journey.go(on_signal)
            line.close()
            journal.close()
            told = report(
                Run(
                    settings=...,
                )
            )
