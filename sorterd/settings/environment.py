"""The environment as a layer of settings: `SORTERD_BELT__SPEED_MM_S=180`.

pydantic-settings reads it, and takes 30 ms of processor time to import beside all else that a
station needs (asyncio is 20 of them): as much as 20 calls of a model. So `load` imports this file
only where a variable of ours is set (`layers.variables`). Nothing here knows which values are
valid.
"""

import os
from typing import cast

from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from sorterd.settings.faults import Fault, nearest
from sorterd.settings.layers import ENV_PREFIX, Keys, Layer, leaves, variables


def read_environment(tree: type[BaseModel]) -> tuple[Layer, list[Fault]]:
    """Read the environment variables that begin with our prefix.

    Args:
        tree: The root of the settings.

    Returns:
        The layer, and a fault for each variable that leads to no setting's table at all.
    """
    source = _EnvironmentSource(tree)
    given = source()
    names: dict[Keys, str] = {}
    faults: list[Fault] = []
    for name in variables():
        keys = tuple(name[len(ENV_PREFIX) :].lower().split("__"))
        if _holds(given, keys):
            names[keys] = name
        else:
            faults.append(_unknown_variable(name, os.environ[name], keys, tree))

    def where_in_environment(keys: Keys) -> str:
        # JSON in one variable gives a whole table; a table may be named by many variables.
        outer = (keys[:n] for n in range(len(keys), 0, -1))
        inner = (each for each in names if each[: len(keys)] == keys)
        found = next((each for each in (*outer, *inner) if each in names), None)
        return f"environment {names[found]}" if found else "environment"

    return Layer(leaves(given), where_in_environment), faults


class _EnvironmentSource(EnvSettingsSource):
    """pydantic-settings' reader, which leaves a value that is not JSON to the tree's own checks."""

    def __init__(self, tree: type[BaseModel]) -> None:
        # The same tree, as pydantic-settings wants to be told of it.
        shape = create_model("Environment", __base__=(tree, BaseSettings))
        # `NAME=` in a unit file or a shell means that nothing is wanted.
        super().__init__(
            cast("type[BaseSettings]", shape),
            env_prefix=ENV_PREFIX,
            env_nested_delimiter="__",
            env_ignore_empty=True,
        )

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: object) -> object:
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value


def _holds(tree: object, keys: Keys) -> bool:
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True


def _unknown_variable(name: str, value: str, keys: Keys, tree: type[BaseModel]) -> Fault:
    top = nearest(keys[0], tree.model_fields) or ""
    rest = () if top == keys[0] else keys[1:]
    meant = ENV_PREFIX + "__".join((top, *rest)).upper()
    remedy = f"write {meant}, or take it out"
    return Fault(name, value, "must be named after a setting", remedy, f"environment {name}")
