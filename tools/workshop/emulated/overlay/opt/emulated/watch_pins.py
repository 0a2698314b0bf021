"""Watch lines of the simulated chip from the kernel's side and tell, as JSON, what moved.

For each pin: how often its level changed, how often it was seen high of all looks, and when the
first and the last change came, in seconds after the start. How long a pulse was is not told: under
emulation it means nothing. Nothing but Debian's Python is needed.
"""

import json
import os
import sys
import time
from pathlib import Path


def main(seconds: float, pins: list[int]) -> None:
    """Watch for a while.

    Args:
        seconds: How long.
        pins: Their numbers on the chip.
    """
    chip = next(Path("/sys/devices/platform/gpio-sim.0").glob("gpiochip*"))
    files = {pin: os.open(chip / f"sim_gpio{pin}/value", os.O_RDONLY) for pin in pins}
    level = {pin: os.pread(file, 1, 0) for pin, file in files.items()}
    seen = {pin: {"edges": 0, "high": 0, "first_s": None, "last_s": None} for pin in pins}
    looks = 0
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        looks += 1
        for pin, file in files.items():
            came = os.pread(file, 1, 0)
            told = seen[pin]
            told["high"] += came == b"1"
            if came != level[pin]:
                level[pin] = came
                told["edges"] += 1
                told["last_s"] = round(now, 3)
                if told["first_s"] is None:
                    told["first_s"] = round(now, 3)
    print(json.dumps({"looks": looks, "pins": seen}))


if __name__ == "__main__":
    main(float(sys.argv[1]), [int(pin) for pin in sys.argv[2:]])
