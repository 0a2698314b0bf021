"""A loop of one thread that looks at a reel as it comes: the plain one, or one that only waits.

What the waiting one uses (a wake-up and one read of a frame, thirty times a second) is what any
program pays for its camera here; it is taken off both the station's figure and the plain loop's.
"""

import sys
from pathlib import Path
from typing import NoReturn

from sorterd.clock import RealClock
from tools.workshop.bench.reel import ReelCamera, plan_of
from tools.workshop.bench.resident import ready
from tools.workshop.bench.rivals import naive
from tools.workshop.bench.rivals.given import Network


def wait() -> NoReturn:
    """Show a reel to nobody: its file, `empty` or `mixed`, and how many frames."""
    reel, which, frames = sys.argv[1:]
    camera = ReelCamera(RealClock(), Path(reel), plan_of(which, int(frames)))
    while camera.read() is not None:
        pass
    ready(cpu_ms=camera.cpu_ms_a_frame, shown=camera.shown)


def look() -> NoReturn:
    """Show a reel to the plain loop: as `wait`, and then a network's arguments."""
    reel, which, frames, *network = sys.argv[1:]
    loop = naive.Loop(Network.of(network))
    camera = ReelCamera(RealClock(), Path(reel), plan_of(which, int(frames)))
    while (frame := camera.read()) is not None:
        loop.handle(frame.pixels)
    ready(cpu_ms=camera.cpu_ms_a_frame, shown=camera.shown)
