"""What is needed depends on the settings; and what is held is not opened."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sorterd.doctor.examine import examine
from sorterd.doctor.findings import Finding, Mark, Need, Seen, State, broken, found, missing
from sorterd.doctor.here import Person
from sorterd.doctor.wants import Wants, wants_of
from sorterd.machine.programs import Answer
from sorterd.settings import load
from tests.doctor.looking import LINES, looked_at
from tests.doctor.machine_cases import JOURNAL
from tests.doctor.machines import APART, DEAD, LATE, PI_5, RUNNING, Made
from tests.doctor.station_cases import (
    BOARD,
    GROUP_FILE,
    STATION,
    USB,
    USB_FILE,
    taken_line,
)

ONLY_ON_A_PI = ("libcamera", "picamera2", "gpio chip", "pins", "lgpio", "camera memory")


@pytest.mark.parametrize(
    ("need", "finding", "mark"),
    [
        (Need.NEEDED, found("it"), Mark.OK),
        (Need.NEEDED, missing("it"), Mark.FAIL),
        (Need.NEEDED, broken("it"), Mark.FAIL),
        (Need.NEEDED, broken("it", hinders=False), Mark.WARN),
        (Need.WISHED, missing("it"), Mark.WARN),
        (Need.WISHED, broken("it"), Mark.WARN),
        (Need.UNUSED, broken("it"), Mark.NOTE),
        (Need.UNUSED, found("it"), Mark.OK),
    ],
)
def test_a_mark_follows_need_and_state(need: Need, finding: Finding, mark: Mark) -> None:
    """It should fail only what a station needs and cannot run with."""
    assert Seen("", "", need, finding).mark is mark


def test_a_usb_station_needs_no_libcamera(tmp_path: Path) -> None:
    """It should make a note of what such a station has no use for, also on a Pi."""
    made = Made(files={**PI_5, USB_FILE: ""}, flags={**USB})

    for name in ONLY_ON_A_PI:
        assert looked_at(name, made, tmp_path).need is Need.UNUSED, name


def test_a_station_with_servos_needs_pins(tmp_path: Path) -> None:
    """It should fail a station whose pins cannot be had."""
    made = Made(files=PI_5, flags=STATION)

    for name in ("gpio chip", "pins", "lgpio"):
        assert looked_at(name, made, tmp_path).mark is Mark.FAIL, name


def test_pins_that_may_be_mock_pins_are_none_off_a_pi() -> None:
    """It should drive them on a Pi only, and leave out those that are always mock pins."""
    gates = {
        "glass": {"kind": "servo", "pin": 17, "at_mm": 560},
        "compost": {"kind": "servo", "pins": "mock", "pin": 27, "at_mm": 780},
    }
    settings = load(None, {"gates": gates})

    assert wants_of(settings, on_a_pi=True).pins == {"gates.glass.pin": 17}
    assert wants_of(settings, on_a_pi=False).pins == {}


def test_without_settings_a_pi_should_have_what_most_stations_want(tmp_path: Path) -> None:
    """It should warn of it there, fail nothing but what every station needs."""
    on_a_pi, laptop = Made(files=PI_5), Made()

    for name in ONLY_ON_A_PI:
        assert looked_at(name, on_a_pi, tmp_path / "pi").need is Need.WISHED, name
        assert looked_at(name, laptop, tmp_path / "laptop").need is Need.UNUSED, name
    needed = {
        name for name in LINES if looked_at(name, laptop, tmp_path / "laptop").need is Need.NEEDED
    }
    assert needed == {"runtime", "model", "golden answers", "python", "road's clock"}


@pytest.mark.parametrize(
    "camera", [{"kind": "simulated"}, {"kind": "replay", "path": "no-such.avi"}]
)
def test_every_station_needs_something_to_see(camera: Mapping[str, object], tmp_path: Path) -> None:
    """It should fail a station that would not start, whatever its camera is."""
    programs = {f"{APART}.camera": {"unavailable": "no-such.avi does not exist"}}
    made = Made(flags={"camera": camera}, programs=programs)

    assert looked_at("camera", made, tmp_path).mark is Mark.FAIL


def test_settings_that_cannot_be_used_fail(tmp_path: Path) -> None:
    """It should tell the first fault, how many more there are, and who tells them all."""
    seen = looked_at("settings", Made(faults=("a = 1: must be 2", "b", "c")), tmp_path)

    assert seen.mark is Mark.FAIL
    assert "a = 1: must be 2 (and 2 more)" in seen.finding.told
    assert seen.finding.mend == "sorterd check"


def test_a_camera_that_is_held_is_not_opened(tmp_path: Path) -> None:
    """It should name the holder, and still say when the device is gone."""
    opened = {f"{APART}.camera": {"fault": "it was opened"}}
    held = Made(files={USB_FILE: ""}, flags=USB, programs=opened, held_by=RUNNING)
    gone = Made(flags=USB, programs=opened, held_by=RUNNING)

    seen = looked_at("camera", held, tmp_path / "held").finding
    assert (seen.state, "sorterd run, process 812" in seen.told) == (State.FOUND, True)
    assert looked_at("camera", gone, tmp_path / "gone").finding.state is State.MISSING


def test_pins_and_boards_of_a_running_station_are_its_own(tmp_path: Path) -> None:
    """It should not call pins broken that the station itself has, nor disturb a servo board."""
    asked: list[tuple[Path, int, int]] = []

    def answer(bus: Path, address: int, number: int) -> int:
        asked.append((bus, address, number))
        return 0x11

    pins = Made(files={"dev/gpiochip0": ""}, flags=STATION, line_at=taken_line, held_by=RUNNING)
    boards = Made(wants=BOARD, register=answer, held_by=RUNNING)

    assert looked_at("pins", pins, tmp_path).finding.state is State.FOUND
    assert "process 812" in looked_at("servo boards", boards, tmp_path).finding.told
    assert asked == []


@pytest.mark.parametrize("name", ["camera", "libcamera", "runtime", "golden answers"])
def test_what_hangs_is_broken(name: str, tmp_path: Path) -> None:
    """It should give up, and say in which time (picamera2#794: a call that never returns)."""
    made = Made(files={USB_FILE: ""}, flags=USB, programs={APART: LATE})
    seen = looked_at(name, made, tmp_path).finding

    assert seen.state is State.BROKEN
    assert "did not answer within 30 s" in seen.told


def test_root_is_asked_for_the_services_user(tmp_path: Path) -> None:
    """It should say whether sorterd has the groups, its own or the unit's: root opens all."""
    root = Person("root", frozenset({"root"}), root=True)
    groups = {"etc/group": "gpio:x:997:\n"}
    lacking = Made(files=groups, flags=STATION, person=root)
    unit = {"systemctl show sorterd.service -p SupplementaryGroups": "video gpio\n"}
    given = Made(files=groups, flags=STATION, person=root, programs=unit)

    seen = looked_at("groups", lacking, tmp_path).finding
    assert (seen.state, seen.mend) == (State.MISSING, "sudo usermod -aG gpio sorterd")
    assert looked_at("groups", given, tmp_path).finding.told == "sorterd is in gpio"


def test_what_may_not_be_looked_at_is_told(tmp_path: Path) -> None:
    """It should go on, and not take a user's lack of rights for a fault of the station."""
    closed = PermissionError(13, "Permission denied", "/var/lib/sorterd")

    def refuse(_: Path) -> int | None:
        raise closed

    here = Made(files={"var/lib/sorterd/": ""}, flags=JOURNAL, free_at=refuse).here(tmp_path)
    (disk,) = [each for each in examine(here) if each.name == "disk"]

    assert disk.mark is Mark.WARN
    assert disk.finding.told == "pi could not look: Permission denied (/var/lib/sorterd)"
    assert disk.finding.mend == "sudo /opt/sorterd/bin/sorterd doctor"


def test_a_node_that_is_open_some_other_way_hinders_nobody(tmp_path: Path) -> None:
    """It should warn of a node that the right group may not open and this user may."""
    files = {"etc/group": GROUP_FILE, "dev/gpiochip0": ""}
    closed = {"dev/gpiochip0": 0o600}
    may = Made(files=files, modes=closed, flags=STATION)
    may_not = Made(files=files, modes=closed, flags=STATION, may_open=lambda _: False)

    assert looked_at("device nodes", may, tmp_path / "may").mark is Mark.WARN
    assert looked_at("device nodes", may_not, tmp_path / "not").mark is Mark.FAIL


def test_byte_code_in_memory_survives_a_power_cut(tmp_path: Path) -> None:
    """It should look where the service keeps it, by its unit."""
    made = Made(
        files={"proc/self/mountinfo": "30 22 0:25 / /run rw - tmpfs tmpfs rw\n"},
        programs={
            "systemctl show sorterd.service -p Environment": (
                "PYTHONPYCACHEPREFIX=/run/sorterd/bytecode PYTHONUNBUFFERED=1"
            )
        },
    )
    seen = looked_at("byte code", made, tmp_path).finding

    assert (seen.state, "/run/sorterd/bytecode" in seen.told) == (State.FOUND, True)


def test_a_runtime_that_dies_first_is_not_left_to_auto(tmp_path: Path) -> None:
    """It should say which one works: with auto a station would die too (pytorch#132032)."""
    programs: dict[str, Answer | str | Mapping[str, object]] = {
        f"{APART}.runtime ai-edge-litert": DEAD,
        f"{APART}.runtime tflite-runtime": {"built": "2.14.0"},
    }
    seen = looked_at("runtime", Made(programs=programs), tmp_path).finding

    assert seen.state is State.BROKEN
    assert "SIGILL" in seen.told
    assert seen.mend == 'model.runtime = "tflite-runtime"'


def test_a_kernel_that_knows_nothing_of_throttling_says_so(tmp_path: Path) -> None:
    """It should not call a supply good on the word of a file that always is 0 (linux#2367)."""
    files = {"sys/devices/platform/soc/soc:firmware/get_throttled": "0\n"}

    assert "linux#2367" in looked_at("supply", Made(files=files), tmp_path).finding.told


def test_throttling_tells_now_from_before(tmp_path: Path) -> None:
    """It should say what holds now loudest, and leave the supply to its own line."""
    made = Made(programs={"vcgencmd get_throttled": "throttled=0x70005"})

    assert looked_at("throttling", made, tmp_path).finding.told == (
        "throttled NOW; frequency capped at some time since boot"
    )
    assert looked_at("supply", made, tmp_path).finding.told == "under-voltage NOW"


def test_unknown_wants_are_those_of_most_stations() -> None:
    """It should know no device by name without settings."""
    assert wants_of(None, on_a_pi=True) == Wants(known=False)
