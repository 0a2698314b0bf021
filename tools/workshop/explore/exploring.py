"""Find out what is in a data set: everything that the page and the JSON of tools/explore.py say.

Numbers and names only; what is shown as pictures is fetched again by the page. All that is found
is a value: a data set cannot be so odd that it ends the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import Bundle
from tools.workshop.explore.backgrounds import Background, background_of
from tools.workshop.explore.describing import Describer, describer
from tools.workshop.explore.gathering import UNLISTED, Gathered
from tools.workshop.explore.inspection import Inspected, inspect_with
from tools.workshop.explore.likeness import Alike, exact, near
from tools.workshop.explore.mislabels import Opinion, Suspect, opinion, suspects
from tools.workshop.origins import Origins
from tools.workshop.places import Place
from tools.workshop.split.groups import Bond, copy_bonds, grouped, likeness_bonds
from tools.workshop.split.sessions import session_bonds


@dataclass(frozen=True, slots=True, eq=False)
class BackgroundOnly:
    """What can be told with the thing taken out.

    Attributes:
        background: By what is left of the picture; None if there were too few to compare.
        box: By size and place of what was taken out, alone.
        whole: By the same pictures as they are.
        places: Of the pictures in which a thing could be told from its background.
    """

    background: Opinion | None
    box: Opinion | None
    whole: Opinion | None
    places: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class Explored:
    """What was found; places are those of `pictures`.

    Attributes:
        gathered: The files, before they were opened.
        pictures: The ones that can be used.
        unusable: Key and reason of the others.
        copies: Places of equal files.
        alike: Pairs that are nearly the same, copies left out but for one, the nearest first.
        two_labels: Places of what is one picture, or nearly, under several labels.
        claimed: Keys that the table of origins names under several labels, with those.
        groups: Of copies, near-duplicates and sessions.
        session_groups: How many groups sessions alone would make of more than one picture.
        described_by: What the opinions are founded on.
        by_embedding: Whether that is a model's embedding.
        opinion: Of every picture by what was learned from the others.
        suspects: The pictures whose label may be wrong.
        background: What the background alone says.
        origins: Where they come from.
    """

    gathered: Gathered
    pictures: Sequence[Inspected]
    unusable: list[tuple[str, str]]
    copies: list[list[int]]
    alike: list[Alike]
    two_labels: list[tuple[int, int, str]]
    claimed: dict[str, list[str]]
    groups: list[list[int]]
    session_groups: int
    described_by: str
    by_embedding: bool
    opinion: Opinion | None
    suspects: list[Suspect]
    background: BackgroundOnly
    origins: Origins

    def part(self, place: int) -> str:
        """The list that a picture is in."""
        return self.gathered.part_of[self.pictures[place].row.key]

    def across(self, first: int, second: int) -> bool:
        """Whether two pictures are in two parts; one that no list names is in none."""
        parts = {self.part(first), self.part(second)}
        return len(parts) > 1 and UNLISTED not in parts

    def straddling(self) -> int:
        """How many groups are in more than one part."""
        return sum(
            len({self.part(place) for place in group} - {UNLISTED}) > 1 for group in self.groups
        )


def explore(
    place: Place,
    gathered: Gathered,
    origins: Origins,
    *,
    bundle: Bundle | None,
    least: float,
    seed: int,
) -> Explored:
    """Look at every picture and compare them all.

    Args:
        place: Where they are.
        gathered: Which.
        origins: The table beside them.
        bundle: Gives an embedding; None for colours and edges.
        least: Cosine of whitened embeddings from which two pictures are nearly the same.
        seed: Of everything random.

    Raises:
        WorkshopFault: Not one picture can be used, or the place fails.
        BundleFault: The bundle cannot be opened.
        DeviceUnavailable: No runtime works here.
    """
    front, behind = describer(bundle), describer(bundle)
    boxes: list[npt.NDArray[np.float32] | None] = []

    def describe(pixels: npt.NDArray[np.uint8], background: Background | None) -> None:
        front.add(pixels)
        boxes.append(None if background is None else background.box)
        if background is not None:
            behind.add(background.pixels)

    seen = inspect_with(place, gathered.rows, aside=background_of, each=describe)
    pictures, described = seen.pictures, front.rows()
    copies = exact([one.sha256 for one in pictures])
    alike = _alike(pictures, copies, described if bundle else None, least)
    sessions = session_bonds(pictures, origins)
    bonds = [*copy_bonds(pictures), *likeness_bonds(alike), *sessions]
    groups = grouped(len(pictures), bonds)
    labels = [one.row.label for one in pictures]
    judged = opinion(described, labels, groups, seed=seed)
    return Explored(
        gathered=gathered,
        pictures=pictures,
        unusable=[(row.key, why) for row, why in seen.unusable],
        copies=copies,
        alike=alike,
        two_labels=_two_labels(labels, copies, alike),
        claimed=_claimed(pictures, origins),
        groups=groups,
        session_groups=_several(len(pictures), sessions),
        described_by=front.name,
        by_embedding=bundle is not None,
        opinion=judged,
        suspects=suspects(judged) if judged else [],
        background=_background_only(labels, boxes, behind, described, groups, seed),
        origins=origins,
    )


def _alike(
    pictures: Sequence[Inspected],
    copies: Sequence[Sequence[int]],
    embeddings: npt.NDArray[np.float32] | None,
    least: float,
) -> list[Alike]:
    """The near-duplicates among all but the copies, one of each being enough."""
    more = {place for places in copies for place in places[1:]}
    kept = [place for place in range(len(pictures)) if place not in more]
    some = None if embeddings is None else embeddings[kept]
    found = near([pictures[place].print for place in kept], some, least=least)
    return [Alike(kept[one.first], kept[one.second], one.nearness_frac, one.how) for one in found]


def _two_labels(
    labels: Sequence[str], copies: Sequence[Sequence[int]], alike: Sequence[Alike]
) -> list[tuple[int, int, str]]:
    found = [
        (first, second, "the same file")
        for places in copies
        for first, second in combinations(places, 2)
        if labels[first] != labels[second]
    ]
    return found + [
        (one.first, one.second, f"nearly the same by {one.how}")
        for one in alike
        if labels[one.first] != labels[one.second]
    ]


def _claimed(pictures: Sequence[Inspected], origins: Origins) -> dict[str, list[str]]:
    said = {one.row.key: origins.labels(one.row.key) for one in pictures}
    return {key: labels for key, labels in said.items() if len(labels) > 1}


def _several(count: int, bonds: Sequence[Bond]) -> int:
    return sum(len(group) > 1 for group in grouped(count, bonds))


def _background_only(
    labels: Sequence[str],
    boxes: Sequence[npt.NDArray[np.float32] | None],
    behind: Describer,
    described: npt.NDArray[np.float32],
    groups: Sequence[Sequence[int]],
    seed: int,
) -> BackgroundOnly:
    places = [place for place, box in enumerate(boxes) if box is not None]
    if len(places) < 2:
        return BackgroundOnly(None, None, None, places)
    at = {place: row for row, place in enumerate(places)}
    within = [[at[place] for place in group if place in at] for group in groups]
    within = [group for group in within if group]
    names = [labels[place] for place in places]

    def judged(rows: npt.NDArray[np.float32], title: str) -> Opinion | None:
        return opinion(rows, names, within, seed=seed, title=title)

    return BackgroundOnly(
        judged(behind.rows(), "background only"),
        judged(_bent(np.stack([box for box in boxes if box is not None])), "box only"),
        judged(described[places], "the same, whole"),
        places,
    )


def _bent(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Boxes with their squares and products: a linear classifier sees sizes, not only sides."""
    first, second = np.triu_indices(boxes.shape[1])
    return np.hstack((boxes, boxes[:, first] * boxes[:, second]))
