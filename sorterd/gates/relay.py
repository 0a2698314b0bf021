"""A lid's magnet, a solenoid or an air valve: a digital output, on for open and off for shut.

The rules: it is never on before the first command, not even for the instant in which its pin is
taken, and never on for longer than `max_on_ms`, whatever becomes of the program's other threads: a
solenoid that is left on burns. A thread of the gate's own sees to that. Off is its rest.

What the gate cannot see to is the process itself: a program that is killed, or hangs as a whole, is
dealt with by the service (watchdog, `sorterd safe`), and a relay board whose input falls off by
itself when the pin is let go of (a resistor to ground; for active-low ones to 3.3 V).
"""

import logging
import threading
from contextlib import suppress
from importlib import import_module
from typing import Final, Literal, Protocol

from pydantic import Field

from sorterd.pins import Choice, Pins, chosen_pins, one_line, remedy
from sorterd.ports import Clock, DeviceFault, DeviceUnavailable, PartSettings

log = logging.getLogger(__name__)

_AGAIN_NS: Final = 100_000_000
"""How soon the guard tries again to switch off what would not go off."""


class Settings(PartSettings):
    """A lid, solenoid or valve on a pin of the Raspberry Pi's header."""

    kind: Literal["relay"] = "relay"
    pin: int = Field(ge=0, le=27)
    """The GPIO's number (BCM), not its place on the header."""
    active_high: bool = True
    """Whether a high pin switches it on; many relay boards want a low one."""
    max_on_ms: int = Field(5000, ge=10, le=60_000)
    """Longest time on; the coil's data sheet knows what it bears. It must leave a piece time."""
    pins: Choice = "auto"
    """Whether pins are really driven; auto: on a Raspberry Pi they are, elsewhere they are not."""


class _Output(Protocol):
    """As much of `gpiozero.DigitalOutputDevice` as is used here."""

    def on(self) -> None: ...
    def off(self) -> None: ...
    def close(self) -> None: ...


class RelayGate:
    """Meets `ports.Gate`. Made by `open_part`. One thread, beside the guard's own.

    Attributes:
        name: The gate's name in the settings.
        mock: Whether its pin is a mock pin, so that nothing really moves.
    """

    def __init__(
        self, name: str, settings: Settings, pins: Pins, output: _Output, clock: Clock
    ) -> None:
        self.name = name
        self.mock = pins.mock
        self._settings = settings
        self._errors = pins.errors
        self._output = output
        self._clock = clock
        self._closed = False
        self._lock = threading.Lock()
        """Held around each command to the pin, with what is known of it."""
        self._off_ns: int | None = None
        """When the guard switches it off; None while it is off."""
        self._on = threading.Event()
        """Set from the first instant on until it is off; what the guard sleeps on."""
        # Started while the gate is opened, it has the place in line of the thread that opens it. It
        # dies with the process: it is the pin that must not be left, not the thread.
        guard = threading.Thread(target=self._watch, name=f"{name}-off", daemon=True)
        guard.start()

    def open(self) -> None:
        """Switch it on, for `max_on_ms` at most; returns at once.

        Raises:
            DeviceFault: The pin did not take the command, or the gate was let go of.
        """
        self._refuse_if_closed()
        with self._lock:
            # First, so that an output that went on and yet failed is watched too; and one that is
            # on already gains no time by being told again.
            if self._off_ns is None:
                self._off_ns = self._clock.now_ns() + self._settings.max_on_ms * 1_000_000
            self._on.set()
            try:
                self._output.on()
            except self._errors as error:
                raise self._fault(error) from error

    def shut(self) -> None:
        """Switch it off; returns at once.

        Raises:
            DeviceFault: As for `open`.
        """
        self._refuse_if_closed()
        with self._lock:
            try:
                self._switch_off()
            except self._errors as error:
                raise self._fault(error) from error

    def close(self) -> None:
        """Switch it off and let go of the pin. Never raises; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        with self._lock:
            with suppress(*self._errors):  # what no longer answers is as free as it can be
                self._switch_off()
            with suppress(*self._errors):
                self._output.close()
            self._off_ns = None
        self._on.set()  # the guard sees that there is nothing left to guard

    def _switch_off(self) -> None:
        self._output.off()
        self._off_ns = None
        self._on.clear()

    def _watch(self) -> None:
        """Switch it off when it is due, on the guard's thread.

        What it waits for may have been shut meanwhile, and opened again; but whatever comes later
        is due later, so it may sleep to the end.
        """
        while not self._closed:
            self._on.wait()
            due_ns = self._off_ns
            if due_ns is not None:
                self._clock.sleep_until(due_ns)
                self._switch_off_if_due()

    def _switch_off_if_due(self) -> None:
        with self._lock:
            now_ns = self._clock.now_ns()
            if self._off_ns is None or now_ns < self._off_ns:
                return
            try:
                self._switch_off()
            except self._errors as error:
                log.critical("%s; it stays on too long: switch its supply off", self._fault(error))
                self._off_ns = now_ns + _AGAIN_NS
                return
        log.error(
            "gate %s: nobody shut it, so it went off by itself after max_on_ms = %d",
            self.name,
            self._settings.max_on_ms,
        )

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise DeviceFault(f"gate {self.name}: it was let go of and cannot move; open it again")

    def _fault(self, error: Exception) -> DeviceFault:
        return DeviceFault(
            f"gate {self.name}: GPIO {self._settings.pin} did not take the command"
            f" ({one_line(error)}); {remedy(error)}"
        )


def open_part(name: str, settings: Settings, clock: Clock, pins: Pins | None = None) -> RelayGate:
    """Take a relay's pin, switched off from the first instant.

    Args:
        name: The gate's name in the settings.
        settings: The relay's own.
        clock: What the longest time on is kept by.
        pins: What to drive it with; by default the process's own, as `settings.pins` asks.

    Raises:
        DeviceUnavailable: No GPIO here, no right to use it, or the pin is in use.
    """
    pins = pins or chosen_pins(settings.pins)
    try:
        output = import_module("gpiozero").DigitalOutputDevice(
            settings.pin,
            active_high=settings.active_high,
            initial_value=False,
            pin_factory=pins.factory,
        )
    except pins.errors as error:
        raise DeviceUnavailable(
            f"gate {name}: GPIO {settings.pin} cannot be had ({one_line(error)}); {remedy(error)}"
        ) from error
    return RelayGate(name, settings, pins, output, clock)
