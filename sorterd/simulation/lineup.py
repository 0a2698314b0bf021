"""Which piece lies where on the belt: made as the belt brings it, the same for the same seed.

Pieces come in groups: one alone, a tight burst, a pair that touches, a pair that overlaps. Each
takes its looks from a generator of its own, so any piece can be drawn again without the others; a
group is placed behind the one before it. Only small records are kept: 2,000 pictures of pieces
would not fit beside a model on a Pi.

Places are belt millimetres: a piece at `offset_mm` has its middle at the entering edge once the
belt has run that far, so what comes later has the larger offset.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.simulation.cutout import outline_mm, turned
from sorterd.simulation.scene import BeltScene
from sorterd.simulation.sprites import Sprite
from sorterd.simulation.world import PieceSource, TruePiece

# Pieces keep this far from the rails, or the rail's shade would join them in a picture.
_FROM_RAIL_MM = 5.0
_BURST_PIECES = (3, 5)
_BURST_CLEAR_MM = (8.0, 25.0)
_OVERLAP_FRAC = (0.15, 0.35)
_SPIN_DEG_S = (6.0, 24.0)
# Outlines of pairs are compared on this grid: a millimetre is less than a sighting's error.
_GRID_PX_PER_MM = 1.0
# Clear glass is a body too; a quarter of full cover leaves out only the blur of an edge.
_BODY_ALPHA = 64
# From being placed to being shown a piece is kept; a burst is the most that is placed at once.
_SPRITES = 8


class _Group(Enum):
    ALONE = "alone"
    BURST = "burst"
    TOUCHING = "touching"
    OVERLAPPING = "overlapping"


@dataclass(frozen=True, slots=True)
class _Laid:
    piece: TruePiece
    half_along_mm: float


class Lineup:
    """The pieces in the order in which they come. One thread at a time.

    Args:
        scene: How densely and how neatly they lie.
        source: What they look like.
        seed: Chooses everything.
        across_mm: Width of the view across the belt.
        first_mm: Where the front of the first piece lies.
        last_mm: No group's front lies further back; None: no such end.
    """

    def __init__(
        self,
        scene: BeltScene,
        source: PieceSource,
        seed: int,
        *,
        across_mm: float,
        first_mm: float,
        last_mm: float | None,
    ) -> None:
        self._scene = scene
        self._source = source
        self._seed = seed
        self._near_mm = scene.rail_mm + min(_FROM_RAIL_MM, across_mm / 12)
        self._far_mm = across_mm - self._near_mm
        self._last_mm = last_mm
        self._rng = np.random.default_rng((seed, 1))
        self.sprite = lru_cache(maxsize=_SPRITES)(self._draw)
        """Draws a piece by its number, the same each time."""
        self._pieces: list[TruePiece] = []
        self._offsets_mm: list[float] = []
        # The middle and the rear of what lies ahead of the next group.
        self._ahead_mm: float | None = None
        self._rear_mm = first_mm
        self.reach_mm = 0.0
        """No piece so far reaches further from its middle than this."""
        self.complete = False
        """Whether every piece is there."""

    def __len__(self) -> int:
        return len(self._pieces)

    def extend(self, rear_mm: float) -> None:
        """Make sure that every piece with any part before `rear_mm` on the belt is there."""
        while not self.complete and self._rear_mm <= rear_mm:
            self._add_group()

    def extend_to(self, number: int) -> None:
        """Make sure that the first `number` pieces are there, as far as so many come at all."""
        while not self.complete and len(self._pieces) < number:
            self._add_group()

    def piece(self, number: int) -> TruePiece:
        """Return a piece by its number.

        Raises:
            KeyError: So many pieces do not come.
        """
        self.extend_to(number)
        if not 1 <= number <= len(self._pieces):
            raise KeyError(number)
        return self._pieces[number - 1]

    def between(self, front_mm: float, rear_mm: float) -> range:
        """Return the numbers of the pieces whose middles lie from `front_mm` back to `rear_mm`."""
        first = bisect_left(self._offsets_mm, front_mm)
        return range(first + 1, bisect_right(self._offsets_mm, rear_mm) + 1)

    def _draw(self, number: int) -> Sprite:
        return self._source.take(np.random.default_rng((self._seed, 2, number)))

    def _add_group(self) -> None:
        left = self._scene.pieces - len(self._pieces)
        match self._choose_group():
            case _Group.BURST:
                count = min(left, int(self._rng.integers(_BURST_PIECES[0], _BURST_PIECES[1] + 1)))
                self._add_one(tight=False)
                for _ in range(0 if self.complete else count - 1):
                    self._add_one(tight=True)
            case _Group.TOUCHING if left > 1:
                self._add_pair(depth_frac=0.0)
            case _Group.OVERLAPPING if left > 1:
                self._add_pair(depth_frac=float(self._rng.uniform(*_OVERLAP_FRAC)))
            case _:
                self._add_one(tight=False)

    def _choose_group(self) -> _Group:
        scene = self._scene
        # Shares are of pieces; a group of n takes n of them.
        weights = {
            _Group.BURST: scene.burst_frac / (sum(_BURST_PIECES) / 2),
            _Group.TOUCHING: scene.touching_frac / 2,
            _Group.OVERLAPPING: scene.overlapping_frac / 2,
        }
        together_frac = scene.burst_frac + scene.touching_frac + scene.overlapping_frac
        weights[_Group.ALONE] = max(0.0, 1 - together_frac)
        draw = self._rng.uniform(0, sum(weights.values()))
        for group, weight in weights.items():
            draw -= weight
            if draw < 0:
                return group
        return _Group.ALONE

    def _add_one(self, *, tight: bool) -> None:
        laid = self._behind(self._lay_out(len(self._pieces) + 1, turns=not tight), tight=tight)
        if tight or not self._too_late(laid):
            self._keep(laid)

    def _add_pair(self, *, depth_frac: float) -> None:
        number = len(self._pieces) + 1
        front = self._behind(self._lay_out(number, turns=False), tight=False)
        if self._too_late(front):
            return
        rear = self._lay_out(number + 1, turns=False)
        # Behind it, not beside it: at least half of the narrower one's width is shared.
        narrower_mm = min(
            np.ptp(turned(each.piece.outline_mm, each.piece.angle_deg)[:, 1])
            for each in (front, rear)
        )
        shift_mm = float(self._rng.uniform(-0.5, 0.5)) * narrower_mm / 2
        across_mm = self._inside(rear.piece, front.piece.across_mm + shift_mm)
        shift_mm = across_mm - front.piece.across_mm
        apart_mm = self._contact_mm(front, rear, shift_mm)
        apart_mm -= depth_frac * 2 * min(front.half_along_mm, rear.half_along_mm)
        # The one behind keeps behind, however oddly the two are shaped.
        offset_mm = front.piece.offset_mm + max(1.0, apart_mm)
        self._keep(_Laid(replace(front.piece, touches=(number + 1,)), front.half_along_mm))
        behind = replace(rear.piece, offset_mm=offset_mm, across_mm=across_mm, touches=(number,))
        self._keep(_Laid(behind, rear.half_along_mm))

    def _lay_out(self, number: int, *, turns: bool) -> _Laid:
        """Choose how a piece lies; its offset is still open."""
        sprite = self.sprite(number)
        outline = outline_mm(sprite)
        angle_deg, spin_deg_s = float(self._rng.uniform(0, 360)), 0.0
        radius_mm = float(np.hypot(*outline.T).max())
        room_mm = self._far_mm - self._near_mm
        chosen = self._rng.uniform() < self._scene.turning_frac
        if turns and chosen and 2 * radius_mm <= room_mm:
            spin_deg_s = float(self._rng.choice([-1, 1]) * self._rng.uniform(*_SPIN_DEG_S))
        elif np.ptp(turned(outline, angle_deg)[:, 1]) > room_mm:
            # Too long to lie across this belt: along it.
            angle_deg = 0.0 if sprite.length_mm >= sprite.width_mm else 90.0
        piece = TruePiece(number, sprite.label, 0.0, 0.0, angle_deg, spin_deg_s, outline)
        across_mm = self._inside(piece, float(self._rng.uniform(self._near_mm, self._far_mm)))
        half_along_mm = (
            radius_mm if spin_deg_s else float(np.abs(turned(outline, angle_deg)[:, 0]).max())
        )
        return _Laid(replace(piece, across_mm=across_mm), half_along_mm)

    def _inside(self, piece: TruePiece, across_mm: float) -> float:
        """Return the place across nearest to the wished one at which the piece clears the rails."""
        if piece.spin_deg_s:
            half_mm = float(np.hypot(*piece.outline_mm.T).max())
        else:
            half_mm = float(np.abs(turned(piece.outline_mm, piece.angle_deg)[:, 1]).max())
        if 2 * half_mm >= self._far_mm - self._near_mm:
            return (self._near_mm + self._far_mm) / 2
        return min(max(across_mm, self._near_mm + half_mm), self._far_mm - half_mm)

    def _behind(self, laid: _Laid, *, tight: bool) -> _Laid:
        """Place a piece behind all that lies ahead."""
        half_mm = laid.half_along_mm
        if self._ahead_mm is None:
            offset_mm = self._rear_mm + half_mm
        elif tight:
            offset_mm = self._rear_mm + float(self._rng.uniform(*_BURST_CLEAR_MM)) + half_mm
        else:
            least_mm = self._rear_mm + self._scene.clear_mm + half_mm
            # Random like arrivals, never too near, and on average as far as the scene says.
            spare_mm = max(0.0, self._ahead_mm + self._scene.gap_mm - least_mm)
            offset_mm = least_mm + float(self._rng.exponential(spare_mm))
        return _Laid(replace(laid.piece, offset_mm=offset_mm), half_mm)

    def _too_late(self, first: _Laid) -> bool:
        """Tell whether a group comes after the last; if so, the lineup is complete."""
        front_mm = first.piece.offset_mm - first.half_along_mm
        self.complete = self._last_mm is not None and front_mm > self._last_mm
        return self.complete

    def _keep(self, laid: _Laid) -> None:
        self._pieces.append(laid.piece)
        self._offsets_mm.append(laid.piece.offset_mm)
        self._ahead_mm = laid.piece.offset_mm
        self._rear_mm = max(self._rear_mm, laid.piece.offset_mm + laid.half_along_mm)
        self.reach_mm = max(self.reach_mm, float(np.hypot(*laid.piece.outline_mm.T).max()))
        if len(self._pieces) >= self._scene.pieces:
            self.complete = True

    def _contact_mm(self, front: _Laid, rear: _Laid, shift_mm: float) -> float:
        """Return the distance of the middles along the belt at which the rear one just touches.

        Args:
            front: The one ahead.
            rear: The one behind.
            shift_mm: How much further across the rear one lies.
        """
        ahead, behind = self._silhouette(front.piece), self._silhouette(rear.piece)
        behind = np.roll(behind, round(shift_mm * _GRID_PX_PER_MM), axis=0)
        rows = ahead.any(axis=1) & behind.any(axis=1)
        middle = ahead.shape[1] // 2
        if not rows.any():
            return front.half_along_mm + rear.half_along_mm
        first_of_ahead = ahead[rows].argmax(axis=1) - middle
        last_of_behind = middle - behind[rows][:, ::-1].argmax(axis=1)
        return float((last_of_behind - first_of_ahead).max() / _GRID_PX_PER_MM)

    def _silhouette(self, piece: TruePiece) -> npt.NDArray[np.bool_]:
        """Draw what a piece covers, turned, in the middle of a grid with room to shift it."""
        sprite = self.sprite(piece.number)
        half = round((self._far_mm - self._near_mm + 400) * _GRID_PX_PER_MM)
        height, width = sprite.alpha.shape
        scale = sprite.length_mm / width * _GRID_PX_PER_MM
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), piece.angle_deg, scale)
        turn[0, 2] += half - (width - 1) / 2
        turn[1, 2] += half - (height - 1) / 2
        drawn = cv2.warpAffine(sprite.alpha, turn, (2 * half + 1, 2 * half + 1))
        return np.asarray(drawn >= _BODY_ALPHA, np.bool_)
