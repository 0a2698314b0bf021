"""What moves gates: the header's pins, the library that drives them, servo boards, hardware PWM."""

import errno
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from sorterd.doctor.apart.telling import told_by, why_not
from sorterd.doctor.findings import Finding, Line, Need, broken, found, missing
from sorterd.doctor.here import Here
from sorterd.holding import Holder
from sorterd.machine.gpio_lines import PI_CHIPS, Chip, chips
from sorterd.machine.gpio_lines import Line as GpioLine
from sorterd.machine.kernel_files import whole_number, words_in
from sorterd.machine.programs import Ask

CONFIG: Final = "/boot/firmware/config.txt"
IMPORT_S: Final = 20.0


def gpio_chip(nodes: Sequence[Path], chip_at: Callable[[Path], Chip]) -> Finding:
    """Look for the chip behind the header's pins, by its label."""
    if not nodes:
        return missing(
            "there is no GPIO chip (/dev/gpiochip*)",
            "sudo apt full-upgrade, and start anew: the system's own kernel has its driver",
        )
    labels = []
    for node in nodes:
        try:
            chip = chip_at(node)
        except OSError as error:
            labels.append(f"{node.name}: {error.strerror}")
            continue
        if chip.label in PI_CHIPS:
            return found(f"{node.name} is {chip.label}, {chip.lines} lines")
        labels.append(f"{node.name} is {chip.label}")
    told = f"none is a Raspberry Pi's: {', '.join(labels)}"
    return broken(
        told, "sudo usermod -aG gpio $USER, and log in anew; on a Pi 5 sudo apt full-upgrade"
    )


def pins(
    wanted: Mapping[str, int],
    node: Path | None,
    line_at: Callable[[Path, int], GpioLine],
    held_by: Holder | None,
) -> Finding:
    """Look at each pin that the settings name: free, or whose.

    Args:
        wanted: GPIO numbers by the key that names them.
        node: The header's chip; None if there is none.
        line_at: Asks the chip for a line.
        held_by: Who has the devices: pins that are taken then are the station's own.
    """
    if not wanted:
        return found("the settings drive none")
    numbers = ", ".join(f"GPIO{pin}" for pin in wanted.values())
    if node is None:
        return missing(f"no chip has {numbers}", "look at the line gpio chip")
    taken, absent = [], []
    for key, pin in wanted.items():
        try:
            line = line_at(node, pin)
        except OSError as error:
            absent.append(f"GPIO{pin} ({key}): {error.strerror}")
            continue
        if line.taken:
            taken.append(f"GPIO{pin} ({key}) is taken by {line.consumer or 'somebody'}")
    if absent:
        return missing("; ".join(absent), "correct the pin's number in the settings")
    if taken and held_by is None:
        mend = f"stop what has it, or take its overlay out of {CONFIG}: gpioinfo {node.name}"
        return broken("; ".join(taken), mend)
    if taken:
        return found(f"{numbers}: {len(taken)} taken, and {held_by} holds the devices")
    return found(f"{numbers}: free")


def library(name: str, ask: Ask, program: str) -> Finding:
    """Look for a library that drives pins or servo boards."""
    answer = ask(program, "-m", "sorterd.doctor.apart.library", name, within_s=IMPORT_S)
    told = told_by(answer)
    pip = Path(program).with_name("pip")
    if told.get("absent"):
        return missing(f"{name} is not installed", f"sudo {pip} install {name}")
    if "version" not in told:
        why = why_not(answer, told)
        again = f"sudo {pip} install --force-reinstall {name}"
        return broken(f"{name} cannot be imported: {why}", again)
    return found(f"{name} {told['version']}")


def i2c_bus(buses: Sequence[Path], may_open: Callable[[Path], bool]) -> Finding:
    """Look for the buses that the servo boards are on.

    Args:
        buses: Their nodes.
        may_open: Tells whether this user may.
    """
    absent = [bus for bus in buses if not bus.exists()]
    if absent:
        told = f"{', '.join(bus.name for bus in absent)} is not there: I2C is off"
        return missing(told, f"sudo raspi-config nonint do_i2c 0 (dtparam=i2c_arm=on in {CONFIG})")
    closed = [bus for bus in buses if not may_open(bus)]
    if closed:
        told = f"{closed[0].name} is there and may not be opened"
        return broken(told, "sudo usermod -aG i2c $USER, and log in anew")
    return found(", ".join(bus.name for bus in buses))


