"""Watch what covers the view: it may be the new belt.

A hand that moves is waited for. What keeps still for seconds, or will not go at all, is what the
camera will see from now on (another lamp, a moved camera, another belt) and must be learned.
"""

import cv2

from sorterd.vision.grids import Picture, changed_places

_STILL_NS = 3_000_000_000
_GIVE_UP_NS = 60_000_000_000
# A single piece that passes beside does not count as movement.
_MOVED_FRAC = 0.05


class Cover:
    """What lies over the view, if anything does. One thread."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._still_since_ns = 0
        self._reference: Picture

    @property
    def lies(self) -> bool:
        """Whether something covered the view in the last frame."""
        return self._since_ns is not None

    def lift(self) -> None:
        """The view is free again."""
        self._since_ns = None

    def lie(self, coarse: Picture, margin: Picture, exposed_ns: int) -> bool:
        """The view is covered in this frame.

        Args:
            coarse: The picture. Kept.
            margin: What the belt differs by on its own.
            exposed_ns: When it was exposed.

        Returns:
            Whether it has lain so still, or so long, that it must be taken for the belt.
        """
        if self._since_ns is None:
            self._since_ns = self._still_since_ns = exposed_ns
            self._reference = coarse
            return False
        moved = changed_places(coarse, self._reference, margin)
        if cv2.countNonZero(moved) > _MOVED_FRAC * moved.size:
            self._still_since_ns = exposed_ns
            self._reference = coarse
        still = exposed_ns - self._still_since_ns >= _STILL_NS
        return still or exposed_ns - self._since_ns >= _GIVE_UP_NS
