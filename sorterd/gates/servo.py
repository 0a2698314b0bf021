"""A hobby servo on a GPIO pin, through gpiozero.

The rule: the servo gets no pulse before the first command, and none once it has
settled in the safe position, so that it neither jumps at start nor hums and
heats up afterwards.

gpiozero takes 60 ms to import, so it is imported only when a servo is opened.

Known limit: gpiozero cuts the duty cycle to whole percents on lgpio
(gpiozero#1209), which is 0.2 ms of pulse, six positions between 1 and 2 ms. The
default angles are the two ends of that range, which it hits exactly. Mock pins
do not show the cut.
"""

from contextlib import suppress
from importlib import import_module
from typing import Literal, Protocol, Self

from pydantic import Field, model_validator

from sorterd.pins import Choice, Pins, chosen_pins, one_line, remedy
from sorterd.ports import DeviceFault, DeviceUnavailable, PartSettings


class Settings(PartSettings):
    """A servo on a pin of the Raspberry Pi's header."""

    kind: Literal["servo"] = "servo"
    pin: int = Field(ge=0, le=27)
    """The GPIO's number (BCM), not its place on the header."""
    shut_deg: int = Field(-45, ge=-180, le=180)
    """Angle of the safe position."""
    open_deg: int = Field(45, ge=-180, le=180)
    """Angle of the open position."""
    min_deg: int = Field(-45, ge=-180, le=180)
    """Angle at which the servo stands with `min_pulse_us`."""
    max_deg: int = Field(45, ge=-180, le=180)
    """Angle at which the servo stands with `max_pulse_us`."""
    min_pulse_us: int = Field(1000, ge=500, le=2500)
    """Shortest pulse that the servo is given."""
    max_pulse_us: int = Field(2000, ge=500, le=2500)
    """Longest pulse that the servo is given."""
    settle_ms: int = Field(600, ge=100, le=10_000)
    """Time after which a servo that was told to shut surely stands shut; its pulses end then.

    A small servo needs 120 ms for 60 degrees at 4.8 V (SG90), so 360 ms for 180; more under load.
    """
    pins: Choice = "auto"
    """Whether pins are really driven; auto: on a Raspberry Pi they are, elsewhere they are not."""

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
        return self


class _Servo(Protocol):
    """As much of `gpiozero.AngularServo` as is used here."""

    angle: float | None
    """Degrees; None ends the pulses."""

    def close(self) -> None: ...


class ServoGate:
    """Meets `ports.Gate`, and can `rest`. Made by `open_part`. One thread.

    Attributes:
        name: The gate's name in the settings.
        mock: Whether its pin is a mock pin, so that nothing really moves.
        settle_ns: How long after `shut` it surely stands shut.
    """

    def __init__(self, name: str, settings: Settings, pins: Pins, servo: _Servo) -> None:
        self.name = name
        self.mock = pins.mock
        self.settle_ns = settings.settle_ms * 1_000_000
        self._settings = settings
        self._errors = pins.errors
        self._servo = servo
        self._closed = False

    def open(self) -> None:
        """Begin to move into the open position; returns at once.

        Raises:
            DeviceFault: The pin did not take the command, or the gate was let go of.
        """
        self._turn(self._settings.open_deg)

    def shut(self) -> None:
        """Begin to move into the safe position; returns at once.

        Raises:
            DeviceFault: As for `open`.
        """
        self._turn(self._settings.shut_deg)

    def rest(self) -> None:
        """End the pulses: it stays where it is, without holding.

        Raises:
            DeviceFault: As for `open`.
        """
        self._turn(None)

    def close(self) -> None:
        """End the pulses and let go of the pin. Never raises; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        with suppress(*self._errors):  # a pin that no longer answers is as free as it can be
            self._servo.close()

    def _turn(self, angle_deg: int | None) -> None:
        if self._closed:
            raise DeviceFault(f"gate {self.name}: it was let go of and cannot move; open it again")
        try:
            self._servo.angle = angle_deg
        except self._errors as error:
            raise DeviceFault(
                f"gate {self.name}: GPIO {self._settings.pin} did not take the command"
                f" ({one_line(error)}); {remedy(error)}"
            ) from error


def open_part(name: str, settings: Settings, pins: Pins | None = None) -> ServoGate:
    """Take a servo's pin, without giving it a pulse.

    Args:
        name: The gate's name in the settings.
        settings: The servo's own.
        pins: What to drive it with; by default the process's own, as `settings.pins` asks.

    Raises:
        DeviceUnavailable: No GPIO here, no right to use it, or the pin is in use.
    """
    pins = pins or chosen_pins(settings.pins)
    try:
        servo = import_module("gpiozero").AngularServo(
            settings.pin,
            initial_angle=None,
            min_angle=settings.min_deg,
            max_angle=settings.max_deg,
            min_pulse_width=settings.min_pulse_us / 1_000_000,
            max_pulse_width=settings.max_pulse_us / 1_000_000,
            pin_factory=pins.factory,
        )
    except pins.errors as error:
        raise DeviceUnavailable(
            f"gate {name}: GPIO {settings.pin} cannot be had ({one_line(error)}); {remedy(error)}"
        ) from error
    return ServoGate(name, settings, pins, servo)
