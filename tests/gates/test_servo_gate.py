"""A servo on a pin: what its pin is given, and what is said when it cannot be had."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sorterd.gates.servo import Settings, open_part
from sorterd.pins import Pins, mock_pins, on_a_pi, real_pins
from sorterd.ports import DeviceFault, DeviceUnavailable


@pytest.fixture
def pins() -> Pins:
    """Return mock pins that no other test uses."""
    return mock_pins.__wrapped__()


def widths_us(pins: Pins, pin: int) -> list[int]:
    """Return every pulse width that a mock pin was given, microseconds; 0 for no pulses."""
    return [round(state.state * 20_000) for state in pins.factory.pin(pin).states]


def test_no_pulse_at_construction(pins: Pins) -> None:
    """It should leave the pin without any duty cycle until it is told to move."""
    gate = open_part("glass", Settings(pin=17), pins)

    assert widths_us(pins, 17) == [0]
    assert pins.factory.pin(17).frequency is None
    gate.close()


def test_open_shut_rest(pins: Pins) -> None:
    """It should give the two angles' pulses, and none once it rests."""
    settings = Settings(pin=4, min_pulse_us=500, max_pulse_us=2500, shut_deg=-30, open_deg=15)
    gate = open_part("glass", settings, pins)

    gate.open()
    gate.shut()
    gate.rest()
    gate.open()

    assert widths_us(pins, 4) == [0, 1833, 833, 0, 1833]
    gate.close()


def test_close_ends_the_pulses(pins: Pins) -> None:
    """It should let go of the pin without another movement, so that it can be taken again."""
    gate = open_part("glass", Settings(pin=17), pins)
    gate.open()
    gate.close()

    assert widths_us(pins, 17) == [0, 2000, 0]
    again = open_part("paper", Settings(pin=17), pins)
    again.close()


def test_pin_in_use(pins: Pins) -> None:
    """It should name the gate and the pin, in one line, and leave the first gate at work."""
    first = open_part("glass", Settings(pin=17), pins)

    with pytest.raises(DeviceUnavailable, match=r"^gate paper: GPIO 17 [^\n]* give each its own$"):
        open_part("paper", Settings(pin=17), pins)

    first.open()
    assert widths_us(pins, 17) == [0, 2000]
    first.close()


def test_off_a_pi_the_pins_are_mock() -> None:
    """It should say so, and use one set of pins for the whole process."""
    gate = open_part("glass", Settings(pin=17, pins="mock"))

    assert gate.mock
    with pytest.raises(DeviceUnavailable, match="already in use"):
        open_part("paper", Settings(pin=17, pins="mock"))
    gate.close()


def test_a_pi_is_known_by_its_name(tmp_path: Path) -> None:
    """It should look into both places, of which a container hides one."""
    tree, processors = tmp_path / "model", tmp_path / "cpuinfo"
    processors.write_text("Model\t\t: Raspberry Pi 5 Model B Rev 1.0\n")

    assert on_a_pi([tree, processors])
    processors.write_text("model name\t: Some PC\n")
    assert not on_a_pi([tree, processors])


@given(
    reach=st.tuples(st.integers(-180, 180), st.integers(-180, 180)).filter(lambda r: r[0] < r[1]),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    pulses=st.tuples(st.integers(500, 2500), st.integers(500, 2500)).filter(lambda p: p[0] < p[1]),
)
def test_every_angle_within_reach_is_taken(
    reach: tuple[int, int], share: tuple[float, float], pulses: tuple[int, int]
) -> None:
    """It should move to each pair of angles that the settings allow, with pulses in bounds."""
    shut_deg, open_deg = (round(reach[0] + each * (reach[1] - reach[0])) for each in share)
    if shut_deg == open_deg:
        shut_deg, open_deg = reach
    settings = Settings(
        pin=17,
        min_deg=reach[0],
        max_deg=reach[1],
        shut_deg=shut_deg,
        open_deg=open_deg,
        min_pulse_us=pulses[0],
        max_pulse_us=pulses[1],
    )
    pins = mock_pins.__wrapped__()
    gate = open_part("glass", settings, pins)

    gate.open()
    gate.shut()

    given_us = widths_us(pins, 17)[1:]
    assert all(pulses[0] <= width_us <= pulses[1] for width_us in given_us)
    if shut_deg < open_deg:
        assert given_us == sorted(given_us, reverse=True)
    gate.close()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({}, "pin"),
        ({"pin": 28}, "less than or equal to 27"),
        ({"pin": 2, "min_pulse_us": 400}, "greater than or equal to 500"),
        ({"pin": 2, "min_pulse_us": 2000}, "min_pulse_us must lie below max_pulse_us"),
        ({"pin": 2, "min_deg": 50}, "swap shut and open"),
        ({"pin": 2, "open_deg": 60}, "open_deg must lie between min_deg and max_deg"),
        ({"pin": 2, "open_deg": -45}, "must differ"),
        ({"pin": 2, "colour": "red"}, "Extra inputs"),
    ],
)
def test_bad_settings(keys: dict[str, Any], says: str) -> None:
    """It should refuse a servo that cannot be, and say which bound it breaks."""
    with pytest.raises(ValidationError, match=says):
        Settings.model_validate(keys)


class LgpioError(Exception):
    """Stands for `lgpio.error`, which is no OSError."""


