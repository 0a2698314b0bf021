"""One line of the doctor, looking at a machine that was made up."""

from pathlib import Path

from sorterd.doctor.findings import Line, Seen
from sorterd.doctor.lines import GROUPS
from tests.doctor.machines import Made

LINES: dict[str, Line] = {line.name: line for group in GROUPS.values() for line in group}


def looked_at(name: str, made: Made, root: Path) -> Seen:
    """Have one line look at a machine that was made below a folder."""
    here = made.here(root)
    line = LINES[name]
    return Seen("", name, line.need(here), line.look(here))
