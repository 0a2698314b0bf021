"""The one tree of settings: its root, and how it is read from its sources.

Values come from a TOML file, then the fragments beside it (`sorterd.d/*.toml`, by name), then the
environment (`SORTERD_BELT__SPEED_MM_S=180`), then flags; the later wins. Unknown keys and
impossible values are faults, all told at once. What one setting means for another is in
`check.py`. Nothing here opens a device or converts a unit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, SerializeAsAny, ValidationError

from sorterd.ports import PartSettings
from sorterd.settings.errors import faults_of
from sorterd.settings.faults import Fault, SettingsFault, key_text
from sorterd.settings.layers import (
    Keys,
    Layer,
    Merged,
    fragments,
    leaves,
    read_file,
    read_flags,
    variables,
)
from sorterd.settings.parts import USUAL_KIND, PartIn
from sorterd.settings.toml import toml_lines
from sorterd.settings.tree import (
    GATE_KEYS,
    TRIGGER_KEYS,
    Belt,
    Bin,
    Branch,
    Frames,
    Gate,
    Journal,
    Judging,
    Model,
    Name,
    Regions,
    Review,
    Tray,
    Trigger,
    View,
)

_USUAL_GATES: dict[str, dict[str, object]] = {
    "paper": {"at_mm": 450.0},
    "glass": {"at_mm": 560.0},
    "packaging": {"at_mm": 670.0},
    "compost": {"at_mm": 780.0},
}

_USUAL_BINS: dict[str, dict[str, object]] = {
    "paper": {"gate": "paper", "labels": ("cardboard", "paper")},
    "glass": {"gate": "glass", "labels": ("glass",)},
    "packaging": {"gate": "packaging", "labels": ("metal", "plastic")},
    "compost": {"gate": "compost", "labels": ("organic",)},
    "landfill": {"labels": ("trash",)},
}

_USUAL = {"gates": _USUAL_GATES, "bins": _USUAL_BINS}


_MOVING_AT_ONCE: Any = Field(2, ge=1, le=16)


class Settings(Branch):
    """The root of the tree."""

    station: Literal["belt", "lids"] = "belt"
    """Whether pieces ride past on a belt or are put before the camera one at a time."""
    name: str = Field("sorterd", min_length=1, max_length=80)
    """What the station is called in its journal and on its page."""
    camera: Annotated[SerializeAsAny[PartSettings], BeforeValidator(PartIn("cameras"))] = Field(
        default_factory=lambda: PartIn("cameras")({})
    )
    """The camera: its kind, and the keys of that kind."""
    view: View = View()
    """What the camera sees."""
    regions: Regions = Regions()
    """How pieces are found."""
    belt: Belt = Belt()
    """The belt."""
    tray: Tray = Tray()
    """The tray before the camera."""
    gates: dict[Name, Gate] = Field(
        default_factory=lambda: {
            name: Gate.model_validate(given) for name, given in _USUAL_GATES.items()
        },
        max_length=16,
    )
    """The gates by name."""
    trigger: Trigger | None = None
    """What tells when a piece passes; left out: the camera alone does."""
    moving_at_once: int = _MOVING_AT_ONCE
    """How many gates may move at the same time; each servo asks the supply for about an ampere."""
    gate_tolerance_ms: int = Field(15, ge=1, le=1000)
    """A pulse that comes later than this is not moved."""
    lead_ms: int = Field(40, ge=1, le=1000)
    """The shortest notice at which a gate is moved."""
    max_open_ms: int = Field(4000, ge=10, le=60_000)
    """No gate stands open for longer."""
    bins: dict[Name, Bin] = Field(
        default_factory=lambda: {
            name: Bin.model_validate(given) for name, given in _USUAL_BINS.items()
        },
        min_length=1,
        max_length=32,
    )
    """The bins by name."""
    end_bin: Name = "landfill"
    """The bin in which a piece lands if nothing moves."""
    model: Model = Model()
    """The model."""
    judging: Judging = Judging()
    """How scores become a verdict."""
    frames: Frames = Frames()
    """Which frames are used."""
    journal: Journal = Journal()
    """Where outcomes are written down."""
    review: Review = Review()
    """Which crops are kept for a person."""

    _sources: dict[Keys, str] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: object, /) -> None:
        """Keep where the values came from: `load` hands it over as validation context."""
        if isinstance(context, Merged):
            self._sources.update(context.sources())

    def __eq__(self, other: object) -> bool:
        # Where a value came from is no part of what it is.
        return isinstance(other, Settings) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((self.station, self.name))

    @property
    def sources(self) -> Mapping[Keys, str]:
        """Where each value came from, by its full key; what is missing here is a default."""
        return self._sources

    def source_of(self, keys: Keys) -> str:
        """Return where a value, or the first value of a table, came from."""
        within = (self._sources[each] for each in self._sources if each[: len(keys)] == keys)
        return next(within, "default")

    def fault(self, keys: Keys, value: object, bound: str, remedy: str) -> Fault:
        """Return a fault of one value, or of one that is missing where `value` is None."""
        source = self.source_of(keys if value is not None else keys[:-1])
        return Fault(key_text(keys), value, bound, remedy, source)


def load(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """Read the settings from every source.

    The gates and bins of a file stand in place of the usual ones; the environment and flags
    change single values of whichever are there. A source that names another kind for a camera
    or a gate begins that part's own keys afresh.

    Args:
        config: The TOML file, which the fragments in the folder beside it are laid over; None for
            none.
        flags: Values from the command line, nested or with dotted keys; None means not given.

    Raises:
        SettingsFault: Anything is wrong; it holds every fault there is.
    """
    faults: list[Fault] = []
    written = _read_files(config, faults) if config is not None else []
    merged, unknown = _merged(written, flags)
    faults.extend(unknown)
    try:
        settings = Settings.model_validate(merged.tree(), context=merged)
    except ValidationError as error:
        faults.extend(faults_of(error, Settings, merged))
        raise SettingsFault(faults) from None
    if faults:
        raise SettingsFault(faults)
    return settings


@dataclass(frozen=True, slots=True)
class ReadGates:
    """What could be read of the gates.

    Attributes:
        gates: Those whose own keys are sound, by name.
        faults: What is wrong with the others, by name.
        moving_at_once: As written; 1, the most careful, where that cannot be read.
    """

    gates: Mapping[str, Gate]
    faults: Mapping[str, tuple[Fault, ...]]
    moving_at_once: int


def load_gates(config: Path | None, flags: Mapping[str, object]) -> ReadGates:
    """Read the gates alone, each by itself: whatever else is wrong with the settings.

    A fragment that cannot be read is passed over.

    Args:
        config: As for `load`.
        flags: As for `load`.

    Raises:
        SettingsFault: The file, or its table of gates, cannot be read at all.
    """
    unreadable: list[Fault] = []
    written = _read_files(config, unreadable) if config is not None else []
    if config is not None and not written:
        raise SettingsFault(unreadable)
    merged, _ = _merged(written, flags)
    tree = merged.tree()
    gates: dict[str, Gate] = {}
    faults: dict[str, tuple[Fault, ...]] = {}
    tables = tree.pop("gates")
    if not isinstance(tables, dict):
        bound = "must be a table of gates"
        source = merged.source_near(("gates",))
        raise SettingsFault([Fault("gates", tables, bound, "write [gates.NAME] for each", source)])
    for name, table in tables.items():
        try:
            gates |= _Gates.model_validate({"gates": {name: table}}).gates
        except ValidationError as error:
            faults[name] = tuple(faults_of(error, Settings, merged))
    try:
        given = {key: tree[key] for key in _Gates.model_fields if key in tree}
        moving_at_once = _Gates.model_validate(given).moving_at_once
    except ValidationError:
        moving_at_once = 1
    return ReadGates(gates, faults, moving_at_once)


class _Gates(Branch):
    """As much of the tree as concerns the gates."""

    gates: dict[Name, Gate] = Field(default_factory=dict)
    moving_at_once: int = _MOVING_AT_ONCE


def _merged(written: Sequence[Layer], flags: Mapping[str, object]) -> tuple[Merged, list[Fault]]:
    """Lay all sources over each other, and tell which variables lead nowhere."""
    faults: list[Fault] = []
    there = {keys[0] for layer in written for keys in layer.leaves}
    usual = {name: table for name, table in _USUAL.items() if name not in there}
    merged = Merged(_part_of, USUAL_KIND)
    merged.lay(Layer(leaves(usual), lambda _: "default"))
    for layer in written:
        merged.lay(layer)
    if variables():
        # By name, for the 30 ms that its imports take: few stations set a variable.
        environment = import_module("sorterd.settings.environment")
        given, unknown = environment.read_environment(Settings)
        faults.extend(unknown)
        merged.lay(given)
    merged.lay(read_flags(flags))
    return merged, faults


def explain(settings: Settings) -> str:
    """Return the settings in force, a line each with its source; the lines can be read back."""
    return toml_lines(settings, settings.sources)


def _read_files(config: Path, faults: list[Fault]) -> list[Layer]:
    """Read the file and its fragments; what is wrong with them is added to the faults."""
    layers: list[Layer] = []
    waiting = [config]
    while waiting:
        path = waiting.pop(0)
        try:
            layers.append(read_file(path))
            # Of a file that cannot be read nobody knows what its fragments were meant for.
            waiting += fragments(path) if path == config else []
        except SettingsFault as fault:
            faults.extend(fault.faults)
    return layers


def _part_of(keys: Keys) -> Keys | None:
    """Return the table of the part whose own key this is; None for the station's keys."""
    match keys:
        case ("camera", _, *_):
            return keys[:1]
        case ("gates", _, key, *_) if key not in GATE_KEYS:
            return keys[:2]
        case ("trigger", key, *_) if key not in TRIGGER_KEYS:
            return keys[:1]
    return None
