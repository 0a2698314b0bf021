"""A light barrier on a pin: which edges it tells, and what is said when the pin cannot be had."""

import sys
from collections.abc import Iterator
from importlib import import_module

import pytest

from sorterd.clock import ManualClock
from sorterd.pins import Pins, mock_pins, real_pins
from sorterd.ports import DeviceUnavailable
from sorterd.triggers.beam import BeamTrigger, Settings, open_part

MS = 1_000_000


@pytest.fixture
def pins() -> Pins:
    """Return mock pins that no other test uses."""
    return mock_pins.__wrapped__()


class Bench:
    """A light barrier on a mock pin, a clock, and what was told."""

    def __init__(self, pins: Pins, settings: Settings) -> None:
        self.clock = ManualClock()
        self.start_ns = self.clock.now_ns()
        self.told_ms: list[float] = []
        self.pin = pins.factory.pin(settings.pin)
        self.trigger: BeamTrigger = open_part(settings, self.clock, pins)

    def listen(self) -> None:
        """Note every instant that is told, from now on."""
        self.trigger.listen(lambda t_ns: self.told_ms.append((t_ns - self.start_ns) / MS))

    def at(self, t_ms: int, *, low: bool) -> None:
        """Drive the pin at an instant."""
        self.clock.sleep_until(self.start_ns + t_ms * MS)
        self.pin.drive_low() if low else self.pin.drive_high()


def test_it_tells_the_edge_at_which_the_beam_is_broken(pins: Pins) -> None:
    """It should tell of each edge to broken, and of none back."""
    bench = Bench(pins, Settings(pin=22))
    bench.listen()

    for t_ms, low in ((100, True), (400, False), (900, True), (1000, False)):
        bench.at(t_ms, low=low)

    assert bench.told_ms == [100, 900]
    bench.trigger.close()


@pytest.mark.parametrize("pull", ["up", "down", "none"])
def test_it_may_read_high_when_broken(pins: Pins, pull: str) -> None:
    """It should take the level that the settings name, whatever the resistor."""
    bench = Bench(pins, Settings.model_validate({"pin": 22, "pull": pull, "broken": "high"}))
    bench.at(10, low=True)
    bench.listen()

    bench.at(100, low=False)
    bench.at(400, low=True)

    assert bench.told_ms == [100]
    assert bench.pin.pull == {"none": "floating"}.get(pull, pull)
    bench.trigger.close()


def test_edges_that_bounce_count_once(pins: Pins) -> None:
    """It should tell the first of edges that follow one another closely, at its own instant."""
    bench = Bench(pins, Settings(pin=22, bounce_ms=20))
    bench.listen()

    for t_ms in range(100, 130, 2):
        bench.at(t_ms, low=t_ms % 4 == 0)
    bench.at(200, low=False)
    bench.at(210, low=True)  # 10 ms after an edge: the beam was not clear for long
    bench.at(300, low=False)
    bench.at(320, low=True)

    assert bench.told_ms == [100, 320]
    bench.trigger.close()


class Stamped:
    """A pin whose edges carry the stamp that a test gives them."""

    when_changed: object = None


class Device:
    """A device on such a pin."""

    def __init__(self) -> None:
        self.pin = Stamped()

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("ago_ms", "told_ago_ms"),
    [
        (0, 0),
        (7.5, 7.5),
        (999, 999),
        (1001, 0),  # no edge waits for a second: another clock's
        (-1, 0),
        (-1.7e12, 0),  # the time of day, before Linux 5.7
    ],
)
def test_the_kernels_stamp_is_believed_if_it_is_of_our_clock(
    pins: Pins, ago_ms: float, told_ago_ms: float
) -> None:
    """It should tell the kernel's instant, or the present where that cannot be ours."""
    clock, device, told_ns = ManualClock(70_000_000_019), Device(), list[int]()
    trigger = BeamTrigger(Settings(pin=22), clock, pins, device)
    trigger.listen(told_ns.append)

    heard = device.pin.when_changed
    assert callable(heard)
    heard((clock.now_ns() - ago_ms * MS) / 1e9, 0)

    assert (clock.now_ns() - told_ns[0]) / MS == pytest.approx(told_ago_ms, abs=0.001)


def test_nothing_is_told_after_it_was_let_go_of(pins: Pins) -> None:
    """It should free the pin for another, and be deaf whatever the pin does."""
    bench = Bench(pins, Settings(pin=22))
    bench.listen()
    bench.trigger.close()
    again = Bench(pins, Settings(pin=22))
    again.listen()

    again.at(100, low=True)

    assert (bench.told_ms, again.told_ms) == ([], [100])
    again.trigger.close()


def test_a_pin_that_is_in_use(pins: Pins) -> None:
    """It should say in one line which pin, and what to do."""
    held = open_part(Settings(pin=22), ManualClock(), pins)

    with pytest.raises(DeviceUnavailable, match=r"^trigger: GPIO 22 [^\n]*give each its own$"):
        open_part(Settings(pin=22), ManualClock(), pins)
    held.close()


@pytest.fixture
def no_lgpio(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take lgpio away."""
    monkeypatch.setitem(sys.modules, "lgpio", None)
    real_pins.cache_clear()
    yield
    real_pins.cache_clear()


@pytest.mark.usefixtures("no_lgpio")
def test_no_library() -> None:
    """It should say what to install, and never fall back to mock pins."""
    with pytest.raises(DeviceUnavailable, match=r"^GPIO: no lgpio [^\n]*sorterd\[pi]'"):
        open_part(Settings(pin=22, pins="real"), ManualClock())


def test_off_a_pi_the_pin_is_a_mock_one() -> None:
    """It should say so, for the station's log."""
    trigger = open_part(Settings(pin=23, pins="mock"), ManualClock())

    assert trigger.mock
    trigger.close()
    assert import_module("gpiozero").Device.pin_factory is None
