"""Stands for an I2C bus with PCA9685 boards on it: their registers, by NXP's data sheet rev. 4."""

import errno
import os
from types import ModuleType

from sorterd.clock import ManualClock

MODE1, MODE2, PRE_SCALE = 0x00, 0x01, 0xFE
RESTART, EXTERNAL_CLOCK, AUTO_INCREMENT, SLEEP = 0x80, 0x40, 0x20, 0x10


class Chip:
    """One PCA9685.

    Attributes:
        registers: By their numbers, as after power-on (table 4).
        broken: What was done to it that the data sheet forbids.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.broken: list[str] = []
        self.reset()

    def reset(self) -> None:
        """Lose everything, as when its supply sags."""
        self.registers = {MODE1: 0x11, MODE2: 0x04, PRE_SCALE: 0x1E}
        for channel in range(16):
            self.registers |= {6 + 4 * channel + each: 0x10 * (each == 3) for each in range(4)}
        self._awake_ns = self._asleep_ns = 0
        self._falling = False

    def read(self, register: int) -> int:
        """Return a register."""
        if register == MODE1 and self._falling and self._clock.now_ns() >= self._asleep_ns:
            # 7.3.1.1: set at the end of the refresh cycle in which it was put to sleep.
            self._falling = False
            self.registers[MODE1] |= RESTART
        return self.registers[register]

    def write(self, register: int, value: int) -> None:
        """Set a register, as far as the chip lets it be set."""
        before = self.read(MODE1)
        if register == PRE_SCALE and not before & SLEEP:
            return  # 7.3.5: writes are blocked while it is awake
        if register == MODE1:
            self._mode(before, value)
            return
        self.registers[register] = value
        if 6 <= register < 6 + 4 * 16:
            self.registers[MODE1] &= ~RESTART  # 7.3.1.1, other actions that clear it

    def pulse_steps(self, channel: int) -> int:
        """Return how long a channel is high, in steps; 0 without pulses."""
        _, _, low, high = (self.registers[6 + 4 * channel + each] for each in range(4))
        stopped = self.read(MODE1) & (SLEEP | RESTART) or high & 0x10
        return 0 if stopped else low | (high & 0x0F) << 8

    def _mode(self, before: int, value: int) -> None:
        now_ns = self._clock.now_ns()
        runs = any(not self.registers[9 + 4 * channel] & 0x10 for channel in range(16))
        if value & SLEEP and not before & SLEEP and runs:
            self._falling = True
            self._asleep_ns = now_ns + (self.registers[PRE_SCALE] + 1) * 4096 * 40
        if before & SLEEP and not value & SLEEP:
            if self._falling and now_ns < self._asleep_ns:
                self.broken.append("woken before it had fallen asleep")
            self.read(MODE1)
            before = self.registers[MODE1]
            self._awake_ns = now_ns
        restart = before & RESTART
        if value & RESTART and restart:
            if now_ns < self._awake_ns + 500_000:
                self.broken.append("restarted before its oscillator ran")
            restart = 0
        kept = before & EXTERNAL_CLOCK  # sticky: only a reset clears it
        self.registers[MODE1] = (value & ~RESTART) | restart | kept


class Wires:
    """As much of `smbus2.SMBus` as is used, with chips by their addresses.

    Attributes:
        fails: What every transfer answers, if it is not 0.
        pulses: How many pulse widths were set.
    """

    def __init__(self, chips: dict[int, Chip]) -> None:
        self.chips = chips
        self.fails = 0
        self.pulses = 0

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        """Return one register."""
        return self._chip(i2c_addr).read(register)

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """Set one register."""
        self._chip(i2c_addr).write(register, value)

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        """Set registers from one on; without auto-increment all go into that one."""
        chip = self._chip(i2c_addr)
        self.pulses += 1
        step = bool(chip.read(MODE1) & AUTO_INCREMENT)
        for place, value in enumerate(data):
            chip.write(register + step * place, value)

    def _chip(self, address: int) -> Chip:
        number = self.fails or (0 if address in self.chips else errno.EREMOTEIO)
        if number:
            raise OSError(number, os.strerror(number))
        return self.chips[address]


class Smbus2(ModuleType):
    """Stands for the library smbus2, with one bus of number 1.

    Attributes:
        wires: The bus.
        fault: What opening it answers, if it is not 0.
        opened: How often it was opened.
    """

    def __init__(self, wires: Wires) -> None:
        super().__init__("smbus2")
        self.wires = wires
        self.fault = 0
        self.opened = 0

    def SMBus(self, bus: int) -> Wires:  # noqa: N802 - as the library has it
        """Open a bus."""
        number = self.fault or (0 if bus == 1 else errno.ENOENT)
        if number:
            raise OSError(number, os.strerror(number), f"/dev/i2c-{bus}")
        self.opened += 1
        return self.wires
