"""Installing with `systemd/install`: once, again, and what systemd itself thinks of the units."""

import re
from typing import Final

from tools.workshop.emulated.proving import Bench

CHECKOUT: Final = "/root/checkout"
PROGRAM: Final = "/opt/sorterd/bin/sorterd"
CONFIG: Final = "/etc/sorterd/sorterd.toml"
UNITS: Final = ("sorterd.service", "sorterd-console.service")
EXPOSURE: Final = 2.0
"""What `systemd-analyze security` may say at most, of 10."""
INSTALL_S: Final = 300
BEFORE: Final = "/root/before"
_INVENTORY: Final = "/root/inventory"
# Files of the machine, without those that come and go by themselves: processes, devices, what is
# handed in, logs, and what systemd and udev remember of anything. Units are files, and so are the
# links that start them.
_INVENTORY_SCRIPT: Final = f"""cat > {_INVENTORY} <<'END'
#!/bin/bash
find / \\( -path /proc -o -path /sys -o -path /dev -o -path /share -o -path /mnt -o -path /tmp \\
  -o -path /root -o -path /var/log -o -path /var/tmp -o -path /run/systemd -o -path /run/udev \\
  -o -path /run/log -o -path /run/user -o -path /run/emulated -o -path /var/lib/systemd \\) \\
  -prune -o -printf '%p\\n' | sort
getent passwd | sed 's/^/user /' | sort
getent group | cut -d: -f1 | sed 's/^/group /' | sort
# Who is in which group: a line each.
getent group | awk -F: '{{ n = split($4, who, ","); for (i = 1; i <= n; i++)
  print "member of", $1, who[i] }}' | sort
END
chmod +x {_INVENTORY}"""


def installing(bench: Bench) -> None:
    """Install, install again, and look at what was installed."""
    bench.run(f"{_INVENTORY_SCRIPT}; {_INVENTORY} > {BEFORE}; cp -r /given/checkout {CHECKOUT}")
    _plan(bench)
    first = bench.run(f"cd {CHECKOUT} && systemd/install", INSTALL_S)
    program = bench.run(f"{PROGRAM} --version")
    bench.check(
        "installed by systemd/install",
        expected="exit code 0, and the program tells its version",
        seen=f"exit code {first.code}; {program.last if program.code == 0 else first.line[-300:]}",
        passed=first.code == 0 and program.code == 0,
    )
    bench.run(f"cp /given/station.toml {CONFIG}")
    _again(bench)
    _units(bench)


def inventory(bench: Bench, into: str) -> None:
    """Write down what the machine holds."""
    bench.run(f"{_INVENTORY} > {into}")


def _plan(bench: Bench) -> None:
    told = bench.run(f"cd {CHECKOUT} && systemd/install --dry-run", INSTALL_S)
    inventory(bench, "/root/planned")
    changed = bench.run(f"diff {BEFORE} /root/planned")
    bench.check(
        "a dry run changes nothing",
        expected="exit code 0, the steps told, no file, user or unit more",
        seen=f"exit code {told.code}, {len(told.said.splitlines())} lines; changed: {changed.line}",
        passed=told.code == 0 and bool(told.said.strip()) and changed.code == 0,
    )


def _again(bench: Bench) -> None:
    """Install over what is there: nothing may change, the edited settings least of all."""
    inventory(bench, "/root/first")
    held = bench.run(f"sha256sum {CONFIG}")
    again = bench.run(f"cd {CHECKOUT} && systemd/install", INSTALL_S)
    inventory(bench, "/root/second")
    changed = bench.run("diff /root/first /root/second | grep -v __pycache__ | grep '^[<>]'")
    kept = bench.run(f"sha256sum {CONFIG}")
    bench.check(
        "a second install changes nothing",
        expected="exit code 0, the same files, users and units, the edited settings as they were",
        seen=f"exit code {again.code}; changed: {changed.line[:200] or 'nothing'}; settings "
        f"{'kept' if kept.said == held.said else 'overwritten'}",
        passed=again.code == 0 and not changed.said.strip() and kept.said == held.said,
    )


def _units(bench: Bench) -> None:
    for unit in UNITS:
        verified = bench.run(f"systemd-analyze verify /etc/systemd/system/{unit}")
        bench.check(
            f"verify {unit}",
            expected="no output at all",
            seen=verified.line or "no output",
            passed=verified.code == 0 and not verified.said.strip(),
        )
        scored = bench.run(f"systemd-analyze security --no-pager {unit}")
        found = re.search(r"exposure level for \S+: ([0-9.]+)", scored.said)
        score = float(found[1]) if found else 10.0
        bench.check(
            f"hardening of {unit}",
            expected=f"an exposure of {EXPOSURE} of 10 or less",
            seen=f"{score} of 10" if found else scored.line[:200],
            passed=score <= EXPOSURE,
        )
