"""Build an Interpreter: `python -m sorterd.doctor.apart.runtime RUNTIME MODEL`.

Tells `built` with the runtime's version, `absent`, or `fault`.
"""

import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from sorterd.classifiers.bundle import BundleFault
from sorterd.classifiers.runtimes import MODULES, Runtime, usable_runtime, without_chatter
from sorterd.ports import DeviceUnavailable


def told(name: str, model: Path) -> dict[str, object]:
    """Try one runtime on one model."""
    if find_spec(MODULES[name].partition(".")[0]) is None:
        return {"absent": True}
    try:
        with without_chatter():
            usable_runtime(cast("Runtime", name), model, threads=1).build().allocate_tensors()
    except (DeviceUnavailable, BundleFault, RuntimeError) as fault:
        return {"fault": str(fault)}
    return {"built": version(name)}


def main(argv: Sequence[str]) -> int:
    """Tell it."""
    name, model = argv
    sys.stdout.write(json.dumps(told(name, Path(model))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
