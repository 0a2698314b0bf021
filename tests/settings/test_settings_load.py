"""Reading the settings: the order of the sources, and what each fault says."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from sorterd.settings import Settings, load
from sorterd.settings.faults import Fault, SettingsFault

Read = Callable[[str], Settings]


def only_fault(raised: pytest.ExceptionInfo[SettingsFault]) -> Fault:
    """Return the one fault that was raised."""
    (fault,) = raised.value.faults
    return fault


def test_defaults_are_the_usual_station() -> None:
    """It should need no file: a belt with four gates, five bins and everything simulated."""
    settings = load(None, {})
    assert settings == Settings()
    assert settings.station == "belt"
    assert settings.camera.kind == "simulated"
    assert {name: gate.at_mm for name, gate in settings.gates.items()} == {
        "paper": 450,
        "glass": 560,
        "packaging": 670,
        "compost": 780,
    }
    assert list(settings.bins) == ["paper", "glass", "packaging", "compost", "landfill"]


def test_flags_win_over_environment_and_environment_over_file(
    read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It should let the later source win, value by value."""
    read("lead_ms = 10\nname = 'file'\nmax_open_ms = 1000")
    monkeypatch.setenv("SORTERD_NAME", "environment")
    monkeypatch.setenv("SORTERD_LEAD_MS", "20")
    settings = load(tmp_path / "station.toml", {"lead_ms": 30, "name": None})
    assert (settings.max_open_ms, settings.name, settings.lead_ms) == (1000, "environment", 30)


def test_environment_nests_by_two_underscores(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should reach any value, also a list and one gate's."""
    monkeypatch.setenv("SORTERD_BELT__SPEED_MM_S", "180")
    monkeypatch.setenv("SORTERD_MODEL__BATCH_SIZES", "[1, 8]")
    monkeypatch.setenv("SORTERD_GATES__GLASS__AT_MM", "600")
    monkeypatch.setenv("SORTERD_FRAMES", '{"max_age_ms": 99}')
    monkeypatch.setenv("SORTERD_JOURNAL__PATH", "")
    settings = load(None, {})
    assert settings.belt.speed_mm_s == 180
    assert settings.model.batch_sizes == (1, 8)
    assert settings.gates["glass"].at_mm == 600
    assert settings.gates["paper"].at_mm == 450
    assert settings.frames.max_age_ms == 99
    assert settings.journal.path is None


def test_gates_of_a_file_replace_the_usual_ones(read: Read) -> None:
    """It should not mix a person's gates with four that are not there."""
    assert list(read("[gates.left]\nat_mm = 500\n").gates) == ["left"]
    assert read("gates = {}").gates == {}


def test_another_kind_begins_the_part_afresh(read: Read, tmp_path: Path) -> None:
    """It should not hand a servo's pin to the simulated gate that takes its place."""
    read("[gates.left]\nkind = 'servo'\npin = 17\nat_mm = 500\nmove_ms = 90\n")
    settings = load(tmp_path / "station.toml", {"gates.left.kind": "simulated"})
    gate = settings.gates["left"]
    assert (gate.part.kind, gate.at_mm, gate.move_ms) == ("simulated", 500, 90)


def test_settings_cannot_be_changed() -> None:
    """It should be frozen at every level."""
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.lead_ms = 3  # type: ignore[misc]  # what the test is about
    with pytest.raises(ValidationError):
        settings.belt.speed_mm_s = 3  # type: ignore[misc]  # what the test is about


def test_every_fault_is_told_at_once(read: Read) -> None:
    """It should gather faults of all levels, each with its own line of the file."""
    text = "[belt]\nspeed_mm_s = 9000\n\n[gates.left]\nmov_ms = 3\n[frames]\nmax_age_ms = 'old'\n"
    with pytest.raises(SettingsFault) as raised:
        read(text)
    found = {fault.key: fault.source.rpartition(":")[2] for fault in raised.value.faults}
    assert found == {"belt.speed_mm_s": "2", "gates.left.mov_ms": "5", "frames.max_age_ms": "7"}
    assert len(str(raised.value).splitlines()) == 3


def test_a_fault_tells_key_value_bound_remedy_and_source(read: Read, tmp_path: Path) -> None:
    """It should say all five in one line, both ends of the range among them."""
    with pytest.raises(SettingsFault) as raised:
        read("model.threads = 9")
    assert str(raised.value) == (
        "model.threads = 9: must be a whole number from 1 to 8; correct it, or leave it out for 1 "
        "(Threads of the runtime; leave at least one core free) "
        f"[{tmp_path / 'station.toml'}:1]"
    )


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("[belt]\nsped_mm_s = 1", "belt.sped_mm_s", "write belt.speed_mm_s"),
        ("speed_mm_s = 1", "speed_mm_s", "write belt.speed_mm_s"),
        ("[gate.x]\nat_mm = 5", "gate", "write gates"),
        ("[gates.x]\nat = 5", "gates.x.at", "write gates.x.at_mm"),
        ("[gates.x]\npin = 5", "gates.x.pin", 'write gates.x.kind = "relay" or "servo" beside it'),
        ("[gates.x]\npart = 5", "gates.x.part", "take it out"),
        ("camera = {kind='replay', path='x', rat_hz=5}", "camera.rat_hz", "write camera.rate_hz"),
        ("[bins.x]\nlabel = []", "bins.x.label", "write bins.x.labels"),
        (
            "[view.region_of_interest]\nleft = 1\nleft_px=1\ntop_px=1\nwidth_px=1\nheight_px=1",
            "view.region_of_interest.left",
            "write view.region_of_interest.left_px",
        ),
    ],
)
def test_an_unknown_key_names_the_one_that_was_meant(
    read: Read, text: str, key: str, meant: str
) -> None:
    """It should be an error at every level, and say the nearest key."""
    with pytest.raises(SettingsFault) as raised:
        read(text)
    fault = only_fault(raised)
    assert fault.key == key
    assert fault.bound.startswith("must be one of the known keys: ")
    assert meant in fault.remedy


