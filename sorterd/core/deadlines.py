"""By when a piece must be scored, decided, and looked after again.

Its deadline is that of its gate: the last instant at which the pulse can be sent. While no gate is
sure it is the last of all gates', for until then some answer still helps; and its first scores are
wanted for the first gate that they can still meet.
"""

from collections.abc import Iterable

from sorterd.core.deciding import Bins, decide
from sorterd.core.followed import Followed
from sorterd.core.mind import SILENCE_NS
from sorterd.core.odometer import Odometer
from sorterd.core.places import Places
from sorterd.core.scheduling import Schedule

# A pulse is sent this many leads before its deadline: late enough for the belt to have its say,
# early enough for a sort thread that the machine holds up (40 ms were seen beside a compiler).
EARLY_LEADS = 3


class Deadlines:
    """Tells deadlines. One thread.

    Args:
        bins: Which verdict needs which gate.
        schedule: Knows every gate's last moment.
        places: Tells where pieces may be.
        odometer: How fast the belt runs.
        lead_ns: Shortest notice a gate honours.
        length_mm: Where the belt ends.
    """

    def __init__(
        self,
        bins: Bins,
        schedule: Schedule,
        places: Places,
        odometer: Odometer,
        *,
        lead_ns: int,
        length_mm: float,
    ) -> None:
        self._bins = bins
        self._schedule = schedule
        self._places = places
        self._odometer = odometer
        self._early_ns = EARLY_LEADS * lead_ns
        self._length_mm = length_mm

    def due_ns(self, piece: Followed, now_ns: int) -> int | None:
        """Return a piece's deadline: that of its gate, or of the last gate it might need.

        Returns:
            None while the belt stands still.
        """
        gate = piece.bound_for
        if gate is None and piece.decision is None and piece.evidence.views:
            gate = decide(piece.evidence.verdict, self._bins).gate
        dues = self._dues_ns(piece, self._schedule.gates if gate is None else (gate,), now_ns)
        return max(dues, default=None)

    def early_ns(self, piece: Followed, now_ns: int) -> int | None:
        """Return from when on a piece's pulse may be sent: a few leads before its deadline."""
        due_ns = self.due_ns(piece, now_ns)
        return None if due_ns is None else due_ns - self._early_ns

    def crop_due_ns(self, piece: Followed, now_ns: int, soonest_ns: int) -> int | None:
        """Return when scores must be there: at the first deadline that they can still meet.

        Args:
            piece: Whose crop it is.
            now_ns: The present.
            soonest_ns: When scores can be there.

        Returns:
            None while the belt stands still.
        """
        if piece.evidence.views:
            return self.due_ns(piece, now_ns)
        dues = self._dues_ns(piece, self._schedule.gates, now_ns)
        return min((due for due in dues if due >= soonest_ns), default=max(dues, default=None))

    def wake_ns(self, piece: Followed, now_ns: int) -> int | None:
        """Return when a piece must be looked after again, if nothing happens before."""
        if piece.decision is None:
            early_ns = self.early_ns(piece, now_ns)
            return early_ns if early_ns is None or early_ns > now_ns else early_ns + self._early_ns
        if piece.pulse is not None and piece.bound_for is not None:
            over = now_ns >= piece.pulse.clear_ns
            return piece.pulse.clear_ns + (SILENCE_NS if over else 0)
        if piece.bound_for is not None:
            return self.early_ns(piece, now_ns)
        span = self._places.reach(piece.track, now_ns)
        until_ns = self._odometer.ns_until(self._length_mm - span.rear_mm)
        return None if until_ns is None else now_ns + max(until_ns, 0) + 1

    def _dues_ns(self, piece: Followed, gates: Iterable[str], now_ns: int) -> list[int]:
        """Return the piece's deadlines at some gates; none while the belt stands still."""
        span = self._places.reach(piece.track, now_ns)
        dues = [self._schedule.due_ns(gate, span, self._odometer, t_ns=now_ns) for gate in gates]
        return [due_ns for due_ns in dues if due_ns is not None]
