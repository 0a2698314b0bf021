"""When something breaks a beam across the simulated belt.

A beam is broken by the first front that comes to it and is clear again once
nothing stands in it: of pieces that lie beside or on one another only the first
is told. A piece that a gate has taken before breaks nothing, which is known
only when its time has come.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from sorterd.simulation.belt_world import BeltWorld

# Pieces further ahead than this are past: no group lies so close together.
_LOOK_BACK = 5


@dataclass(frozen=True, slots=True)
class Passing:
    """A front that comes to the beam.

    Attributes:
        at_ns: When.
        happens: Tells, once that instant has come, whether the beam was broken by it.
    """

    at_ns: int
    happens: Callable[[], bool]


Passings = Iterator[Passing]
"""By rising instant."""


def passings(world: BeltWorld, at_mm: float) -> Passings:
    """Yield every front that comes to a beam at a place along the belt, as the pieces come."""
    last_ns = 0
    for number in count(1):
        try:
            world.piece(number)
        except KeyError:
            return
        # The one that lies behind may reach a little further ahead than the one before it.
        last_ns = max(last_ns, world.front_ns(number, at_mm))
        yield Passing(last_ns, _Breaks(world, at_mm, number, last_ns))


@dataclass(frozen=True, slots=True)
class _Breaks:
    world: BeltWorld
    at_mm: float
    number: int
    at_ns: int

    def __call__(self) -> bool:
        if self.world.span(self.number, self.at_ns) is None:
            return False
        ahead = range(max(1, self.number - _LOOK_BACK), self.number)
        spans = (self.world.span(each, self.at_ns) for each in ahead)
        return not any(span is not None and span.rear_mm < self.at_mm for span in spans)
