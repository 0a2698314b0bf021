"""A light barrier on a GPIO pin, through gpiozero. A push button is the same to a pin.

The rule: an edge counts once the pin has been quiet for `bounce_ms`, and its
instant is that of the first edge. lgpio can debounce too, but tells of an edge
only when it has been steady, and stamps it as much later; that it would need to
be believed on.

The instant is the kernel's own where it can be: since Linux 5.7 an edge is
stamped with the clock that this program runs on. Before, it was the time of
day; a stamp that lies in no near past is another clock's, and the present is
taken instead. gpiozero hands the stamp to the pin's handler only, not to
`when_activated`, so that handler is ours.
"""

from contextlib import suppress
from importlib import import_module
from typing import Literal, Protocol

from pydantic import Field

from sorterd.pins import Choice, Pins, chosen_pins, one_line, remedy
from sorterd.ports import Clock, DeviceUnavailable, PartSettings, Tell

MS_NS = 1_000_000
S_NS = 1_000_000_000


class Settings(PartSettings):
    """A light barrier, or a button, on a pin of the Raspberry Pi's header."""

    kind: Literal["beam"] = "beam"
    pin: int = Field(ge=0, le=27)
    """The GPIO's number (BCM), not its place on the header."""
    pull: Literal["up", "down", "none"] = "up"
    """The resistor of the pin; up suits a sensor with an open collector, and a button to ground."""
    broken: Literal["low", "high"] = "low"
    """What the pin reads while something stands in the beam, or the button is pressed."""
    bounce_ms: int = Field(20, ge=0, le=1000)
    """Time without an edge after which the next one counts; at 200 mm/s 20 ms are 4 mm of belt."""
    pins: Choice = "auto"
    """Whether a pin is really read; auto: on a Raspberry Pi it is, elsewhere it is not."""


class _Pin(Protocol):
    """As much of gpiozero's `Pin` as is used here."""

    when_changed: object


class _Device(Protocol):
    """As much of `gpiozero.DigitalInputDevice` as is used here."""

    @property
    def pin(self) -> _Pin: ...

    def close(self) -> None: ...


class BeamTrigger:
    """Meets `ports.Trigger`. Made by `open_part`; told of edges on a thread of lgpio's.

    Attributes:
        mock: Whether its pin is a mock pin, so that nothing is ever told.
    """

    # From an edge until Python hears of it, at most; 40 ms were seen beside a compiler.
    NEAR_NS = S_NS

    def __init__(self, settings: Settings, clock: Clock, pins: Pins, device: _Device) -> None:
        self.mock = pins.mock
        self._settings = settings
        self._clock = clock
        self._errors = pins.errors
        self._device = device
        self._tell: Tell | None = None
        self._last_ns: int | None = None
        self._closed = False

    def listen(self, tell: Tell) -> None:
        """Tell of every edge from now on, on another thread."""
        self._tell = tell
        # gpiozero keeps no more than a weak hold on it.
        self._device.pin.when_changed = self._changed

    def close(self) -> None:
        """Tell no more, and let go of the pin. Never raises; harmless when repeated."""
        if self._closed:
            return
        self._closed, self._tell = True, None
        with suppress(*self._errors):  # a pin that no longer answers is as free as it can be
            self._device.pin.when_changed = None
        with suppress(*self._errors):
            self._device.close()

    def _changed(self, ticks_s: float, level: int) -> None:
        """Hear of an edge: the kernel's stamp in seconds, and what the pin reads since."""
        t_ns = self._instant_ns(ticks_s)
        quiet_ns = self._settings.bounce_ms * MS_NS
        counts = self._last_ns is None or t_ns - self._last_ns >= quiet_ns
        self._last_ns = t_ns
        broken = bool(level) is (self._settings.broken == "high")
        tell = self._tell
        if broken and counts and tell is not None:
            tell(t_ns)

    def _instant_ns(self, ticks_s: float) -> int:
        now_ns, stamped_ns = self._clock.now_ns(), round(ticks_s * S_NS)
        return stamped_ns if now_ns - self.NEAR_NS <= stamped_ns <= now_ns else now_ns


def open_part(settings: Settings, clock: Clock, pins: Pins | None = None) -> BeamTrigger:
    """Take a light barrier's pin, without telling of it yet.

    Args:
        settings: The light barrier's own.
        clock: Of the whole station.
        pins: Where to read it; by default the process's own, as `settings.pins` asks.

    Raises:
        DeviceUnavailable: No GPIO here, no right to use it, or the pin is in use.
    """
    pins = pins or chosen_pins(settings.pins)
    floating = settings.pull == "none"
    try:
        device = import_module("gpiozero").DigitalInputDevice(
            settings.pin,
            pull_up=None if floating else settings.pull == "up",
            # With a resistor gpiozero takes the other level for active, which plays no part here.
            active_state=(settings.broken == "high") if floating else None,
            pin_factory=pins.factory,
        )
    except pins.errors as error:
        raise DeviceUnavailable(
            f"trigger: GPIO {settings.pin} cannot be had ({one_line(error)}); {remedy(error)}"
        ) from error
    return BeamTrigger(settings, clock, pins, device)
