"""Say what a moving belt looks like: raw pictures on standard output, for v4l2-ctl to play.

Each is a window of a long picture. It stands over the empty belt while /run/emulated/belt says
"rest", and moves down while it says "run". Five a second are enough for a belt that creeps, and all
that an emulated processor should be asked for. Nothing but Debian's Python is needed.
"""

import mmap
import sys
import time
from pathlib import Path

WORD = Path("/run/emulated/belt")
PERIOD_S = 0.2


def main(strip: str, line_bytes: int, window_lines: int, speed_lines_s: float) -> None:
    """Play until nobody listens.

    Args:
        strip: The file of lines; the last `window_lines` are the first ones again.
        line_bytes: Of one line.
        window_lines: Of one picture.
        speed_lines_s: How fast the belt runs.
    """
    with Path(strip).open("rb") as file:
        lines = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    length = len(lines) // line_bytes - window_lines
    began = time.monotonic()
    while True:
        if _word() == "rest":
            began = time.monotonic()
        moved = round((time.monotonic() - began) * speed_lines_s)
        first = (length - window_lines - moved) % length
        sys.stdout.buffer.write(lines[first * line_bytes : (first + window_lines) * line_bytes])
        sys.stdout.buffer.flush()
        time.sleep(PERIOD_S)


def _word() -> str:
    try:
        return WORD.read_text().strip()
    except FileNotFoundError:
        return "rest"


if __name__ == "__main__":
    strip, line_bytes, window_lines, speed_lines_s = sys.argv[1:]
    main(strip, int(line_bytes), int(window_lines), float(speed_lines_s))
