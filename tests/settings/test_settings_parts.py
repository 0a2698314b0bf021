"""Parts by kind: one new file is one new kind, and its keys are checked like all others."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import sorterd.cameras
from sorterd.settings import Settings, SettingsFault, explain, load
from sorterd.settings.errors import meaning_of
from sorterd.settings.parts import kinds, part_class
from sorterd.settings.tree import GATE_KEYS

NEW_KIND = '''
from typing import Literal
from pydantic import BaseModel, Field, model_validator
from sorterd.ports import PartSettings

class Lens(BaseModel):
    model_config = {"extra": "forbid"}
    focal_mm: float = Field(4.0, ge=1, le=100)
    """Focal length."""

class Settings(PartSettings):
    """A camera made of paper."""
    kind: Literal["pinhole"] = "pinhole"
    lens: Lens = Lens()
    """Its lens."""
    stops: list[float] = [1.4, 2.0]
    """Its stops."""
    folds: int | None = None
    """How it is folded."""
    @model_validator(mode="after")
    def _folds(self):
        if self.folds == 3:
            raise ValueError("folds cannot be 3: fold it once more")
        return self
'''


@pytest.fixture
def pinhole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add one file to the cameras' room, and nothing else anywhere."""
    (tmp_path / "pinhole.py").write_text(NEW_KIND)
    (tmp_path / "pacing.py").write_text("Settings = 'no part'")
    monkeypatch.setattr(sorterd.cameras, "__path__", [*sorterd.cameras.__path__, str(tmp_path)])
    yield
    for name in ("pinhole", "pacing"):
        sys.modules.pop(f"sorterd.cameras.{name}", None)
        vars(sorterd.cameras).pop(name, None)


@pytest.mark.usefixtures("pinhole")
def test_a_new_file_is_a_new_kind(tmp_path: Path) -> None:
    """It should be listed, accepted and explained, with its own defaults and levels."""
    assert "pinhole" in kinds("cameras")
    assert "pacing" not in kinds("cameras")
    there = load(None, {"camera.kind": "pinhole", "camera.lens.focal_mm": 8})
    assert "camera.lens.focal_mm = 8.0  # flag" in explain(there)
    config = tmp_path / "station.toml"
    config.write_text(explain(there))
    assert load(config, {}) == there


@pytest.mark.usefixtures("pinhole")
@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ("lens = {focal_mm = 0}", "camera.lens.focal_mm", "must be a number from 1 to 100"),
        ("lens = {focal = 5}", "camera.lens.focal", "known keys: focal_mm"),
        ("lens = 5", "camera.lens", "must be a table of keys"),
        ("stops = [1.4, 'x']", "camera.stops[1]", "must be a valid number"),
        ("folds = 3", "camera", "folds cannot be 3: fold it once more"),
        ("rate_hz = 3", "camera.rate_hz", "known keys: kind, lens, stops, folds"),
    ],
)
def test_a_parts_faults_keep_their_full_key(
    read: Callable[[str], Settings], line: str, key: str, words: str
) -> None:
    """It should name the key as the file spells it, at any depth."""
    with pytest.raises(SettingsFault) as raised:
        read(f'[camera]\nkind = "pinhole"\n{line}\n')
    (fault,) = raised.value.faults
    assert fault.key == key
    assert words in fault.bound


def declared(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Return every key below a model, with what its declaration says that it is for."""
    for name, field in model.model_fields.items():
        yield f"{model.__module__}.{model.__name__}.{name}", meaning_of(model, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from declared(field.annotation)


@pytest.mark.parametrize("room", ["cameras", "gates"])
def test_every_kind_is_named_after_its_file(room: str) -> None:
    """It should be able to open what a setting names, and have a simulated kind."""
    assert "simulated" in kinds(room)
    for kind in kinds(room):
        part = part_class(room, kind)
        assert part is not None
        assert part.model_fields["kind"].default == kind


def test_no_gate_takes_a_key_of_the_station() -> None:
    """It should never be unclear to whom a key of a gate's table belongs."""
    for kind in kinds("gates"):
        part = part_class("gates", kind)
        assert part is not None
        assert not GATE_KEYS & part.model_fields.keys()


def test_every_setting_says_what_it_is() -> None:
    """It should describe every key, the parts' keys too."""
    parts = [part_class(room, kind) for room in ("cameras", "gates") for kind in kinds(room)]
    models: list[type[BaseModel]] = [Settings, *filter(None, parts)]
    keys = [each for model in models for each in declared(model)]
    assert len(keys) > 80
    assert not [key for key, meaning in keys if not meaning]
