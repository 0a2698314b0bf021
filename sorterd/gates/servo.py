"""A hobby servo on a GPIO pin, through gpiozero.

Pulses are exact to the microsecond: lgpio is handed the whole duty cycle (`pins.exact_pin`), where
gpiozero by itself would cut it to steps of 0.2 ms (gpiozero#1209).

Known limit: lgpio makes its pulses in software, so each may be some microseconds off when the
processor is busy, which a servo that holds shows as a tremor. It holds only while it moves and
while it stands open. What has to stand still for long is better driven by `pwm` or `pca9685`.

gpiozero takes 60 ms to import, so it is imported only when a servo is opened.
"""

from importlib import import_module
from typing import Literal, Protocol

from pydantic import Field

from sorterd.pins import Choice, Pins, chosen_pins, one_line, remedy
from sorterd.ports import Clock, DeviceUnavailable
from sorterd.servos import PERIOD_US, ServoGate, ServoSettings


class Settings(ServoSettings):
    """A servo on a pin of the Raspberry Pi's header."""

    kind: Literal["servo"] = "servo"
    pin: int = Field(ge=0, le=27)
    """The GPIO's number (BCM), not its place on the header."""
    pins: Choice = "auto"
    """Whether pins are really driven; auto: on a Raspberry Pi they are, elsewhere they are not."""


class _Servo(Protocol):
    """As much of `gpiozero.AngularServo` as is used here."""

    angle: float | None
    """The pulse's width, microseconds; None ends the pulses."""

    def close(self) -> None: ...


class PinPulses:
    """Meets `servos.Pulses` on one pin.

    Args:
        servo: gpiozero's, with microseconds for angles.
        pin: The GPIO's number.
        pins: What the pin is one of.
    """

    def __init__(self, servo: _Servo, pin: int, pins: Pins) -> None:
        self.where = f"GPIO {pin}"
        self.mock = pins.mock
        self.errors = pins.errors
        self._servo = servo

    def give(self, width_us: float) -> None:
        """Give pulses of this width from now on."""
        self._servo.angle = width_us

    def end(self) -> None:
        """Give no more pulses."""
        self._servo.angle = None

    def close(self) -> None:
        """Give no more pulses, and let go of the pin."""
        self._servo.close()

    def remedy(self, error: Exception) -> str:
        """Return what a person can do about an error of the pin."""
        return remedy(error)


def open_part(name: str, settings: Settings, clock: Clock, pins: Pins | None = None) -> ServoGate:
    """Take a servo's pin, without giving it a pulse.

    Args:
        name: The gate's name in the settings.
        settings: The servo's own.
        clock: Not asked: lgpio keeps the pulses' time.
        pins: What to drive it with; by default the process's own, as `settings.pins` asks.

    Raises:
        DeviceUnavailable: No GPIO here, no right to use it, or the pin is in use.
    """
    del clock
    pins = pins or chosen_pins(settings.pins)
    least_us, most_us = settings.min_pulse_us, settings.max_pulse_us
    try:
        servo = import_module("gpiozero").AngularServo(
            settings.pin,
            initial_angle=None,
            # Its angles are microseconds: how degrees become pulses is the same for every servo.
            min_angle=least_us,
            max_angle=most_us,
            min_pulse_width=least_us / 1_000_000,
            max_pulse_width=most_us / 1_000_000,
            frame_width=PERIOD_US / 1_000_000,
            pin_factory=pins.factory,
        )
    except pins.errors as error:
        raise DeviceUnavailable(
            f"gate {name}: GPIO {settings.pin} cannot be had ({one_line(error)}); {remedy(error)}"
        ) from error
    return ServoGate(name, settings, PinPulses(servo, settings.pin, pins))
