"""Which views of a followed piece the model is asked about, and from which frame on.

A view is worth asking about when the piece shows whole and by itself, and has moved on since the
last one. What waits for the model is replaced by each newer view.

Where a piece will be in a frame is known before the frame is looked at, so its crop goes to the
model as soon as the frame has come; the look runs beside it and bears it out. Scores of a crop that
was not borne out count for nothing.
"""

from collections.abc import Callable, Iterable

from sorterd.core.batching import BatchDesk
from sorterd.core.belt import Belt
from sorterd.core.followed import Expected, Followed
from sorterd.core.judging import JudgingRules
from sorterd.core.records import Box, Crop, Drop, FrameCame, FrameSeen
from sorterd.core.track import Sighting
from sorterd.core.tracking import Tracker

# How much of their hull a piece's expected box and the one that the frame shows must share. A tenth
# of its length off leaves 0.82, about as much as the cropper's margin bears.
BORNE_OUT_FRAC = 0.8


class Asking:
    """Offers crops to the desk. One thread.

    Args:
        belt: Where pixels lie on it.
        judging: Tells how far apart two views lie.
        tracker: Knows where pieces will be.
        desk: Where crops wait for the model.
        due_ns: Tells when the scores of a piece's crop must be there.
    """

    def __init__(
        self,
        belt: Belt,
        judging: JudgingRules,
        tracker: Tracker,
        desk: BatchDesk,
        due_ns: Callable[[Followed], int],
    ) -> None:
        self._belt = belt
        self._judging = judging
        self._tracker = tracker
        self._desk = desk
        self._due_ns = due_ns

    def expect(self, pieces: Iterable[Followed], frame: FrameCame) -> None:
        """Offer the crops of a frame that has come, cut where pieces must be by now."""
        if not self._desk.open:
            return  # the look is over before the runtime could begin
        for piece in pieces:
            box = self._tracker.expected_box(piece.track, frame.exposed_ns)
            if box is None:
                continue
            along_mm = self._belt.span(box).along_mm
            if self._wants_a_view(piece, along_mm):
                piece.expected = Expected(frame.sequence, box, piece.cropped_at_mm)
                self._offer(piece, frame, box, along_mm)

    def bear_out(
        self, pieces: Iterable[Followed], sequence: int, sightings: Iterable[Sighting]
    ) -> None:
        """Hold what was expected of a frame against what it shows."""
        shown = {sighting.track.piece: sighting for sighting in sightings if sighting.whole}
        for piece in pieces:
            expected = piece.expected
            if expected is None or expected.sequence != sequence:
                continue
            sighting = shown.get(piece.piece)
            if sighting is not None and _shared_frac(sighting.box, expected.box) >= BORNE_OUT_FRAC:
                piece.expected = None
                continue
            piece.cropped_at_mm = expected.cropped_before_mm
            if self._desk.waits(piece.piece):
                self._desk.withdraw(piece.piece)
                piece.expected = None

    def see(self, piece: Followed, frame: FrameSeen, sighting: Sighting) -> None:
        """Offer the crop of a sighting, if it is worth one."""
        if sighting.whole and self._wants_a_view(piece, sighting.span.along_mm):
            self._offer(piece, frame, sighting.box, sighting.span.along_mm)

    def was_there(self, piece: Followed, crop: Crop) -> bool:
        """Whether a crop that was scored showed its piece; one that did not is counted."""
        if piece.expected is None or piece.expected.sequence != crop.sequence:
            return True
        piece.expected = None
        self._desk.drops[Drop.CROP_NOT_THERE] += 1
        return False

    def _wants_a_view(self, piece: Followed, along_mm: float) -> bool:
        if piece.decision or piece.stalled or piece.evidence.full:
            return False
        if not piece.track.fit_for_crop() or self._desk.holds(piece.piece):
            return False
        if self._desk.waits(piece.piece):
            return True  # the model shall see the piece as it is, not as it was
        # Half of what makes a new view: nearer ones would count for next to nothing.
        least_mm = self._judging.same_view_mm / 2
        last_mm = piece.cropped_at_mm
        return last_mm is None or abs(along_mm - last_mm) >= least_mm

    def _offer(
        self, piece: Followed, frame: FrameCame | FrameSeen, box: Box, along_mm: float
    ) -> None:
        piece.cropped_at_mm = along_mm
        self._desk.offer(
            Crop(
                piece=piece.piece,
                sequence=frame.sequence,
                exposed_ns=frame.exposed_ns,
                box=box,
                due_ns=self._due_ns(piece),
                views=piece.evidence.views,
            )
        )


def _shared_frac(one: Box, other: Box) -> float:
    """Return how much of the smallest box around two boxes both cover, 0 to 1."""
    shared_px = (
        max(0, min(one.right_px, other.right_px) - max(one.left_px, other.left_px)),
        max(0, min(one.bottom_px, other.bottom_px) - max(one.top_px, other.top_px)),
    )
    hull_px = (
        max(one.right_px, other.right_px) - min(one.left_px, other.left_px),
        max(one.bottom_px, other.bottom_px) - min(one.top_px, other.top_px),
    )
    return shared_px[0] * shared_px[1] / (hull_px[0] * hull_px[1])
