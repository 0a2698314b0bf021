"""The units, by systemd's own judgement; and the promises in them that it does not know of."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNITS = ("sorterd.service", "sorterd-console.service")
# Of 100: what systemd-analyze calls exposure is 2.0 there. Reached with systemd 252: 9 and 11.
MOST_EXPOSURE = 20

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd-analyze, which needs no running systemd."""
    return subprocess.run(  # noqa: S603  # systemd's own program, on files of ours
        ["systemd-analyze", "--no-pager", *arguments],  # noqa: S607  # wherever the system has it
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return the units in a folder, with a program where each of them names one."""
    program = tmp_path / "sorterd"
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for name in UNITS:
        text = (SYSTEMD / name).read_text()
        assert "/opt/sorterd/bin/sorterd" in text
        (tmp_path / name).write_text(text.replace("/opt/sorterd/bin/sorterd", str(program)))
    return tmp_path


def values(name: str, key: str) -> list[str]:
    """Return every value that a unit gives a key, in its order."""
    lines = (SYSTEMD / name).read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


@needs_analyze
@pytest.mark.parametrize("name", UNITS)
def test_systemd_has_nothing_to_say_about_a_unit(name: str, installed: Path) -> None:
    """It should verify without a word: systemd-analyze returns 0 on keys that it does not know."""
    found = analyzed("verify", str(installed / name))

    assert (found.stdout, found.stderr, found.returncode) == ("", "", 0)


@needs_analyze
def test_an_unknown_key_would_be_noticed(installed: Path) -> None:
    """It should not take silence for granted: the check itself must see a slip."""
    unit = installed / UNITS[0]
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))

    assert "WatchDogSec" in analyzed("verify", str(unit)).stderr


@needs_analyze
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_leaves_little_open(name: str) -> None:
    """It should stay below the exposure that the project holds itself to."""
    found = analyzed(
        "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", str(SYSTEMD / name)
    )

    assert found.returncode == 0, found.stdout


def test_the_station_may_do_what_it_must() -> None:
    """It should not be hardened until it cannot work."""
    name = "sorterd.service"

    assert values(name, "LimitRTPRIO") == ["20"]
    assert values(name, "RestrictRealtime") == []  # would refuse SCHED_FIFO
    assert values(name, "PrivateDevices") == []  # would hide cameras and pins
    assert values(name, "ProcSubset") == []  # would hide /proc/device-tree
    assert values(name, "ReadWritePaths") == ["-/sys/devices/platform"]  # the kernel's PWM


def test_the_station_reaches_no_network() -> None:
    """It should have no address family but that of local sockets."""
    assert values("sorterd.service", "RestrictAddressFamilies") == ["AF_UNIX"]
    assert values("sorterd.service", "PrivateNetwork") == ["yes"]


def test_the_station_opens_the_devices_it_needs_and_no_other() -> None:
    """It should name kinds of devices: a pattern of paths would match nothing."""
    assert values("sorterd.service", "DevicePolicy") == ["closed"]
    assert values("sorterd.service", "DeviceAllow") == [
        f"{kind} rw"
        for kind in (
            "char-gpiochip",
            "char-i2c",
            "char-video4linux",
            "char-media",
            "char-dma_heap",
        )
    ]


def test_the_console_opens_no_device() -> None:
    """It should be unable to reach a camera or a gate, whatever it is made to do."""
    assert values("sorterd-console.service", "PrivateDevices") == ["yes"]
    assert values("sorterd-console.service", "DeviceAllow") == []
    assert values("sorterd-console.service", "User") != values("sorterd.service", "User")


def test_gates_go_safe_however_the_station_ends() -> None:
    """It should ask for the safe position even after kill -9 (a pin left on: gpiozero#863)."""
    (command,) = values("sorterd.service", "ExecStopPost")

    assert command.split()[1:2] == ["safe"]


def test_a_broken_cache_of_bytecode_cannot_outlive_a_boot() -> None:
    """It should keep bytecode in /run: half written on a card it ends every later start."""
    assert "PYTHONPYCACHEPREFIX=%t/sorterd/bytecode" in values("sorterd.service", "Environment")
    assert values("sorterd.service", "RuntimeDirectory") == ["sorterd"]


def test_what_starting_again_does_not_mend_stays_down() -> None:
    """It should not start a station again whose settings (2) or model (4) are at fault."""
    assert values("sorterd.service", "Restart") == ["on-failure"]
    assert values("sorterd.service", "RestartPreventExitStatus") == ["2 4"]
    assert values("sorterd.service", "StartLimitBurst") != []
