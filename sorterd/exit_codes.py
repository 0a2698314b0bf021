"""What the program's exit code says; systemd decides by it whether to start a station again."""

from typing import Final

DONE: Final = 0
"""It did what was asked."""
UNFIT: Final = 1
"""What was asked about is not as it should be."""
SETTINGS: Final = 2
"""Settings or arguments that cannot work; argparse's own code for the latter."""
DEVICE: Final = 3
"""A device could not be opened, or failed."""
MODEL: Final = 4
"""A model that must not be used."""
BUG: Final = 70
"""A bug in sorterd; EX_SOFTWARE of sysexits.h."""

TOLD: Final = (
    "exit codes: 0 done, 1 not as it should be, 2 settings or arguments, 3 device, 4 model, "
    "70 a bug in sorterd"
)
"""For the end of a help text."""
