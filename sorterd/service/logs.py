"""Where this process's log goes: to journald with fields, or as plain lines to stderr.

systemd sets `JOURNAL_STREAM` to the device and inode of the socket that it gave a service for its
output. Only if stderr is that very socket does the log belong to journald: a shell that was started
from a service inherits the variable, and its output goes elsewhere.
"""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

STDERR: Final = 2
"""Its descriptor, whatever Python's `sys.stderr` is by now."""

FORMAT: Final = "%(levelname)s %(name)s: %(message)s"


def start_logging(environment: Mapping[str, str] = os.environ, socket: Path | None = None) -> None:
    """Send the log of this process where it belongs, from INFO on.

    Args:
        environment: The process's.
        socket: Where journald listens, if not in the usual place.
    """
    handlers: list[logging.Handler] | None = None
    if to_journald(environment, STDERR):
        # By name: a program that is started by hand needs no sockets.
        journald = import_module("sorterd.service.journald")
        # Without journald there are still the lines on stderr.
        with suppress(OSError):
            handlers = [journald.JournaldHandler("sorterd", socket or journald.SOCKET)]
            handlers[0].setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, format=FORMAT, handlers=handlers)


def to_journald(environment: Mapping[str, str], file: int) -> bool:
    """Return whether an open file is the stream that systemd connected with the journal."""
    try:
        found = os.fstat(file)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