class Lgpio(ModuleType):
    """As much of the library lgpio as gpiozero calls, with the faults a test asks for.

    Attributes:
        duties: Every duty cycle it was given, percent.
        chip_fault: What opening the chip says.
        pin_fault: What taking a pin says.
        pwm_fault: What giving a pulse says.
    """

    SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 128, 64, 32
    RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
    error = LgpioError

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.duties: list[float] = []
        self.chip_fault = self.pin_fault = self.pwm_fault = ""
        self.outputs: set[int] = set()

    def gpiochip_open(self, chip: int) -> int:
        """Open a chip."""
        self._fail(self.chip_fault)
        return chip

    def gpiochip_close(self, handle: int) -> None:
        """Close it."""
        assert handle == 0

    def gpio_claim_input(self, handle: int, pin: int, pull: int = 0) -> None:
        """Take a pin, to read it."""
        assert (handle, pull >= 0) == (0, True)
        self._fail(self.pin_fault)
        self.outputs.discard(pin)

    def gpio_claim_output(self, handle: int, pin: int) -> None:
        """Take a pin, to drive it."""
        assert handle == 0
        self.outputs.add(pin)

    def gpio_get_mode(self, handle: int, pin: int) -> int:
        """Say whether a pin is driven."""
        assert handle == 0
        return 2 if pin in self.outputs else 0

    def tx_pwm(self, handle: int, pin: int, frequency_hz: float, duty: float) -> None:
        """Give a pin pulses; frequency 0 ends them."""
        assert handle == 0
        assert pin in self.outputs
        assert frequency_hz in {0, 50}
        self._fail(self.pwm_fault)
        self.duties.append(duty)

    def _fail(self, fault: str) -> None:
        if fault:
            raise LgpioError(fault)


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lgpio]:
    """Put a Raspberry Pi 3 with its library under gpiozero."""
    fake = Lgpio()
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    local = import_module("gpiozero.pins.local")
    monkeypatch.setattr(local, "get_pi_revision", lambda: 0xA02082)
    real_pins.cache_clear()
    yield fake
    real_pins.cache_clear()
    local.LocalPiFactory.pins.clear()
    local.LocalPiFactory._reservations.clear()


def test_real_pins_get_exact_pulses_at_the_ends(lgpio: Lgpio) -> None:
    """It should give no pulse at construction, and not lose a percent of the default angles."""
    gate = open_part("glass", Settings(pin=17, pins="real"))
    assert not gate.mock
    assert not any(lgpio.duties)
    lgpio.duties.clear()

    gate.shut()
    gate.open()
    gate.close()

    assert [duty for duty in lgpio.duties if duty] == [5, 5, 10]  # 5 is repeated by the frequency
    assert lgpio.duties[-1] == 0


@pytest.mark.parametrize(
    ("says", "remedy"),
    [
        ("'can not open gpiochip'", "in the group gpio$"),
        ("[Errno 13] Permission\ndenied", "in the group gpio$"),
    ],
)
def test_no_chip(lgpio: Lgpio, says: str, remedy: str) -> None:
    """It should say in one line that there is no GPIO chip to be had, and try again later."""
    lgpio.chip_fault = says

    with pytest.raises(DeviceUnavailable, match=rf"^GPIO: the chip [^\n]*{remedy}"):
        open_part("glass", Settings(pin=17, pins="real"))

    lgpio.chip_fault = ""
    open_part("glass", Settings(pin=17, pins="real")).close()


def test_pin_held_by_another_program(lgpio: Lgpio) -> None:
    """It should name the gate and the pin when the kernel says that the pin is busy."""
    lgpio.pin_fault = "'GPIO busy'"

    with pytest.raises(DeviceUnavailable, match=r"^gate glass: GPIO 17 [^\n]* gpioinfo names it$"):
        open_part("glass", Settings(pin=17, pins="real"))


def test_no_raspberry_pi(lgpio: Lgpio, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say so when real pins are asked for on another machine."""
    assert lgpio.chip_fault == ""
    local, exc = import_module("gpiozero.pins.local"), import_module("gpiozero.exc")

    def unknown() -> int:
        raise exc.PinUnknownPi("unable to locate Pi revision in /proc/cpuinfo")

    monkeypatch.setattr(local, "get_pi_revision", unknown)

    with pytest.raises(DeviceUnavailable, match=r"this is no Raspberry Pi: set pins = \"mock\""):
        open_part("glass", Settings(pin=17, pins="real"))


def test_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say what to install, and never fall back to mock pins."""
    monkeypatch.setitem(sys.modules, "lgpio", None)
    real_pins.cache_clear()

    with pytest.raises(
        DeviceUnavailable, match=r"^GPIO: no lgpio [^\n]*pip install 'sorterd\[pi]'"
    ):
        open_part("glass", Settings(pin=17, pins="real"))


def test_a_command_that_fails(lgpio: Lgpio) -> None:
    """It should be a fault of this gate, in one line; letting go should not raise all the same."""
    gate = open_part("glass", Settings(pin=17, pins="real"))
    gate.open()
    lgpio.pwm_fault = "'bad handle'"

    with pytest.raises(DeviceFault, match=r"^gate glass: GPIO 17 did not take the command [^\n]+$"):
        gate.shut()
    gate.close()

    lgpio.pwm_fault = ""  # gpiozero ends the pulses once more when it is collected
