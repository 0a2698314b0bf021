"""What every trial works with: the machine, the words of a check, and patience."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sorterd.ports import Clock
from tools.workshop.emulated.checks import Check, Findings
from tools.workshop.emulated.guests import Answer, Guest

LOOK_NS: Final = 1_000_000_000
"""Between two looks at something that is waited for."""


@dataclass(slots=True)
class Bench:
    """A machine under trial. One thread.

    Attributes:
        guest: The machine.
        clock: Tells how long things took, and waits.
        findings: Takes the checks.
        tell: Told each check as it is made.
        pins: Whether the machine has pins and a camera; else both are pretended by sorterd.
        patience: How much slower than a PC it is: all waiting times are multiplied by this.
        chapter: The trial that is running.
    """

    guest: Guest
    clock: Clock
    findings: Findings
    tell: Callable[[Check], None]
    pins: bool
    patience: float = 1.0
    chapter: str = ""
    _since_ns: int = field(default=0, init=False)

    def begin(self, chapter: str) -> None:
        """Start a trial: what follows is checked under its name."""
        self.chapter = chapter
        self._since_ns = self.clock.now_ns()

    def check(self, name: str, *, expected: str, seen: str, passed: bool) -> bool:
        """Take down a check, and tell whether it passed."""
        now_ns = self.clock.now_ns()
        took_s = (now_ns - self._since_ns) / 1e9
        self._since_ns = now_ns
        check = Check(self.chapter, name, expected, seen, passed, round(took_s, 1))
        self.findings.checks.append(check)
        self.tell(check)
        return passed

    def run(self, script: str, timeout_s: float = 120) -> Answer:
        """Run a script in the machine, with a time for a PC.

        Raises:
            WorkshopFault: The machine is gone.
        """
        return self.guest.run(script, timeout_s * self.patience)

    def wait_for(
        self, script: str, wanted: Callable[[Answer], bool], within_s: float
    ) -> tuple[bool, Answer]:
        """Run a script again and again until its answer is the wanted one.

        Args:
            script: What to ask.
            wanted: Tells whether the answer is it.
            within_s: How long to wait for it, on a PC.

        Returns:
            Whether it came, and the last answer.

        Raises:
            WorkshopFault: The machine is gone.
        """
        until_ns = self.clock.now_ns() + round(within_s * self.patience * 1e9)
        while not wanted(answer := self.run(script)):
            if self.clock.now_ns() >= until_ns:
                return False, answer
            self.clock.sleep_until(self.clock.now_ns() + LOOK_NS)
        return True, answer

    def instant(self) -> str:
        """Return the present as the machine's own journal counts it, for `told_since`."""
        return self.run("date +@%s.%6N").last

    def told_since(self, instant: str) -> str:
        """Return what systemd and the service have said since then, a line each.

        Raises:
            WorkshopFault: The machine is gone.
        """
        return self.run(_told(instant)).said

    def wait_for_words(self, instant: str, words: str, within_s: float) -> tuple[bool, str]:
        """Wait until the service's journal has these words since then; return what it has.

        Raises:
            WorkshopFault: The machine is gone.
        """
        came, answer = self.wait_for(_told(instant), lambda answer: words in answer.said, within_s)
        return came, answer.said


def _told(instant: str) -> str:
    return f"journalctl -q --since={instant} -u sorterd -o cat --no-pager"
