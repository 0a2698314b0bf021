"""A PCA9685: what its registers hold, and what is said when it does not answer."""

import errno
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sorterd.clock import ManualClock
from sorterd.gates import pca9685
from sorterd.gates.pca9685 import PRESCALE, Board, BoardPulses, Settings, open_part
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.servos import ServoGate
from tests.gates.fake_i2c import (
    AUTO_INCREMENT,
    EXTERNAL_CLOCK,
    MODE1,
    PRE_SCALE,
    SLEEP,
    Chip,
    Smbus2,
    Wires,
)


@pytest.fixture
def clock() -> ManualClock:
    """Return the clock of the chip and of the gate."""
    return ManualClock()


@pytest.fixture
def chip(clock: ManualClock) -> Chip:
    """Return a board that was just switched on."""
    return Chip(clock)


@pytest.fixture
def smbus2(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> Iterator[Smbus2]:
    """Put the board on bus 1, at its usual address."""
    fake = Smbus2(Wires({0x40: chip}))
    monkeypatch.setitem(sys.modules, "smbus2", fake)
    pca9685.bus_at.cache_clear()
    pca9685.board_at.cache_clear()
    yield fake
    pca9685.bus_at.cache_clear()
    pca9685.board_at.cache_clear()


def opened(clock: ManualClock, channel: int = 3, **keys: Any) -> ServoGate:  # noqa: ANN401 - of many kinds
    """Open a gate."""
    return open_part("glass", Settings.model_validate({"channel": channel, **keys}), clock)


def test_no_pulse_before_the_first_command(clock: ManualClock, chip: Chip, smbus2: Smbus2) -> None:
    """It should wake the board at 50 Hz and leave every output off (PiBits#75)."""
    gate = opened(clock)

    assert chip.registers[PRE_SCALE] == PRESCALE == 121
    assert chip.registers[MODE1] == 0x01 | AUTO_INCREMENT
    assert [chip.pulse_steps(channel) for channel in range(16)] == [0] * 16
    assert smbus2.opened == 1
    gate.close()


@pytest.mark.usefixtures("smbus2")
def test_open_shut_rest(clock: ManualClock, chip: Chip) -> None:
    """It should give the nearest pulse that the chip has within the bounds, and none at rest."""
    gate = opened(clock)

    gate.open()
    assert chip.pulse_steps(3) == 409  # 1995.9 us: one step more is above 2000
    gate.shut()
    assert chip.pulse_steps(3) == 205  # 1000.4 us
    gate.rest()
    assert chip.pulse_steps(3) == 0
    gate.open()
    gate.close()
    assert chip.pulse_steps(3) == 0
    assert chip.broken == []


def test_gates_share_a_board(clock: ManualClock, chip: Chip, smbus2: Smbus2) -> None:
    """It should open one handle for all, and never write to another gate's channel."""
    glass, paper = opened(clock, 0), opened(clock, 15)
    glass.open()
    paper.shut()
    glass.close()

    assert smbus2.opened == 1
    assert [chip.pulse_steps(channel) for channel in (0, 15)] == [0, 205]
    with pytest.raises(DeviceUnavailable, match=r"channel 15 [^\n]* another gate's; give each its"):
        opened(clock, 15)
    opened(clock, 0).close()
    paper.close()


@pytest.mark.usefixtures("smbus2")
def test_other_channels_run_on(clock: ManualClock, chip: Chip) -> None:
    """It should bring back what ran at another frequency, by the data sheet's steps."""
    wires = Wires({0x40: chip})
    wires.write_byte_data(0x40, MODE1, 0x01 | AUTO_INCREMENT)
    wires.write_i2c_block_data(0x40, 6, [0, 0, 0x00, 0x02])
    clock.sleep_until(clock.now_ns() + 1_000_000)
    assert chip.pulse_steps(0) == 512

    opened(clock).close()

    assert chip.registers[PRE_SCALE] == PRESCALE
    assert chip.pulse_steps(0) == 512
    assert chip.broken == []


@pytest.mark.usefixtures("smbus2")
def test_a_board_at_work_is_left_alone(clock: ManualClock, chip: Chip) -> None:
    """It should not put a board to sleep that makes 50 Hz already."""
    opened(clock).close()
    before_ns = clock.now_ns()

    opened(clock).close()

    assert clock.now_ns() == before_ns
    assert not chip.registers[MODE1] & SLEEP


@pytest.mark.usefixtures("smbus2")
def test_what_a_killed_program_left_is_ended(clock: ManualClock, chip: Chip) -> None:
    """It should give no pulse before the first command, also where one was left standing."""
    pca9685.board_at(1, 0x40).wake(clock)
    pca9685.board_at(1, 0x40).give(3, 300)

    gate = opened(clock)

    assert chip.pulse_steps(3) == 0
    gate.close()


@pytest.mark.usefixtures("smbus2")
def test_a_supply_that_sagged(
    clock: ManualClock, chip: Chip, caplog: pytest.LogCaptureFixture
) -> None:
    """It should set the board up again before it moves, or it would move nothing unnoticed."""
    gate = opened(clock)
    gate.open()
    assert caplog.text == ""
    chip.reset()

    gate.shut()

    assert chip.pulse_steps(3) == 205
    assert "had been reset" in caplog.text
    assert "lower moving_at_once" in caplog.text
    gate.close()


@given(
    bounds=st.tuples(st.integers(500, 2500), st.integers(500, 2500)).filter(
        lambda b: b[0] + 5 < b[1]
    ),
    share=st.floats(0, 1),
    clock_mhz=st.floats(22, 28),
)
def test_no_pulse_leaves_the_bounds(
    bounds: tuple[int, int], share: float, clock_mhz: float
) -> None:
    """It should be within one step of what was asked for, half a step inside the bounds."""
    settings = Settings(
        channel=0, min_pulse_us=bounds[0], max_pulse_us=bounds[1], clock_mhz=clock_mhz
    )
    clock = ManualClock()
    chip = Chip(clock)
    gate = ServoGate(
        "glass", settings, BoardPulses(settings, Board(Wires({0x40: chip}), 0x40), clock)
    )
    width_us = min(max(bounds[0] + share * (bounds[1] - bounds[0]), bounds[0]), bounds[1])

    gate.steer(width_us)

    given_us = chip.pulse_steps(0) * settings.step_us
    assert bounds[0] <= given_us <= bounds[1]
    assert abs(given_us - width_us) <= settings.step_us


def test_no_library(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say what to install."""
    monkeypatch.setitem(sys.modules, "smbus2", None)
    pca9685.bus_at.cache_clear()

    with pytest.raises(DeviceUnavailable, match=r"^gate glass: no smbus2 [^\n]*'sorterd\[pi]'$"):
        opened(clock)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOENT, "raspi-config nonint do_i2c 0"),
        (errno.EACCES, "in the group i2c"),
    ],
)
def test_no_bus(clock: ManualClock, smbus2: Smbus2, number: int, remedy: str) -> None:
    """It should say in one line how to turn it on or be let in, and try again later."""
    smbus2.fault = number
    with pytest.raises(DeviceUnavailable, match=rf"^gate glass: channel 3 [^\n]*{remedy}[^\n]*$"):
        opened(clock)

    smbus2.fault = 0
    opened(clock).close()


@pytest.mark.parametrize("number", [errno.EREMOTEIO, errno.ENXIO, errno.ETIMEDOUT])
def test_no_board(clock: ManualClock, smbus2: Smbus2, number: int) -> None:
    """It should say how to see who answers."""
    smbus2.wires.fails = number

    with pytest.raises(DeviceUnavailable, match=r"PCA9685 at 0x40 on I2C bus 1 [^\n]*detect -y 1 "):
        opened(clock)


@pytest.mark.usefixtures("smbus2")
def test_a_board_on_another_clock(clock: ManualClock, chip: Chip) -> None:
    """It should not guess what its pulses would be."""
    chip.registers[MODE1] |= EXTERNAL_CLOCK

    with pytest.raises(DeviceUnavailable, match="switch the board off and on again"):
        opened(clock)


def test_a_command_that_fails(clock: ManualClock, smbus2: Smbus2) -> None:
    """It should be a fault of this gate, in one line; letting go should not raise all the same."""
    gate = opened(clock)
    smbus2.wires.fails = errno.EREMOTEIO

    with pytest.raises(DeviceFault, match=r"^gate glass: channel 3 [^\n]*i2cdetect -y 1[^\n]*$"):
        gate.open()
    gate.close()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({}, "channel"),
        ({"channel": 16}, "less than or equal to 15"),
        ({"channel": 0, "address": 0x3F}, "greater than or equal to 64"),
        ({"channel": 0, "address": 0x70}, "every board answers there"),
    ],
)
def test_bad_settings(keys: dict[str, Any], says: str) -> None:
    """It should refuse a board that cannot be."""
    with pytest.raises(ValidationError, match=says):
        Settings.model_validate(keys)
