"""Run in the emulated machine what its maker sends, and answer with what it said.

Each line that comes through the port is one script with its time; each line that goes back is its
exit code and its words. It needs nothing but Debian's Python.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import IO

PORT = Path("/dev/virtio-ports/emulated")
TOO_LONG = 124
"""The exit code of a script that took too long, as timeout(1) has it."""


def main() -> None:
    """Answer as long as the machine runs."""
    while not PORT.exists():  # the kernel has not found it yet
        time.sleep(0.5)
    with PORT.open("r+b", buffering=0) as port:
        _answer(port, {"hello": True})
        waiting = b""
        # With nobody at the other end a read gives nothing; the unit then starts this anew.
        while came := port.read(65536):
            *lines, waiting = (waiting + came).split(b"\n")
            for line in lines:
                _answer(port, _run(json.loads(line)))


def _run(asked: dict[str, object]) -> dict[str, object]:
    process = subprocess.Popen(  # noqa: S603  # whoever made the machine may do anything in it
        ["/bin/bash", "-c", str(asked["script"])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=float(str(asked["timeout_s"])))
        code = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        said, code = b"", TOO_LONG
    return {"id": asked["id"], "code": code, "said": said.decode(errors="replace")}


def _answer(port: IO[bytes], answer: dict[str, object]) -> None:
    left = json.dumps(answer).encode() + b"\n"
    while left:
        left = left[port.write(left) or 0 :]


if __name__ == "__main__":
    main()
