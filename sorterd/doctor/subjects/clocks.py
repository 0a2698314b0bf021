"""Both clocks: the one the road runs on, and the one by which people read the journal.

The road's clock never jumps, whatever the time of day does (tiny-pilot/tinypilot#1419); but a Pi
has no battery: until it has asked the network, its time of day is that of its last shutdown.
"""

import itertools
from pathlib import Path
from typing import Final

from sorterd.doctor.findings import Finding, Line, Need, always, broken, found, missing
from sorterd.doctor.here import Here
from sorterd.machine.kernel_files import words_in
from sorterd.machine.programs import Ask
from sorterd.ports import Clock

READINGS: Final = 2000
COARSE_NS: Final = 1_000_000
"""A clock that stands still for a millisecond and then steps makes gates late by as much."""


def road_clock(clock: Clock, source: str | None) -> Finding:
    """Read the monotonic clock over and over: it must rise, and in small steps.

    Args:
        clock: The host's.
        source: What the kernel makes it from; None if it does not tell.
    """
    read_ns = [clock.now_ns() for _ in range(READINGS)]
    steps_ns = [later - earlier for earlier, later in itertools.pairwise(read_ns)]
    if min(steps_ns) < 0:
        return broken(f"it ran backwards by {-min(steps_ns)} ns", "use another machine or kernel")
    finest_ns = min((step for step in steps_ns if step), default=None)
    if finest_ns is None:
        return missing("it stands still", "use another machine or kernel")
    if finest_ns > COARSE_NS:
        told = f"it rises in steps of {finest_ns / 1e6:.1f} ms: gates are late by as much"
        return broken(
            told, "cat /sys/devices/system/clocksource/clocksource0/available_clocksource"
        )
    return found(f"rises in steps of {finest_ns} ns{f', from {source}' if source else ''}")


def time_of_day(told: dict[str, str], synchronised: bool) -> Finding:  # noqa: FBT001
    """Look at whether the time of day is kept right.

    Args:
        told: By timedatectl: `NTP` and `NTPSynchronized`; empty if it tells nothing.
        synchronised: systemd-timesyncd has left its mark since boot.
    """
    if told.get("NTPSynchronized") == "yes" or synchronised:
        return found("kept right by the network")
    if told.get("NTP") == "yes":
        return broken(
            "not right yet: times in the journal may be of the last start",
            "look at the network; timedatectl timesync-status",
        )
    if not told:
        return missing("nothing tells whether it is right", "sudo apt install systemd-timesyncd")
    told_of = "nothing keeps it right: times in the journal may be wrong"
    return missing(told_of, "sudo timedatectl set-ntp true")


def told_by_timedatectl(ask: Ask) -> dict[str, str]:
    """Ask timedatectl."""
    answer = ask("timedatectl", "show", "-pNTP", "-pNTPSynchronized")
    rows = (line.partition("=") for line in answer.words.splitlines()) if answer.good else ()
    return {name: value for name, _, value in rows}


def _source(root: Path) -> str | None:
    return words_in(root / "sys/devices/system/clocksource/clocksource0/current_clocksource")


def _time_of_day(here: Here) -> Finding:
    mark = here.root / "run/systemd/timesync/synchronized"
    return time_of_day(told_by_timedatectl(here.ask), mark.exists())


LINES = (
    Line(
        "road's clock", always(Need.NEEDED), lambda here: road_clock(here.clock, _source(here.root))
    ),
    Line("time of day", always(Need.WISHED), _time_of_day),
)
