"""Run a real station from its settings until it is told to stop."""

import logging
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from sorterd.capture import Reopening
from sorterd.clock import RealClock
from sorterd.daemon import Daemon, Patience
from sorterd.ports import Sink
from sorterd.realtime import PRIORITIES, in_line, place_at
from sorterd.settings import Fault, Settings, SettingsFault
from sorterd.wiring import (
    MB_BYTES,
    MS_NS,
    assemble,
    check_together,
    open_camera,
    open_gates,
    open_model,
    open_reviewing,
)

log = logging.getLogger(__name__)


def run_station(settings: Settings, on_signal: Callable[[Callable[[], None]], None]) -> int:
    """Run until a signal or a fault.

    Args:
        settings: Each value within its bounds.
        on_signal: Told what to call when the process is asked to stop.

    Returns:
        0 after an orderly stop.

    Raises:
        SettingsFault: The settings do not fit each other, the model or a real station.
        BundleFault: The model must not be used.
        DeviceUnavailable: A device could not be opened.
        DeviceFault: A device failed for good.
    """
    if settings.camera.kind == "simulated":
        raise SettingsFault(
            [
                Fault(
                    "camera.kind",
                    "simulated",
                    "must be a camera that exists",
                    "set kind to v4l2, or try `sorterd --dry-run`",
                    settings.source_of(("camera", "kind")),
                )
            ]
        )
    clock = RealClock()
    model = open_model(settings, clock)
    check_together(settings, model, model.costs)
    place = place_at(PRIORITIES["gates"])
    log.log(logging.INFO if place.refused == "" else logging.WARNING, "%s", place.told)
    sinks: list[Sink] = []
    run = 0
    if settings.journal.path is not None:
        about = {
            "station": settings.name,
            "bundle": model.bundle.name,
            "runtime": model.runtime,
            "gate_priority": str(place),
        }
        # By name, for the 5 ms of sqlite3: a station may have no journal.
        opener = import_module("sorterd.sinks.journal")
        journal = opener.open_journal(
            settings.journal.path, about, most_bytes=round(settings.journal.most_mb * MB_BYTES)
        )
        run = journal.run
        sinks.append(journal)
    reviewing, best_crops = None, None
    if settings.review.folder is not None:
        reviewing = open_reviewing(settings, model, settings.review.folder, run=run, seed=run)
        best_crops = reviewing.best_crops
        sinks.append(reviewing.sink)
    # A servo's pulses are made on a thread that lgpio starts as it is opened.
    gates = in_line(PRIORITIES["gates"], lambda _: open_gates(settings, clock))
    for gate in gates.values():
        if getattr(gate, "mock", False):
            log.warning(
                "gate %s moves nothing: this is no Pi, so its pins are mock pins", gate.name
            )
    daemon = Daemon(
        clock=clock,
        station=assemble(settings, model, model.costs, gates, clock, best_crops),
        open_camera=lambda: open_camera(settings.camera, settings.view, clock),
        sinks=sinks,
        patience=_patience(settings),
    )
    on_signal(daemon.ask_to_stop)
    log.info("%s is running: %s on %s", settings.name, model.bundle.name, model.runtime)
    try:
        daemon.run(until_ns=None)
    finally:
        for sink in sinks:
            sink.close()
        if reviewing is not None:
            log.info("%s", reviewing.summary)
        model.close()
    return 0


def _patience(settings: Settings) -> Patience:
    usual = Patience(flush_ns=settings.journal.flush_ms * MS_NS)
    # A recording that ends too early ends as early the next time.
    recorded = settings.camera.kind == "replay"
    return replace(usual, camera=Reopening(after_ns=())) if recorded else usual
