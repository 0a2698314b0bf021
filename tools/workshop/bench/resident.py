"""How much memory this process holds, said by the process itself; it costs next to nothing.

Nothing here is imported beside what Python has loaded anyway, for the smallest program of the bench
uses it too.
"""

import os
import sys
from typing import Final, NoReturn

STATUS: Final = "/proc/self/status"
_FIELDS: Final = {"VmRSS": "rss_mib", "RssAnon": "anon_mib"}


def resident() -> dict[str, float]:
    """Return the memory held, MiB.

    Returns:
        `rss_mib`, all of it, and `anon_mib`, what is no file's. Where there is no /proc, `peak_mib`
        alone: the most that was ever held.
    """
    if not os.path.exists(STATUS):  # noqa: PTH110  # pathlib would be imported for this alone
        return {"peak_mib": _peak_mib()}
    held = {}
    with open(STATUS, encoding="ascii") as status:  # noqa: PTH123  # the same
        for line in status:
            name, _, rest = line.partition(":")
            if name in _FIELDS:
                held[_FIELDS[name]] = int(rest.split()[0]) / 1024
    return held


def say(**figures: float) -> None:
    """Tell the program that started this one: a name and a number a line."""
    for name, figure in figures.items():
        print(name, figure)
    sys.stdout.flush()


def ready(**figures: float) -> NoReturn:
    """Say the memory held and `figures`, and end at once: how a program ends is not its start."""
    say(**resident(), **figures)
    os._exit(0)


def _peak_mib() -> float:
    import resource  # noqa: PLC0415  # there is none on Windows, and /proc is the usual way

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB elsewhere.
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024
