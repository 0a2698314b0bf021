"""Where settings come from: a TOML file, the environment, flags, laid over each other.

Each source becomes a layer of leaves: the full key of every single value. A higher layer's leaf
takes the place of a lower one's, and every leaf that is left remembers its layer, so where
a value came from is a fact and never a guess. Nothing here knows which settings are valid.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sorterd.settings.faults import Fault, SettingsFault

Keys = tuple[str, ...]
"""A setting's full name: `("gates", "glass", "pin")`."""

ENV_PREFIX: Final = "SORTERD_"
"""What the names of our environment variables begin with, in whatever case."""

# The settings nest five deep at most; a file may nest for ever.
_DEEPEST = 8

_HEADER = re.compile(r"\s*\[\[?(?P<key>[^\[\]]+)\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"\s*(?P<key>[^=#\[\]{}]+?)\s*=")
_PLACE = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What one source gave.

    Attributes:
        leaves: Every value by its full key; an empty table is a value too.
        where: Says where a key of this layer, or the table it would be in, was written.
    """

    leaves: Mapping[Keys, object]
    where: Callable[[Keys], str]


class Merged:
    """The layers laid over each other; the last laid wins.

    Args:
        part_of: Names the table of the part that a key belongs to, or None. A part is
            described by its `kind` and that kind's own keys, so a layer that names another
            kind begins the part afresh: what lower layers said was meant for another device.
        usual_kind: The kind of a part for which no layer has named one.
    """

    def __init__(self, part_of: Callable[[Keys], Keys | None], usual_kind: str) -> None:
        self._part_of = part_of
        self._usual_kind = usual_kind
        self._given: dict[Keys, tuple[object, Layer]] = {}

    def lay(self, layer: Layer) -> None:
        """Lay one more layer on top."""
        afresh = {
            keys[:-1]
            for keys, kind in layer.leaves.items()
            if keys[-1] == "kind" and keys[:-1] == self._part_of(keys) and kind != self._kind(keys)
        }
        deepest = max(map(len, self._given), default=0)
        # A table takes the place of a single value, and a single value that of a whole table.
        tables = {keys[:n] for keys in layer.leaves for n in range(1, min(len(keys), deepest + 1))}
        below = {
            keys: given
            for keys, given in self._given.items()
            if self._part_of(keys) not in afresh
            and keys not in tables
            and not any(keys[:n] in layer.leaves for n in range(1, len(keys) + 1))
        }
        self._given = below | {keys: (value, layer) for keys, value in layer.leaves.items()}

    def tree(self) -> dict[str, Any]:
        """Return what is left, nested again."""
        root: dict[str, Any] = {}
        for keys, (value, _) in self._given.items():
            here = root
            for key in keys[:-1]:
                here = here.setdefault(key, {})
            here[keys[-1]] = value
        return root

    def sources(self) -> dict[Keys, str]:
        """Return where each value came from."""
        return {keys: layer.where(keys) for keys, (_, layer) in self._given.items()}

    def source_near(self, keys: Keys) -> str:
        """Return where a key, or else the innermost table around it, was written."""
        for length in range(len(keys), 0, -1):
            near = keys[:length]
            for each, (_, layer) in self._given.items():
                if each[:length] == near[: len(each)]:
                    return layer.where(near)
        return "default"

    def _kind(self, keys: Keys) -> object:
        value, _ = self._given.get(keys, (self._usual_kind, None))
        return value


def leaves(tree: Mapping[str, object]) -> dict[Keys, object]:
    """Return every value of a nested mapping by its full key, in the order they stand in."""
    found: dict[Keys, object] = {}
    # By hand instead of by recursion: dotted keys in a file can nest deeper than Python's stack.
    waiting: list[tuple[Keys, object]] = [((), tree)]
    while waiting:
        keys, value = waiting.pop()
        if isinstance(value, Mapping) and (value or not keys):
            waiting.extend(((*keys, str(key)), value[key]) for key in reversed(list(value)))
        else:
            found[keys] = value
    return found


def read_file(config: Path) -> Layer:
    """Read a TOML file.

    Raises:
        SettingsFault: It is missing, is no file, cannot be read or is not TOML.
    """
    try:
        # A byte order mark, as some editors write it, is no part of TOML.
        text = config.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _file_fault(config, "is not UTF-8 text", f"{config}:{line}") from None
    except OSError as error:
        raise _file_fault(
            config, (error.strerror or "cannot be read").lower(), str(config)
        ) from None
    except ValueError as error:
        raise _file_fault(config, str(error), str(config)) from None
    try:
        tree = tomllib.loads(text)
    except ValueError as error:
        message = str(error)
        place = _PLACE.search(message)
        where = f"{config}:{text.count(chr(10)) + 1}"
        if place and place["line"]:
            where = f"{config}:{place['line']}:{place['column']}"
        raise _file_fault(config, _PLACE.sub("", message), where) from None
    except RecursionError:
        raise _file_fault(config, "is nested too deep", str(config)) from None
    lines = _lines_of_keys(text)

    def where_in_file(keys: Keys) -> str:
        # A key inside an inline table has no line of its own: the line of what is around it.
        line = next((lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines), None)
        return f"{config}:{line}" if line else str(config)

    return Layer(leaves(tree), where_in_file)


def fragments(config: Path) -> list[Path]:
    """Return the files that are read after a settings file, in their order.

    They lie in the folder beside it that has its name and the ending .d (`sorterd.d` beside
    `sorterd.toml`), as *.toml; hidden ones are left out. There need not be such a folder.

    Raises:
        SettingsFault: The folder cannot be looked into.
    """
    folder = config.with_suffix(".d")
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        wrong = (error.strerror or "cannot be listed").lower()
        raise _file_fault(folder, wrong, str(folder)) from None
    return [path for path in paths if path.suffix == ".toml" and path.name[0] != "."]


def variables() -> list[str]:
    """Return the names of the environment variables that are ours and not empty."""
    return [
        name for name, value in os.environ.items() if value and name.upper().startswith(ENV_PREFIX)
    ]


def read_flags(flags: Mapping[str, object]) -> Layer:
    """Take the command line's values: nested or with dotted keys; None means not given.

    Of a table and a single value under one name the later stands.
    """
    found: dict[Keys, object] = {}
    for given, value in leaves(flags).items():
        if value is None:
            continue
        keys = tuple(part for key in given for part in key.split("."))
        clashing = [each for each in found if each[: len(keys)] == keys[: len(each)]]
        for each in clashing:
            del found[each]
        found[keys] = value
    return Layer(found, lambda _: "flag")


def _file_fault(config: Path, wrong: str, where: str) -> SettingsFault:
    bound = f"must be a readable TOML file, but this: {wrong}"
    return SettingsFault([Fault("config", config, bound, "correct the file or its path", where)])


def _lines_of_keys(text: str) -> dict[Keys, int]:
    """Find the line on which each key or table of a TOML text is first written."""
    lines: dict[Keys, int] = {}
    table: Keys = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            table = _split_key(header["key"])
            found = table
        elif assignment := _ASSIGNMENT.match(line):
            found = (*table, *_split_key(assignment["key"]))
        else:
            continue
        for length in range(1, min(len(found), _DEEPEST) + 1):
            lines.setdefault(found[:length], number)
    return lines


def _split_key(text: str) -> Keys:
    """Split a dotted, perhaps quoted key as TOML does; empty if it is none."""
    try:
        tree: object = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    return next(iter(leaves(tree))) if isinstance(tree, dict) else ()
