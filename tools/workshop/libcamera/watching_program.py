"""Run sorterd's Pi camera on the real picamera2, and print what it saw as JSON.

    python -m tools.workshop.libcamera.watching_program BINDING look|starve [SETTING=VALUE ...]

`look` opens, reads and closes a few times; `starve` takes every frame that picamera2 has and gives
none back, so that the real one hangs, and then goes on as a station does. A program of its own,
for the Python that has picamera2.
"""

import json
import sys
from typing import Any, Final

from sorterd.cameras import pi
from sorterd.cameras.pi.device import BUFFERS
from sorterd.clock import RealClock
from sorterd.ports import DeviceFault, DeviceUnavailable
from tools.workshop.libcamera.shims import import_picamera2

FRAMES: Final = 20
TURNS: Final = 3


def main() -> None:
    """Do what the arguments say."""
    binding, what, *words = sys.argv[1:]
    import_picamera2(binding)
    given = dict(word.split("=", 1) for word in words)
    settings = pi.Settings.model_validate({"pixel_format": "NV12", **given})
    try:
        told = {"look": look_on, "starve": starve}[what](settings, RealClock())
    except (DeviceUnavailable, DeviceFault) as fault:
        told = {"refused": str(fault)}
    print(json.dumps(told))


def look_on(settings: pi.Settings, clock: RealClock) -> dict[str, object]:
    """Open, read and close a few times, and return what was seen."""
    turns = []
    for _ in range(TURNS):
        camera = pi.open_part(settings, clock)
        turns.append([look(camera, clock) for _ in range(FRAMES)])
        camera.close()
    return {"turns": turns}


def starve(settings: pi.Settings, clock: RealClock) -> dict[str, object]:
    """Have a camera hang, and return how long each call took; and what the next one sees."""
    camera = pi.open_part(settings, clock)
    real: Any = camera._device._camera  # noqa: SLF001 - nothing of sorterd's keeps a frame
    kept = [real.capture_request() for _ in range(BUFFERS)]
    begin_ns = clock.now_ns()
    try:
        camera.read()
        fault = ""
    except DeviceFault as error:
        fault = str(error)
    noticed_ns = clock.now_ns()
    camera.close()
    closed_ns = clock.now_ns()
    kept.clear()
    again = pi.open_part(settings, clock)
    turn = [look(again, clock) for _ in range(FRAMES)]
    again.close()
    return {
        "fault": fault,
        "noticed_ns": noticed_ns - begin_ns,
        "closed_ns": closed_ns - noticed_ns,
        "turns": [turn],
    }


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
