"""One byte from a device on an I2C bus: whether anything answers there. Writes no register."""

import fcntl
from pathlib import Path
from typing import Final

_SLAVE: Final = 0x0703
"""I2C_SLAVE of linux/i2c-dev.h: whom the next bytes go to; refused if a driver has the device."""


def register(bus: Path, address: int, number: int) -> int:
    """Read a device's register.

    Args:
        bus: As /dev/i2c-1.
        address: Seven bits.
        number: The register's.

    Raises:
        OSError: The bus cannot be opened, a driver has the device (EBUSY), nothing answers there
            (EREMOTEIO or ENXIO), or the bus is broken (EIO, ETIMEDOUT).
    """
    with bus.open("r+b", buffering=0) as wire:
        fcntl.ioctl(wire, _SLAVE, address)
        wire.write(bytes([number]))
        (value,) = wire.read(1)
        return int(value)
