"""A station in a process of its own, as systemd runs it: it is heard by its notify socket.

Its camera is a photograph shown for ever, its gates turn on mock pins, and when it ends in order it
prints what those pins were given.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

TINY = Path(__file__).parents[1] / "classifiers" / "tiny" / "int8"
SHUT_US, OPEN_US = 1000, 2000
PIN = 17

PROGRAM = """
import json, sys
from pathlib import Path
import sorterd.holding
from sorterd.__main__ import start_lean
start_lean()
from sorterd.cli import main
from sorterd.pins import mock_pins
sorterd.holding.PLACES = (Path(sys.argv.pop(1)),)
pin = mock_pins().factory.pin(17)
code = main(sys.argv[1:])
print(json.dumps([round(each.state * 20000) for each in pin.states]))
sys.exit(code)
"""

# Longer than any of this takes on a busy machine, shorter than pytest's own patience.
PATIENCE_S = 60.0


class Child:
    """A running station.

    Args:
        process: Its process.
        ear: The socket that it tells systemd on.
    """

    def __init__(self, process: subprocess.Popen[str], ear: socket.socket) -> None:
        self.process = process
        self.heard: list[str] = []
        self._ear = ear

    def wait_for(self, line: str) -> list[str]:
        """Wait until it tells systemd a line that begins so; return that message's lines."""
        while True:
            message = self._ear.recv(4096).decode().splitlines()
            self.heard += message
            if any(each.startswith(line) for each in message):
                return message

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> tuple[int, list[int], str]:
        """Wait for its end; return its exit code, its pin's pulse widths, and its log."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        self._ear.setblocking(False)
        while True:
            try:
                self.heard += self._ear.recv(4096).decode().splitlines()
            except BlockingIOError:
                break
        widths: list[int] = json.loads(out) if out else []
        return self.process.returncode, widths, err


def settings_text(folder: Path, **changed: object) -> str:
    """Return settings for the child's station; `changed` are keys with their values in TOML."""
    keys: Mapping[str, object] = {
        "camera.kind": '"replay"',
        "camera.path": f'"{folder / "photos"}"',
        "camera.loop": "true",
        "camera.rate_hz": 30,
        "model.bundle": f'"{TINY}"',
        "gates.packaging.kind": '"servo"',
        "gates.packaging.pins": '"mock"',
        "gates.packaging.pin": PIN,
        "gates.packaging.settle_ms": 100,
        "gates.packaging.at_mm": 500,
        "bins.packaging.gate": '"packaging"',
        "bins.packaging.labels": '["red"]',
        "bins.landfill.labels": '["green", "blue"]',
        "journal.path": f'"{folder / "journal.db"}"',
        "journal.flush_ms": 100,
        **{key.replace("__", "."): value for key, value in changed.items()},
    }
    return "".join(f"{key} = {value}\n" for key, value in keys.items())


@contextmanager
def station(folder: Path, **changed: object) -> Iterator[Child]:
    """Run a station in a folder until the end of the block; it is killed if it still runs then."""
    photos = folder / "photos"
    photos.mkdir(exist_ok=True)
    shade = np.full((480, 640, 3), 90, np.uint8)
    (photos / "grey.png").write_bytes(cv2.imencode(".png", shade)[1].tobytes())
    config = folder / "sorterd.toml"
    config.write_text(settings_text(folder, **changed))
    address = f"@sorterd-test-{os.getpid()}-{folder.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + address[1:])
        ear.settimeout(PATIENCE_S)
        process = subprocess.Popen(  # noqa: S603  # our own interpreter
            [sys.executable, "-c", PROGRAM, str(folder), "--config", str(config)],
            env={**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "15000000"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield Child(process, ear)
            finally:
                process.kill()
