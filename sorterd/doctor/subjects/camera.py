"""The camera: whether it is the right one, opens, and shows what a station can use.

It is opened in a process of its own, for a camera call may hang for ever (picamera2#794, #1004,
#1090), and not at all while somebody holds the devices: then the nodes are looked at.
"""

import json
from pathlib import Path
from typing import Any, Final

from sorterd.doctor.apart.telling import told_by, why_not
from sorterd.doctor.findings import Finding, Line, Need, broken, found, missing
from sorterd.doctor.here import Here
from sorterd.holding import Holder
from sorterd.machine.programs import Answer, Ask
from sorterd.ports import PartSettings
from sorterd.settings import Settings

OPENING_S: Final = 30.0
"""For opening and half a second of frames: USB cameras take up to 3 s, a sensor's settling 5 s."""
DARK_LEVELS: Final = 20.0
"""Mean brightness, of 255, below which nothing is told from the belt: a cap, or no lamp."""
GLARING_LEVELS: Final = 235.0

BY_ID: Final = Path("/dev/v4l/by-id")


def camera(
    settings: Settings | None, node: Path | None, held_by: Holder | None, ask: Ask, program: str
) -> Finding:
    """Look through the camera.

    Args:
        settings: None if there are none.
        node: The camera's device, where it can be looked for; None if it is named by none.
        held_by: Who has the devices.
        ask: How the process is asked that opens it.
        program: This Python.
    """
    if settings is None:
        told = "no settings say which camera; those that are there are named below"
        return missing(told, "sorterd doctor --config FILE")
    if settings.camera.kind == "simulated":
        told = "simulated: a dry run has it, and a station does not start with it"
        return broken(told, 'camera.kind = "pi" or "v4l2"')
    if node is not None and not node.exists():
        there = ", ".join(sorted(str(each) for each in _by_id(node))) or "no camera is plugged in"
        return missing(f"{node} is not there; {there}", "plug it in; ls /dev/v4l/by-id")
    if held_by is not None:
        return found(f"not opened: the devices are held by {held_by}")
    question = {
        "camera": settings.camera.model_dump(mode="json"),
        "view": settings.view.model_dump(mode="json"),
    }
    answer = ask(
        program, "-m", "sorterd.doctor.apart.camera", json.dumps(question), within_s=OPENING_S
    )
    return _looked_through(answer)


def address(part: PartSettings | None, node: Path | None, others: list[Path]) -> Finding:
    """Look at how the camera is named: a number may mean another camera after the next start.

    Args:
        part: The camera's settings; None if there are none.
        node: Its device, where it can be looked for.
        others: All names by which cameras can be found again.
    """
    if part is None:
        listed = ", ".join(map(str, others)) or "no USB camera is plugged in"
        return missing(f"no settings name one; by id there are: {listed}", f"ls {BY_ID}")
    if node is not None and not node.exists():
        return missing(f"{node} names nothing", f"ls {BY_ID}")
    advise = getattr(part, "advice", None)
    if advise is not None and (advice := advise()):
        return broken(advice, f"ls {BY_ID}" if node else "rpicam-hello --list-cameras")
    named = str(node) if node is not None else f"{part.kind}, by what its settings say"
    return found(f"{named}: the same camera after every start")


def libcamera(ask: Ask, program: str) -> Finding:
    """Look for libcamera's Python binding, and for the cameras that it lists."""
    answer = ask(program, "-m", "sorterd.doctor.apart.library", "libcamera", within_s=OPENING_S)
    told = told_by(answer)
    if told.get("absent"):
        return missing(
            "no Python binding of libcamera: it comes from apt, never from pip",
            "sudo apt install -y --no-install-recommends python3-picamera2",
        )
    if "version" not in told:
        mend = "sudo apt install -y --reinstall python3-libcamera"
        return broken(f"libcamera cannot be used: {why_not(answer, told)}", mend)
    if not told["cameras"]:
        return broken(
            f"libcamera {told['version']} lists no camera",
            "look at the cable, both ends; then rpicam-hello --list-cameras",
        )
    return found(f"libcamera {told['version']}: {', '.join(told['cameras'])}")


def picamera2(ask: Ask, program: str) -> Finding:
    """Look for picamera2, which apt's numpy and pip's can be at odds about."""
    answer = ask(program, "-m", "sorterd.doctor.apart.library", "picamera2", within_s=OPENING_S)
    told = told_by(answer)
    if told.get("absent"):
        mend = "sudo apt install -y --no-install-recommends python3-picamera2"
        return missing("picamera2 is not installed, or this Python does not see it", mend)
    if "version" not in told:
        why = why_not(answer, told)
        # picamera2#1211, #1170: apt's simplejpeg was built for numpy 1.
        odds = "numpy" in why.lower() or "size changed" in why
        pip = Path(program).with_name("pip")
        mend = f"{pip} install 'numpy<2'" if odds else f"{program} -c 'import picamera2'"
        return broken(f"picamera2 cannot be imported: {why}", mend)
    return found(f"picamera2 {told['version']}")


def _looked_through(answer: Answer) -> Finding:
    """Say what the process told that opened the camera."""
    told = told_by(answer)
    if "brightness_levels" in told:
        return _picture(told)
    if "held" in told:
        return found(f"not opened: {told['held']}")
    text = str(told.get("unavailable") or why_not(answer, told))
    if "no camera" in text.lower():
        return missing(text, "look at the cable, both ends; then sorterd doctor")
    return broken(text, "sorterd capture test.png, once that is mended")


def _picture(told: dict[str, Any]) -> Finding:
    level = told["brightness_levels"]
    words = (
        f"{told['width_px']} x {told['height_px']}, open in {told['opened_ms'] / 1000:.1f} s, "
        f"{told['rate_hz']:.0f} frames a second, {told['age_ms']:.0f} ms old, "
        f"brightness {level:.0f} of 255"
    )
    if not DARK_LEVELS <= level <= GLARING_LEVELS:
        what = "dark" if level < DARK_LEVELS else "glaring"
        mend = "look at lamp, lens cap and exposure: sorterd capture test.png"
        return broken(f"{words}: too {what} to see pieces", mend, hinders=False)
    return found(words)


def _by_id(node: Path) -> list[Path]:
    # Where the nodes of this machine lie, whether or not below a root.
    folder = next((each for each in node.parents if each.name == "dev"), Path("/dev"))
    return list((folder / "v4l/by-id").glob("*index0"))


def _node(here: Here) -> Path | None:
    node = here.wants.camera_node
    return here.at(node) if node is not None else None


def _need_of_libcamera(here: Here) -> Need:
    return here.on_a_pi_need(here.wants.camera == "pi")


LINES = (
    Line(
        "camera",
        lambda here: Need.NEEDED if here.wants.known else Need.UNUSED,
        lambda here: camera(here.settings, _node(here), here.holder, here.ask, here.python.program),
    ),
    Line(
        "camera's name",
        lambda here: Need.WISHED if here.wants.known and here.wants.films else Need.UNUSED,
        lambda here: address(
            here.settings.camera if here.settings else None,
            _node(here),
            sorted(here.at(BY_ID).glob("*index0")),
        ),
    ),
    Line(
        "libcamera",
        _need_of_libcamera,
        lambda here: libcamera(here.ask, here.python.program),
    ),
    Line(
        "picamera2",
        _need_of_libcamera,
        lambda here: picamera2(here.ask, here.python.program),
    ),
)
