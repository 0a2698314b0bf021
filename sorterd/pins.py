"""The pins of the Raspberry Pi's header: the real ones, and mock ones for everywhere else.

Real pins are lgpio's, mock pins gpiozero's; they are handed to a part by name,
never taken from gpiozero's global default, which would fall from one library to
the next in silence. Each process has one set of either, so that a pin used
twice is found out whichever parts use it.

Trap: lgpio makes its pipe in the working folder, and where LG_WD names another
it moves the whole process there, so that relative paths change their meaning.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from sorterd.ports import DeviceUnavailable


@dataclass(frozen=True, slots=True)
class Pins:
    """What parts on pins are driven with.

    Attributes:
        factory: gpiozero's pin factory.
        errors: What a command to one of its pins may raise when the device fails.
        mock: Whether nothing is really driven.
    """

    factory: Any
    errors: tuple[type[Exception], ...]
    mock: bool


Choice = Literal["auto", "real", "mock"]
"""Whether pins are really driven; auto: on a Raspberry Pi they are, elsewhere they are not."""


def chosen_pins(choice: Choice) -> Pins:
    """Return this process's real or mock pins, as a part's settings ask.

    Raises:
        DeviceUnavailable: As for `real_pins`.
    """
    real = choice == "real" or (choice == "auto" and on_a_pi())
    return real_pins() if real else mock_pins()


def on_a_pi(
    places: Iterable[Path] = (Path("/proc/device-tree/model"), Path("/proc/cpuinfo")),
) -> bool:
    """Return whether this is a Raspberry Pi.

    A container sees only the second place. GPIO chips prove nothing: many PCs have one.
    """
    return any(place.is_file() and b"Raspberry Pi" in place.read_bytes() for place in places)


@cache
def mock_pins() -> Pins:
    """Return this process's mock pins: one set, so that a pin used twice is found out here too."""
    mock = import_module("gpiozero.pins.mock")
    factory = mock.MockFactory(pin_class=mock.MockPWMPin)
    return Pins(factory, (import_module("gpiozero").GPIOZeroError, OSError), mock=True)


@cache
def real_pins() -> Pins:
    """Return this process's real pins: one set, as gpiozero's share one register of pins in use.

    Raises:
        DeviceUnavailable: No lgpio, no Raspberry Pi, no GPIO chip, or no right to use it.
    """
    try:
        lgpio = import_module("lgpio")
    except ImportError as error:
        raise DeviceUnavailable(
            f"GPIO: no lgpio ({one_line(error)}); install it: pip install 'sorterd[pi]'"
        ) from error
    except OSError as error:  # it makes a pipe when imported
        raise DeviceUnavailable(f"GPIO: no lgpio ({one_line(error)}); {remedy(error)}") from error
    errors = (import_module("gpiozero").GPIOZeroError, OSError, lgpio.error)
    try:
        factory = import_module("gpiozero.pins.lgpio").LGPIOFactory()
    except errors as error:
        raise DeviceUnavailable(
            f"GPIO: the chip cannot be had ({one_line(error)}); {remedy(error)}"
        ) from error
    return Pins(factory, errors, mock=False)


_REMEDIES = (
    (".lgd-nfy", "lgpio makes a pipe where it is started: start in a folder that it may write to"),
    ("pi revision", 'this is no Raspberry Pi: set pins = "mock", or leave the key out'),
    ("gpiochip", "check that /dev/gpiochip* is there and this user in the group gpio"),
    ("permission", "check that this user is in the group gpio"),
    ("already in use", "another part of this station has the pin: give each its own"),
    ("busy", "another program has the pin: stop it, gpioinfo names it"),
)
"""What an error's text says, and what to do about it; the first that fits."""


def remedy(error: Exception) -> str:
    """Return what a person can do about what a pin raised."""
    text = str(error).lower()
    usual = "check the wiring and the kernel's log"
    return next((remedy for sign, remedy in _REMEDIES if sign in text), usual)


def one_line(error: Exception) -> str:
    """Return an error's text without its line breaks."""
    return " ".join(str(error).split())
