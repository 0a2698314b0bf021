"""A servo through the real lgpio: what the library is handed for every degree, on a kernel's line.

How long a pulse then was is not looked at: lgpio makes it in software, and here software is
emulated.
"""

import json
from typing import Final

from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.trials.installing import PROGRAM

ANGLES: Final = 181
NEAR_US: Final = 1.0
_PYTHON: Final = PROGRAM.replace("bin/sorterd", "bin/python")
PIN: Final = 5
_SCRIPT: Final = f"""
import json, lgpio
from pathlib import Path
from sorterd.clock import RealClock
from sorterd.gates.servo import Settings, open_part

handed, plain = [], lgpio.tx_pwm
def tx_pwm(handle, pin, frequency, duty, *more):
    answer = plain(handle, pin, frequency, duty, *more)
    handed.append((frequency, duty, answer))
    return answer
lgpio.tx_pwm = tx_pwm
line = Path("/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio{PIN}/value")
wanted = Settings(pin={PIN}, min_deg=0, max_deg=180, shut_deg=0, open_deg=180,
    min_pulse_us=500, max_pulse_us=2500)
gate = open_part("tried", wanted, RealClock())
# gpiozero says "none" to it on the way: a frequency or a share of 0.
still = sum(frequency > 0 and duty > 0 for frequency, duty, _ in handed)
worst, widths, refused = 0.0, set(), 0
for degree in range({ANGLES}):
    gate.steer(wanted.width_us(degree))
    frequency, duty, answer = handed[-1]
    width = duty / 100 * 1000000 / frequency
    widths.add(round(width, 3))
    refused += answer < 0
    worst = max(worst, abs(width - (500 + degree * 2000 / 180)))
seen = {{line.read_text().strip() for _ in range(20000)}}
gate.close()
print(json.dumps({{"still": still, "distinct": len(widths), "worst_us": worst, "refused": refused,
    "levels": sorted(seen), "after": line.read_text().strip()}}))
"""


def servo(bench: Bench) -> None:
    """Steer a servo to every degree."""
    answer = bench.run(f"cd /root && {_PYTHON} - <<'END'\n{_SCRIPT}\nEND", 60)
    try:
        said = json.loads(answer.last)
    except json.JSONDecodeError:
        said = {}
    bench.check(
        "a servo gets no pulse at construction",
        expected="lgpio was handed no pulse before the first command",
        seen=f"{said['still']} pulses" if said else answer.line[-300:],
        passed=said.get("still") == 0,
    )
    bench.check(
        f"{ANGLES} angles of a 0.5 to 2.5 ms servo, as lgpio is handed them",
        expected=f"{ANGLES} distinct, each within {NEAR_US} us of exact, none refused",
        seen=f"{said['distinct']} distinct, at most {said['worst_us']:.4f} us off, "
        f"{said['refused']} refused"
        if said
        else answer.line[-300:],
        passed=said.get("distinct") == ANGLES
        and said["worst_us"] <= NEAR_US
        and said["refused"] == 0,
    )
    bench.check(
        "its line pulses, and is low once it is let go of",
        expected="levels 0 and 1 seen, then 0",
        seen=f"{said['levels']}, then {said['after']}" if said else "nothing",
        passed=said.get("levels") == ["0", "1"] and said.get("after") == "0",
    )
