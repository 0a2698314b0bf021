"""Machines that were made up for the doctor: files, programs, settings and people."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sorterd.clock import ManualClock
from sorterd.doctor.here import Here, Person, Python
from sorterd.doctor.wants import Wants, wants_of
from sorterd.holding import Holder
from sorterd.machine.board import is_pi
from sorterd.machine.gpio_lines import Chip, Line
from sorterd.machine.programs import Answer
from sorterd.ports import Clock
from sorterd.realtime import Place
from sorterd.settings import Settings, load
from tests.machine.planting import answering, planted

PROGRAM = "/opt/sorterd/bin/python"
APART = f"{PROGRAM} -m sorterd.doctor.apart"
PI_5 = {"proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}
RUNNING = Holder("sorterd run", 812)
DEAD = Answer(code=-4)
"""Of SIGILL."""
LATE = Answer(code=None, complaint="python did not answer within 30 s", late=True)


PI = Person("pi", frozenset({"pi"}), root=False)
FIRST = Place(20)


class RisingClock(ManualClock):
    """A clock on which each reading is a little later than the last."""

    def __init__(self, step_ns: int = 40) -> None:
        super().__init__()
        self._step_ns = step_ns

    def now_ns(self) -> int:
        """Move on, and tell the new present."""
        self._now_ns += self._step_ns
        return self._now_ns


@dataclass(frozen=True)
class Made:
    """A machine to be made: what differs from one that has nothing and nobody.

    Attributes:
        files: Texts below the root; a path that ends in / is an empty folder.
        programs: What they answer, by how the command begins; a mapping is told as JSON.
        flags: Settings, by their dotted keys; None for no settings at all.
        wants: What the station wants, if not by its settings.
        faults: Of the settings.
        modes: Of files, where they matter.
        code: What stands in files that are no texts.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, Answer | str | Mapping[str, object]] = field(default_factory=dict)
    flags: Mapping[str, object] | None = None
    wants: Wants | None = None
    faults: tuple[str, ...] = ()
    modes: Mapping[str, int] = field(default_factory=dict)
    person: Person = PI
    python: Mapping[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=RisingClock)
    held_by: Holder | None = None
    chip_at: Callable[[Path], Chip] = lambda _: Chip("pinctrl-rp1", 54)
    line_at: Callable[[Path, int], Line] = lambda _, pin: Line(f"GPIO{pin}", False, "")
    register: Callable[[Path, int, int], int] = lambda *_: 0x11
    may_open: Callable[[Path], bool] = lambda _: True
    free_at: Callable[[Path], int | None] = lambda _: 10**10
    place: Place = FIRST
    code: Mapping[str, bytes] = field(default_factory=dict)

    def here(self, root: Path) -> Here:
        """Make it below a folder."""
        for name in [name for name in self.files if name.endswith("/")]:
            (root / name).mkdir(parents=True, exist_ok=True)
        planted(root, {name: text for name, text in self.files.items() if not name.endswith("/")})
        for name, code in self.code.items():
            (root / name).write_bytes(code)
        for name, mode in self.modes.items():
            (root / name).chmod(mode)
        python: dict[str, Any] = {
            "version": "3.11.2",
            "program": PROGRAM,
            "prefix": Path("/opt/sorterd"),
            "sees_system": True,
            "package": root / "opt/sorterd/package",
            "cache": None,
            "keeps_cache": True,
            **self.python,
        }
        return Here(
            settings=self.settings(root),
            wants=self.wants or wants_of(self.settings(root), on_a_pi=is_pi(root)),
            faults=self.faults,
            config=None,
            person=self.person,
            python=Python(**python),
            clock=self.clock,
            root=root,
            ask=answering(
                {
                    command: json.dumps(said) if isinstance(said, Mapping) else said
                    for command, said in self.programs.items()
                }
            ),
            holder=self.held_by,
            chip_at=self.chip_at,
            line_at=self.line_at,
            register=self.register,
            may_open=self.may_open,
            free_at=self.free_at,
            place=lambda: self.place,
        )

    def settings(self, root: Path) -> Settings | None:
        """Read the settings; a text that begins with @ is a path below the root."""
        if self.flags is None:
            return None
        return load(
            None,
            {
                key: str(root / value[1:]) if isinstance(value, str) and value[:1] == "@" else value
                for key, value in self.flags.items()
            },
        )
