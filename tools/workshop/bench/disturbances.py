"""What could have disturbed a measurement, read from the system before and after it.

Load, the work of other programs, processor time stolen by a host, the governor, the temperature,
and what a Raspberry Pi's firmware says of power and throttling. What the system does not tell is
absent from the answer, never zero: no answer is not good news. Every file is looked for below a
root, so that a tree that was made up serves as well.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sorterd.machine.heat import temperature_deg_c
from sorterd.machine.kernel_files import words_in
from sorterd.machine.power import throttling, voltage_alarm
from sorterd.machine.programs import ask

_CPU: Final = "sys/devices/system/cpu"
# Less than a hundredth of the cores disturbs nobody.
_TOLD_FRAC: Final = 0.01


@dataclass(frozen=True, slots=True)
class Reading:
    """The system at one instant.

    Attributes:
        told: What goes on the record as it is.
        ticks: Running totals, in the kernel's ticks: `all` of all cores, `busy`, `stolen`, `own`.
    """

    told: Mapping[str, Any]
    ticks: Mapping[str, int] = field(default_factory=dict)


def read(root: Path = Path("/")) -> Reading:
    """Read all that the system tells.

    Args:
        root: Below which `proc` and `sys` lie. Only the system's own root asks the firmware's
            command and the scheduler.

    Returns:
        `load_1min`, `cores`, `governor`, `temperature_deg_c`, `throttled_now` and
        `throttled_since_boot` (lists of words), `voltage_alarm`; those that are known.
    """
    told = {
        "load_1min": _load(root),
        "cores": _cores(root),
        "governor": _governor(root),
        "temperature_deg_c": temperature_deg_c(root),
        **_throttled(root),
        "voltage_alarm": voltage_alarm(root),
    }
    return Reading({name: value for name, value in told.items() if value is not None}, _ticks(root))


def between(before: Reading, after: Reading) -> dict[str, Any]:
    """Return what could have disturbed what ran between two readings.

    Load is that of before, since a bench loads the machine itself; of temperature the higher one
    is told. `others_frac` is the share of all cores that other programs took, `stolen_frac` the
    share that the host of a virtual machine kept.
    """
    told = {**before.told, **after.told}
    if "load_1min" in before.told:
        told["load_1min"] = before.told["load_1min"]
    if {"temperature_deg_c"} <= before.told.keys() & after.told.keys():
        told["temperature_deg_c"] = max(
            before.told["temperature_deg_c"], after.told["temperature_deg_c"]
        )
    if "throttled_now" in told:
        now = [*before.told.get("throttled_now", ()), *after.told.get("throttled_now", ())]
        told["throttled_now"] = list(dict.fromkeys(now))
    passed = {
        name: after.ticks[name] - before.ticks[name]
        for name in before.ticks.keys() & after.ticks.keys()
    }
    if (all_ticks := passed.get("all", 0)) > 0:
        told["stolen_frac"] = round(passed["stolen"] / all_ticks, 4)
        if "own" in passed:
            others = max(0, passed["busy"] - passed["own"])
            told["others_frac"] = round(others / all_ticks, 4)
    return told


def in_words(disturbed: Mapping[str, Any]) -> str:
    """Return one line for a person: what was there, then what was not as it should be."""
    words = []
    cores = disturbed.get("cores")
    if (load := disturbed.get("load_1min")) is not None:
        words.append(f"load {load:.1f}" + (f" on {cores} cores" if cores else ""))
    elif cores:
        words.append(f"{cores} cores")
    for name, what in (("others_frac", "by other programs"), ("stolen_frac", "by the host")):
        if (share := disturbed.get(name)) is not None and share >= _TOLD_FRAC:
            words.append(f"{share:.0%} taken {what}")
    if (governor := disturbed.get("governor")) is not None:
        words.append(f"governor {governor}")
    if (heat := disturbed.get("temperature_deg_c")) is not None:
        words.append(f"{heat:.0f} deg C")
    if "throttled_now" in disturbed:
        words.append(", ".join(disturbed["throttled_now"]).upper() or "not throttled")
        if since := disturbed.get("throttled_since_boot"):
            words.append(f"since boot: {', '.join(since)}")
    if disturbed.get("voltage_alarm"):
        words.append("UNDER-VOLTAGE ALARM")
    return "; ".join(words) or "the system tells nothing of itself"


def _load(root: Path) -> float | None:
    words = (words_in(root / "proc/loadavg") or "").split()
    return float(words[0]) if words else None


def _cores(root: Path) -> int | None:
    """Cores that this process may use."""
    if root == Path("/") and hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    found = sum(1 for _ in (root / _CPU).glob("cpu[0-9]*"))
    return found or (os.cpu_count() if root == Path("/") else None)


def _governor(root: Path) -> str | None:
    """The governor of every core: one word if they agree."""
    files = sorted((root / _CPU).glob("cpu[0-9]*/cpufreq/scaling_governor"))
    names = [name for file in files if (name := words_in(file))]
    return ", ".join(dict.fromkeys(names)) or None


def _throttled(root: Path) -> dict[str, list[str]]:
    told = throttling(root, ask if root == Path("/") else None)
    if told is None:
        return {}
    return {"throttled_now": told.now, "throttled_since_boot": told.since_boot}


def _ticks(root: Path) -> dict[str, int]:
    """Totals since boot; proc(5) has the columns of both files."""
    first = (words_in(root / "proc/stat") or "").split("\n", 1)[0].split()
    if len(first) < 9 or first[0] != "cpu":
        return {}
    user, nice, system, idle, io_wait, irq, soft_irq, stolen = map(int, first[1:9])
    busy = user + nice + system + irq + soft_irq
    ticks = {"all": busy + idle + io_wait + stolen, "busy": busy, "stolen": stolen}
    # Behind the name, which stands in brackets and may hold anything: field 3 and on.
    own = (words_in(root / "proc/self/stat") or "").rpartition(")")[2].split()
    if len(own) > 14:
        # utime, stime, and those of children that were waited for.
        ticks["own"] = sum(map(int, own[11:15]))
    return ticks
