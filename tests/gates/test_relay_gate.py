"""A relay: off until told, off when told, and off by itself when nobody tells it."""

import threading
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from sorterd.clock import ManualClock
from sorterd.gates.mover import RestingGate
from sorterd.gates.relay import RelayGate, Settings, open_part
from sorterd.pins import Pins, mock_pins
from sorterd.ports import DeviceFault, DeviceUnavailable
from tests.gates.fake_lgpio import Lgpio
from tests.gates.fake_output import DEADLOCK_S, Output

MS_NS = 1_000_000


class HeldClock(ManualClock):
    """A clock that a test moves while a guard sleeps by it on a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._asleep_until_ns = 0

    def now_ns(self) -> int:
        """Return the instant it was last moved to."""
        with self._changed:
            return super().now_ns()

    def sleep_until(self, due_ns: int) -> None:
        """Sleep until the test has moved the clock there."""
        with self._changed:
            self._asleep_until_ns = due_ns
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._now_ns >= due_ns, DEADLOCK_S)

    def move(self, by_ns: int) -> None:
        """Let time pass, once the guard sleeps."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._asleep_until_ns > self._now_ns, DEADLOCK_S)
            self._now_ns += by_ns
            self._changed.notify_all()


@pytest.fixture
def pins() -> Pins:
    """Return mock pins that no other test uses."""
    return mock_pins.__wrapped__()


@pytest.fixture
def clock() -> HeldClock:
    """Return a clock that the test moves."""
    return HeldClock()


@pytest.fixture
def output() -> Output:
    """Return an output that remembers."""
    return Output()


@pytest.fixture
def subject(pins: Pins, clock: HeldClock, output: Output) -> Iterator[RelayGate]:
    """Return a lid that may be on for 100 ms."""
    gate = RelayGate("lid", Settings(pin=17, max_on_ms=100), pins, output, clock)
    yield gate
    gate.close()


def levels(pins: Pins) -> list[bool]:
    """Return every level that mock pin 17 was given."""
    return [bool(state.state) for state in pins.factory.pin(17).states]


def test_it_is_on_while_it_is_open(pins: Pins, clock: HeldClock) -> None:
    """It should be high while it is open, low before and after, and free once let go of."""
    gate = open_part("lid", Settings(pin=17), clock, pins)
    assert gate.mock
    assert levels(pins) == [False]

    gate.open()
    gate.shut()
    gate.close()

    assert levels(pins) == [False, True, False]
    open_part("lid", Settings(pin=17), clock, pins).close()


def test_letting_go_switches_off(pins: Pins, clock: HeldClock) -> None:
    """It should not leave a pin high behind (gpiozero#863)."""
    gate = open_part("lid", Settings(pin=17), clock, pins)
    gate.open()
    gate.close()

    assert levels(pins) == [False, True, False]


@pytest.mark.parametrize("active_high", [True, False])
def test_taking_the_pin_does_not_click(
    lgpio: Lgpio, clock: HeldClock, *, active_high: bool
) -> None:
    """It should be off from the instant in which the pin is an output, also if off is high."""
    settings = Settings(pin=17, active_high=active_high, pins="real")
    gate = open_part("lid", settings, clock)
    off, on = (0, 1) if active_high else (1, 0)

    assert {level for _, level in lgpio.levels} == {off}
    lgpio.levels.clear()
    gate.open()
    gate.shut()
    assert lgpio.levels == [(17, on), (17, off)]
    gate.close()


def test_nobody_comes_to_shut_it(
    subject: RelayGate, clock: HeldClock, output: Output, caplog: pytest.LogCaptureFixture
) -> None:
    """It should go off by itself after its longest time on, and not before (gpiozero#1142)."""
    subject.open()
    clock.move(100 * MS_NS - 1)
    assert output.told == ["on"]

    clock.move(1)
    output.wait_for("on", "off")

    subject.close()
    assert output.told == ["on", "off", "off", "close"]
    for guard in threading.enumerate():
        if guard.name == "lid-off":
            guard.join(DEADLOCK_S)
    assert "gate lid: nobody shut it" in caplog.text


def test_being_told_again_gains_no_time(
    subject: RelayGate, clock: HeldClock, output: Output
) -> None:
    """It should count from the first instant on, whoever goes on opening it."""
    subject.open()
    clock.move(60 * MS_NS)
    subject.open()
    clock.move(40 * MS_NS)

    output.wait_for("on", "on", "off")


def test_each_opening_has_its_own_time(
    subject: RelayGate, clock: HeldClock, output: Output
) -> None:
    """It should not cut the second opening short because the first was forgotten about."""
    subject.open()
    clock.move(60 * MS_NS)
    subject.shut()
    subject.open()
    clock.move(40 * MS_NS)  # the first one's time is over
    clock.move(60 * MS_NS - 1)
    assert output.told == ["on", "off", "on"]

    clock.move(1)
    output.wait_for("on", "off", "on", "off")


def test_what_does_not_go_off_is_told_again(
    subject: RelayGate, clock: HeldClock, output: Output, caplog: pytest.LogCaptureFixture
) -> None:
    """It should say that the supply has to be switched off, and go on trying."""
    subject.open()
    output.fails = 1
    clock.move(100 * MS_NS)
    output.wait_for("on", "off")

    clock.move(100 * MS_NS)
    output.wait_for("on", "off", "off")

    assert "gate lid: GPIO 17 did not take the command (bad handle)" in caplog.text
    assert "switch its supply off" in caplog.text


def test_an_output_that_fails_to_go_on_is_watched_too(
    subject: RelayGate, clock: HeldClock, output: Output
) -> None:
    """It should switch off what may have gone on all the same."""
    output.fails = 1
    with pytest.raises(DeviceFault, match=r"^gate lid: GPIO 17 did not take the command [^\n]+$"):
        subject.open()

    clock.move(100 * MS_NS)
    output.wait_for("on", "off")


def test_letting_go_never_raises(subject: RelayGate, output: Output) -> None:
    """It should let go of a pin that no longer answers."""
    subject.open()
    output.fails = 2
    subject.close()
    subject.close()

    assert output.told == ["on", "off", "close"]


def test_off_is_its_rest(subject: RelayGate) -> None:
    """It should need no rest of its own."""
    assert not isinstance(subject, RestingGate)


def test_pin_in_use(pins: Pins, clock: HeldClock) -> None:
    """It should name the gate and the pin, in one line."""
    first = open_part("lid", Settings(pin=17), clock, pins)

    with pytest.raises(DeviceUnavailable, match=r"^gate flap: GPIO 17 [^\n]* give each its own$"):
        open_part("flap", Settings(pin=17), clock, pins)
    first.close()


def test_bad_settings() -> None:
    """It should not allow a relay that is never off."""
    with pytest.raises(ValidationError, match="less than or equal to 60000"):
        Settings(pin=17, max_on_ms=60_001)
