"""A token that travels the road: when one may start, and what is told when it has come through.

The rule: systemd hears of life only when work was done, and by way of every thread that does it.
The sort thread asks `token` for one, when a frame was really looked at with no answer of the model
owing, or when the model has answered for a frame that is not long past. The gate thread hands it
on, and the sink thread lets it arrive. A thread that hangs lets none through; a camera that shows
nothing, frames that are all refused and a model that is silent let none start.

What was looked at says nothing of what was seen: a covered view is a sign of life too, for a
restart uncovers nothing, and a dead camera shows no frames.

Nothing here reads a clock or waits.
"""

from collections import deque
from typing import Final

from sorterd.service.notify import Notifier

S_NS: Final = 1_000_000_000
_EACH_NS: Final = S_NS
"""Often enough for any watchdog a person would set, and two wake-ups a second cost nothing."""


class Heartbeat:
    """The start and the end of the token's way.

    Args:
        notifier: Told on the sink thread.
        status: What the service's status says from the first token on.
        watchdog_ns: The period within which systemd wants to hear; None if it does not.
        recent_ns: An answer that is about a frame older than this is no sign of life: as long as
            a model may be silent before it counts as broken.
    """

    def __init__(
        self, notifier: Notifier, status: str, *, watchdog_ns: int | None, recent_ns: int
    ) -> None:
        self._notifier = notifier
        self._status = status
        self._each_ns = min(_EACH_NS, (watchdog_ns or S_NS * 4) // 4)
        self._recent_ns = recent_ns
        self._looked_ns: int | None = None
        self._proof_ns: int | None = None
        self._owing: deque[int | None] = deque()
        self._next_ns = 0
        self.ready = False
        """Whether a token has come all the way."""

    # The sort thread's end.

    def looked(self, exposed_ns: int) -> None:
        """Take note of a frame that was looked at."""
        self._looked_ns = exposed_ns
        if not self._owing:
            self._proof_ns = exposed_ns

    def asked(self) -> None:
        """Take note of a batch that went to the model."""
        self._owing.append(self._looked_ns)

    def answered(self) -> None:
        """Take note of a batch that came back."""
        self._proof_ns = self._owing.popleft()

    def token(self, now_ns: int) -> int | None:
        """Return a token, if one may start now: the exposure of the frame that it stands for."""
        proof_ns, self._proof_ns = self._proof_ns, None
        if proof_ns is None or now_ns < self._next_ns or now_ns - proof_ns > self._recent_ns:
            return None
        self._next_ns = now_ns + self._each_ns
        return proof_ns

    # The sink thread's end.

    def arrived(self) -> None:
        """Tell systemd that a token has come all the way."""
        if not self.ready:
            self.ready = True
            self._notifier.ready(self._status)
        self._notifier.alive()
