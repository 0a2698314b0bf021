"""Prepared frames in a plain file, and a camera that shows them: what the bench's programs look at.

A program that is measured must not hold the frames itself, or they would count as its own. So they
lie in a file, and each is read into memory of its own when its turn comes, as a driver hands frames
over. The camera also tells how much processor time its process has used while it showed them.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, cycle, islice, repeat
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from sorterd.clock import process_cpu_ns
from sorterd.ports import Clock, Frame

Plan = Iterator[int]
"""Which frame of the file comes next."""

# As in frames.py, which would bring the whole simulation into the programs that are measured.
WIDTH_PX: Final = 640
HEIGHT_PX: Final = 480
FRAME_NS: Final = 1_000_000_000 // 30
COUNT: Final = 42
"""Frames in each half of a reel; pieces then come round without a jump."""
WARM: Final = 20
"""Empty frames at the beginning of every plan: a station learns its belt by them."""
_EMPTY_ROUNDS: Final = 4


def write_reel(
    path: Path, empty: Sequence[npt.NDArray[np.uint8]], pieces: Sequence[npt.NDArray[np.uint8]]
) -> None:
    """Write `COUNT` frames of an empty belt and as many with pieces on it.

    Args:
        path: The file.
        empty: uint8[480, 640, 3] each.
        pieces: The same.
    """
    with path.open("wb") as file:
        for frame in (*empty[:COUNT], *pieces[:COUNT]):
            file.write(frame.tobytes())


def plan_of(which: str, frames: int, warm: int = WARM) -> Plan:
    """So many frames after the first ones, which are empty.

    Args:
        which: `empty` for an empty belt all the time; `mixed` for a round with pieces, then four
            rounds without, and again.
        frames: How many.
        warm: How many empty ones before them.
    """
    empty, pieces = range(COUNT), range(COUNT, 2 * COUNT)
    again = {
        "empty": cycle(empty),
        "mixed": cycle(chain(pieces, *repeat(empty, _EMPTY_ROUNDS))),
    }[which]
    return chain(islice(cycle(empty), warm), islice(again, frames))


class ReelCamera:
    """Shows a reel by a plan, a frame every thirtieth of a second. Meets `ports.Camera`.

    Args:
        clock: Paces it.
        reel: Written by `write_reel`.
        plan: Which frames.
        at_end: Called once, with the camera, on the thread that reads, when the plan is over.
        warm: From which frame on processor time is counted.

    Attributes:
        width_px: Columns of every frame.
        height_px: Rows of every frame.
        shown: Frames that were handed over.
        warm_cpu_ns: What the process had used by the first frame that counts.
        cpu_ns: What it had used by the last frame.
    """

    width_px, height_px = WIDTH_PX, HEIGHT_PX

    def __init__(
        self,
        clock: Clock,
        reel: Path,
        plan: Plan,
        at_end: Callable[["ReelCamera"], object] | None = None,
        *,
        warm: int = WARM,
    ) -> None:
        self._warm = warm
        self._clock = clock
        # No buffer of Python's between: a frame is read once.
        self._file = reel.open("rb", buffering=0)
        self._plan = plan
        self._at_end = at_end
        self._began_ns = clock.now_ns()
        self.shown = 0
        self.warm_cpu_ns = 0
        self.cpu_ns = 0

    @property
    def due_ns(self) -> int:
        """When the next frame is exposed."""
        return self._began_ns + self.shown * FRAME_NS

    @property
    def cpu_ms_a_frame(self) -> float:
        """Processor time of the whole process for each frame that counts, milliseconds."""
        return (self.cpu_ns - self.warm_cpu_ns) / max(1, self.shown - self._warm) / 1e6

    def read(self) -> Frame | None:
        """Wait for the next frame; None once the plan is over."""
        self._clock.sleep_until(self.due_ns)
        number = next(self._plan, None)
        if self.shown == self._warm:
            self.warm_cpu_ns = process_cpu_ns()
        if number is None:
            self.cpu_ns = process_cpu_ns()
            if self._at_end is not None:
                self._at_end(self)
            return None
        pixels = np.empty((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
        self._file.seek(number * pixels.nbytes)
        # The file's own buffering is off, so what is read goes straight into the frame.
        self._file.readinto(pixels.data)
        frame = Frame(self.shown, self.due_ns, pixels)
        self.shown += 1
        return frame

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
