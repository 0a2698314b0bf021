"""What systemd is told, on a socket that stands in for its own."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sorterd.service.notify import Notifier, notifier_here, watchdog_ns


@pytest.fixture(params=["file", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """Return the address of a socket as NOTIFY_SOCKET names it, and the socket."""
    abstract = request.param == "abstract"
    address = f"@sorterd-notify-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if abstract else address)
        listening.settimeout(10)
        yield address, listening


def test_each_word_is_one_datagram(ear: tuple[str, socket.socket]) -> None:
    """It should speak systemd's words, on a socket in the file system and on an abstract one."""
    address, listening = ear
    subject = Notifier(address)

    subject.ready("sorting")
    subject.status("two\nlines")
    subject.alive()
    subject.reloading(7_003_000_019, "reading")
    subject.watchdog(60_000_000_000)
    subject.stopping("told to")

    assert subject.heard
    assert [listening.recv(1000).decode() for _ in range(6)] == [
        "READY=1\nSTATUS=sorting",
        "STATUS=two lines",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=7003000\nSTATUS=reading",
        "WATCHDOG_USEC=60000000",
        "STOPPING=1\nSTATUS=told to",
    ]


def test_where_nobody_listens_nothing_is_told(tmp_path: Path) -> None:
    """It should do nothing without a socket, and not fail by one that is gone."""
    assert not notifier_here({}).heard
    notifier_here({}).alive()
    notifier_here({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


def test_a_watchdog_is_meant_for_one_process() -> None:
    """It should not keep alive a service whose child it is."""
    here = str(os.getpid())

    assert watchdog_ns({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": here}) == 15_000_000_000
    assert watchdog_ns({"WATCHDOG_USEC": "15000000"}) == 15_000_000_000
    assert watchdog_ns({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_ns({"WATCHDOG_USEC": "0"}) is None
    assert watchdog_ns({"WATCHDOG_USEC": "soon"}) is None
    assert watchdog_ns({}) is None
