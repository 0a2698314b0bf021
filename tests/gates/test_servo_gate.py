"""A servo on a pin: what its pin is given, and what is said when it cannot be had."""

import sys
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sorterd.clock import ManualClock
from sorterd.gates.servo import Settings, open_part
from sorterd.pins import Pins, mock_pins, real_pins
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.servos import ServoGate
from tests.gates.fake_lgpio import Lgpio


@pytest.fixture
def pins() -> Pins:
    """Return mock pins that no other test uses."""
    return mock_pins.__wrapped__()


def opened(name: str, settings: Settings, pins: Pins | None = None) -> ServoGate:
    """Open a servo; it asks no clock."""
    return open_part(name, settings, ManualClock(), pins)


def widths_us(pins: Pins, pin: int) -> list[int]:
    """Return every pulse width that a mock pin was given, microseconds; 0 for no pulses."""
    return [round(state.state * 20_000) for state in pins.factory.pin(pin).states]


def test_no_pulse_at_construction(pins: Pins) -> None:
    """It should leave the pin without any duty cycle until it is told to move."""
    gate = opened("glass", Settings(pin=17), pins)

    assert widths_us(pins, 17) == [0]
    assert pins.factory.pin(17).frequency is None
    gate.close()


def test_open_shut_rest(pins: Pins) -> None:
    """It should give the two angles' pulses, and none once it rests."""
    settings = Settings(pin=4, min_pulse_us=500, max_pulse_us=2500, shut_deg=-30, open_deg=15)
    gate = opened("glass", settings, pins)

    gate.open()
    gate.shut()
    gate.rest()
    gate.open()

    assert widths_us(pins, 4) == [0, 1833, 833, 0, 1833]
    gate.close()


def test_close_ends_the_pulses(pins: Pins) -> None:
    """It should let go of the pin without another movement, so that it can be taken again."""
    gate = opened("glass", Settings(pin=17), pins)
    gate.open()
    gate.close()

    assert widths_us(pins, 17) == [0, 2000, 0]
    again = opened("paper", Settings(pin=17), pins)
    again.close()


def test_pin_in_use(pins: Pins) -> None:
    """It should name the gate and the pin, in one line, and leave the first gate at work."""
    first = opened("glass", Settings(pin=17), pins)

    with pytest.raises(DeviceUnavailable, match=r"^gate paper: GPIO 17 [^\n]* give each its own$"):
        opened("paper", Settings(pin=17), pins)

    first.open()
    assert widths_us(pins, 17) == [0, 2000]
    first.close()


def test_off_a_pi_the_pins_are_mock() -> None:
    """It should say so, and use one set of pins for the whole process."""
    gate = opened("glass", Settings(pin=17, pins="mock"))

    assert gate.mock
    with pytest.raises(DeviceUnavailable, match="already in use"):
        opened("paper", Settings(pin=17, pins="mock"))
    gate.close()


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
    gate = opened("glass", settings, pins)

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


def test_real_pins_get_no_pulse_at_construction(lgpio: Lgpio) -> None:
    """It should stay without one until told to move, and end with none (PiBits#75)."""
    gate = opened("glass", Settings(pin=17, pins="real"))
    assert not gate.mock
    assert not any(lgpio.duties)
    lgpio.duties.clear()

    gate.shut()
    gate.open()
    gate.close()

    assert [duty for duty in lgpio.duties if duty] == [5, 5, 10]  # 5 is repeated by the frequency
    assert lgpio.duties[-1] == 0


HALF_TURN = Settings(
    pin=17, min_deg=0, max_deg=180, shut_deg=0, open_deg=180, min_pulse_us=500, max_pulse_us=2500
)
"""A servo that turns 180 degrees from 0.5 to 2.5 ms."""


def given_us(lgpio: Lgpio, servo: ServoGate) -> list[float]:
    """Turn to every whole degree of a half turn, and return the pulse that lgpio made of each."""
    made_us = []
    for angle_deg in range(181):
        servo.steer(HALF_TURN.width_us(angle_deg))
        made_us.append(lgpio.duties[-1] / 100 * 20_000)
    return made_us


def test_every_degree_reaches_lgpio_exactly(lgpio: Lgpio) -> None:
    """It should give 181 angles 181 pulses, each within 1 us of exact (gpiozero#1209)."""
    gate = opened("glass", HALF_TURN.model_copy(update={"pins": "real"}))

    made_us = given_us(lgpio, gate)

    assert len(set(made_us)) == 181
    exact_us = [500 + 2000 * angle_deg / 180 for angle_deg in range(181)]
    assert all(abs(made - exact) < 1 for made, exact in zip(made_us, exact_us, strict=True))
    assert made_us == pytest.approx(exact_us, abs=1e-6)
    gate.close()


def test_gpiozero_by_itself_knows_eleven_angles(lgpio: Lgpio) -> None:
    """It should show what the exact pin is for: gone from gpiozero, it could go from here."""
    pins = real_pins()
    pins.factory.pin_class = import_module("gpiozero.pins.lgpio").LGPIOPin
    gate = opened("glass", HALF_TURN, pins)

    made_us = given_us(lgpio, gate)

    assert sorted(set(made_us)) == pytest.approx(range(500, 2501, 200), abs=100)
    assert len(set(made_us)) == 11
    gate.close()


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
        opened("glass", Settings(pin=17, pins="real"))

    lgpio.chip_fault = ""
    opened("glass", Settings(pin=17, pins="real")).close()


def test_pin_held_by_another_program(lgpio: Lgpio) -> None:
    """It should name the gate and the pin when the kernel says that the pin is busy."""
    lgpio.pin_fault = "'GPIO busy'"

    with pytest.raises(DeviceUnavailable, match=r"^gate glass: GPIO 17 [^\n]* gpioinfo names it$"):
        opened("glass", Settings(pin=17, pins="real"))


def test_no_raspberry_pi(lgpio: Lgpio, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say so when real pins are asked for on another machine."""
    assert lgpio.chip_fault == ""
    local, exc = import_module("gpiozero.pins.local"), import_module("gpiozero.exc")

    def unknown() -> int:
        raise exc.PinUnknownPi("unable to locate Pi revision in /proc/cpuinfo")

    monkeypatch.setattr(local, "get_pi_revision", unknown)

    with pytest.raises(DeviceUnavailable, match=r"this is no Raspberry Pi: set pins = \"mock\""):
        opened("glass", Settings(pin=17, pins="real"))


def test_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say what to install, and never fall back to mock pins."""
    monkeypatch.setitem(sys.modules, "lgpio", None)
    real_pins.cache_clear()

    with pytest.raises(
        DeviceUnavailable, match=r"^GPIO: no lgpio [^\n]*pip install 'sorterd\[pi]'"
    ):
        opened("glass", Settings(pin=17, pins="real"))


def test_a_command_that_fails(lgpio: Lgpio) -> None:
    """It should be a fault of this gate, in one line; letting go should not raise all the same."""
    gate = opened("glass", Settings(pin=17, pins="real"))
    gate.open()
    lgpio.pwm_fault = "'bad handle'"

    with pytest.raises(DeviceFault, match=r"^gate glass: GPIO 17 did not take the command [^\n]+$"):
        gate.shut()
    gate.close()

    lgpio.pwm_fault = ""  # gpiozero ends the pulses once more when it is collected
