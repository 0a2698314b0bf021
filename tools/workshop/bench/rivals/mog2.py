"""Background subtraction first: MOG2, contours, the largest one cropped and classified.

As in OpenCV's tutorials "How to Use Background Subtraction Methods" (the subtractor with its usual
values, applied to every whole frame; shadows, 127 in its mask, cut off) and "Contours: Getting
Started"; what is cropped goes through the plain loop's preprocessing.
"""

import cv2

from tools.workshop.bench.rivals import naive
from tools.workshop.bench.rivals.given import Network, Pixels

LEAST_PX = 400
"""Smaller contours are noise: as sorterd's own finder has it unless it is told otherwise."""
_SHADOW = 127


class Loop:
    """Meets `given.Loop`. It learns from the frames that it is shown, in their order.

    Args:
        network: What is asked.
    """

    def __init__(self, network: Network) -> None:
        self._subtractor = cv2.createBackgroundSubtractorMOG2()
        self._naive = naive.Loop(network)
        self.servo = self._naive.servo

    def handle(self, pixels: Pixels) -> int | None:
        """Classify the largest moving thing, if there is one; see `given.Loop`."""
        mask = self._subtractor.apply(pixels)
        _, moving = cv2.threshold(mask, _SHADOW, 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(moving, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        largest = max(contours, key=cv2.contourArea, default=None)
        if largest is None or cv2.contourArea(largest) < LEAST_PX:
            return None
        left, top, width, height = cv2.boundingRect(largest)
        return self._naive.handle(pixels[top : top + height, left : left + width])

    def close(self) -> None:
        """Nothing outlives it."""
