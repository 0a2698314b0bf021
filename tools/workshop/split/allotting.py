"""Deal out groups of pictures so that every label has its share everywhere.

Groups are dealt one by one, the largest first, those of one size in an order that depends on the
seed and on the pictures' content alone. A group goes to a part that still has room for it, drawn
with that room as its chance; when none has, to the one that lacks most. So large groups come to
small parts too, and single pictures even out what they left: a label's count in a part is off by
less than the label's largest group.

Knows names and numbers only: no pictures, no files.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping

Counts = Mapping[str, int]
"""Label -> pictures."""


def allot(
    parcels: Mapping[str, Counts],
    shares: Mapping[str, float],
    *,
    seed: int,
    have: Mapping[str, Counts] | None = None,
) -> dict[str, str]:
    """Deal out parcels.

    Every part gets at least one parcel of each label that has as many parcels as there are parts;
    a label with fewer fills the parts in their order.

    Args:
        parcels: Name -> how many pictures of each label; none is empty. The order is of no matter.
        shares: Part -> its share of each label, each above 0; their order is the parts' order.
        seed: Another one deals otherwise.
        have: What parts hold already; counts toward their shares.

    Returns:
        Parcel -> part.
    """
    whole = sum(shares.values())
    held = {part: Counter(have.get(part, {}) if have else {}) for part in shares}
    totals: Counter[str] = Counter()
    for counts in (*parcels.values(), *held.values()):
        totals.update(counts)
    waiting = Counter(_main(counts) for counts in parcels.values())
    dealt: dict[str, str] = {}
    for name in sorted(parcels, key=lambda name: (-sum(parcels[name].values()), _draw(seed, name))):
        counts = parcels[name]
        main = _main(counts)
        empty = [part for part in shares if not held[part][main]]
        if empty and waiting[main] <= len(empty):
            part = empty[0]
        else:
            room = {
                part: _room(counts, {la: share / whole * totals[la] for la in counts}, held[part])
                for part, share in shares.items()
            }
            part = _chosen(room, sum(counts.values()), _draw(seed, f"part of {name}"))
        waiting[main] -= 1
        held[part].update(counts)
        dealt[name] = part
    return dealt


def parcels_by_label(parcels: Mapping[str, Counts]) -> dict[str, int]:
    """How many parcels hold each label."""
    counted: dict[str, int] = defaultdict(int)
    for counts in parcels.values():
        for label in counts:
            counted[label] += 1
    return dict(counted)


def _main(counts: Counts) -> str:
    """The label of which a parcel has most; of several the first by name."""
    return min(counts, key=lambda label: (-counts[label], label))


def _room(counts: Counts, wanted: Mapping[str, float], held: Counts) -> float:
    """How many more pictures a part wants, weighed by the labels of the parcel."""
    of = sum(counts.values())
    return sum(
        number / of * (wanted[label] - held.get(label, 0)) for label, number in counts.items()
    )


def _chosen(room: Mapping[str, float], size: int, drawn_frac: float) -> str:
    """The part to which a parcel goes."""
    # Half a picture too much is rounding.
    fit = [part for part in room if room[part] >= size - 0.5]
    if not fit:
        return max(room, key=lambda part: room[part])
    mark = drawn_frac * sum(room[part] for part in fit)
    for part in fit:
        mark -= room[part]
        if mark < 0:
            return part
    return fit[-1]


def _draw(seed: int, what: str) -> float:
    """A number from 0 to 1 that is always the same for the same words."""
    digest = hashlib.sha256(f"{seed} {what}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
