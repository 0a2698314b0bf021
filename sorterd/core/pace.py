"""What the pieces in view show of the belt: how fast it runs, and how far it has run.

Pieces that have left the view stand where the belt has carried them, so they
stand still, too, when the pieces that are seen do.
"""

from collections.abc import Iterable, Sequence
from statistics import median

from sorterd.core.belt import NS_PER_S, Belt, Span
from sorterd.core.odometer import Odometer
from sorterd.core.track import EDGE_MM, Sighting, Track


class Pace:
    """Tells the odometer what is seen. One thread.

    Args:
        belt: Where the view's edges are.
        odometer: Told.
    """

    def __init__(self, belt: Belt, odometer: Odometer) -> None:
        self._belt = belt
        self._odometer = odometer

    def learn(self, sightings: Iterable[Sighting], t_ns: int) -> None:
        """Measure the speed by pieces that were seen for some time."""
        speeds = []
        for sighting in sightings:
            middles = sighting.track.middles
            while middles and t_ns - middles[0][0] > Odometer.WINDOW_NS:
                middles.popleft()
            if middles and (for_ns := middles[-1][0] - middles[0][0]) >= Odometer.WINDOW_NS // 3:
                speeds.append((middles[-1][1] - middles[0][1]) * NS_PER_S / for_ns)
        self._odometer.measured(speeds, t_ns)

    def follow(self, pairs: Sequence[tuple[Track, Span]], t_ns: int) -> None:
        """Let what every piece has run since it was last seen set right how far the belt has run.

        Args:
            pairs: Every piece with every region of this frame that may show it.
            t_ns: Exposure of the frame.
        """
        offs_mm: dict[int, list[float]] = {1: [], 2: []}
        for track, span in pairs:
            gap_ns = t_ns - track.last_seen_ns
            alone = sum(track is other[0] or span is other[1] for other in pairs) == 1
            if not alone or gap_ns > Odometer.WINDOW_NS:
                continue
            ends_mm = self._ends_run_mm(track.shown, span)
            # Ends that do not agree show a piece in fragments, not a belt.
            if ends_mm and max(ends_mm) - min(ends_mm) <= EDGE_MM:
                most_mm = 2 * self._belt.speed_mm_s * gap_ns / NS_PER_S
                run_mm = min(max(sum(ends_mm) / len(ends_mm), 0.0), most_mm)
                believed_mm = self._odometer.travel_mm(t_ns) - track.shown_run_mm
                offs_mm[len(ends_mm)].append(run_mm - believed_mm)
        # Where both ends of a piece show, it may turn and yet not mislead.
        if shown_mm := offs_mm[2] or offs_mm[1]:
            self._odometer.corrected(median(shown_mm), t_ns)

    def _ends_run_mm(self, before: Span, now: Span) -> list[float]:
        """Return how far each end of a region has run that both frames show."""
        ends_mm = []
        if not self._belt.cut_at_rear(before) and not self._belt.cut_at_rear(now):
            ends_mm.append(now.rear_mm - before.rear_mm)
        if not self._belt.cut_at_front(before) and not self._belt.cut_at_front(now):
            ends_mm.append(now.front_mm - before.front_mm)
        return ends_mm
