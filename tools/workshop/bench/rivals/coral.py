"""The loop of Coral's examples, on the CPU: pixels straight into the input tensor, no floats.

As in google-coral's `examples-camera/opencv` (colour first, then resize) with what its PyCoral
calls do: `common.set_input` writes through the tensor's view, `classify.get_classes` dequantises
and sorts. PyCoral itself drives Edge TPUs and takes uint8 only; for int8 the same pixels are moved
by 128, one flipped bit. A model whose levels are not its pixels is normalised as PyCoral's
`classify_image.py` does it.
"""

import operator

import cv2
import numpy as np
import numpy.typing as npt

from tools.workshop.bench.rivals.given import Network, Pixels, Servo


class Loop:
    """Meets `given.Loop`.

    Args:
        network: What is asked.
    """

    def __init__(self, network: Network) -> None:
        self._interpreter = network.interpreter()
        given = self._interpreter.get_input_details()[0]
        _, height_px, width_px, _ = given["shape"]
        self._size = (int(width_px), int(height_px))
        self._input = self._interpreter.tensor(given["index"])
        self._dtype = np.dtype(given["dtype"])
        self._scale, self._zero_point = given["quantization"]
        self._mean, self._std = network.mean, network.std
        # classify_image.py's own test of whether the pixels need no preprocessing at all.
        lowest = np.iinfo(self._dtype).min if self._scale else 0
        self._plain = bool(
            self._scale
            and abs(self._scale * self._std - 1) < 1e-5
            # Its bound is 1e-5; int8 exports have -1 for what is -0.5, which no camera shows.
            and abs(self._mean - (self._zero_point - lowest)) <= 1
        )
        output = self._interpreter.get_output_details()[network.output]
        self._scores = self._interpreter.tensor(output["index"])
        self._score_scale, self._score_zero = output["quantization"]
        self.servo = Servo()

    def handle(self, pixels: Pixels) -> int:
        """Classify the whole frame; see `given.Loop`."""
        rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        self._input()[0][:, :] = self._levels(cv2.resize(rgb, self._size))
        self._interpreter.invoke()
        label, _ = self._classes(top_k=1)[0]
        self.servo.point_to(label)
        return label

    def close(self) -> None:
        """Nothing outlives it."""

    def _levels(self, rgb: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        if self._plain:
            return np.bitwise_xor(rgb, 0x80).view(np.int8) if self._dtype == np.int8 else rgb
        if not self._scale:
            return np.asarray((np.float32(rgb) - self._mean) / self._std)
        limits = np.iinfo(self._dtype)
        pixels = rgb.astype(np.float64)
        normalised = (pixels - self._mean) / (self._std * self._scale) + self._zero_point
        np.clip(normalised, limits.min, limits.max, out=normalised)
        return np.asarray(normalised, self._dtype)

    def _classes(self, top_k: int) -> list[tuple[int, float]]:
        scores = self._scores()[0]
        if self._score_scale:
            scores = self._score_scale * (scores.astype(np.int64) - self._score_zero)
        best = np.argpartition(scores, -top_k)[-top_k:]
        found = [(int(place), float(scores[place])) for place in best]
        return sorted(found, key=operator.itemgetter(1), reverse=True)
