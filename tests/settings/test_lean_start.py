"""What a start pays for: only what this station needs is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = """
import os, sys
from sorterd.__main__ import main
sys.argv = ["sorterd", "check", "--set", "model.bundle=" + sys.argv[1]]
code = main()
print(*sys.modules)
print(os.environ["OPENBLAS_NUM_THREADS"], os.environ["PYDANTIC_DISABLE_PLUGINS"])
sys.exit(code)
"""
TINY = Path(__file__).parents[1] / "classifiers" / "tiny" / "int8"
BINS = {
    "SORTERD_BINS__PAPER__LABELS": '["red"]',
    "SORTERD_BINS__GLASS__LABELS": '["green"]',
    "SORTERD_BINS__PACKAGING__LABELS": "[]",
    "SORTERD_BINS__COMPOST__LABELS": "[]",
    "SORTERD_BINS__LANDFILL__LABELS": '["blue"]',
}


def started(bundle: str, **variables: str) -> tuple[set[str], str]:
    """Check the usual station in a process of its own: what it imported, and what it set."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"OPENBLAS_NUM_THREADS", "PYDANTIC_DISABLE_PLUGINS"}
    }
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", CHECK, bundle],
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *_, modules, told = done.stdout.splitlines()
    return set(modules.split()), told


@pytest.mark.parametrize(
    "module", ["asyncio", "pydantic_settings", "PIL", "sorterd.dry_run", "sorterd.sinks.film"]
)
def test_nothing_is_imported_that_nobody_asked_for(
    module: str, usual: tuple[set[str], str]
) -> None:
    """It should leave out the simulation's pictures, and what only reads the environment."""
    imported, _ = usual
    assert "sorterd.wiring.models" in imported
    assert module not in imported


@pytest.fixture(scope="module")
def usual() -> tuple[set[str], str]:
    """Start the usual station once."""
    return started("waste")


def test_variables_of_ours_are_read_by_pydantic_settings() -> None:
    """It should import what reads them where there is one."""
    imported, _ = started(str(TINY), **BINS)
    assert "pydantic_settings" in imported


def test_the_environment_spares_what_costs_a_start(usual: tuple[set[str], str]) -> None:
    """It should be set before anything is imported, and leave a person's own choice alone."""
    assert usual[1] == "1 __all__"
    assert started("waste", OPENBLAS_NUM_THREADS="2")[1] == "2 __all__"
