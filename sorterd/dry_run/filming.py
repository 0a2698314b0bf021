"""Film a dry run: every frame with what the station knew of it, gates as they stood.

In lockstep frames are drawn as they come. In real time drawing has a thread of
its own, and a frame that it cannot keep up with is left out and counted: a film
must not hold up the road.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sorterd.cameras import simulated
from sorterd.clock import RealClock
from sorterd.core.records import PieceView
from sorterd.mailbox import Bell, Mailbox
from sorterd.ports import Frame
from sorterd.settings import Settings
from sorterd.simulation.servo import SimulatedServo
from sorterd.sinks.film import open_film
from sorterd.vision.overlay import STRIP_PX, GateView, StationPlan, draw

# Half a second of frames: a hiccup of the disk costs nothing, a slow machine loses frames.
ROOM = 16

Shot = tuple[Frame, tuple[PieceView, ...], int]


class Filming:
    """An onlooker that films. A context: the film is whole once it is left.

    Args:
        path: Where the film is to be.
        settings: Of the station.
        servos: Behind the gates, by name.
        threaded: Draw on a thread of its own.

    Raises:
        DeviceUnavailable: The film cannot be written.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        servos: Mapping[str, SimulatedServo],
        *,
        threaded: bool,
    ) -> None:
        self._settings = settings
        self._servos = servos
        camera = settings.camera
        rate_hz = camera.rate_hz if isinstance(camera, simulated.Settings) else 30.0
        self._film = open_film(
            path,
            width_px=settings.view.width_px,
            height_px=settings.view.height_px + STRIP_PX,
            rate_hz=rate_hz,
        )
        self._bell = Bell(RealClock())
        self._shots: Mailbox[Shot] = Mailbox(self._bell, ROOM)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw_shots, name="film") if threaded else None

    @property
    def left_out(self) -> int:
        """How many frames the film does not show."""
        return self._shots.lost

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._over.set()
            self._bell.ring()
            self._thread.join()
        self._film.close()

    def __call__(self, frame: Frame, views: tuple[PieceView, ...], now_ns: int) -> None:
        """Film one frame."""
        if self._thread is None:
            self._draw((frame, views, now_ns))
        else:
            self._shots.put((frame, views, now_ns))

    def _draw_shots(self) -> None:
        while True:
            while (shot := self._shots.take()) is not None:
                self._draw(shot)
            if self._over.is_set():
                return
            self._bell.wait_until(None)

    def _draw(self, shot: Shot) -> None:
        frame, views, now_ns = shot
        self._film.write(draw(frame.pixels, views, self._plan(now_ns), now_ns=now_ns))

    def _plan(self, now_ns: int) -> StationPlan:
        settings = self._settings
        bin_of = {each.gate: name for name, each in settings.bins.items()}
        belt = settings.station == "belt"
        gates = tuple(
            GateView(name, bin_of[name], self._servos[name].open_frac(now_ns), gate.at_mm)
            for name, gate in settings.gates.items()
        )
        along_px = (
            settings.view.width_px
            if settings.belt.direction in ("right", "left")
            else settings.view.height_px
        )
        return StationPlan(
            gates=gates,
            end_bin=settings.end_bin,
            view_mm=along_px * settings.view.mm_per_px if belt else None,
            length_mm=settings.belt.length_mm if belt else None,
        )