@pytest.mark.parametrize(
    ("text", "key", "bound"),
    [
        ("station = 'bolt'", "station", "must be 'belt' or 'lids'"),
        ("belt = 3", "belt", "must be a table of keys"),
        ("camera = 3", "camera", "must be a table of keys, one of them kind"),
        ("gates = []", "gates", "must be a table of keys"),
        ("gates.x = 3", "gates.x", "must be a table of keys"),
        ("gates.x.at_mm = -1", "gates.x.at_mm", "must be a number from 0 to 100000"),
        ("gates.'My gate' = {}", 'gates."My gate"', "must be a name of small letters"),
        ("gates.a__b = {}", "gates.a__b", "must be a name of small letters"),
        ("gates.x = {kind = 'servo', pin = 1, shut_deg = 45}", "gates.x", "shut_deg and open_deg"),
        ("gates.x = {kind = 'servo'}", "gates.x.pin", "must be given"),
        ("judging.stage_one_frac = nan", "judging.stage_one_frac", "must be a number from 0 to 1"),
        ("belt.speed_mm_s = inf", "belt.speed_mm_s", "must be a number from 5 to 3000"),
        ("model.batch_sizes = [1, 0]", "model.batch_sizes[1]", "must be greater than or equal"),
        ("model.batch_sizes = 1", "model.batch_sizes", "must be a list"),
        ("bins = {}", "bins", "must have 1 or more entries"),
        ("name = ''", "name", "must have 1 or more characters"),
        ("journal.path = 3", "journal.path", "must be a path"),
        ("name = 1979-05-27", "name", "must be a text"),
    ],
)
def test_an_impossible_value_names_its_bound(read: Read, text: str, key: str, bound: str) -> None:
    """It should say the key as a file spells it, and what it must be."""
    with pytest.raises(SettingsFault) as raised:
        read(text)
    fault = only_fault(raised)
    assert fault.key == key
    assert fault.bound.startswith(bound)
    assert fault.source.endswith("station.toml:1")


@pytest.mark.parametrize("room", ["camera", "gates.x"])
def test_an_unknown_kind_lists_those_that_exist(read: Read, room: str) -> None:
    """It should name the files in the folder, and never import what is not there."""
    with pytest.raises(SettingsFault) as raised:
        read(f"{room}.kind = 'simulatd'")
    fault = only_fault(raised)
    assert fault.key == f"{room}.kind"
    assert "simulated is nearest" in fault.bound


