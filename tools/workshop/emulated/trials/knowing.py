"""What the machine is, and whether sorterd's doctor sees it: board, pins, camera, model."""

from tools.workshop.emulated.device_tree import MODEL
from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.trials.installing import CONFIG, PROGRAM

DOCTOR_S = 90


def board(bench: Bench) -> None:
    """Look at the bare machine before anything is installed."""
    machine = bench.run("uname -mr; tr -d '\\0' < /proc/device-tree/model")
    bench.check(
        "a 64-bit Arm kernel that says it is a Pi",
        expected=f"aarch64, {MODEL}",
        seen=machine.line,
        passed="aarch64" in machine.said and MODEL in machine.said,
    )
    chip = bench.run("gpiodetect; ls -l /dev/gpiochip0")
    bench.check(
        "pins as a Pi 4's",
        expected="gpiochip0 [pinctrl-bcm2711] (54 lines), for the group gpio",
        seen=chip.line,
        passed="gpiochip0 [pinctrl-bcm2711] (54 lines)" in chip.said and " gpio " in chip.said,
    )
    links = bench.run("ip -br link")
    bench.check(
        "no network",
        expected="no card but the loopback",
        seen=links.line,
        passed=[line.split()[0] for line in links.said.splitlines() if line] == ["lo"],
    )


def doctor(bench: Bench) -> None:
    """Ask the doctor about the installed station, while it does not run."""
    answer = bench.run(f"systemctl stop sorterd; {PROGRAM} doctor --config {CONFIG}", DOCTOR_S)
    bench.check(
        "the doctor runs",
        expected="exit code 0 or 1, and a line for everything it looked at",
        seen=f"exit code {answer.code}, {len(answer.said.splitlines())} lines",
        passed=answer.code in (0, 1) and len(answer.said.splitlines()) >= 5,
    )
    if bench.pins:
        bench.check(
            "the doctor knows the board",
            expected=MODEL,
            seen=next(
                (line for line in answer.said.splitlines() if MODEL in line), answer.line[:200]
            ),
            passed=MODEL in answer.said,
        )
