"""How far the belt has run, how fast it runs, and what of it no frame has shown.

The settings are believed until the pieces on the belt show otherwise: a belt
that halts takes every prediction with it.
"""

from collections import deque
from collections.abc import Sequence
from statistics import median

from sorterd.core.belt import NS_PER_S, Belt, Span


class Odometer:
    """How far the belt has run, and how fast it runs; one thread.

    Args:
        belt: Gives the speed to believe until pieces show another.
    """

    # A speed is measured between two sightings of one piece that lie this far apart: edges jump by
    # a pixel or two (1 mm), so 0.3 s at 200 mm/s measures to 2%.
    WINDOW_NS = 300_000_000
    # Slow drift is followed with this time constant; one noisy edge must not move an arrival.
    SMOOTHING_NS = 1_000_000_000
    # A speed this far from the believed one is no noise: the belt was halted, or started again.
    JUMP_FRAC = 0.35
    # With nothing on the belt to show its speed for so long, the settings are believed again.
    MEMORY_NS = 3_000_000_000
    # Below this share of its speed a belt halts or starts, and no arrival can be told.
    RUNNING_FRAC = 0.5

    def __init__(self, belt: Belt) -> None:
        self._belt = belt
        self._speed_mm_s = belt.speed_mm_s
        self._anchor_ns: int | None = None
        self._anchor_mm = 0.0
        self._measured_ns: int | None = None
        self._jumped_ns: int | None = None

    @property
    def speed_mm_s(self) -> float:
        """The speed believed at present."""
        return self._speed_mm_s

    def travel_mm(self, t_ns: int) -> float:
        """Return how far the belt has run at `t_ns`, from an arbitrary beginning."""
        if self._anchor_ns is None:
            self._anchor_ns = t_ns
        return self._anchor_mm + self._speed_mm_s * (t_ns - self._anchor_ns) / NS_PER_S

    def corrected(self, off_mm: float, t_ns: int) -> None:
        """Take in that the belt has run so much further than believed; negative: less far."""
        self._anchor_mm = self.travel_mm(t_ns) + off_mm
        self._anchor_ns = t_ns

    def measured(self, speeds_mm_s: Sequence[float], t_ns: int) -> None:
        """Take in what the pieces of one frame show; an empty sequence shows nothing."""
        if not speeds_mm_s:
            if self._measured_ns is not None and t_ns - self._measured_ns > self.MEMORY_NS:
                self._run_at(self._belt.speed_mm_s, t_ns)
                self._measured_ns = None
            return
        shown_mm_s = min(max(median(speeds_mm_s), 0.0), 2 * self._belt.speed_mm_s)
        before_ns = t_ns - self.SMOOTHING_NS if self._measured_ns is None else self._measured_ns
        self._measured_ns = t_ns
        if abs(shown_mm_s - self._speed_mm_s) > self.JUMP_FRAC * self._belt.speed_mm_s:
            self._jumped_ns = t_ns
        if self._changing(t_ns):
            self._run_at(shown_mm_s, t_ns)
            return
        share = min(1.0, (t_ns - before_ns) / self.SMOOTHING_NS)
        self._run_at(self._speed_mm_s + share * (shown_mm_s - self._speed_mm_s), t_ns)

    def _changing(self, t_ns: int) -> bool:
        """Whether what was measured may still hold some of the speed before a jump."""
        return self._jumped_ns is not None and t_ns - self._jumped_ns <= self.WINDOW_NS

    def _run_at(self, speed_mm_s: float, t_ns: int) -> None:
        self._anchor_mm = self.travel_mm(t_ns)
        self._anchor_ns = t_ns
        self._speed_mm_s = speed_mm_s

    def ns_until(self, distance_mm: float) -> int | None:
        """Return how long the belt needs for a distance; negative for the past.

        None while the belt stands, halts or starts: it may take for ever.
        """
        changing = self._measured_ns is not None and self._changing(self._measured_ns)
        if changing or self._speed_mm_s < self.RUNNING_FRAC * self._belt.speed_mm_s:
            return None
        return round(distance_mm / self._speed_mm_s * NS_PER_S)


class Unseen:
    """The stretches of belt that no frame has shown: what lies there nobody knows. One thread.

    Args:
        belt: How much of it a frame shows, and where it ends.
        odometer: How far it has run.
    """

    def __init__(self, belt: Belt, odometer: Odometer) -> None:
        self._belt = belt
        self._odometer = odometer
        # On the belt itself: the place minus how far the belt had run.
        self._stretches: deque[Span] = deque()
        self._shown_from_mm: float | None = None
        self._frame_ns = 0

    def shown(self, t_ns: int) -> None:
        """Take in that a frame exposed at `t_ns` showed the whole view."""
        travel_mm = self._odometer.travel_mm(t_ns)
        stretch = self._since_frame(t_ns, self._belt.view_span.front_mm)
        if stretch.length_mm > 0:
            self._stretches.append(stretch.moved(-travel_mm))
        while self._stretches and self._stretches[0].rear_mm + travel_mm > self._belt.length_mm:
            self._stretches.popleft()
        self._shown_from_mm = self._belt.view_span.rear_mm - travel_mm
        self._frame_ns = t_ns

    def spans(self, t_ns: int) -> list[Span]:
        """Return the stretches where they are at `t_ns`, the one that is still growing as well."""
        travel_mm = self._odometer.travel_mm(t_ns)
        ended = [stretch.moved(travel_mm) for stretch in self._stretches]
        return [*ended, self._since_frame(t_ns, self._belt.view_span.rear_mm)]

    def _since_frame(self, t_ns: int, rear_mm: float) -> Span:
        """Return the stretch ahead of `rear_mm` that has come by since the last frame."""
        front_mm = self._belt.length_mm
        if self._shown_from_mm is not None:
            drift_mm = self._belt.drift_mm(t_ns - self._frame_ns)
            front_mm = self._shown_from_mm + self._odometer.travel_mm(t_ns) + drift_mm
        view = self._belt.view_span
        return Span(rear_mm, max(rear_mm, front_mm), view.near_mm, view.far_mm)
