"""Where a thing can be broken in several ways: each has words of its own."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from sorterd.doctor.findings import Mark, State
from sorterd.doctor.subjects.camera import address
from sorterd.doctor.subjects.model import runtime
from sorterd.doctor.wants import Wants
from sorterd.machine.programs import Answer
from sorterd.ports import PartSettings
from tests.doctor.looking import looked_at
from tests.doctor.machine_cases import CACHE, CARD, JOURNAL, LOADED, UNIT
from tests.doctor.machines import APART, PI_5, Made, RisingClock
from tests.doctor.station_cases import (
    BOARD,
    STATION,
    USB,
    USB_FILE,
    not_allowed,
    refusing,
)
from tests.machine.planting import answering, planted


def _usb(told: Answer | Mapping[str, object]) -> Made:
    return Made(files={USB_FILE: ""}, flags=USB, programs={f"{APART}.camera": told})


@pytest.mark.parametrize(
    ("name", "made", "words"),
    [
        ("gpio chip", Made(files={"dev/gpiochip0": ""}, chip_at=not_allowed), "Permission denied"),
        ("pins", Made(files={"dev/gpiochip0": ""}, flags=STATION, chip_at=not_allowed), "no chip"),
        (
            "servo boards",
            Made(wants=BOARD, register=refusing(16, "busy")),
            "a driver of the kernel",
        ),
        ("servo boards", Made(wants=BOARD, register=refusing(5, "I/O error")), "I/O error"),
        ("service", Made(programs={UNIT: LOADED.replace("enabled", "disabled")}), "start at boot"),
        ("service", Made(), "no systemd"),
        ("disk", Made(files={"var/lib/sorterd/": ""}, free_at=lambda _: None), "does not tell"),
        ("disk", Made(files={"var/lib/sorterd/": ""}, free_at=lambda _: 10**8), "0.1 GB free"),
        ("swap", Made(files={"proc/swaps": "Filename\n/dev/mmcblk0p3 x 9 0 0\n"}), "on the card"),
        ("board", Made(files=PI_5, programs={"uname -m": "armv7l"}), "32-bit"),
        ("picamera2", Made(programs={f"{APART}.library": {"fault": "ImportError: x"}}), "x"),
        ("libcamera", Made(programs={f"{APART}.library": {"fault": "OSError: abi"}}), "abi"),
        ("camera", Made(flags={"camera.kind": "simulated"}), "simulated"),
        ("road's clock", Made(clock=RisingClock(2_000_000)), "steps of 2.0 ms"),
        ("camera", _usb({"unavailable": "no camera is plugged in"}), "no camera"),
        ("camera", _usb({"held": "the devices are held by sorterd gate"}), "not opened"),
        ("camera", _usb(Answer(code=-11)), "died of SIGSEGV"),
    ],
)
def test_words_for_what_else_can_be(name: str, made: Made, words: str, tmp_path: Path) -> None:
    """It should say in particular what is wrong, where a thing can be broken in several ways."""
    assert words in looked_at(name, made, tmp_path).finding.told


def test_a_station_of_a_pi_looks_at_all_its_nodes(tmp_path: Path) -> None:
    """It should want the groups, and the nodes, of the Pi's camera and of a servo board."""
    groups = f"video:x:{os.getgid()}:\nrender:x:1:\ni2c:x:{os.getgid() + 1}:\n"
    nodes = ("dev/media0", "dev/dma_heap/linux,cma", "dev/i2c-1", "dev/gpiochip0")
    made = Made(
        files={"etc/group": groups, **dict.fromkeys(nodes, "")},
        modes=dict.fromkeys(nodes, 0o660),
        wants=Wants(known=True, camera="pi", servo_boards=((1, 0x40),)),
    )

    lacks = looked_at("groups", made, tmp_path).finding
    assert lacks.told == "pi is not in video, render, i2c"
    assert "i2c-1 is video's" in looked_at("device nodes", made, tmp_path).finding.told


def test_no_model_at_all_leaves_the_runtime_unproven() -> None:
    """It should say that nothing could be built, and not blame the runtime."""
    seen = runtime("auto", None, answering({}), "/opt/sorterd/bin/python")

    assert (seen.state, "no model" in seen.told) == (State.MISSING, True)


def test_byte_code_that_may_not_be_read_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should do as Python does with it."""

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    made = Made(files={f"{CACHE}/a.pyc": ""})

    assert looked_at("byte code", made, tmp_path).finding.state is State.FOUND


class Ribbon(PartSettings):
    """A camera that is named by no device."""

    kind: str = "pi"
    camera_id: str | None = None

    def advice(self) -> str | None:
        """Ask for a name."""
        return None if self.camera_id else "the camera is whichever is plugged in"


def test_an_active_version_that_is_faulty_is_told(tmp_path: Path) -> None:
    """It should look at the version in force, and say that a station goes on with another."""
    store = planted(tmp_path, {"models/waste/3/manifest.toml": "name = 1\n"}) / "models"
    (store / "waste/active").symlink_to("3")
    answered = {"golden": 7, "runtime": "ai-edge-litert", "typical_ms": 2.0, "passed_over": "bad"}
    made = Made(flags={"model.store": str(store)}, programs={f"{APART}.answers": answered})

    for name in ("model", "golden answers"):
        seen = looked_at(name, made, tmp_path / "machine")
        assert (seen.mark, seen.finding.mend) == (Mark.WARN, "sudo sorterd models rollback"), name


def test_a_camera_without_a_device_is_named_by_its_id() -> None:
    """It should ask libcamera for the names there are, and be content with one."""
    nameless, named = address(Ribbon(), None, []), address(Ribbon(camera_id="/base"), None, [])

    assert (nameless.state, nameless.mend) == (State.BROKEN, "rpicam-hello --list-cameras")
    assert named.state is State.FOUND


def test_a_disk_that_fills_up_is_told_before_it_is_full(tmp_path: Path) -> None:
    """It should warn first, and fail when nothing can be written down any more."""
    low = Made(files={"var/lib/sorterd/": ""}, flags=JOURNAL, free_at=lambda _: 10**8)
    full = Made(files={"var/lib/sorterd/": ""}, flags=JOURNAL, free_at=lambda _: 10**6)

    assert looked_at("disk", low, tmp_path).mark is Mark.WARN
    assert looked_at("disk", full, tmp_path).mark is Mark.FAIL


def test_an_often_flushed_journal_is_much_for_a_card(tmp_path: Path) -> None:
    """It should name the setting that spares the card, and count the crops beside it."""
    flags = {**JOURNAL, "journal.flush_ms": 50, "review.folder": "/var/lib/sorterd/review"}
    made = Made(files={"proc/self/mountinfo": CARD}, flags=flags)
    seen = looked_at("writes", made, tmp_path).finding

    assert "crops up to 200 MB a day" in seen.told
    assert seen.mend == "journal.flush_ms = 5000"


def test_byte_code_of_another_python_is_not_damaged(tmp_path: Path) -> None:
    """It should not call a file odd that this Python passes over, but one that a power cut left."""
    other = Made(files={f"{CACHE}/": ""}, code={f"{CACHE}/a.pyc": b"other" + bytes(40)})
    empty = Made(files={f"{CACHE}/": ""}, code={f"{CACHE}/a.pyc": b""})

    assert looked_at("byte code", other, tmp_path / "other").finding.state is State.FOUND
    assert looked_at("byte code", empty, tmp_path / "empty").finding.state is State.BROKEN
