"""Who holds the devices: one program, whose death lets go of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sorterd.holding import Holder, hold, holder
from sorterd.ports import DeviceUnavailable

HOLDS = """
import sys
from pathlib import Path
from sorterd.holding import hold
with hold("sorterd gate", Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_program(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold the devices until the end of the block."""
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", HOLDS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield other


def test_the_holder_is_named(tmp_path: Path) -> None:
    """It should refuse a second program and say in one line who the first is and what to do."""
    with another_program(tmp_path) as other:
        assert holder(tmp_path) == Holder("sorterd gate", other.pid)
        with (
            pytest.raises(
                DeviceUnavailable,
                match=rf"^the devices are held by sorterd gate, process {other.pid}: stop [^\n]+$",
            ),
            hold("sorterd", tmp_path),
        ):
            pass


def test_the_dead_hold_nothing(tmp_path: Path) -> None:
    """It should be free in the instant in which its holder is killed, whatever is written there."""
    with another_program(tmp_path) as other:
        other.kill()

    assert holder(tmp_path) is None
    with hold("sorterd", tmp_path):
        assert holder(tmp_path) == Holder("sorterd", os.getpid())
    assert holder(tmp_path) is None


def test_nobody_looked_yet(tmp_path: Path) -> None:
    """It should be free where there never was a station, and where locks cannot be listed."""
    assert holder(tmp_path) is None
    with hold("sorterd", tmp_path):
        assert holder(tmp_path, locks=tmp_path / "no such list") is None


def test_looking_is_not_holding(tmp_path: Path) -> None:
    """It should not be in the way of a station that starts meanwhile."""
    with hold("sorterd", tmp_path):
        pass
    assert holder(tmp_path) is None
    with another_program(tmp_path):
        pass


def test_where_the_lock_cannot_be_made(tmp_path: Path) -> None:
    """It should say so, for then two programs could hold the devices without knowing."""
    with (
        pytest.raises(DeviceUnavailable, match=r"cannot be made [^\n]+ group sorterd"),
        hold("sorterd", tmp_path / "missing"),
    ):
        pass


@pytest.mark.parametrize("written", ["", "{", "[]", '{"what": 1}', '{"what": "x", "process": "y"}'])
def test_a_list_that_is_nonsense_is_not_believed(tmp_path: Path, written: str) -> None:
    """It should still be held when nobody can read by whom."""
    with another_program(tmp_path):
        (tmp_path / "sorterd-devices.lock").write_text(written)

        assert holder(tmp_path) == Holder("another program", 0)
        with pytest.raises(DeviceUnavailable, match="another program"), hold("sorterd", tmp_path):
            pass
