"""What the emulated machine tells the kernel that it is: QEMU's own tree, made to name a Pi 4.

gpiozero looks for the revision and so finds the pins of its board; sorterd's doctor reads the
model. QEMU's own pins (a pl061 with a power key) go, so that the simulated ones are gpiochip0, as
a Pi's are.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

MODEL: Final = "Raspberry Pi 4 Model B Rev 1.1"
REVISION: Final = "a03111"
"""A Pi 4B with 1 GB, revision 1.1, as its maker numbers them."""
_QEMUS_PINS: Final = ("/gpio-keys", "/pl061@9030000")


def edits(tree: Path) -> list[list[str]]:
    """Return the commands that turn QEMU's tree into a Pi's."""
    file = str(tree)
    return [
        ["fdtput", "-p", "-t", "x", file, "/system", "linux,revision", REVISION],
        ["fdtput", "-t", "s", file, "/", "model", MODEL],
        ["fdtput", "-r", file, *_QEMUS_PINS],
    ]


def dump(machine: Sequence[str], tree: Path) -> list[str]:
    """Return the command that writes the tree of a QEMU machine to a file.

    Args:
        machine: QEMU's program and the arguments that make the machine.
        tree: The file.
    """
    return [*machine, "-M", f"dumpdtb={tree}"]
