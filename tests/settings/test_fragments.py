"""Fragments beside the settings file: what was calibrated, laid over what a person wrote."""

from pathlib import Path

import pytest

from sorterd.settings import explain, load, load_gates
from sorterd.settings.faults import SettingsFault


def station(tmp_path: Path, **fragments: str) -> Path:
    """Write a settings file with fragments beside it; return its path."""
    config = tmp_path / "station.toml"
    config.write_text("[view]\nmm_per_px = 0.7\n\n[gates.glass]\nat_mm = 500\nmove_ms = 90\n")
    folder = tmp_path / "station.d"
    folder.mkdir()
    for name, text in fragments.items():
        (folder / f"{name}.toml").write_text(text)
    return config


def test_a_fragment_is_laid_over_the_file(tmp_path: Path) -> None:
    """It should change single values, keep the file's others, and say where each came from."""
    config = station(tmp_path, belt="# measured\n[view]\nmm_per_px = 0.5\n")

    settings = load(config, {})

    assert settings.view.mm_per_px == 0.5
    assert (settings.gates["glass"].at_mm, settings.gates["glass"].move_ms) == (500, 90)
    assert list(settings.gates) == ["glass"]
    assert f"view.mm_per_px = 0.5  # {tmp_path}/station.d/belt.toml:3" in explain(settings)


def test_fragments_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """It should let the later name win, and the environment and flags over all of them."""
    config = station(tmp_path, b="[belt]\nspeed_mm_s = 120\n", a="[belt]\nspeed_mm_s = 110\n")

    assert load(config, {}).belt.speed_mm_s == 120
    assert load(config, {"belt.speed_mm_s": 130}).belt.speed_mm_s == 130


def test_gates_of_a_fragment_stand_in_place_of_the_usual_ones(tmp_path: Path) -> None:
    """It should treat a gate that only a fragment names like one in the file."""
    config = tmp_path / "station.toml"
    config.write_text("name = 'north'\n")
    (tmp_path / "station.d").mkdir()
    (tmp_path / "station.d" / "gate-glass.toml").write_text("[gates.glass]\nat_mm = 512.5\n")

    assert list(load(config, {}).gates) == ["glass"]


def test_what_is_no_fragment_is_left_alone(tmp_path: Path) -> None:
    """It should read no picture, no hidden file and no other station's folder."""
    config = station(tmp_path)
    (tmp_path / "station.d" / "belt-fit.png").write_bytes(b"\x89PNG")
    (tmp_path / "station.d" / ".belt.toml.new").write_text("half = ")
    (tmp_path / "station.d" / ".belt.toml").write_text("half = ")
    (tmp_path / "other.d").mkdir()
    (tmp_path / "other.d" / "belt.toml").write_text("[view]\nmm_per_px = 0.1\n")

    assert load(config, {}).view.mm_per_px == 0.7


def test_a_faulty_fragment_is_named_with_its_line(tmp_path: Path) -> None:
    """It should tell faults of file and fragments together, each with its place."""
    config = station(tmp_path, a="[view]\nmm_per_px = 99\n", b="[belt\n")

    with pytest.raises(SettingsFault) as raised:
        load(config, {})

    sources = [fault.source for fault in raised.value.faults]
    assert f"{tmp_path}/station.d/a.toml:2" in sources
    assert any(source.startswith(f"{tmp_path}/station.d/b.toml:1") for source in sources)


def test_a_file_in_the_folders_place_is_no_folder(tmp_path: Path) -> None:
    """It should not mind a file that happens to have the folder's name."""
    config = tmp_path / "station.toml"
    config.write_text("")
    (tmp_path / "station.d").write_text("")

    assert load(config, {}).view.mm_per_px == 0.5


def test_gates_are_made_safe_by_their_fragments(tmp_path: Path) -> None:
    """It should read the gates alone with what was calibrated, and despite a broken fragment."""
    config = station(tmp_path, a="[gates.glass]\nat_mm = 512\n", b="[belt\n")

    assert load_gates(config, {}).gates["glass"].at_mm == 512

    with pytest.raises(SettingsFault):
        load_gates(tmp_path / "none.toml", {})
