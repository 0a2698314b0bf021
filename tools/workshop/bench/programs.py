"""Start a program, wait for its end, and tell what that took: processor time, wall time, memory.

A program is a function of the bench without arguments, started in a Python of its own. It prints a
name and a number a line. Starts are told by the kernel's own account of the finished process, so
nothing of the bench is in them.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from sorterd.clock import RealClock
from sorterd.ports import DeviceUnavailable
from tools.workshop.faults import WorkshopFault

ROOT: Final = Path(__file__).resolve().parents[3]
ACCOUNTS: Final = hasattr(os, "wait4")
"""Whether programs can be told of here; Windows cannot."""
_LEFT_OUT: Final = (
    # What changes a station's settings.
    "SORTERD_",
    # What the station sets for itself at its start: were it inherited from a bench that has
    # imported sorterd, the bare program would have it too.
    "OPENBLAS_NUM_THREADS",
    "PYDANTIC_DISABLE_PLUGINS",
    # An installed program finds its bytecode compiled. A start that compiles the station's sources
    # took 550 ms instead of 290.
    "PYTHONDONTWRITEBYTECODE",
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended well.

    Attributes:
        cpu_ms: User's and system's processor time of all its threads.
        wall_ms: From before it was started until it had ended.
        said: Each name that it printed, with all its numbers in order.
    """

    cpu_ms: float
    wall_ms: float
    said: Mapping[str, Sequence[float]]

    def last(self, name: str) -> float:
        """The last number of a name; not a number where it was not said."""
        return self.said[name][-1] if name in self.said else float("nan")

    @property
    def rss_mib(self) -> float:
        """Memory held at the end, or the most ever held where the system tells no more."""
        return self.last("rss_mib" if "rss_mib" in self.said else "peak_mib")


def run_program(
    name: str,
    arguments: Sequence[str],
    clock: RealClock,
    *,
    environment: Mapping[str, str] | None = None,
    hear: Callable[[str, float], object] | None = None,
) -> Finished:
    """Run one program to its end.

    Args:
        name: Module and function in `tools.workshop.bench`, as `bare.main`.
        arguments: Its command line.
        clock: Tells the wall time.
        environment: Set for it beside what this process was started with.
        hear: Told each name and number as they come.

    Raises:
        WorkshopFault: It ended badly; the message has its last words.
        DeviceUnavailable: The system keeps no account of finished processes.
    """
    if not ACCOUNTS:
        raise DeviceUnavailable(
            "this system keeps no account of a finished process: measure starts, memory and an "
            "empty belt on Linux or macOS"
        )
    module, _, function = name.rpartition(".")
    lines = f"from tools.workshop.bench.{module} import {function}; {function}()"
    with TemporaryFile() as words:
        begun_ns = clock.now_ns()
        process = subprocess.Popen(  # noqa: S603  # our own lines with our own arguments
            [sys.executable, "-c", lines, *arguments],
            cwd=ROOT,
            env={**inherited(os.environ), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
        )
        with process:
            try:
                said = _numbers(process.stdout or (), hear)
                _, status, used = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                raise
            process.returncode = os.waitstatus_to_exitcode(status)
        wall_ms = (clock.now_ns() - begun_ns) / 1e6
        if process.returncode != 0:
            words.seek(0)
            last = words.read().decode(errors="replace").strip().splitlines()[-1:]
            raise WorkshopFault(
                f"the bench's program {name} ended with exit code {process.returncode}: "
                f"{' '.join(last) or 'it said nothing'}"
            )
    return Finished((used.ru_utime + used.ru_stime) * 1e3, wall_ms, said)


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What a program is given of the bench's own environment."""
    return {key: value for key, value in environment.items() if not key.startswith(_LEFT_OUT)}


def _numbers(
    lines: Iterable[str], hear: Callable[[str, float], object] | None
) -> dict[str, list[float]]:
    """Read names with their numbers until the program closes its output."""
    said: dict[str, list[float]] = {}
    for line in lines:
        name, _, number = line.strip().partition(" ")
        try:
            figure = float(number)
        except ValueError:  # a line for people
            continue
        said.setdefault(name, []).append(figure)
        if hear is not None:
            hear(name, figure)
    return said
