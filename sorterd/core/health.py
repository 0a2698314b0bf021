"""Which frames are fit to act on, and the count of all that was not used."""

from collections import Counter

from sorterd.core.records import Drop, FrameCame, FrameSeen


class Frames:
    """Refuses frames that are too old or out of order. One thread.

    Args:
        max_age_ns: A frame exposed longer ago than this shows a belt that has moved on.
    """

    def __init__(self, *, max_age_ns: int) -> None:
        self._max_age_ns = max_age_ns
        self.newest_ns: int | None = None
        """Exposure of the newest frame that was acted on; None before the first."""
        self.seen = 0
        self.drops: Counter[Drop] = Counter()

    def worth_a_look(self, frame: FrameCame) -> bool:
        """Say whether to look at a frame that has come; count it if not."""
        drop = self._fault(frame)
        if drop is None:
            return True
        self.seen += 1
        self.drops[drop] += 1
        return False

    def fit(self, frame: FrameSeen) -> bool:
        """Say whether a frame may be acted on; count it either way."""
        self.seen += 1
        drop = self._fault(frame) or (Drop.FRAME_COVERED if frame.covered else None)
        if drop is not None:
            self.drops[drop] += 1
            return False
        self.newest_ns = frame.exposed_ns
        return True

    def _fault(self, frame: FrameCame | FrameSeen) -> Drop | None:
        if self.newest_ns is not None and frame.exposed_ns <= self.newest_ns:
            return Drop.FRAME_OUT_OF_ORDER
        if frame.now_ns - frame.exposed_ns > self._max_age_ns:
            return Drop.FRAME_TOO_OLD
        return None
