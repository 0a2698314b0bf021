"""Junk in every source: never a traceback, always faults of one line."""

import os
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sorterd.settings import Settings, explain, load
from sorterd.settings.faults import SettingsFault, key_text

WORDS = [
    "station", "camera", "kind", "rate_hz", "view", "region_of_interest", "left_px", "belt",
    "speed_mm_s", "gates", "glass", "part", "pin", "at_mm", "bins", "labels", "gate", "end_bin",
    "model", "batch_sizes", "journal", "path", "judging", "stage_one_frac", "simulated", "servo",
]  # fmt: skip
KEYS = st.one_of(st.sampled_from(WORDS), st.text(max_size=6))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=6),
    st.sampled_from(WORDS),
)
JUNK = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)
        ),
        max_leaves=12,
    ),
    max_size=5,
)
LENIENT = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
)


def settings_or_faults(config: Path | None, flags: dict[str, object]) -> None:
    """Load, and explain; if that fails, then by faults that a person can read."""
    try:
        explained = explain(load(config, flags))
    except SettingsFault as raised:
        faults = raised.faults
    else:
        assert explained
        return
    assert faults
    for fault in faults:
        assert str(fault).isprintable()
        assert fault.bound
        assert fault.remedy
        assert fault.source


def toml_of(value: object) -> str:
    """Write junk as TOML, dates and all; a text may break it, which is junk too."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml_of, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{key_text([key])} = {toml_of(value[key])}" for key in value)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, str):
        return f'"""{value}"""'
    return str(value).lower()


@LENIENT
@given(flags=JUNK)
def test_junk_in_flags_is_faults(flags: dict[str, object]) -> None:
    """It should find faults or settings, and settings can be explained."""
    settings_or_faults(None, flags)


@LENIENT
@given(tree=JUNK)
def test_junk_in_a_file_is_faults(tree: dict[str, object], tmp_path: Path) -> None:
    """It should do so for whatever TOML can hold, and for what only looks like TOML."""
    config = tmp_path / "station.toml"
    text = "".join(f"{key_text([key])} = {toml_of(value)}\n" for key, value in tree.items())
    config.write_text(text, encoding="utf-8", errors="replace")
    settings_or_faults(config, {})


@LENIENT
@given(content=st.binary(max_size=40))
def test_bytes_for_a_file_are_faults(content: bytes, tmp_path: Path) -> None:
    """It should do so for bytes that never were text."""
    config = tmp_path / "station.toml"
    config.write_bytes(content)
    settings_or_faults(config, {})


@LENIENT
@given(
    variables=st.dictionaries(
        st.lists(st.sampled_from(WORDS), max_size=4).map(
            lambda words: "SORTERD_" + "__".join(words).upper()
        ),
        st.one_of(
            st.sampled_from(["{}", "[", "[1]", "null", '{"a": 1}', "5", "\udc80"]),
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
        ),
        max_size=5,
    )
)
def test_junk_in_the_environment_is_faults(variables: dict[str, str]) -> None:
    """It should do so for names that lead through single values, and for values of any kind."""
    with mock.patch.dict(os.environ, variables):
        settings_or_faults(None, {})


def test_a_key_may_nest_for_ever(tmp_path: Path) -> None:
    """It should survive a key deeper than Python's stack."""
    config = tmp_path / "station.toml"
    config.write_text("belt." + "a." * 3000 + "a = 1\nname = 3\n")
    with pytest.raises(SettingsFault) as raised:
        load(config, {})
    assert [fault.key for fault in raised.value.faults] == ["name", "belt.a"]


def test_a_number_may_be_too_long_to_print(tmp_path: Path) -> None:
    """It should tell of a number that Python itself refuses to write out."""
    config = tmp_path / "station.toml"
    config.write_text(f"lead_ms = 0x{'f' * 5000}\nodd = 0x{'f' * 5000}\n")
    with pytest.raises(SettingsFault) as raised:
        load(config, {})
    assert str(raised.value).count("a whole number of 20000 bits") == 2


def test_junk_is_not_all_junk() -> None:
    """It should still load what is right: the properties above are not empty."""
    assert isinstance(load(None, {"belt": {"speed_mm_s": 100}}), Settings)
