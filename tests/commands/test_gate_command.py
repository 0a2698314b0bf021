"""`sorterd gate`: one gate moves by hand, within its bounds, and is shut however that ends."""

import argparse
import errno
import signal
from functools import partial
from pathlib import Path

import pytest

from sorterd import exit_codes
from sorterd.clock import ManualClock
from sorterd.commands import gate as command
from sorterd.gates import pwm
from sorterd.holding import hold
from sorterd.pins import mock_pins
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.settings import SettingsFault
from tests.gates.fake_pwm import DUTY, ENABLE, Kernel

STATION = """
[gates.glass]
kind = "pwm"
channel = 0
shut_deg = -40

[gates.lid]
kind = "relay"
pin = 22

[gates.paper]
kind = "servo"
pin = 1700

[gates.compost]
kind = "simulated"

[camera]
kind = "of another age"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a station's settings, of which only some are sound."""
    file = tmp_path / "sorterd.toml"
    file.write_text(STATION)
    return file


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Return a kernel with a PWM chip, in the place of this machine's."""
    kernel = Kernel(tmp_path / "pwm")
    kernel.show(0)
    made_up = partial(pwm.open_part, folder=kernel.chip.parent, write=kernel.write)
    monkeypatch.setattr(pwm, "open_part", made_up)
    return kernel


def told(
    config: Path, *words: str, width_us: float | None = None, clock: ManualClock | None = None
) -> int:
    """Run the command on a manual clock."""
    name, action = words
    arguments = argparse.Namespace(
        name=name, action=action, width_us=width_us, config=config, set=[]
    )
    return command.run(arguments, clock or ManualClock())


def pulses_us(kernel: Kernel) -> list[float]:
    """Return every pulse that was given since the channel was set up."""
    return [int(value) / 1000 for name, value in kernel.written if name == DUTY][1:]


@pytest.mark.parametrize(("action", "width_us"), [("open", 2000), ("close", 1055.556)])
def test_open_and_close(config: Path, kernel: Kernel, action: str, width_us: float) -> None:
    """It should move, wait until it has settled, and end the pulses."""
    clock = ManualClock()
    before_ns = clock.now_ns()

    assert told(config, "glass", action, clock=clock) == exit_codes.DONE

    assert pulses_us(kernel) == [width_us]
    assert kernel.state()[ENABLE] == "0"
    assert clock.now_ns() - before_ns == 600_000_000


def test_sweep(config: Path, kernel: Kernel, capsys: pytest.CaptureFixture[str]) -> None:
    """It should go slowly to the other end and back, and print where it is."""
    clock = ManualClock()
    before_ns = clock.now_ns()

    assert told(config, "glass", "sweep", clock=clock) == exit_codes.DONE

    given_us = pulses_us(kernel)
    assert given_us[0] == given_us[-1] == 1055.556
    assert max(given_us) == 2000
    assert max(abs(a - b) for a, b in zip(given_us[1:], given_us, strict=False)) < 10
    assert clock.now_ns() - before_ns > 2 * command.SWEEP_NS
    assert "gate glass:    +2.5 degrees   1527.8 us" in capsys.readouterr().out
    assert kernel.state()[ENABLE] == "0"


def test_pulse(config: Path, kernel: Kernel) -> None:
    """It should go where it was told, to the nanosecond, and rest there."""
    assert told(config, "glass", "pulse", width_us=1234.5) == exit_codes.DONE

    assert pulses_us(kernel) == [1234.5]


@pytest.mark.parametrize("width_us", [999.0, 2000.5, float("nan"), float("inf")])
def test_no_pulse_leaves_the_bounds(config: Path, kernel: Kernel, width_us: float) -> None:
    """It should name the bounds and open nothing."""
    with pytest.raises(SettingsFault, match="min_pulse_us = 1000 to max_pulse_us = 2000"):
        told(config, "glass", "pulse", width_us=width_us)

    assert kernel.written == []


@pytest.mark.parametrize(
    ("words", "width_us", "says"),
    [
        (("gloss", "open"), None, "one of the gates: glass, lid, compost, paper; write glass"),
        (("paper", "open"), None, "gates.paper.pin = 1700"),
        (("lid", "sweep"), None, "a gate of kind relay stands nowhere in between"),
        (("lid", "pulse"), 1500.0, "a gate of kind relay"),
        (("compost", "sweep"), None, "a gate of kind simulated"),
        (("glass", "pulse"), None, "must be given with pulse"),
        (("glass", "open"), 1500.0, "and with nothing else"),
    ],
)
def test_what_cannot_be_asked(
    config: Path, words: tuple[str, str], width_us: float | None, says: str
) -> None:
    """It should say why before it opens anything."""
    with pytest.raises(SettingsFault, match=says):
        told(config, *words, width_us=width_us)


def test_the_devices_are_held(config: Path, kernel: Kernel) -> None:
    """It should not move under the station's hands, and name who has them (gpiozero#1057)."""
    with (
        hold("sorterd run"),
        pytest.raises(DeviceUnavailable, match="held by sorterd run, process"),
    ):
        told(config, "glass", "open")

    assert kernel.written == []


class Interrupted(ManualClock):
    """A clock by which nobody sleeps for long before a person has seen enough."""

    def __init__(self, how: signal.Signals) -> None:
        super().__init__()
        self._how: signal.Signals | None = how

    def sleep_until(self, due_ns: int) -> None:
        """Sleep, unless a signal comes."""
        if (how := self._how) is not None:
            self._how = None
            signal.raise_signal(how)
        super().sleep_until(due_ns)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("action", ["open", "sweep"])
def test_whoever_has_seen_enough(
    config: Path, kernel: Kernel, action: str, how: signal.Signals
) -> None:
    """It should shut the gate and let it rest when it is told to stop (DEMANDS 19)."""
    assert told(config, "glass", action, clock=Interrupted(how)) == exit_codes.DONE

    assert pulses_us(kernel)[-1] == 1055.556
    assert kernel.state()[ENABLE] == "0"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_terminal_that_goes_away(
    config: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should shut the gate when nobody reads what it prints any more."""

    def gone(text: str, *, flush: bool = False) -> None:
        raise BrokenPipeError(errno.EPIPE, f"{text} {flush}")

    monkeypatch.setattr(command, "print", gone, raising=False)

    with pytest.raises(BrokenPipeError):
        told(config, "glass", "sweep")

    assert pulses_us(kernel)[-1] == 1055.556
    assert kernel.state()[ENABLE] == "0"


def test_a_device_that_fails(config: Path, kernel: Kernel) -> None:
    """It should say so, and let go of the gate all the same."""

    class Failing(ManualClock):
        def sleep_until(self, due_ns: int) -> None:
            kernel.refuses[ENABLE] = errno.EIO
            super().sleep_until(due_ns)

    with pytest.raises(DeviceFault, match="pwmchip0/pwm0 did not take the command"):
        told(config, "glass", "open", clock=Failing())

    assert pulses_us(kernel)[-1] == 1055.556
    with hold("another"):
        pass


def test_mock_pins_say_so(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It should say plainly that nothing moved."""
    assert told(config, "lid", "close") == exit_codes.DONE

    out = capsys.readouterr().out
    assert "gate lid moves nothing: this is no Pi, so its pins are mock pins" in out
    assert "gate lid: is shut, and rests" in out
    assert not mock_pins().factory.pin(22).state


def test_a_simulated_gate_says_so(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It should not let anybody wonder why nothing moves."""
    assert told(config, "compost", "open") == exit_codes.DONE

    assert "gate compost moves nothing: it is simulated" in capsys.readouterr().out
