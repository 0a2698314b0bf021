"""What linters and import contracts cannot see: units on numbers, the README's names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sorterd"
UNITS = (
    "_ns", "_ms", "_s", "_mm", "_mm_s", "_mm2", "_px", "_frac", "_hz", "_deg", "_us", "_deg_s",
    "_mb",
)  # fmt: skip
# Counts, ids and plain numbers that have no unit.
UNITLESS = {
    "piece", "sequence", "batch", "size", "pulse", "sightings", "crops", "lobes", "views",
    "min_views", "max_views", "moving_at_once", "threads", "pin", "run", "whole", "lobed",
    "missing_frames", "pieces", "frames", "seed", "most_files", "most_per_label",
}  # fmt: skip


def fields(path: Path) -> Iterator[tuple[str, str]]:
    """Every annotated int or float field of every class in a file: (class, field)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ClassDef):
            continue
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                kinds = set(re.findall(r"\b(int|float)\b", ast.unparse(line.annotation)))
                if kinds and "tuple" not in ast.unparse(line.annotation):
                    yield node.name, line.target.id


@pytest.mark.parametrize("name", ["core", "settings"])
def test_every_number_carries_its_unit(name: str) -> None:
    """It should name the unit of each length, instant and share in records and settings."""
    bare = [
        f"{path.name}: {owner}.{field}"
        for path in sorted((PACKAGE / name).rglob("*.py"))
        for owner, field in fields(path)
        if not field.endswith((*UNITS, "_mm2", "_levels")) and field.lstrip("_") not in UNITLESS
    ]

    assert bare == []


def test_the_core_opens_nothing() -> None:
    """It should not open files, print or keep module state in the core."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted((PACKAGE / "core").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Name) and node.id in ("open", "print", "input"))
        or isinstance(node, ast.Global)
    ]

    assert found == []


def test_broad_excepts_stand_at_the_top_of_threads_only() -> None:
    """It should catch a bug in two places only: the top of a thread and of the program."""
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]

    assert found == ["cli.py", "daemon.py"]


def test_the_readme_names_what_exists() -> None:
    """It should follow one piece through functions that are there."""
    readme = (ROOT / "README.md").read_text()
    section = readme.split("## Follow one piece")[1].split("## Figures")[0]
    table = section.split("`Sorter.step`")[0]
    named = re.findall(r"`([A-Z]\w+\.\w+|[a-z_]+)`", table)
    code = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))

    assert len(named) >= 10
    for name in named:
        owner, _, function = name.rpartition(".")
        assert f"def {function}(" in code, name
        assert not owner or f"class {owner}" in code, name


def test_every_folder_has_a_readme() -> None:
    """It should say in each room what lives there."""
    rooms = [ROOT / name for name in ("sorterd", "models", "tests", "tools", "systemd")]
    rooms += [path.parent for path in PACKAGE.glob("*/__init__.py")]

    assert [str(room) for room in rooms if not (room / "README.md").is_file()] == []
