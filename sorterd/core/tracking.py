"""Following pieces through frames, by time and belt speed.

A piece is where the belt has carried it since it was last seen. A frame's
regions are laid against those places; a region that fits one piece is a
sighting of it, one that fits none is a new piece. How many frames came between
plays no part: a gap only widens the tolerance, by what the belt's speed is not
known to.

Pieces that a region covers together are touching, and so is a region that shows
several bodies or is longer than any piece; pieces between which a region could
be either are ambiguous. Both are flagged and never forgotten: what they showed is not their own.

The tracker says what was seen. It decides nothing about bins.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from sorterd.core.belt import NS_PER_S, Belt, Odometer, Span
from sorterd.core.records import Box, Region

# Edges of a box jump by a few pixels from frame to frame (shadow, noise, a turning piece).
EDGE_MM = 8.0
# A region fits a piece when they share this much of the shorter one along, and of the narrower
# one across.
FIT_ALONG_FRAC = 0.6
FIT_ACROSS_FRAC = 0.3
# Two pieces under one region for this long are touching; less is a flicker of the outline.
TOUCHING_NS = 100_000_000
# Fragments that were followed as pieces of their own for longer than this before they turned out to
# be one are touching pieces as likely as glare.
FRAGMENT_NS = 200_000_000
# What a piece shows of itself may shrink (glare, a shadow that ends) or turn; its known extent
# follows a larger view at once and a smaller one with this time constant.
SHRINK_NS = 500_000_000
# Frames that show a piece's place without the piece for this long: it is gone.
VANISH_NS = 400_000_000
# A piece seen only once is believed gone after this many frames that show its place empty.
VANISH_FRAMES = 3


@dataclass(slots=True, eq=False)
class Track:
    """One piece, followed. Owned by the tracker; the sorter reads it.

    Attributes:
        piece: Its number, rising from 1.
        ground: Its known extent on the belt itself: the place minus how far the belt had run.
        first_seen_ns: Exposure of the first frame that showed it.
        last_seen_ns: Exposure of the last one.
        last_span: Its known extent in that last frame.
        length_mm: Its extent along the belt, as far as it was seen.
        shown: The region that showed it in that last frame.
        shown_run_mm: How far the belt had run by then.
        sightings: Frames that showed it.
        seen_whole: Whether any frame showed all of it.
        lobed: Sightings that suggested more than one body, of those that showed all of it.
        whole: Sightings that showed all of it.
        touching: It touched another piece.
        ambiguous: It could not be told from another piece.
        vanished: It was gone from a place the camera saw.
    """

    piece: int
    ground: Span
    first_seen_ns: int
    last_seen_ns: int
    last_span: Span
    length_mm: float
    shown: Span
    shown_run_mm: float
    sightings: int = 0
    seen_whole: bool = False
    lobed: int = 0
    whole: int = 0
    touching: bool = False
    ambiguous: bool = False
    vanished: bool = False
    under_one_since_ns: int | None = None
    missing_since_ns: int | None = None
    missing_frames: int = 0
    middles: deque[tuple[int, float]] = field(default_factory=deque)

    @property
    def spoilt(self) -> bool:
        """Whether what it shows is not its own."""
        return self.touching or self.ambiguous

    def fit_for_crop(self) -> bool:
        """Whether its sightings suggest a single body."""
        return not self.spoilt and 2 * self.lobed <= self.whole


@dataclass(frozen=True, slots=True)
class Sighting:
    """One region of one frame, given to one piece; `whole` if the region shows all of it."""

    track: Track
    box: Box
    span: Span
    whole: bool


class Tracker:
    """Gives regions to pieces. One thread.

    Args:
        belt: Where pixels lie on the belt.
        odometer: Shared with whoever schedules; the tracker tells it what the pieces show.
        max_pieces: Followed at most; a view with more is a heap, not a row of pieces.
    """

    def __init__(self, belt: Belt, odometer: Odometer, *, max_pieces: int = 64) -> None:
        self._belt = belt
        self._odometer = odometer
        self._max_pieces = max_pieces
        self._view = belt.view_span
        self._last_frame_ns: int | None = None
        self._pieces = 0
        self.tracks: dict[int, Track] = {}
        self.absorbed: list[int] = []
        """Numbers that the last frame showed to be no pieces of their own; followed no more."""

    def span(self, track: Track, t_ns: int) -> Span:
        """Return where a piece is at `t_ns`, as far as is known."""
        return track.ground.moved(self._odometer.travel_mm(t_ns))

    def forget(self, piece: int) -> None:
        """Stop following a piece."""
        del self.tracks[piece]

    def in_view(self, track: Track, t_ns: int) -> bool:
        """Whether the piece may still show, wholly or in part."""
        return self.span(track, t_ns).rear_mm < self._view.front_mm

    def see(self, regions: Sequence[Region], t_ns: int) -> tuple[Sighting, ...]:
        """Lay one frame's regions against the pieces.

        Args:
            regions: All regions of a frame whose view was not covered.
            t_ns: Its exposure; later than any before.

        Returns:
            The sightings, by rising number of their piece.
        """
        self.absorbed = []
        spans = [self._belt.span(region.box) for region in regions]
        visible = [track for track in self.tracks.values() if self._may_show(track, t_ns)]
        self._follow_belt(visible, spans, t_ns)
        sightings: list[Sighting] = []
        for tracks, members in self._groups(visible, spans, t_ns):
            group = [(regions[index], spans[index]) for index in members]
            sightings += self._settle(tracks, group, t_ns)
        sightings.sort(key=lambda sighting: sighting.track.piece)
        self._learn_speed(sightings, t_ns)
        for track in self.tracks.values():
            if not self.in_view(track, t_ns):
                continue
            if track.last_seen_ns != t_ns and track.under_one_since_ns is None:
                self._miss(track, t_ns)
        self._last_frame_ns = t_ns
        return tuple(sightings)

    def _may_show(self, track: Track, t_ns: int) -> bool:
        """Whether some of the piece may still show; the last of it must not count as another."""
        rear_mm = self.span(track, t_ns).rear_mm - self._tolerance_mm(track, t_ns)
        return rear_mm < self._view.front_mm

    def _tolerance_mm(self, track: Track, t_ns: int) -> float:
        return EDGE_MM + self._belt.drift_mm(t_ns - track.last_seen_ns)

    def _fits(self, track: Track, span: Span, t_ns: int) -> bool:
        expected = self.span(track, t_ns)
        slack_mm = self._tolerance_mm(track, t_ns)
        first_mm = max(span.rear_mm, expected.rear_mm - slack_mm)
        last_mm = min(span.front_mm, expected.front_mm + slack_mm)
        shorter_mm = min(span.length_mm, expected.length_mm)
        return (
            last_mm - first_mm >= FIT_ALONG_FRAC * shorter_mm
            and span.overlap_across_frac(expected) >= FIT_ACROSS_FRAC
        )

    def _groups(
        self, tracks: Sequence[Track], spans: Sequence[Span], t_ns: int
    ) -> list[tuple[list[Track], list[int]]]:
        """Part the frame into pieces and regions (by index) that have to do with each other."""
        groups: list[tuple[list[Track], list[int]]] = [([], [index]) for index in range(len(spans))]
        for track in tracks:
            mine = [
                group
                for group in groups
                if any(self._fits(track, spans[index], t_ns) for index in group[1])
            ]
            joined = ([track], list[int]())
            for group in mine:
                groups.remove(group)
                joined[0].extend(group[0])
                joined[1].extend(group[1])
            if mine:
                groups.append(joined)
        return groups

    def _settle(
        self, tracks: list[Track], group: list[tuple[Region, Span]], t_ns: int
    ) -> list[Sighting]:
        if not tracks:
            return [begun for each in group for begun in self._begin(*each, t_ns)]
        if len(group) > 1 and len(tracks) == 1:
            return self._gather(tracks[0], group, t_ns)
        if len(group) == 1 and len(tracks) > 1:
            covered = [track for track in tracks if self._covers(group[0][1], track, t_ns)]
            if len(covered) > 1:
                return self._touch(covered, group[0], t_ns)
        return self._pair(tracks, group, t_ns)

    def _gather(self, track: Track, group: list[tuple[Region, Span]], t_ns: int) -> list[Sighting]:
        """Several regions lie about one piece: its fragments, what it fell into, or neighbours."""
        expected = self.span(track, t_ns)
        own = min(
            group,
            key=lambda each: abs(each[1].along_mm - self._expected_along_mm(track, each[1], t_ns)),
        )
        parts = [each for each in group if each is own or _lies_on(each[1], expected)]
        if len(parts) == 1:
            return self._pair([track], group, t_ns)
        joined = _joined(parts)
        if track.seen_whole and joined[1].length_mm > track.length_mm + EDGE_MM:
            return self._part(track, group, t_ns)
        # Fragments do not widen what is known: two pieces that part slowly would be one for ever.
        sightings = [self._sight(track, *joined, t_ns, widens=not track.seen_whole)]
        for each in group:
            if each not in parts:
                sightings += self._begin(*each, t_ns)
        return sightings

    def _part(self, track: Track, group: list[tuple[Region, Span]], t_ns: int) -> list[Sighting]:
        """What was followed as one piece comes apart: what it showed was never one piece's own."""
        sightings = self._pair([track], group, t_ns)
        for sighting in sightings:
            sighting.track.touching = True
        return sightings

    def _covers(self, span: Span, track: Track, t_ns: int) -> bool:
        expected = self.span(track, t_ns)
        shared_mm = min(span.front_mm, expected.front_mm) - max(span.rear_mm, expected.rear_mm)
        visible_mm = (
            min(self._view.front_mm, expected.front_mm) - max(self._view.rear_mm, expected.rear_mm)
        )  # fmt: skip
        return visible_mm > 0 and shared_mm >= FIT_ALONG_FRAC * visible_mm

    def _touch(self, tracks: list[Track], group: tuple[Region, Span], t_ns: int) -> list[Sighting]:
        """Several pieces lie under one region: none is sighted, and in time all are touching.

        What was never seen whole by itself was a fragment: the oldest piece takes it in.
        """
        tracks = self._without_fragments(tracks, t_ns)
        if len(tracks) == 1:
            return self._pair(tracks, [group], t_ns)
        for track in tracks:
            if track.under_one_since_ns is None:
                track.under_one_since_ns = t_ns
            elif t_ns - track.under_one_since_ns >= TOUCHING_NS:
                track.touching = True
        return []

    def _without_fragments(self, tracks: list[Track], t_ns: int) -> list[Track]:
        tracks = sorted(tracks, key=lambda track: (not track.seen_whole, track.piece))
        oldest, kept = tracks[0], [tracks[0]]
        for track in tracks[1:]:
            if track.seen_whole:
                kept.append(track)
                continue
            oldest.touching |= t_ns - track.first_seen_ns >= FRAGMENT_NS
            self.absorbed.append(track.piece)
            self.forget(track.piece)
        return kept

    def _pair(
        self, tracks: list[Track], group: list[tuple[Region, Span]], t_ns: int
    ) -> list[Sighting]:
        """Give each region to the nearest piece; nothing on a belt overtakes anything."""
        distances = sorted(
            (
                abs(span.along_mm - self._expected_along_mm(track, span, t_ns))
                + abs(span.across_mm - track.ground.across_mm),
                track.piece,
                index,
            )
            for track in tracks
            for index, (_, span) in enumerate(group)
            if self._fits(track, span, t_ns)
        )
        by_piece = {track.piece: track for track in tracks}
        given: dict[int, tuple[Track, float]] = {}
        taken: set[int] = set()
        for distance_mm, piece, index in distances:
            if piece not in taken and index not in given:
                given[index] = (by_piece[piece], distance_mm)
                taken.add(piece)
        self._flag_ambiguous(given, group, distances, by_piece, t_ns)
        sightings = []
        for index, (region, span) in enumerate(group):
            if index in given:
                sightings.append(self._sight(given[index][0], region, span, t_ns))
            else:
                sightings += self._begin(region, span, t_ns)
        return sightings

    def _expected_along_mm(self, track: Track, span: Span, t_ns: int) -> float:
        """Return where the middle of this region should be if it is this piece.

        At the view's edges only one end of the piece shows; that end is what is compared.
        """
        expected = self.span(track, t_ns)
        if self._cut_at_rear(span):
            return expected.front_mm - span.length_mm / 2
        if self._cut_at_front(span):
            return expected.rear_mm + span.length_mm / 2
        if not track.seen_whole:
            return expected.front_mm - span.length_mm / 2
        return expected.along_mm

    def _flag_ambiguous(
        self,
        given: dict[int, tuple[Track, float]],
        group: Sequence[tuple[Region, Span]],
        distances: Sequence[tuple[float, int, int]],
        by_piece: dict[int, Track],
        t_ns: int,
    ) -> None:
        """Flag pieces for which another pairing would have been about as near."""
        for index, (track, best_mm) in given.items():
            track.ambiguous |= self._may_be_another(track, group[index][1], t_ns)
            slack_mm = self._tolerance_mm(track, t_ns)
            for distance_mm, piece, other in distances:
                rival = (piece == track.piece) != (other == index)
                if rival and distance_mm - best_mm < slack_mm:
                    track.ambiguous = True
                    by_piece[piece].ambiguous = True

    def _may_be_another(self, track: Track, span: Span, t_ns: int) -> bool:
        """Whether the piece may have left, and one that no frame has shown come to its place."""
        last_ns = track.last_seen_ns if self._last_frame_ns is None else self._last_frame_ns
        run_mm = self._odometer.travel_mm(t_ns) - self._odometer.travel_mm(last_ns)
        reach_mm = self._view.rear_mm + run_mm + self._belt.drift_mm(t_ns - last_ns)
        gone_mm = self.span(track, t_ns).rear_mm + self._tolerance_mm(track, t_ns)
        return span.front_mm <= reach_mm and gone_mm >= self._view.front_mm

    def _begin(self, region: Region, span: Span, t_ns: int) -> list[Sighting]:
        """Follow a new piece, unless so little of it shows at an edge that it may flicker."""
        cut = self._cut_at_rear(span) or self._cut_at_front(span)
        if cut and span.length_mm < EDGE_MM:
            return []
        self._pieces += 1
        travel_mm = self._odometer.travel_mm(t_ns)
        track = Track(
            piece=self._pieces,
            ground=span.moved(-travel_mm),
            first_seen_ns=t_ns,
            last_seen_ns=t_ns,
            last_span=span,
            length_mm=span.length_mm,
            shown=span,
            shown_run_mm=travel_mm,
        )
        if len(self.tracks) >= self._max_pieces:
            # A heap: this piece and all that may lie beside it are not to be told apart.
            track.ambiguous = True
            for other in self.tracks.values():
                other.ambiguous = True
        self.tracks[track.piece] = track
        return [self._sight(track, region, span, t_ns)]

    def _sight(
        self, track: Track, region: Region, span: Span, t_ns: int, *, widens: bool = True
    ) -> Sighting:
        cut_at_rear, cut_at_front = self._cut_at_rear(span), self._cut_at_front(span)
        whole = not cut_at_rear and not cut_at_front
        travel_mm = self._odometer.travel_mm(t_ns)
        track.ground = self._reshaped(track, span.moved(-travel_mm), t_ns, widens=widens)
        track.last_seen_ns = t_ns
        track.shown, track.shown_run_mm = span, travel_mm
        track.last_span = track.ground.moved(travel_mm)
        track.length_mm = track.ground.length_mm
        track.touching |= track.length_mm > self._belt.longest_mm
        track.sightings += 1
        track.under_one_since_ns = None
        track.missing_since_ns, track.missing_frames = None, 0
        if whole:
            if not track.seen_whole:
                track.middles.clear()
            track.seen_whole = True
            track.whole += 1
            track.lobed += region.lobes > 1
        if whole:
            track.middles.append((t_ns, span.along_mm))
        elif not track.seen_whole and not cut_at_front:
            track.middles.append((t_ns, span.front_mm))
        return Sighting(track, self._belt.visible(track.last_span), span, whole)

    def _reshaped(self, track: Track, seen: Span, t_ns: int, *, widens: bool) -> Span:
        """Return a piece's extent on the belt after another look at it."""
        known = track.ground
        share = min(1.0, (t_ns - track.last_seen_ns) / SHRINK_NS)

        def edge(known_mm: float, seen_mm: float, sign: int) -> float:
            if (seen_mm - known_mm) * sign > 0:
                return seen_mm if widens else known_mm
            return known_mm + share * (seen_mm - known_mm)

        leaving = self._cut_at_front(seen.moved(self._odometer.travel_mm(t_ns)))
        return Span(
            rear_mm=edge(known.rear_mm, seen.rear_mm, -1),
            # What the view's edge cuts off is still there.
            front_mm=known.front_mm if leaving else edge(known.front_mm, seen.front_mm, 1),
            near_mm=edge(known.near_mm, seen.near_mm, -1),
            far_mm=edge(known.far_mm, seen.far_mm, 1),
        )

    def _cut_at_rear(self, span: Span) -> bool:
        return span.rear_mm <= self._view.rear_mm + self._belt.mm_per_px

    def _cut_at_front(self, span: Span) -> bool:
        return span.front_mm >= self._view.front_mm - self._belt.mm_per_px

    def _learn_speed(self, sightings: Sequence[Sighting], t_ns: int) -> None:
        speeds = []
        for sighting in sightings:
            middles = sighting.track.middles
            while middles and t_ns - middles[0][0] > Odometer.WINDOW_NS:
                middles.popleft()
            if middles and (for_ns := middles[-1][0] - middles[0][0]) >= Odometer.WINDOW_NS // 3:
                speeds.append((middles[-1][1] - middles[0][1]) * NS_PER_S / for_ns)
        self._odometer.measured(speeds, t_ns)

    def _follow_belt(self, tracks: Sequence[Track], spans: Sequence[Span], t_ns: int) -> None:
        """Let what every piece has run since it was last seen set right how far the belt has run.

        So pieces that have left the view stand still, too, when the belt does.
        """
        pairs = [
            (track, span) for track in tracks for span in spans if self._fits(track, span, t_ns)
        ]
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
        if not self._cut_at_rear(before) and not self._cut_at_rear(now):
            ends_mm.append(now.rear_mm - before.rear_mm)
        if not self._cut_at_front(before) and not self._cut_at_front(now):
            ends_mm.append(now.front_mm - before.front_mm)
        return ends_mm

    def _miss(self, track: Track, t_ns: int) -> None:
        """A frame shows the place of a piece, and the piece is not there."""
        expected = self.span(track, t_ns)
        slack_mm = self._tolerance_mm(track, t_ns)
        surely_in_view = (
            expected.rear_mm > self._view.rear_mm - slack_mm
            and expected.along_mm + slack_mm < self._view.front_mm
        )
        if not surely_in_view:
            return
        if track.missing_since_ns is None:
            track.missing_since_ns = t_ns
        track.missing_frames += 1
        long_gone = t_ns - track.missing_since_ns >= VANISH_NS
        if track.missing_frames >= VANISH_FRAMES and (long_gone or track.sightings == 1):
            track.vanished = True


def _lies_on(span: Span, ground: Span) -> bool:
    """Whether a region covers a place where a piece was seen before; no neighbour lies there."""
    shared_mm = min(span.front_mm, ground.front_mm) - max(span.rear_mm, ground.rear_mm)
    return shared_mm >= FIT_ALONG_FRAC * span.length_mm


def _joined(group: list[tuple[Region, Span]]) -> tuple[Region, Span]:
    """Return the fragments of one piece as one region."""
    region, span = group[0]
    for other, other_span in group[1:]:
        left = min(region.box.left_px, other.box.left_px)
        top = min(region.box.top_px, other.box.top_px)
        right = max(region.box.right_px, other.box.right_px)
        bottom = max(region.box.bottom_px, other.box.bottom_px)
        region = Region(
            Box(left, top, right - left, bottom - top),
            region.area_px + other.area_px,
            max(region.lobes, other.lobes),
        )
        span = span.hull(other_span)
    return region, span
