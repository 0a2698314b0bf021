"""A camera over a simulated world: the world's pictures at even, absolute instants.

Frame n is exposed n periods after the camera was opened, however long the frames before it took:
the schedule never drifts. Whoever reads too slowly misses frames, as with a sensor, and sees it by
the sequence. The settings say what there is to see; the world shows it.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from sorterd.ports import Clock, DeviceFault, Frame, PartSettings
from sorterd.simulation.scene import BeltScene, Look, TrayScene
from sorterd.simulation.world import View

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_MISSING_SEED = 1


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
    slip_frac: float = Field(0, ge=-0.5, le=0.5)
    """Fault: share by which the belt truly runs faster than `belt.speed_mm_s`; below 0 slower."""
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
    missing_frac: float = Field(0, ge=0, le=0.9)
    """Fault: share of frames that never arrive."""
    stall_after_ms: int | None = Field(None, ge=0, le=86_400_000)
    """Fault: time after opening at which the camera stops answering; left out: never."""


def belt_scene(settings: Settings) -> BeltScene:
    """Return the belt that a camera's settings describe.

    What is the station's (size of the picture, scale, speed, direction) or the run's (how many
    pieces, how long) is as in a `BeltScene` by default; put the right values in with
    `dataclasses.replace`.
    """
    return BeltScene(
        look=_look(settings),
        exposure_ms=settings.exposure_ms,
        speed_jitter_frac=settings.speed_jitter_frac,
        gap_mm=settings.gap_mm,
        clear_mm=settings.clear_mm,
        burst_frac=settings.burst_frac,
        touching_frac=settings.touching_frac,
        overlapping_frac=settings.overlapping_frac,
        turning_frac=settings.turning_frac,
    )


def tray_scene(settings: Settings) -> TrayScene:
    """Return the tray that a camera's settings describe; the rest as for `belt_scene`."""
    return TrayScene(
        look=_look(settings),
        patience_ms=settings.patience_ms,
        two_at_once_frac=settings.two_at_once_frac,
    )


def _look(settings: Settings) -> Look:
    return Look(
        texture_levels=settings.texture_levels,
        scratches=settings.scratches,
        light_drift_frac=settings.light_drift_frac,
        light_period_ms=round(settings.light_period_s * 1000),
        vignette_frac=settings.vignette_frac,
        noise_levels=settings.noise_levels,
    )


def open_part(settings: Settings, clock: Clock, world: View) -> "SimulatedCamera":
    """Open the camera over a world; its first frame is exposed at once."""
    return SimulatedCamera(settings, clock, world)


class SimulatedCamera:
    """A `Camera`. Read by one thread; `close` may come from another.

    Args:
        settings: Rate and faults.
        clock: Gives the instants and waits for them.
        world: What there is to see; it ends the recording.
    """

    def __init__(self, settings: Settings, clock: Clock, world: View) -> None:
        self.width_px, self.height_px = world.width_px, world.height_px
        self._settings = settings
        self._clock = clock
        self._world = world
        self._opened_ns = clock.now_ns()
        self._closed = False
        self._sequence = self._arriving(0)

    @property
    def due_ns(self) -> int:
        """The instant of the next exposure that arrives."""
        return self._exposed_ns(self._sequence)

    def read(self) -> Frame | None:
        """Wait for the next frame, and return it; None once the world is over.

        A reader who comes more than a period late gets the newest frame; the sequence jumps.

        Raises:
            DeviceFault: The camera was closed, or was told to stall and has.
        """
        behind = (self._clock.now_ns() - self._opened_ns) * self._settings.rate_hz / _NS_PER_S
        if behind > self._sequence + 1:
            self._sequence = self._arriving(int(behind))
        sequence, exposed_ns = self._sequence, self.due_ns
        self._clock.sleep_until(exposed_ns)
        if self._closed:
            raise DeviceFault("simulated camera: closed; open it again")
        if self._world.over(exposed_ns):
            return None
        after_ms = self._settings.stall_after_ms
        if after_ms is not None and exposed_ns >= self._opened_ns + after_ms * _NS_PER_MS:
            raise DeviceFault(
                f"simulated camera: no frame since {after_ms} ms after it was opened; "
                "leave out camera.stall_after_ms"
            )
        self._sequence = self._arriving(sequence + 1)
        return Frame(sequence, exposed_ns, self._world.picture(exposed_ns))

    def close(self) -> None:
        """Give no more frames. Harmless when repeated."""
        self._closed = True

    def _exposed_ns(self, sequence: int) -> int:
        return self._opened_ns + round(sequence * _NS_PER_S / self._settings.rate_hz)

    def _arriving(self, sequence: int) -> int:
        """Return the first frame from `sequence` on that does not go missing."""
        share = self._settings.missing_frac
        # From the sequence alone, so that a faster or slower reader misses the same frames.
        while share > 0 and np.random.default_rng((_MISSING_SEED, sequence)).uniform() < share:
            sequence += 1
        return sequence
