"""What the network is shown: photographs, photographs cut out and laid on belts, drawings on belts.

Every picture reaches the model the way a region does at the station, through
`sorterd.vision.crops`. Belts are made once, before training, and varied a little each time they
are shown; photographs are turned, scaled and lit anew each time.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.simulation.background import part_from_background
from sorterd.simulation.drawings import LABELS, draw
from sorterd.simulation.photos import LENGTH_MM
from sorterd.simulation.sprites import Sprite, trimmed
from sorterd.vision.crops import PADDING, Cropper
from tools.training.belts import lay_on_belt, photograph
from tools.training.photographs import Photograph

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Crops that are ready to be shown.

    Attributes:
        pixels: uint8[N, size, size, 3], RGB.
        labels: int64[N].
    """

    pixels: Pixels
    labels: npt.NDArray[np.int64]


def plain_spec(size_px: int) -> InputSpec:
    """A model's input that keeps the pixel values as they are."""
    return InputSpec(size_px, size_px, "uint8", gain=1.0, offset=0.0)


def whole_photographs(
    photographs: Sequence[Photograph], index: dict[str, int], size_px: int
) -> Pool:
    """Every photograph as it is, padded to a square."""
    pixels = np.empty((len(photographs), size_px, size_px, 3), np.uint8)
    cropper = Cropper(plain_spec(size_px))
    for slot, one in zip(pixels, photographs, strict=True):
        height, width = one.pixels.shape[:2]
        cropper.write(one.pixels, Box(0, 0, width, height), slot)
    return Pool(pixels, np.array([index[one.label] for one in photographs]))


def pieces_on_belts(
    sprites: Callable[[int, np.random.Generator], Sprite],
    count: int,
    *,
    index: dict[str, int],
    size_px: int,
    seed: tuple[int, ...],
    title: str,
) -> Pool:
    """Lay `count` pieces on belts and crop them as the station does.

    Args:
        sprites: Makes the n-th piece.
        count: How many.
        index: Label to its place.
        size_px: Side of a crop.
        seed: Begins every piece's own seed, so that pools never share one.
        title: For the progress bar.
    """
    pixels = np.empty((count, size_px, size_px, 3), np.uint8)
    labels = np.empty(count, np.int64)

    def make(place: int) -> None:
        rng = np.random.default_rng([*seed, place])
        sprite = sprites(place, rng)
        seen, box = lay_on_belt(sprite, rng)
        Cropper(plain_spec(size_px)).write(seen, box, pixels[place])
        labels[place] = index[sprite.label]

    with ThreadPoolExecutor(2) as threads:
        list(tqdm(threads.map(make, range(count)), desc=title, total=count, unit="piece"))
    return Pool(pixels, labels)


def drawn_on_belts(
    count: int, *, index: dict[str, int], size_px: int, seed: tuple[int, ...]
) -> Pool:
    """Lay `count` drawn pieces on belts, the labels in turn."""

    def drawn(place: int, rng: np.random.Generator) -> Sprite:
        return draw(LABELS[place % len(LABELS)], rng)

    return pieces_on_belts(
        drawn, count, index=index, size_px=size_px, seed=seed, title="drawings on belts"
    )


def cut_pieces(photographs: Sequence[Photograph]) -> list[Sprite]:
    """Cut what each photograph shows from its background; some stay whole, as at the station."""

    def cut(one: Photograph) -> Sprite:
        alpha, whole = part_from_background(one.pixels)
        return trimmed(one.label, one.pixels, alpha, 1.0, whole=whole)

    with ThreadPoolExecutor(2) as threads:
        pieces = threads.map(cut, photographs)
        return list(tqdm(pieces, desc="cutting", total=len(photographs), unit="piece"))


def cut_on_belts(
    pieces: Sequence[Sprite],
    count: int,
    *,
    index: dict[str, int],
    size_px: int,
    seed: tuple[int, ...],
) -> Pool:
    """Lay `count` cut pieces on belts, the labels in turn, any piece of a label."""
    by_label = [[piece for piece in pieces if piece.label == label] for label in index]

    def chosen(place: int, rng: np.random.Generator) -> Sprite:
        some = by_label[place % len(by_label)]
        return _sized(some[int(rng.integers(len(some)))], rng)

    return pieces_on_belts(
        chosen, count, index=index, size_px=size_px, seed=seed, title="cut-outs on belts"
    )


def each_on_a_belt(
    pieces: Sequence[Sprite], *, index: dict[str, int], size_px: int, seed: tuple[int, ...]
) -> Pool:
    """Lay every cut piece on a belt, once."""

    def next_one(place: int, rng: np.random.Generator) -> Sprite:
        return _sized(pieces[place], rng)

    return pieces_on_belts(
        next_one, len(pieces), index=index, size_px=size_px, seed=seed, title="cut-outs on belts"
    )


