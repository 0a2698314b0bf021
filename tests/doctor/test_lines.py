"""Every line of the doctor on machines that have it, lack it, or have it broken.

`CASES` has a machine for each line and state: a line that is added without one of the three fails
here, and so does one whose machine is not what it says.
"""

import errno
import importlib.util
import marshal
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sorterd.doctor.findings import Line, Seen, State
from sorterd.doctor.here import Person
from sorterd.doctor.lines import GROUPS
from sorterd.doctor.wants import Wants
from sorterd.machine.gpio_lines import Chip
from sorterd.machine.gpio_lines import Line as GpioLine
from sorterd.machine.programs import Answer
from sorterd.realtime import Place
from tests.doctor.machines import APART, DEAD, PI_5, Made, RisingClock

LINES: dict[str, Line] = {line.name: line for group in GROUPS.values() for line in group}

TINY = Path(__file__).parents[1] / "classifiers/tiny/int8"
GID = os.getgid()
GROUP_FILE = f"gpio:x:{GID}:pi\nvideo:x:44:pi\ni2c:x:998:pi\n"
STATION = {
    "gates": {
        "glass": {"kind": "servo", "pins": "real", "pin": 17, "at_mm": 560},
        "compost": {"kind": "servo", "pins": "real", "pin": 27, "at_mm": 780},
    }
}
USB = {"camera": {"kind": "v4l2", "device": "/dev/v4l/by-id/usb-Cam-video-index0"}}
USB_FILE = "dev/v4l/by-id/usb-Cam-video-index0"
VIDEO_0 = {"camera": {"kind": "v4l2", "device": "/dev/video0"}}
CARD = "22 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw\n"
STATE = "var/lib/sorterd"
JOURNAL = {"journal": {"path": "/var/lib/sorterd/journal.db"}}
WEAR = "sys/block/mmcblk0/device/life_time"
UNIT = "systemctl show sorterd.service"
LOADED = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nType=notify\n"
CACHE = "opt/sorterd/package/__pycache__"
CODE = importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(compile("1", "<test>", "eval"))
GOOD_PICTURE = {
    "width_px": 640,
    "height_px": 480,
    "opened_ms": 900.0,
    "rate_hz": 30.0,
    "age_ms": 21.0,
    "brightness_levels": 118.0,
}
ACCOUNT = "MemTotal: 4000000 kB\nMemAvailable: {free} kB\nCmaTotal: {cma} kB\nCmaFree: {left} kB\n"


BOARD = Wants(known=True, servo_boards=((1, 0x40),))


def refusing(number: int, text: str) -> Callable[..., int]:
    """Return a bus on which every question fails."""

    def refuse(*_: object) -> int:
        raise OSError(number, text)

    return refuse


def not_allowed(node: Path) -> Chip:
    """Answer as a chip that this user may not open."""
    raise PermissionError(errno.EACCES, "Permission denied", str(node))


def no_such_line(node: Path, pin: int) -> GpioLine:
    """Answer as a chip with fewer lines."""
    raise OSError(errno.EINVAL, f"Invalid argument: {node.name} {pin}")


def taken_line(node: Path, pin: int) -> GpioLine:
    """Answer as a chip on which SPI has every pin."""
    return GpioLine(f"{node.name} {pin}", taken=True, consumer="spi0 CS0")


def memory(free: int = 2_000_000, cma: int = 262_144, left: int = 200_000) -> dict[str, str]:
    """Return the kernel's account of memory, kB."""
    return {"proc/meminfo": ACCOUNT.format(free=free, cma=cma, left=left)}


def camera_at_work(**picture: object) -> Made:
    """Return a machine whose USB camera shows something."""
    seen = {f"{APART}.camera": {**GOOD_PICTURE, **picture}}
    return Made(files={USB_FILE: ""}, programs=seen, flags=USB)


