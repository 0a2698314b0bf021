"""The kernel's small files below /proc and /sys: a word or a number each, or nothing.

What the system does not tell is None, never zero: no answer is not good news.
"""

from pathlib import Path


def words_in(file: Path) -> str | None:
    """A file's words, stripped; None if it is not there, may not be read or is empty.

    The device tree ends its strings with a zero byte, which is stripped too.
    """
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip("\0 \t\r\n") or None
    except OSError:
        return None


def whole_number(text: str | None, base: int = 10) -> int | None:
    """Read a whole number; None for what is none."""
    try:
        return int(text, base) if text is not None else None
    except ValueError:
        return None
