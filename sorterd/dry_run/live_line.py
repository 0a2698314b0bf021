"""One line of terminal that says how a dry run goes, kept up to date in place.

Written only where a person can see it: on a terminal, not into a file or a pipe.
"""

import sys
from collections import Counter

from sorterd.core.records import Outcome, Reason
from sorterd.ports import Clock

# Five times a second reads as live and costs nothing.
EVERY_NS = 200_000_000
WIDTH = 79


class LiveLine:
    """Counts outcomes (a sink) and shows them. Written by one thread, shown by another.

    Args:
        clock: The host's, also when the station runs on a manual one: people read in real time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown_ns = 0
        self._reasons: Counter[Reason] = Counter()
        self._last = ""

    def write(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self._reasons[outcome.reason] += 1
        verdict = outcome.verdict
        what = f"{verdict.label} {verdict.confidence_frac:.0%}" if verdict.label else "unsure"
        why = "" if outcome.reason is Reason.SORTED else f" ({outcome.reason})"
        self._last = f"#{outcome.piece} {what} -> {outcome.bin}{why}"

    def flush(self) -> None:
        """Do nothing: the line is shown by `show`."""

    def close(self) -> None:
        """End the line."""
        if self._shown_ns and sys.stderr.isatty():
            sys.stderr.write("\r" + " " * WIDTH + "\r")
            sys.stderr.flush()

    def show(self, elapsed_s: float, progress: str = "") -> None:
        """Show the line, if the last time is long enough ago.

        Args:
            elapsed_s: The station's own time since its start.
            progress: How far the run is, if that is known.
        """
        now_ns = self._clock.now_ns()
        if now_ns - self._shown_ns < EVERY_NS or not sys.stderr.isatty():
            return
        self._shown_ns = now_ns
        pieces = sum(self._reasons.values()) - self._reasons[Reason.VANISHED]
        text = (
            f"{progress}{elapsed_s:6.1f} s  {pieces} pieces, "
            f"{self._reasons[Reason.SORTED]} sorted  {self._last}"
        )
        sys.stderr.write("\r" + text[:WIDTH].ljust(WIDTH))
        sys.stderr.flush()
