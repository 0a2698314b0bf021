"""What a Raspberry Pi says of its supply, and whether it slows down: now, and since it was started.

The firmware keeps eight bits. Its command `vcgencmd` tells them, and so does a file of the kernel,
which for some kernels always is 0 (raspberrypi/linux#2367): where both answer, a bit that either
tells is taken as told, and an answer of the file alone says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sorterd.machine.kernel_files import whole_number, words_in
from sorterd.machine.programs import Ask

THROTTLED: Final[Mapping[int, str]] = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
"""Bits of the firmware's `get_throttled` that hold now; 16 higher, that they have held since boot.

Source: Raspberry Pi documentation, vcgencmd get_throttled."""

_SINCE_BOOT: Final = 16
# `soc/soc:firmware/` up to a Pi 4; a Pi 5 has an address in the folder's name.
_FIRMWARE: Final = "sys/devices/platform/soc*/*firmware*/get_throttled"


@dataclass(frozen=True, slots=True)
class Throttling:
    """What the firmware told.

    Attributes:
        bits: As it keeps them.
        by_command: `vcgencmd` answered; else it is the kernel's file alone.
    """

    bits: int
    by_command: bool

    @property
    def now(self) -> list[str]:
        """What holds at this moment, in the words of `THROTTLED`."""
        return self._told(0)

    @property
    def since_boot(self) -> list[str]:
        """What has held at some time since the machine was started."""
        return self._told(_SINCE_BOOT)

    def _told(self, shift: int) -> list[str]:
        return [what for bit, what in THROTTLED.items() if self.bits >> (bit + shift) & 1]


def throttling(root: Path = Path("/"), ask: Ask | None = None) -> Throttling | None:
    """Return what the firmware says; None if it says nothing: no Pi, or no way to ask.

    Args:
        root: Below which `sys` lies.
        ask: How `vcgencmd` is asked; None if it is not to be.
    """
    files = (_bits(words_in(file)) for file in root.glob(_FIRMWARE))
    by_file = next((bits for bits in files if bits is not None), None)
    answer = ask("vcgencmd", "get_throttled") if ask is not None else None
    by_command = _bits(answer.words) if answer is not None and answer.good else None
    if by_file is None and by_command is None:
        return None
    return Throttling((by_file or 0) | (by_command or 0), by_command is not None)


def voltage_alarm(root: Path = Path("/")) -> bool | None:
    """Return whether the Pi's own sensor says that its supply is too low; None without one."""
    for name in sorted((root / "sys/class/hwmon").glob("hwmon*/name")):
        if words_in(name) == "rpi_volt":
            alarm = whole_number(words_in(name.with_name("in0_lcrit_alarm")))
            return None if alarm is None else alarm != 0
    return None


def _bits(text: str | None) -> int | None:
    """`vcgencmd` says "throttled=0x50005"; the kernel's file says "50005", without a mark."""
    return None if text is None else whole_number(text.partition("=")[2] or text, base=16)
