"""`cameras/v4l2.py` against a real kernel's video device: what it promises, asked of vivid."""

import json
from typing import Final

from tools.workshop.emulated.belt_strip import LEVEL
from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.stations import MM_PER_PX, VIVID_MM_S, VIVID_PX
from tools.workshop.emulated.trials.installing import PROGRAM

CAMERA_S: Final = 60
FRAMES: Final = 6
BELT: Final = "/dev/v4l/by-emulation/belt"
NEAR_LEVELS: Final = 12
_EXPECTED_FAULTS: Final = (
    ("closed", "a closed camera is not read", "DeviceFault"),
    ("format", "a format that it does not have", "set fourcc to that"),
    ("missing", "a camera that is not there", "does not exist"),
    ("control", "a control that it does not have", "does not take white_balance_k"),
)
_PYTHON: Final = PROGRAM.replace("bin/sorterd", "bin/python")
# One camera, one loop: input from our own output, so that a belt can be played to it.
SET_UP: Final = """set -e
screen=$(basename "$(dirname "$(grep -l vid-out /sys/class/video4linux/*/name)")")
camera=$(basename "$(dirname "$(grep -l vid-cap /sys/class/video4linux/*/name)")")
mkdir -p /dev/v4l/by-emulation
ln -sfn "/dev/$camera" /dev/v4l/by-emulation/belt
ln -sfn "/dev/$screen" /dev/v4l/by-emulation/screen
v4l2-ctl -d "/dev/$camera" --set-input 0 --set-standard pal
v4l2-ctl -d "/dev/$screen" --set-output 0 --set-standard pal
v4l2-ctl -d "/dev/$screen" --set-fmt-video-out "width=720,height=576,pixelformat=YUYV"
v4l2-ctl -d "/dev/$camera" --set-fmt-video "width=720,height=576,pixelformat=YUYV"
# No words over the picture, and no gain that follows its own wave.
v4l2-ctl -d "/dev/$camera" --set-ctrl loop_video=1,osd_text_mode=2,gain_automatic=0
systemctl stop belt 2> /dev/null || true
since=$(date +%s)
systemd-run -q --collect --unit=belt bash -c "
  python3 /opt/emulated/play_belt.py /given/belt.yuyv 1440 576 $1 |
  v4l2-ctl -d /dev/$screen --stream-out-mmap --stream-from=-"
# It plays when it says how quickly; before that the camera shows noise.
for second in $(seq 300); do
  journalctl -q -u belt --since=@$since -o cat | grep -q fps && break
  sleep 1
done
"""
_CONTRACT: Final = """
import json, subprocess
from pathlib import Path
from sorterd.cameras.v4l2 import Settings, open_part
from sorterd.clock import RealClock
from sorterd.ports import DeviceFault, DeviceUnavailable

clock, said = RealClock(), {}

def wanted(**more):
    usual = {"device": Path("DEVICE"), "fourcc": "YUYV", "timeout_ms": 10000, **SIZE}
    return Settings(**{**usual, **more})

def fault(work):
    try:
        work()
    except (DeviceFault, DeviceUnavailable) as error:
        return f"{type(error).__name__}: {error}"
    return "no fault"

camera = open_part(wanted(), clock)
frames = [camera.read() for _ in range(COUNT)]
said["size"] = list(frames[0].pixels.shape)
said["numbers"] = [frame.sequence for frame in frames]
said["rising"] = all(a.exposed_ns < b.exposed_ns for a, b in zip(frames, frames[1:]))
said["past"] = all(frame.exposed_ns <= clock.now_ns() for frame in frames)
said["brightness"] = round(float(frames[-1].pixels.mean()))
camera.close()
said["closed"] = fault(camera.read)
said["format"] = fault(lambda: open_part(wanted(fourcc="MJPG"), clock))
said["missing"] = fault(lambda: open_part(wanted(device=Path("/dev/video99")), clock))
said["control"] = fault(lambda: open_part(wanted(white_balance_k=4000), clock))
camera = open_part(wanted(gain_steps=50, timeout_ms=3000), clock)
asked = ["v4l2-ctl", "-d", "DEVICE", "--get-ctrl", "gain"]
said["gain"] = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
camera.read()
silence = ["v4l2-ctl", "-d", "DEVICE", "--set-ctrl"]
subprocess.run([*silence, "percentage_of_dropped_buffers=100"], check=True)
said["silent"] = "no fault"
for _ in range(20):
    begun_ns = clock.now_ns()
    if (told := fault(camera.read)) != "no fault":
        said["silent"] = told
        break
said["silent_ms"] = (clock.now_ns() - begun_ns) // 1000000
subprocess.run([*silence, "percentage_of_dropped_buffers=0"], check=True)
camera.close()
print(json.dumps(said))
"""


def camera(bench: Bench) -> None:
    """Open, read, set and lose a camera."""
    set_up = bench.run(f"bash -s {VIVID_MM_S / MM_PER_PX} <<'END'\n{SET_UP}\nEND")
    bench.check(
        "a belt is played to the kernel's pretended camera",
        expected="vivid takes our pictures and loops them back",
        seen=set_up.line or "done",
        passed=set_up.code == 0,
    )
    columns, lines = VIVID_PX
    script = (
        _CONTRACT.replace("DEVICE", BELT)
        .replace("SIZE", json.dumps({"width_px": columns, "height_px": lines}))
        .replace("COUNT", str(FRAMES))
    )
    answer = bench.run(f"cd /root && {_PYTHON} - <<'END'\n{script}\nEND", CAMERA_S)
    try:
        said = json.loads(answer.last)
    except json.JSONDecodeError:
        said = {"fault": answer.line[-300:]}
    _frames(bench, said)
    _faults(bench, said)


def _frames(bench: Bench, said: dict[str, object]) -> None:
    columns, lines = VIVID_PX
    told = said.get("fault") or (
        f"{said['size']}, numbers {said['numbers']}, rising {said['rising']}, "
        f"none of the future {said['past']}, brightness {said['brightness']}"
    )
    bench.check(
        "frames of the real driver",
        expected=f"[{lines}, {columns}, 3], numbered from 0, exposure rising, never to come, and "
        f"as bright as the belt, {LEVEL}",
        seen=str(told),
        passed=said.get("size") == [lines, columns, 3]
        and said.get("numbers") == list(range(FRAMES))
        and said.get("rising") is True
        and said.get("past") is True
        and abs(int(str(said.get("brightness", 0))) - LEVEL) < NEAR_LEVELS,
    )
    bench.check(
        "a control is set",
        expected="gain_steps = 50 is what the driver then has",
        seen=str(said.get("gain", "not asked")),
        passed=str(said.get("gain", "")).split() == ["gain:", "50"],
    )


def _faults(bench: Bench, said: dict[str, object]) -> None:
    for key, name, expected in _EXPECTED_FAULTS:
        seen = str(said.get(key, "not tried"))
        bench.check(name, expected=expected, seen=seen, passed=expected in seen)
    silent_ms = int(str(said.get("silent_ms", 0)))
    seen = str(said.get("silent", "not tried"))
    bench.check(
        "a camera that falls silent is a fault in time",
        expected="DeviceFault: no picture within 3000 ms, no sooner, and not the driver's 10 s",
        seen=f"{seen} after {silent_ms} ms",
        passed="DeviceFault" in seen and 2900 <= silent_ms <= 9000,
    )
