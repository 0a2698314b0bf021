"""Other programs that know something of the machine: asked with a bound, believed with care.

The rule: a program that is missing, hangs, or dies is an answer, not an exception. Each is asked in
the C locale, so that its words are the ones that are looked for.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from shutil import which
from typing import Final, Protocol

USUAL_S: Final = 5.0
"""Enough for any of them; `systemctl` itself gives up on a silent bus after 25 s only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said.

    Attributes:
        words: Its standard output, stripped.
        code: Its exit code; negative: the number of the signal that ended it; None: it is not
            installed, may not be run, or was given up.
        complaint: The last line of its standard error, or why there is no code.
        late: It was given up because it took too long.
    """

    words: str = ""
    code: int | None = 0
    complaint: str = ""
    late: bool = False

    @property
    def good(self) -> bool:
        """It ended as it should."""
        return self.code == 0

    @property
    def there(self) -> bool:
        """The program is installed and could be run."""
        return self.code is not None or self.late

    @property
    def died_of(self) -> str | None:
        """The signal that ended it, as `SIGILL`; None if none did."""
        if self.code is None or self.code >= 0:
            return None
        known = {each.value: each.name for each in signal.Signals}
        return known.get(-self.code, f"signal {-self.code}")


class Ask(Protocol):
    """How a program is asked; a test answers in its place."""

    def __call__(self, *command: str, within_s: float = USUAL_S) -> Answer:
        """Run a program and return what it said. Never raises."""
        ...


def ask(*command: str, within_s: float = USUAL_S) -> Answer:
    """Run a program to its end, or until it has taken too long.

    Args:
        command: Its name, looked for on the PATH, and its arguments.
        within_s: After that it is killed.
    """
    name, *arguments = command
    path = which(name)
    if path is None:
        return Answer(code=None, complaint=f"{name} is not installed")
    try:
        done = _run([path, *arguments], within_s)
    except subprocess.TimeoutExpired:
        complaint = f"{name} did not answer within {within_s:g} s"
        return Answer(code=None, complaint=complaint, late=True)
    except OSError as error:
        return Answer(code=None, complaint=f"{name} cannot be run ({error.strerror})")
    complaint = done.stderr.strip().rpartition("\n")[2]
    return Answer(done.stdout.strip(), done.returncode, complaint)


def _run(command: Sequence[str], within_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - by its full path, without a shell
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=within_s,
        check=False,
        env={**os.environ, "LC_ALL": "C", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"},
    )
