"""A log handler that speaks journald's own protocol, so that a line has fields.

One datagram an entry: `FIELD=value` lines, and for a value of several lines the field's name, a
line break, its length (64 bits, little-endian) and the value. An entry that is too large for a
datagram goes as a sealed memory file instead (systemd: "Native Journal Protocol").

The rule: nobody waits for the log. It is written from threads that have deadlines, so what journald
does not take at once is let go, counted, and the count goes with the next entry as LINES_LOST.
"""

import array
import errno
import fcntl
import logging
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

SOCKET: Final = Path("/run/systemd/journal/socket")

# syslog's severities, by Python's levels.
_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_DEBUG: Final = 7
# A burst of entries waits in the kernel; systemd's own library asks for as much.
_ROOM_BYTES: Final = 8 * 1024 * 1024
# What journald takes for a field's name; a leading underscore is for journald's own.
_NAME: Final = re.compile(r"[A-Z0-9][A-Z0-9_]{0,63}")
# What a datagram that is too large, or finds no room, says on Linux.
_TOO_LARGE: Final = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class JournaldHandler(logging.Handler):
    """Sends each record as one entry. Any thread.

    Args:
        identifier: What `journalctl -t` calls this program.
        path: journald's socket.

    Raises:
        OSError: journald cannot be reached.
    """

    def __init__(self, identifier: str, path: Path = SOCKET) -> None:
        super().__init__()
        self._identifier = identifier
        self._lost = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM_BYTES)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; it is lost if journald does not take it now."""
        entry = encoded(self._fields(record))
        try:
            self._send(entry)
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        super().close()

    def _fields(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        yield "MESSAGE", self.format(record)
        yield "PRIORITY", str(priority(record.levelno))
        yield "SYSLOG_IDENTIFIER", self._identifier
        yield "LOGGER", record.name
        yield "THREAD", record.threadName or ""
        yield "CODE_FILE", record.pathname
        yield "CODE_LINE", str(record.lineno)
        yield "CODE_FUNC", record.funcName or ""
        if self._lost:
            yield "LINES_LOST", str(self._lost)
        given = getattr(record, "fields", {})
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if _NAME.fullmatch(str(name)):
                yield str(name), str(value)

    def _send(self, entry: bytes) -> None:
        try:
            self._socket.send(entry)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            self._send_as_file(entry)

    def _send_as_file(self, entry: bytes) -> None:
        file = os.memfd_create("sorterd-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.truncate(file, len(entry))
            os.pwrite(file, entry, 0)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))
            self._socket.sendmsg([], [rights])
        finally:
            os.close(file)


def priority(level: int) -> int:
    """Return syslog's severity of one of Python's levels."""
    return next((each for least, each in _PRIORITIES if level >= least), _DEBUG)


def encoded(fields: Iterator[tuple[str, str]]) -> bytes:
    r"""Return one entry as journald reads it.

    Example:
        >>> encoded(iter([("MESSAGE", "a"), ("BIN", "b\nc")]))
        b'MESSAGE=a\nBIN\n\x03\x00\x00\x00\x00\x00\x00\x00b\nc\n'
    """
    entry = bytearray()
    for name, text in fields:
        # A lone surrogate, of a file's name perhaps, must not cost the whole line.
        value = text.encode("utf-8", "backslashreplace")
        if b"\n" in value:
            entry += name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
        else:
            entry += name.encode() + b"=" + value + b"\n"
    return bytes(entry)
