"""MediaPipe's image classifier in VIDEO mode, as its Python guide writes it.

From "Image classification guide for Python" (ai.google.dev/edge/mediapipe): options with
`RunningMode.VIDEO`, `classify_for_video` with a timestamp that rises; frames are RGB, so OpenCV's
are converted first. It runs its own copy of the runtime, with as many threads as it takes, on the
bundle's model as `tools/export.py` writes it: the same layers, with pixels in and shares out.
"""

from importlib import import_module
from typing import Final

import cv2

from tools.workshop.bench.rivals.given import Network, Pixels, Servo

_FRAME_MS: Final = 33


class Loop:
    """Meets `given.Loop`.

    Args:
        network: Its `model` is an exported one.
    """

    def __init__(self, network: Network) -> None:
        self._mediapipe = import_module("mediapipe")
        python = import_module("mediapipe.tasks.python")
        vision = import_module("mediapipe.tasks.python.vision")
        self._classifier = vision.ImageClassifier.create_from_options(
            vision.ImageClassifierOptions(
                base_options=python.BaseOptions(model_asset_path=str(network.model)),
                running_mode=vision.RunningMode.VIDEO,
                max_results=1,
            )
        )
        self._timestamp_ms = 0
        self.servo = Servo()

    def handle(self, pixels: Pixels) -> int:
        """Classify the whole frame; see `given.Loop`."""
        rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB,
            data=rgb,
        )
        self._timestamp_ms += _FRAME_MS
        found = self._classifier.classify_for_video(image, self._timestamp_ms)
        # The labels' head is the last one that an exported bundle has.
        label = int(found.classifications[-1].categories[0].index)
        self.servo.point_to(label)
        return label

    def close(self) -> None:
        """Stop its threads; left to the end of the program, it fails while it is taken apart."""
        self._classifier.close()
