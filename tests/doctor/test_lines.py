"""Every line of the doctor on machines that have it, lack it, or have it broken.

There is a machine for each line and state: a line that is added without one of the three fails
here, and so does one whose machine is not what it says.
"""

from pathlib import Path

import pytest

from sorterd.doctor.findings import State
from sorterd.doctor.lines import GROUPS
from tests.doctor.looking import LINES, looked_at
from tests.doctor.machine_cases import OF_THE_MACHINE
from tests.doctor.station_cases import OF_THE_STATION

CASES = {**OF_THE_STATION, **OF_THE_MACHINE}


def test_every_line_has_a_machine_for_each_state() -> None:
    """It should know no line that is not tested found, missing and broken."""
    assert {name: set(states) for name, states in CASES.items()} == {
        name: set(State) for name in LINES
    }


def test_no_name_is_there_twice() -> None:
    """It should name each line once, briefly enough for its column."""
    names = [line.name for group in GROUPS.values() for line in group]

    assert len(set(names)) == len(names)
    assert max(map(len, names)) < 17


@pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name, states in CASES.items() for state in states]
)
def test_each_line_tells_what_it_sees(name: str, state: State, tmp_path: Path) -> None:
    """It should tell the state of such a machine, in a line, with what mends it."""
    seen = looked_at(name, CASES[name][state], tmp_path).finding

    assert seen.state is state, seen.told
    assert seen.told.strip()
    assert "\n" not in seen.told + seen.mend
    assert not seen.told.endswith(".")
    assert (state is not State.FOUND) or seen.mend == ""
    assert state is not State.BROKEN or seen.mend
