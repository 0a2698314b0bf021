"""Single keys from a terminal, without Enter; from a pipe, the characters as they come."""

import os
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def keys(terminal: int) -> Iterator[Iterator[str]]:
    """Give the keys that are pressed, until the terminal is closed; then it is as it was before.

    Args:
        terminal: The descriptor to read: 0 is the program's own input.
    """
    if not os.isatty(terminal):
        yield _characters(terminal)
        return
    before = termios.tcgetattr(terminal)
    try:
        # Keys at once, and Ctrl-C as ever.
        tty.setcbreak(terminal)
        yield _characters(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _characters(terminal: int) -> Iterator[str]:
    while character := os.read(terminal, 1):
        yield character.decode("ascii", "replace")
