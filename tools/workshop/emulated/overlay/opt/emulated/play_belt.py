"""Play a belt to the pretended camera: raw lines of a long picture, a window that moves down.

The window stands over the empty belt while /run/emulated/belt says "rest", and moves while it says
"run". Every line is as wide as the device's; nothing but Debian's Python is needed.
"""

import mmap
import os
import sys
import time
from pathlib import Path

WORD = Path("/run/emulated/belt")


def main(device: str, strip: str, line_bytes: int, window_lines: int, speed_lines_s: float) -> None:
    """Play until killed.

    Args:
        device: The video output.
        strip: The file of lines; the last `window_lines` are the first ones again.
        line_bytes: Of one line.
        window_lines: Of one picture.
        speed_lines_s: How fast the belt runs.
    """
    out = os.open(device, os.O_WRONLY)
    with Path(strip).open("rb") as file:
        lines = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    length = len(lines) // line_bytes - window_lines
    began = time.monotonic()
    while True:
        if _word() == "rest":
            began = time.monotonic()
        moved = round((time.monotonic() - began) * speed_lines_s)
        first = (length - window_lines - moved) % length
        os.write(out, lines[first * line_bytes : (first + window_lines) * line_bytes])


def _word() -> str:
    try:
        return WORD.read_text().strip()
    except FileNotFoundError:
        return "rest"


if __name__ == "__main__":
    device, strip, *numbers = sys.argv[1:]
    main(device, strip, int(numbers[0]), int(numbers[1]), float(numbers[2]))
