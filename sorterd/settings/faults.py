"""What is wrong with the settings, as records that a person can act on.

One fault is one line: the key, its value, what it must be, what to do, and where the value
came from. All faults are gathered and raised together, so that nobody has to correct a file
one error at a time. Nothing here reads a file or knows which settings exist.
"""

import difflib
import json
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# A key that TOML takes without quotes.
_BARE = re.compile(r"[A-Za-z0-9_-]+")

# A whole number wider than this is not worth reading; past 4300 digits Python refuses to print it.
_READABLE_BITS = 256


class _ShortRepr(reprlib.Repr):
    """A repr that stays on one line whatever a settings file holds."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxstring = self.maxother = 80

    def repr_int(self, x: int, level: int) -> str:
        if x.bit_length() > _READABLE_BITS:
            return f"a whole number of {x.bit_length()} bits"
        return super().repr_int(x, level)


_SHORT = _ShortRepr()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the settings.

    Attributes:
        key: The setting's full name, dotted as in TOML (`gates.glass.pin`).
        value: What was given; None if nothing was.
        bound: What it must be, beginning with "must" where it is a rule of ours.
        remedy: What to do.
        source: Where the value came from: `file:line`, `environment NAME`, `flag` or `default`.
    """

    key: str
    value: object
    bound: str
    remedy: str
    source: str

    def __str__(self) -> str:
        line = f"{self.key} = {value_text(self.value)}: {self.bound}; {self.remedy} [{self.source}]"
        return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


class SettingsFault(ValueError):
    """The settings cannot be used; the message holds one line for each fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def key_text(keys: Iterable[str | int]) -> str:
    """Return the dotted name that TOML would use; places in a list stand in brackets."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            name = key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def nearest(word: str, known: Iterable[str], *, likeness_frac: float = 0.0) -> str | None:
    """Return the known word most like `word`; None if none is at least that much like it."""
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=likeness_frac)
    return by_lower[found[0]] if found else None


def value_text(value: object) -> str:
    """Return a value as one short piece of a line."""
    match value:
        case None:
            return "(not given)"
        case Mapping():
            return f"a table of {len(value)}"
        case bool():
            return str(value).lower()
        case tuple():
            return _SHORT.repr(list(value))
        case str() | int() | float() | list():
            return _SHORT.repr(value)
        case _:
            return _SHORT.repr(str(value))
