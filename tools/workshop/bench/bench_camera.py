"""Cameras over a belt that was drawn before: they take no time to draw and show what time it is.

A film's frames lie one tick of the belt apart and go round and round. Which one is shown follows
from the instant of exposure, so pieces keep the belt's speed however unevenly frames are asked
for. First comes the empty belt, for as long as a station needs to learn it.

A frame is exposed, for these cameras, at the instant at which it is handed on: the driver of a real
camera adds its own time, which no station can help.
"""

import math
import threading
from collections.abc import Collection, Sequence

from sorterd.clock import process_cpu_ns
from sorterd.ports import Clock, Frame
from tools.workshop.bench.frames import FRAME_NS, HEIGHT_PX, WIDTH_PX, Pixels


class _FilmCamera:
    """What both cameras have in common. Meets `ports.Camera`.

    Args:
        clock: The station's.
        empty: Frames of the empty belt, shown first, at 30 a second.
        film: Frames of the belt, a tick apart; shown round and round.
        tick_ns: How long the belt needs from one frame of the film to the next.
        shown: Which frames of the film are ever shown, by their place in it; all if empty.

    Attributes:
        ready: Set once the empty belt was shown.
        cpu_ns: What the whole process had worked when the last frame was exposed.
    """

    width_px = WIDTH_PX
    height_px = HEIGHT_PX

    def __init__(
        self,
        clock: Clock,
        empty: Sequence[Pixels],
        film: Sequence[Pixels],
        *,
        tick_ns: int,
        shown: Collection[int] = (),
    ) -> None:
        self._clock = clock
        self._empty = list(empty)
        self._film = list(film)
        self._tick_ns = tick_ns
        self._shown = frozenset(shown) or frozenset(range(len(film)))
        self._begun_ns = clock.now_ns()
        self._sequence = 0
        self.ready = threading.Event()
        self.closed = False
        self.cpu_ns = 0

    @property
    def due_ns(self) -> int:
        """When the next frame is exposed at the earliest; see `ports.Camera`."""
        if self._sequence <= len(self._empty):
            return self._begun_ns + self._sequence * FRAME_NS
        return self._earliest_ns()

    def read(self) -> Frame | None:
        """Wait for the next frame; see `ports.Camera`."""
        if self._sequence < len(self._empty):
            self._clock.sleep_until(self.due_ns)
            return self._frame(self._empty[self._sequence])
        if not self.ready.is_set():
            self._begun_ns = self._clock.now_ns()
            self.ready.set()
        at_ns = self._next_ns()
        if at_ns is None or self.closed:
            return None
        self._clock.sleep_until(at_ns)
        # The nearest picture: a thread that was woken late shows a belt that has run on.
        tick = round((self._clock.now_ns() - self._begun_ns) / self._tick_ns)
        return self._frame(self._film[tick % len(self._film)])

    def close(self) -> None:
        """Show no more."""
        self.closed = True

    def _frame(self, pixels: Pixels) -> Frame:
        self._sequence += 1
        self.cpu_ns = process_cpu_ns()
        return Frame(self._sequence, self._clock.now_ns(), pixels)

    def _earliest_ns(self) -> int:
        """Return the earliest instant of the next frame of the film."""
        raise NotImplementedError

    def _next_ns(self) -> int | None:
        """Return when the next frame is exposed; None if there is none."""
        raise NotImplementedError

    def _tick_from(self, t_ns: int) -> int:
        """Return the first tick at `t_ns` or later whose frame is shown."""
        ticks = math.ceil((t_ns - self._begun_ns) / self._tick_ns)
        while ticks % len(self._film) not in self._shown:
            ticks += 1
        return self._begun_ns + ticks * self._tick_ns


class ToldCamera(_FilmCamera):
    """Exposes a frame when it is told to, at the belt's next tick. Any thread may tell it."""

    def __init__(
        self,
        clock: Clock,
        empty: Sequence[Pixels],
        film: Sequence[Pixels],
        *,
        tick_ns: int,
        shown: Collection[int] = (),
    ) -> None:
        super().__init__(clock, empty, film, tick_ns=tick_ns, shown=shown)
        self._told = threading.Event()

    def tell(self) -> None:
        """Ask for the next frame."""
        self._told.set()

    def close(self) -> None:
        """Show no more."""
        super().close()
        self._told.set()

    def _earliest_ns(self) -> int:
        return 0

    def _next_ns(self) -> int | None:
        self._told.wait()
        self._told.clear()
        return self._tick_from(self._clock.now_ns())


class PacedCamera(_FilmCamera):
    """Exposes a frame at even, absolute instants, a tick apart."""

    _last_ns = 0

    def _earliest_ns(self) -> int:
        return self._tick_from(max(self._clock.now_ns(), self._last_ns + self._tick_ns // 2))

    def _next_ns(self) -> int | None:
        self._last_ns = self._earliest_ns()
        return self._last_ns
