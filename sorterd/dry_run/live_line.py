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
BAR = 12


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
        """Nothing is held back."""

    def close(self) -> None:
        """Wipe the line. Harmless when repeated."""
        if self._shown_ns:
            sys.stderr.write("\r" + " " * WIDTH + "\r")
            sys.stderr.flush()
            self._shown_ns = 0

    def show(self, elapsed_s: float, lasts_s: float | None) -> None:
        """Show the line, if the last time is long enough ago.

        Args:
            elapsed_s: The station's own time since its start.
            lasts_s: How long it will last; None if nobody knows.
        """
        now_ns = self._clock.now_ns()
        if now_ns - self._shown_ns < EVERY_NS or not sys.stderr.isatty():
            return
        self._shown_ns = now_ns
        pieces = self._reasons.total() - self._reasons[Reason.VANISHED]
        done = "" if lasts_s is None else _bar(elapsed_s / lasts_s)
        text = (
            f"{done}{elapsed_s:5.0f} s  {pieces} pieces, "
            f"{self._reasons[Reason.SORTED]} sorted  {self._last}"
        )
        sys.stderr.write("\r" + text[:WIDTH].ljust(WIDTH))
        sys.stderr.flush()


def _bar(done_frac: float) -> str:
    full = round(min(1.0, done_frac) * BAR)
    return "[" + "#" * full + "." * (BAR - full) + "] "
