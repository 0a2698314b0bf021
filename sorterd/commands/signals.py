"""Not a command: what SIGTERM, Ctrl-C and a lost connection do while one runs, and no longer."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOPS: Final = (signal.SIGTERM, signal.SIGINT)
"""What systemd sends to have a program end, and Ctrl-C."""

HANGUP: Final = (signal.SIGHUP,)
"""What `systemctl reload` sends, and the kernel when a terminal's connection is lost."""

Handler = Callable[[int, FrameType | None], object] | int | None
"""As the standard library has it."""

On = Callable[[tuple[signal.Signals, ...], Callable[[], object]], None]


@contextmanager
def own_signals() -> Iterator[On]:
    """Say what signals do within the block; at its end each does again what it did before.

    Gives `on(numbers, call)`: have `call` called whenever one of these signals comes, on the main
    thread, between two of its instructions; what it raises rises from there. A program that runs in
    another thread hears no signals, and `on` does nothing there.
    """
    before: dict[signal.Signals, Handler] = {}

    def on(numbers: tuple[signal.Signals, ...], call: Callable[[], object]) -> None:
        def handler(number: int, frame: FrameType | None) -> None:
            del number, frame
            call()

        if threading.current_thread() is threading.main_thread():
            for each in numbers:
                before.setdefault(each, signal.getsignal(each))
                signal.signal(each, handler)

    try:
        yield on
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
