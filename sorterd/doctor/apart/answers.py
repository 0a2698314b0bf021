"""Compare a bundle's golden answers: `python -m sorterd.doctor.apart.answers JSON`.

Tells `golden` (how many), `runtime`, `typical_ms` and what was `passed_over`; or `unavailable`, or
`fault`.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sorterd.classifiers import tflite
from sorterd.classifiers.bundle import BundleFault, load
from sorterd.clock import RealClock
from sorterd.ports import Clock, DeviceUnavailable


def told(question: Mapping[str, Any], clock: Clock) -> dict[str, object]:
    """Open a model as a station would, which compares its answers: the first that can be used.

    Args:
        question: `bundles`, folders in the order in which a station takes them; `runtime`,
            `threads` and `delegate`, as in the settings.
        clock: For the timing.
    """
    faults: list[str] = []
    for folder in question["bundles"]:
        try:
            answered = _asked(Path(folder), question, clock)
        except DeviceUnavailable as fault:
            return {"unavailable": str(fault)}
        except BundleFault as fault:
            faults.append(str(fault))
            continue
        return {**answered, "passed_over": "; ".join(faults)}
    return {"fault": "; ".join(faults)}


def _asked(folder: Path, question: Mapping[str, Any], clock: Clock) -> dict[str, object]:
    bundle = load(folder)
    model = tflite.open_part(
        bundle,
        runtime=question["runtime"],
        threads=question["threads"],
        batch_sizes=(1,),
        clock=clock,
        delegate=question["delegate"],
    )
    typical_ns, _ = model.costs[1]
    model.close()
    return {
        "golden": len(bundle.golden),
        "runtime": model.runtime,
        "typical_ms": typical_ns / 1e6,
    }


def main(argv: Sequence[str]) -> int:
    """Tell it."""
    (question,) = argv
    sys.stdout.write(json.dumps(told(json.loads(question), RealClock())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
