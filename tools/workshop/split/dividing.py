"""Divide a data set into parts that do not know each other: train, validation, test.

The rule: what is bound together (copies, near-duplicates, one session) is never in two parts. What
an official list says comes first, then what an earlier division said, then the shares. Where these
are at odds, pictures are left out with the reason, never moved: the first part, from which is
learned, gives way to the others, and an earlier division gives way to an official list.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.workshop.explore.inspection import Inspected
from tools.workshop.labelled import Labelled
from tools.workshop.split.allotting import Counts, allot, parcels_by_label
from tools.workshop.split.groups import Bond, grouped


@dataclass(frozen=True, slots=True)
class Fixed:
    """What is settled before anything is dealt out: key -> part.

    Attributes:
        official: By a list that came with the data.
        earlier: By an earlier division.
    """

    official: Mapping[str, str]
    earlier: Mapping[str, str]

    def part(self, key: str) -> str | None:
        """Where a picture was put; None if nobody has put it anywhere."""
        return self.official.get(key) or self.earlier.get(key)


@dataclass(frozen=True, slots=True)
class Division:
    """A data set in parts.

    Attributes:
        parts: Part -> its rows, by label and key.
        left_out: Rows in no part, each with the reason.
        groups: How many groups there were.
        remarks: One line each: what a person should know before trusting the parts.
    """

    parts: dict[str, list[Labelled]]
    left_out: list[tuple[Labelled, str]]
    groups: int
    remarks: list[str]


def divided(
    pictures: Sequence[Inspected],
    bonds: Sequence[Bond],
    shares: Mapping[str, float],
    *,
    seed: int,
    fixed: Fixed,
) -> Division:
    """Divide pictures; their order is of no matter.

    Shares are of what no official list names.

    Args:
        pictures: Each with its label.
        bonds: Between their places.
        shares: Part -> share, each above 0; the first is the one that is learned from.
        seed: Another one divides otherwise.
        fixed: What is settled already.
    """
    learned = next(iter(shares))
    groups = grouped(len(pictures), bonds)
    settled, remarks = _settled(pictures, bonds, fixed, learned)
    part_of = dict(settled)
    loose: dict[str, Sequence[int]] = {}
    for group in groups:
        if all(fixed.part(pictures[place].row.key) is None for place in group):
            loose[_ident(pictures, group)] = group
        elif (part := _to_join(pictures, group, settled, fixed, learned)) is not None:
            new = [place for place in group if fixed.part(pictures[place].row.key) is None]
            part_of.update(dict.fromkeys(new, part))
    have: dict[str, Counter[str]] = defaultdict(Counter)
    for place, part in part_of.items():
        if pictures[place].row.key not in fixed.official:
            have[part][pictures[place].row.label] += 1
    parcels = {name: Counter(pictures[p].row.label for p in group) for name, group in loose.items()}
    for name, part in allot(parcels, shares, seed=seed, have=have).items():
        part_of.update(dict.fromkeys(loose[name], part))
    parts: dict[str, list[Labelled]] = {
        name: [] for name in (*shares, *sorted(set(fixed.official.values()) - set(shares)))
    }
    for place, part in part_of.items():
        parts[part].append(pictures[place].row)
    parts = {part: sorted(rows) for part, rows in parts.items()}
    reasons = _Reasons(pictures, bonds, settled, learned)
    left_out = [
        (one.row, reasons.of(place)) for place, one in enumerate(pictures) if place not in part_of
    ]
    remarks += _thin_labels(parts, parcels)
    return Division(parts, sorted(left_out), len(groups), remarks)


def counts_of(parts: Mapping[str, Sequence[Labelled]]) -> dict[str, dict[str, int]]:
    """Label -> part -> pictures, labels in order."""
    counted = {
        label: dict.fromkeys(parts, 0)
        for label in sorted({row.label for rows in parts.values() for row in rows})
    }
    for part, rows in parts.items():
        for row in rows:
            counted[row.label][part] += 1
    return counted


def _settled(
    pictures: Sequence[Inspected], bonds: Sequence[Bond], fixed: Fixed, learned: str
) -> tuple[dict[int, str], list[str]]:
    """Where the pictures stay that are fixed already, but for those that must give way."""
    said = {place: fixed.part(one.row.key) for place, one in enumerate(pictures)}
    known = {place: part for place, part in said.items() if part is not None}
    # A new picture that resembles two old ones is no reason to part with either.
    between = [b for b in bonds if b.session or (b.first in known and b.second in known)]
    settled: dict[int, str] = {}
    torn = 0
    for group in grouped(len(pictures), between):
        here = {place: known[place] for place in group if place in known}
        official = {p: part for p, part in here.items() if pictures[p].row.key in fixed.official}
        stay = _staying(here, official, learned)
        torn += len(set(stay.values())) > 1
        settled.update(stay)
    remarks = [f"{torn} groups lie in two official lists; they stay as the lists have them"]
    return settled, remarks if torn else []


def _staying(
    here: Mapping[int, str], official: Mapping[int, str], learned: str
) -> Mapping[int, str]:
    """Which members of one group stay where they were put."""
    if held_back := {place: part for place, part in official.items() if part != learned}:
        return held_back
    if official:
        return {place: part for place, part in here.items() if part == learned}
    counts = Counter(part for part in here.values() if part != learned)
    part = min(counts, key=lambda name: (-counts[name], name)) if counts else learned
    return {place: at for place, at in here.items() if at == part}


def _to_join(
    pictures: Sequence[Inspected],
    group: Sequence[int],
    settled: Mapping[int, str],
    fixed: Fixed,
    learned: str,
) -> str | None:
    """The part that a group's new members join; None if they are left out."""
    parts = {settled[place] for place in group if place in settled}
    if len(parts) != 1:
        return None
    part = parts.pop()
    official = any(pictures[place].row.key in fixed.official for place in group)
    # An official list that is held back stays as it is: nothing is added to it.
    return None if official and part != learned else part


def _ident(pictures: Sequence[Inspected], group: Sequence[int]) -> str:
    """A name for a group that neither its files' names nor their order change."""
    return min(pictures[place].sha256 for place in group)


class _Reasons:
    """Says why a picture is left out."""

    def __init__(
        self,
        pictures: Sequence[Inspected],
        bonds: Sequence[Bond],
        settled: Mapping[int, str],
        learned: str,
    ) -> None:
        self._pictures = pictures
        self._settled = settled
        self._learned = learned
        self._near: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for bond in bonds:
            self._near[bond.first].append((bond.second, bond.why))
            self._near[bond.second].append((bond.first, bond.why))

    def of(self, place: int) -> str:
        """The reason, in one line: the nearest picture that it must not be apart from."""
        near = [(other, why) for other, why in self._near[place] if other in self._settled]
        if not near:
            return "bound through others to pictures of another part"
        # The first part gives way, so it is seldom the reason.
        other, why = min(near, key=lambda each: self._settled[each[0]] == self._learned)
        return f"{why} as {self._pictures[other].row.key}, which is in {self._settled[other]}"


def _thin_labels(
    parts: Mapping[str, Sequence[Labelled]], parcels: Mapping[str, Counts]
) -> list[str]:
    groups = parcels_by_label(parcels)
    return [
        f"{label} has no pictures in {', '.join(lacking)}: "
        f"only {groups.get(label, 0)} groups of it were dealt out; add pictures of it"
        for label, counts in counts_of(parts).items()
        if (lacking := [part for part, number in counts.items() if not number])
    ]
