"""The station that is tried: its belt, its settings, and what is laid into the folder it is given.

Everything is slow on purpose. Under emulation the model needs a second for a crop and the processor
is another program's whenever it likes, so the belt creeps, gates are far and no limit is tight:
what is shown is that the road works on that kernel, not how quickly.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tools.workshop.emulated.belt_strip import Strip, make_strip, write_recording
from tools.workshop.faults import WorkshopFault

LABELS: Final = ("organic", "glass", "metal", "organic", "paper", "plastic")
"""What lies on the belt; all but paper and what is not known belong to one of the two gates."""
GLASS_PIN: Final = 17
COMPOST_PIN: Final = 27
SETTINGS: Final = "station.toml"
STRIP: Final = "belt.yuyv"
RECORDING: Final = "belt.mp4"
CHECKOUT: Final = "checkout"
MM_PER_PX: Final = 0.5
GAP_MM: Final = 320.0
VIVID_PX: Final = (720, 576)
"""Columns and rows of PAL, the slowest picture that vivid hands from its output to its input."""
VIVID_MM_S: Final = 25.0
REPLAY_PX: Final = (640, 480)
REPLAY_MM_S: Final = 100.0
REPLAY_HZ: Final = 15.0

_COMMON: Final = """
[view]
width_px = {width_px}
height_px = {height_px}
mm_per_px = {mm_per_px}

[belt]
direction = "down"
speed_mm_s = {speed_mm_s}
speed_tolerance_frac = 0.1
length_mm = 900

[bins.glass]
gate = "glass"
labels = ["glass", "metal", "plastic"]

[bins.compost]
gate = "compost"
labels = ["organic"]

[bins.landfill]
labels = ["cardboard", "paper", "trash"]

[journal]
path = "/var/lib/sorterd/journal.db"
flush_ms = 1000
"""
_GATE: Final = """
[gates.{name}]
kind = "servo"
pin = {pin}
at_mm = {at_mm}
{more}"""
_ON_PINS: Final = (
    """name = "emulated"
lead_ms = 1000
gate_tolerance_ms = 1000
max_open_ms = 20000

[camera]
kind = "v4l2"
device = "/dev/v4l/by-emulation/belt"
fourcc = "YUYV"
width_px = {width_px}
height_px = {height_px}
rate_hz = 25
timeout_ms = 10000

[regions]
# What creeps is else learned as belt before it is out of view, and vanishes.
learn_s = 600

[frames]
max_age_ms = 10000

[model]
batch_sizes = [1]
stall_ms = 60000
"""
    + _COMMON
)
_IN_CONTAINER: Final = (
    """name = "contained"
gate_tolerance_ms = 1000
max_open_ms = 8000

[camera]
kind = "replay"
path = "/given/belt.mp4"
loop = true

[frames]
max_age_ms = 2000

[model]
batch_sizes = [1]
stall_ms = 10000
"""
    + _COMMON
)


def belt_on_pins() -> Strip:
    """Draw the belt that is played to the pretended camera."""
    width_px, height_px = VIVID_PX
    return make_strip(
        LABELS, width_px=width_px, window_px=height_px, mm_per_px=MM_PER_PX, gap_mm=GAP_MM
    )


def settings_on_pins() -> str:
    """Return the settings of the station on the emulated Pi."""
    width_px, height_px = VIVID_PX
    text = _ON_PINS + _gates("", (450, 600))
    return text.format(
        width_px=width_px, height_px=height_px, mm_per_px=MM_PER_PX, speed_mm_s=VIVID_MM_S
    )


def settings_in_container() -> str:
    """Return the settings of the station in the container."""
    width_px, height_px = REPLAY_PX
    text = _IN_CONTAINER + _gates('pins = "mock"\n', (450, 600))
    return text.format(
        width_px=width_px, height_px=height_px, mm_per_px=MM_PER_PX, speed_mm_s=REPLAY_MM_S
    )


def give_to_pi(folder: Path) -> None:
    """Lay what the emulated Pi needs into its shared folder."""
    folder.mkdir(parents=True, exist_ok=True)
    copy_checkout(folder / CHECKOUT)
    (folder / SETTINGS).write_text(settings_on_pins())
    (folder / STRIP).write_bytes(belt_on_pins().as_yuyv())


def give_to_container(folder: Path) -> None:
    """Lay what the container needs into the folder that it is shown."""
    folder.mkdir(parents=True, exist_ok=True)
    copy_checkout(folder / CHECKOUT)
    (folder / SETTINGS).write_text(settings_in_container())
    width_px, height_px = REPLAY_PX
    strip = make_strip(
        LABELS, width_px=width_px, window_px=height_px, mm_per_px=MM_PER_PX, gap_mm=GAP_MM
    )
    speed_px_s = REPLAY_MM_S / MM_PER_PX
    seconds = len(strip.pixels) / speed_px_s
    write_recording(
        strip,
        folder / RECORDING,
        speed_px_s=speed_px_s,
        rate_hz=REPLAY_HZ,
        seconds=seconds,
    )


def copy_checkout(into: Path) -> None:
    """Copy what git knows of this checkout, changes that are not committed included.

    Raises:
        WorkshopFault: This is no git checkout.
    """
    root = Path(__file__).resolve().parents[3]
    asked = subprocess.run(  # noqa: S603  # git, of our own folder
        ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if asked.returncode != 0:
        raise WorkshopFault(
            f"{root} is no git checkout: clone the project, and run this from there"
        )
    for name in asked.stdout.decode().split("\0"):
        source = root / name
        if name and source.is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, into / name)


def _gates(more: str, places_mm: tuple[int, int]) -> str:
    pins = (("glass", GLASS_PIN), ("compost", COMPOST_PIN))
    return "".join(
        _GATE.format(name=name, pin=pin, at_mm=at_mm, more=more)
        for (name, pin), at_mm in zip(pins, places_mm, strict=True)
    )
