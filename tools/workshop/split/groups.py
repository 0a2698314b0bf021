"""Groups of pictures that belong together, from what binds two of them at a time.

Whatever is bound to a member is a member (union-find), so a group may reach from one picture to
another that nothing binds to it directly.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.workshop.explore.inspection import Inspected
from tools.workshop.explore.likeness import Alike, exact


@dataclass(frozen=True, slots=True)
class Bond:
    """Two pictures that must stay together.

    Attributes:
        first: Place of the one.
        second: Place of the other.
        why: In a few words, for people.
        session: Whether they are of one session: that holds for all of it, even if the one that
            lies between two others is taken away.
    """

    first: int
    second: int
    why: str
    session: bool = False


def likeness_bonds(alike: Iterable[Alike]) -> list[Bond]:
    """Bonds between pictures that are nearly the same."""
    return [Bond(one.first, one.second, f"nearly the same picture by {one.how}") for one in alike]


def copy_bonds(pictures: Sequence[Inspected]) -> list[Bond]:
    """Bonds between pictures that are the same byte for byte."""
    return [
        Bond(places[0], place, "the same file")
        for places in exact([one.sha256 for one in pictures])
        for place in places[1:]
    ]


def grouped(count: int, bonds: Iterable[Bond]) -> list[list[int]]:
    """The groups: places in rising order, the groups by their first; most have one member."""
    above = list(range(count))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for bond in bonds:
        first, second = sorted((top(bond.first), top(bond.second)))
        above[second] = first
    members: dict[int, list[int]] = defaultdict(list)
    for place in range(count):
        members[top(place)].append(place)
    return list(members.values())
