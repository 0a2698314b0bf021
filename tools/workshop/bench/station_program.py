"""The station as it really starts and runs: its own command line, with a reel for a camera.

Only the camera's device is another: `sorterd.cameras.v4l2.open_part`, which the station calls on
its capture thread once everything else is up, gives a reel's camera. So the instant of that call
is the instant at which the station is ready for frames. It touches no device, so it takes the lock
that a station takes where nobody else does, and is in no other program's way.

Nothing is imported before `sorterd.__main__` has set what it sets before the first import.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sorterd.__main__ import main, start_lean
from tools.workshop.bench.resident import ready

if TYPE_CHECKING:
    from sorterd.ports import Camera, Clock, PartSettings
    from tools.workshop.bench.reel import ReelCamera


def start() -> NoReturn:
    """Run `sorterd --config FILE` until it is ready for frames; say what it holds, and end."""
    (config,) = sys.argv[1:]

    def open_part(settings: "PartSettings", clock: "Clock") -> "Camera":
        del settings, clock
        ready()

    _run(config, open_part)


def look() -> NoReturn:
    """Run `sorterd --config FILE` on a reel; at its end say what it holds and used, and end.

    The command line: the settings, the reel, `empty` or `mixed`, how many frames, and how many
    empty ones before them.
    """
    config, path, which, frames, warm = sys.argv[1:]

    def open_part(settings: "PartSettings", clock: "Clock") -> "Camera":
        del settings
        reel = import_module("tools.workshop.bench.reel")
        plan = reel.plan_of(which, int(frames), int(warm))
        camera: Camera = reel.ReelCamera(clock, Path(path), plan, _tell, warm=int(warm))
        return camera

    _run(config, open_part)


def _run(config: str, open_part: "Callable[[PartSettings, Clock], Camera]") -> NoReturn:
    start_lean()
    setattr(import_module("sorterd.holding"), "PLACES", (Path(config).parent,))  # noqa: B010
    v4l2 = import_module("sorterd.cameras.v4l2")
    setattr(v4l2, "open_part", open_part)  # noqa: B010  # types see a function that is given away
    sys.argv = ["sorterd", "--config", config]
    sys.exit(main())


def _tell(camera: "ReelCamera") -> None:
    ready(cpu_ms=camera.cpu_ms_a_frame, shown=camera.shown)
