"""A hobby servo on the kernel's hardware PWM: /sys/class/pwm.

Pulses are exact to the nanosecond that the file takes, and to some tens of nanoseconds on the pin:
the chip makes them, no program is asked, and nothing trembles when the processor is busy. A
Raspberry Pi has two such channels, a Pi 5 four, behind the overlay pwm-2chan.

The kernel refuses (EINVAL) a pulse longer than its period, and everything while a channel has no
period, so the order in which the files are written matters.

Trap: the chip goes on by itself. A program that is killed leaves its last pulse standing until
somebody ends it, which is what `sorterd safe` is for.
"""

import errno
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from sorterd.ports import Clock, DeviceUnavailable
from sorterd.servos import MS_NS, PERIOD_US, ServoGate, ServoSettings

FOLDER: Final = Path("/sys/class/pwm")
"""Where the kernel shows its chips."""

PERIOD_NS: Final = PERIOD_US * 1000

APPEARS_NS: Final = 2_000 * MS_NS
"""How long udev may take to give a new channel's files to their group: it is a program of its own,
and a card that is busy at boot was no reason to give up a gate."""

_LOOK_NS: Final = 20 * MS_NS

_FILES: Final = ("period", "duty_cycle", "polarity", "enable")

Write = Callable[[Path, str], None]
"""Puts a value into one of the kernel's files, or raises what the kernel answers."""


class Settings(ServoSettings):
    """A servo on one of the kernel's PWM channels."""

    kind: Literal["pwm"] = "pwm"
    chip: int = Field(0, ge=0, le=31)
    """The N of /sys/class/pwm/pwmchipN; a Pi's is 0 (a Pi 5's 2 where the kernel is older)."""
    channel: int = Field(ge=0, le=31)
    """Which of the chip's channels: with the overlay pwm-2chan 0 is GPIO 18 and 1 is GPIO 19."""
    polarity: Literal["normal", "inversed"] = "normal"
    """Inversed where a transistor turns the signal round on its way to the servo."""

    def takes(self) -> Mapping[str, str]:
        """Return what no other part may have."""
        return {"channel": f"channel {self.channel} of pwmchip{self.chip}"}


class KernelPulses:
    """Meets `servos.Pulses` on one channel. Made by `open_part`.

    Args:
        channel: The channel's folder.
        unexport: Where to hand the channel back when done; None if it was there before.
        write: Puts a value into a file.
    """

    mock = False
    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, channel: Path, unexport: Path | None, write: Write) -> None:
        self.where = f"{channel.parent.name}/{channel.name}"
        self._channel = channel
        self._unexport = unexport
        self._write = write

    def prepare(self, polarity: str) -> None:
        """Stop what a program before has left, and set all but the pulse; it gives none yet."""
        if self._read("enable") != "0":
            self._set("enable", "0")
        if int(self._read("duty_cycle")) > PERIOD_NS:
            self._set("duty_cycle", "0")
        self._set("period", str(PERIOD_NS))
        self._set("duty_cycle", "0")
        # Some chips have one polarity only, and refuse to be told of it.
        if self._read("polarity") != polarity:
            self._set("polarity", polarity)

    def give(self, width_us: float) -> None:
        """Give pulses of this width from now on."""
        self._set("duty_cycle", str(round(width_us * 1000)))
        self._set("enable", "1")

    def end(self) -> None:
        """Give no more pulses."""
        self._set("enable", "0")

    def close(self) -> None:
        """Give no more pulses, and hand the channel back if it was taken here."""
        with suppress(OSError):
            self.end()
        if self._unexport is not None:
            self._write(self._unexport, self._channel.name.removeprefix("pwm"))

    def remedy(self, error: Exception) -> str:
        """Return what a person can do about a file's error."""
        return _remedy(error)

    def _read(self, file: str) -> str:
        return (self._channel / file).read_text().strip()

    def _set(self, file: str, value: str) -> None:
        self._write(self._channel / file, value)


def write_value(file: Path, value: str) -> None:
    """Put a value into one of the kernel's files, which has to be there.

    Raises:
        OSError: It is not, may not be written to, or the kernel refuses the value.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def open_part(
    name: str,
    settings: Settings,
    clock: Clock,
    folder: Path | None = None,
    write: Write = write_value,
) -> ServoGate:
    """Take a servo's channel, without giving it a pulse.

    Args:
        name: The gate's name in the settings.
        settings: The servo's own.
        clock: To wait for a new channel's files by.
        folder: Where the kernel shows its chips, if not in the usual place.
        write: Puts a value into a file.

    Raises:
        DeviceUnavailable: No such chip or channel, no right to use it, or another has it.
    """
    chip = (folder or FOLDER) / f"pwmchip{settings.chip}"
    channel = chip / f"pwm{settings.channel}"
    _look(name, settings, chip)
    taken = not channel.is_dir()
    pulses = KernelPulses(channel, chip / "unexport" if taken else None, write)
    try:
        if taken:
            write(chip / "export", str(settings.channel))
            _wait_for(channel, clock)
        pulses.prepare(settings.polarity)
    except OSError as error:
        with suppress(OSError):
            pulses.close()
        raise DeviceUnavailable(
            f"gate {name}: {pulses.where} cannot be had ({error.strerror}); {_remedy(error)}"
        ) from error
    return ServoGate(name, settings, pulses)


def _look(name: str, settings: Settings, chip: Path) -> None:
    """Tell apart what is not there: the chip, or its channel."""
    if not chip.is_dir():
        others = ", ".join(sorted(each.name for each in chip.parent.glob("pwmchip*"))) or "none"
        raise DeviceUnavailable(
            f"gate {name}: no {chip} (there are {others}); add the line dtoverlay=pwm-2chan to"
            " /boot/firmware/config.txt and restart the Pi, or correct chip"
        )
    try:
        channels = int((chip / "npwm").read_text())
    except (OSError, ValueError):
        return  # the kernel says itself which channels it has not
    if settings.channel >= channels:
        raise DeviceUnavailable(
            f"gate {name}: {chip} has no channel {settings.channel}; correct channel: it has 0 to"
            f" {channels - 1}"
        )


def _wait_for(channel: Path, clock: Clock) -> None:
    """Wait for a new channel's files: the kernel makes them at once, udev gives them away later."""
    files = [channel / file for file in _FILES]
    due_ns = clock.now_ns() + APPEARS_NS
    while not all(os.access(file, os.W_OK) for file in files):
        if clock.now_ns() >= due_ns:
            # Whichever is missing, or may not be written to, says so.
            for file in files:
                os.close(os.open(file, os.O_WRONLY))
            return
        clock.sleep_until(clock.now_ns() + _LOOK_NS)


_REMEDIES: Final = {
    errno.EACCES: "give /sys/class/pwm to the group gpio by a udev rule, which systemd/install"
    " brings, and be in that group",
    errno.EBUSY: "the kernel itself or another program has the channel: give the gate another",
    errno.ENOENT: "the channel's files did not come: see the kernel's log (dmesg)",
    errno.EINVAL: "the chip cannot make this pulse: try the other polarity, or another chip",
}
"""By the number that the kernel answers."""


def _remedy(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    number = errno.EACCES if number == errno.EPERM else number
    usual = "see the kernel's log (dmesg), and check the overlay in /boot/firmware/config.txt"
    return _REMEDIES.get(number or 0, usual)
