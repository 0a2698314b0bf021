"""Whatever runs a station holds the devices; each test has devices of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that run side by side must not take each other for another program on this machine."""
    monkeypatch.setattr("sorterd.holding.PLACES", (tmp_path,))
