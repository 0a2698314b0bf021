"""Find out before a long run that its report and film can be written, not after it."""

import tempfile
from pathlib import Path


class OutputFault(ValueError):
    """A file that could not be written. The message is one line: what, where, what to do."""


def check_writable(flag: str, path: Path) -> None:
    """Make sure that a file could be written at `path`; leaves everything as it was.

    Args:
        flag: The argument that named it, for the message.
        path: Where it is to be.

    Raises:
        OutputFault: It could not.
    """
    if path.exists() and not path.is_file():
        raise OutputFault(f"{flag} {path}: is no plain file; name another")
    try:
        with tempfile.TemporaryFile(dir=path.absolute().parent):
            pass
    except OSError as error:
        raise OutputFault(
            f"{flag} {path}: cannot be written ({error.strerror}); name a file in a folder that "
            "exists and that you may write to"
        ) from error
