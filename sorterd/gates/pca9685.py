"""A hobby servo on a PCA9685: 16 servos on two wires of I2C, through smbus2.

The chip makes the pulses, so nothing trembles when the processor is busy. Its clock of 25 MHz,
divided by 122, counts 4096 steps in 19.99 ms: a pulse is a whole number of steps of 4.88 us, which
is 0.4 degrees of a servo that turns 180 degrees in 2 ms, and within the servo's bounds it is the
nearest one. The clock is not exact: Adafruit's library for this chip speaks of 23 to 27 MHz, so all
pulses of a board may be 8% too long or short until `clock_mhz` says what its clock truly is.

The board is shared: it is put to sleep only where its frequency has to change, which the chip takes
in no other state, what ran before runs again, and no channel but the gate's own is written to. By
the data sheet, NXP PCA9685 rev. 4, sections 7.3.1 (mode), 7.3.3 (pulses) and 7.3.5 (frequency).

A supply that sags under its servos resets the chip, which then sleeps and gives no pulse, without
any fault on the wires. So each command first looks whether it is awake.
"""

import errno
import logging
import math
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final, Literal, Protocol, cast

from pydantic import Field, field_validator

from sorterd.ports import Clock, DeviceUnavailable
from sorterd.servos import ServoGate, ServoSettings

log = logging.getLogger(__name__)

PRESCALE: Final = 121
"""round(25 MHz / (4096 steps * 50 Hz)) - 1, formula 1 of the data sheet."""
ALL_CALL: Final = 0x70
"""The address to which every board answers at once after it was switched on."""

_MODE1, _PULSE, _PRE_SCALE = 0x00, 0x06, 0xFE
_RESTART, _EXTERNAL_CLOCK, _AUTO_INCREMENT, _SLEEP = 0x80, 0x40, 0x20, 0x10
_FULL_OFF: Final = 0x10
"""In the last of a channel's four registers: no pulse, whatever the others hold."""
_STARTS_NS: Final = 500_000
"""The oscillator's time to start, 7.3.1.1."""


class Settings(ServoSettings):
    """A servo on a PCA9685 board."""

    kind: Literal["pca9685"] = "pca9685"
    bus: int = Field(1, ge=0, le=31)
    """The N of /dev/i2c-N; the header's is 1."""
    address: int = Field(0x40, ge=0x40, le=0x7F)
    """The board's address, by its six bridges: 0x40 without any."""
    channel: int = Field(ge=0, le=15)
    """Which of the board's outputs."""
    clock_mhz: float = Field(25, ge=22, le=28)
    """The board's true clock: 25 times the 19.99 ms that its pulses should be apart, divided by
    what they are apart on an oscilloscope; the same for all its gates."""

    @property
    def step_us(self) -> float:
        """Length of one of the board's steps."""
        return (PRESCALE + 1) / self.clock_mhz

    def takes(self) -> Mapping[str, str]:
        """Return what no other part may have."""
        return {"channel": self.where}

    @property
    def where(self) -> str:
        """The output, as a sentence names it."""
        return f"channel {self.channel} of the PCA9685 at {self.address:#x} on I2C bus {self.bus}"

    @field_validator("address")
    @classmethod
    def _one_board(cls, address: int) -> int:
        if address == ALL_CALL:
            raise ValueError("must not be 0x70: every board answers there; bridge another address")
        return address


class Bus(Protocol):
    """As much of `smbus2.SMBus` as is used here."""

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        """Return one register."""
        ...

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """Set one register."""
        ...

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        """Set registers from this one on."""
        ...


