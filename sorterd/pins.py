"""The pins of the Raspberry Pi's header: the real ones, and mock ones for everywhere else.

Real pins are lgpio's, mock pins gpiozero's; they are handed to a part by name,
never taken from gpiozero's global default, which would fall from one library to
the next in silence. Each process has one set of either, so that a pin used
twice is found out whichever parts use it.

gpiozero's own pins on lgpio cut a duty cycle to whole percents (gpiozero#1209), which is 0.2 ms of
a servo's pulse, and claim an output low before they set it; `exact_pin` does neither. Mock pins do
not show either fault.

Trap: lgpio makes its pipe in the working folder, and where LG_WD names another
it moves the whole process there, so that relative paths change their meaning.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from sorterd.machine.board import is_pi
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
    real = choice == "real" or (choice == "auto" and is_pi())
    return real_pins() if real else mock_pins()


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
        gpiozero_lgpio = import_module("gpiozero.pins.lgpio")
        factory = gpiozero_lgpio.LGPIOFactory()
    except errors as error:
        raise DeviceUnavailable(
            f"GPIO: the chip cannot be had ({one_line(error)}); {remedy(error)}"
        ) from error
    factory.pin_class = exact_pin(gpiozero_lgpio.LGPIOPin, lgpio)
    return Pins(factory, errors, mock=False)


def exact_pin(plain: Any, lgpio: Any) -> Any:
    """Return gpiozero's class of pins on lgpio, made exact.

    Args:
        plain: gpiozero's own class, `LGPIOPin`.
        lgpio: The library.
    """

    def set_state(pin: Any, value: float) -> None:
        if pin.frequency is None:
            plain._set_state(pin, value)
            return
        # lgpio takes any share of 100 and makes whole microseconds of it.
        pin._pwm = (pin.frequency, value * 100)
        lgpio.tx_pwm(pin.factory._handle, pin._number, *pin._pwm)

    def output_with_state(pin: Any, state: float) -> None:
        # In one call: a valve that is on while its pin is low would click in between.
        lgpio.gpio_claim_output(pin.factory._handle, pin._number, int(bool(state)))

    made = {"_set_state": set_state, "output_with_state": output_with_state}
    return type("ExactPin", (plain,), made)


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
