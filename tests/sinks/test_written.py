"""What the process has written: the kernel's count, in words."""

from pathlib import Path

import pytest

from sorterd.sinks.written import told_written, written_bytes


def test_what_is_written_is_counted(tmp_path: Path) -> None:
    """It should read the kernel's own count."""
    (tmp_path / "io").write_text("rchar: 10\nwchar: 20\nread_bytes: 0\nwrite_bytes: 8192\n")

    assert written_bytes(tmp_path / "io") == 8192


@pytest.mark.parametrize("says", ["", "rchar: 1\n", "write_bytes: many\n", "nonsense"])
def test_nobody_counts(tmp_path: Path, says: str) -> None:
    """It should say that it is not known where there is no count to be had."""
    assert written_bytes(tmp_path / "missing") is None
    (tmp_path / "io").write_text(says)
    assert written_bytes(tmp_path / "io") is None


def test_it_is_told_in_a_line() -> None:
    """It should name megabytes and hours."""
    assert told_written(3_140_000, 90 * 60 * 10**9) == "3.1 MB written to disk in 1.5 h"
    assert told_written(None, 1) == "what was written to disk is not counted on this system"
