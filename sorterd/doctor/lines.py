"""Every line of the doctor, in the order in which a person reads them.

A new subject is one file in `subjects/` and its name here. What a line is called and which states
it has been tested in is held by tests/doctor/test_lines.py.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sorterd.doctor.findings import Line
from sorterd.doctor.subjects import (
    board,
    camera,
    clocks,
    disk,
    gates,
    heat,
    memory,
    model,
    python,
    rights,
    service,
)

GROUPS: Final[Mapping[str, tuple[Line, ...]]] = MappingProxyType(
    {
        "settings and model": model.LINES,
        "camera": camera.LINES,
        "gates": gates.LINES,
        "rights": rights.LINES,
        "machine": (*board.LINES, *python.LINES, *memory.LINES),
        "heat and supply": heat.LINES,
        "disk": disk.LINES,
        "service": service.LINES,
        "clocks": clocks.LINES,
    }
)
