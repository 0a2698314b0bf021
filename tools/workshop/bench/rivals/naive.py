"""The plain OpenCV loop: the whole frame, resized, normalised in floats, quantised, asked.

Preprocessing and reading as in TensorFlow's `lite/examples/python/label_image.py` ((x - mean) / std
in float32, `set_tensor`, `invoke`, `get_tensor`); for an integer model the input is brought to its
levels as in TensorFlow's guide "Post-training integer quantization" (divide by the scale, add the
zero point, `astype`). OpenCV's threads are as OpenCV starts them.
"""

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
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[network.output]
        _, self._height_px, self._width_px, _ = self._input["shape"]
        self._mean, self._std = network.mean, network.std
        self.servo = Servo()

    def handle(self, pixels: Pixels) -> int:
        """Classify the whole frame; see `given.Loop`."""
        self._interpreter.set_tensor(self._input["index"], self._prepared(pixels))
        self._interpreter.invoke()
        scores = np.squeeze(self._interpreter.get_tensor(self._output["index"]))
        label = int(np.argmax(scores))
        self.servo.point_to(label)
        return label

    def close(self) -> None:
        """Nothing outlives it."""

    def _prepared(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        resized = cv2.resize(pixels, (self._width_px, self._height_px))
        rgb = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)
        numbers = (np.float32(rgb) - self._mean) / self._std
        scale, zero_point = self._input["quantization"]
        if scale:
            numbers = numbers / scale + zero_point
        levels: npt.NDArray[np.generic] = numbers.astype(self._input["dtype"])
        return np.expand_dims(levels, axis=0)