@pytest.mark.parametrize("kind", ["'os'", "'__init__'", "'../clock'", "3", "[]", "''"])
def test_a_kind_is_a_file_in_its_folder_and_nothing_else(read: Read, kind: str) -> None:
    """It should refuse a kind that no file in the folder declares."""
    with pytest.raises(SettingsFault) as raised:
        read(f"camera.kind = {kind}")
    assert only_fault(raised).key == "camera.kind"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SORTERD_BELTT__SPEED_MM_S", "SORTERD_BELT__SPEED_MM_S"),
        ("SORTERD_STATION__X", "SORTERD_STATION"),
        ("SORTERD_LEED_MS", "SORTERD_LEAD_MS"),
        ("SORTERD_", ""),
    ],
)
def test_a_variable_that_leads_nowhere_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    """It should say so of every variable with our prefix, instead of passing it over."""
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsFault) as raised:
        load(None, {})
    fault = only_fault(raised)
    assert fault.key == name
    assert meant in fault.remedy
    assert fault.source == f"environment {name}"


def test_a_bad_value_names_its_variable_or_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should tell where to go and change it."""
    monkeypatch.setenv("SORTERD_BELT__SPEED_MM_S", "fast")
    monkeypatch.setenv("SORTERD_MODEL__BATCH_SIZES", "1,2")
    with pytest.raises(SettingsFault) as raised:
        load(None, {"camera": {"kind": "replay", "path": "x", "rate_hz": "x"}})
    assert {fault.key: fault.source for fault in raised.value.faults} == {
        "belt.speed_mm_s": "environment SORTERD_BELT__SPEED_MM_S",
        "model.batch_sizes": "environment SORTERD_MODEL__BATCH_SIZES",
        "camera.rate_hz": "flag",
    }


def test_broken_toml_names_line_and_column(read: Read) -> None:
    """It should point at the character, and still check the other sources."""
    with pytest.raises(SettingsFault) as raised:
        read("[belt]\nspeed_mm_s 200\n")
    fault = only_fault(raised)
    assert fault.source.endswith("station.toml:2:12")
    assert "Expected '='" in fault.bound


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"name = 'x", ":1"),
        (b"a = 1\nb = \xff\n", ":2"),
        (b"a = " + b"[" * 5000, ""),
        (b"a = " + b"9" * 5000, ""),
    ],
)
def test_a_file_that_is_no_toml_is_one_fault(tmp_path: Path, content: bytes, place: str) -> None:
    """It should be one line, whatever the file holds."""
    config = tmp_path / "station.toml"
    config.write_bytes(content)
    with pytest.raises(SettingsFault) as raised:
        load(config, {})
    assert only_fault(raised).source.startswith(f"{config}{place}")
    assert "\n" not in str(raised.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """It should read what Windows editors write."""
    config = tmp_path / "station.toml"
    config.write_bytes(b"\xef\xbb\xbflead_ms = 41\r\n")
    assert load(config, {}).lead_ms == 41


def test_a_missing_file_and_a_folder_are_faults(tmp_path: Path) -> None:
    """It should say what the path is, with the system's own words."""
    for config, wrong in (
        (tmp_path / "none.toml", "no such file"),
        (tmp_path, "is a directory"),
        (Path("a\0b"), "null"),
    ):
        with pytest.raises(SettingsFault) as raised:
            load(config, {})
        assert only_fault(raised).key == "config"
        assert wrong in only_fault(raised).bound


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_a_fault(tmp_path: Path) -> None:
    """It should say that it may not be read."""
    config = tmp_path / "station.toml"
    config.write_text("")
    config.chmod(0)
    with pytest.raises(SettingsFault, match="permission denied"):
        load(config, {})


def test_a_flag_and_a_flag_inside_it_are_a_fault_not_a_bug() -> None:
    """It should let the later of `--set belt=3` and `--set belt.speed_mm_s=100` stand."""
    assert load(None, {"belt": 3, "belt.speed_mm_s": 100}).belt.speed_mm_s == 100
    with pytest.raises(SettingsFault, match="belt"):
        load(None, {"belt.speed_mm_s": 100, "belt": 3})
