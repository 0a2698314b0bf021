"""Log records on journald's own socket, with a socket of ours in its place."""

import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from sorterd.service.journald import JournaldHandler, encoded, priority
from sorterd.service.logs import start_logging, to_journald


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """Return a socket at `journald` in the test's folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "journald"))
        listening.settimeout(10)
        yield listening


@pytest.fixture
def log(ear: socket.socket, tmp_path: Path) -> Iterator[logging.Logger]:
    """Return a logger whose records go there alone."""
    del ear
    handler = JournaldHandler("sorterd", tmp_path / "journald")
    logger = logging.getLogger("sorterd.moving")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    handler.close()


def entry_of(datagram: bytes) -> dict[str, str]:
    """Read an entry as journald does."""
    fields = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            name, (length,) = line, struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        fields[name.decode()] = value.decode()
        datagram = rest
    return fields


def test_a_line_has_fields(ear: socket.socket, log: logging.Logger) -> None:
    """It should carry severity, place in the code and what the record was given."""
    log.error("gate %s failed", "glass", extra={"fields": {"GATE": "glass", "PULSE": 7}})
    entry = entry_of(ear.recv(10_000))

    assert entry["MESSAGE"] == "gate glass failed"
    assert entry["PRIORITY"] == "3"
    assert entry["SYSLOG_IDENTIFIER"] == "sorterd"
    assert entry["LOGGER"] == "sorterd.moving"
    assert entry["CODE_FILE"].endswith("test_journald.py")
    assert entry["CODE_FUNC"] == "test_a_line_has_fields"
    assert (entry["GATE"], entry["PULSE"]) == ("glass", "7")


def test_several_lines_and_odd_names(ear: socket.socket, log: logging.Logger) -> None:
    """It should keep a value's line breaks, and leave out names that are journald's own."""
    log.warning("a\nb=c", extra={"fields": {"REASON": "x\ny\n", "_PID": 1, "small": 2}})
    entry = entry_of(ear.recv(10_000))

    assert entry["MESSAGE"] == "a\nb=c"
    assert entry["REASON"] == "x\ny\n"
    assert not {"_PID", "small"} & set(entry)


def test_a_bug_has_its_traceback(ear: socket.socket, log: logging.Logger) -> None:
    """It should be one entry of several lines."""
    try:
        int("seven")
    except ValueError:
        log.exception("a bug in thread sort")

    assert "ValueError: invalid literal" in entry_of(ear.recv(100_000))["MESSAGE"]


def test_what_is_too_large_for_a_datagram_goes_as_a_file(
    ear: socket.socket, log: logging.Logger
) -> None:
    """It should be sealed, as journald asks, and whole."""
    text = "x" * 30_000_000
    log.info(text)
    _, files, _, _ = socket.recv_fds(ear, 10, 1)
    with os.fdopen(files[0], "rb") as file:
        with pytest.raises(OSError, match="not permitted"):
            os.truncate(files[0], 0)
        file.seek(0)
        assert entry_of(file.read())["MESSAGE"] == text


def test_nobody_waits_for_journald(ear: socket.socket, log: logging.Logger) -> None:
    """It should let go of lines while journald reads none, and say how many with the next."""
    most = 0
    for number in range(100_000):
        log.info("line %d", number)
        most = vars(log.handlers[0])["_lost"]
        if most == 3:
            break
    while True:
        try:
            ear.setblocking(False)
            ear.recv(10_000)
        except BlockingIOError:
            break
    log.info("the next")

    assert most == 3
    assert entry_of(ear.recv(10_000))["LINES_LOST"] == "3"


def test_severities() -> None:
    """It should give each of Python's levels syslog's."""
    levels = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 1)

    assert [priority(level) for level in levels] == [2, 3, 4, 6, 7, 7]


def test_no_text_is_too_odd() -> None:
    """It should take a file's name that is no text."""
    assert encoded(iter([("MESSAGE", "\udcff")])) == b"MESSAGE=\\udcff\n"


def test_only_the_stream_that_systemd_connected_is_the_journal(tmp_path: Path) -> None:
    """It should compare device and inode, for a child's output may go elsewhere."""
    path = tmp_path / "stream"
    path.touch()
    with path.open() as file:
        found = path.stat()
        here = f"{found.st_dev}:{found.st_ino}"

        assert to_journald({"JOURNAL_STREAM": here}, file.fileno())
        assert not to_journald({"JOURNAL_STREAM": "8:1"}, file.fileno())
        assert not to_journald({}, file.fileno())
    assert not to_journald({"JOURNAL_STREAM": here}, 10_000)


def test_without_journald_there_are_lines_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should not lose the log for a journald that cannot be reached."""
    started: list[object] = []
    monkeypatch.setattr("sorterd.service.logs.to_journald", lambda *_: True)
    monkeypatch.setattr(logging, "basicConfig", lambda **given: started.append(given["handlers"]))

    start_logging({}, tmp_path / "gone")

    assert started == [None]
