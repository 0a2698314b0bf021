"""The kernel's PWM: what its files are given, in an order that the kernel takes."""

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sorterd.clock import ManualClock
from sorterd.gates.pwm import APPEARS_NS, PERIOD_NS, Settings, open_part, write_value
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.servos import ServoGate
from tests.gates.fake_pwm import DUTY, ENABLE, PERIOD, POLARITY, Kernel


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Return a kernel with one chip that nobody uses."""
    return Kernel(tmp_path / "pwm")


def opened(kernel: Kernel, settings: Settings | None = None) -> ServoGate:
    """Open a gate on the kernel's channel 0."""
    settings = settings or Settings(channel=0)
    return open_part("glass", settings, ManualClock(), kernel.chip.parent, kernel.write)


def test_no_pulse_before_the_first_command(kernel: Kernel) -> None:
    """It should set all but the pulse, and give none (PiBits#75)."""
    gate = opened(kernel)

    assert kernel.state() == {PERIOD: "20000000", DUTY: "0", POLARITY: "normal", ENABLE: "0"}
    assert (ENABLE, "1") not in kernel.written
    gate.close()


def test_open_shut_rest(kernel: Kernel) -> None:
    """It should give pulses exact to the nanosecond, and none once it rests."""
    gate = opened(kernel, Settings(channel=0, shut_deg=-30.0, open_deg=12.5, trim_us=3.25))
    kernel.written.clear()

    gate.open()
    gate.shut()
    gate.rest()

    assert kernel.written == [
        (DUTY, str(round(1_000_000 + 57.5 / 90 * 1_000_000 + 3250))),
        (ENABLE, "1"),
        (DUTY, str(round(1_000_000 + 15 / 90 * 1_000_000 + 3250))),
        (ENABLE, "1"),
        (ENABLE, "0"),
    ]
    gate.close()


def test_it_hands_back_what_it_took_and_no_more(kernel: Kernel) -> None:
    """It should leave a channel alone that was there before it came."""
    own, found = kernel.chip / "pwm0", kernel.show(1)

    opened(kernel).close()
    opened(kernel, Settings(channel=1)).close()

    assert not own.exists()
    assert found.is_dir()
    assert [value for name, value in kernel.written if name == "unexport"] == ["0"]


@given(
    period_ns=st.integers(1, 100_000_000),
    duty_frac=st.floats(0, 1),
    enabled=st.booleans(),
    was=st.sampled_from(["normal", "inversed"]),
    wanted=st.sampled_from(["normal", "inversed"]),
)
def test_whatever_a_killed_program_left(
    tmp_path_factory: pytest.TempPathFactory,
    period_ns: int,
    duty_frac: float,
    *,
    enabled: bool,
    was: str,
    wanted: str,
) -> None:
    """It should begin without a pulse, and write in no order that the kernel refuses."""
    kernel = Kernel(tmp_path_factory.mktemp("sys") / "pwm")
    duty_ns = round(period_ns * duty_frac)
    kernel.show(0, period=period_ns, duty_cycle=duty_ns, enable=int(enabled), polarity=was)

    gate = opened(kernel, Settings.model_validate({"channel": 0, "polarity": wanted}))
    assert kernel.state()[ENABLE] == "0"
    gate.open()

    assert kernel.state() == {
        PERIOD: str(PERIOD_NS),
        DUTY: "2000000",
        POLARITY: wanted,
        ENABLE: "1",
    }
    gate.close()
    assert kernel.state()[ENABLE] == "0"


def test_a_chip_with_one_polarity(kernel: Kernel) -> None:
    """It should not tell a chip what it does anyway, for some refuse to be told."""
    kernel.refuses[POLARITY] = errno.EOPNOTSUPP

    opened(kernel).close()


class UdevClock(ManualClock):
    """A clock in whose time udev comes to give a channel's files away, or never comes."""

    def __init__(self, kernel: Kernel, comes_ns: int) -> None:
        super().__init__()
        self._kernel = kernel
        self._comes_ns = self.now_ns() + comes_ns

    def sleep_until(self, due_ns: int) -> None:
        """Let time pass, and udev come."""
        super().sleep_until(due_ns)
        if due_ns >= self._comes_ns and not (self._kernel.chip / "pwm0").exists():
            self._kernel.show(0)


