"""What holds for every gate: one suite, run on every file in sorterd/gates with settings."""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import sorterd.gates
from sorterd.clock import ManualClock
from sorterd.gates import servo, simulated
from sorterd.pins import mock_pins
from sorterd.ports import DeviceFault, Gate, PartSettings
from sorterd.simulation.servo import SimulatedServo

KINDS = [
    each.name
    for each in pkgutil.iter_modules(sorterd.gates.__path__)
    if hasattr(import_module(f"sorterd.gates.{each.name}"), "Settings")
]

Opened = tuple[Gate, Callable[[], int]]
"""A gate, and how often its device was told to move so far."""


def open_simulated() -> Opened:
    """Return a simulated gate and the count of its servo's movements."""
    turned = SimulatedServo(1000)
    gate = simulated.open_part("glass", simulated.Settings(), ManualClock(), turned)
    return gate, lambda: len(turned.movements)


def open_servo() -> Opened:
    """Return a servo on mock pins and the count of pulse widths that its pin was given."""
    pins = mock_pins.__wrapped__()
    gate = servo.open_part("glass", servo.Settings(pin=17), pins)
    pin = pins.factory.pin(17)
    return gate, lambda: sum(bool(state.state) for state in pin.states)


OPENERS: dict[str, Callable[[], Opened]] = {"simulated": open_simulated, "servo": open_servo}
"""How the suite opens each kind: a new kind is one more row."""


@pytest.fixture(params=KINDS)
def subject(request: pytest.FixtureRequest) -> Opened:
    """Open one kind of gate."""
    return OPENERS[request.param]()


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_the_file_name(kind: str) -> None:
    """It should be found under the kind that its settings give."""
    declared = import_module(f"sorterd.gates.{kind}").Settings

    assert issubclass(declared, PartSettings)
    assert declared.model_fields["kind"].default == kind


def test_every_part_is_found() -> None:
    """It should leave out no file but the mover, which is no gate."""
    files = {path.stem for path in Path(sorterd.gates.__path__[0]).glob("*.py")}

    assert set(KINDS) | {"mover", "__init__"} == files


def test_gate_does_not_move_when_opened(subject: Opened) -> None:
    """It should stay where it is until it is told to move."""
    _, moves = subject

    assert moves() == 0


def test_gate_opens_and_shuts_and_shuts_again(subject: Opened) -> None:
    """It should take each command, also one to shut when it is shut."""
    gate, moves = subject

    gate.shut()
    assert moves() == 1
    gate.open()
    gate.shut()
    gate.shut()

    assert moves() >= 3
    assert gate.name == "glass"
    gate.close()


def test_gate_is_let_go_of_once_and_for_all(subject: Opened) -> None:
    """It should be closed as often as one likes, and be dead afterwards."""
    gate, moves = subject
    gate.open()
    gate.close()
    gate.close()
    before = moves()

    with pytest.raises(DeviceFault, match=r"^gate glass: [^\n]+$"):
        gate.open()
    with pytest.raises(DeviceFault, match=r"^gate glass: [^\n]+$"):
        gate.shut()

    assert moves() == before
