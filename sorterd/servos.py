"""What every hobby servo has in common, whatever makes its pulses.

The rules: a servo gets no pulse before the first command, and none once it has settled in the safe
position, so that it neither jumps at start nor hums and heats up afterwards. No pulse is ever
shorter than `min_pulse_us` or longer than `max_pulse_us`, whoever asks for it.

A servo goes where the width of its pulse says, one pulse every 20 ms. Angles become widths here, as
exact numbers; what a device makes of them is told in its own file. Nothing here opens a device.
"""

import math
from contextlib import suppress
from typing import Final, Protocol, Self, runtime_checkable

from pydantic import Field, model_validator

from sorterd.ports import DeviceFault, Gate, PartSettings

PERIOD_US: Final = 20_000
"""From the beginning of one pulse to the next: 50 Hz, which every hobby servo takes."""

MS_NS: Final = 1_000_000


class ServoSettings(PartSettings):
    """How a servo turns; each kind adds where it is connected."""

    shut_deg: float = Field(-45, ge=-180, le=180)
    """Angle of the safe position."""
    open_deg: float = Field(45, ge=-180, le=180)
    """Angle of the open position."""
    min_deg: float = Field(-45, ge=-180, le=180)
    """Angle at which the servo stands with `min_pulse_us`."""
    max_deg: float = Field(45, ge=-180, le=180)
    """Angle at which the servo stands with `max_pulse_us`."""
    min_pulse_us: int = Field(1000, ge=500, le=2500)
    """Shortest pulse that the servo is given."""
    max_pulse_us: int = Field(2000, ge=500, le=2500)
    """Longest pulse that the servo is given."""
    trim_us: float = Field(0, ge=-100, le=100)
    """Added to every pulse: what the horn sits off on its shaft.

    A shaft of 21 teeth lets a horn sit 8.6 degrees off at most, 95 us of a servo that turns 180
    degrees in 2 ms.
    """
    settle_ms: int = Field(600, ge=100, le=10_000)
    """Time after which a servo that was told to shut surely stands shut; its pulses end then.

    A small servo needs 120 ms for 60 degrees at 4.8 V (SG90), so 360 ms for 180; more under load.
    """

    @model_validator(mode="after")
    def _angles_within_reach(self) -> Self:
        if self.min_deg >= self.max_deg:
            raise ValueError("min_deg must lie below max_deg; to turn round, swap shut and open")
        if self.min_pulse_us >= self.max_pulse_us:
            raise ValueError("min_pulse_us must lie below max_pulse_us")
        if self.shut_deg == self.open_deg:
            raise ValueError("shut_deg and open_deg must differ, or the gate never moves")
        for key, angle_deg in (("shut_deg", self.shut_deg), ("open_deg", self.open_deg)):
            if not self.min_deg <= angle_deg <= self.max_deg:
                raise ValueError(f"{key} must lie between min_deg and max_deg")
            if not self.allows(self.width_us(angle_deg)):
                raise ValueError(
                    f"{key} = {angle_deg:g} must leave room for trim_us = {self.trim_us:g}: with"
                    f" it the pulse is {self.width_us(angle_deg):g} us, outside min_pulse_us to"
                    f" max_pulse_us; move {key} inwards by {self._trim_deg:.1f} or more"
                )
        return self

    def width_us(self, angle_deg: float) -> float:
        """Return the exact width of the pulse at which the servo stands at an angle."""
        share = (angle_deg - self.min_deg) / (self.max_deg - self.min_deg)
        # In this form share 0 and 1 give the two ends to the last bit.
        plain_us = self.min_pulse_us * (1 - share) + self.max_pulse_us * share
        return plain_us + self.trim_us

    def allows(self, width_us: float) -> bool:
        """Return whether a pulse of this width may be given."""
        return self.min_pulse_us <= width_us <= self.max_pulse_us

    @property
    def _trim_deg(self) -> float:
        """How far the trim turns the servo, in tenths of a degree, rounded up."""
        us_per_deg = (self.max_pulse_us - self.min_pulse_us) / (self.max_deg - self.min_deg)
        return math.ceil(abs(self.trim_us) / us_per_deg * 10) / 10


@runtime_checkable
class Steered(Gate, Protocol):
    """A gate that can be sent anywhere between its ends: to be tried and trimmed by hand."""

    def steer(self, width_us: float) -> None:
        """Begin to move to where a pulse of this width holds it; returns at once.

        Raises:
            ValueError: The width lies outside the gate's bounds, which it names.
            DeviceFault: The device did not take the command.
        """
        ...


class Pulses(Protocol):
    """What makes the pulses of one servo. One thread.

    Attributes:
        where: What it is connected to, as a sentence names it: `GPIO 17`.
        mock: Whether nothing really moves.
        errors: What the calls below raise when the device fails.
    """

    where: str
    mock: bool
    errors: tuple[type[Exception], ...]

    def give(self, width_us: float) -> None:
        """Give pulses of this width from now on; the width is within the servo's bounds."""
        ...

    def end(self) -> None:
        """Give no more pulses."""
        ...

    def close(self) -> None:
        """Give no more pulses, and let go."""
        ...

    def remedy(self, error: Exception) -> str:
        """Return what a person can do about what a call has raised."""
        ...


class ServoGate:
    """Meets `ports.Gate` and `Steered`, and can `rest`. One thread.

    Args:
        name: The gate's name in the settings.
        settings: How the servo turns.
        pulses: What it is connected to; without a pulse so far.

    Attributes:
        name: As given.
        settings: As given.
        mock: Whether nothing really moves.
        settle_ns: How long after `shut` it surely stands shut.
    """

    def __init__(self, name: str, settings: ServoSettings, pulses: Pulses) -> None:
        self.name = name
        self.settings = settings
        self.mock = pulses.mock
        self.settle_ns = settings.settle_ms * MS_NS
        self._pulses = pulses
        self._closed = False

    def open(self) -> None:
        """Begin to move into the open position; returns at once.

        Raises:
            DeviceFault: The device did not take the command, or the gate was let go of.
        """
        self.steer(self.settings.width_us(self.settings.open_deg))

    def shut(self) -> None:
        """Begin to move into the safe position; returns at once.

        Raises:
            DeviceFault: As for `open`.
        """
        self.steer(self.settings.width_us(self.settings.shut_deg))

    def steer(self, width_us: float) -> None:
        """Begin to move to where a pulse of this width holds it; returns at once.

        Raises:
            ValueError: The width lies outside the servo's bounds.
            DeviceFault: As for `open`.
        """
        if not self.settings.allows(width_us):
            raise ValueError(
                f"gate {self.name}: a pulse of {width_us:g} us lies outside min_pulse_us ="
                f" {self.settings.min_pulse_us} to max_pulse_us = {self.settings.max_pulse_us}"
            )
        self._command(width_us)

    def rest(self) -> None:
        """End the pulses: it stays where it is, without holding.

        Raises:
            DeviceFault: As for `open`.
        """
        self._command(None)

    def close(self) -> None:
        """End the pulses and let go of the device. Never raises; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        with suppress(*self._pulses.errors):  # what no longer answers is as free as it can be
            self._pulses.close()

    def _command(self, width_us: float | None) -> None:
        if self._closed:
            raise DeviceFault(f"gate {self.name}: it was let go of and cannot move; open it again")
        try:
            if width_us is None:
                self._pulses.end()
            else:
                self._pulses.give(width_us)
        except self._pulses.errors as error:
            told = " ".join(str(error).split())
            raise DeviceFault(
                f"gate {self.name}: {self._pulses.where} did not take the command ({told});"
                f" {self._pulses.remedy(error)}"
            ) from error
