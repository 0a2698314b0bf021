"""Every trial by name, in the order in which they are run, and on which machines each can be."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.trials.camera import camera
from tools.workshop.emulated.trials.dying import dying
from tools.workshop.emulated.trials.installing import installing
from tools.workshop.emulated.trials.knowing import board, doctor
from tools.workshop.emulated.trials.removal import removal
from tools.workshop.emulated.trials.servo import servo
from tools.workshop.emulated.trials.settings_kept import settings_kept
from tools.workshop.emulated.trials.shut_in import shut_in
from tools.workshop.emulated.trials.sorting import sorting


@dataclass(frozen=True, slots=True)
class Chapter:
    """One trial.

    Attributes:
        run: Makes its checks.
        about: What it shows, in a few words.
        on_pins: Whether it needs pins and a camera, and so the emulated Pi.
        always: Whether the others stand on it.
    """

    run: Callable[[Bench], None]
    about: str
    on_pins: bool = False
    always: bool = False


CHAPTERS: Final[Mapping[str, Chapter]] = {
    "board": Chapter(board, "kernel, pins and network of the bare machine", on_pins=True),
    "install": Chapter(installing, "dry run, install, again; verify and score units", always=True),
    "camera": Chapter(camera, "cameras/v4l2.py on the kernel's vivid", on_pins=True, always=True),
    "servo": Chapter(servo, "181 angles on the real lgpio", on_pins=True),
    "sorting": Chapter(sorting, "ready, pieces judged, pins moved", always=True),
    "settings": Chapter(settings_kept, "reload, faulty settings kept out, exit 2 stays down"),
    "shut_in": Chapter(shut_in, "network, memory, disk and files refused inside the unit"),
    "dying": Chapter(dying, "watchdog, kill -9, stop; gates made safe"),
    "doctor": Chapter(doctor, "runs, and knows the board"),
    "removal": Chapter(removal, "uninstall leaves nothing, --purge nothing at all"),
}


def chosen(names: Iterable[str] | None, *, pins: bool) -> list[str]:
    """Return the chapters to run, in order.

    Args:
        names: Those that were asked for, with what they stand on; None for all.
        pins: Whether the machine has pins and a camera.
    """
    asked = set(CHAPTERS if names is None else names)
    return [
        name
        for name, chapter in CHAPTERS.items()
        if (name in asked or chapter.always) and (pins or not chapter.on_pins)
    ]


def run_chapters(bench: Bench, names: Iterable[str]) -> None:
    """Run chapters, one after the other.

    Raises:
        WorkshopFault: The machine is gone.
    """
    for name in names:
        bench.begin(name)
        CHAPTERS[name].run(bench)
