"""What holds for every trigger: one suite, run on every file in sorterd/triggers with settings."""

import pkgutil
from collections.abc import Callable
from importlib import import_module

import pytest

import sorterd.triggers
from sorterd.clock import ManualClock
from sorterd.pins import mock_pins
from sorterd.ports import PartSettings, Trigger
from sorterd.simulation.barrier import Passing
from sorterd.triggers import beam, simulated

KINDS = [each.name for each in pkgutil.iter_modules(sorterd.triggers.__path__)]
MS = 1_000_000

Opened = tuple[Trigger, ManualClock, Callable[[], None]]
"""A trigger, its clock, and what makes something pass, at the clock's instant."""


def open_simulated() -> Opened:
    """Return a simulated light barrier; the world lets something pass each 100 ms."""
    clock = ManualClock()
    start_ns = clock.now_ns()
    passings = (Passing(start_ns + n * 100 * MS, lambda: True) for n in range(100))
    settings = simulated.Settings(jitter_ms=0)
    trigger = simulated.open_part(settings, clock, passings, 1)
    return trigger, clock, lambda: trigger.act(clock.now_ns())


def open_beam() -> Opened:
    """Return a light barrier on a mock pin that is driven."""
    clock, pins = ManualClock(), mock_pins.__wrapped__()
    trigger = beam.open_part(beam.Settings(pin=22), clock, pins)

    def pass_by() -> None:
        pins.factory.pin(22).drive_low()
        pins.factory.pin(22).drive_high()

    return trigger, clock, pass_by


OPENERS: dict[str, Callable[[], Opened]] = {"simulated": open_simulated, "beam": open_beam}
"""How the suite opens each kind: a new kind is one more row."""


@pytest.fixture(params=KINDS)
def subject(request: pytest.FixtureRequest) -> Opened:
    """Open one kind of trigger."""
    return OPENERS[request.param]()


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_the_file_name(kind: str) -> None:
    """It should be found under the kind that its settings give."""
    declared = import_module(f"sorterd.triggers.{kind}").Settings

    assert issubclass(declared, PartSettings)
    assert declared.model_fields["kind"].default == kind


def test_each_passing_is_told_once_at_its_instant(subject: Opened) -> None:
    """It should tell the instants in their order, on the station's clock."""
    trigger, clock, pass_by = subject
    told_ns: list[int] = []
    trigger.listen(told_ns.append)
    passed_ns = []

    for _ in range(3):
        clock.sleep_until(clock.now_ns() + 100 * MS)
        pass_by()
        passed_ns.append(clock.now_ns())

    assert told_ns[-3:] == passed_ns
    trigger.close()


def test_nothing_is_told_before_it_is_listened_to_nor_after_close(subject: Opened) -> None:
    """It should have no effect when opened, and be closed as often as one likes, for good."""
    trigger, clock, pass_by = subject
    told_ns: list[int] = []

    clock.sleep_until(clock.now_ns() + 100 * MS)
    pass_by()
    trigger.listen(told_ns.append)
    trigger.close()
    trigger.close()
    clock.sleep_until(clock.now_ns() + 100 * MS)
    pass_by()

    assert told_ns == []
