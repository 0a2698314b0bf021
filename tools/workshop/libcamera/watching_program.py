"""Run sorterd's Pi camera on the real picamera2, and print what it saw as JSON.

    python -m tools.workshop.libcamera.watching_program BINDING [SETTING=VALUE ...]

A program of its own, for the Python that has picamera2.
"""

import json
import sys
from typing import Final

from sorterd.cameras import pi
from sorterd.clock import RealClock
from sorterd.ports import DeviceFault, DeviceUnavailable
from tools.workshop.libcamera.shims import import_picamera2

FRAMES: Final = 20
TURNS: Final = 3


def main() -> None:
    """Open, read and close a few times."""
    binding, *words = sys.argv[1:]
    import_picamera2(binding)
    given = dict(word.split("=", 1) for word in words)
    settings = pi.Settings.model_validate({"pixel_format": "NV12", **given})
    clock = RealClock()
    turns = []
    try:
        for _ in range(TURNS):
            camera = pi.open_part(settings, clock)
            turns.append([look(camera, clock) for _ in range(FRAMES)])
            camera.close()
    except (DeviceUnavailable, DeviceFault) as fault:
        print(json.dumps({"refused": str(fault)}))
    else:
        print(json.dumps({"turns": turns}))


def look(camera: pi.PiCamera, clock: RealClock) -> dict[str, object]:
    """Read a frame, and return what it was like."""
    before_ns = clock.now_ns()
    frame = camera.read()
    if frame is None:
        raise RuntimeError("a camera came to its end")
    now_ns = clock.now_ns()
    height_px, width_px = frame.pixels.shape[:2]
    return {
        "sequence": frame.sequence,
        "exposed_ns": frame.exposed_ns,
        "age_ns": now_ns - frame.exposed_ns,
        "took_ns": now_ns - before_ns,
        "size": [width_px, height_px],
        "middle_bgr": frame.pixels[height_px // 2, width_px // 2].tolist(),
    }


if __name__ == "__main__":
    main()
