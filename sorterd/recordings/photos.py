"""A folder of photographs, one after the other.

A folder that somebody collected holds things that are no photographs. They are
passed over and noted, one line each, and must never stop the good ones.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from sorterd.recordings.pictures import FORMATS, Unusable, load_picture

RATE_HZ = 2.0
"""Photographs have no pace of their own: slow enough to be watched."""


class Photos:
    """The photographs of a list of files, decoded one at a time.

    Belongs to one thread.

    Args:
        path: The folder, for messages.
        paths: Its files in order; this list becomes the object's own.
        faults: What is known to be wrong already.
        longer_px: The longer side that is wanted; see `load_picture`.

    Attributes:
        period_ns: From one photograph to the next.
        picture: uint8[H, W, 3], BGR: what `advance` found; never written to again.
        faults: One line for each file that was passed over.
    """

    period_ns = round(1e9 / RATE_HZ)
    picture: npt.NDArray[np.uint8]

    def __init__(self, path: Path, paths: list[Path], faults: list[str], longer_px: int) -> None:
        self._path = path
        self._paths = paths
        self._longer_px = longer_px
        self._next = 0
        self.faults = faults

    def advance(self) -> int | None:
        """Decode the next file that can be used; return its instant in ns, or None at the end."""
        while self._next < len(self._paths):
            found = load_picture(self._paths[self._next], longer_px=self._longer_px)
            if isinstance(found, Unusable):
                # Taken off the list, so that it is noted once and not tried again in a loop.
                self.faults.append(str(found))
                del self._paths[self._next]
                continue
            self.picture = found
            self._next += 1
            return (self._next - 1) * self.period_ns
        return None

    def nothing(self) -> str:
        """Say, in one line, that there was not even a first photograph."""
        wanted = f"give a folder of {FORMATS} pictures, or one video file"
        if not self.faults:
            return f"{self._path}: the folder is empty; {wanted}"
        return (
            f"{self._path}: none of {len(self.faults)} files can be used; {wanted}"
            f" (the first was {self.faults[0]})"
        )

    def shortfall(self) -> str | None:
        """Return None: what is missing from a folder is in `faults`."""
        return None

    def rewind(self) -> None:
        """Go back to the first photograph."""
        self._next = 0

    def close(self) -> None:
        """Forget the files. Harmless when repeated."""
        self._paths = []
