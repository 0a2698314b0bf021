"""What holds for every gate: one suite, run on every file in sorterd/gates with settings."""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import sorterd.gates
from sorterd.clock import ManualClock, RealClock
from sorterd.gates import pca9685, pwm, relay, servo, simulated
from sorterd.pins import mock_pins
from sorterd.ports import DeviceFault, Gate, PartSettings
from sorterd.servos import ServoGate, Steered
from sorterd.simulation.servo import SimulatedServo
from tests.gates.fake_i2c import Chip, Wires
from tests.gates.fake_output import Output
from tests.gates.fake_pwm import Kernel

KINDS = [
    each.name
    for each in pkgutil.iter_modules(sorterd.gates.__path__)
    if hasattr(import_module(f"sorterd.gates.{each.name}"), "Settings")
]

Opened = tuple[Gate, Callable[[], int]]
"""A gate, and how often its device was told to move so far."""


def open_simulated(folder: Path) -> Opened:
    """Return a simulated gate and the count of its servo's movements."""
    del folder
    turned = SimulatedServo(1000)
    gate = simulated.open_part("glass", simulated.Settings(), ManualClock(), turned)
    return gate, lambda: len(turned.movements)


def open_servo(folder: Path) -> Opened:
    """Return a servo on mock pins and the count of pulse widths that its pin was given."""
    del folder
    pins = mock_pins.__wrapped__()
    gate = servo.open_part("glass", servo.Settings(pin=17), ManualClock(), pins)
    pin = pins.factory.pin(17)
    return gate, lambda: sum(bool(state.state) for state in pin.states)


def open_pwm(folder: Path) -> Opened:
    """Return a servo on the kernel's PWM and the count of pulse widths that it was given."""
    kernel = Kernel(folder / "pwm")
    settings = pwm.Settings(channel=0)
    gate = pwm.open_part("glass", settings, ManualClock(), kernel.chip.parent, kernel.write)
    return gate, lambda: kernel.written.count(("enable", "1"))


def open_pca9685(folder: Path) -> Opened:
    """Return a servo on a board and the count of pulse widths that the board was given."""
    del folder
    clock = ManualClock()
    wires = Wires({0x40: Chip(clock)})
    settings = pca9685.Settings(channel=0)
    board = pca9685.Board(wires, settings.address)
    gate = ServoGate("glass", settings, pca9685.BoardPulses(settings, board, clock))
    return gate, lambda: wires.pulses


def open_relay(folder: Path) -> Opened:
    """Return a relay and the count of commands that its output was given."""
    del folder
    output = Output()
    # The guard sleeps by the host's clock, and nothing here waits for it.
    gate = relay.RelayGate("glass", relay.Settings(pin=17), mock_pins(), output, RealClock())
    return gate, lambda: len([each for each in output.told if each != "close"])


OPENERS: dict[str, Callable[[Path], Opened]] = {
    "simulated": open_simulated,
    "servo": open_servo,
    "pwm": open_pwm,
    "pca9685": open_pca9685,
    "relay": open_relay,
}
"""How the suite opens each kind: a new kind is one more row."""


@pytest.fixture(params=KINDS)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Open one kind of gate."""
    return OPENERS[request.param](tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_the_file_name(kind: str) -> None:
    """It should be found under the kind that its settings give."""
    declared = import_module(f"sorterd.gates.{kind}").Settings

    assert issubclass(declared, PartSettings)
    assert declared.model_fields["kind"].default == kind


def test_every_part_is_found() -> None:
    """It should leave out no file but the two that are no gates."""
    files = {path.stem for path in Path(sorterd.gates.__path__[0]).glob("*.py")}

    assert set(KINDS) | {"mover", "opening", "__init__"} == files


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


def test_whatever_is_steered_keeps_to_its_bounds(subject: Opened) -> None:
    """It should go anywhere between the bounds, and name them to whoever asks for more."""
    gate, moves = subject
    if not isinstance(gate, Steered):
        return
    gate.steer(1234.5)
    before = moves()
    assert before == 1

    for width_us in (999.99, 2000.01, float("nan")):
        with pytest.raises(ValueError, match=r"min_pulse_us = 1000 to max_pulse_us = 2000"):
            gate.steer(width_us)

    assert moves() == before
    gate.close()
