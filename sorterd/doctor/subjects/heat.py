"""Heat, throttling and the supply: what makes a station that worked yesterday miss its pieces.

A servo that starts asks for an ampere; a weak supply sags, the firmware slows the processor to half
and less (PINTO0309/Tensorflow-bin#9: 0.13 s a picture became 0.27), and nothing else says so.
"""

from collections.abc import Sequence
from typing import Final

from sorterd.doctor.findings import Finding, Line, broken, found, missing
from sorterd.doctor.here import wished_on_a_pi
from sorterd.machine.heat import temperature_deg_c
from sorterd.machine.power import THROTTLED, Throttling, throttling, voltage_alarm

SLOWER_DEG_C: Final = 80.0
"""From here a Pi 4 and 5 slow down (Raspberry Pi documentation, frequency management)."""

_UNDER_VOLTAGE: Final = THROTTLED[0]
_ASK: Final = "sudo apt install -y raspi-utils"
_KERNEL_ALONE: Final = (
    " by the kernel's file alone, which in some kernels always is 0 (raspberrypi/linux#2367)"
)


def temperature(heat_deg_c: float | None) -> Finding:
    """Look at the hottest zone."""
    if heat_deg_c is None:
        return missing("no sensor tells how hot the machine is")
    told = f"{heat_deg_c:.0f} deg C"
    if heat_deg_c >= SLOWER_DEG_C:
        mend = "give it a heat sink and a fan, or let air in; then look again under load"
        return broken(f"{told}: from {SLOWER_DEG_C:.0f} on a Pi slows down", mend)
    return found(f"{told}, a Pi slows down from {SLOWER_DEG_C:.0f} on")


def slowing(told: Throttling | None) -> Finding:
    """Look at whether the firmware slows the processor down, now and since boot."""
    if told is None:
        return missing("no firmware tells whether it slows down", _ASK)
    now, before = (
        [word for word in words if word != _UNDER_VOLTAGE] for words in (told.now, told.since_boot)
    )
    if now or before:
        return broken(_when(now, before), "cool it, and look at the line supply")
    return found(f"none now, none since boot{'' if told.by_command else _KERNEL_ALONE}")


def supply(told: Throttling | None, *, alarm: bool | None) -> Finding:
    """Look at whether the supply's voltage is enough, now and since boot.

    Args:
        told: By the firmware.
        alarm: By the kernel's sensor.
    """
    if told is None and alarm is None:
        return missing("nothing tells whether the supply is strong enough", _ASK)
    now = alarm or (told is not None and _UNDER_VOLTAGE in told.now)
    before = told is not None and _UNDER_VOLTAGE in told.since_boot
    if now or before:
        return broken(
            _when([_UNDER_VOLTAGE] * now, [_UNDER_VOLTAGE] * before),
            "give servos a supply of their own, and the Pi its official one; moving_at_once = 1",
        )
    alone = told is not None and not told.by_command
    return found(f"never too low since boot{_KERNEL_ALONE if alone else ''}")


def _when(now: Sequence[str], before: Sequence[str]) -> str:
    words = [f"{', '.join(now)} NOW"] if now else []
    earlier = [word for word in before if word not in now]
    words += [f"{', '.join(earlier)} at some time since boot"] if earlier else []
    return "; ".join(words)


LINES = (
    Line("temperature", wished_on_a_pi, lambda here: temperature(temperature_deg_c(here.root))),
    Line("throttling", wished_on_a_pi, lambda here: slowing(throttling(here.root, here.ask))),
    Line(
        "supply",
        wished_on_a_pi,
        lambda here: supply(throttling(here.root, here.ask), alarm=voltage_alarm(here.root)),
    ),
)
