"""A servo that takes time to move, so that where a gate stands can be asked for any instant.

The rule: what happened is a list of commands that only ever grows, and where
the servo stands follows from that list alone. So the world may look back to the
instant at which a piece passed the gate, whenever it gets round to it, and
whoever draws the belt may look from another thread.

Nothing here reads a clock: the gate that commands the servo says when.
"""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServoMovement:
    """One command, and where the servo stood when it came.

    Attributes:
        t_ns: When it was given.
        opening: Whether it said to open; else to shut.
        from_frac: Where the servo stood at that instant: 0 shut, 1 open.
    """

    t_ns: int
    opening: bool
    from_frac: float


class SimulatedServo:
    """Starts shut, moves at one speed, can be turned round midway.

    One thread commands it; any thread may read it meanwhile.

    Args:
        move_ns: How long the whole way from shut to open takes; more than 0.

    Raises:
        ValueError: `move_ns` is not above 0.

    Attributes:
        move_ns: As given.
        movements: Every command so far, oldest first. Not to be changed from outside.
    """

    def __init__(self, move_ns: int) -> None:
        if move_ns <= 0:
            raise ValueError(f"move_ns is {move_ns}: a servo takes time to move")
        self.move_ns = move_ns
        self.movements: list[ServoMovement] = []

    def command(self, *, opening: bool, t_ns: int) -> None:
        """Begin to move from wherever it stands at `t_ns`.

        Raises:
            ValueError: `t_ns` lies before an earlier command: the past does not change.
        """
        if self.movements and t_ns < self.movements[-1].t_ns:
            raise ValueError(f"a command at {t_ns} ns after one at {self.movements[-1].t_ns} ns")
        self.movements.append(ServoMovement(t_ns, opening, self.open_frac(t_ns)))

    def open_frac(self, t_ns: int) -> float:
        """Return where it stood, or will stand, at `t_ns`: 0 shut, 1 open.

        Before the first command it is shut; after the last one the answer holds until another.
        """
        count = bisect_right(self.movements, t_ns, key=lambda movement: movement.t_ns)
        if count == 0:
            return 0.0
        last = self.movements[count - 1]
        moved_frac = (t_ns - last.t_ns) / self.move_ns
        if last.opening:
            return min(1.0, last.from_frac + moved_frac)
        return max(0.0, last.from_frac - moved_frac)
