"""The simulated belt: what its camera sees at any instant, and in which bin each piece truly fell.

Everything follows from the seed, the scene, the instant and what the servos did. A piece whose
middle passes a gate while that gate's servo stands more than half open is pushed into that gate's
bin; one that passes them all falls off the end into the end bin. The world is drawn for a belt that
runs to the right and turned at the end, as `core.belt` counts it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock

import cv2
import numpy as np

from sorterd.core.belt import Belt, Direction, Span
from sorterd.core.records import Box
from sorterd.simulation.cutout import Cutout, cut_out, lay, turned
from sorterd.simulation.lineup import Lineup
from sorterd.simulation.scene import BeltScene
from sorterd.simulation.sensor import Sensor, smeared
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.surface import Picture, Surface, rail
from sorterd.simulation.travel import NS_PER_MS, Travel
from sorterd.simulation.world import GatePlace, Landing, PieceSource, Servos, TruePiece

_TURNS = {
    Direction.LEFT: cv2.ROTATE_180,
    Direction.DOWN: cv2.ROTATE_90_CLOCKWISE,
    Direction.UP: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
# A piece is made when its front is this near: its shadow comes before it.
_AHEAD_MM = 20.0


@dataclass(frozen=True, slots=True)
class BeltEnds:
    """Where pieces leave the belt.

    Attributes:
        gates: In any order.
        end_mm: Where the belt ends, measured like `at_mm`; behind every gate.
        end_bin: The bin below the belt's end.
    """

    gates: tuple[GatePlace, ...]
    end_mm: float
    end_bin: str


@dataclass(frozen=True, slots=True)
class _Fall:
    """A landing, and which opening of which gate it was owed to; None at the belt's end."""

    landing: Landing
    opening: tuple[str, int] | None


