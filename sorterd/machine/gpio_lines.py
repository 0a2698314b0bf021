"""A GPIO chip and its lines, asked of the kernel: which there are, which are taken and by whom.

It is the kernel's own interface (linux/gpio.h, version 2), so that no library is needed to find out
that one is missing. Nothing here takes a line or changes one.
"""

import fcntl
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PI_CHIPS: Final = ("pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1")
"""The labels of the chip behind the header's pins: up to a Pi 3, a Pi 4, a Pi 5."""

# _IOR(0xB4, 0x01, struct gpiochip_info) and _IOWR(0xB4, 0x05, struct gpio_v2_line_info).
_CHIP_INFO: Final = 0x8044_B401
_LINE_INFO: Final = 0xC100_B405
_CHIP: Final = struct.Struct("32s 32s I")
# Name, consumer, offset, number of attributes, flags; ten attributes and some room follow.
_LINE: Final = struct.Struct("32s 32s I I Q 160x 16x")
_TAKEN: Final = 1


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip.

    Attributes:
        label: Which chip it is.
        lines: How many it has, numbered from 0.
    """

    label: str
    lines: int


@dataclass(frozen=True, slots=True)
class Line:
    """One of its lines.

    Attributes:
        name: As the board calls it ("GPIO17").
        taken: Some program or driver has it.
        consumer: What that calls itself; may be empty.
    """

    name: str
    taken: bool
    consumer: str


def chips(folder: Path = Path("/dev")) -> list[Path]:
    """Return the chips' nodes, each once: a Pi 5 has a second name for its first chip."""
    nodes = sorted(folder.glob("gpiochip[0-9]*"), key=lambda node: (len(node.name), node.name))
    return [node for node in nodes if not node.is_symlink()]


def chip_at(node: Path) -> Chip:
    """Ask a chip what it is.

    Raises:
        OSError: It cannot be opened, or is no GPIO chip.
    """
    _, label, lines = _CHIP.unpack(_asked(node, _CHIP_INFO, bytes(_CHIP.size)))
    return Chip(_text(label), lines)


def line_at(node: Path, number: int) -> Line:
    """Ask a chip for one of its lines.

    Raises:
        OSError: As for `chip_at`, or it has no such line.
    """
    question = _LINE.pack(b"", b"", number, 0, 0)
    name, consumer, _, _, flags = _LINE.unpack(_asked(node, _LINE_INFO, question))
    return Line(_text(name), bool(flags & _TAKEN), _text(consumer))


def _asked(node: Path, request: int, question: bytes) -> bytes:
    with node.open("rb", buffering=0) as chip:
        return fcntl.ioctl(chip, request, question)


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")
