"""The simulated tray before a lid station's camera, and the person who puts pieces on it.

A piece is pushed into place, lies still, and stays until a lid is fully open: then it falls through
into that lid's bin. If no lid opens for as long as the person's patience lasts, it is taken away by
hand into the end bin. The next one comes a short pause after all lids are shut. Now and then two
are put down together.

What comes when depends on what the lids did, so the world is told of time as it passes and goes
through it in small even steps; what has been, stays, and any earlier instant can be asked for.
"""

from dataclasses import dataclass
from math import pi, sin
from threading import Lock

import numpy as np

from sorterd.core.records import Box
from sorterd.simulation.cutout import Cutout, cut_out, lay, outline_mm, turned
from sorterd.simulation.scene import TrayScene
from sorterd.simulation.sensor import Sensor
from sorterd.simulation.sprites import Sprite
from sorterd.simulation.surface import Picture, Surface
from sorterd.simulation.travel import NS_PER_MS
from sorterd.simulation.world import Landing, PieceSource, Servos, TruePiece

# Finer than any lid's movement; the instants do not depend on when the camera looks.
_STEP_NS = 5 * NS_PER_MS
_FROM_EDGE_MM = 6.0
# A person puts things down near the middle, not in it.
_SPREAD_MM = 14.0
_SIDE_BY_SIDE_MM = 14.0


@dataclass(slots=True, eq=False)
class _Turn:
    """One or two pieces put down together, and how that ended.

    Attributes:
        pieces: What is put down, with where it comes to lie.
        starts_ns: When the hand begins to push.
        lies_ns: From when it lies still.
        taken_ns: When the hand takes it away again, if it does.
        gone_ns: When it has left the tray.
        bin: Where to.
    """

    pieces: tuple[tuple[TruePiece, tuple[float, float]], ...]
    starts_ns: int
    lies_ns: int
    taken_ns: int | None = None
    gone_ns: int | None = None
    bin: str | None = None


