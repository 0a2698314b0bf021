"""What a calibration leaves behind: a fragment of settings, and the pictures it came from.

A fragment is a small TOML file beside the station's own, read after it: it never touches what a
person wrote, it says with every value how far it may be off, and to take it back is to remove
the file. No file is ever half-written: each is made beside its place and put there whole.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log10
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.calibration.spread import Measured
from sorterd.ports import DeviceUnavailable


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting.

    Attributes:
        key: Its name within its table.
        value: As it is written.
        note: What stands behind it.
    """

    key: str
    value: float | str
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What was measured, ready to be written.

    Attributes:
        name: Of the fragment, without its ending; the pictures' names begin with it.
        about: Lines for the top of the fragment.
        tables: Settings by table.
        pictures: uint8[H, W, 3], BGR, by the last part of their name.
    """

    name: str
    about: Sequence[str]
    tables: Mapping[str, Sequence[Entry]]
    pictures: Mapping[str, npt.NDArray[np.uint8]] = field(default_factory=dict)

    def text(self) -> str:
        """Return the fragment."""
        pictures = ", ".join(f"{self.name}-{each}.png" for each in self.pictures)
        about = [*self.about, *([f"Pictures: {pictures}"] if pictures else [])]
        lines = [f"# {line}" for line in about]
        for table, entries in self.tables.items():
            lines += ["", f"[{table}]", *map(_line, entries)]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> list[Path]:
        """Write everything into a folder, which is made if need be; the fragment comes last.

        Returns:
            The files, the fragment first.

        Raises:
            DeviceUnavailable: They cannot be written there.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error
        written = []
        for name, pixels in self.pictures.items():
            written.append(folder / f"{self.name}-{name}.png")
            put(written[-1], bytes(cv2.imencode(".png", pixels)[1]))
        fragment = folder / f"{self.name}.toml"
        put(fragment, self.text().encode())
        return [fragment, *written]


def put(path: Path, data: bytes) -> None:
    """Write a file whole, or leave what was there.

    Raises:
        DeviceUnavailable: It cannot be written.
    """
    # Hidden, and with an ending that no station reads.
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):  # what could not be made there can hardly be removed
            beside.unlink(missing_ok=True)


def said(measured: Measured, unit: str = "") -> str:
    """Return a measured number as a person reads it: `200.0 +- 0.4 mm/s`."""
    places = decimals(measured)
    error = "?"
    if isfinite(measured.error):
        error = f"{ceil(measured.error * 10**places) / 10**places:.{places}f}"
    value = round(measured.value, places) + 0.0  # never -0
    return f"{value:.{places}f} +- {error}{f' {unit}' if unit else ''}"


def rounded(measured: Measured) -> float:
    """Return the number as it is written down: a digit more than its error has."""
    return round(measured.value, decimals(measured) + 1)


def decimals(measured: Measured) -> int:
    """How many decimals a number with this error deserves: one digit of the error, two of a 1."""
    if measured.error <= 0 or not isfinite(measured.error):
        return 1
    return max(0, 1 - floor(log10(measured.error * 0.5)) - 1)


def _line(entry: Entry) -> str:
    value = json.dumps(entry.value) if isinstance(entry.value, str) else repr(entry.value)
    return f"{entry.key} = {value}" + (f"  # {entry.note}" if entry.note else "")


def _unwritable(path: Path, error: OSError) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"{path} cannot be written ({error.strerror or error}); name a folder that this user may"
        " write to"
    )
