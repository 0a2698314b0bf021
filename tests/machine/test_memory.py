"""Memory and swap, from the kernel's account."""

from pathlib import Path

from sorterd.machine.memory import Swap, memory_bytes, swaps
from tests.machine.planting import planted


def test_the_account_is_in_bytes(tmp_path: Path) -> None:
    """It should read every line that makes sense and leave out the others."""
    text = (
        "MemAvailable:   23603732 kB\nCmaFree:        51200 kB\nOdd: many kB\nHugePages_Free: 0\n"
    )

    told = memory_bytes(planted(tmp_path, {"proc/meminfo": text}))

    assert told["MemAvailable"] == 23603732 * 1024
    assert told["CmaFree"] == 50 * 1024**2
    assert "Odd" not in told
    assert memory_bytes(tmp_path / "nowhere") == {}


def test_swap_is_told_by_its_place(tmp_path: Path) -> None:
    """It should tell none from not told."""
    head = "Filename\tType\tSize\tUsed\tPriority\n"
    row = "/var/swap file 102396 0 -2\n"

    assert swaps(tmp_path) is None
    assert swaps(planted(tmp_path / "none", {"proc/swaps": head})) == []
    assert swaps(planted(tmp_path / "one", {"proc/swaps": head + row + "odd line\n"})) == [
        Swap(Path("/var/swap"), 102396 * 1024)
    ]
