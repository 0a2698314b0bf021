"""What came of asking for a picture: its bytes, or the reason why there are none.

A link that leads nowhere is data, not a fault: it is counted and reported. Nothing here asks.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Body:
    """A file as it was handed over.

    Attributes:
        content: All of it.
        fetched: When, as `stamp` writes it; empty where nobody said.
    """

    content: bytes
    fetched: str


@dataclass(frozen=True, slots=True)
class Missed:
    """There is no picture.

    Attributes:
        reason: Why, in a few words.
        lasting: Whether asking again would most likely end the same: a page that is gone stays
            gone, a host that was silent may speak tomorrow.
    """

    reason: str
    lasting: bool


def stamp(epoch_s: float) -> str:
    """A moment that was noted by somebody else, in UTC: `2026-11-03T09:15:00Z`."""
    return f"{np.datetime64(int(epoch_s), 's')}Z"
