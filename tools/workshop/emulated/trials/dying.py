"""Every way to die, and what becomes of the gates: a hang, a kill, a stop."""

import re
from typing import Final

from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.stations import COMPOST_PIN, GLASS_PIN
from tools.workshop.emulated.trials.sorting import READY_S, run_belt, watch_pins

RESTARTED_S: Final = 120
# A pulse of `sorterd safe` or of the next run may be under way by then: what hangs is high at every
# look.
_SEEN_LOW: Final = f"""cd /sys/devices/platform/gpio-sim.0/gpiochip0
for pin in {GLASS_PIN} {COMPOST_PIN}; do
    for look in $(seq 100); do
        grep -q 0 sim_gpio$pin/value && echo GPIO$pin is low && break
        sleep 0.02
    done
done"""
_STATE: Final = "systemctl show sorterd -p NRestarts -p MainPID -p ActiveState -p Result --value"


def dying(bench: Bench) -> None:
    """Kill the service in each way and look at what follows."""
    _begin(bench)
    _hang(bench)
    _kill(bench)
    _stop(bench)


def _begin(bench: Bench) -> None:
    bench.run("systemctl reset-failed sorterd; systemctl start sorterd", READY_S * 5)
    run_belt(bench, "run")


def _hang(bench: Bench) -> None:
    """Stop every thread, as a kernel driver that never returns would."""
    before = _restarts(bench)
    since = bench.instant()
    bench.run("kill -STOP $(systemctl show sorterd -p MainPID --value)")
    came, _ = bench.wait_for(_STATE, lambda answer: _up_again(answer.said, before), RESTARTED_S)
    told = bench.told_since(since)
    killed = re.search(r"Watchdog timeout \(limit ([^)]+)\)", told)
    signal = "SIGABRT" if re.search(r"signal SIGABRT|status=6/ABRT", told) else "no SIGABRT"
    limit = f"watchdog after {killed[1]}" if killed else "no watchdog"
    bench.check(
        "a hang ends in the watchdog's kill and a new start",
        expected="watchdog timeout, SIGABRT, one more restart, ready again",
        seen=f"{limit}, {signal}, restarts {before} -> {_restarts(bench)}, up again: {came}",
        passed=came and killed is not None and signal == "SIGABRT",
    )
    _made_safe(bench, "the watchdog's kill", told)


def _kill(bench: Bench) -> None:
    """Kill it with a gate under way, which no code of ours survives."""
    before = _restarts(bench)
    if bench.pins:
        _wait_for_pulse(bench)
    since = bench.instant()
    script = "kill -KILL $(systemctl show sorterd -p MainPID --value)\n"
    if bench.pins:
        script += f"""sleep 20
gpioinfo gpiochip0 | grep -E 'GPIO(17|27)'
{_SEEN_LOW}"""
    after = bench.run(script, 120)
    came, _ = bench.wait_for(_STATE, lambda answer: _up_again(answer.said, before), RESTARTED_S)
    bench.check(
        "kill -9 ends in a new start",
        expected="one more restart, ready again",
        seen=f"restarts {before} -> {_restarts(bench)}, up again: {came}",
        passed=came and _restarts(bench) > before,
    )
    _made_safe(bench, "kill -9", bench.told_since(since))
    if bench.pins:
        _lines_fell(bench, after.said)


def _wait_for_pulse(bench: Bench) -> None:
    """Return when a gate has begun to move."""
    watch_pins(bench, RESTARTED_S * bench.patience, "any")


def _made_safe(bench: Bench, what: str, told: str) -> None:
    """Look for the line of `sorterd safe`, which systemd runs however the service ended."""
    lines = [line for line in told.splitlines() if re.search(r"\bsafe\b", line)]
    failed = re.search(r"Control process exited, code=exited, status=(?!0)\d+", told)
    bench.check(
        f"gates made safe after {what}",
        expected="ExecStopPost ran sorterd safe, and it did not fail",
        seen=(lines[0] if lines else "nothing was said of it")
        + (f"; {failed[0]}" if failed else ""),
        passed=bool(lines) and failed is None,
    )


def _lines_fell(bench: Bench, said: str) -> None:
    """Look at the pins after the kill: the kernel took them back, and neither hangs."""
    free = [line for line in said.splitlines() if "unused" in line]
    held = [line for line in said.splitlines() if "[used]" in line]
    low = [line for line in said.splitlines() if line.endswith("is low")]
    bench.check(
        "no pin is left high by kill -9",
        expected="20 s later both lines are free, or held by the station's next run, and seen low",
        seen=" ".join(" ".join((*free, *held, *low)).split()) or said[:200],
        passed=len(free) + len(held) == 2 and len(low) == 2,
    )


def _stop(bench: Bench) -> None:
    """Ask it to stop: it drains, shuts its gates, and leaves nothing held."""
    stopped = bench.run("systemctl stop sorterd", READY_S)
    state = bench.run("systemctl show sorterd -p Result -p ExecMainStatus -p ActiveState --value")
    bench.check(
        "a stop is orderly",
        expected="exit code 0 within the unit's time, result success",
        seen=f"exit code {stopped.code}; {state.line}",
        passed=stopped.code == 0 and {"success", "0", "inactive"} <= set(state.said.split()),
    )
    if bench.pins:
        lines = bench.run(
            "gpioinfo gpiochip0 | grep -E 'GPIO(17|27)'; "
            "cd /sys/devices/platform/gpio-sim.0/gpiochip0 && "
            f"cat sim_gpio{GLASS_PIN}/value sim_gpio{COMPOST_PIN}/value"
        )
        bench.check(
            "pins are let go of after a stop",
            expected="both lines unused and low",
            seen=lines.line,
            passed=lines.said.count("unused") == 2 and lines.said.split()[-2:] == ["0", "0"],
        )


def _restarts(bench: Bench) -> int:
    return int(bench.run("systemctl show sorterd -p NRestarts --value").last or 0)


def _up_again(state: str, before: int) -> bool:
    words = state.split()
    return "active" in words and any(word.isdigit() and int(word) == before + 1 for word in words)
