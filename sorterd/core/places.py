"""Where each piece is by now, and whether a region could be it.

A piece is where the belt has carried it since it was last seen. How long ago that was only widens
the tolerance, by what the belt's speed is not known to.
"""

from sorterd.core.belt import Belt, Span
from sorterd.core.odometer import Odometer
from sorterd.core.track import EDGE_MM, FIT_ALONG_FRAC, Track

# Beside `FIT_ALONG_FRAC`, a region and its piece share this much of the narrower one across.
FIT_ACROSS_FRAC = 0.3


class Places:
    """Tells places. One thread.

    Args:
        belt: Where pixels lie on it.
        odometer: How far it has run.
    """

    def __init__(self, belt: Belt, odometer: Odometer) -> None:
        self._belt = belt
        self._odometer = odometer
        self._view = belt.view_span

    def span(self, track: Track, t_ns: int) -> Span:
        """Return where a piece is at `t_ns`, as far as pictures tell."""
        return track.ground.moved(self._odometer.travel_mm(t_ns))

    def reach(self, track: Track, t_ns: int) -> Span:
        """Return where a piece may be at `t_ns`: where pictures put it, and where a beam found it.

        A gate that stands open for both misses the piece for neither, and whoever keeps clear of
        both is not swept: a beam that is wrong costs some belt, never a piece.
        """
        span = self.span(track, t_ns)
        return span.hull(span.moved(track.beam_off_mm)) if track.beam_off_mm else span

    def tolerance_mm(self, track: Track, t_ns: int) -> float:
        """Return how far from there it may yet be seen."""
        return EDGE_MM + self._belt.drift_mm(t_ns - track.last_seen_ns)

    def in_view(self, track: Track, t_ns: int) -> bool:
        """Whether a piece may still show, wholly or in part."""
        return self.span(track, t_ns).rear_mm < self._view.front_mm

    def may_show(self, track: Track, t_ns: int) -> bool:
        """Whether some of a piece may still show; the last of it must not count as another."""
        rear_mm = self.span(track, t_ns).rear_mm - self.tolerance_mm(track, t_ns)
        return rear_mm < self._view.front_mm

    def surely_in_view(self, track: Track, t_ns: int) -> bool:
        """Whether a frame shows a piece's place for sure: from its rear to beyond its middle."""
        expected = self.span(track, t_ns)
        slack_mm = self.tolerance_mm(track, t_ns)
        return (
            expected.rear_mm > self._view.rear_mm - slack_mm
            and expected.along_mm + slack_mm < self._view.front_mm
        )

    def fits(self, track: Track, span: Span, t_ns: int) -> bool:
        """Whether a region in a frame exposed at `t_ns` could be a piece, or a part of it."""
        expected = self.span(track, t_ns)
        slack_mm = self.tolerance_mm(track, t_ns)
        first_mm = max(span.rear_mm, expected.rear_mm - slack_mm)
        last_mm = min(span.front_mm, expected.front_mm + slack_mm)
        shorter_mm = min(span.length_mm, expected.length_mm)
        return (
            last_mm - first_mm >= FIT_ALONG_FRAC * shorter_mm
            and span.overlap_across_frac(expected) >= FIT_ACROSS_FRAC
        )

    def covers(self, span: Span, track: Track, t_ns: int) -> bool:
        """Whether a region takes in most of what should show of a piece."""
        expected = self.span(track, t_ns)
        shared_mm = min(span.front_mm, expected.front_mm) - max(span.rear_mm, expected.rear_mm)
        visible_mm = (
            min(self._view.front_mm, expected.front_mm) - max(self._view.rear_mm, expected.rear_mm)
        )  # fmt: skip
        return visible_mm > 0 and shared_mm >= FIT_ALONG_FRAC * visible_mm

    def off_along_mm(self, track: Track, span: Span, t_ns: int) -> float:
        """Return how far along the belt a region's middle is from where this piece's should be.

        At the view's edges only one end of the piece shows; that end is what is compared.
        """
        expected = self.span(track, t_ns)
        if self._belt.cut_at_rear(span):
            along_mm = expected.front_mm - span.length_mm / 2
        elif self._belt.cut_at_front(span):
            along_mm = expected.rear_mm + span.length_mm / 2
        elif not track.seen_whole:
            along_mm = expected.front_mm - span.length_mm / 2
        else:
            along_mm = expected.along_mm
        return abs(span.along_mm - along_mm)

    def may_be_another(self, track: Track, span: Span, t_ns: int, last_ns: int) -> bool:
        """Whether a piece may have left, and one that no frame has shown come to its place.

        Args:
            track: The piece.
            span: The region that is taken for it.
            t_ns: Exposure of the frame.
            last_ns: Exposure of the frame before.
        """
        run_mm = self._odometer.travel_mm(t_ns) - self._odometer.travel_mm(last_ns)
        reach_mm = self._view.rear_mm + run_mm + self._belt.drift_mm(t_ns - last_ns)
        gone_mm = self.span(track, t_ns).rear_mm + self.tolerance_mm(track, t_ns)
        return span.front_mm <= reach_mm and gone_mm >= self._view.front_mm
