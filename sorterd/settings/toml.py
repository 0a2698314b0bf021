"""The settings in force, written so that a person can read them and a file can hold them.

Every line is TOML with the value's source as its comment, and reading the lines back gives
the same settings. A value that nobody gave and that has no default is a comment of its own.
"""

import json
from collections.abc import Mapping

from pydantic import BaseModel

from sorterd.settings.faults import key_text
from sorterd.settings.layers import Keys, leaves


def toml_lines(tree: BaseModel, sources: Mapping[Keys, str]) -> str:
    """Return one line for each setting: `key = value  # source`.

    Args:
        tree: The settings.
        sources: Where each value came from; what is not in it is a default.
    """
    lines = []
    for keys, value in leaves(tree.model_dump(mode="json")).items():
        source = sources.get(keys, "default")
        name = key_text(keys)
        lines.append(
            f"# {name} is not set  # {source}"
            if value is None
            else f"{name} = {toml_value(value)}  # {source}"
        )
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """Return a value as TOML has it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            # JSON's escapes are TOML's, but JSON lets the delete character stand.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return "[" + ", ".join(map(toml_value, value)) + "]"
        case dict():
            pairs = (f"{key_text([key])} = {toml_value(inner)}" for key, inner in value.items())
            return "{" + ", ".join(pairs) + "}"
        case _:
            return repr(value)
