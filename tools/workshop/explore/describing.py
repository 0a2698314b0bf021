"""Describe pictures by numbers: a model's embedding, or colours and edges where there is no model.

A description is for comparing pictures and for simple classifiers on top. Pictures are described
whole, padded to the model's shape by the station's own crops.
"""

from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import Bundle, find, load
from sorterd.classifiers.tflite import open_part
from sorterd.clock import RealClock
from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.vision.crops import Cropper

Pixels = npt.NDArray[np.uint8]

_BATCH: Final = 8
_PLAIN_PX: Final = 64
# Colours are counted in 8 x 8 boxes of Lab's a and b, light in 8 steps.
_BOXES, _STEPS = 8, 8
# Measured on 2,762 photographs: 67.6% are told by a linear classifier, 65.0% with edges in full.
_EDGE_WEIGHT = 0.25
# Mean colours of a coarse grid say where things are.
_GRID = 4


class Describer(Protocol):
    """Turns pictures into rows of numbers, one at a time.

    Attributes:
        name: What it is, for a report.
    """

    name: str

    def add(self, pixels: Pixels) -> None:
        """Describe one more picture, uint8[H, W, 3], BGR."""

    def rows(self) -> npt.NDArray[np.float32]:
        """Descriptions of all that was added, in order: float32[N, width]."""


class ByColourAndEdge:
    """Describes by histograms of colour and light, coarse colours, and oriented edges (HOG)."""

    name = "colours and edges (no embedding was given)"

    def __init__(self) -> None:
        self._rows: list[npt.NDArray[np.float32]] = []
        self._cropper = Cropper(InputSpec(_PLAIN_PX, _PLAIN_PX, "uint8", gain=1.0, offset=0.0))
        sides = ((_PLAIN_PX, _PLAIN_PX), (16, 16), (16, 16), (8, 8))
        self._edges = cv2.HOGDescriptor(*sides, 9)

    def add(self, pixels: Pixels) -> None:
        """Describe one more picture."""
        rgb = np.empty((_PLAIN_PX, _PLAIN_PX, 3), np.uint8)
        self._cropper.write(pixels, _all_of(pixels), rgb)
        lab = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.uint8)
        colours, _, _ = np.histogram2d(
            lab[:, :, 1].ravel(), lab[:, :, 2].ravel(), _BOXES, ((80, 176), (80, 176))
        )
        light, _ = np.histogram(lab[:, :, 0], _STEPS, (0, 256))
        coarse = cv2.resize(lab, (_GRID, _GRID), interpolation=cv2.INTER_AREA).ravel() / 255
        edges = np.asarray(self._edges.compute(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))).ravel()
        # Square roots of shares: differences of small shares count too (Hellinger).
        counts = np.sqrt(np.concatenate((colours.ravel(), light)) / _PLAIN_PX**2)
        self._rows.append(np.concatenate((counts, coarse, _EDGE_WEIGHT * edges)).astype(np.float32))

    def rows(self) -> npt.NDArray[np.float32]:
        """Descriptions of all that was added."""
        return np.stack(self._rows)


class ByEmbedding:
    """Describes by a bundle's embedding.

    Args:
        bundle: Gives an embedding.

    Raises:
        DeviceUnavailable: No runtime works here.
        BundleFault: The model does not fit its manifest.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.name = f"embedding of {bundle.name}"
        made = bundle.manifest.preprocessing
        self._classifier = open_part(
            bundle, runtime="auto", threads=1, batch_sizes=(_BATCH,), clock=RealClock()
        )
        self._cropper = Cropper(self._classifier.spec, padding=made.padding)
        self._waiting = 0
        self._done: list[npt.NDArray[np.float32]] = []

    def add(self, pixels: Pixels) -> None:
        """Describe one more picture."""
        # A slot that still has a name would keep the interpreter from running.
        self._cropper.write(pixels, _all_of(pixels), self._classifier.slots(_BATCH)[self._waiting])
        self._waiting += 1
        if self._waiting == _BATCH:
            self._ask()

    def rows(self) -> npt.NDArray[np.float32]:
        """Descriptions of all that was added."""
        if self._waiting:
            self._ask()
        return np.concatenate(self._done)

    def _ask(self) -> None:
        answers = self._classifier.answers(_BATCH, self._waiting)
        self._done.append(answers["embedding"].copy())
        self._waiting = 0


def opened(name_or_path: str | None) -> Bundle | None:
    """The bundle to describe with; None if none was named or the one that was has no embedding.

    Raises:
        BundleFault: There is no such bundle, or it is broken.
    """
    if name_or_path is None:
        return None
    bundle = load(find(name_or_path))
    return bundle if "embedding" in bundle.manifest.outputs else None


def describer(bundle: Bundle | None) -> Describer:
    """Describe by a bundle's embedding; by colours and edges without one.

    Raises:
        DeviceUnavailable: No runtime works here.
        BundleFault: The model does not fit its manifest.
    """
    return ByColourAndEdge() if bundle is None else ByEmbedding(bundle)


def _all_of(pixels: Pixels) -> Box:
    return Box(0, 0, pixels.shape[1], pixels.shape[0])
