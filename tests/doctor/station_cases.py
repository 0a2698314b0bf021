"""Machines that have, lack, or have broken what the settings ask for: from model to rights."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from sorterd.doctor.findings import State
from sorterd.doctor.here import Person
from sorterd.doctor.wants import Wants
from sorterd.machine.gpio_lines import Chip
from sorterd.machine.gpio_lines import Line as GpioLine
from sorterd.realtime import Place
from tests.doctor.machines import APART, DEAD, Made

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
GOOD_PICTURE = {
    "width_px": 640,
    "height_px": 480,
    "opened_ms": 900.0,
    "rate_hz": 30.0,
    "age_ms": 21.0,
    "brightness_levels": 118.0,
}
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


def camera_at_work(**picture: object) -> Made:
    """Return a machine whose USB camera shows something."""
    seen = {f"{APART}.camera": {**GOOD_PICTURE, **picture}}
    return Made(files={USB_FILE: ""}, programs=seen, flags=USB)


OF_THE_STATION: dict[str, dict[State, Made]] = {
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
}  # fmt: skip
