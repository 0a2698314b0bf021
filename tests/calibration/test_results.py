"""What a calibration leaves behind: numbers as their errors deserve, files whole or not at all."""

import tomllib
from math import inf
from pathlib import Path

import numpy as np
import pytest

from sorterd.calibration.results import Entry, Results, put, rounded, said
from sorterd.calibration.spread import Measured, error_of_mean, student
from sorterd.ports import DeviceUnavailable


@pytest.mark.parametrize(
    ("value", "error", "text", "number"),
    [
        (0.500021, 0.000151, "0.50002 +- 0.00016", 0.500021),
        (199.934, 0.42, "199.9 +- 0.5", 199.93),
        (519.04, 30.1, "519 +- 31", 519.0),
        (-0.004, 0.03, "0.00 +- 0.03", -0.004),
        (7.0, inf, "7.0 +- ?", 7.0),
    ],
)
def test_a_number_has_the_digits_that_its_error_deserves(
    value: float, error: float, text: str, number: float
) -> None:
    """It should never state an error that is smaller than the one it has."""
    assert said(Measured(value, error)) == text
    assert rounded(Measured(value, error)) == number


def test_errors_come_from_the_spread_of_parts() -> None:
    """It should widen with few parts, and know nothing by one."""
    assert error_of_mean([1.0]) == inf
    assert error_of_mean([1.0, 2.0, 3.0]) == pytest.approx(4.30 / 3**0.5)
    assert student(1) > student(2) > student(15) > student(400) == 2.0


def test_products_add_their_shares_of_error() -> None:
    """It should add independent shares as squares."""
    product = Measured(200.0, 6.0).times(Measured(0.5, 0.02))

    assert product.value == 100
    assert product.error == pytest.approx(5.0)


def test_a_fragment_is_toml_with_its_reasons(tmp_path: Path) -> None:
    """It should be readable by people and by a station, and name its pictures."""
    tables = {"view": [Entry("mm_per_px", 0.5, "0.5 +- 0.1")], "belt": [Entry("direction", "up")]}
    pictures = {"fit": np.zeros((16, 16, 3), np.uint8)}
    written = Results("belt", ["Measured."], tables, pictures).write(tmp_path / "new" / "folder")

    text = written[0].read_text()
    assert tomllib.loads(text) == {"view": {"mm_per_px": 0.5}, "belt": {"direction": "up"}}
    assert text.startswith("# Measured.\n# Pictures: belt-fit.png\n")
    assert [path.name for path in written] == ["belt.toml", "belt-fit.png"]
    assert sorted(path.name for path in written[0].parent.iterdir()) == [
        "belt-fit.png",
        "belt.toml",
    ]


def test_what_was_there_stays_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should leave the old file whole, and nothing half-written beside it."""
    path = tmp_path / "belt.toml"
    put(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DeviceUnavailable, match="No space left on device"):
        put(path, b"new")

    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["belt.toml"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """It should name the folder and what to do."""
    (tmp_path / "file").write_text("")

    with pytest.raises(DeviceUnavailable, match="name a folder that this user may write to"):
        Results("belt", [], {}).write(tmp_path / "file" / "folder")
