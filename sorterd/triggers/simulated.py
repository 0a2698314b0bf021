"""A light barrier across the simulated belt: told by the world when a piece's front passes.

Its edges follow from the world, the seed and the settings alone. In lockstep
whoever moves the clock asks for `next_ns` and calls `act`; in real time `run`
does both on a thread of its own.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import Field

from sorterd.ports import Clock, PartSettings, Tell
from sorterd.simulation.barrier import Passings

_NS_PER_MS = 1_000_000
# How long `run` may sleep without looking whether it was closed.
_NAP_NS = 100_000_000


class Settings(PartSettings):
    """A light barrier that is only simulated, and what may be wrong with it."""

    kind: Literal["simulated"] = "simulated"
    jitter_ms: float = Field(1, ge=0, le=1000)
    """How far an instant may lie off, to either side."""
    off_mm: float = Field(0, ge=-1000, le=1000)
    """Fault: how much further along the beam really stands than `at_mm` says."""
    missing_frac: float = Field(0, ge=0, le=1)
    """Fault: share of pieces that do not break it."""


class SimulatedTrigger:
    """Meets `ports.Trigger`. One thread, but for `close`.

    Args:
        settings: Jitter and faults.
        clock: Of the whole station.
        passings: When something breaks the beam; rising.
        seed: Of jitter and faults.
    """

    mock = False

    def __init__(self, settings: Settings, clock: Clock, passings: Passings, seed: int) -> None:
        self._settings = settings
        self._clock = clock
        self._passings = passings
        self._rng = np.random.default_rng((seed, 3))
        self._tell: Tell | None = None
        self._closed = False
        self._next: tuple[int, Callable[[], bool]] | None = None
        self._advance()

    @property
    def next_ns(self) -> int | None:
        """The next instant at which something is due; None if nothing comes any more."""
        return None if self._closed or self._next is None else self._next[0]

    def listen(self, tell: Tell) -> None:
        """Tell of every edge from now on, on the thread that calls `act`."""
        self._tell = tell

    def act(self, now_ns: int) -> None:
        """Tell of all that was due by now."""
        while (due_ns := self.next_ns) is not None and due_ns <= now_ns and self._next is not None:
            _, happens = self._next
            # Whether a gate took the piece before is known only now.
            if happens() and self._tell is not None:
                self._tell(due_ns)
            self._advance()

    def run(self) -> None:
        """Act in time until it is closed or nothing comes any more."""
        while (due_ns := self.next_ns) is not None:
            self._clock.sleep_until(min(due_ns, self._clock.now_ns() + _NAP_NS))
            self.act(self._clock.now_ns())

    def close(self) -> None:
        """Tell no more. Harmless when repeated; any thread."""
        self._closed = True

    def _advance(self) -> None:
        passing = next(self._passings, None)
        if passing is None:
            self._next = None
            return
        off_ms = self._rng.uniform(-1, 1) * self._settings.jitter_ms
        missing = bool(self._rng.uniform() < self._settings.missing_frac)
        before_ns = self._next[0] if self._next is not None else 0
        due_ns = max(before_ns, passing.at_ns + round(off_ms * _NS_PER_MS))
        self._next = due_ns, lambda: not missing and passing.happens()


def open_part(settings: Settings, clock: Clock, passings: Passings, seed: int) -> SimulatedTrigger:
    """Return a light barrier that tells of `passings`."""
    return SimulatedTrigger(settings, clock, passings, seed)
