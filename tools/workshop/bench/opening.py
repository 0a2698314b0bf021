"""Open a bundle the way a station does, whatever its labels are.

The settings are the usual ones but for what a chapter changes, and the bins, which are the
bundle's own: any bundle can be measured without a file of settings. The environment is not read,
so that two runs measure the same station. Gates are simulated; the model is the real one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sorterd.classifiers.bundle import Bundle
from sorterd.ports import Clock
from sorterd.settings import Settings
from sorterd.wiring.devices import simulated_gates
from sorterd.wiring.models import Model, open_model
from sorterd.wiring.parts import Station, assemble
from tools.workshop.bench.rows import Bench

EVERY_FRAME: Final[Mapping[str, object]] = MappingProxyType(
    {
        "judging.same_view_mm": 1.0,
        # A belief may round to 1: only the number of views keeps a verdict open for certain.
        "judging.min_views": 100,
        "judging.max_views": 100,
        "judging.sure_frac": 1.0,
    }
)
"""Settings with which every frame of a piece asks for a crop, however sure the model is."""

# The usual station has a gate every 110 mm from here, and 170 mm of belt behind the last.
_FIRST_GATE_MM: Final = 450.0
_GATE_PITCH_MM: Final = 110.0
_AFTER_GATES_MM: Final = 170.0
# As many as the settings take; further bins share the last gate.
_MOST_GATES: Final = 16


def open_single(bench: Bench, given: Mapping[str, object] = EVERY_FRAME) -> tuple[Settings, Model]:
    """Open the bench's bundle for one crop a call, one thread, timed as a station times it.

    Args:
        bench: Says which bundle and runtime.
        given: Other settings than the usual ones, dotted keys; see `bench_settings`.

    Returns:
        The settings in force, and the model: close it. It belongs to the thread that first asks
        its classifier for anything.

    Raises:
        BundleFault: The bundle must not be used.
        DeviceUnavailable: The runtime does not work here.
    """
    settings = bench_settings(bench, {"model.batch_sizes": (1,), **given})
    return settings, open_model(settings, bench.clock)


def bench_settings(bench: Bench, given: Mapping[str, object]) -> Settings:
    """Return a station's settings for the bench's bundle and runtime.

    Args:
        bench: Says which.
        given: Other settings than the usual ones, with dotted keys (`model.threads`).

    Raises:
        ValueError: An unknown key or an impossible value: a chapter's bug.
    """
    tree: dict[str, Any] = _places(bench.bundle)
    chosen = {"model.bundle": str(bench.bundle.folder), "model.runtime": bench.runtime}
    for key, value in {**chosen, **given}.items():
        *path, last = key.split(".")
        table = tree
        for step in path:
            table = table.setdefault(step, {})
        table[last] = value
    return Settings.model_validate(tree)


def road(settings: Settings, model: Model, clock: Clock) -> Station:
    """Put a station's parts together around an opened model, with simulated gates."""
    gates, _ = simulated_gates(settings, clock)
    return assemble(settings, model, model.costs, gates, clock)


def _places(bundle: Bundle) -> dict[str, Any]:
    """The bundle's bins and a gate for each but the end bin, named by their order."""
    manifest = bundle.manifest
    named = [name for name in dict.fromkeys(manifest.bins.values()) if name != manifest.end_bin]
    labels: dict[str, list[str]] = {"end": []}
    for label, own in manifest.bins.items():
        which = "end" if own == manifest.end_bin else _gate(named.index(own))
        labels.setdefault(which, []).append(label)
    gates = {
        name: {"at_mm": _FIRST_GATE_MM + _GATE_PITCH_MM * order}
        for order, name in enumerate(each for each in labels if each != "end")
    }
    bins = {
        name: {"labels": own, **({} if name == "end" else {"gate": name})}
        for name, own in labels.items()
    }
    length_mm = _FIRST_GATE_MM + _GATE_PITCH_MM * (len(gates) - 1) + _AFTER_GATES_MM
    return {
        "gates": gates,
        "bins": bins,
        "end_bin": "end",
        "belt": {"length_mm": length_mm},
    }


def _gate(order: int) -> str:
    return f"bin{min(order, _MOST_GATES - 1) + 1}"