CASES: dict[str, dict[State, Made]] = {
    "settings": {
        State.FOUND: Made(flags={"name": "belt 1"}),
        State.MISSING: Made(),
        State.BROKEN: Made(flags={"end_bin": "glass"}),
    },
    "runtime": {
        State.FOUND: Made(programs={f"{APART}.runtime": {"built": "2.3.0"}}),
        State.MISSING: Made(programs={f"{APART}.runtime": {"absent": True}}),
        State.BROKEN: Made(programs={f"{APART}.runtime": DEAD}),
    },
    "model": {
        State.FOUND: Made(flags={"model.bundle": str(TINY)}),
        State.MISSING: Made(flags={"model.bundle": "no-such"}),
        State.BROKEN: Made(
            files={"bundle/manifest.toml": "name = 1\n"}, flags={"model.bundle": "@bundle"}
        ),
    },
    "golden answers": {
        State.FOUND: Made(
            programs={
                f"{APART}.answers": {
                    "golden": 7, "runtime": "ai-edge-litert", "typical_ms": 17.4,
                }
            }
        ),
        State.MISSING: Made(programs={f"{APART}.answers": {"unavailable": "no runtime works"}}),
        State.BROKEN: Made(programs={f"{APART}.answers": {"fault": "glass.png is paper 0.60"}}),
    },
    "camera": {
        State.FOUND: camera_at_work(),
        State.MISSING: Made(flags=USB),
        State.BROKEN: camera_at_work(brightness_levels=3.0),
    },
    "camera's name": {
        State.FOUND: Made(
            files={USB_FILE: ""},
            flags=USB,
        ),
        State.MISSING: Made(flags=USB),
        State.BROKEN: Made(files={"dev/video0": ""}, flags=VIDEO_0),
    },
    "libcamera": {
        State.FOUND: Made(
            programs={
                f"{APART}.library libcamera": {"version": "0.3.2", "cameras": ["imx708 at /base"]}
            }
        ),
        State.MISSING: Made(programs={f"{APART}.library libcamera": {"absent": True}}),
        State.BROKEN: Made(
            programs={f"{APART}.library libcamera": {"version": "0.3.2", "cameras": []}}
        ),
    },
    "picamera2": {
        State.FOUND: Made(programs={f"{APART}.library picamera2": {"version": "0.3.31"}}),
        State.MISSING: Made(programs={f"{APART}.library picamera2": {"absent": True}}),
        State.BROKEN: Made(
            programs={
                f"{APART}.library picamera2": {
                    "fault": "ValueError: numpy.dtype size changed, may indicate binary"
                }
            }
        ),
    },
    "gpio chip": {
        State.FOUND: Made(files={"dev/gpiochip0": ""}),
        State.MISSING: Made(files={"dev/": ""}),
        State.BROKEN: Made(files={"dev/gpiochip0": ""}, chip_at=lambda _: Chip("gpio-mockup", 8)),
    },
    "pins": {
        State.FOUND: Made(files={"dev/gpiochip0": ""}, flags=STATION),
        State.MISSING: Made(files={"dev/gpiochip0": ""}, flags=STATION, line_at=no_such_line),
        State.BROKEN: Made(files={"dev/gpiochip0": ""}, flags=STATION, line_at=taken_line),
    },
    "lgpio": {
        State.FOUND: Made(programs={f"{APART}.library lgpio": {"version": "0.2.2.0"}}),
        State.MISSING: Made(programs={f"{APART}.library lgpio": {"absent": True}}),
        State.BROKEN: Made(programs={f"{APART}.library lgpio": {"fault": "OSError: no pipe"}}),
    },
    "i2c bus": {
        State.FOUND: Made(files={"dev/i2c-1": ""}),
        State.MISSING: Made(files={"dev/": ""}),
        State.BROKEN: Made(files={"dev/i2c-1": ""}, may_open=lambda _: False),
    },
    "smbus2": {
        State.FOUND: Made(programs={f"{APART}.library smbus2": {"version": "0.5.0"}}),
        State.MISSING: Made(programs={f"{APART}.library smbus2": {"absent": True}}),
        State.BROKEN: Made(programs={f"{APART}.library smbus2": {"fault": "ImportError: odd"}}),
    },
    "servo boards": {
        State.FOUND: Made(wants=BOARD),
        State.MISSING: Made(wants=BOARD, register=refusing(errno.EREMOTEIO, "Remote I/O error")),
        State.BROKEN: Made(wants=BOARD, register=refusing(errno.ETIMEDOUT, "timed out")),
    },
    "hardware pwm": {
        State.FOUND: Made(files={"sys/class/pwm/pwmchip0/npwm": "2\n"}),
        State.MISSING: Made(),
        State.BROKEN: Made(
            files={"sys/class/pwm/pwmchip0/npwm": "2\n"},
            wants=Wants(known=True, pwm={"gates.glass": (0, 2)}),
        ),
    },
    "groups": {
        State.FOUND: Made(
            files={"etc/group": GROUP_FILE},
            flags=STATION,
            person=Person("pi", frozenset({"pi", "gpio"}), root=False),
        ),
        State.MISSING: Made(files={"etc/group": GROUP_FILE}, flags=STATION),
        State.BROKEN: Made(files={"etc/group": "video:x:44:pi\n"}, flags=STATION),
    },
    "device nodes": {
        State.FOUND: Made(
            files={"etc/group": GROUP_FILE, "dev/gpiochip0": ""},
            modes={"dev/gpiochip0": 0o660},
            flags=STATION,
        ),
        State.MISSING: Made(files={"etc/group": GROUP_FILE}, flags=STATION),
        State.BROKEN: Made(
            files={"etc/group": GROUP_FILE, "dev/gpiochip0": ""},
            modes={"dev/gpiochip0": 0o600},
            flags=STATION,
        ),
    },
    "first in line": {
        State.FOUND: Made(files={"proc/": ""}),
        State.MISSING: Made(place=Place(None, "darwin has no line to go first in")),
        State.BROKEN: Made(
            files={"proc/": ""}, place=Place(None, "Operation not permitted; allow it")
        ),
    },
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


def test_every_line_has_a_machine_for_each_state() -> None:
    """It should know no line that is not tested found, missing and broken."""
    assert {name: set(states) for name, states in CASES.items()} == {
        name: set(State) for name in LINES
    }


def test_no_name_is_there_twice() -> None:
    """It should name each line once, briefly enough for its column."""
    names = [line.name for group in GROUPS.values() for line in group]

    assert len(set(names)) == len(names)
    assert max(map(len, names)) < 17


@pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name, states in CASES.items() for state in states]
)
def test_each_line_tells_what_it_sees(name: str, state: State, tmp_path: Path) -> None:
    """It should tell the state of such a machine, in a line, with what mends it."""
    seen = looked_at(name, CASES[name][state], tmp_path).finding

    assert seen.state is state, seen.told
    assert seen.told.strip()
    assert "\n" not in seen.told + seen.mend
    assert not seen.told.endswith(".")
    assert (state is not State.FOUND) or seen.mend == ""
    assert state is not State.BROKEN or seen.mend


def looked_at(name: str, made: Made, root: Path) -> Seen:
    """Have one line look at a machine that was made below a folder."""
    here = made.here(root)
    line = LINES[name]
    return Seen("", name, line.need(here), line.look(here))
