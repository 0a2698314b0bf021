"""What was measured, and how far it may be off: errors from the spread of parts, not of frames.

Neighbouring frames err together (the belt's speed wavers slowly, a tilted camera errs with the
place), so their number says little. A run is cut into parts that follow one another, each part is
measured by itself, and the spread of the parts gives the error of the whole. That overstates what
plain noise would do and does not understate what wavers within the run.

Errors are those of 95% confidence, here and in everything that is printed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf, sqrt
from statistics import stdev
from typing import Final

# Student's t, 97.5%, by degrees of freedom from 1; beyond them the normal distribution's 1.96 is
# nearer than one part in 13.
_STUDENT: Final = (
    12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13,
)  # fmt: skip
_NORMAL: Final = 2.0


class NotMeasured(Exception):
    """The recording does not show what was to be measured; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with its error.

    Attributes:
        value: In the unit that the name of whatever holds this ends in.
        error: In the same unit: the truth lies within it, either way, in 95 of 100 cases.
    """

    value: float
    error: float

    @property
    def error_frac(self) -> float:
        """The error as a share of the value."""
        return self.error / abs(self.value) if self.value else inf

    def times(self, other: "Measured") -> "Measured":
        """Return the product of two that err independently of one another."""
        value = self.value * other.value
        return Measured(value, abs(value) * hypot(self.error_frac, other.error_frac))

    def over(self, other: "Measured") -> "Measured":
        """Return the quotient of two that err independently of one another."""
        value = self.value / other.value
        return Measured(value, abs(value) * hypot(self.error_frac, other.error_frac))


def error_of_mean(parts: Sequence[float]) -> float:
    """Return the 95% error of the mean of parts that err independently; infinite for one part."""
    if len(parts) < 2:
        return inf
    return student(len(parts) - 1) * stdev(parts) / sqrt(len(parts))


def student(freedom: int) -> float:
    """Return how many standard errors hold the truth in 95 of 100 cases."""
    return _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else _NORMAL
