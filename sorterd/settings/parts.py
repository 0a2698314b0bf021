"""A part's settings, found by its kind: `kind = "servo"` is declared by `gates/servo.py`.

The kinds that exist are the files that exist, so a new camera or gate is one new file and
nothing here changes. A file is imported only when a setting names it.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from pydantic import BeforeValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from sorterd.ports import PartSettings
from sorterd.settings.faults import nearest

USUAL_KIND = "simulated"
"""The kind of a part that names none."""


def kinds(room: str) -> list[str]:
    """Return the names of the parts in a room (`cameras`, `gates`), by looking into its folder."""
    folder = import_module(f"sorterd.{room}").__path__
    names = sorted(each.name for each in pkgutil.iter_modules(folder))
    return [name for name in names if part_class(room, name)]


def part_class(room: str, kind: object) -> type[PartSettings] | None:
    """Return the settings class of one kind; None if no file in the room declares it."""
    folder = import_module(f"sorterd.{room}").__path__
    if kind not in [each.name for each in pkgutil.iter_modules(folder)]:
        return None
    declared = getattr(import_module(f"sorterd.{room}.{kind}"), "Settings", None)
    return declared if isinstance(declared, type) and issubclass(declared, PartSettings) else None


def part_in(field: FieldInfo) -> "PartIn | None":
    """Return which room's part a declared key holds, if it holds one."""
    rules = (each.func for each in field.metadata if isinstance(each, BeforeValidator))
    return next((rule for rule in rules if isinstance(rule, PartIn)), None)


@dataclass(frozen=True, slots=True)
class PartIn:
    """Makes a table of keys into the settings of the part that its `kind` names.

    Used as a pydantic validator that runs before the field's own.

    Attributes:
        room: The folder that holds the kinds.
    """

    room: str

    def __call__(self, given: object) -> PartSettings:
        """Return the part's settings.

        Raises:
            ValidationError: The kind does not exist, or its own keys are wrong.
            PydanticCustomError: It is no table of keys.
        """
        if isinstance(given, PartSettings):
            return given
        if not isinstance(given, Mapping):
            raise PydanticCustomError("part", "must be a table of keys, one of them kind")
        kind = given.get("kind", USUAL_KIND)
        declared = part_class(self.room, kind)
        if declared is None:
            raise ValidationError.from_exception_data(
                "part", [InitErrorDetails(type=self._unknown(kind), loc=("kind",), input=kind)]
            )
        return declared.model_validate({"kind": kind, **given})

    def declared(self, given: object) -> type[PartSettings] | None:
        """Return the settings class that `given` asks for, if there is one."""
        kind = given.get("kind", USUAL_KIND) if isinstance(given, Mapping) else USUAL_KIND
        return part_class(self.room, kind)

    def owners(self, key: str) -> list[str]:
        """Return the kinds in the room that have this key of their own."""
        classes = ((kind, part_class(self.room, kind)) for kind in kinds(self.room))
        return [kind for kind, each in classes if each and key in each.model_fields]

    def _unknown(self, kind: object) -> PydanticCustomError:
        there = kinds(self.room)
        like = nearest(str(kind), there) or USUAL_KIND
        return PydanticCustomError(
            "kind",
            "must be one of {there}, the files in sorterd/{room}; {like} is nearest",
            {"there": ", ".join(there), "room": self.room, "like": like},
        )
