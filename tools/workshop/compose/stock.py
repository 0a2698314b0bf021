"""The pieces and grounds a recipe draws from: photographs that were found fit, and drawings.

Every photograph is examined once, before the first scene: which ones may be taken must be known
for the same seed to give the same scenes. It is cut again when it is taken; cutting gives the same
each time. Broken files and unfit photographs are reported and never used; nothing here stops for
one of them, only for a source of which nothing is left.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.recordings.pictures import Unusable, decode_picture
from sorterd.simulation.background import part_from_background
from sorterd.simulation.drawings import draw
from sorterd.simulation.sprites import Sprite, trimmed
from tools.workshop.compose import grounds
from tools.workshop.compose.composing import Ground, Item
from tools.workshop.compose.fitness import Fitness, measure
from tools.workshop.compose.recipes import GroundSource, ItemSource, Recipe
from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled, in_folders, read_list
from tools.workshop.places import Place

Pixels = npt.NDArray[np.uint8]

DRAWN: Final = "drawn"
"""The source of what no photograph shows."""
# Longer side at which photographs are kept: a piece fills some 200 pixels of a frame.
_KEPT_PX: Final = 512
# Photographs of grounds fill a frame; cameras of stations give at most about this.
_GROUND_PX: Final = 1600
# Pieces and grounds kept in memory: about 1 MB and 6 MB each.
_KEPT_ITEMS, _KEPT_GROUNDS = 96, 12


@dataclass(frozen=True, slots=True)
class Examined:
    """One photograph of a source of items.

    Attributes:
        source: Which of the recipe's items, from 0.
        place: Its folder.
        key: Its key there.
        label: What it shows.
        sha256: Of its content; empty if it could not be read.
        fitness: What was measured; None if it is broken.
        fault: Why it is broken; empty if it is not.
        accepted: Flags that do not matter here.
    """

    source: int
    place: Place
    key: str
    label: str
    sha256: str
    fitness: Fitness | None
    fault: str
    accepted: tuple[str, ...] = ()

    @property
    def fit(self) -> bool:
        """Whether pieces are cut from it."""
        return self.fitness is not None and set(self.fitness.flags) <= set(self.accepted)


class RecipeStock:
    """What a recipe draws from. Any thread. Made by `open_stock`.

    Attributes:
        labels: Every label that may come, in the order of the alphabet.
        examined: Every photograph of items, fit or not, in order.
        broken_grounds: One line for each photograph of a ground that cannot be used.
    """

    def __init__(
        self,
        recipe: Recipe,
        examined: Sequence[Examined],
        ground_files: Mapping[int, Sequence[tuple[str, str]]],
        broken_grounds: Sequence[str],
    ) -> None:
        self.examined = tuple(examined)
        self.broken_grounds = tuple(broken_grounds)
        self._items, self._grounds = recipe.items, recipe.grounds
        self._fit: dict[int, dict[str, list[Examined]]] = {}
        for one in self.examined:
            if one.fit:
                self._fit.setdefault(one.source, {}).setdefault(one.label, []).append(one)
        for place, source in enumerate(recipe.items):
            if source.folder and place not in self._fit:
                raise WorkshopFault(_nothing_left(source, place, self.examined))
        drawn = {label for source in recipe.items for label in source.drawings or ()}
        cut = {label for by_label in self._fit.values() for label in by_label}
        self.labels = tuple(sorted(drawn | cut))
        self._ground_files = ground_files
        self._cut = lru_cache(_KEPT_ITEMS)(_cut)
        self._photo = lru_cache(_KEPT_GROUNDS)(_ground_photo)

    @property
    def identity(self) -> str:
        """A name for exactly these photographs, wherever they are kept."""
        lines = [f"{e.source} {e.key} {e.label} {e.sha256} {e.fit}" for e in self.examined]
        lines += [f"{n} {k} {h}" for n, some in self._ground_files.items() for k, h in some]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def item(self, rng: np.random.Generator) -> Item:
        """Take a piece: a source by its weight, then each of its labels as likely as another.

        Raises:
            WorkshopFault: A photograph has changed since it was examined.
        """
        place = _by_weight(self._items, rng)
        source = self._items[place]
        if source.drawings:
            label = source.drawings[int(rng.integers(len(source.drawings)))]
            return Item(draw(label, rng), DRAWN)
        by_label = self._fit[place]
        labels = sorted(by_label)
        some = by_label[labels[int(rng.integers(len(labels)))]]
        one = some[int(rng.integers(len(some)))]
        return Item(self._cut(one), one.key, one.sha256)

    def ground(self, view_px: tuple[int, int], length_px: int, rng: np.random.Generator) -> Ground:
        """Take a ground; see `composing.Stock`.

        Raises:
            WorkshopFault: A photograph has changed since it was examined.
        """
        place = _by_weight(self._grounds, rng)
        source = self._grounds[place]
        if source.folder is None:
            pixels = grounds.DRAWN[source.kind](view_px[0], length_px, rng)
            return Ground(source.kind, pixels, DRAWN)
        files = self._ground_files[place]
        key, sha256 = files[int(rng.integers(len(files)))]
        photo = self._photo(Place(source.folder), key, sha256)
        return Ground(source.kind, grounds.out_of_photo(photo, *view_px, rng), key)


def open_stock(
    recipe: Recipe, known: Mapping[str, Fitness] | None = None, *, workers: int = 2
) -> RecipeStock:
    """Examine all that a recipe draws from; shows a progress bar.

    Args:
        recipe: What is wanted.
        known: What was measured before, by sha256; those photographs are not cut again.
        workers: How many are examined at a time.

    Raises:
        WorkshopFault: A folder, list or label is not there, or nothing of a source is fit.
    """
    rows = [
        (place, Place(source.folder), row)
        for place, source in enumerate(recipe.items)
        if source.folder is not None
        for row in _rows(source, Place(source.folder))
    ]
    known = known or {}

    def examine(row: tuple[int, Place, Labelled]) -> Examined:
        place, folder, one = row
        content = folder.read(one.key)
        sha256 = hashlib.sha256(content).hexdigest()
        found = known.get(sha256)
        fault = ""
        if found is None:
            pixels = _decoded(content, folder, one.key, _KEPT_PX)
            if isinstance(pixels, Unusable):
                fault = pixels.why.removeprefix("skipped: ")
            else:
                found, _ = measure(pixels, content)
        accepted = recipe.items[place].accept
        return Examined(place, folder, one.key, one.label, sha256, found, fault, accepted)

    with ThreadPoolExecutor(workers) as threads:
        bar = tqdm(
            threads.map(examine, rows), "examining", len(rows), unit="picture", disable=not rows
        )
        examined = list(bar)
    files: dict[int, list[tuple[str, str]]] = {}
    broken: list[str] = []
    for place, ground in enumerate(recipe.grounds):
        if ground.folder is not None:
            files[place] = list(_ground_files(ground, broken))
    return RecipeStock(recipe, examined, files, broken)


def _rows(source: ItemSource, place: Place) -> list[Labelled]:
    """The photographs of a source, in order; of each label at most as many as wanted."""
    found = in_folders(place)
    if source.list is not None:
        there = {row.key for row in found}
        found = read_list(Path(source.list))
        for row in found:
            if row.key not in there:
                raise WorkshopFault(f"{source.list} names {row.key}, which is not in {place}")
    labels = {row.label for row in found}
    for label in source.labels or ():
        if label not in labels:
            raise WorkshopFault(
                f"{place} has no folder {label}: it has {', '.join(sorted(labels))}"
            )
    wanted = [row for row in found if source.labels is None or row.label in source.labels]
    return list(_spread(wanted, source.most_per_label))


def _spread(rows: Sequence[Labelled], most: int | None) -> Iterator[Labelled]:
    """At most so many of each label, evenly over it: neighbours are often one thing, seen again."""
    by_label: dict[str, list[Labelled]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    for _, some in sorted(by_label.items()):
        count = len(some) if most is None else min(most, len(some))
        yield from (some[place * len(some) // count] for place in range(count))


def _ground_files(source: GroundSource, broken: list[str]) -> Iterator[tuple[str, str]]:
    """Key and sha256 of every usable photograph of a ground."""
    place = Place(source.folder or "")
    count = 0
    for key in place.pictures():
        content = place.read(key)
        pixels = _decoded(content, place, key, _GROUND_PX)
        if isinstance(pixels, Unusable):
            broken.append(str(pixels))
            continue
        count += 1
        yield key, hashlib.sha256(content).hexdigest()
    if not count:
        raise WorkshopFault(f"no usable pictures of grounds in {place}: put some there")


def _nothing_left(source: ItemSource, place: int, examined: Sequence[Examined]) -> str:
    own = [one for one in examined if one.source == place]
    flags = Counter(f for one in own if one.fitness for f in one.fitness.flags)
    why = [f"{count} {flag}" for flag, count in flags.most_common()]
    if broken := sum(one.fitness is None for one in own):
        why.append(f"{broken} broken")
    return (
        f"none of {len(own)} pictures in {source.folder} is fit to cut a piece from "
        f"({', '.join(why)}): add others"
    )


def _by_weight(sources: Sequence[ItemSource | GroundSource], rng: np.random.Generator) -> int:
    weights = np.cumsum([source.weight for source in sources])
    return int(np.searchsorted(weights, rng.uniform(0, weights[-1]), side="right"))


def _cut(one: Examined) -> Sprite:
    pixels = _unchanged(one.place, one.key, one.sha256, _KEPT_PX)
    alpha, whole = part_from_background(pixels)
    return trimmed(one.label, pixels, alpha, 1.0, whole=whole)


def _ground_photo(place: Place, key: str, sha256: str) -> Pixels:
    return _unchanged(place, key, sha256, _GROUND_PX)


def _unchanged(place: Place, key: str, sha256: str, longer_px: int) -> Pixels:
    content = place.read(key)
    pixels = _decoded(content, place, key, longer_px)
    if hashlib.sha256(content).hexdigest() != sha256 or isinstance(pixels, Unusable):
        raise WorkshopFault(f"{place}/{key} has changed meanwhile: run the command again")
    return pixels


def _decoded(content: bytes, place: Place, key: str, longer_px: int) -> Pixels | Unusable:
    """A photograph whose longer side is `longer_px` at most."""
    pixels = decode_picture(content, Path(f"{place}/{key}"), longer_px=longer_px)
    if isinstance(pixels, Unusable):
        return pixels
    shrink = longer_px / max(pixels.shape[:2])
    if shrink >= 1:
        return pixels
    size = (max(16, round(pixels.shape[1] * shrink)), max(16, round(pixels.shape[0] * shrink)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
