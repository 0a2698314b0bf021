"""What the core counts in, by what a person writes."""

from typing import Final

MS_NS: Final = 1_000_000
MB_BYTES: Final = 1_000_000
