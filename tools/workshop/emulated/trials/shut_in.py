"""What the service may not do: reach the network, the disk, memory, or what is not its own.

A second program is started with the very settings of the unit and asked to try; what it is refused
the station would be refused.
"""

import json
from typing import Final

from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.trials.installing import PROGRAM

PROPERTIES: Final = "/root/properties"
_PYTHON: Final = PROGRAM.replace("bin/sorterd", "bin/python")
REFUSED: Final = ("memory", "disk", "kernel log", "network socket", "settings", "program", "home")
ALLOWED: Final = ("state", "runtime")
ALLOWED_ON_PINS: Final = ("pins", "camera")
_TRY: Final = """
import json, os, socket
said = {}
def attempt(name, work):
    try:
        work()
    except OSError as error:
        said[name] = error.strerror or type(error).__name__
    else:
        said[name] = "allowed"
def opened(path):
    return lambda: os.close(os.open(path, os.O_RDWR))
def written(path):
    def work():
        with open(path, "w"):
            pass
        os.unlink(path)
    return work
attempt("memory", opened("/dev/mem"))
attempt("disk", opened("/dev/vda"))
attempt("kernel log", opened("/dev/kmsg"))
attempt("network socket", lambda: socket.socket(socket.AF_INET).close())
attempt("settings", written("/etc/sorterd/tried"))
attempt("program", written("/opt/sorterd/tried"))
attempt("home", written("/home/tried"))
attempt("state", written("/var/lib/sorterd/tried"))
attempt("runtime", written("/run/sorterd/tried"))
attempt("pins", opened("/dev/gpiochip0"))
attempt("camera", opened(os.path.realpath("/dev/v4l/by-emulation/belt")))
print(json.dumps(said))
"""
# The unit as it is, with another program, that does not speak to systemd, in the station's place.
_SCRIPT: Final = f"""cat > /usr/local/lib/try.py <<'END'
{_TRY}
END
sed -e 's#^Type=.*#Type=oneshot#' -e '/^Watchdog/d' -e '/^ExecReload/d' -e '/^ExecStopPost/d' \\
  -e '/^Restart/d' -e 's#^ExecStart=.*#ExecStart={_PYTHON} /usr/local/lib/try.py#' \\
  /etc/systemd/system/sorterd.service > /run/systemd/system/sorterd-tried.service
systemctl daemon-reload
systemctl start sorterd-tried
journalctl -q -u sorterd-tried -o cat --no-pager | grep '^{{' | tail -1
rm /usr/local/lib/try.py /run/systemd/system/sorterd-tried.service
systemctl daemon-reload; systemctl reset-failed sorterd-tried 2> /dev/null"""


def shut_in(bench: Bench) -> None:
    """Try what must not be possible, and what must be."""
    bench.run("systemctl start sorterd", 300)
    _network(bench)
    answer = bench.run(_SCRIPT, 60)
    line = next((line for line in answer.said.splitlines() if line.startswith("{")), "{}")
    said: dict[str, str] = json.loads(line)
    allowed = (*ALLOWED, *(ALLOWED_ON_PINS if bench.pins else ()))
    for name in REFUSED:
        bench.check(
            f"refused inside the unit: {name}",
            expected="refused, by whatever error",
            seen=said.get(name, answer.line[:200]),
            passed=said.get(name, "allowed") != "allowed",
        )
    bench.check(
        "allowed inside the unit",
        expected=", ".join(allowed),
        seen=", ".join(f"{name} {said.get(name, 'not tried')}" for name in allowed),
        passed=all(said.get(name) == "allowed" for name in allowed),
    )


def _network(bench: Bench) -> None:
    """Look at every process of the service: what it could be reached by."""
    asked = bench.run(
        "main=$(systemctl show sorterd -p MainPID --value); "
        'nsenter -t "$main" -n ss -Hlntuw; ss -Hntulwp | grep -E "pid=$main,"; '
        'echo "main $main"'
    )
    reached = [line for line in asked.said.splitlines() if not line.startswith("main")]
    bench.check(
        "nothing of it can be reached over the network",
        expected="no TCP, UDP or raw socket, in its network or in the machine's",
        seen="; ".join(reached) or "none",
        passed=not reached and "main 0" not in asked.said,
    )
