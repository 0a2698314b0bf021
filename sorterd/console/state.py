"""What the console knows: what the journal says, and who holds the devices.

The rule: it only looks. Where there is nothing to be seen yet, that is told in
a line and is no fault; a journal that cannot be read is told as one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sorterd.holding import LOCKS, Holder, holder
from sorterd.ports import Clock, DeviceUnavailable
from sorterd.sinks.summary import Summary, summarise

RUNNING: Final = "sorterd run"
"""What a station that sorts is called where it holds the devices."""


@dataclass(frozen=True, slots=True)
class State:
    """The station at one moment.

    Attributes:
        station: Its name.
        held: Who holds its devices; None if nobody does, or nobody can tell.
        known: Whether it can be told who does.
        summary: What its journal says; None if that cannot be read, or there is none yet.
        told: Why there is no summary, in a line; empty if there is one.
        fault: Whether that is a fault.
        last_ago_ns: How long ago the last piece ended; None if the station does not run, or has
            ended none yet.
    """

    station: str
    held: Holder | None
    known: bool
    summary: Summary | None
    told: str
    fault: bool
    last_ago_ns: int | None

    @property
    def running(self) -> bool:
        """Whether the station sorts."""
        return self.held is not None and self.held.what == RUNNING

    @property
    def doing(self) -> str:
        """What the station does, in a few words."""
        if self.held is not None:
            return f"sorting ({self.held})" if self.running else f"held by {self.held}"
        return "standing still" if self.known else "not known whether it runs"


@dataclass(frozen=True, slots=True)
class Station:
    """Where to look.

    Attributes:
        name: The station's, until its journal says another.
        journal: The file, which need not be there yet.
        clock: The host's monotonic one, which the station's instants come from.
        lock: The folder of the devices' lock; None for the usual one.
        locks: The kernel's list of all locks.
    """

    name: str
    journal: Path
    clock: Clock
    lock: Path | None = None
    locks: Path = LOCKS

    def look(self) -> State:
        """Return how the station is by now. Any thread."""
        held = holder(self.lock, self.locks)
        summary, told, fault = None, "", False
        if not self.journal.exists():
            told = f"no journal at {self.journal} yet: the station has not run"
        else:
            try:
                summary = summarise(self.journal)
            except DeviceUnavailable as unavailable:
                told, fault = str(unavailable), True
        running = held is not None and held.what == RUNNING
        return State(
            station=summary.run.about.get("station", self.name) if summary else self.name,
            held=held,
            known=self.locks.exists(),
            summary=summary,
            told=told,
            fault=fault,
            # Instants of an earlier start of the machine are another clock's.
            last_ago_ns=self._ago_ns(summary) if running else None,
        )

    def _ago_ns(self, summary: Summary | None) -> int | None:
        if summary is None or not summary.last:
            return None
        ago_ns = self.clock.now_ns() - summary.last[0].ended_ns
        return ago_ns if ago_ns >= 0 else None
