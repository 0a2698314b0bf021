"""The station's road without its threads, on one thread, looking at a reel as it comes.

It shows how much of the station's figure on an empty belt is finding and deciding, and so how much
is threads and their hand-offs.
"""

import sys
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.clock import RealClock, thread_cpu_ns
from sorterd.pipeline import Finder, Pipeline
from sorterd.settings import load
from sorterd.vision.regions import Finding
from sorterd.wiring.models import open_model
from sorterd.wiring.parts import region_finder
from sorterd.wiring.plans import mind
from tools.workshop.bench.reel import WARM, ReelCamera, plan_of
from tools.workshop.bench.resident import ready


class _Timed:
    """A finder that tells the processor time it has used since it was last asked for that."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self.cpu_ns = 0

    def find(self, pixels: npt.NDArray[np.uint8], exposed_ns: int, /) -> Finding:
        """Look at one frame; see `Finder`."""
        before_ns = thread_cpu_ns()
        finding = self._finder.find(pixels, exposed_ns)
        self.cpu_ns += thread_cpu_ns() - before_ns
        return finding


def look() -> NoReturn:
    """The command line: settings, reel, `empty` or `mixed`, and how many frames."""
    config, reel, which, frames = sys.argv[1:]
    settings, clock = load(Path(config), {}), RealClock()
    model = open_model(settings, clock)
    finder = _Timed(region_finder(settings, model))
    cv2.setNumThreads(1)  # as the station does when it is assembled
    pipeline = Pipeline(finder, mind(settings, model, model.costs), clock)
    camera = ReelCamera(clock, Path(reel), plan_of(which, int(frames)))
    see_ns = 0
    while (frame := camera.read()) is not None:
        if camera.shown == WARM:
            finder.cpu_ns = see_ns = 0
        before_ns = thread_cpu_ns()
        if pipeline.worth_seeing(frame):
            for _ in pipeline.see(frame):
                pass
        see_ns += thread_cpu_ns() - before_ns
    counted = max(1, camera.shown - WARM)
    ready(find_cpu_ms=finder.cpu_ns / counted / 1e6, see_cpu_ms=see_ns / counted / 1e6)
