"""A settings file that names every key there is, with its meaning, its bounds and its default.

It is made from the declarations themselves, those of every kind of part included, so it cannot
name a key that is gone or miss one that came. Each line but the few in `INSTALLED` is a comment
that holds what is in force while it stays one. Nothing here reads a file.
"""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from sorterd.settings.errors import meaning_of, model_of, numbers_taken
from sorterd.settings.faults import key_text
from sorterd.settings.layers import Keys
from sorterd.settings.load import Settings
from sorterd.settings.parts import USUAL_KIND, kinds, part_class, part_in
from sorterd.settings.toml import toml_value

INSTALLED: Final[dict[Keys, object]] = {("journal", "path"): "/var/lib/sorterd/journal.db"}
"""What an installed station has beside the defaults: its folder is there, and its service's own."""

HEAD: Final = """\
# sorterd: every setting there is. A line "#key = value" holds what is in force without it; of a key
# that must be given, or is left out by default, it holds an example. Take the # away to write
# another value. `sorterd check` tells every fault, `sorterd check --explain` what is in force and
# why. Gates and bins stand in place of the usual ones as soon as one of them is written. As it is,
# this file runs no station: say at least which camera there is.
"""
_WIDTH = 100


def example() -> str:
    """Return the file's text."""
    blocks = [HEAD, *_blocks(Settings, (), shown=True)]
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks)


def _blocks(model: type[BaseModel], keys: Keys, *, shown: bool) -> Iterator[str]:
    """Give a table's own keys, a block each, and then the tables within it.

    Args:
        model: Declares the keys.
        keys: The table's full name.
        shown: The table's header is no comment, so a key in it may be none either.
    """
    tables = []
    for key, field in model.model_fields.items():
        if _is_table(field):
            tables.append((key, field))
        elif key != "kind":  # said once for all kinds
            yield _entry(model, key, field, (*keys, key), shown=shown)
    for key, field in tables:
        yield from _table(meaning_of(model, key), field, (*keys, key), shown=shown)


def _table(meaning: str, field: FieldInfo, keys: Keys, *, shown: bool) -> Iterator[str]:
    room = part_in(field)
    inner = model_of(field.annotation)
    if get_origin(field.annotation) is dict:
        # Tables that have names of the person's own: one stands for all.
        named = (*keys, next(iter(field.get_default(call_default_factory=True)), "name"))
        inner = get_args(field.annotation)[1]
        yield f"{_comment(meaning, inner.__doc__)}\n#[{key_text(named)}]\n"
        yield from _members(inner, named)
        return
    # An optional table is a comment as a whole: it would be there as soon as its header is.
    shown = shown and field.get_default(call_default_factory=True) is not None
    yield f"{_comment(meaning)}\n{'' if shown else '#'}[{key_text(keys)}]\n"
    if room is not None:
        yield from _part(room.room, keys, shown=shown)
    elif inner is not None and "part" in inner.model_fields:
        yield from _members(inner, keys)
    elif inner is not None:
        yield from _blocks(inner, keys, shown=shown)


def _members(model: type[BaseModel], keys: Keys) -> Iterator[str]:
    """Give the keys of a table that has a part; the part's stand in the same table."""
    for key, field in model.model_fields.items():
        room = part_in(field)
        if room is not None:
            yield from _part(room.room, keys, shown=False)
        else:
            yield _entry(model, key, field, (*keys, key), shown=False)


def _part(room: str, keys: Keys, *, shown: bool) -> Iterator[str]:
    """Give a part's kind, and then the keys of each kind."""
    there = kinds(room)
    name = key_text((*keys, "kind"))
    yield f"{_comment(f'Which device it is: {_one_of(there)}')}\n#kind = {toml_value(USUAL_KIND)}\n"
    for kind in there:
        declared = part_class(room, kind)
        if declared is not None and set(declared.model_fields) > {"kind"}:
            yield f"{_comment(f'With {name} = {toml_value(kind)}:', declared.__doc__)}\n"
            yield from _blocks(declared, keys, shown=shown)


def _entry(model: type[BaseModel], key: str, field: FieldInfo, keys: Keys, *, shown: bool) -> str:
    """Give one key: what it is for, which values it takes, and what it is when left out."""
    told = [meaning_of(model, key), _bounds(field)]
    if field.is_required():
        told.append("Must be given.")
    elif field.get_default(call_default_factory=True) is None and keys not in INSTALLED:
        told.append("Left out by default.")
    line = f"{key_text((key,))} = {toml_value(INSTALLED.get(keys, _sample(field)))}"
    return f"{_comment(*told)}\n{'' if shown and keys in INSTALLED else '#'}{line}\n"


def _comment(*sentences: str | None) -> str:
    words = " ".join(" ".join(each.split()) for each in sentences if each)
    lines = textwrap.wrap(words, _WIDTH - 2, break_on_hyphens=False, break_long_words=False)
    return "\n".join(f"# {line}" for line in lines)


def _is_table(field: FieldInfo) -> bool:
    if part_in(field) is not None or model_of(field.annotation) is not None:
        return True
    return get_origin(field.annotation) is dict and bool(model_of(get_args(field.annotation)[1]))


def _bounds(field: FieldInfo) -> str:
    choices = _choices(field.annotation)
    if choices:
        return _one_of(choices)
    if bool in _types(field.annotation):
        return "true or false."
    numbers = numbers_taken(field)
    return f"{numbers[0].upper()}{numbers[1:]}." if numbers else ""


def _one_of(values: Iterable[object]) -> str:
    *others, last = map(toml_value, values)
    return f"{', '.join(others)} or {last}." if others else f"{last}."


def _choices(annotation: object) -> tuple[object, ...]:
    """Return the values of a Literal, alone or beside None."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    inner = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else ()
    return tuple(value for each in inner for value in _choices(each))


def _types(annotation: object) -> set[object]:
    return {annotation, *get_args(annotation)}


def _sample(field: FieldInfo) -> object:
    """Return the default; of a key that has none, a value of its kind."""
    default: Any = None if field.is_required() else field.get_default(call_default_factory=True)
    if default is not None:
        return to_jsonable_python(default)
    if field.examples:
        return to_jsonable_python(field.examples[0])
    if bool in _types(field.annotation):
        return True
    if choices := _choices(field.annotation):
        return choices[0]
    if numbers_taken(field):
        lowest = (
            each.ge if isinstance(each, Ge) else each.gt
            for each in field.metadata
            if isinstance(each, Ge | Gt)
        )
        return next(lowest, 0)
    return "/..." if Path in _types(field.annotation) else "..."