class BeltWorld:
    """A `World`. Any thread may ask; the answers come one at a time.

    Args:
        scene: What there is to see.
        source: What the pieces look like.
        seed: Chooses everything that is left to chance; 0 or more.
        ends: Gates and the belt's end.
        servos: The servo of every gate.
        start_ns: The instant on the clock at which the world begins.

    Raises:
        ValueError: A gate behind the belt's end, or without a servo.
    """

    def __init__(
        self,
        scene: BeltScene,
        source: PieceSource,
        seed: int,
        *,
        ends: BeltEnds,
        servos: Servos,
        start_ns: int,
    ) -> None:
        length_px, across_px = scene.width_px, scene.height_px
        if scene.direction in (Direction.UP, Direction.DOWN):
            length_px, across_px = across_px, length_px
        across_mm = across_px * scene.mm_per_px
        # However near the camera is, most of what it sees is belt.
        scene = replace(scene, rail_mm=min(scene.rail_mm, across_mm / 12))
        self._scene = scene
        self._ends = ends
        self._gates = sorted(ends.gates, key=lambda gate: gate.at_mm)
        self._servos = servos
        if any(each.name not in servos or each.at_mm > ends.end_mm for each in ends.gates):
            raise ValueError(f"a gate without a servo or behind the belt's end: {ends}")
        self._start_ns = start_ns
        self.width_px, self.height_px = scene.width_px, scene.height_px
        self._length_mm = length_px * scene.mm_per_px
        self._belt = Belt(
            speed_mm_s=scene.speed_mm_s,
            direction=scene.direction,
            mm_per_px=scene.mm_per_px,
            width_px=scene.width_px,
            height_px=scene.height_px,
            view=Box(0, 0, scene.width_px, scene.height_px),
            length_mm=ends.end_mm,
        )
        rng = np.random.default_rng((seed, 0))
        self._travel = Travel(scene.speed_mm_s, scene.speed_jitter_frac, scene.halts, rng)
        self._surface = Surface(length_px, across_px, scene.mm_per_px, scene.look, rng)
        self._rail = rail(length_px, round(scene.rail_mm / scene.mm_per_px), rng)
        self._sensor = Sensor(length_px, across_px, scene.look, rng)
        self._lineup = Lineup(
            scene,
            source,
            seed,
            across_mm=across_mm,
            first_mm=self._travel.travel_mm(scene.first_ms * NS_PER_MS),
            last_mm=(
                None if scene.feed_ms is None else self._travel.travel_mm(scene.feed_ms * NS_PER_MS)
            ),
        )
        self._cutouts: dict[int, Cutout] = {}
        self._landed: dict[int, _Fall] = {}
        self._all_landed_to = 0
        self._lock = Lock()

    def picture(self, t_ns: int) -> Picture:
        """Return a new picture of what the camera sees: uint8[height_px, width_px, 3], BGR."""
        since_ns = t_ns - self._start_ns
        with self._lock:
            travel_mm = self._travel.travel_mm(since_ns)
            canvas = self._surface.cut(travel_mm)
            for number in self._in_view(t_ns):
                self._lay(canvas, number, since_ns, travel_mm)
            smear_mm = self._travel.speed_mm_s(since_ns) * self._scene.exposure_ms / 1000
            canvas = smeared(canvas, smear_mm / self._scene.mm_per_px)
            rail_px = self._rail.shape[0]
            canvas[:rail_px] = self._rail
            canvas[canvas.shape[0] - rail_px :] = self._rail[::-1]
            self._sensor.expose(canvas, since_ns)
        turn = _TURNS.get(self._scene.direction)
        return canvas if turn is None else np.asarray(cv2.rotate(canvas, turn), np.uint8)

    def over(self, t_ns: int) -> bool:
        """Tell whether every piece has landed by `t_ns` and no other comes."""
        with self._lock:
            travel_mm = self._travel.travel_mm(t_ns - self._start_ns)
            self._lineup.extend(travel_mm)
            if not self._lineup.complete:
                return False
            count = len(self._lineup)
            return not count or self._offset_mm(count) + self._ends.end_mm <= travel_mm

    def present(self, t_ns: int) -> tuple[int, ...]:
        """Return the numbers of the pieces in or just beside the picture at `t_ns`, rising."""
        with self._lock:
            return tuple(self._in_view(t_ns))

    def piece(self, number: int) -> TruePiece:
        """Return what is true of a piece.

        Raises:
            KeyError: There is no such piece.
        """
        with self._lock:
            return self._lineup.piece(number)

    def place(self, number: int, t_ns: int) -> tuple[float, float] | None:
        """Return the middle of a piece, (along, across) in millimetres as `core.belt` counts them.

        Along is negative while it is still to come; None once it has landed.
        """
        with self._lock:
            if self._landing(number, t_ns):
                return None
            along_mm = self._along_mm(number, self._travel.travel_mm(t_ns - self._start_ns))
            return along_mm, self._lineup.piece(number).across_mm

    def box(self, number: int, t_ns: int) -> Box | None:
        """Return the pixels a piece covers, also past the picture's edges; None if not there."""
        span = self.span(number, t_ns)
        return None if span is None else self._belt.box(span)

    def span(self, number: int, t_ns: int) -> Span | None:
        """Return where a piece lies on the belt; None once it has landed."""
        middle = self.place(number, t_ns)
        if middle is None:
            return None
        piece = self.piece(number)
        outline = turned(piece.outline_mm, self._angle_deg(piece, t_ns - self._start_ns)) + middle
        (rear_mm, near_mm), (front_mm, far_mm) = outline.min(axis=0), outline.max(axis=0)
        return Span(float(rear_mm), float(front_mm), float(near_mm), float(far_mm))

    def front_ns(self, number: int, at_mm: float) -> int:
        """Return when a piece's front comes to a place along the belt, if no gate takes it before.

        Raises:
            KeyError: There is no such piece.
        """
        piece = self.piece(number)
        front_mm, since_ns = 0.0, 0
        # A piece that turns reaches further or less far by then; it turns so slowly that looking
        # twice is enough (24 degrees a second, a tenth of a second from its front to its middle).
        for _ in range(3):
            since_ns = self._travel.instant_ns(piece.offset_mm + at_mm - front_mm)
            outline = turned(piece.outline_mm, self._angle_deg(piece, since_ns))
            front_mm = float(outline[:, 0].max())
        return self._start_ns + since_ns

    def landings(self, until_ns: int) -> tuple[Landing, ...]:
        """Return every piece that has landed by `until_ns`, in that order.

        What the servos did up to `until_ns` must be known to them by now.
        """
        with self._lock:
            travel_mm = self._travel.travel_mm(until_ns - self._start_ns)
            self._lineup.extend(travel_mm)
            through = self._all_landed_to
            for number in range(through + 1, len(self._lineup) + 1):
                if self._landing(number, until_ns) and number == self._all_landed_to + 1:
                    self._all_landed_to = number
            falls = [each for each in self._landed.values() if each.landing.at_ns <= until_ns]
        falls.sort(key=lambda fall: (fall.landing.at_ns, fall.landing.number))
        first_by = {fall.opening: fall for fall in reversed(falls)}
        return tuple(
            fall.landing
            if fall.opening is None or first_by[fall.opening] is fall
            else replace(fall.landing, swept=True)
            for fall in falls
        )

    def _in_view(self, t_ns: int) -> Sequence[int]:
        travel_mm = self._travel.travel_mm(t_ns - self._start_ns)
        self._lineup.extend(travel_mm + _AHEAD_MM)
        reach_mm = self._lineup.reach_mm
        near = self._lineup.between(travel_mm - self._length_mm - reach_mm, travel_mm + reach_mm)
        # What has left the view is drawn again in the unlikely case that somebody looks back.
        for number in [each for each in self._cutouts if each < near.start]:
            del self._cutouts[number]
        first_gate_mm = self._gates[0].at_mm if self._gates else self._ends.end_mm
        if first_gate_mm > self._length_mm + reach_mm:
            return near
        return [number for number in near if not self._landing(number, t_ns)]

    def _lay(self, canvas: Picture, number: int, since_ns: int, travel_mm: float) -> None:
        piece = self._lineup.piece(number)
        scale = self._scene.mm_per_px
        if number not in self._cutouts:
            sprite = self._lineup.sprite(number)
            self._cutouts[number] = cut_out(sprite, scale, self._scene.look.shadow_frac)
        along_mm = self._along_mm(number, travel_mm)
        middle_px = (along_mm / scale, piece.across_mm / scale)
        lay(canvas, self._cutouts[number], middle_px, self._angle_deg(piece, since_ns))

    def _offset_mm(self, number: int) -> float:
        return self._lineup.piece(number).offset_mm

    def _along_mm(self, number: int, travel_mm: float) -> float:
        return travel_mm - self._offset_mm(number)

    def _angle_deg(self, piece: TruePiece, since_ns: int) -> float:
        # It rolls with the belt: a halted belt lets it rest.
        return piece.angle_deg + piece.spin_deg_s * self._travel.running_s(since_ns)

    def _landing(self, number: int, by_ns: int) -> Landing | None:
        """Return where a piece fell, if it has by `by_ns`."""
        known = self._landed.get(number) or self._fall(number, by_ns)
        if known is None:
            return None
        self._landed[number] = known
        return known.landing if known.landing.at_ns <= by_ns else None

    def _fall(self, number: int, by_ns: int) -> _Fall | None:
        piece = self._lineup.piece(number)
        run_mm = self._along_mm(number, self._travel.travel_mm(by_ns - self._start_ns))
        for gate in self._gates:
            if run_mm < gate.at_mm:
                return None
            at_ns = self._start_ns + self._travel.instant_ns(piece.offset_mm + gate.at_mm)
            servo = self._servos[gate.name]
            if servo.open_frac(at_ns) > 0.5:
                landing = Landing(number, piece.label, gate.bin, at_ns, swept=False)
                return _Fall(landing, (gate.name, _opening_at(servo, at_ns)))
        if run_mm < self._ends.end_mm:
            return None
        end_ns = self._start_ns + self._travel.instant_ns(piece.offset_mm + self._ends.end_mm)
        return _Fall(Landing(number, piece.label, self._ends.end_bin, end_ns, swept=False), None)


def _opening_at(servo: SimulatedServo, t_ns: int) -> int:
    """Return which command the servo had last been opened by at `t_ns`."""
    count = bisect_right(servo.movements, t_ns, key=lambda moved: moved.t_ns)
    while count > 0 and not servo.movements[count - 1].opening:
        count -= 1
    return count
