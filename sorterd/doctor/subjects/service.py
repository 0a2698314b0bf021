"""The service that keeps the station running, and the two watchdogs behind it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sorterd.doctor.findings import Finding, Line, Need, always, broken, found, missing
from sorterd.doctor.here import wished_on_a_pi
from sorterd.machine.programs import Ask

UNIT: Final = "sorterd.service"
_ASKED: Final = ("LoadState", "ActiveState", "UnitFileState", "Result", "Type", "WatchdogUSec")
_LOG: Final = "journalctl -u sorterd -n 50"


def service(unit: Mapping[str, str]) -> Finding:
    """Look at whether it is installed, starts at boot and runs.

    Args:
        unit: What systemd tells of it; empty where there is no systemd.
    """
    if not unit:
        return missing(
            "no systemd runs here: the station is started by hand", "sorterd --config FILE"
        )
    if unit.get("LoadState") != "loaded":
        return missing(f"{UNIT} is not installed", "sudo systemd/install")
    state = f"{UNIT} is {unit.get('UnitFileState', 'unknown')} and {unit.get('ActiveState')}"
    if unit.get("ActiveState") == "failed":
        return broken(f"{state} ({unit.get('Result')})", _LOG)
    if unit.get("UnitFileState") != "enabled":
        return broken(f"{state}: it does not start at boot", f"sudo systemctl enable {UNIT}")
    return found(state)


def station_watchdog(unit: Mapping[str, str]) -> Finding:
    """Look at whether systemd notices a station that hangs."""
    period = unit.get("WatchdogUSec", "")
    if unit.get("LoadState") != "loaded" or period in {"", "0", "infinity"}:
        told = "systemd does not watch the station: one that hangs stays so"
        return missing(told, "sudo systemd/install")
    if unit.get("Type") != "notify":
        told = f"a watchdog of {period} with Type={unit.get('Type')}: it kills a station that works"
        return broken(told, "sudo systemd/install, which has Type=notify")
    return found(f"a station that hangs is started again within {period}")


def machine_watchdog(node: Path, fed: str) -> Finding:
    """Look at whether a machine that hangs starts again by itself.

    Args:
        node: /dev/watchdog.
        fed: In which time systemd feeds it; "" or "0" for not at all.
    """
    if not node.exists():
        return missing(
            "no hardware watchdog: a machine that hangs stays so", "sudo modprobe bcm2835_wdt"
        )
    if fed in {"", "0", "infinity"}:
        return broken(
            "there is a hardware watchdog, and systemd does not feed it",
            "echo RuntimeWatchdogSec=15 | sudo tee -a /etc/systemd/system.conf && "
            "sudo systemctl daemon-reexec",
        )
    return found(f"a machine that hangs starts again after {fed}")


def unit_of(ask: Ask) -> dict[str, str]:
    """Ask systemd for the station's unit."""
    answer = ask("systemctl", "show", UNIT, *(f"-p{name}" for name in _ASKED))
    rows = (line.partition("=") for line in answer.words.splitlines()) if answer.good else ()
    return {name: value for name, _, value in rows}


def _fed(ask: Ask) -> str:
    answer = ask("systemctl", "show", "-pRuntimeWatchdogUSec", "--value")
    return answer.words if answer.good else ""


LINES = (
    Line("service", always(Need.WISHED), lambda here: service(unit_of(here.ask))),
    Line("its watchdog", always(Need.WISHED), lambda here: station_watchdog(unit_of(here.ask))),
    Line(
        "machine watchdog",
        wished_on_a_pi,
        lambda here: machine_watchdog(here.root / "dev/watchdog", _fed(here.ask)),
    ),
)
