"""Stands for the library lgpio: it remembers what it was told, and fails when a test asks it to."""

from types import ModuleType


class LgpioError(Exception):
    """Stands for `lgpio.error`, which is no OSError."""


class Lgpio(ModuleType):
    """As much of the library lgpio as gpiozero calls, with the faults a test asks for.

    Attributes:
        duties: Every duty cycle it was given, percent.
        levels: Every level that an output was given, also at its claim: pin, level.
        chip_fault: What opening the chip says.
        pin_fault: What taking a pin says.
        pwm_fault: What giving a pulse says.
        write_fault: What setting a level says.
    """

    SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 128, 64, 32
    RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
    error = LgpioError

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.duties: list[float] = []
        self.levels: list[tuple[int, int]] = []
        self.chip_fault = self.pin_fault = self.pwm_fault = self.write_fault = ""
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

    def gpio_claim_output(self, handle: int, pin: int, level: int = 0) -> None:
        """Take a pin, to drive it from now on at a level."""
        assert handle == 0
        self.outputs.add(pin)
        self.levels.append((pin, level))

    def gpio_write(self, handle: int, pin: int, level: int) -> None:
        """Set the level of an output."""
        assert handle == 0
        assert pin in self.outputs
        self._fail(self.write_fault)
        self.levels.append((pin, int(level)))

    def gpio_read(self, handle: int, pin: int) -> int:
        """Return a pin's level."""
        assert handle == 0
        return next((level for each, level in reversed(self.levels) if each == pin), 0)

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
