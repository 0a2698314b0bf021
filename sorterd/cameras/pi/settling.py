"""Whether exposure and white balance have come to rest, and the words for what they came to."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

FRAMES: Final = 10
"""So many frames in a row must agree: a third of a second at the usual rate."""
APART_FRAC: Final = 0.02
"""By so little they may differ: five of 255 levels, where it is brightest."""


class Settling:
    """Follows what the camera does of itself, frame by frame."""

    def __init__(self) -> None:
        self._last: deque[tuple[float, ...]] = deque(maxlen=FRAMES)

    def settled(self, metadata: Mapping[str, Any]) -> bool:
        """Take the next frame's metadata, and tell whether the camera has come to rest."""
        light = float(metadata.get("ExposureTime", 0)) * float(metadata.get("AnalogueGain", 1))
        self._last.append((light, *map(float, metadata.get("ColourGains", ()))))
        if len(self._last) < FRAMES:
            return False
        return all(
            max(values) <= min(values) * (1 + APART_FRAC)
            for values in zip(*self._last, strict=True)
        )


def told(metadata: Mapping[str, Any]) -> str:
    """Return what a camera came to, for the log."""
    parts = []
    if "ExposureTime" in metadata:
        parts.append(f"exposure {metadata['ExposureTime']} us")
    if "AnalogueGain" in metadata:
        parts.append(f"gain {metadata['AnalogueGain']:.2f}")
    if "ColourGains" in metadata:
        red, blue = metadata["ColourGains"]
        parts.append(f"red {red:.2f}, blue {blue:.2f}")
    return ", ".join(parts) or "nothing that it tells"
