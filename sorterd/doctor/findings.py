"""What the doctor says of one thing: what was found, how much it matters, how to mend it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sorterd.doctor.here import Here


class State(StrEnum):
    """How something was found."""

    FOUND = "found"
    """There, and as it should be."""
    MISSING = "missing"
    """Not there."""
    BROKEN = "broken"
    """There, and not as it should be."""


class Need(StrEnum):
    """What this station makes of it."""

    NEEDED = "needed"
    """It cannot run without."""
    WISHED = "wished"
    """It runs without, worse."""
    UNUSED = "unused"
    """It has no use for it."""


class Mark(StrEnum):
    """What stands before a line, and what the exit code follows."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found.

    Attributes:
        state: How it was found.
        told: What was looked at and what was seen, in a sentence without its full stop.
        mend: The command that mends it, or what to do; empty where nothing is to be done.
        hinders: A station that needs it cannot run like this; without, it runs worse.
    """

    state: State
    told: str
    mend: str = ""
    hinders: bool = True


def found(told: str) -> Finding:
    """It is there, and as it should be."""
    return Finding(State.FOUND, told)


def missing(told: str, mend: str = "", *, hinders: bool = True) -> Finding:
    """It is not there."""
    return Finding(State.MISSING, told, mend, hinders)


def broken(told: str, mend: str = "", *, hinders: bool = True) -> Finding:
    """It is there, and not as it should be."""
    return Finding(State.BROKEN, told, mend, hinders)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is looked at.

    Attributes:
        name: What it is called, on the page and in the JSON; it never changes.
        need: What a station with these settings makes of it.
        look: Looks at it. It raises nothing that a machine may be the cause of.
    """

    name: str
    need: Callable[["Here"], Need]
    look: Callable[["Here"], Finding]


@dataclass(frozen=True, slots=True)
class Seen:
    """A line that was looked at."""

    group: str
    name: str
    need: Need
    finding: Finding

    @property
    def mark(self) -> Mark:
        """How bad it is for this station."""
        if self.finding.state is State.FOUND:
            return Mark.OK
        if self.need is Need.UNUSED:
            return Mark.NOTE
        hinders = self.need is Need.NEEDED and self.finding.hinders
        return Mark.FAIL if hinders else Mark.WARN


def always(need: Need) -> Callable[["Here"], Need]:
    """Return a rule for what matters as much to every station."""
    return lambda _: need
