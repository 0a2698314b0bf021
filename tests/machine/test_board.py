"""Which board and processor, as the system names them."""

from pathlib import Path

from sorterd.machine.board import board, is_pi, processor
from tests.machine.planting import planted


def test_a_board_is_told_by_the_device_tree(tmp_path: Path) -> None:
    """It should strip the zero byte with which the device tree ends its strings."""
    root = planted(tmp_path, {"proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"})

    assert board(root) == "Raspberry Pi 5 Model B Rev 1.0"
    assert is_pi(root)


def test_a_container_on_a_pi_is_told_by_its_cpuinfo(tmp_path: Path) -> None:
    """It should look there for the board where no device tree is shown."""
    text = "processor\t: 0\n\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
    root = planted(tmp_path, {"proc/cpuinfo": text})

    assert (is_pi(root), processor(root)) == (True, "Raspberry Pi 4 Model B Rev 1.4")


def test_a_laptop_has_a_processor_and_no_board(tmp_path: Path) -> None:
    """It should not take a processor's model for a board."""
    root = planted(tmp_path, {"proc/cpuinfo": "model\t: 85\nmodel name\t: A Processor @ 2 GHz\n"})

    assert (board(root), is_pi(root), processor(root)) == (None, False, "A Processor @ 2 GHz")


def test_a_system_without_files_names_nothing(tmp_path: Path) -> None:
    """It should say None, and not guess from the machine that the test runs on."""
    assert (board(tmp_path), processor(tmp_path)) == (None, None)
