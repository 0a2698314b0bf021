"""How hot the machine is."""

from pathlib import Path

from sorterd.machine.kernel_files import whole_number, words_in


def temperature_deg_c(root: Path = Path("/")) -> float | None:
    """Return the temperature of the hottest thermal zone; None if no zone tells one.

    Args:
        root: Below which `sys` lies.
    """
    files = (root / "sys/class/thermal").glob("thermal_zone*/temp")
    # The kernel tells thousandths of a degree; a zone that is switched off tells nothing.
    heat = [n / 1000 for file in files if (n := whole_number(words_in(file))) is not None]
    return max(heat, default=None)
