"""The kernel's answers on GPIO chips, laid out as linux/gpio.h has them."""

import fcntl
import struct
from pathlib import Path

import pytest

from sorterd.machine.gpio_lines import Chip, Line, chip_at, chips, line_at
from sorterd.machine.i2c_bus import register

LINE_INFO_BYTES = 256
"""sizeof(struct gpio_v2_line_info), which its request number holds too."""


def kernel(file: object, request: int, question: bytes) -> bytes:
    """Answer as the kernel does for a Pi 4's chip on which GPIO17 is taken."""
    del file
    assert request >> 16 & 0x3FFF == len(question)
    if request == 0x8044B401:
        return struct.pack("32s32sI", b"gpiochip0", b"pinctrl-bcm2711", 58)
    assert len(question) == LINE_INFO_BYTES
    (number,) = struct.unpack_from("I", question, 64)
    if number >= 58:
        raise OSError(22, "Invalid argument")
    taken = number == 17
    consumer = b"sorterd" if taken else b""
    name = f"GPIO{number}".encode()
    return struct.pack("32s32sIIQ176x", name, consumer, number, 0, 3 if taken else 2)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a chip's node behind which that kernel stands."""
    monkeypatch.setattr(fcntl, "ioctl", kernel)
    file = tmp_path / "gpiochip0"
    file.write_bytes(b"")
    return file


def test_a_chip_says_what_it_is(node: Path) -> None:
    """It should read label and number of lines."""
    assert chip_at(node) == Chip("pinctrl-bcm2711", 58)


def test_a_line_says_who_has_it(node: Path) -> None:
    """It should tell a line that is taken, and by whom, from a free one."""
    assert line_at(node, 17) == Line("GPIO17", taken=True, consumer="sorterd")
    assert line_at(node, 27) == Line("GPIO27", taken=False, consumer="")


def test_a_line_that_there_is_not(node: Path) -> None:
    """It should raise what the kernel says."""
    with pytest.raises(OSError, match="Invalid"):
        line_at(node, 58)


def test_a_file_that_is_no_chip(tmp_path: Path) -> None:
    """It should raise for a plain file, as the kernel does."""
    file = tmp_path / "gpiochip0"
    file.write_bytes(b"")

    with pytest.raises(OSError, match=r"ioctl|Inappropriate|Errno"):
        chip_at(file)


def test_chips_are_listed_once_and_in_order(tmp_path: Path) -> None:
    """It should leave out a second name, and put 10 behind 4."""
    for number in (10, 0, 4):
        (tmp_path / f"gpiochip{number}").write_bytes(b"")
    (tmp_path / "gpiochip11").symlink_to("gpiochip0")

    assert [chip.name for chip in chips(tmp_path)] == ["gpiochip0", "gpiochip4", "gpiochip10"]


def test_a_register_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should name the device, then the register, and read one byte."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(fcntl, "ioctl", lambda _, *given: asked.append(given))
    bus = tmp_path / "i2c-1"
    bus.write_bytes(b"\xff\x11")

    assert register(bus, 0x40, 0) == 0x11
    assert asked == [(0x0703, 0x40)]
    assert bus.read_bytes()[0] == 0
