"""`sorterd safe`: whatever became of the station, its gates stand safe."""

import argparse
import errno
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from sorterd import exit_codes, holding
from sorterd.clock import ManualClock
from sorterd.commands import safe
from sorterd.gates import pwm
from sorterd.holding import hold, holder
from sorterd.ports import DeviceUnavailable
from sorterd.settings import SettingsFault
from tests.gates.fake_pwm import DUTY, ENABLE, PERIOD, Kernel

STATION = """
moving_at_once = 1

[gates.glass]
kind = "pwm"
channel = 0

[gates.paper]
kind = "pwm"
channel = 1
settle_ms = 300

[gates.compost]
kind = "simulated"
"""

STANDING_OPEN = {PERIOD: 20_000_000, DUTY: 2_000_000, ENABLE: 1}
"""What a servo's channel says after its program was killed while the gate was open."""

MS_NS = 1_000_000


class TimedKernel(Kernel):
    """A kernel that remembers when a channel was given a pulse, or none.

    Attributes:
        given: Milliseconds since the beginning, channel, and whether it gives pulses from then on.
    """

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        super().__init__(folder)
        self._clock = clock
        self._began_ns = clock.now_ns()
        self.given: list[tuple[float, str, bool]] = []

    def write(self, file: Path, value: str) -> None:
        """Take a value, and the instant."""
        super().write(file, value)
        if file.name == ENABLE:
            at_ms = (self._clock.now_ns() - self._began_ns) / MS_NS
            self.given.append((at_ms, file.parent.name, value == "1"))


@pytest.fixture
def clock() -> ManualClock:
    """Return the clock of the command."""
    return ManualClock()


