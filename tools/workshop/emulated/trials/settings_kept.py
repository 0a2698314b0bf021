"""Settings with a fault: kept out while the station runs, and told plainly when it starts."""

from typing import Final

from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.trials.installing import CONFIG
from tools.workshop.emulated.trials.sorting import READY_S

GOOD: Final = "/root/good.toml"
TOLD_S: Final = 60
_KEY: Final = "belt.speed_mm_s"
_PROCESS: Final = "systemctl show sorterd -p MainPID --value"
_FAULTY: Final = f"sed 's/^speed_mm_s = .*/speed_mm_s = -1/' {GOOD} > {CONFIG}"
_OTHER: Final = f"sed 's/^name = .*/name = \"renamed\"/' {GOOD} > {CONFIG}"


def settings_kept(bench: Bench) -> None:
    """Reload good and faulty settings, then start with faulty ones."""
    bench.run(f"cp {CONFIG} {GOOD}; systemctl start sorterd", READY_S * 5)
    _reload(bench)
    _reload_faulty(bench)
    _start_faulty(bench)
    bench.run(f"cp {GOOD} {CONFIG}; systemctl reset-failed sorterd; systemctl start sorterd", 300)


def _reload(bench: Bench) -> None:
    before, since = bench.run(_PROCESS).last, bench.instant()
    bench.run(f"{_OTHER}; systemctl reload sorterd")
    came, told = bench.wait_for_words(since, "name changed", TOLD_S)
    after = bench.run(_PROCESS).last
    bench.check(
        "good settings are taken by a reload",
        expected="the journal says that the name changed, and the process is the same",
        seen=f"process {before} -> {after}; {told[-300:]}",
        passed=came and before == after != "0",
    )


def _reload_faulty(bench: Bench) -> None:
    before, since = bench.run(_PROCESS).last, bench.instant()
    bench.run(f"{_FAULTY}; systemctl reload sorterd")
    came, told = bench.wait_for_words(since, _KEY, TOLD_S)
    state = bench.run("systemctl show sorterd -p MainPID -p ActiveState --value")
    bench.check(
        "faulty settings are kept out by a reload",
        expected=f"the journal names {_KEY}; the same process runs on with the old ones",
        seen=f"{before} -> {state.line}; {told[-300:]}",
        passed=came and state.said.split() == [before, "active"],
    )


def _start_faulty(bench: Bench) -> None:
    since = bench.instant()
    bench.run("systemctl restart sorterd", READY_S * 5)
    bench.wait_for_words(since, "Failed with result", TOLD_S)
    # Longer than RestartSec: had it been started again, that would show by then.
    bench.run("sleep 8")
    state = bench.run("systemctl show sorterd -p ActiveState -p ExecMainStatus -p SubState --value")
    named = _KEY in bench.told_since(since)
    bench.check(
        "a start with faulty settings stays down",
        expected="failed with exit code 2, the key named, no restart",
        seen=f"{state.line}; {_KEY} {'named' if named else 'not named'}",
        passed=named and {"failed", "2"} <= set(state.said.split()),
    )
