"""The example settings: every key that exists, no other, and values that may be written."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from sorterd.settings import Settings, load
from sorterd.settings.errors import model_of
from sorterd.settings.example import INSTALLED, example
from sorterd.settings.parts import kinds, part_class, part_in

FILE = Path(__file__).parents[2] / "systemd" / "sorterd.toml"
HEADER = re.compile(r"#?\[([\w.]+)\]")
WITH_KIND = re.compile(r'# With ([\w.]+)\.kind = "(\w+)":')
ENTRY = re.compile(r"#?([a-z]\w*) = (.+)")
NAMED_BY_A_PERSON = {"gates": "paper", "bins": "paper"}


class Entry(BaseModel):
    """One key of the file: its table, the kind it belongs to if any, and its value's text."""

    table: str
    kind: str
    key: str
    value: str


def entries() -> Iterator[Entry]:
    """Read the file as a person does: headers, "With kind", keys."""
    table = kind = ""
    for line in FILE.read_text().splitlines():
        if header := HEADER.fullmatch(line):
            table, kind = header[1], kind if header[1].startswith(f"{table}.") and kind else ""
        elif with_kind := WITH_KIND.match(line):
            table, kind = with_kind[1], with_kind[2]
        elif entry := ENTRY.fullmatch(line):
            yield Entry(table=table, kind=kind, key=entry[1], value=entry[2])


def declared(model: type[BaseModel], table: str = "", kind: str = "") -> Iterator[tuple[str, ...]]:
    """Walk the settings tree by hand: (table, kind, key) of every key there is."""
    for key, field in model.model_fields.items():
        inside = f"{table}.{key}".strip(".")
        inner = model_of(field.annotation)
        if (part := part_in(field)) is not None:
            place = table if key == "part" else inside  # a gate's part shares the gate's table
            yield place, "", "kind"
            for each in kinds(part.room):
                own = part_class(part.room, each)
                assert own is not None
                yield from (found for found in declared(own, place, each) if found[2] != "kind")
        elif key in NAMED_BY_A_PERSON:
            named = f"{inside}.{NAMED_BY_A_PERSON[key]}"
            yield from declared(get_args(field.annotation)[1], named)
        elif inner is not None:
            yield from declared(inner, inside, kind)
        else:
            yield table, kind, key


def test_the_file_is_what_the_declarations_say() -> None:
    """It should be made anew with `sorterd check --example > systemd/sorterd.toml`."""
    assert FILE.read_text() == example()


def test_every_key_there_is_stands_in_it_once() -> None:
    """It should name each key of each table and kind, and none that nobody reads."""
    found = [(each.table, each.kind, each.key) for each in entries()]

    assert len(found) == len(set(found))
    assert set(found) == set(declared(Settings))


def test_every_key_is_explained() -> None:
    """It should have words above each key, so no declaration may lack its docstring."""
    lines = FILE.read_text().splitlines()
    bare = [
        lines[place]
        for place in range(1, len(lines))
        if ENTRY.fullmatch(lines[place]) and not lines[place - 1].startswith("# ")
    ]

    assert bare == []


def test_as_it_is_it_changes_nothing_but_where_the_journal_lies() -> None:
    """It should be the defaults, in comments, and the installed station's own folder."""
    written = load(FILE, {})
    usual = load(None, {".".join(keys): value for keys, value in INSTALLED.items()})

    assert written == usual
    assert written.camera.kind == "simulated"


def test_a_line_that_is_taken_out_of_its_comment_can_be_read() -> None:
    """It should hold TOML behind each #, and the default where there is one."""
    for each in entries():
        assert each.key in tomllib.loads(f"{each.key} = {each.value}"), each


@pytest.mark.parametrize("table", ["view", "belt", "regions", "model", "judging", "frames"])
def test_a_table_without_its_comment_signs_is_the_default(table: str, tmp_path: Path) -> None:
    """It should show in each line what is in force without it, unless it says otherwise."""
    kept, inside = [], False
    for block in FILE.read_text().split("\n\n"):
        words = " ".join(block.replace("\n# ", " ").split())
        *_, last = block.splitlines()
        if header := HEADER.fullmatch(last):
            inside = header[1] == table
        elif "Left out by default" in words or "Must be given" in words:
            continue
        if inside:
            kept.append(last.removeprefix("#"))
    config = tmp_path / "sorterd.toml"
    config.write_text("\n".join(kept) + "\n")

    assert len(kept) >= 2
    assert load(config, {}) == load(None, {})
