"""Which parts a machine has, what each depends on, and how they are made in turn."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sorterd.ports import Clock
from tools.workshop.emulated import image, pin_modules, wheels
from tools.workshop.emulated.device_tree import MODEL, REVISION
from tools.workshop.emulated.machine import board
from tools.workshop.emulated.pin_modules import kernel_of, make_pin_module
from tools.workshop.emulated.roots import CONTAINER, PI, SUITE, Root, make_root, mirror
from tools.workshop.emulated.shelf import Part, Shelf, contents
from tools.workshop.faults import WorkshopFault

PROJECT: Final = Path(__file__).resolve().parents[3]
MEMORY: Final = Path("/dev/shm")  # noqa: S108  # the kernel's own file system in memory
NEEDED_BYTES: Final = 4 << 30
"""What the largest part, the disk, takes while it is made."""
EDITION: Final = 1
"""Raised to have every machine built anew."""


@dataclass(frozen=True, slots=True)
class Making:
    """What parts are made with.

    Attributes:
        shelf: Where they lie.
        logs: Where programs say what they do.
        small: Compress the disk.
    """

    shelf: Shelf
    logs: Path
    small: bool = False

    def parts(self) -> list[Part]:
        """Return the parts of the emulated Pi in the order in which they are made."""
        root = self.root("root", PI, 420)
        module = self._module(root)
        wheel = self.wheels("wheels", "aarch64")
        return [root, module, wheel, self._image(root, module, wheel)]

    def container_parts(self) -> list[Part]:
        """Return the parts of the container."""
        return [self.root("container", CONTAINER, 60), self.wheels("container-wheels", "x86_64")]

    def root(self, name: str, root: Root, about_s: int) -> Part:
        """Return a root as a part."""
        recipe = {"edition": EDITION, "suite": SUITE, **asdict(root)}
        log = self.logs / f"{name}.log"
        return Part(name, recipe, lambda folder: make_root(root, folder, mirror(), log), about_s)

    def wheels(self, name: str, machine: str) -> Part:
        """Return the wheels for a machine as a part."""
        constraints = (PROJECT / "constraints.txt").read_text()
        needs = wheels.project_needs((PROJECT / "pyproject.toml").read_text())
        target = wheels.environment(machine)
        recipe = {
            "edition": (EDITION, wheels.EDITION),
            "machine": machine,
            "needs": sorted(needs),
            "pins": wheels.pins_of(constraints, target),
        }
        log = self.logs / f"{name}.log"

        def make(folder: Path) -> None:
            wheels.fetch_wheels(needs, constraints, machine, folder, log)

        return Part(name, recipe, make, 30)

    def _module(self, root: Part) -> Part:
        recipe = {"edition": (EDITION, pin_modules.EDITION), "root": root.mark}
        log = self.logs / "pins.log"

        def make(folder: Path) -> None:
            kernel = kernel_of(self.shelf.place(root) / "root.tar")
            make_pin_module(kernel, folder, mirror(), log)

        return Part("pins", recipe, make, 90)

    def _image(self, root: Part, module: Part, wheel: Part) -> Part:
        recipe = {
            "edition": (EDITION, image.EDITION),
            "parts": (root.mark, module.mark, wheel.mark),
            "overlay": contents(image.OVERLAY),
            "tree": (MODEL, REVISION, board()),
            "size": (image.DISK_SIZE, self.small),
        }

        def make(folder: Path) -> None:
            tar = self.shelf.place(root) / "root.tar"
            image.make_image(
                tar,
                self.shelf.place(module) / f"{pin_modules.MODULE}.ko",
                kernel_of(tar),
                self.shelf.place(wheel),
                folder,
                self.logs / "image.log",
                machine=board(),
                small=self.small,
            )

        return Part("image", recipe, make, 60)


def make_all(
    shelf: Shelf, parts: list[Part], clock: Clock, tell: Callable[[str], None], *, fresh: bool
) -> Path:
    """Make what is not there yet, and return where the last part lies.

    Args:
        shelf: Where parts lie.
        parts: In the order in which they are made.
        clock: Tells how long each took.
        tell: Told a line before and after each.
        fresh: Make all of them, whatever is there: Debian has moved on.

    Raises:
        WorkshopFault: A part cannot be made; those before it are kept.
    """
    for number, part in enumerate(parts, 1):
        which = f"[{number} of {len(parts)}] {part.name}"
        if shelf.has(part) and not fresh:
            tell(f"{which}: is there")
            continue
        tell(f"{which}: about {part.about_s} s on two quiet cores")
        begun_ns = clock.now_ns()
        shelf.put(part)
        tell(f"{which}: took {(clock.now_ns() - begun_ns) / 1e9:.0f} s")
    return shelf.place(parts[-1])


def place_to_work(cache: Path, free_bytes: Callable[[Path], int]) -> Path:
    """Return where parts are made: in memory if there is room, else where they will lie."""
    if MEMORY.is_dir() and free_bytes(MEMORY) >= 2 * NEEDED_BYTES:
        return MEMORY / "sorterd-emulated"
    if cache.is_dir() and free_bytes(cache) < NEEDED_BYTES:
        raise WorkshopFault(f"{cache} has less than 4 GiB free: make room, or give another --cache")
    return cache
