"""The only file that reads a clock or sleeps.

`RealClock` is the host's monotonic clock, the one a camera driver stamps its
frames with. `ManualClock` stands still until it is told to move, which makes a
whole station repeatable: it starts at an odd instant so that anyone who mixes
it with another clock is found out at once. `thread_cpu_ns` and `process_cpu_ns`
tell what was worked, not what has passed; only a bench asks them.
"""

import time


class RealClock:
    """`CLOCK_MONOTONIC`. Any thread may use it."""

    def now_ns(self) -> int:
        """Return the present, nanoseconds."""
        return time.monotonic_ns()

    def sleep_until(self, due_ns: int) -> None:
        """Sleep to an absolute instant; a late wake-up never adds up."""
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / 1e9)


class ManualClock:
    """A clock that moves when told. One thread at a time.

    Args:
        start_ns: The instant it shows first.
    """

    def __init__(self, start_ns: int = 7_003_000_019) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Return the instant it was last moved to, nanoseconds."""
        return self._now_ns

    def sleep_until(self, due_ns: int) -> None:
        """Move to `due_ns`; stand still if that has passed."""
        self._now_ns = max(self._now_ns, due_ns)


def thread_cpu_ns() -> int:
    """Return the processor time that the calling thread has used, nanoseconds."""
    return time.thread_time_ns()


def process_cpu_ns() -> int:
    """Return the processor time that all threads of this process have used, nanoseconds."""
    return time.process_time_ns()
