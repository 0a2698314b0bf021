"""The lessons: which pictures come up in an epoch, and how each is varied before it is shown.

Photographs are turned, scaled and lit anew each time; crops that were made beforehand are mirrored,
turned by quarters and lit a little differently; some batches are mixed, picture with picture and
label with label. One seed gives the same lessons.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.vision.crops import PADDING
from tools.workshop.compose.belts import photograph
from tools.workshop.train.photographs import Photograph
from tools.workshop.train.pictures import Pool

Pixels = npt.NDArray[np.uint8]
Targets = npt.NDArray[np.float32]
# Of the beta distribution that shares are drawn from: mostly one picture, seldom half and half.
MIXING = 0.4


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


def mixed(pixels: Pixels, targets: Targets, rng: np.random.Generator) -> tuple[Pixels, Targets]:
    """Mix each picture of a batch with another: laid over it, or a square of it put in.

    mixup: Zhang and others, ICLR 2018. CutMix: Yun and others, ICCV 2019.
    """
    share = float(rng.beta(MIXING, MIXING))
    other = rng.permutation(len(pixels))
    if rng.random() < 0.5:
        both = share * pixels + (1 - share) * pixels[other]
        blended = np.asarray(np.round(both), np.uint8)
    else:
        size_px = pixels.shape[1]
        side_px = round(size_px * np.sqrt(1 - share))
        top, left = (int(edge) for edge in rng.integers(0, size_px - side_px + 1, 2))
        inside = (slice(None), slice(top, top + side_px), slice(left, left + side_px))
        blended = pixels.copy()
        blended[inside] = pixels[other][inside]
        share = 1 - (side_px / size_px) ** 2
    return blended, np.asarray(share * targets + (1 - share) * targets[other], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Everything there is to learn from, and how often each kind comes up in one epoch.

    Attributes:
        photographs: Shown whole, `shaken`.
        index: Label to its place.
        pools: Shown `varied`.
        shares: How many of each pool in an epoch.
        size_px: Side of a crop.
        mixed_frac: Share of the batches whose pictures are mixed in pairs.
    """

    photographs: Sequence[Photograph]
    index: dict[str, int]
    pools: Sequence[Pool]
    shares: Sequence[int]
    size_px: int
    mixed_frac: float = 0.0

    def steps(self, batch: int) -> int:
        """Batches in one epoch."""
        return (len(self.photographs) + sum(self.shares)) // batch

    def epoch(self, batch: int, seed: tuple[int, ...]) -> Iterator[tuple[Pixels, Targets]]:
        """Yield one epoch's batches, made in two threads while the network works.

        Yields:
            uint8[batch, size, size, 3], RGB, and float32[batch, labels], rows that sum to 1.
        """
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
    ) -> tuple[Pixels, Targets]:
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
        targets = np.eye(len(self.index), dtype=np.float32)[labels]
        if rng.random() < self.mixed_frac:
            return mixed(pixels, targets, rng)
        return pixels, targets
