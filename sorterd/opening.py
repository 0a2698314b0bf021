"""What a station is opened with: the model first, which may be wrong; then sinks and devices.

The rule: what is opened is let go of by `close` of whatever was returned, and
when something cannot be opened, what was opened before is let go of at once.
"""

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module

from sorterd.ports import Clock, Sink, Trigger
from sorterd.realtime import PRIORITIES, in_line, place_at
from sorterd.settings import Settings, ask_for_a_camera
from sorterd.vision.best_crops import BestCrops
from sorterd.wiring.devices import open_gates, open_trigger
from sorterd.wiring.models import Model, check_together, open_model
from sorterd.wiring.parts import Station, assemble
from sorterd.wiring.reviewing import Reviewing, open_reviewing
from sorterd.wiring.units import MB_BYTES

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Settings and a model that fit each other; no device is open yet."""

    settings: Settings
    model: Model

    @property
    def told(self) -> str:
        """One line for a person: what this station runs."""
        settings, model = self.settings, self.model
        gates = ", ".join(f"{name} ({gate.part.kind})" for name, gate in settings.gates.items())
        return (
            f"{model.bundle.name} on {model.runtime}, "
            f"camera {settings.camera.kind}, gates {gates or 'none'}, "
            f"journal {settings.journal.path or 'none'}"
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A station with its sinks, ready to run."""

    chosen: Chosen
    station: Station
    sinks: tuple[Sink, ...]
    reviewing: Reviewing | None = None
    trigger: Trigger | None = None

    def close(self) -> None:
        """Let go of model and sinks; gates and trigger are the daemon's. Harmless when repeated.

        Raises:
            DeviceFault: A sink's last rows could not be written.
        """
        with ExitStack() as closing:
            closing.callback(self.chosen.model.close)
            for sink in self.sinks:
                closing.callback(sink.close)


def choose(settings: Settings, clock: Clock) -> Chosen:
    """Open the model that settings name, and hold both against each other.

    Raises:
        SettingsFault: They do not fit each other, or a real station.
        BundleFault: The model must not be used.
        DeviceUnavailable: No runtime works here.
    """
    ask_for_a_camera(settings, "set kind to v4l2, or try `sorterd --dry-run`")
    model = open_model(settings, clock)
    with ExitStack() as failing:
        failing.callback(model.close)
        check_together(settings, model, model.costs)
        failing.pop_all()
    return Chosen(settings, model)


def open_station(chosen: Chosen, clock: Clock) -> Opened:
    """Open sinks and gates; the camera is opened by the thread that reads it.

    Raises:
        DeviceUnavailable: One could not be opened.
    """
    settings, model = chosen.settings, chosen.model
    place = place_at(PRIORITIES["gates"])
    log.log(logging.INFO if place.refused == "" else logging.WARNING, "%s", place.told)
    with ExitStack() as failing:
        run, sinks = _open_journal(chosen)
        for sink in sinks:
            failing.callback(sink.close)
        reviewing, best_crops = None, None
        if settings.review.folder is not None:
            folder = settings.review.folder
            reviewing = open_reviewing(settings, model, folder, run=run, seed=run)
            best_crops = reviewing.best_crops
            sinks = (*sinks, reviewing.sink)
            failing.callback(reviewing.sink.close)
        trigger = open_trigger(settings, clock)
        if trigger is not None:
            failing.callback(trigger.close)
        # A servo's pulses are made on a thread that lgpio starts as it is opened.
        gates = in_line(PRIORITIES["gates"], lambda _: open_gates(settings, clock))
        failing.pop_all()
    for gate in gates.values():
        if getattr(gate, "mock", False):
            log.warning(
                "gate %s moves nothing: this is no Pi, so its pins are mock pins", gate.name
            )
    station = assemble(settings, model, model.costs, gates, clock, best_crops)
    if trigger is not None and trigger.mock:
        log.warning("the trigger tells nothing: this is no Pi, so its pin is a mock pin")
    return Opened(chosen, station, sinks, reviewing, trigger)


def open_beside(chosen: Chosen, clock: Clock) -> Opened:
    """Open what can be open twice, beside a station that runs: no gate, no review.

    Raises:
        DeviceUnavailable: The journal could not be opened.
    """
    _, sinks = _open_journal(chosen)
    none: BestCrops | None = None
    station = assemble(chosen.settings, chosen.model, chosen.model.costs, {}, clock, none)
    return Opened(chosen, station, sinks)


def _open_journal(chosen: Chosen) -> tuple[int, tuple[Sink, ...]]:
    """Return the number of the run that begins, and the journal; 0 and none without one."""
    settings, model = chosen.settings, chosen.model
    if settings.journal.path is None:
        return 0, ()
    about = {
        "station": settings.name,
        "bundle": model.bundle.name,
        "runtime": model.runtime,
        "gate_priority": str(place_at(PRIORITIES["gates"])),
    }
    # By name, for the 5 ms of sqlite3: a station may have no journal.
    journal = import_module("sorterd.sinks.journal").open_journal(
        settings.journal.path, about, most_bytes=round(settings.journal.most_mb * MB_BYTES)
    )
    return journal.run, (journal,)
