"""Machines that have, lack, or have broken what every station is better for: heat to clocks."""

import importlib.util
import marshal

from sorterd.doctor.findings import State
from sorterd.doctor.wants import Wants
from sorterd.machine.programs import Answer
from tests.doctor.machines import PI_5, Made, RisingClock

CARD = "22 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw\n"
STATE = "var/lib/sorterd"
JOURNAL = {"journal": {"path": "/var/lib/sorterd/journal.db"}}
WEAR = "sys/block/mmcblk0/device/life_time"
UNIT = "systemctl show sorterd.service"
LOADED = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nType=notify\n"
CACHE = "opt/sorterd/package/__pycache__"
CODE = importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(compile("1", "<test>", "eval"))
ACCOUNT = "MemTotal: 4000000 kB\nMemAvailable: {free} kB\nCmaTotal: {cma} kB\nCmaFree: {left} kB\n"


def memory(free: int = 2_000_000, cma: int = 262_144, left: int = 200_000) -> dict[str, str]:
    """Return the kernel's account of memory, kB."""
    return {"proc/meminfo": ACCOUNT.format(free=free, cma=cma, left=left)}


OF_THE_MACHINE: dict[str, dict[State, Made]] = {
    "board": {
        State.FOUND: Made(files=PI_5, programs={"uname -m": "aarch64"}),
        State.MISSING: Made(programs={"uname -m": "x86_64"}),
        State.BROKEN: Made(files=PI_5, programs={"uname -m": "armv6l"}),
    },
    "python": {
        State.FOUND: Made(),
        State.MISSING: Made(python={"sees_system": False}, wants=Wants(known=True, camera="pi")),
        State.BROKEN: Made(python={"version": "3.9.2"}),
    },
    "byte code": {
        State.FOUND: Made(files={f"{CACHE}/": ""}, code={f"{CACHE}/a.pyc": CODE}),
        State.MISSING: Made(python={"keeps_cache": False}),
        State.BROKEN: Made(files={f"{CACHE}/": ""}, code={f"{CACHE}/a.pyc": CODE[:20]}),
    },
    "memory": {
        State.FOUND: Made(files=memory()),
        State.MISSING: Made(),
        State.BROKEN: Made(files=memory(free=90_000)),
    },
    "camera memory": {
        State.FOUND: Made(files=memory()),
        State.MISSING: Made(files=memory(cma=0)),
        State.BROKEN: Made(files=memory(left=4_000)),
    },
    "swap": {
        State.FOUND: Made(files={"proc/swaps": "Filename\n/dev/zram0 partition 2097148 0 100\n"}),
        State.MISSING: Made(),
        State.BROKEN: Made(
            files={
                "proc/swaps": "Filename\n/var/swap file 102396 0 -2\n",
                "proc/self/mountinfo": CARD,
            }
        ),
    },
    "temperature": {
        State.FOUND: Made(files={"sys/class/thermal/thermal_zone0/temp": "61000\n"}),
        State.MISSING: Made(),
        State.BROKEN: Made(files={"sys/class/thermal/thermal_zone0/temp": "81500\n"}),
    },
    "throttling": {
        State.FOUND: Made(programs={"vcgencmd get_throttled": "throttled=0x0"}),
        State.MISSING: Made(),
        State.BROKEN: Made(programs={"vcgencmd get_throttled": "throttled=0xe0000"}),
    },
    "supply": {
        State.FOUND: Made(programs={"vcgencmd get_throttled": "throttled=0x0"}),
        State.MISSING: Made(),
        State.BROKEN: Made(programs={"vcgencmd get_throttled": "throttled=0x50000"}),
    },
    "disk": {
        State.FOUND: Made(files={f"{STATE}/": ""}),
        State.MISSING: Made(),
        State.BROKEN: Made(
            files={f"{STATE}/": "", "proc/self/mountinfo": CARD.replace("rw", "ro")}
        ),
    },
    "writes": {
        State.FOUND: Made(flags=JOURNAL),
        State.MISSING: Made(flags={"name": "no journal"}),
        State.BROKEN: Made(
            files={"proc/self/mountinfo": "30 22 0:25 / /var rw - tmpfs tmpfs rw\n"}, flags=JOURNAL
        ),
    },
    "card wear": {
        State.FOUND: Made(files={"proc/self/mountinfo": CARD, WEAR: "0x01 0x02\n"}),
        State.MISSING: Made(files={"proc/self/mountinfo": CARD}),
        State.BROKEN: Made(files={"proc/self/mountinfo": CARD, WEAR: "0x0a 0x02\n"}),
    },
    "disk errors": {
        State.FOUND: Made(programs={"journalctl -k": "mmc0: new ultra high speed SDR104 card"}),
        State.MISSING: Made(programs={"journalctl -k": Answer("", 1, "not permitted")}),
        State.BROKEN: Made(
            programs={"dmesg": "[9.1] I/O error, dev mmcblk0, sector 81920 op 0x1:(WRITE)"}
        ),
    },
    "service": {
        State.FOUND: Made(programs={UNIT: LOADED}),
        State.MISSING: Made(programs={UNIT: "LoadState=not-found\nActiveState=inactive\n"}),
        State.BROKEN: Made(programs={UNIT: LOADED.replace("active\n", "failed\n", 1)}),
    },
    "its watchdog": {
        State.FOUND: Made(programs={UNIT: LOADED + "WatchdogUSec=2s\n"}),
        State.MISSING: Made(programs={UNIT: LOADED + "WatchdogUSec=0\n"}),
        State.BROKEN: Made(
            programs={UNIT: LOADED.replace("notify", "exec") + "WatchdogUSec=2s\n"}
        ),
    },
    "machine watchdog": {
        State.FOUND: Made(
            files={"dev/watchdog": ""}, programs={"systemctl show -pRuntimeWatchdogUSec": "15s"}
        ),
        State.MISSING: Made(programs={"systemctl show -pRuntimeWatchdogUSec": "15s"}),
        State.BROKEN: Made(
            files={"dev/watchdog": ""}, programs={"systemctl show -pRuntimeWatchdogUSec": "0"}
        ),
    },
    "road's clock": {
        State.FOUND: Made(),
        State.MISSING: Made(clock=RisingClock(0)),
        State.BROKEN: Made(clock=RisingClock(-40)),
    },
    "time of day": {
        State.FOUND: Made(programs={"timedatectl": "NTP=yes\nNTPSynchronized=yes\n"}),
        State.MISSING: Made(programs={"timedatectl": "NTP=no\nNTPSynchronized=no\n"}),
        State.BROKEN: Made(programs={"timedatectl": "NTP=yes\nNTPSynchronized=no\n"}),
    },
}  # fmt: skip