def _sized(piece: Sprite, rng: np.random.Generator) -> Sprite:
    """A photograph does not say how large its piece is: 60 to 110 mm, as on the simulated belt."""
    scale = rng.uniform(*LENGTH_MM) / max(piece.length_mm, piece.width_mm)
    return replace(piece, length_mm=piece.length_mm * scale, width_mm=piece.width_mm * scale)


def shaken(one: Photograph, size_px: int, rng: np.random.Generator) -> Pixels:
    """A photograph turned, scaled, moved, mirrored and lit differently.

    Returns:
        uint8[size_px, size_px, 3], RGB.
    """
    rows, columns = one.pixels.shape[:2]
    scale = size_px / max(rows, columns) * np.exp(rng.uniform(np.log(0.75), np.log(1.3)))
    quarter = 90.0 * rng.integers(4)
    turn_deg = quarter + (rng.uniform(-20, 20) if rng.random() < 0.6 else rng.uniform(-180, 180))
    matrix = np.asarray(
        cv2.getRotationMatrix2D((columns / 2, rows / 2), turn_deg, scale), np.float64
    )
    if rng.random() < 0.5:
        matrix[0] = [-matrix[0, 0], -matrix[0, 1], columns - matrix[0, 2]]
    matrix[:, 2] += size_px / 2 - np.array([columns / 2, rows / 2])
    matrix[:, 2] += rng.normal(0, 0.04 * size_px, 2)
    turned = cv2.warpAffine(
        one.pixels,
        matrix,
        (size_px, size_px),
        borderMode=cv2.BORDER_CONSTANT if rng.random() < 0.6 else cv2.BORDER_REFLECT_101,
        borderValue=(PADDING, PADDING, PADDING),
    )
    if rng.random() < 0.7:
        turned = photograph(turned.astype(np.float32), rng)
    return np.asarray(turned[:, :, ::-1], np.uint8)


def varied(crop: Pixels, rng: np.random.Generator) -> Pixels:
    """A ready crop, mirrored, turned by quarters and lit a little differently."""
    turned = np.rot90(crop, int(rng.integers(4)))
    if rng.random() < 0.5:
        turned = turned[:, ::-1]
    gains = rng.normal(1.0, 0.05, 3) * rng.uniform(0.9, 1.1)
    return np.asarray(np.clip(turned * gains.astype(np.float32), 0, 255), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Everything there is to learn from, and how often each kind comes up in one epoch.

    Attributes:
        photographs: Shown whole, `shaken`.
        index: Label to its place.
        pools: Shown `varied`.
        shares: How many of each pool in an epoch.
        size_px: Side of a crop.
    """

    photographs: Sequence[Photograph]
    index: dict[str, int]
    pools: Sequence[Pool]
    shares: Sequence[int]
    size_px: int

    def steps(self, batch: int) -> int:
        """Batches in one epoch."""
        return (len(self.photographs) + sum(self.shares)) // batch

    def epoch(
        self, batch: int, seed: tuple[int, ...]
    ) -> Iterator[tuple[Pixels, npt.NDArray[np.int64]]]:
        """Yield one epoch's batches, made in two threads while the network works."""
        rng = np.random.default_rng(seed)
        order = self._drawn(rng)
        with ThreadPoolExecutor(2) as threads:
            waiting = []
            for step in range(self.steps(batch)):
                chosen = order[step * batch : (step + 1) * batch]
                waiting.append(threads.submit(self._batch, chosen, (*seed, step)))
                if len(waiting) > 4:
                    yield waiting.pop(0).result()
            for last in waiting:
                yield last.result()

    def _drawn(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """(source, place) of each picture of an epoch; rare labels of photographs come up more."""
        labels = np.array([self.index[one.label] for one in self.photographs])
        # The square root lies between the data's own shares and equal ones.
        weight = 1 / np.sqrt(np.bincount(labels, minlength=len(self.index)))[labels]
        drawn = rng.choice(len(labels), len(labels), p=weight / weight.sum())
        order = [(-1, int(place)) for place in drawn]
        for source, (pool, share) in enumerate(zip(self.pools, self.shares, strict=True)):
            order += [
                (source, int(p))
                for p in rng.choice(len(pool.labels), share, replace=share > len(pool.labels))
            ]
        rng.shuffle(order)
        return order

    def _batch(
        self, chosen: Sequence[tuple[int, int]], seed: tuple[int, ...]
    ) -> tuple[Pixels, npt.NDArray[np.int64]]:
        rng = np.random.default_rng([*seed, 1])
        pixels = np.empty((len(chosen), self.size_px, self.size_px, 3), np.uint8)
        labels = np.empty(len(chosen), np.int64)
        for place, (source, number) in enumerate(chosen):
            if source < 0:
                one = self.photographs[number]
                pixels[place] = shaken(one, self.size_px, rng)
                labels[place] = self.index[one.label]
            else:
                pool = self.pools[source]
                pixels[place] = varied(pool.pixels[number], rng)
                labels[place] = pool.labels[number]
        return pixels, labels
