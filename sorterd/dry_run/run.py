"""One dry run, from its arguments to its table.

The report is made from the journal that the run wrote and from what the world
knows to have happened; the road itself never learns the truth.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sorterd.cameras import replay, simulated
from sorterd.clock import ManualClock, RealClock
from sorterd.core.batching import Cost
from sorterd.dry_run.filming import Filming
from sorterd.dry_run.live_line import LiveLine
from sorterd.dry_run.outputs import check_writable
from sorterd.dry_run.road import Arrival, OnSignal, Road
from sorterd.dry_run.scenery import build_world, pieces_from, simulated_trigger
from sorterd.dry_run.sources import camera_part, is_device
from sorterd.lockstep import NominalCost
from sorterd.ports import Camera
from sorterd.settings import Settings
from sorterd.simulation.report import Report, Run, report
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.world import PieceSource, World
from sorterd.sinks.journal import open_journal, read
from sorterd.wiring.devices import open_camera, simulated_gates
from sorterd.wiring.models import Model, check_together, open_model
from sorterd.wiring.parts import assemble
from sorterd.wiring.plans import bins_of
from sorterd.wiring.reviewing import Reviewing, open_reviewing
from sorterd.wiring.units import MS_NS

USUAL_S = 60.0
# A folder of the wrong files must not push the table off the screen.
MOST_TOLD = 10


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
        review: The folder for crops worth a person's look; the settings' own is a real station's.
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
    review: Path | None = None

    def run(self, on_signal: OnSignal) -> Report:
        """Run, print the table, write what was asked for.

        Args:
            on_signal: Told what to call when the process is asked to stop.

        Raises:
            DryRunFault: The arguments cannot work.
            PhotoFault: The folder of photographs holds none that could be used.
            SettingsFault: The settings do not fit each other or the model.
            BundleFault: The model must not be used.
            OutputFault: The report or film could not be written.
            ReportFault: The report could not be written after all.
            DeviceUnavailable: A camera, recording or film could not be opened.
            DeviceFault: One failed; what was seen until then has been told and written.
        """
        self._check_arguments()
        # The same batch sizes on every machine, for the same report; what they cost is nominal.
        model = open_model(self.settings, RealClock(), probing=not self.fast)
        try:
            check_together(self.settings, model, self._costs(model))
            told, arrival, passed_over = self._travel(model, on_signal)
        finally:
            model.close()
        print(told.table())
        _tell(passed_over)
        if self.report is not None:
            told.write(self.report)
        if arrival.fault is not None:
            raise arrival.fault
        return told

    def _check_arguments(self) -> None:
        if self.camera is not None and (self.images is not None or self.pieces is not None):
            raise DryRunFault(
                "--camera: leave out --images and --pieces, which belong to the simulated belt"
            )
        if self.camera is not None and self.fast and is_device(self.camera):
            raise DryRunFault(f"--fast: leave it out; {self.camera} shows the world in real time")
        if self.report is not None:
            check_writable("--report", self.report)
        if self.film is not None:
            check_writable("--film", self.film)

    def _costs(self, model: Model) -> Mapping[int, Cost]:
        """Return what the mind is to believe: measured, or nominal where time is manual."""
        if not self.fast:
            return model.costs
        nominal = self._nominal()
        return {size: Cost(nominal.of(size), nominal.of(size)) for size in model.costs}

    def _nominal(self) -> NominalCost:
        return NominalCost(call_ns=0, crop_ns=round(self.invoke_ms * MS_NS))

    @property
    def _lasts_s(self) -> float | None:
        if self.seconds is not None:
            return self.seconds
        recorded = self.camera is not None and not is_device(self.camera)
        return None if self.pieces is not None or recorded else USUAL_S

    def _travel(self, model: Model, on_signal: OnSignal) -> tuple[Report, Arrival, Sequence[str]]:
        clock = ManualClock() if self.fast else RealClock()
        gates, servos = simulated_gates(self.settings, clock)
        with ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="sorterd-")))
            journal = open_journal(folder / "journal.db", {"station": self.settings.name})
            opened.callback(journal.close)
            line = LiveLine(RealClock())
            opened.callback(line.close)
            reviewing = self._reviewing(model, opened)
            best_crops = reviewing.best_crops if reviewing else None
            station = assemble(self.settings, model, self._costs(model), gates, clock, best_crops)
            film = None
            if self.film is not None:
                film = opened.enter_context(
                    Filming(self.film, self.settings, servos, threaded=not self.fast)
                )
            start_ns = clock.now_ns()
            # They grow while pictures are opened: damage is found when a picture's turn comes.
            faulty: list[list[str]] = []
            world = None
            if self.camera is None:
                source, faults = pieces_from(self.images, model.bundle.labels)
                faulty.append(faults)
                world = self._world(source, servos, start_ns)
            trigger = simulated_trigger(self.settings, clock, world, self.seed)
            road = Road(
                station=station,
                sinks=(journal, line, reviewing.sink) if reviewing else (journal, line),
                line=line,
                start_ns=start_ns,
                lasts_s=self._lasts_s,
                onlooker=film,
                trigger=trigger,
            )
            open_one = partial(self._open_camera, clock, world, faulty)
            if isinstance(clock, ManualClock):
                arrival = road.in_lockstep(clock, open_one(), self._nominal(), on_signal)
            else:
                arrival = road.live(clock, open_one, on_signal)
            journal.close()
            if reviewing is not None:
                reviewing.sink.close()
                arrival = replace(arrival, fault=arrival.fault or reviewing.sink.fault)
            outcomes = tuple(read(folder / "journal.db"))
        passed_over = [line for lines in faulty for line in lines]
        if reviewing is not None:
            passed_over.insert(0, f"--review: {reviewing.summary}")
        if film is not None and film.left_out:
            passed_over.append(f"--film: {film.left_out} frames left out; film with --fast instead")
        run = Run(
            outcomes=outcomes,
            drops=arrival.drops,
            frames=station.pipeline.mind.frames_seen,
            ran_ns=clock.now_ns() - start_ns,
            tolerance_ns=self.settings.gate_tolerance_ms * MS_NS,
            runtime=model.runtime,
            bundle=model.bundle.name,
            seed=self.seed,
            placed=station.pipeline.mind.placed if trigger is not None else None,
        )
        told = report(run, bins_of(self.settings), world=world, until_ns=clock.now_ns())
        return told, arrival, passed_over

    def _reviewing(self, model: Model, opened: ExitStack) -> Reviewing | None:
        if self.review is None:
            return None
        reviewing = open_reviewing(self.settings, model, self.review, run=0, seed=self.seed)
        opened.callback(reviewing.sink.close)
        return reviewing

    def _world(
        self, source: PieceSource, servos: Mapping[str, SimulatedServo], start_ns: int
    ) -> World:
        return build_world(
            self.settings,
            source,
            servos=servos,
            seed=self.seed,
            pieces=self.pieces,
            seconds=self._lasts_s,
            start_ns=start_ns,
        )

    def _open_camera(
        self, clock: ManualClock | RealClock, world: World | None, faulty: list[list[str]]
    ) -> Camera:
        if world is not None:
            part = self.settings.camera
            usual = part if isinstance(part, simulated.Settings) else simulated.Settings()
            return simulated.open_part(usual, clock, world)
        part = camera_part(self.camera or "", self.settings)
        if isinstance(part, replay.Settings):
            recording = replay.open_part(part, clock)
            faulty.append(recording.faults)
            return recording
        return open_camera(part, self.settings.view, clock)


def _tell(passed_over: Sequence[str]) -> None:
    for line in passed_over[:MOST_TOLD]:
        print(f"sorterd: {line}", file=sys.stderr)
    if len(passed_over) > MOST_TOLD:
        print(f"sorterd: and {len(passed_over) - MOST_TOLD} more", file=sys.stderr)
