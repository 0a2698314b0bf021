"""Following pieces through frames, by time and belt speed.

A frame's regions are laid against the places where pieces are by now; a region
that fits one piece is a sighting of it, one that fits none is a new piece. How
many frames came between plays no part.

Pieces that a region covers together are touching, and so is a region that shows
several bodies or is longer than any piece; pieces between which a region could
be either are ambiguous. Both are flagged and never forgotten: what they showed
is not their own.

The tracker says what was seen. It decides nothing about bins.
"""

from collections.abc import Sequence

from sorterd.core.belt import Belt, Span
from sorterd.core.odometer import Odometer
from sorterd.core.pace import Pace
from sorterd.core.places import Places
from sorterd.core.records import Box, Region
from sorterd.core.track import (
    EDGE_MM,
    Sighting,
    Track,
    joined,
    lies_on,
    reshaped,
)

# Two pieces under one region for this long are touching; less is a flicker of the outline.
TOUCHING_NS = 100_000_000
# Fragments that were followed as pieces of their own for longer than this before they turned out to
# be one are touching pieces as likely as glare.
FRAGMENT_NS = 200_000_000
# Frames that show a piece's place without the piece for this long: it is gone.
VANISH_NS = 400_000_000
# A piece seen only once is believed gone after this many frames that show its place empty.
VANISH_FRAMES = 3


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
        self._pace = Pace(belt, odometer)
        self._max_pieces = max_pieces
        self.places = Places(belt, odometer)
        """Where they are."""
        self._last_frame_ns = 0  # before the first frame there is no piece to ask of
        self._pieces = 0
        self.tracks: dict[int, Track] = {}
        self.absorbed: list[int] = []
        """Numbers that the last frame showed to be no pieces of their own; followed no more."""

    def forget(self, piece: int) -> None:
        """Stop following a piece."""
        del self.tracks[piece]

    def any_in_view(self, t_ns: int) -> bool:
        """Whether any piece may still show, seen or not."""
        return any(self.places.in_view(track, t_ns) for track in self.tracks.values())

    def expected_box(self, track: Track, t_ns: int) -> Box | None:
        """Return where a frame exposed at `t_ns` will show a piece; None if that is not sure.

        It is for a piece that the last frame showed, whole and by itself, and that the view's edge
        will not cut off.
        """
        seen_just_now = track.last_seen_ns == self._last_frame_ns
        if not seen_just_now or not track.seen_whole or not track.fit_for_crop():
            return None
        span = self.places.span(track, t_ns)
        if self._belt.cut_at_rear(span) or self._belt.cut_at_front(span):
            return None
        return self._belt.visible(span)

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
        visible = [track for track in self.tracks.values() if self.places.may_show(track, t_ns)]
        self._pace.follow(
            [
                (track, span)
                for track in visible
                for span in spans
                if self.places.fits(track, span, t_ns)
            ],
            t_ns,
        )
        sightings: list[Sighting] = []
        for tracks, members in self._groups(visible, spans, t_ns):
            group = [(regions[index], spans[index]) for index in members]
            sightings += self._settle(tracks, group, t_ns)
        sightings.sort(key=lambda sighting: sighting.track.piece)
        self._pace.learn(sightings, t_ns)
        for track in self.tracks.values():
            if track.last_seen_ns != t_ns and track.under_one_since_ns is None:
                self._miss(track, t_ns)
        self._last_frame_ns = t_ns
        return tuple(sightings)

    def _groups(
        self, tracks: Sequence[Track], spans: Sequence[Span], t_ns: int
    ) -> list[tuple[list[Track], list[int]]]:
        """Part the frame into pieces and regions (by index) that have to do with each other."""
        groups: list[tuple[list[Track], list[int]]] = [([], [index]) for index in range(len(spans))]
        for track in tracks:
            mine = [
                group
                for group in groups
                if any(self.places.fits(track, spans[index], t_ns) for index in group[1])
            ]
            joined = ([track], list[int]())
            for group in mine:
                groups.remove(group)
                joined[0].extend(group[0])
                joined[1].extend(group[1])
            groups.append(joined)
        return groups

    def _settle(
        self, tracks: list[Track], group: list[tuple[Region, Span]], t_ns: int
    ) -> list[Sighting]:
        if len(group) > 1 and len(tracks) == 1:
            return self._gather(tracks[0], group, t_ns)
        sightings: list[Sighting] = []
        apart, free = list(tracks), list(group)
        for each, under in zip(group, self._under(tracks, group, t_ns), strict=True):
            if len(under) > 1:
                sightings += self._touch(under, each, t_ns)
                apart = [track for track in apart if track not in under]
                free.remove(each)
        return sightings + self._pair(apart, free, t_ns)

    def _under(
        self, tracks: Sequence[Track], group: Sequence[tuple[Region, Span]], t_ns: int
    ) -> list[list[Track]]:
        """Return, for each region, the pieces that it covers and that no other is nearer to."""
        under: list[list[Track]] = [[] for _ in group]
        for track in tracks:
            offs_mm = {
                index: self._off_mm(track, span, t_ns)
                for index, (_, span) in enumerate(group)
                if self.places.fits(track, span, t_ns)
            }
            nearest = min(offs_mm, key=offs_mm.__getitem__, default=None)
            if nearest is not None and self.places.covers(group[nearest][1], track, t_ns):
                under[nearest].append(track)
        return under

    def _off_mm(self, track: Track, span: Span, t_ns: int) -> float:
        """Return how far a region is from where a piece should be."""
        across_mm = abs(span.across_mm - track.ground.across_mm)
        return self.places.off_along_mm(track, span, t_ns) + across_mm

    def _gather(self, track: Track, group: list[tuple[Region, Span]], t_ns: int) -> list[Sighting]:
        """Several regions lie about one piece: its fragments, what it fell into, or neighbours."""
        expected = self.places.span(track, t_ns)
        own = min(
            group,
            key=lambda each: self.places.off_along_mm(track, each[1], t_ns),
        )
        parts = [each for each in group if each is own or lies_on(each[1], expected)]
        if len(parts) == 1:
            return self._pair([track], group, t_ns)
        lobes, whole = joined(parts)
        if track.seen_whole and whole.length_mm > track.length_mm + EDGE_MM:
            return self._part(track, group, t_ns)
        # Fragments do not widen what is known: two pieces that part slowly would be one for ever.
        sightings = [self._sight(track, lobes, whole, t_ns, widens=not track.seen_whole)]
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
            (self._off_mm(track, span, t_ns), track.piece, index)
            for track in tracks
            for index, (_, span) in enumerate(group)
            if self.places.fits(track, span, t_ns)
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
                sightings.append(self._sight(given[index][0], region.lobes, span, t_ns))
            else:
                sightings += self._begin(region, span, t_ns)
        return sightings

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
            span = group[index][1]
            track.ambiguous |= self.places.may_be_another(track, span, t_ns, self._last_frame_ns)
            slack_mm = self.places.tolerance_mm(track, t_ns)
            for distance_mm, piece, other in distances:
                rival = (piece == track.piece) != (other == index)
                if rival and distance_mm - best_mm < slack_mm:
                    track.ambiguous = True
                    by_piece[piece].ambiguous = True

    def _begin(self, region: Region, span: Span, t_ns: int) -> list[Sighting]:
        """Follow a new piece, unless so little of it shows at an edge that it may flicker."""
        cut = self._belt.cut_at_rear(span) or self._belt.cut_at_front(span)
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
        return [self._sight(track, region.lobes, span, t_ns)]

    def _sight(
        self, track: Track, lobes: int, span: Span, t_ns: int, *, widens: bool = True
    ) -> Sighting:
        cut_at_rear, cut_at_front = self._belt.cut_at_rear(span), self._belt.cut_at_front(span)
        whole = not cut_at_rear and not cut_at_front
        travel_mm = self._odometer.travel_mm(t_ns)
        track.ground = reshaped(
            track.ground,
            span.moved(-travel_mm),
            after_ns=t_ns - track.last_seen_ns,
            widens=widens,
            leaving=cut_at_front,
        )
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
            track.lobed += lobes > 1
        if whole:
            track.middles.append((t_ns, span.along_mm))
        elif not track.seen_whole and not cut_at_front:
            track.middles.append((t_ns, span.front_mm))
        return Sighting(track, self._belt.visible(track.last_span), span, whole)

    def _miss(self, track: Track, t_ns: int) -> None:
        """A frame shows the place of a piece, and the piece is not there."""
        if not self.places.surely_in_view(track, t_ns):
            return
        if track.missing_since_ns is None:
            track.missing_since_ns = t_ns
        track.missing_frames += 1
        long_gone = t_ns - track.missing_since_ns >= VANISH_NS
        if track.missing_frames >= VANISH_FRAMES and (long_gone or track.sightings == 1):
            track.vanished = True