class Board:
    """One chip, which its gates share. One thread.

    Args:
        bus: The wires that it is on.
        address: Its address there.

    Attributes:
        taken: The channels that have a gate.
    """

    def __init__(self, bus: Bus, address: int) -> None:
        self.taken: set[int] = set()
        self._bus = bus
        self._address = address

    def runs(self) -> bool:
        """Return whether it makes pulses; one that was reset sleeps."""
        return self._read(_MODE1) & (_SLEEP | _AUTO_INCREMENT) == _AUTO_INCREMENT

    def wake(self, clock: Clock) -> None:
        """Have it make pulses at 50 Hz; a board that does is left alone.

        Raises:
            OSError: It does not answer, or runs on a clock of its own.
        """
        mode = self._read(_MODE1)
        if mode & _EXTERNAL_CLOCK:
            raise OSError(errno.EINVAL, "it was set to an external clock")
        prescale = self._read(_PRE_SCALE)
        if not mode & _SLEEP and mode & _AUTO_INCREMENT and prescale == PRESCALE:
            return
        mode &= ~_RESTART  # a 0 changes nothing there
        if prescale != PRESCALE:
            self._write(_MODE1, mode | _SLEEP)
            # It falls asleep at the end of a cycle, and notes then which channels ran.
            _wait(clock, (prescale + 1) * 4096 * 1_000 // 25)
            self._write(_PRE_SCALE, PRESCALE)
        ran = not mode & _SLEEP
        mode = (mode | _AUTO_INCREMENT) & ~_SLEEP
        self._write(_MODE1, mode)
        _wait(clock, _STARTS_NS)
        if ran and self._read(_MODE1) & _RESTART:
            self._write(_MODE1, mode | _RESTART)

    def give(self, channel: int, steps: int) -> None:
        """Give one channel pulses of so many steps; all four registers change at once."""
        self._bus.write_i2c_block_data(
            self._address, _PULSE + 4 * channel, [0, 0, steps & 0xFF, steps >> 8]
        )

    def end(self, channel: int) -> None:
        """Give one channel no more pulses; a board that sleeps takes that too."""
        self._write(_PULSE + 4 * channel + 3, _FULL_OFF)

    def _read(self, register: int) -> int:
        return self._bus.read_byte_data(self._address, register)

    def _write(self, register: int, value: int) -> None:
        self._bus.write_byte_data(self._address, register, value)


class BoardPulses:
    """Meets `servos.Pulses` on one channel of a board. Made by `open_part`."""

    mock = False
    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, settings: Settings, board: Board, clock: Clock) -> None:
        self.where = settings.where
        self._bus = settings.bus
        self._channel = settings.channel
        self._step_us = settings.step_us
        self._least = math.ceil(settings.min_pulse_us / self._step_us)
        self._most = math.floor(settings.max_pulse_us / self._step_us)
        self._board = board
        self._clock = clock

    def give(self, width_us: float) -> None:
        """Give pulses of the nearest width that the chip can make within the servo's bounds."""
        if not self._board.runs():
            self._board.wake(self._clock)
            log.warning(
                "%s had been reset, as by a supply that sagged, and was set up again; give its"
                " servos a stronger supply, or lower moving_at_once",
                self.where,
            )
        steps = round(width_us / self._step_us)
        self._board.give(self._channel, min(max(steps, self._least), self._most))

    def end(self) -> None:
        """Give no more pulses."""
        self._board.end(self._channel)

    def close(self) -> None:
        """Give no more pulses; the board stays awake for the others."""
        self._board.taken.discard(self._channel)
        self._board.end(self._channel)

    def remedy(self, error: Exception) -> str:
        """Return what a person can do about an error of the wires."""
        return _remedy(error, self._bus)


def open_part(name: str, settings: Settings, clock: Clock) -> ServoGate:
    """Take a servo's channel, without giving it a pulse.

    Args:
        name: The gate's name in the settings.
        settings: The servo's own.
        clock: To wait for the chip's oscillator by.

    Raises:
        DeviceUnavailable: No smbus2 or I2C here, no right to use it, no answer from the board, or
            another gate has the channel.
    """
    try:
        board = board_at(settings.bus, settings.address)
        free = settings.channel not in board.taken
        if free:
            board.end(settings.channel)
            board.wake(clock)
    except ImportError as error:
        raise DeviceUnavailable(
            f"gate {name}: no smbus2 ({error}); install it: pip install 'sorterd[pi]'"
        ) from error
    except OSError as error:
        raise DeviceUnavailable(
            f"gate {name}: {settings.where} cannot be had ({error.strerror});"
            f" {_remedy(error, settings.bus)}"
        ) from error
    if not free:
        raise DeviceUnavailable(
            f"gate {name}: {settings.where} is another gate's; give each its own"
        )
    board.taken.add(settings.channel)
    return ServoGate(name, settings, BoardPulses(settings, board, clock))


@cache
def board_at(bus: int, address: int) -> Board:
    """Return this process's one handle of a board, so that a channel used twice is found out.

    Raises:
        ImportError: There is no smbus2.
        OSError: There is no such bus, or no right to use it.
    """
    return Board(bus_at(bus), address)


@cache
def bus_at(number: int) -> Bus:
    """Return this process's one handle of a bus; it lasts as long as the process.

    Raises:
        ImportError: There is no smbus2.
        OSError: There is no such bus, or no right to use it.
    """
    smbus2: Any = import_module("smbus2")
    return cast("Bus", smbus2.SMBus(number))


def _wait(clock: Clock, for_ns: int) -> None:
    clock.sleep_until(clock.now_ns() + for_ns)


def _remedy(error: Exception, bus: int) -> str:
    number = error.errno if isinstance(error, OSError) else None
    match number:
        case errno.ENOENT:
            return "turn I2C on: sudo raspi-config nonint do_i2c 0, and restart the Pi"
        case errno.EACCES | errno.EPERM:
            return f"be in the group i2c, which may use /dev/i2c-{bus}"
        case errno.EINVAL:
            return "switch the board off and on again: only that ends it"
    return f"check the board's supply, wires and address: i2cdetect -y {bus} shows who answers"