def servo_boards(
    wanted: Sequence[tuple[int, int]],
    dev: Path,
    register: Callable[[Path, int, int], int],
    held_by: Holder | None,
) -> Finding:
    """Ask each servo board (PCA9685) for its first register; nothing is written to it.

    Args:
        wanted: Bus and address of each.
        dev: Where the buses' nodes lie.
        register: Reads a register.
        held_by: Who has the devices: then nobody is asked.
    """
    names = [f"0x{address:02x} on i2c-{bus}" for bus, address in wanted]
    if not wanted:
        return found("the settings have none")
    if held_by is not None:
        return found(f"not asked: the devices are held by {held_by}")
    for (bus, address), name in zip(wanted, names, strict=True):
        try:
            register(dev / f"i2c-{bus}", address, 0)
        except OSError as error:
            if error.errno in {errno.EREMOTEIO, errno.ENXIO, errno.ENOENT}:
                told = f"nothing answers at {name}"
                return missing(told, f"its supply, SDA and SCL; then i2cdetect -y {bus}")
            mend = (
                "take its overlay out of " + CONFIG
                if error.errno == errno.EBUSY
                else f"look at SDA, SCL and the pull-ups; then i2cdetect -y {bus}"
            )
            why = "a driver of the kernel has it" if error.errno == errno.EBUSY else error.strerror
            return broken(f"{name}: {why}", mend)
    return found(f"answers: {', '.join(names)}")


def hardware_pwm(folder: Path, wanted: Mapping[str, tuple[int, int]]) -> Finding:
    """Look for the kernel's own PWM, which needs an overlay.

    Args:
        folder: Where its chips lie, as /sys/class/pwm.
        wanted: Chip and channel of each gate that is on it.
    """
    mend = f"dtoverlay=pwm-2chan in {CONFIG}, and start anew"
    channels = {
        chip.name: whole_number(words_in(chip / "npwm")) or 0
        for chip in sorted(folder.glob("pwmchip*"))
    }
    listed = ", ".join(f"{name} with {number} channels" for name, number in channels.items())
    if not channels:
        return missing("no channel of hardware PWM: there is no overlay", mend)
    for gate, (chip, channel) in wanted.items():
        if channel >= channels.get(f"pwmchip{chip}", 0):
            told = f"{gate} wants channel {channel} of pwmchip{chip}; there is {listed}"
            return broken(told, f"correct chip and channel in the settings, or {mend}")
    return found(listed)


def header_chip(nodes: Sequence[Path], chip_at: Callable[[Path], Chip]) -> Path | None:
    """Return the node of the chip behind the header; None if there is none."""
    for node in nodes:
        try:
            if chip_at(node).label in PI_CHIPS:
                return node
        except OSError:
            continue
    return None


def _need_of_pins(here: Here) -> Need:
    return here.on_a_pi_need(bool(here.wants.pins))


def _pins(here: Here) -> Finding:
    node = header_chip(chips(here.root / "dev"), here.chip_at)
    return pins(here.wants.pins, node, here.line_at, here.holder)


def _buses(here: Here) -> list[Path]:
    numbers = {bus for bus, _ in here.wants.servo_boards} or {1}
    return [here.root / f"dev/i2c-{number}" for number in sorted(numbers)]


def _only_if(used: bool) -> Need:  # noqa: FBT001 - it is all that is asked
    return Need.NEEDED if used else Need.UNUSED


LINES = (
    Line(
        "gpio chip", _need_of_pins, lambda here: gpio_chip(chips(here.root / "dev"), here.chip_at)
    ),
    Line("pins", _need_of_pins, _pins),
    Line("lgpio", _need_of_pins, lambda here: library("lgpio", here.ask, here.python.program)),
    Line(
        "smbus2",
        lambda here: _only_if(bool(here.wants.servo_boards)),
        lambda here: library("smbus2", here.ask, here.python.program),
    ),
    Line(
        "i2c bus",
        lambda here: _only_if(bool(here.wants.servo_boards)),
        lambda here: i2c_bus(_buses(here), here.may_open),
    ),
    Line(
        "servo boards",
        lambda here: _only_if(bool(here.wants.servo_boards)),
        lambda here: servo_boards(
            here.wants.servo_boards, here.root / "dev", here.register, here.holder
        ),
    ),
    Line(
        "hardware pwm",
        lambda here: _only_if(bool(here.wants.pwm)),
        lambda here: hardware_pwm(here.root / "sys/class/pwm", here.wants.pwm),
    ),
)
