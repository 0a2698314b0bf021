"""What a station wants of its machine, read off its settings; without settings, what most want.

Parts are known by their kind and keys, as `settings/check.py` knows pins: a key `pin` or one that
ends in `_pin` is a GPIO. Nothing here imports a part's hardware or looks at the machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sorterd.doctor.findings import Need
from sorterd.ports import PartSettings
from sorterd.settings import Settings

STATE_FOLDER: Final = Path("/var/lib/sorterd")
"""Where an installed station keeps what it writes."""


@dataclass(frozen=True, slots=True)
class Wants:
    """What is wanted.

    Attributes:
        known: There are settings; without, nothing that only some stations use is needed.
        camera: The camera's kind; "" if unknown.
        camera_node: The device it is opened by, if it is named by one.
        pins: GPIO numbers that are really driven, by the key that names them.
        pwm: Chip and channel of the kernel's hardware PWM, by the gate on it.
        servo_boards: Bus and address of each servo board, in order.
        folders: Where it writes, or would.
        writes: It writes at all.
    """

    known: bool
    camera: str = ""
    camera_node: Path | None = None
    pins: Mapping[str, int] = field(default_factory=dict)
    pwm: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    servo_boards: tuple[tuple[int, int], ...] = ()
    folders: tuple[Path, ...] = (STATE_FOLDER,)
    writes: bool = False

    @property
    def films(self) -> bool:
        """It has a camera that could fail to be there."""
        return self.camera not in {"simulated", "replay"}

    def need(self, used: bool) -> Need:  # noqa: FBT001 - it is all that is asked
        """Return what a station makes of something that it uses, or does not."""
        if not self.known:
            return Need.WISHED
        return Need.NEEDED if used else Need.UNUSED


def wants_of(settings: Settings | None, *, on_a_pi: bool) -> Wants:
    """Read off what a station wants.

    Args:
        settings: Each value within its bounds; None if there are none.
        on_a_pi: Elsewhere pins that may be mock pins are mock pins.
    """
    if settings is None:
        return Wants(known=False)
    parts = dict(_parts(settings))
    # A relative path is the working folder's, which for a service is its state folder.
    journal, review = settings.journal.path, settings.review.folder
    folders = [(STATE_FOLDER / journal).parent] if journal is not None else []
    folders += [STATE_FOLDER / review] if review is not None else []
    node = getattr(settings.camera, "device", None)
    return Wants(
        known=True,
        camera=settings.camera.kind,
        camera_node=node if isinstance(node, Path) else None,
        pins={
            f"{key}.{field}": pin
            for key, part in parts.items()
            if _drives(part, on_a_pi=on_a_pi)
            for field, pin in part
            if isinstance(pin, int) and (field == "pin" or field.endswith("_pin"))
        },
        pwm={
            key: (getattr(part, "chip", 0), getattr(part, "channel", 0))
            for key, part in parts.items()
            if part.kind == "pwm"
        },
        servo_boards=tuple(
            sorted(
                {
                    (getattr(part, "bus", 1), getattr(part, "address", 0x40))
                    for part in parts.values()
                    if part.kind == "pca9685"
                }
            )
        ),
        folders=tuple(dict.fromkeys(folders)) or (STATE_FOLDER,),
        writes=bool(folders),
    )


def _parts(settings: Settings) -> Iterator[tuple[str, PartSettings]]:
    for name, gate in settings.gates.items():
        yield f"gates.{name}", gate.part
    trigger = getattr(getattr(settings, "trigger", None), "part", None)
    if isinstance(trigger, PartSettings):
        yield "trigger", trigger


def _drives(part: PartSettings, *, on_a_pi: bool) -> bool:
    choice = getattr(part, "pins", "real")
    return choice == "real" or (choice == "auto" and on_a_pi)
