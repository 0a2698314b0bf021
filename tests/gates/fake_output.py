"""Stands for a digital output of gpiozero: it remembers, and fails when a test asks it to."""

import threading

DEADLOCK_S = 60
"""No thread waits so long for another but where a test fails."""


class Output:
    """A digital output that remembers what it was told, and fails when it is asked to."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.fails = 0
        self._changed = threading.Condition()

    def on(self) -> None:
        """Switch on."""
        self._take("on")

    def off(self) -> None:
        """Switch off."""
        self._take("off")

    def close(self) -> None:
        """Let go."""
        self._take("close")

    def wait_for(self, *told: str) -> None:
        """Return once it was told just this."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.told == list(told), DEADLOCK_S), self.told

    def _take(self, command: str) -> None:
        with self._changed:
            self.told.append(command)
            self._changed.notify_all()
            if self.fails:
                self.fails -= 1
                raise OSError("bad\nhandle")
