"""How far a simulated belt has run: a closed form, so that any instant can be asked for at once.

The speed swings about its mean by a sum of sines, whose integral is known; a halt takes its time
out of the running. Time is counted from the world's start.
"""

from math import cos, sin

import numpy as np

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

# Periods (s) of a belt's uneven run and their shares of the jitter: a roller's turn, the loop's
# joint passing the drive, the motor's slow wandering. None is a multiple of another.
SWINGS = ((0.9, 0.25), (2.3, 0.30), (7.1, 0.45))


class Travel:
    """A pure function of time and its inverse. Any thread.

    Args:
        speed_mm_s: Mean speed; more than 0.
        jitter_frac: The speed stays within this share of the mean; 0 to below 1.
        halts: (start, length) in milliseconds from the start, in order, not overlapping.
        rng: Gives the swings their phases.

    Raises:
        ValueError: A speed or jitter outside its bounds, or halts that overlap.
    """

    def __init__(
        self,
        speed_mm_s: float,
        jitter_frac: float,
        halts: tuple[tuple[int, int], ...],
        rng: np.random.Generator,
    ) -> None:
        if speed_mm_s <= 0 or not 0 <= jitter_frac < 1:
            raise ValueError(f"a belt cannot run at {speed_mm_s} mm/s, {jitter_frac} uneven")
        ends_ms = [0, *(start_ms + length_ms for start_ms, length_ms in halts)]
        if any(start_ms < end_ms for end_ms, (start_ms, _) in zip(ends_ms, halts, strict=False)):
            raise ValueError(f"halts must follow one another: {halts}")
        self._speed_mm_s = speed_mm_s
        self._slowest_mm_s = speed_mm_s * (1 - jitter_frac)
        self._halts = tuple((start * NS_PER_MS, length * NS_PER_MS) for start, length in halts)
        phases = rng.uniform(0, 2 * np.pi, len(SWINGS))
        self._swings = tuple(
            (jitter_frac * share, 2 * np.pi / period_s, float(phase))
            for (period_s, share), phase in zip(SWINGS, phases, strict=True)
        )

    def running_s(self, t_ns: int) -> float:
        """Return for how long the belt has run, without its halts, by `t_ns` after the start."""
        halted_ns = sum(min(max(t_ns - start, 0), length) for start, length in self._halts)
        return (t_ns - halted_ns) / NS_PER_S

    def travel_mm(self, t_ns: int) -> float:
        """Return how far the belt has run by `t_ns` after the start; never falls as time rises."""
        run_s = self.running_s(t_ns)
        # The integral of 1 + sum of a * sin(w * t + p), from 0.
        even_s = run_s + sum(
            size / omega * (cos(phase) - cos(omega * run_s + phase))
            for size, omega, phase in self._swings
        )
        return self._speed_mm_s * even_s

    def speed_mm_s(self, t_ns: int) -> float:
        """Return the speed at `t_ns` after the start; 0 in a halt."""
        if any(start <= t_ns < start + length for start, length in self._halts):
            return 0.0
        run_s = self.running_s(t_ns)
        return self._speed_mm_s * (
            1 + sum(size * sin(omega * run_s + phase) for size, omega, phase in self._swings)
        )

    def instant_ns(self, travel_mm: float) -> int:
        """Return the first instant after the start by which the belt has run `travel_mm`."""
        early_ns = 0
        halted_ns = sum(length for _, length in self._halts)
        late_ns = int(max(0.0, travel_mm) / self._slowest_mm_s * NS_PER_S) + halted_ns + 1
        while early_ns < late_ns:
            middle_ns = (early_ns + late_ns) // 2
            if self.travel_mm(middle_ns) >= travel_mm:
                late_ns = middle_ns
            else:
                early_ns = middle_ns + 1
        return early_ns