@pytest.fixture
def kernel(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> TimedKernel:
    """Return a kernel with a PWM chip, in the place of this machine's."""
    kernel = TimedKernel(tmp_path / "pwm", clock)
    made_up = partial(pwm.open_part, folder=kernel.chip.parent, write=kernel.write)
    monkeypatch.setattr(pwm, "open_part", made_up)
    return kernel


def made_safe(folder: Path, clock: ManualClock, station: str = STATION) -> int:
    """Run the command on a station's settings."""
    config = folder / "sorterd.toml"
    config.write_text(station)
    return safe.run(argparse.Namespace(config=config, set=[]), clock)


def test_every_gate_one_after_the_other(
    tmp_path: Path,
    clock: ManualClock,
    kernel: TimedKernel,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should move no more at once than the supply bears, and let them rest (pi-blaster#42)."""
    kernel.show(0)
    kernel.show(1)

    assert made_safe(tmp_path, clock) == exit_codes.DONE

    assert kernel.given[:4] == [
        (0, "pwm0", True),
        (120, "pwm1", True),
        (420, "pwm1", False),
        (600, "pwm0", False),
    ]
    assert [kernel.state(each)[DUTY] for each in (0, 1)] == ["1000000", "1000000"]
    assert capsys.readouterr().out == "safe: glass, paper\n"


KILLED = """
import sys
from pathlib import Path
from sorterd.clock import ManualClock
from sorterd.gates.pwm import Settings, open_part
from sorterd.holding import hold
pwm, devices = map(Path, sys.argv[1:])
with hold("sorterd run", devices):
    open_part("glass", Settings(channel=0), ManualClock(), pwm).open()
    print("open", flush=True)
    sys.stdin.read()
"""


def test_after_kill_9(
    tmp_path: Path, clock: ManualClock, kernel: TimedKernel, own_devices: Path
) -> None:
    """It should shut what a killed station left open: no lock is in the way (gpiozero#863)."""
    kernel.show(0)
    kernel.show(1)
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", KILLED, str(tmp_path / "pwm"), str(own_devices)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as station:
        assert station.stdout is not None
        assert station.stdout.readline() == "open\n"
        with pytest.raises(DeviceUnavailable, match=f"sorterd run, process {station.pid}"):
            made_safe(tmp_path, clock)
        station.kill()
    assert kernel.state()[ENABLE] == "1"  # the chip goes on by itself
    assert kernel.state()[DUTY] == "2000000"

    assert made_safe(tmp_path, clock) == exit_codes.DONE

    assert kernel.state()[DUTY] == "1000000"
    assert [kernel.state(each)[ENABLE] for each in (0, 1)] == ["0", "0"]


def test_one_gate_that_fails(
    tmp_path: Path,
    clock: ManualClock,
    kernel: TimedKernel,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should make the others safe, and name the one that is not."""
    kernel.show(1, **STANDING_OPEN)
    kernel.refuses["export"] = errno.EACCES

    assert made_safe(tmp_path, clock) == exit_codes.DEVICE

    assert kernel.state(1)[DUTY] == "1000000"
    err = capsys.readouterr().err
    assert "sorterd: gate glass: pwmchip0/pwm0 cannot be had" in err
    assert "sorterd: not in its safe position, as far as anyone knows: glass;" in err


def test_a_gate_that_takes_no_command(
    tmp_path: Path, kernel: TimedKernel, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should try for a while, name it, and let go of all."""
    kernel.show(0)
    kernel.show(1)

    class Stiff(ManualClock):
        """A clock that is first asked once every gate was opened: then the driver gives up."""

        def now_ns(self) -> int:
            """Return the present."""
            kernel.refuses[DUTY] = errno.EIO
            return super().now_ns()

    assert made_safe(tmp_path, Stiff()) == exit_codes.DEVICE

    assert "as far as anyone knows: glass, paper;" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        ('[camera]\nkind = "of another age"\n[belt]\nspeed = -1', exit_codes.DONE, ""),
        ("[gates.lid]\nkind = 'relay'\npin = 99", exit_codes.DEVICE, "gates.lid.pin = 99"),
        ("[gates.flap]\nkind = 'catapult'", exit_codes.DEVICE, "gates.flap.kind = 'catapult'"),
    ],
)
def test_faulty_settings(
    tmp_path: Path,
    clock: ManualClock,
    kernel: TimedKernel,
    capsys: pytest.CaptureFixture[str],
    lines: str,
    code: int,
    says: str,
) -> None:
    """It should make safe what can be read, be the rest as it may, and name what cannot."""
    kernel.show(0, **STANDING_OPEN)
    kernel.show(1, **STANDING_OPEN)

    assert made_safe(tmp_path, clock, STATION + lines) == code

    assert [kernel.state(each)[DUTY] for each in (0, 1)] == ["1000000", "1000000"]
    assert says in capsys.readouterr().err


def test_unknown_room_is_the_least(tmp_path: Path, clock: ManualClock, kernel: TimedKernel) -> None:
    """It should move one gate at a time where nobody can read how many may."""
    kernel.show(0)
    kernel.show(1)
    station = STATION.replace("moving_at_once = 1", 'moving_at_once = "many"')

    assert made_safe(tmp_path, clock, station) == exit_codes.DONE

    assert kernel.given[1] == (120, "pwm1", True)


@pytest.mark.parametrize("station", ["[gates", "gates = 5"])
def test_settings_that_cannot_be_read(
    tmp_path: Path, clock: ManualClock, kernel: TimedKernel, station: str
) -> None:
    """It should say so, as settings that cannot work."""
    assert kernel.given == []

    with pytest.raises(SettingsFault, match=r"sorterd.toml|gates = 5"):
        made_safe(tmp_path, clock, station)


def test_a_living_station_is_left_alone(
    tmp_path: Path, clock: ManualClock, kernel: TimedKernel
) -> None:
    """It should move nothing under its hands, and name it (gpiozero#1131)."""
    with hold("sorterd run"), pytest.raises(DeviceUnavailable, match="held by sorterd run"):
        made_safe(tmp_path, clock)

    assert kernel.given == []


def test_a_lock_that_cannot_be_made(
    tmp_path: Path,
    clock: ManualClock,
    kernel: TimedKernel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should not leave gates open for want of a file, as on a card that is full."""
    kernel.show(0, **STANDING_OPEN)
    kernel.show(1)
    monkeypatch.setattr(holding, "PLACES", (tmp_path / "gone",))
    assert holder() is None

    assert made_safe(tmp_path, clock) == exit_codes.DONE

    assert kernel.state()[DUTY] == "1000000"
    assert "the gates are made safe all the same" in capsys.readouterr().err


def test_nothing_to_move(
    tmp_path: Path,
    clock: ManualClock,
    kernel: TimedKernel,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should say that there is nothing but simulated gates."""
    assert made_safe(tmp_path, clock, "") == exit_codes.DONE

    assert capsys.readouterr().out == "safe: no gate of the settings is more than simulated\n"
    assert kernel.given == []


IMPORTS = """
import sys
sys.argv = ["sorterd", "safe", "--config", sys.argv[1]]
from sorterd.__main__ import main
code = main()
print(*sys.modules)
sys.exit(code)
"""


def test_it_starts_without_what_it_does_not_need(tmp_path: Path) -> None:
    """It should import no numpy, OpenCV, PIL or runtime: gates stand open meanwhile."""
    config = tmp_path / "sorterd.toml"
    config.write_text(
        '[camera]\nkind = "v4l2"\ndevice = "/dev/video0"\n[gates.a]\nkind="simulated"'
    )

    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", IMPORTS, str(config)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    imported = set(done.stdout.splitlines()[-1].split())
    assert "sorterd.commands.safe" in imported
    unwanted = {
        "numpy",
        "cv2",
        "PIL",
        "gpiozero",
        "asyncio",
        "sorterd.wiring.models",
        "sorterd.station",
    }
    assert imported & unwanted == set()
