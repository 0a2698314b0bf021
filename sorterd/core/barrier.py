"""What a broken light barrier tells of the pieces, and what its silence does.

A piece that a beam has found is believed to be there as well as where the
pictures put it. A piece that went all the way past a beam that was not broken
has passed in silence: one may lie too flat for it, many mean that it is broken.
"""

from collections.abc import Mapping

from sorterd.core.beam import Beam
from sorterd.core.deadlines import Deadlines
from sorterd.core.followed import Followed
from sorterd.core.places import Places
from sorterd.core.records import BeamBroken, Drop
from sorterd.core.scheduling import GatePlan


class Barrier:
    """Places pieces by a beam. One thread.

    Args:
        beam: Where it crosses the belt; None for a station without one.
        gates: Every gate, by name.
        places: Where pieces are.
        deadlines: By when a piece's gate must be told.
        max_age_ns: A word of the beam that is older than this is refused.
    """

    def __init__(
        self,
        beam: Beam | None,
        gates: Mapping[str, GatePlan],
        places: Places,
        deadlines: Deadlines,
        *,
        max_age_ns: int,
    ) -> None:
        self._beam = beam
        self._gates = gates
        self._places = places
        self._deadlines = deadlines
        self._max_age_ns = max_age_ns
        self.silent = 0
        """How many pieces in a row have passed it in silence."""

    def place(
        self, pieces: Mapping[int, Followed], broken: BeamBroken, now_ns: int
    ) -> Followed | Drop:
        """Return the piece that has broken it, now placed, or why none is."""
        if self._beam is None:
            return Drop.BEAM_NO_PIECE
        self.silent = 0
        if not broken.now_ns - self._max_age_ns <= broken.t_ns <= broken.now_ns:
            return Drop.BEAM_NOT_NOW
        fronts_mm = {
            number: self._places.span(piece.track, broken.t_ns).front_mm
            for number, piece in pieces.items()
        }
        for each, front_mm in fronts_mm.items():
            pieces[each].beam_spoke |= self._beam.may_have_come(front_mm)
        number = self._beam.piece_at(fronts_mm)
        if isinstance(number, Drop):
            return number
        piece = pieces[number]
        if piece.track.beam_off_mm is not None:
            return Drop.BEAM_AGAIN
        off_mm = self._beam.at_mm - fronts_mm[number]
        return piece if self._found(piece, off_mm, now_ns) else Drop.BEAM_TOO_LATE

    def _found(self, piece: Followed, off_mm: float, now_ns: int) -> bool:
        """Note that a piece is further ahead, unless its gate could not serve it there any more.

        Where the pictures put it, the gate can.
        """
        if piece.pulse is not None:
            return False
        piece.track.beam_off_mm = off_mm
        runs_on = piece.decision is not None and piece.decision.gate is None
        due_ns = None if runs_on else self._deadlines.due_ns(piece, now_ns)
        if due_ns is not None and due_ns < now_ns:
            piece.track.beam_off_mm = None
            return False
        return True

    def ended(self, piece: Followed, now_ns: int) -> None:
        """Take note of a piece that is no longer followed."""
        if self._beam is None or piece.beam_spoke or piece.track.vanished:
            return
        gate = piece.bound_for
        left_before = gate is not None and self._gates[gate].at_mm <= self._beam.at_mm
        if not left_before and self._places.reach(piece.track, now_ns).rear_mm > self._beam.at_mm:
            self.silent += 1
