"""What was looked at, what should have been seen and what was: for people, and for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

SHOWN: Final = 88
"""Characters of a line's longest cell; the record has all of them."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        chapter: The trial that looked.
        name: What it is, in a few words.
        expected: What should be seen.
        seen: What was.
        passed: Whether that is good enough.
        took_s: From the check before it until this one was done.
    """

    chapter: str
    name: str
    expected: str
    seen: str
    passed: bool
    took_s: float


@dataclass(slots=True)
class Findings:
    """All checks of a run, in order.

    Attributes:
        machine: What they were made on.
        checks: Each of them.
        took_s: From the start of the command.
    """

    machine: str
    checks: list[Check] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def failed(self) -> list[Check]:
        """Those that did not pass."""
        return [check for check in self.checks if not check.passed]

    def record(self) -> str:
        """Return everything as JSON, for programs."""
        return (
            json.dumps(
                {
                    "machine": self.machine,
                    "passed": not self.failed and bool(self.checks),
                    "took_s": round(self.took_s, 1),
                    "checks": [asdict(check) for check in self.checks],
                },
                indent=2,
            )
            + "\n"
        )


def line_of(check: Check) -> str:
    """Return a check as it is told while the run goes on."""
    verdict = "ok  " if check.passed else "FAIL"
    told = f"{verdict} {check.name}: {_short(check.seen)}"
    return told if check.passed else f"{told}\n     expected: {check.expected}"


def table(findings: Findings) -> list[str]:
    """Return the closing table, a line a check, chapter by chapter, and the sum."""
    if not findings.checks:
        return ["nothing was checked"]
    wide = max(len(check.name) for check in findings.checks)
    lines: list[str] = []
    chapter = ""
    for check in findings.checks:
        if check.chapter != chapter:
            chapter = check.chapter
            lines.append(f"{chapter}")
        verdict = "ok" if check.passed else "FAIL"
        lines.append(
            f"  {verdict:4}  {check.took_s:6.1f} s  {check.name.ljust(wide)}  {_short(check.seen)}"
        )
    lines.append(_sum(findings.checks, findings))
    return lines


def _sum(checks: Sequence[Check], findings: Findings) -> str:
    bad = len(findings.failed)
    told = f"{len(checks) - bad} of {len(checks)} checks passed on {findings.machine}"
    return f"{told} in {findings.took_s:.0f} s"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."