def no_export(kernel: Kernel, file: Path, value: str) -> None:
    """Take what is written to export, and show nothing of it yet."""
    if file.name == "export":
        kernel.written.append((file.name, value))
    else:
        kernel.write(file, value)


def test_files_that_come_late(kernel: Kernel) -> None:
    """It should wait for udev."""
    clock = UdevClock(kernel, APPEARS_NS // 2)

    gate = open_part(
        "glass", Settings(channel=0), clock, kernel.chip.parent, lambda *w: no_export(kernel, *w)
    )

    gate.open()
    assert kernel.state()[ENABLE] == "1"
    gate.close()


def test_files_that_never_come(kernel: Kernel) -> None:
    """It should not wait for ever, and say where to look."""
    clock = UdevClock(kernel, 2 * APPEARS_NS)

    with pytest.raises(
        DeviceUnavailable, match=r"^gate glass: pwmchip0/pwm0 cannot be had [^\n]*dmesg\)$"
    ):
        open_part(
            "glass",
            Settings(channel=0),
            clock,
            kernel.chip.parent,
            lambda *w: no_export(kernel, *w),
        )


def test_plain_files(tmp_path: Path) -> None:
    """It should write through the files themselves, and never make one that is not there."""
    kernel = Kernel(tmp_path / "pwm")
    kernel.show(0, period=5)
    gate = open_part("glass", Settings(channel=0), ManualClock(), kernel.chip.parent)

    gate.open()

    assert kernel.state() == {PERIOD: "20000000", DUTY: "2000000", POLARITY: "normal", ENABLE: "1"}
    with pytest.raises(FileNotFoundError):
        write_value(kernel.chip / "pwm0" / "capture", "1")
    gate.close()


def test_no_overlay(tmp_path: Path) -> None:
    """It should name the line that is missing, and what is there."""
    (tmp_path / "pwmchip2").mkdir()

    with pytest.raises(
        DeviceUnavailable,
        match=r"^gate glass: no [^\n]*pwmchip0 \(there are pwmchip2\);"
        r" [^\n]*dtoverlay=pwm-2chan to /boot/firmware/config.txt[^\n]*$",
    ):
        open_part("glass", Settings(channel=0), ManualClock(), tmp_path)


def test_no_such_channel(kernel: Kernel) -> None:
    """It should say which there are."""
    with pytest.raises(DeviceUnavailable, match=r"no channel 2; [^\n]* it has 0 to 1$"):
        opened(kernel, Settings(channel=2))


@pytest.mark.parametrize(
    ("file", "answer", "remedy"),
    [
        ("export", errno.EACCES, "udev rule"),
        ("export", errno.EBUSY, "another"),
        ("period", errno.EPERM, "udev rule"),
        ("period", errno.EINVAL, "cannot make this pulse"),
        ("duty_cycle", errno.EIO, "overlay"),
    ],
)
def test_what_the_kernel_refuses(kernel: Kernel, file: str, answer: int, remedy: str) -> None:
    """It should tell in one line what to do, and hand back what it took."""
    kernel.refuses[file] = answer

    with pytest.raises(
        DeviceUnavailable, match=rf"^gate glass: pwmchip0/pwm0 [^\n]*{remedy}[^\n]*$"
    ):
        opened(kernel)

    assert not (kernel.chip / "pwm0").exists()


def test_a_command_that_fails(kernel: Kernel) -> None:
    """It should be a fault of this gate, in one line; letting go should not raise all the same."""
    gate = opened(kernel)
    kernel.refuses[DUTY] = kernel.refuses[ENABLE] = errno.EIO

    with pytest.raises(
        DeviceFault, match=r"^gate glass: pwmchip0/pwm0 did not take the command [^\n]+$"
    ):
        gate.open()
    gate.close()


def test_bad_settings() -> None:
    """It should refuse a trim that leads out of the pulses' bounds, and say what to do."""
    with pytest.raises(ValidationError, match=r"move shut_deg inwards by 1\.8 or more"):
        Settings(channel=0, trim_us=-20)
