"""Which pictures are the same, and which are nearly the same.

Exactly the same: equal bytes. Nearly the same: the same photograph at another size, compression or
light, or the next one of the same thing from the same place. Two looks must agree on that: a hash
of the coarse shape finds candidates, a coarse coloured copy confirms them. Where a model gives an
embedding it finds more: the same thing turned or moved. All pairs are compared, but by products of
matrices, a block at a time, never by a loop over pairs.

Measured on 2,762 photographs of waste (pairs looked at by eye): shape within 10 bits alone gives
135 pairs, most of them wrong (small things on white all have one shape); with the coloured copy
at 0.8 or more 38 are left, none of which shows two different things.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

Pixels = npt.NDArray[np.uint8]
_Vectors = npt.NDArray[np.float32]

SHAPE_BITS: Final = 64
"""8 x 8 coefficients of a cosine transform, each above or below the median."""
MOST_APART_BITS: Final = 10
LEAST_TONE: Final = 0.8
"""Correlation of the coarse coloured copies; see the module's measurement."""
LEAST_EMBEDDING: Final = 0.6
"""Cosine of embeddings after whitening. By ImageNet features 39 pairs of the 2,762 photographs, by
those of a model trained on them 179: the same thing again, or the same shelf of a shop. At 0.5 it
is 415, and other things of one kind begin."""
_SHAPE_SIDE_PX, _TONE_SIDE_PX = 32, 16
# Lab: chroma counts double, or a green and a brown bottle on white are one picture.
_CHROMA_WEIGHT = 2.0
# Lab units: a picture with less variation than this shows nothing that could be compared.
_FLAT = 0.5
_BLOCK = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What is compared of one picture.

    Attributes:
        shape: bool[64]; the coarse shape.
        tone: float32[768], of length 1; the coarse coloured copy. Zeros for a flat picture.
    """

    shape: npt.NDArray[np.bool_]
    tone: _Vectors


@dataclass(frozen=True, slots=True)
class Alike:
    """Two pictures that are nearly the same.

    Attributes:
        first: Place of the one in the list that was compared.
        second: Place of the other; above `first`.
        nearness_frac: 1 for the same picture.
        how: "shape", "embedding" or "shape and embedding".
    """

    first: int
    second: int
    nearness_frac: float
    how: str


def fingerprint(pixels: Pixels) -> Fingerprint:
    """Take the fingerprint of one picture, uint8[H, W, 3], BGR."""
    tiny = (_TONE_SIDE_PX, _TONE_SIDE_PX)
    coloured = cv2.resize(pixels, tiny, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    tone = np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2LAB), np.float32)
    tone -= tone.mean(axis=(0, 1))
    tone[:, :, 1:] *= _CHROMA_WEIGHT
    length = float(np.linalg.norm(tone))
    flat = length < _FLAT * _TONE_SIDE_PX
    return Fingerprint(
        _shape(pixels), np.zeros_like(tone).ravel() if flat else (tone / length).ravel()
    )


def exact(digests: Sequence[str]) -> list[list[int]]:
    """Places of equal digests, for each digest that is there more than once."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, digest in enumerate(digests):
        places[digest].append(place)
    return [some for some in places.values() if len(some) > 1]


def near(
    prints: Sequence[Fingerprint], embeddings: _Vectors | None = None, *, least: float | None = None
) -> list[Alike]:
    """Every pair that is nearly the same, the nearest first.

    Args:
        prints: Of the pictures; leave exact copies out but for one, or each pair comes many times.
        embeddings: float32[N, width] of the same pictures, if there are any.
        least: Least cosine of whitened embeddings; by default `LEAST_EMBEDDING`.
    """
    if len(prints) < 2:
        return []
    tones = np.stack([one.tone for one in prints])
    found: dict[tuple[int, int], tuple[float, str]] = {}
    shapes = np.where(np.stack([one.shape for one in prints]), 1, -1).astype(np.float32)
    # The product of two such rows is 64 less twice the number of bits in which they differ.
    for first, second, _ in pairs_above(shapes, SHAPE_BITS - 2 * MOST_APART_BITS - 0.5):
        tone = float(tones[first] @ tones[second])
        if tone >= LEAST_TONE:
            found[first, second] = (tone, "shape")
    if embeddings is not None:
        for first, second, cosine in pairs_above(
            whitened(embeddings), LEAST_EMBEDDING if least is None else least
        ):
            tone, how = found.get((first, second), (0.0, ""))
            both = "shape and embedding" if how else "embedding"
            found[first, second] = (max(tone, cosine), both)
    pairs = [Alike(*places, min(1.0, nearness), how) for places, (nearness, how) in found.items()]
    return sorted(pairs, key=lambda pair: (-pair.nearness_frac, pair.first, pair.second))


def pairs_above(vectors: _Vectors, least: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows whose product is at least so much: (lower place, higher place, product).

    Args:
        vectors: float32[N, width]. Memory beside them is some 17 MB whatever N is.
        least: A pair below it is not named.
    """
    count = len(vectors)
    blocks = range(0, count, _BLOCK)
    for top in tqdm(blocks, desc="comparing", unit="block", disable=len(blocks) < 4):
        rows = vectors[top : top + _BLOCK]
        for left in range(top, count, _BLOCK):
            products = rows @ vectors[left : left + _BLOCK].T
            above = products >= least
            if left == top:
                above = np.triu(above, 1)
            for row, column in np.argwhere(above):
                yield top + int(row), left + int(column), float(products[row, column])


def whitened(embeddings: _Vectors) -> _Vectors:
    """Embeddings in which no direction counts much more than another, each of length 1.

    A trained model's embedding mostly says which label a picture has, so that all of one label
    are near; whitening takes that away and leaves which picture it is. Directions with less than
    the middle variance are noise and are not blown up.

    Args:
        embeddings: float32[N, width]; N at least 2.
    """
    centred = embeddings - embeddings.mean(axis=0)
    variances, directions = np.linalg.eigh(np.asarray(centred.T @ centred, np.float64))
    # As many directions as there can be with so few pictures; the rest is rounding.
    variances = np.maximum(variances, 0.0)
    some = variances[-min(len(embeddings), embeddings.shape[1]) :]
    ridge = float(np.median(some)) + 1e-6 * float(some.mean()) + 1e-12
    turned = centred @ (directions / np.sqrt(variances + ridge)).astype(np.float32)
    return np.asarray(turned / (np.linalg.norm(turned, axis=1, keepdims=True) + 1e-9), np.float32)


def _shape(pixels: Pixels) -> npt.NDArray[np.bool_]:
    """The signs of the lowest frequencies of the grey picture (pHash)."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    small = (_SHAPE_SIDE_PX, _SHAPE_SIDE_PX)
    waves = cv2.dct(cv2.resize(grey, small, interpolation=cv2.INTER_AREA).astype(np.float32))
    low = np.asarray(waves[:8, :8]).ravel()
    # The first coefficient is the picture's brightness, far above all others.
    return np.asarray(low > np.median(low[1:]), np.bool_)
