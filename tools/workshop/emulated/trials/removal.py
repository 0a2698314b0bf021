"""Removing with `systemd/uninstall`: only what a person made is left, and that on request."""

from typing import Final

from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.trials.installing import BEFORE, CHECKOUT, INSTALL_S, inventory
from tools.workshop.emulated.trials.sorting import SLOW

KEPT: Final = ("/etc/sorterd", "/var/lib/sorterd", "/etc/sysusers.d")
"""Settings and what the station has learned: a person's, so they stay unless --purge is given.

What else the installation made, an empty folder of systemd's, is noted among the settings."""
_OWNERS: Final = ("user sorterd", "group sorterd", " sorterd", "group gpio", "group i2c")
"""Whom that belongs to, the console's user, and the devices' groups that they are in, stay too."""
# Written by useradd's kind whenever a user comes or goes.
_PASSING: Final = r"(^[<>] /etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/\.pwd\.lock)"


def removal(bench: Bench) -> None:
    """Remove it, remove it again, and compare the machine with what it was."""
    bench.run(f"systemctl stop sorterd; rm -rf $(dirname {SLOW}); systemctl daemon-reload")
    first = bench.run(f"cd {CHECKOUT} && systemd/uninstall", INSTALL_S)
    left = _left(bench)
    others = [line for line in left if not any(path in line for path in (*KEPT, *_OWNERS))]
    kept = [path for path in KEPT if any(path in line for line in left)]
    bench.check(
        "removed by systemd/uninstall",
        expected="exit code 0; nothing left but settings and state, and the users they belong to",
        seen=f"exit code {first.code}; kept {', '.join(kept) or 'nothing'}; "
        f"left over: {'; '.join(others) or 'nothing'}",
        passed=first.code == 0 and not others and KEPT[0] in kept,
    )
    again = bench.run(f"cd {CHECKOUT} && systemd/uninstall --purge", INSTALL_S)
    left = _left(bench)
    bench.check(
        "nothing is left after --purge",
        expected="exit code 0; the same files, users, groups and units as before",
        seen=f"exit code {again.code}; left over: {'; '.join(left) or 'nothing'}",
        passed=again.code == 0 and not left,
    )
    third = bench.run(f"cd {CHECKOUT} && systemd/uninstall --purge", INSTALL_S)
    bench.check(
        "removing what is not there is no fault",
        expected="exit code 0",
        seen=f"exit code {third.code}; {third.line[-200:]}",
        passed=third.code == 0,
    )


def _left(bench: Bench) -> list[str]:
    inventory(bench, "/root/after")
    answer = bench.run(f"diff {BEFORE} /root/after | grep '^[<>]' | grep -Ev '{_PASSING}'")
    return [line for line in answer.said.splitlines() if line.strip()]
