"""What a trial needs of a machine of whatever kind: run a script in it, hear what it said."""

from dataclasses import dataclass
from typing import Final, Protocol

TOO_LONG: Final = 124
"""The exit code of a script that took too long, as timeout(1) has it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a script.

    Attributes:
        code: Its exit code; `TOO_LONG` if it was ended.
        said: Both its outputs, in the order they came.
    """

    code: int
    said: str

    @property
    def line(self) -> str:
        """All that was said in one line."""
        return " ".join(self.said.split())

    @property
    def last(self) -> str:
        """The last line that was said; empty if nothing was."""
        lines = self.said.strip().splitlines()
        return lines[-1].strip() if lines else ""


class Guest(Protocol):
    """A machine that is up. One thread at a time."""

    def run(self, script: str, timeout_s: float = 120) -> Answer:
        """Run a shell script as root and wait for its end.

        Args:
            script: Lines for bash.
            timeout_s: How long it may take.

        Raises:
            WorkshopFault: The machine is gone.
        """
        ...
