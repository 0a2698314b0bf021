"""How much may be written in a day, so that an SD card lasts: an allowance that grows with time.

It holds at most an hour's share, which is also what it begins with: so in no day is more written
than the day's allowance and an hour's, and a station that starts over and over writes little.

It reads no clock: time is what the records say of themselves.
"""

from typing import Final

DAY_NS: Final = 24 * 3600 * 1_000_000_000
HOURS: Final = 24


class Allowance:
    """Bytes that may be written. One thread.

    Args:
        daily_bytes: What may be written in a day, above 0; None for as much as comes.
    """

    def __init__(self, daily_bytes: int | None) -> None:
        self._daily_bytes = daily_bytes
        self._left_bytes = (daily_bytes or 0) / HOURS
        self._last_ns: int | None = None

    def take(self, size_bytes: int, now_ns: int) -> bool:
        """Say whether so much may be written now; if so, it is taken off.

        Args:
            size_bytes: Of what would be written.
            now_ns: An instant that never falls from call to call; one that does adds nothing.
        """
        if self._daily_bytes is None:
            return True
        since_ns = max(0, now_ns - (now_ns if self._last_ns is None else self._last_ns))
        self._last_ns = max(now_ns, now_ns if self._last_ns is None else self._last_ns)
        grown = self._left_bytes + self._daily_bytes * since_ns / DAY_NS
        self._left_bytes = min(grown, self._daily_bytes / HOURS)
        if size_bytes > self._left_bytes:
            return False
        self._left_bytes -= size_bytes
        return True
