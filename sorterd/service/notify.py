"""Tell systemd how the service is: sd_notify, by hand.

The protocol is one datagram of `KEY=value` lines to the socket that `NOTIFY_SOCKET` names. It is so
small, and promised to stay as it is (systemd's Interface Portability and Stability Promise), that
it needs no library: the packages on PyPI are no longer looked after, or need a compiler on the Pi.

The rule: telling never fails and never takes long. Where nobody listens, nothing is told.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

# systemd reads its socket all the time; one that does not is in no state to be told.
_PATIENCE_S: Final = 1.0


class Notifier:
    """Speaks to one socket. Any thread.

    Args:
        address: Where systemd listens; None if nobody does. An `@` stands for an abstract name.
    """

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address[0] == "@" else address

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Say that the start, or a reload, is over."""
        self._tell("READY=1", _status(status))

    def status(self, status: str) -> None:
        """Say in a line what `systemctl status` shows."""
        self._tell(_status(status))

    def alive(self) -> None:
        """Hold off the watchdog for another period."""
        self._tell("WATCHDOG=1")

    def reloading(self, now_ns: int, status: str) -> None:
        """Say that settings are read again; `ready` ends it.

        Args:
            now_ns: The present on the host's monotonic clock, by which systemd tells reloads apart.
            status: As for `status`.
        """
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now_ns // 1000}", _status(status))

    def watchdog(self, period_ns: int) -> None:
        """Ask for another watchdog period from now on."""
        self._tell(f"WATCHDOG_USEC={period_ns // 1000}")

    def stopping(self, status: str) -> None:
        """Say that the service stops, by itself or as it was told."""
        self._tell("STOPPING=1", _status(status))

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            speaker.settimeout(_PATIENCE_S)
            speaker.sendto("\n".join(lines).encode(), self._address)


def notifier_here(environment: Mapping[str, str] = os.environ) -> Notifier:
    """Return who tells this process's systemd, if it was started by one that wants to know."""
    return Notifier(environment.get("NOTIFY_SOCKET"))


def watchdog_ns(environment: Mapping[str, str] = os.environ) -> int | None:
    """Return the period within which systemd wants a sign of life; None if it wants none."""
    # A service's children inherit the variables; they are meant for the process that is named.
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    period_us = environment.get("WATCHDOG_USEC", "")
    return int(period_us) * 1000 if period_us.isdecimal() and int(period_us) else None


def _status(status: str) -> str:
    # A line break would begin another message.
    return f"STATUS={' '.join(status.split())}"
