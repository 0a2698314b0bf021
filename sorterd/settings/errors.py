"""pydantic's errors, told as faults: which key, what it must be, what to do, where it was written.

pydantic finds every error and says where; what it cannot know is how these settings are
written in a file, that a gate's table holds two sets of keys, and which known key was meant.
"""

import ast
import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from textwrap import dedent
from types import UnionType
from typing import Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sorterd.ports import PartSettings
from sorterd.settings.faults import Fault, key_text, nearest, value_text
from sorterd.settings.layers import Merged
from sorterd.settings.parts import PartIn, part_in

# Below this, a key of the same table is a less likely slip than the same word in another table.
_LIKE_FRAC = 0.6

_RULES = {
    "missing": "must be given",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have {max_length} or fewer characters",
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have {max_length} or fewer entries",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a table of keys",
    "model_type": "must be a table of keys",
    "string_type": "must be a text",
    "path_type": "must be a path",
    "literal_error": "must be {expected}",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an error lies: the key as written, its declaration, and the keys beside it."""

    keys: tuple[str | int, ...]
    field: FieldInfo | None
    meaning: str
    """What the key is for, in the words of its declaration; empty if it is not declared."""
    known: Mapping[str, FieldInfo]
    part: PartIn | None
    """The room whose part has its keys here, if any."""


def faults_of(error: ValidationError, tree: type[BaseModel], merged: Merged) -> list[Fault]:
    """Return one fault for each error that pydantic found.

    Args:
        error: From validating `merged.tree()` against `tree`.
        tree: The root of the settings.
        merged: The values, with where they came from.
    """
    raw = merged.tree()
    return [_fault(each, tree, raw, merged) for each in error.errors(include_url=False)]


def _fault(details: ErrorDetails, tree: type[BaseModel], raw: object, merged: Merged) -> Fault:
    place = _place(tree, details["loc"], raw)
    kind = details["type"]
    if kind == "extra_forbidden":
        bound = "must be one of the known keys: " + ", ".join(place.known)
        remedy = f"write {_meant(place, tree)}, or take it out"
    else:
        bound = _bound(details, place.field)
        remedy = _remedy(place, given=kind != "missing")
    source = merged.source_near(tuple(key for key in place.keys if isinstance(key, str)))
    value = None if kind == "missing" else details["input"]
    return Fault(key_text(place.keys), value, bound, remedy, source)


def _place(tree: type[BaseModel], loc: Sequence[str | int], raw: object) -> _Place:
    """Follow pydantic's location down the declared tree, beside the values that were given."""
    keys: list[str | int] = []
    field: FieldInfo | None = None
    meaning = ""
    known: dict[str, FieldInfo] = {}
    part: PartIn | None = None
    here: Any = tree
    for before, step in zip((None, *loc), loc, strict=False):
        if step == "[key]":
            break  # pydantic's mark for a name that is wrong itself
        if (model := model_of(here)) is not None:
            if step == "part" and step in model.model_fields and step != before:
                continue  # a gate's part has its keys in the gate's own table
            known = _known(model, raw)
            field = known.get(str(step))
            meaning = meaning_of(_owner(model, raw, str(step)), str(step)) if field else ""
            raw = _under(raw, step)
            here = field and field.annotation
            if field and (part := part_in(field)):
                here = part.declared(raw) or PartSettings
            elif "part" in model.model_fields:
                part = part_in(model.model_fields["part"])
        elif get_origin(here) is dict:
            raw = _under(raw, step)
            here = get_args(here)[1]
        elif not isinstance(step, int):
            break  # the name of a union's member is no level of the file
        keys.append(step)
    return _Place(tuple(keys), field, meaning, known, part)


def _known(model: type[BaseModel], raw: object) -> dict[str, FieldInfo]:
    """Return the keys that a table may hold; a gate's are its own and its part's."""
    fields = dict(model.model_fields)
    part = part_in(fields["part"]) if "part" in fields else None
    if part is None:
        return fields
    declared = part.declared(raw)
    del fields["part"]
    return fields | (declared.model_fields if declared else {})


def _owner(model: type[BaseModel], raw: object, key: str) -> type[BaseModel]:
    """Return the class that declares a key of a table: the table's own, or its part's."""
    part = None if key in model.model_fields else part_in(model.model_fields["part"])
    return (part and part.declared(raw)) or model


def meaning_of(model: type[BaseModel], key: str) -> str:
    """Return what a key is for: the docstring below its declaration; empty if it has none."""
    docstrings = (_docstrings(each) for each in model.__mro__ if issubclass(each, BaseModel))
    return next((each[key] for each in docstrings if key in each), "")


@cache
def _docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """Read the docstrings of a model's own keys from its source.

    pydantic can do it (`use_attribute_docstrings`), but does it for every class when that is made:
    27 ms of each start, for words that are wanted when something is wrong.
    """
    try:
        (tree,) = ast.parse(dedent(inspect.getsource(model))).body
    except OSError:  # installed without its source
        return {}
    lines = itertools.pairwise(tree.body if isinstance(tree, ast.ClassDef) else ())
    return {
        key.target.id: words.value.value
        for key, words in lines
        if isinstance(key, ast.AnnAssign)
        and isinstance(key.target, ast.Name)
        and isinstance(words, ast.Expr)
        and isinstance(words.value, ast.Constant)
        and isinstance(words.value.value, str)
    }


def model_of(annotation: object) -> type[BaseModel] | None:
    """Return the model that an annotation, or its other half beside None, names."""
    if get_origin(annotation) in {Union, UnionType}:
        return next(filter(None, map(model_of, get_args(annotation))), None)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _under(raw: object, step: str | int) -> object:
    return raw.get(step) if isinstance(raw, Mapping) else None


def _meant(place: _Place, tree: type[BaseModel]) -> str:
    """Name the known key that an unknown one was most likely meant to be."""
    *table, word = place.keys
    if place.part and (owners := place.part.owners(str(word))):
        kinds = " or ".join(f'"{each}"' for each in owners)
        return f"{key_text((*table, 'kind'))} = {kinds} beside it"
    if like := nearest(str(word), place.known, likeness_frac=_LIKE_FRAC):
        return key_text((*table, like))
    for keys in _names(tree):
        if keys[-1] == word:
            return key_text(keys)
    return key_text((*table, nearest(str(word), place.known) or "kind"))


def _names(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (name,)
        if inner := model_of(field.annotation):
            yield from ((name, *rest) for rest in _names(inner))


def _bound(details: ErrorDetails, field: FieldInfo | None) -> str:
    """Say what the value must be, whole: both ends of a range, not only the one that was broken."""
    kind = details["type"]
    context = details.get("ctx", {})
    number = numbers_taken(field) if field and not isinstance(details["loc"][-1], int) else None
    if number and kind != "missing":
        return f"must be {number}"
    if kind in _RULES:
        return _RULES[kind].format(**context)
    if kind == "value_error":
        return str(context["error"])
    message = details["msg"]
    if message.startswith("must"):
        return message
    return "must be " + message.removeprefix("Input should be ")


def numbers_taken(field: FieldInfo) -> str | None:
    """Say which numbers a field takes; None if it takes none."""
    types = {field.annotation, *get_args(field.annotation)}
    noun = "a whole number" if int in types else "a number" if float in types else None
    if noun is None:
        return None
    ends = []
    for rule in field.metadata:
        match rule:
            case Ge(ge=low):
                ends.append(f"from {low}")
            case Gt(gt=low):
                ends.append(f"above {low}")
            case Le(le=high):
                ends.append(f"to {high}")
            case Lt(lt=high):
                ends.append(f"below {high}")
    return " ".join([noun, *ends])


def _remedy(place: _Place, *, given: bool) -> str:
    """Say what to do, with what the setting is for and what it is when left out."""
    field = place.field
    if field is None:
        return "correct it"
    about = place.meaning.partition("\n")[0].rstrip(".")
    meaning = f" ({about})" if about else ""
    if not given:
        return f"add it{meaning}"
    if isinstance(field.default, str | int | float | tuple):
        return f"correct it, or leave it out for {value_text(field.default)}{meaning}"
    return f"correct it{meaning}"
