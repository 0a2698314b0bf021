"""Open a camera and read some frames: `python -m sorterd.doctor.apart.camera JSON`.

Tells what the frames are like; or `unavailable`, `held`, or `fault`. While it has the camera it
holds the station's devices, as every program does that opens one.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from sorterd.clock import RealClock
from sorterd.holding import hold, holder
from sorterd.ports import Clock, DeviceFault, DeviceUnavailable, Frame
from sorterd.settings.parts import PartIn
from sorterd.settings.tree import View
from sorterd.wiring.devices import open_camera

FRAMES: Final = 15
"""Half a second at the usual rate: exposure has settled, and a rate can be told."""


def told(question: Mapping[str, Any], clock: Clock) -> dict[str, object]:
    """Look through a camera.

    Args:
        question: `camera` and `view`, as tables of the settings.
        clock: For the timing.

    Returns:
        `width_px`, `height_px`, `opened_ms`, `rate_hz` (0 if it cannot be told), `age_ms` of the
        last frame, and its mean `brightness_levels`.
    """
    began_ns = clock.now_ns()
    try:
        camera = open_camera(PartIn("cameras")(question["camera"]), _view(question), clock)
    except DeviceUnavailable as fault:
        return {"unavailable": str(fault)}
    opened_ns = clock.now_ns()
    frames: list[Frame] = []
    try:
        while len(frames) < FRAMES and (frame := camera.read()) is not None:
            frames.append(frame)
    except DeviceFault as fault:
        return {"fault": str(fault)}
    finally:
        camera.close()
    if not frames:
        return {"fault": "it is open and shows nothing"}
    lasted_ns = frames[-1].exposed_ns - frames[0].exposed_ns
    return {
        "width_px": camera.width_px,
        "height_px": camera.height_px,
        "opened_ms": (opened_ns - began_ns) / 1e6,
        "rate_hz": (len(frames) - 1) / lasted_ns * 1e9 if lasted_ns > 0 else 0.0,
        "age_ms": (clock.now_ns() - frames[-1].exposed_ns) / 1e6,
        "brightness_levels": float(np.mean(frames[-1].pixels)),
    }


def _view(question: Mapping[str, Any]) -> View:
    return View.model_validate(question["view"])


def main(argv: Sequence[str]) -> int:
    """Tell it."""
    (question,) = argv
    try:
        with hold("sorterd doctor"):
            answer = told(json.loads(question), RealClock())
    except DeviceUnavailable as fault:
        answer = {"held" if holder() is not None else "unavailable": str(fault)}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
