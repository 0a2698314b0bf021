"""A Raspberry Pi's pins for the tests of gates."""

import sys
from collections.abc import Iterator
from importlib import import_module

import pytest

from sorterd.pins import real_pins
from tests.gates.fake_lgpio import Lgpio


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lgpio]:
    """Put a Raspberry Pi 3 with its library under gpiozero."""
    fake = Lgpio()
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    local = import_module("gpiozero.pins.local")
    monkeypatch.setattr(local, "get_pi_revision", lambda: 0xA02082)
    real_pins.cache_clear()
    yield fake
    real_pins.cache_clear()
    local.LocalPiFactory.pins.clear()
    local.LocalPiFactory._reservations.clear()
