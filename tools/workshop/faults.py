"""What keeps a command from going on, and how a command ends.

A `WorkshopFault` is bad input: one line, exit code 2, nothing half-written. Anything else that
leaves a command is a bug and keeps its traceback.
"""

import sys
from collections.abc import Callable

EXIT_DONE = 0
EXIT_MISSED = 1
"""The command ran, and what it measured is not good enough: a gate that was not passed."""
EXIT_INPUT = 2
"""Bad input: one line on standard error says what, where and what to do."""
EXIT_INTERRUPTED = 130
"""As a shell reports a command ended by Ctrl-C."""


class WorkshopFault(ValueError):
    """What keeps a command from going on. The message is one line: what, where, what to do."""


def ended(program: str, work: Callable[[], int], *also: type[Exception]) -> int:
    """Do a command's work and turn its faults into one line.

    Args:
        program: Stands before the line.
        work: Returns the exit code.
        also: Faults of the station's own rooms, whose message is such a line too.

    Returns:
        The exit code.
    """
    known: tuple[type[Exception], ...] = (WorkshopFault, *also)
    try:
        return work()
    except known as fault:
        print(f"{program}: {' '.join(str(fault).split())}", file=sys.stderr)
        return EXIT_INPUT
    except KeyboardInterrupt:
        print(f"{program}: interrupted; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
