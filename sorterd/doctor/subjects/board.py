"""Which machine this is, and whether there are wheels for its processor."""

from pathlib import Path

from sorterd.doctor.findings import Finding, Line, broken, found, missing
from sorterd.doctor.here import wished_on_a_pi
from sorterd.machine.board import board, is_pi, processor
from sorterd.machine.programs import Ask

_WHEELS = frozenset({"x86_64", "aarch64", "armv7l"})
"""Processors for which TFLite has wheels; a Pi 1 and a Pi Zero are armv6l."""


def this_board(root: Path, ask: Ask) -> Finding:
    """Look at the board's name and the processor's kind."""
    kind = ask("uname", "-m").words
    name = board(root) or processor(root) or "a machine that does not name itself"
    if kind and kind not in _WHEELS:
        return broken(
            f"{name}, {kind}: no TFLite runtime has wheels for this processor",
            "use a Pi 3, 4, 5 or Zero 2 with a 64-bit system",
        )
    if not is_pi(root):
        return missing(
            f"not a Raspberry Pi ({name}): pins set to auto are mock pins, and there is no "
            "firmware to ask about its supply"
        )
    if kind == "armv7l":
        told = f"{name}, a 32-bit system: it runs tflite-runtime only"
        return broken(told, "install the 64-bit Raspberry Pi OS", hinders=False)
    return found(f"{name}{', 64 bit' if kind == 'aarch64' else ''}")


LINES = (Line("board", wished_on_a_pi, lambda here: this_board(here.root, here.ask)),)
