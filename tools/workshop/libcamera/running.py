"""Run other programs: what they say goes into a log, and their last line to whoever watches."""

import os
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.workshop.faults import WorkshopFault


def run(
    command: Sequence[str | Path],
    log: Path,
    watch: Callable[[str], None],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a program to its end; it is ended with us.

    Args:
        command: The program and its arguments.
        log: Its output is added there.
        watch: Told each line of it.
        cwd: Where it runs.
        env: Variables besides our own.

    Raises:
        WorkshopFault: It cannot be run, or fails.
    """
    words = [str(word) for word in command]
    last: deque[str] = deque(maxlen=1)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(words)}\n")
        try:
            child = subprocess.Popen(  # noqa: S603  # the build's own lines
                words,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise WorkshopFault(
                f"{words[0]}: cannot be run ({error.strerror}); install it"
            ) from error
        with child:
            try:
                for line in child.stdout or ():
                    file.write(line)
                    if line.strip():
                        last.append(line.strip())
                        watch(line.strip())
            except BaseException:
                child.terminate()
                raise
    if child.returncode != 0:
        said = f": {last[0]}" if last else ""
        raise WorkshopFault(
            f"{Path(words[0]).name} {' '.join(words[1:3])} failed{said}; all it said is in {log}"
        )
