"""Explaining: every line with its source, and the lines read back as the same settings."""

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin
from unittest import mock

import pytest
from annotated_types import Ge, Le
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sorterd.settings import Settings, explain, load
from sorterd.settings.layers import leaves
from sorterd.settings.tree import Bin, Gate, Trigger

NAMES = st.from_regex(r"[a-z0-9]{1,5}([_-][a-z0-9]{1,5}){0,2}", fullmatch=True)
# What a file, the environment and a terminal can all hold.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
LENIENT = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


def valid_values(field: FieldInfo) -> st.SearchStrategy[Any]:
    """Return a strategy for everything that one declared key may hold, but None."""
    kinds = {field.annotation, *get_args(field.annotation)} - {type(None)}
    low = next((rule.ge for rule in field.metadata if isinstance(rule, Ge)), None)
    high = next((rule.le for rule in field.metadata if isinstance(rule, Le)), None)
    if get_origin(field.annotation) is Literal:
        return st.sampled_from(get_args(field.annotation))
    if get_origin(field.annotation) is tuple:
        inner = get_args(get_args(field.annotation)[0])[0]
        return st.lists(st.integers(1, 32) if inner is int else TEXTS, max_size=3)
    if kinds & {int, float}:
        numbers: Any = st.integers if int in kinds else st.floats
        return cast("st.SearchStrategy[Any]", numbers(low, high))
    models = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return next(map(valid_tables, models), TEXTS)


def valid_tables(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for every table that a branch of the tree accepts."""
    special = {"gates", "bins", "camera", "trigger", "part", "end_bin", "gate"}
    declared = {
        key: valid_values(field) for key, field in model.model_fields.items() if key not in special
    }
    required = {key for key, field in model.model_fields.items() if field.is_required()}
    return st.fixed_dictionaries(
        {key: value for key, value in declared.items() if key in required},
        optional={key: value for key, value in declared.items() if key not in required},
    )


TREES = st.builds(
    lambda tree, more: tree | more,
    valid_tables(Settings),
    st.fixed_dictionaries(
        {},
        optional={
            "camera": st.sampled_from(
                [
                    {"kind": "simulated"},
                    {"kind": "replay", "path": "Ø/~", "loop": True, "rate_hz": 0.1},
                    {"kind": "v4l2", "device": "/dev/v4l/by-id/x", "auto_exposure": False},
                ]
            ),
            "end_bin": NAMES,
            "trigger": st.builds(
                lambda trigger, part: trigger | part,
                valid_tables(Trigger),
                st.sampled_from([{}, {"kind": "beam", "pin": 4, "pull": "none"}]),
            ),
            "gates": st.dictionaries(
                NAMES,
                st.builds(
                    lambda gate, part: gate | part,
                    valid_tables(Gate),
                    st.sampled_from([{}, {"kind": "servo", "pin": 4, "open_deg": 30}]),
                ),
                max_size=3,
            ),
            "bins": st.dictionaries(NAMES, valid_tables(Bin), min_size=1, max_size=3),
        },
    ),
)


@LENIENT
@given(tree=TREES)
def test_explained_settings_read_back_as_the_same(tree: dict[str, Any], tmp_path: Path) -> None:
    """It should write what a file can hold, for any settings there can be."""
    there = load(None, tree)
    config = tmp_path / "station.toml"
    config.write_text(explain(there), encoding="utf-8")
    assert load(config, {}) == there


@LENIENT
@given(tree=TREES)
def test_a_dump_makes_the_same_settings(tree: dict[str, Any]) -> None:
    """It should keep a gate's two sets of keys in one table, in and out."""
    there = load(None, tree)
    assert Settings.model_validate(there.model_dump()) == there


def test_any_source_can_give_any_value(tmp_path: Path) -> None:
    """It should read a value the same from a file, the environment and a flag."""
    tree = tomllib.loads(explain(Settings()))
    config = tmp_path / "station.toml"
    for keys, value in leaves(tree).items():
        text = str(value).replace("'", '"') if isinstance(value, list) else str(value)
        variable = "SORTERD_" + "__".join(keys).upper()
        with mock.patch.dict(os.environ, {variable: text}):
            assert load(None, {}) == load(None, {".".join(keys): value}) == Settings(), variable
    config.write_text(explain(Settings()))
    assert load(config, {}) == Settings()


def test_every_line_names_its_source(
    read: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It should tell default, file and line, variable, and flag apart."""
    read(
        '[belt]\n# the slow one\nspeed_mm_s = 90\n\n[ "gates" . left ]\nat_mm = 500\n'
        "[bins]\nrest = {labels = ['trash']}\n"
    )
    config = tmp_path / "station.toml"
    monkeypatch.setenv("sorterd_frames__max_age_ms", "99")
    monkeypatch.setenv("SORTERD_TRAY", '{"open_ms": 900}')
    lines = explain(load(config, {"lead_ms": 7, "end_bin": "rest"})).splitlines()
    for line in (
        f"belt.speed_mm_s = 90.0  # {config}:3",
        'belt.direction = "right"  # default',
        f"gates.left.at_mm = 500.0  # {config}:6",
        'gates.left.kind = "simulated"  # default',
        f'bins.rest.labels = ["trash"]  # {config}:8',
        "frames.max_age_ms = 99  # environment sorterd_frames__max_age_ms",
        "tray.open_ms = 900  # environment SORTERD_TRAY",
        "lead_ms = 7  # flag",
        "# journal.path is not set  # default",
    ):
        assert line in lines


def test_a_value_given_as_its_default_is_not_called_default() -> None:
    """It should say who gave it, not guess from what it is."""
    assert "lead_ms = 40  # flag" in explain(load(None, {"lead_ms": 40}))
