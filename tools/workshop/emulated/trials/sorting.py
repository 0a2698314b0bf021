"""The service at its work: ready, pieces judged, and gates moved."""

import json
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from tools.workshop.emulated.guests import Answer
from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.stations import COMPOST_PIN, GLASS_PIN, LABELS
from tools.workshop.emulated.trials.installing import CONFIG, PROGRAM

JOURNAL: Final = "/var/lib/sorterd/journal.db"
READY_S: Final = 60
PIECES: Final = 4
"""Pieces that must be judged before the run goes on."""
PIECES_S: Final = 90
STILL_S: Final = 5.0
STILL_LOOKS: Final = 12
SLOW: Final = "/run/systemd/system/sorterd.service.d/emulated.conf"
# What an emulated processor needs to import everything; the watchdog stays as it is.
_SLOW_SCRIPT: Final = f"""mkdir -p $(dirname {SLOW})
printf '[Service]\\nTimeoutStartSec=900\\nTimeoutStopSec=120\\n' > {SLOW}
systemctl daemon-reload"""
_ROWS: Final = """python3 - <<'END'
import json, sqlite3
rows = sqlite3.connect("file:JOURNAL?mode=ro", uri=True).execute(
    "SELECT reason, label, gate, opened_late_ns IS NOT NULL"
    " FROM outcomes ORDER BY run, first_seen_ns")
print(json.dumps([list(row) for row in rows]))
END""".replace("JOURNAL", JOURNAL)


def sorting(bench: Bench) -> None:
    """Start the service and watch it sort."""
    bench.run(_SLOW_SCRIPT)
    fit = bench.run(f"{PROGRAM} check --config {CONFIG}", READY_S)
    bench.check(
        "the settings fit this machine and the model",
        expected="exit code 0 from sorterd check",
        seen=f"exit code {fit.code}; {fit.line[:300]}",
        passed=fit.code == 0,
    )
    run_belt(bench, "rest")
    started = bench.run("systemctl restart sorterd", READY_S * 5)
    state = bench.run("systemctl show sorterd -p ActiveState -p StatusText --value")
    bench.check(
        "ready",
        expected="systemctl start ends with the service active: READY=1 was said",
        seen=f"exit code {started.code}; {state.line}",
        passed=started.code == 0 and "active" in state.said.split(),
    )
    if bench.pins:
        _still(bench)
    run_belt(bench, "run")
    if bench.pins:
        _pins(bench)
    _pieces(bench)


def run_belt(bench: Bench, word: str) -> None:
    """Have the belt of the emulated Pi run or rest; the container's replay runs by itself."""
    if bench.pins:
        bench.run(f"mkdir -p /run/emulated; echo {word} > /run/emulated/belt")


def watch_pins(bench: Bench, seconds: float, until: str) -> dict[int, dict[str, float | None]]:
    """Watch the gates' pins from the kernel's side, until "all" or "any" have moved."""
    script = f"python3 /opt/emulated/watch_pins.py {seconds} {until} {GLASS_PIN} {COMPOST_PIN}"
    told = json.loads(bench.run(script, seconds + 60).last or '{"pins": {}}')
    return {int(pin): seen for pin, seen in told["pins"].items()}


def rows(bench: Bench) -> list[tuple[str, str | None, str | None, bool]]:
    """Return reason, label, gate and whether it moved, of each piece as they came into view."""
    answer = bench.run(_ROWS)
    return [tuple(row) for row in json.loads(answer.last)] if answer.code == 0 else []


def fresh_rows(more_than: int) -> Callable[[Answer], bool]:
    """Return what tells whether the journal has more rows than so many."""
    return lambda answer: answer.code == 0 and len(json.loads(answer.last)) > more_than


def in_drawn_order(judged: Sequence[str], *, twice: bool = False) -> bool:
    """Tell whether labels came in the order in which the pieces lie on the belt, which is a loop.

    A piece that got no label is not among them, and the first to be seen may be any.

    Args:
        judged: Labels in the order in which their pieces came into view; of more than `PIECES` the
            first are asked.
        twice: Take no notice of a piece that is there twice.
    """
    told = [label for label, _ in groupby(judged)] if twice else judged
    return any(
        _within(told[:PIECES], LABELS[first:] + LABELS[:first]) for first in range(len(LABELS))
    )


def _within(some: Sequence[str], drawn: Sequence[str]) -> bool:
    left = iter(drawn)
    return all(label in left for label in some)


def _still(bench: Bench) -> None:
    """Watch the pins while the belt rests: what they do later is then the pieces' doing.

    The gates move into their safe position as the station starts, which may not be over yet.
    """
    for _ in range(STILL_LOOKS):
        seen = watch_pins(bench, STILL_S, "time")
        edges = sum(int(one["edges"] or 0) for one in seen.values())
        if not edges:
            break
    bench.check(
        "pins keep still while the belt rests",
        expected=f"{STILL_S:g} s without a change on either gate's pin",
        seen=f"{edges} changes on {len(seen)} pins",
        passed=not edges and set(seen) == {GLASS_PIN, COMPOST_PIN},
    )


def _pins(bench: Bench) -> None:
    """Watch the pins until both gates have moved."""
    before = bench.run("gpioinfo gpiochip0 | grep -E 'GPIO(17|27)\\b'")
    bench.check(
        "the kernel knows who holds the pins",
        expected="both gates' lines are outputs in use",
        seen=before.line,
        passed=before.said.count("output") == 2 and before.said.count("[used]") == 2,
    )
    seen = watch_pins(bench, PIECES_S * bench.patience, "all")
    moved = {pin: one["edges"] for pin, one in seen.items() if one["edges"]}
    bench.check(
        "pins moved, by the kernel's own account",
        expected="pulses on the pins of both gates, as pieces for both came by",
        seen=", ".join(f"GPIO{pin}: {edges} changes" for pin, edges in moved.items()) or "none",
        passed=set(moved) == {GLASS_PIN, COMPOST_PIN},
    )


def _pieces(bench: Bench) -> None:
    _, last = bench.wait_for(_ROWS, fresh_rows(PIECES - 1), PIECES_S)
    judged = rows(bench) if last.code == 0 else []
    known = [label for _, label, _, _ in judged if label]
    # An emulated machine may not look for so long that a piece is another when it is seen again.
    ordered = in_drawn_order(known, twice=bench.pins)
    told = ", ".join(f"{reason}:{label or '-'}" for reason, label, _, _ in judged)
    bench.check(
        "pieces judged",
        expected=f"at least {PIECES} pieces in the journal, most with a label, in the order drawn: "
        f"{', '.join(LABELS)}",
        seen=f"{len(judged)}: {told}" if judged else last.line[:300],
        passed=len(judged) >= PIECES and len(known) * 2 > len(judged) and ordered,
    )
    moved = [gate for _, _, gate, opened in judged if gate and opened]
    bench.check(
        "gates moved, by the journal's account",
        expected="at least one pulse that was carried out",
        seen=f"{len(moved)}: {', '.join(moved)}",
        passed=bool(moved),
    )
