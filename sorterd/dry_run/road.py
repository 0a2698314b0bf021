"""The two ways to travel the road in a dry run: in real time with threads, or in lockstep.

A device that fails ends the journey, not the run: what was seen until then is
told all the same.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sorterd.capture import Reopening
from sorterd.clock import ManualClock, RealClock
from sorterd.core.records import Drop, PieceView
from sorterd.daemon import Daemon
from sorterd.dry_run.live_line import LiveLine
from sorterd.lockstep import Lockstep, NominalCost
from sorterd.patience import Patience
from sorterd.pipeline import Onlooker
from sorterd.ports import Camera, DeviceFault, Frame, Sink
from sorterd.triggers.simulated import SimulatedTrigger
from sorterd.wiring.parts import Station

S_NS = 1_000_000_000

OnSignal = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of a journey: what was not used, and the fault that ended it, if one did."""

    drops: Mapping[Drop, int]
    fault: DeviceFault | None


@dataclass(frozen=True, slots=True)
class Road:
    """A station ready to go.

    Attributes:
        station: Its parts.
        sinks: Take the outcomes.
        line: Shows how it goes.
        start_ns: When it starts.
        lasts_s: How long it may last; None until the camera is over.
        onlooker: Shown every frame; for a film.
        trigger: The simulated belt's light barrier, if the settings have one.
    """

    station: Station
    sinks: tuple[Sink, ...]
    line: LiveLine
    start_ns: int
    lasts_s: float | None
    onlooker: Onlooker | None
    trigger: SimulatedTrigger | None = None

    @property
    def _until_ns(self) -> int | None:
        return None if self.lasts_s is None else self.start_ns + round(self.lasts_s * S_NS)

    def in_lockstep(
        self, clock: ManualClock, camera: Camera, cost: NominalCost, on_signal: OnSignal
    ) -> Arrival:
        """Travel on the manual clock, as quickly as this machine can."""
        # A word left by the signal handler; it must not take a lock.
        asked: list[bool] = []
        on_signal(lambda: asked.append(True))

        def look(frame: Frame, views: tuple[PieceView, ...], now_ns: int) -> None:
            self._show(now_ns)
            if self.onlooker is not None:
                self.onlooker(frame, views, now_ns)

        engine = Lockstep(
            clock=clock,
            station=self.station,
            camera=camera,
            sinks=self.sinks,
            cost=cost,
            onlooker=look,
            trigger=self.trigger,
        )
        fault = None
        try:
            engine.run(self._until_ns, stop=lambda: bool(asked))
        except DeviceFault as broken:
            fault = broken
        finally:
            camera.close()
        return Arrival(engine.dropped(), fault)

    def live(
        self, clock: RealClock, open_camera: Callable[[], Camera], on_signal: OnSignal
    ) -> Arrival:
        """Travel in real time. A camera that fails is not opened again: a recording never mends."""
        engine = Daemon(
            clock=clock,
            station=self.station,
            open_camera=open_camera,
            sinks=self.sinks,
            patience=Patience(camera=Reopening(after_ns=())),
            onlooker=self.onlooker,
            trigger=self.trigger,
        )
        on_signal(engine.ask_to_stop)
        if self.trigger is not None:
            threading.Thread(target=self.trigger.run, name="trigger", daemon=True).start()
        fault = None
        try:
            engine.run(self._until_ns, each_ns=S_NS // 4, look=lambda: self._show(clock.now_ns()))
        except DeviceFault as broken:
            fault = broken
        return Arrival(engine.dropped(), fault)

    def _show(self, now_ns: int) -> None:
        self.line.show((now_ns - self.start_ns) / S_NS, self.lasts_s)
