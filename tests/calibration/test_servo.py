"""A servo's ends by eye: keys in, pulses and angles out."""

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from sorterd import exit_codes
from sorterd.calibration.keys import keys
from sorterd.calibration.servo import Trimming, results, trim
from sorterd.calibration.spread import NotMeasured
from sorterd.cli import main
from sorterd.clock import ManualClock
from sorterd.servos import ServoGate, ServoSettings
from sorterd.settings import load


class Pulses:
    """Remembers every pulse; None is the end of pulses."""

    where, mock = "a bench", True
    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self) -> None:
        self.given: list[float | None] = []

    def give(self, width_us: float) -> None:
        """Remember a pulse."""
        self.given.append(width_us)

    def end(self) -> None:
        """Remember the end of pulses."""
        self.given.append(None)

    def close(self) -> None:
        """Do nothing."""

    def remedy(self, error: Exception) -> str:
        """Return nothing of use."""
        return str(error)


@pytest.fixture
def pulses() -> Pulses:
    """Return pulses that are remembered."""
    return Pulses()


@pytest.fixture
def gate(pulses: Pulses) -> ServoGate:
    """Return a servo of 1000 to 2000 us for 90 degrees, shut at 1000."""
    settings = ServoSettings(kind="servo", shut_deg=-40, open_deg=40)
    return ServoGate("glass", settings, pulses)


def trimmed(gate: ServoGate, pressed: str) -> Trimming:
    """Press keys."""
    return trim(gate, pressed, ManualClock(), lambda _: None)


def test_nothing_moves_before_a_key_says_so(gate: ServoGate, pulses: Pulses) -> None:
    """It should move nothing by steps alone, and send the gate shut at the end."""
    trimmed(gate, "+++\n")

    assert pulses.given == [gate.settings.width_us(-40), None]


def test_keys_move_each_end_by_itself(gate: ServoGate, pulses: Pulses) -> None:
    """It should step by 10 and by 1 us, keep both ends, and turn them into angles."""
    trimming = trimmed(gate, "s+,o-.\n")

    shut_us, open_us = gate.settings.width_us(-40), gate.settings.width_us(40)
    assert trimming.widths_us == {"shut": shut_us + 9, "open": open_us - 9}
    assert pulses.given[:6] == pytest.approx(
        [shut_us, shut_us + 10, shut_us + 9, open_us, open_us - 10, open_us - 9]
    )
    for end, width_us in trimming.widths_us.items():
        assert gate.settings.width_us(trimming.angle_deg(end)) == pytest.approx(width_us)


def test_no_pulse_leaves_the_bounds(gate: ServoGate, pulses: Pulses) -> None:
    """It should stop at the servo's own limits, and say so."""
    told: list[str] = []
    trim(gate, "s" + "-" * 9 + "\n", ManualClock(), told.append)

    assert min(each for each in pulses.given if each is not None) >= 1000
    assert "(its limit)" in told[-1]


@pytest.mark.parametrize("pressed", ["s+q", "s+", "s\x1b"])
def test_leaving_without_enter_saves_nothing(gate: ServoGate, pulses: Pulses, pressed: str) -> None:
    """It should shut the gate and keep the settings."""
    with pytest.raises(NotMeasured, match="settings stay as they are"):
        trimmed(gate, pressed)

    assert pulses.given[-2:] == [gate.settings.width_us(-40), None]


def test_a_gate_that_would_never_move_is_not_saved(gate: ServoGate) -> None:
    """It should refuse two ends in one place."""
    with pytest.raises(NotMeasured, match="both ends are the same"):
        trimmed(gate, "o" + "-" * 88 + "-\n")


def test_the_gate_is_sent_shut_when_the_person_breaks_off(gate: ServoGate, pulses: Pulses) -> None:
    """It should shut on Ctrl-C too."""

    def pressed() -> Iterator[str]:
        yield "o"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trim(gate, pressed(), ManualClock(), lambda _: None)

    assert pulses.given[-2:] == [gate.settings.width_us(-40), None]


def test_the_fragment_can_be_read(gate: ServoGate, tmp_path: Path) -> None:
    """It should be laid over the gate's own settings."""
    config = tmp_path / "station.toml"
    config.write_text("[gates.glass]\nkind = 'servo'\npin = 17\nat_mm = 500\npins = 'mock'\n")
    results("glass", trimmed(gate, "s" + "." * 9 + "\n")).write(tmp_path / "station.d")

    part = load(config, {}).gates["glass"].part

    assert isinstance(part, ServoSettings)
    assert part.width_us(part.shut_deg) == pytest.approx(gate.settings.width_us(-40) + 9, abs=0.1)


def test_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should take keys from a pipe, and refuse what is no servo."""
    config = tmp_path / "station.toml"
    config.write_text(
        "[gates.glass]\nkind = 'servo'\npin = 17\nsettle_ms = 100\npins = 'mock'\n[gates.lid]\n"
    )
    read, write = os.pipe()
    os.write(write, b"s+++\n")
    os.close(write)
    monkeypatch.setattr("sorterd.commands.calibrating.RealClock", ManualClock)
    asked = ["calibrate", "servo", "--config", str(config), "--out", str(tmp_path / "out")]

    with os.fdopen(read) as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        assert main([*asked, "glass"]) == exit_codes.DONE
    assert "shut_deg = -42.3  # 1030 us" in (tmp_path / "out" / "servo-glass.toml").read_text()
    assert main([*asked, "lid"]) == exit_codes.UNFIT
    assert "gate lid is of kind simulated, which is no servo" in capsys.readouterr().err


def test_a_terminal_gives_keys_at_once_and_is_left_as_it_was() -> None:
    """It should not wait for Enter."""
    ours, theirs = pty.openpty()
    with keys(theirs) as pressed:
        os.write(ours, b"s")
        assert next(pressed) == "s"
    os.close(ours)
    os.close(theirs)
