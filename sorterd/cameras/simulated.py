"""A camera over a simulated world: the world's pictures at even, absolute instants.

Frame n is exposed n periods after the camera was opened, however long the frames before it took:
the schedule never drifts. Whoever reads too slowly misses frames, as with a sensor, and sees it by
the sequence. The settings say what there is to see; the world shows it.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from sorterd.core.belt import Direction
from sorterd.ports import Clock, DeviceFault, Frame, PartSettings
from sorterd.simulation.scene import BeltScene, Look, TrayScene
from sorterd.simulation.world import World

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class Settings(PartSettings):
    """The simulated camera and what lies before it."""

    kind: Literal["simulated"] = "simulated"
    rate_hz: float = Field(30, ge=1, le=240)
    """Frames a second."""
    exposure_ms: float = Field(4, ge=0, le=100)
    """Time in which the sensor collects light; longer smears what moves."""
    noise_levels: float = Field(2, ge=0, le=40)
    """Noise of the sensor, grey levels of 255."""
    texture_levels: float = Field(3, ge=0, le=40)
    """Grain and dirt of the belt, grey levels."""
    scratches: int = Field(40, ge=0, le=1000)
    """Scratches on the belt's whole loop."""
    light_drift_frac: float = Field(0.04, ge=0, le=0.5)
    """Share by which the light drifts up and down."""
    light_period_s: float = Field(45, ge=1, le=3600)
    """Time of one such drift."""
    vignette_frac: float = Field(0.12, ge=0, le=0.9)
    """Share by which the corners are darker than the middle."""
    speed_jitter_frac: float = Field(0.01, ge=0, le=0.5)
    """Share by which the belt's speed wavers."""
    gap_mm: float = Field(260, ge=0, le=10_000)
    """Mean distance from the middle of one piece to that of the next."""
    clear_mm: float = Field(70, ge=0, le=10_000)
    """Belt left bare between two pieces, but for bursts and pairs."""
    burst_frac: float = Field(0.06, ge=0, le=1)
    """Share of pieces that come in tight bursts."""
    touching_frac: float = Field(0.03, ge=0, le=1)
    """Share of pieces that touch another."""
    overlapping_frac: float = Field(0.01, ge=0, le=1)
    """Share of pieces that lie partly on another."""
    turning_frac: float = Field(0.10, ge=0, le=1)
    """Share of pieces that turn as they go."""
    patience_ms: int = Field(4000, ge=100, le=600_000)
    """Lids: time a piece is left lying before a hand takes it to the end bin."""
    two_at_once_frac: float = Field(0.04, ge=0, le=1)
    """Lids: share of times when two pieces are put down together."""
    missing_frac: float = Field(0, ge=0, le=1)
    """Fault: share of frames that never arrive."""
    stall_after_ms: int | None = Field(None, ge=0, le=86_400_000)
    """Fault: time after opening at which the camera stops answering; left out: never."""

    @property
    def look(self) -> Look:
        """Surface, light and sensor."""
        return Look(
            texture_levels=self.texture_levels,
            scratches=self.scratches,
            light_drift_frac=self.light_drift_frac,
            light_period_ms=round(self.light_period_s * 1000),
            vignette_frac=self.vignette_frac,
            noise_levels=self.noise_levels,
        )

    def belt_scene(self, *, speed_mm_s: float, direction: Direction) -> BeltScene:
        """Return the belt these settings describe; size and number of pieces are the usual ones."""
        return BeltScene(
            speed_mm_s=speed_mm_s,
            direction=direction,
            exposure_ms=self.exposure_ms,
            look=self.look,
            speed_jitter_frac=self.speed_jitter_frac,
            gap_mm=self.gap_mm,
            clear_mm=self.clear_mm,
            burst_frac=self.burst_frac,
            touching_frac=self.touching_frac,
            overlapping_frac=self.overlapping_frac,
            turning_frac=self.turning_frac,
        )

    def tray_scene(self) -> TrayScene:
        """Return the tray these settings describe; size and number of pieces are the usual ones."""
        return TrayScene(
            look=self.look,
            patience_ms=self.patience_ms,
            two_at_once_frac=self.two_at_once_frac,
        )


def open_part(settings: Settings, clock: Clock, world: World) -> "SimulatedCamera":
    """Open the camera over a world; its first frame is exposed at once."""
    return SimulatedCamera(settings, clock, world)


class SimulatedCamera:
    """A `Camera`. Read by one thread; `close` may come from another.

    Args:
        settings: Rate and faults.
        clock: Gives the instants and waits for them.
        world: What there is to see; it ends the recording.
    """

    def __init__(self, settings: Settings, clock: Clock, world: World) -> None:
        self.width_px, self.height_px = world.width_px, world.height_px
        self._settings = settings
        self._clock = clock
        self._world = world
        self._opened_ns = clock.now_ns()
        self._sequence = 0
        self._closed = False

    @property
    def due_ns(self) -> int:
        """The instant of the next exposure."""
        return self._exposed_ns(self._sequence)

    def read(self) -> Frame | None:
        """Wait for the next frame, and return it; None once the world or the camera has ended.

        A reader who comes more than a period late gets the newest frame; the sequence jumps.

        Raises:
            DeviceFault: The camera was told to stall, and has.
        """
        behind = (self._clock.now_ns() - self._opened_ns) * self._settings.rate_hz / _NS_PER_S
        if behind > self._sequence + 1:
            self._sequence = int(behind)
        while self._missing(self._sequence):
            self._sequence += 1
        sequence, exposed_ns = self._sequence, self.due_ns
        stall_after_ms = self._settings.stall_after_ms
        if stall_after_ms is not None:
            stalls_ns = self._opened_ns + stall_after_ms * _NS_PER_MS
            if exposed_ns >= stalls_ns:
                self._clock.sleep_until(exposed_ns)
                raise DeviceFault(
                    f"simulated camera: no frame since {stall_after_ms} ms after opening; "
                    "leave out camera.stall_after_ms"
                )
        self._clock.sleep_until(exposed_ns)
        if self._closed or self._world.over(exposed_ns):
            return None
        self._sequence = sequence + 1
        return Frame(sequence, exposed_ns, self._world.picture(exposed_ns))

    def close(self) -> None:
        """End the recording. Harmless when repeated."""
        self._closed = True

    def _exposed_ns(self, sequence: int) -> int:
        return self._opened_ns + round(sequence * _NS_PER_S / self._settings.rate_hz)

    def _missing(self, sequence: int) -> bool:
        share = self._settings.missing_frac
        # From the sequence alone, so that a faster or slower reader misses the same frames.
        return share > 0 and np.random.default_rng((0x5EED, sequence)).uniform() < share