class TrayWorld:
    """A `World`. Any thread may ask; the answers come one at a time.

    Time passes up to the latest instant asked about; what the servos did before it must be known to
    them by then.

    Args:
        scene: What there is to see.
        source: What the pieces look like.
        seed: Chooses everything that is left to chance; 0 or more.
        lids: The bin below each lid, by the lid's name.
        end_bin: Where the person puts what no lid took.
        servos: The servo of every lid.
        start_ns: The instant on the clock at which the world begins.

    Raises:
        ValueError: A lid without a servo.
    """

    def __init__(
        self,
        scene: TrayScene,
        source: PieceSource,
        seed: int,
        *,
        lids: dict[str, str],
        end_bin: str,
        servos: Servos,
        start_ns: int,
    ) -> None:
        if without := sorted(set(lids) - set(servos)):
            raise ValueError(f"lids without a servo: {without}")
        self._scene, self._source, self._seed = scene, source, seed
        self._lids, self._end_bin, self._servos = lids, end_bin, servos
        self._start_ns = self._passed_ns = start_ns
        self.width_px, self.height_px = scene.width_px, scene.height_px
        rng = np.random.default_rng((seed, 0))
        self._surface = Surface(
            scene.width_px, scene.height_px, scene.mm_per_px, scene.look, rng, joint=False
        )
        self._sensor = Sensor(scene.width_px, scene.height_px, scene.look, rng)
        self._rng = np.random.default_rng((seed, 1))
        self._turns: list[_Turn] = []
        self._turn_of: dict[int, _Turn] = {}
        self._next_ns: int | None = start_ns + scene.first_ms * NS_PER_MS
        self._cutouts: dict[int, Cutout] = {}
        self._lock = Lock()

    def picture(self, t_ns: int) -> Picture:
        """Return a new picture of what the camera sees: uint8[height_px, width_px, 3], BGR."""
        with self._lock:
            canvas = self._surface.cut(0.0)
            present = self._present(t_ns)
            for number in [each for each in self._cutouts if each not in present]:
                del self._cutouts[number]
            for number in present:
                self._lay(canvas, number, t_ns)
            self._sensor.expose(canvas, t_ns - self._start_ns)
        return canvas

    def over(self, t_ns: int) -> bool:
        """Tell whether every piece has landed by `t_ns` and no other comes."""
        with self._lock:
            self._pass(t_ns)
            ended = not self._turns or (self._turns[-1].gone_ns or t_ns + 1) <= t_ns
            return ended and self._next_ns is None

    def present(self, t_ns: int) -> tuple[int, ...]:
        """Return the numbers of the pieces in or just beside the picture at `t_ns`, rising."""
        with self._lock:
            return self._present(t_ns)

    def piece(self, number: int) -> TruePiece:
        """Return what is true of a piece.

        Raises:
            KeyError: There is no such piece yet.
        """
        with self._lock:
            return self._lying(number)[0]

    def place(self, number: int, t_ns: int) -> tuple[float, float] | None:
        """Return the middle of a piece, millimetres from the picture's left and top edge.

        None when it is not there: not put down yet, or landed.
        """
        with self._lock:
            return self._place(number, t_ns) if number in self._present(t_ns) else None

    def box(self, number: int, t_ns: int) -> Box | None:
        """Return the pixels a piece covers, also past the picture's edges; None if not there."""
        middle = self.place(number, t_ns)
        if middle is None:
            return None
        piece = self.piece(number)
        outline = turned(piece.outline_mm, piece.angle_deg) + middle
        left, top = np.floor(outline.min(axis=0) / self._scene.mm_per_px).astype(int)
        right, bottom = np.ceil(outline.max(axis=0) / self._scene.mm_per_px).astype(int)
        return Box(int(left), int(top), int(right - left), int(bottom - top))

    def landings(self, until_ns: int) -> tuple[Landing, ...]:
        """Return every piece that has landed by `until_ns`, in that order."""
        with self._lock:
            self._pass(until_ns)
            return tuple(
                Landing(
                    piece.number,
                    piece.label,
                    turn.bin,
                    turn.gone_ns,
                    swept=order > 0 and turn.taken_ns is None,
                )
                for turn in self._turns
                if turn.bin is not None and turn.gone_ns is not None and turn.gone_ns <= until_ns
                for order, (piece, _) in enumerate(turn.pieces)
            )

    def _pass(self, t_ns: int) -> None:
        """Let time go on to `t_ns`; nothing happens if it has gone further."""
        while self._passed_ns + _STEP_NS <= t_ns:
            self._passed_ns += _STEP_NS
            self._step(self._passed_ns)

    def _step(self, now_ns: int) -> None:
        turn = self._turns[-1] if self._turns else None
        if turn is None or turn.gone_ns is not None:
            self._wait_for_next(now_ns)
        elif turn.taken_ns is not None:
            if now_ns >= turn.taken_ns + self._scene.slide_ms * NS_PER_MS:
                self._end(turn, self._end_bin, now_ns)
        elif now_ns >= turn.lies_ns:
            open_frac = {lid: self._servos[lid].open_frac(now_ns) for lid in self._lids}
            widest = max(open_frac, key=lambda lid: open_frac[lid], default=None)
            if widest is not None and open_frac[widest] >= 1:
                self._end(turn, self._lids[widest], now_ns)
            elif now_ns >= turn.lies_ns + self._scene.patience_ms * NS_PER_MS:
                # Nobody reaches in while a lid moves.
                turn.taken_ns = None if any(open_frac.values()) else now_ns

    def _end(self, turn: _Turn, into: str, now_ns: int) -> None:
        turn.bin, turn.gone_ns = into, now_ns
        more = len(self._turn_of) < self._scene.pieces
        self._next_ns = now_ns + self._scene.pause_ms * NS_PER_MS if more else None

    def _wait_for_next(self, now_ns: int) -> None:
        if self._next_ns is None:
            return
        scene = self._scene
        if scene.feed_ms is not None and now_ns > self._start_ns + scene.feed_ms * NS_PER_MS:
            self._next_ns = None
        elif any(self._servos[lid].open_frac(now_ns) > 0 for lid in self._lids):
            self._next_ns = now_ns + scene.pause_ms * NS_PER_MS
        elif now_ns >= self._next_ns:
            self._put_down(now_ns)

    def _put_down(self, now_ns: int) -> None:
        left = self._scene.pieces - len(self._turn_of)
        two = self._rng.uniform() < self._scene.two_at_once_frac and left > 1
        number = len(self._turn_of) + 1
        lying = self._side_by_side(number) if two else (self._in_the_middle(number),)
        turn = _Turn(lying, now_ns, now_ns + self._scene.slide_ms * NS_PER_MS)
        self._turns.append(turn)
        self._turn_of |= {piece.number: turn for piece, _ in lying}

    def _in_the_middle(self, number: int) -> tuple[TruePiece, tuple[float, float]]:
        angle_deg = float(self._rng.uniform(0, 360))
        off_x_mm, off_y_mm = self._rng.normal(0, _SPREAD_MM, 2)
        piece = _true_piece(number, self._sprite(number), angle_deg)
        return piece, self._inside(piece, float(off_x_mm), float(off_y_mm))

    def _side_by_side(self, number: int) -> tuple[tuple[TruePiece, tuple[float, float]], ...]:
        pieces = []
        for each in (number, number + 1):
            sprite = self._sprite(each)
            # On end, so that both have room.
            upright_deg = 90.0 if sprite.length_mm > sprite.width_mm else 0.0
            angle_deg = upright_deg + float(self._rng.normal(0, 10))
            pieces.append(_true_piece(each, sprite, angle_deg))
        halves_mm = [float(np.ptp(_lying_outline(piece)[:, 0])) / 2 for piece in pieces]
        apart_mm = sum(halves_mm) + _SIDE_BY_SIDE_MM
        # The middle between their outer edges is the middle of the tray.
        left_mm = (halves_mm[0] - halves_mm[1] - apart_mm) / 2
        places = (left_mm, left_mm + apart_mm)
        return tuple(
            (piece, self._inside(piece, off_x_mm, float(self._rng.normal(0, _SPREAD_MM / 2))))
            for piece, off_x_mm in zip(pieces, places, strict=True)
        )

    def _inside(self, piece: TruePiece, off_x_mm: float, off_y_mm: float) -> tuple[float, float]:
        """Return a place off the middle of the picture, but with all of the piece in it."""
        scale = self._scene.mm_per_px
        size_mm = np.array([self.width_px, self.height_px]) * scale
        room_mm = size_mm / 2 - np.abs(_lying_outline(piece)).max(axis=0) - _FROM_EDGE_MM
        off_mm = np.clip([off_x_mm, off_y_mm], -np.maximum(room_mm, 0), np.maximum(room_mm, 0))
        x_mm, y_mm = size_mm / 2 + off_mm
        return float(x_mm), float(y_mm)

    def _present(self, t_ns: int) -> tuple[int, ...]:
        self._pass(t_ns)
        for turn in reversed(self._turns):
            if turn.starts_ns <= t_ns:
                gone = turn.gone_ns is not None and turn.gone_ns <= t_ns
                return () if gone else tuple(piece.number for piece, _ in turn.pieces)
        return ()

    def _lying(self, number: int) -> tuple[TruePiece, tuple[float, float]]:
        turn = self._turn_of[number]
        return turn.pieces[number - turn.pieces[0][0].number]

    def _place(self, number: int, t_ns: int) -> tuple[float, float]:
        """Where it is at `t_ns`: pushed in from the lower edge, lying, or drawn back."""
        (x_mm, y_mm), turn = self._lying(number)[1], self._turn_of[number]
        slide_ns = self._scene.slide_ms * NS_PER_MS
        done = min(1.0, (t_ns - turn.starts_ns) / slide_ns)
        if turn.taken_ns is not None and t_ns > turn.taken_ns:
            done = max(0.0, 1 - (t_ns - turn.taken_ns) / slide_ns)
        # Fast at first, gently into place, and never quite straight: a hand.
        away = (1 - done) ** 2
        sway_mm = 9 * sin(pi * done) * away
        return x_mm + sway_mm, y_mm + away * self.height_px * self._scene.mm_per_px

    def _lay(self, canvas: Picture, number: int, t_ns: int) -> None:
        piece, _ = self._lying(number)
        scale = self._scene.mm_per_px
        if number not in self._cutouts:
            sprite = self._sprite(number)
            self._cutouts[number] = cut_out(sprite, scale, self._scene.look.shadow_frac)
        x_mm, y_mm = self._place(number, t_ns)
        # Through an opening lid it falls away from the camera.
        turn = self._turn_of[number]
        open_frac = max((self._servos[lid].open_frac(t_ns) for lid in self._lids), default=0.0)
        fallen = max(0.0, 2 * open_frac - 1) if t_ns >= turn.lies_ns else 0.0
        middle_px = (x_mm / scale, y_mm / scale)
        lay(canvas, self._cutouts[number], middle_px, piece.angle_deg, 1 - 0.4 * fallen)

    def _sprite(self, number: int) -> Sprite:
        return self._source.take(np.random.default_rng((self._seed, 2, number)))


def _true_piece(number: int, sprite: Sprite, angle_deg: float) -> TruePiece:
    return TruePiece(number, sprite.label, 0.0, 0.0, angle_deg, 0.0, outline_mm(sprite))


def _lying_outline(piece: TruePiece) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return turned(piece.outline_mm, piece.angle_deg)
