"""Find the two ends of a servo by eye: keys move it, what is found becomes its angles.

Nothing moves before a key says so, no pulse leaves the servo's bounds, and at the end, however it
comes, the gate is sent shut.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

from sorterd.calibration.results import Entry, Results
from sorterd.calibration.spread import NotMeasured
from sorterd.ports import Clock
from sorterd.servos import ServoGate, ServoSettings

COARSE_US: Final = 10.0
"""About a degree of a servo that turns 180 degrees in 2 ms."""
FINE_US: Final = 1.0

KEYS: Final = "s shut  o open  + - 10 us  . , 1 us  Enter saves  q leaves"

_STEPS: Final = {"+": COARSE_US, "=": COARSE_US, "-": -COARSE_US, ".": FINE_US, ",": -FINE_US}

End = Literal["shut", "open"]


class Trimming:
    """The two ends of one servo, as they are being tried. One thread.

    Args:
        gate: Opened; it has not moved.

    Attributes:
        widths_us: The pulse of each end, by now.
    """

    def __init__(self, gate: ServoGate) -> None:
        self._gate = gate
        self._settings: ServoSettings = gate.settings
        self._end: End | None = None
        self.widths_us: dict[End, float] = {
            "shut": self._settings.width_us(self._settings.shut_deg),
            "open": self._settings.width_us(self._settings.open_deg),
        }

    def press(self, key: str) -> str:
        """Do what a key says.

        Returns:
            Where the servo stands by now, for a person.

        Raises:
            DeviceFault: The device did not take the command.
        """
        limit = ""
        if key in ("s", "o"):
            self._end = "shut" if key == "s" else "open"
        elif self._end is None:
            return f"nothing has moved yet: press s or o    {KEYS}"
        elif key in _STEPS:
            wanted_us = self.widths_us[self._end] + _STEPS[key]
            if self._reaches(wanted_us):
                self.widths_us[self._end] = wanted_us
            else:
                limit = "  (its limit)"
        else:
            return KEYS
        width_us = self.widths_us[self._end]
        self._gate.steer(width_us)
        return (
            f"{self._end:5} {width_us:7.1f} us {self.angle_deg(self._end):+7.1f} deg{limit}  {KEYS}"
        )

    def angle_deg(self, end: End) -> float:
        """Return the angle that the settings must give for an end."""
        part = self._settings
        share = (self.widths_us[end] - part.width_us(part.min_deg)) / self._span_us
        return part.min_deg + share * (part.max_deg - part.min_deg)

    def _reaches(self, width_us: float) -> bool:
        """Whether a pulse is within the servo's bounds, and an angle of its settings."""
        part = self._settings
        share = (width_us - part.width_us(part.min_deg)) / self._span_us
        return part.allows(width_us) and 0 <= share <= 1

    @property
    def _span_us(self) -> float:
        part = self._settings
        return part.width_us(part.max_deg) - part.width_us(part.min_deg)


def trim(
    gate: ServoGate, keys: Iterable[str], clock: Clock, tell: Callable[[str], None]
) -> Trimming:
    """Let a person find a servo's ends.

    Args:
        gate: Opened; it is shut and let rest at the end, and not let go of.
        keys: What is pressed, one character each.
        clock: Waits until the gate has shut.
        tell: Shown where the servo stands.

    Raises:
        NotMeasured: It was left without saving, or both ends are the same.
        DeviceFault: The device did not take a command.
    """
    trimming = Trimming(gate)
    tell(f"nothing has moved yet: press s or o    {KEYS}")
    try:
        for key in keys:
            if key in "\r\n":
                break
            if key in "q\x1b":
                raise NotMeasured("left without saving: the settings stay as they are")
            tell(trimming.press(key))
        else:
            raise NotMeasured("the keys ended without Enter: the settings stay as they are")
    finally:
        gate.shut()
        clock.sleep_until(clock.now_ns() + gate.settle_ns)
        gate.rest()
    if abs(trimming.angle_deg("shut") - trimming.angle_deg("open")) < 1:
        raise NotMeasured("both ends are the same: such a gate would never move")
    return trimming


def results(name: str, trimming: Trimming) -> Results:
    """Return the fragment."""
    ends: tuple[End, End] = ("shut", "open")
    entries = [
        Entry(f"{end}_deg", round(trimming.angle_deg(end), 2), f"{trimming.widths_us[end]:g} us")
        for end in ends
    ]
    about = [f"Found by eye with sorterd calibrate servo {name}."]
    return Results(f"servo-{name}", about, {f"gates.{name}": entries})
