"""Import a library of the hardware: `python -m sorterd.doctor.apart.library NAME`.

Tells its `version`, for libcamera also its `cameras`; `absent`, or `fault`. It goes to an empty
folder first, for lgpio makes a pipe where it is imported.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType


def told(name: str) -> dict[str, object]:
    """Try one library."""
    if find_spec(name) is None:
        return {"absent": True}
    try:
        library = import_module(name)
    # A library of apt's that was built for numpy 1 fails beside numpy 2 with ValueError ("size
    # changed") or AttributeError; a shared library that is not there with ImportError or OSError.
    except (ImportError, OSError, ValueError, AttributeError, SystemError) as fault:
        return {"fault": " ".join(f"{type(fault).__name__}: {fault}".split())[:200]}
    cameras = _cameras(library) if name == "libcamera" else []
    return {"version": _version(name, library), "cameras": cameras}


def _version(name: str, library: ModuleType) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # apt's libcamera has no entry of its own
        return str(getattr(library, "__version__", "of an unknown version"))


def _cameras(libcamera: ModuleType) -> list[str]:
    """Each camera by its sensor's model and its id."""
    manager = libcamera.CameraManager.singleton()
    models = ((camera, camera.properties) for camera in manager.cameras)
    return [f"{_model(told)} at {camera.id}" for camera, told in models]


def _model(properties: dict[object, object]) -> str:
    named = (value for key, value in properties.items() if str(key).endswith("Model"))
    return str(next(named, "a camera"))


def main(argv: Sequence[str]) -> int:
    """Tell it."""
    (name,) = argv
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        answer = told(name)
        os.chdir("/")
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
