"""What the network is shown: photographs, photographs cut out and laid on belts, drawings on belts.

Every picture reaches the model the way a region does at the station, through
`sorterd.vision.crops`. Crops are made once, before training.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.simulation.background import part_from_background
from sorterd.simulation.drawings import LABELS, draw
from sorterd.simulation.photos import LENGTH_MM
from sorterd.simulation.sprites import Sprite, trimmed
from sorterd.vision.crops import Cropper
from tools.workshop.compose.belts import lay_on_belt
from tools.workshop.train.photographs import Photograph

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
    """Lay `count` drawn pieces on belts, the labels that can be drawn in turn."""
    labels = [label for label in LABELS if label in index]

    def drawn(place: int, rng: np.random.Generator) -> Sprite:
        return draw(labels[place % len(labels)], rng)

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
