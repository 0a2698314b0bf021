"""Stands for the kernel's PWM chips: /sys/class/pwm as plain files, and what Linux answers."""

import errno
import os
from pathlib import Path

from sorterd.gates.pwm import write_value

PERIOD, DUTY, POLARITY, ENABLE = "period", "duty_cycle", "polarity", "enable"


class Kernel:
    """Answers what is written under /sys/class/pwm as Linux does (drivers/pwm/core.c, sysfs.c).

    Args:
        folder: Where it shows its one chip, of two channels.

    Attributes:
        written: All that it took, as file and value.
    """

    def __init__(self, folder: Path) -> None:
        self.chip = folder / "pwmchip0"
        self.chip.mkdir(parents=True)
        for name, value in {"npwm": "2", "export": "", "unexport": ""}.items():
            (self.chip / name).write_text(value)
        self.written: list[tuple[str, str]] = []
        self.refuses: dict[str, int] = {}

    def show(self, channel: int, **values: str | int) -> Path:
        """Show a channel's files."""
        folder = self.chip / f"pwm{channel}"
        folder.mkdir()
        usual: dict[str, str | int] = {PERIOD: 0, DUTY: 0, POLARITY: "normal", ENABLE: 0}
        for name, value in (usual | values).items():
            (folder / name).write_text(f"{value}\n")
        return folder

    def write(self, file: Path, value: str) -> None:
        """Take a value, or answer why not."""
        if file.name in self.refuses:
            raise OSError(self.refuses[file.name], os.strerror(self.refuses[file.name]), file)
        if file.name == "export":
            self.show(int(value))
        elif file.name == "unexport":
            folder = self.chip / f"pwm{value}"
            for each in folder.iterdir():
                each.unlink()
            folder.rmdir()
        else:
            self._apply(file, value)
        write_value(file, value)
        self.written.append((file.name, value))

    def state(self, channel: int = 0) -> dict[str, str]:
        """Return what a channel's files say."""
        folder = self.chip / f"pwm{channel}"
        return {each.name: each.read_text().strip() for each in folder.iterdir()}

    def _apply(self, file: Path, value: str) -> None:
        state = {each.name: each.read_text().strip() for each in file.parent.iterdir()}
        if file.name == POLARITY and state[ENABLE] == "1":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), file)
        state[file.name] = value
        # pwm_apply_state(): -EINVAL without a period, or with a pulse that is longer.
        if int(state[PERIOD]) == 0 or int(state[DUTY]) > int(state[PERIOD]):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), file)
