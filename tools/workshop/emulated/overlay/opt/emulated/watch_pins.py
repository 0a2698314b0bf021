"""Watch lines of the simulated chip from the kernel's side and tell, as JSON, what moved.

For each pin: how often its level changed, how often it was seen high of all looks, and when the
first and the last change came, in seconds after the start. How long a pulse was is not told: under
emulation it means nothing. Nothing but Debian's Python is needed.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass
class Seen:
    """What one pin was seen to do.

    Attributes:
        level: The last that was seen, b"0" or b"1".
        edges: How often it changed.
        high: In how many looks it was high.
        first_s: When it changed first.
        last_s: When it changed last.
    """

    level: str
    edges: int = 0
    high: int = 0
    first_s: float | None = None
    last_s: float | None = None

    def look(self, level: str, now_s: float) -> None:
        """Take a look into account."""
        self.high += level == "1"
        if level != self.level:
            self.level = level
            self.edges += 1
            self.last_s = round(now_s, 3)
            self.first_s = self.last_s if self.first_s is None else self.first_s


PAUSE_S = 0.002
"""Between looks: a pulse of a servo is as long, and the station needs the processor, too."""


def main(seconds: float, until: str, pins: list[int]) -> None:
    """Watch for a while.

    Args:
        seconds: How long at most.
        until: Ends it sooner: once "all" or "any" of the pins have moved; or "time" alone does.
        pins: Their numbers on the chip.
    """
    chip = next(Path("/sys/devices/platform/gpio-sim.0").glob("gpiochip*"))
    files = {pin: os.open(chip / f"sim_gpio{pin}/value", os.O_RDONLY) for pin in pins}
    seen = {pin: Seen(os.pread(file, 1, 0).decode()) for pin, file in files.items()}
    looks, began = 0, time.monotonic()
    while (now_s := time.monotonic() - began) < seconds:
        moved = [one.edges > 0 for one in seen.values()]
        if (until == "all" and all(moved)) or (until == "any" and any(moved)):
            break
        time.sleep(PAUSE_S)
        looks += 1
        for pin, file in files.items():
            seen[pin].look(os.pread(file, 1, 0).decode(), now_s)
    told = {pin: asdict(one) for pin, one in seen.items()}
    print(json.dumps({"looks": looks, "pins": told}))


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], [int(pin) for pin in sys.argv[3:]])
