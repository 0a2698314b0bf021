"""A clean environment, and a short way to read settings from a text."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sorterd.settings import Settings, load


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a station's variables set."""
    for name in list(os.environ):
        if name.upper().startswith("SORTERD_"):
            monkeypatch.delenv(name)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Settings]:
    """Return a function that loads a TOML text from `station.toml`."""

    def read_text(text: str) -> Settings:
        config = tmp_path / "station.toml"
        config.write_text(text, encoding="utf-8")
        return load(config, {})

    return read_text
