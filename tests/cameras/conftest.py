"""A Pi with a camera, which is none."""

from collections.abc import Iterator

import pytest

from sorterd.clock import ManualClock
from tests.cameras.fake_picamera2 import Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Return a Pi with one camera; nothing hangs any longer when the test is over."""
    rig = Rig(ManualClock())
    yield rig
    rig.unhooked.set()
