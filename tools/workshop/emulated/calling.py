"""Run the programs that a machine is made with, and say in one line which of them failed.

What a program says goes to a log; its last line is the fault's. A program that is still running
when the command is interrupted is ended with all that it started.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tools.workshop.faults import WorkshopFault

END_S = 20
"""What a program is given to end after it was asked to: mmdebstrap unmounts and tidies."""


def call(
    command: Sequence[str | Path],
    log: Path,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    source: IO[bytes] | None = None,
    timeout_s: float | None = None,
) -> None:
    """Run a program to its end.

    Args:
        command: The program and its arguments.
        log: Takes what it says, after what is there already.
        folder: Where it works.
        environment: Set for it beside what this process was started with.
        source: What it reads; nothing unless told otherwise.
        timeout_s: How long it may take; None for as long as it likes.

    Raises:
        WorkshopFault: It is not there, ended badly or took too long.
    """
    words = [str(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as said:
        said.write(f"$ {' '.join(words)}\n".encode())
        said.flush()
        try:
            # A session of its own: Ctrl-C reaches this program only, which then ends the other.
            process = subprocess.Popen(  # noqa: S603  # the recipe's own words
                words,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=source or subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise WorkshopFault(f"{words[0]} is not installed: install it and try again") from error
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            end(process)
            raise WorkshopFault(f"{words[0]} took longer than {timeout_s} s: see {log}") from error
        except BaseException:
            end(process)
            raise
    if code != 0:
        raise WorkshopFault(f"{words[0]} failed ({code}): {last_line(log)} (all of it: {log})")


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a program and all that it started; harmless when it has ended."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, how)
            process.wait(END_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def last_line(log: Path) -> str:
    """Return the last line that a program said, or that it said nothing."""
    lines = log.read_text(errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip() and not line.startswith("$ ")]
    return said[-1] if said else "it said nothing"
