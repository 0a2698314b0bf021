"""`sorterd console` on the command line."""

import ipaddress
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from sorterd.cli import main


@pytest.fixture
def settings(tmp_path: Path) -> tuple[str, str]:
    """Return the flags that name a journal which is not there yet."""
    return ("--set", f"journal.path={tmp_path / 'journal.db'}")


@pytest.fixture
def free_port() -> int:
    """Return a port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Serve nothing, but keep where it would have been."""
    places: list[Any] = []

    def run(_server: object, sockets: list[socket.socket]) -> None:
        places.append(sockets[0].getsockname())

    monkeypatch.setattr(uvicorn.Server, "run", run)
    return places


def test_it_listens_to_this_machine_alone(
    settings: tuple[str, str],
    free_port: int,
    served: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It should be loopback's unless it is told otherwise, and then say that all may read."""
    assert main(["console", *settings, "--port", str(free_port)]) == 0
    assert served == [("127.0.0.1", free_port)]
    assert "no password" not in caplog.text

    everybody = str(ipaddress.IPv4Address(0))
    assert main(["console", *settings, "--port", str(free_port), "--address", everybody]) == 0
    assert served[1] == (everybody, free_port)
    assert "it has no password" in caplog.text


def test_systemd_is_told_when_it_listens(
    settings: tuple[str, str],
    free_port: int,
    served: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It should be ready once it can be asked."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert main(["console", *settings, "--port", str(free_port)]) == 0
        told = systemd.recv(1000).decode()

    assert told.startswith("READY=1\n")
    assert len(served) == 1


def test_a_port_that_is_taken(
    settings: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say which, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["console", *settings, "--port", str(port)]) == 3

    told = capsys.readouterr().err
    assert f"127.0.0.1 port {port} cannot be had (Address already in use)" in told
    assert "--port" in told


def test_settings_without_a_journal(capsys: pytest.CaptureFixture[str]) -> None:
    """It should say that there would be nothing to show."""
    assert main(["console"]) == 2
    assert "journal.path" in capsys.readouterr().err


def test_a_library_that_is_missing(
    settings: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should say what to install."""
    monkeypatch.delitem(sys.modules, "sorterd.console.serving", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    assert main(["console", *settings]) == 3
    assert "pip install 'sorterd[console]'" in capsys.readouterr().err
