"""The branches of the settings tree: every key a person may write, with bounds and defaults.

A key's docstring is its description, in the operator's words; its name carries its unit.
Nothing here depends on where a value came from or on what another value is.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sorterd.ports import PartSettings
from sorterd.settings.parts import PartIn


def _plain_name(name: str) -> str:
    # The environment has no case, and two underscores part its levels.
    words = name.replace("-", "_").split("_")
    if not all(word.isascii() and word.isalnum() and word == word.lower() for word in words):
        raise PydanticCustomError(
            "name", "must be a name of small letters and digits, parted by single - or _"
        )
    return name


Name = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_plain_name)]
"""What a gate or a bin is called."""

Label = Annotated[str, Field(min_length=1, max_length=80)]
"""One of the model's labels."""


class Branch(BaseModel):
    """A table of settings: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RegionOfInterest(Branch):
    """The box of the frame in which pieces are looked for."""

    left_px: int = Field(ge=0, le=8192)
    """Columns left of it."""
    top_px: int = Field(ge=0, le=8192)
    """Rows above it."""
    width_px: int = Field(ge=0, le=8192)
    """Columns in it."""
    height_px: int = Field(ge=0, le=8192)
    """Rows in it."""


class View(Branch):
    """What the camera sees of the belt or the tray."""

    width_px: int = Field(640, ge=16, le=8192)
    """Columns of a frame."""
    height_px: int = Field(480, ge=16, le=8192)
    """Rows of a frame."""
    mm_per_px: float = Field(0.5, ge=0.01, le=10)
    """Size of one pixel on the belt: a ruler's length divided by its pixels."""
    region_of_interest: RegionOfInterest | None = None
    """The box in which pieces are looked for; left out: the whole frame."""


class Regions(Branch):
    """How pieces are told from the empty belt."""

    finder: Literal["difference", "segments"] = "difference"
    """By difference from the learned belt; or, slower, by the bundle's model of what pieces are."""
    sensitivity_levels: int = Field(18, ge=1, le=128)
    """Change of brightness, of 255, that counts as a piece; higher sees less noise. Of the finder
    `difference` only, as `learn_s` is."""
    min_area_mm2: float = Field(150, ge=1, le=100_000)
    """Anything smaller is dirt."""
    learn_s: float = Field(20, ge=0.5, le=3600)
    """Time in which the picture of the empty belt follows a change of light."""
    covered_frac: float = Field(0.6, ge=0.1, le=1)
    """Changed share of the view from which it counts as covered: a hand, a lamp."""


class Belt(Branch):
    """How the belt moves; belt stations only."""

    speed_mm_s: float = Field(200, ge=5, le=3000)
    """Speed of the belt."""
    direction: Literal["right", "left", "up", "down"] = "right"
    """Where pieces go in the picture."""
    speed_tolerance_frac: float = Field(0.05, ge=0, le=0.5)
    """Share by which the true speed may differ from `speed_mm_s`."""
    length_mm: float = Field(950, ge=10, le=100_000)
    """Where the belt ends, measured like `at_mm`."""
    longest_piece_mm: float = Field(140, ge=10, le=10_000)
    """What shows longer than this along the belt is two pieces that touch."""


class Tray(Branch):
    """How one piece at a time is taken; lid stations only."""

    still_ms: int = Field(300, ge=20, le=10_000)
    """Time a piece must lie still before it is judged."""
    patience_s: float = Field(5, ge=0.5, le=600)
    """Time after which a piece without a verdict is given up."""
    open_ms: int = Field(1500, ge=100, le=60_000)
    """Time a lid stands open."""


def parted(given: object, station_keys: Collection[str]) -> object:
    """Part a table that holds the station's keys and its part's: the part's into one of its own."""
    if not isinstance(given, Mapping) or isinstance(given.get("part"), PartSettings):
        return given
    common = {key: value for key, value in given.items() if key in station_keys}
    own = {key: value for key, value in given.items() if key not in station_keys}
    return common | {"part": own}


def joined(table: dict[str, Any]) -> dict[str, Any]:
    """Put a part's keys back into the table that it stands in."""
    part: dict[str, Any] = table.pop("part")
    return part | table


class Gate(Branch):
    """One gate or lid: where it is and how it moves, and the device that moves it.

    In a file both stand in one table (`[gates.glass]`); every key that is not the station's
    belongs to the part that `kind` names.
    """

    at_mm: float | None = Field(None, ge=0, le=100_000)
    """Place along the belt, from the edge at which the belt enters the picture; belts only."""
    move_ms: int = Field(120, ge=1, le=5000)
    """Time it takes from shut to open, and back."""
    margin_mm: float = Field(15, ge=0, le=500)
    """Length of belt that is kept open before and after the piece."""
    recover_ms: int = Field(120, ge=0, le=10_000)
    """Time from the beginning of closing until it may open again; `move_ms` if that is longer."""
    part: Annotated[SerializeAsAny[PartSettings], BeforeValidator(PartIn("gates"))] = Field(
        default_factory=lambda: PartIn("gates")({})
    )
    """The device."""

    @model_validator(mode="before")
    @classmethod
    def _part_from_the_same_table(cls, given: object) -> object:
        return parted(given, GATE_KEYS)

    @model_serializer(mode="wrap")
    def _into_the_same_table(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return joined(dump(self))


GATE_KEYS = frozenset(Gate.model_fields) - {"part"}
"""The keys of a gate's table that are the station's; the others are its part's."""


class Trigger(Branch):
    """A light barrier or a button that tells when a piece passes; belts only.

    In a file it stands in one table (`[trigger]`) with the keys of its `kind`.
    """

    at_mm: float = Field(ge=1, le=100_000)
    """Place of the beam along the belt, measured like a gate's."""
    tolerance_mm: float = Field(20, ge=1, le=500)
    """How far off a piece may be believed to be, and yet be the one that broke the beam."""
    part: Annotated[SerializeAsAny[PartSettings], BeforeValidator(PartIn("triggers"))]
    """The device."""

    @model_validator(mode="before")
    @classmethod
    def _part_from_the_same_table(cls, given: object) -> object:
        return parted(given, TRIGGER_KEYS)

    @model_serializer(mode="wrap")
    def _into_the_same_table(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return joined(dump(self))


TRIGGER_KEYS = frozenset(Trigger.model_fields) - {"part"}
"""The keys of the trigger's table that are the station's; the others are its part's."""


class Bin(Branch):
    """Where pieces end up."""

    gate: Name | None = None
    """The gate that leads to it; left out for the end bin."""
    labels: tuple[Label, ...] = ()
    """What belongs in it, by the model's labels."""


class Model(Branch):
    """The model and how it is run."""

    bundle: str = Field("waste", min_length=1)
    """Name of a bundle that came with sorterd or was activated here, or a bundle's folder."""
    store: Path = Path("/var/lib/sorterd/models")
    """Where activated bundles lie, version by version; `sorterd models` looks after it."""
    runtime: Literal["auto", "ai-edge-litert", "tflite-runtime"] = "auto"
    """What runs the model; auto takes ai-edge-litert where both are installed."""
    delegate: str | None = Field(None, min_length=1)
    """Library of an accelerator's delegate, as libedgetpu.so.1; left out: the processor."""
    threads: int = Field(1, ge=1, le=8)
    """Threads of the runtime; leave at least one core free."""
    batch_sizes: tuple[Annotated[int, Field(ge=1, le=32)], ...] = (1, 2, 4)
    """How many crops may go through the model in one call, rising from 1. They are tried at each
    start; where a batch saves nothing, crops go singly."""
    stall_ms: int = Field(500, ge=10, le=60_000)
    """Time without an answer after which the runtime counts as stalled."""


class Judging(Branch):
    """When the scores of a piece add up to a verdict."""

    stage_one_frac: float | None = Field(None, ge=0, le=1)
    """Belief that stage one needs; left out: the bundle's own."""
    stage_two_frac: float | None = Field(None, ge=0, le=1)
    """Belief that stage two needs; left out: the bundle's own."""
    sure_frac: float = Field(0.97, ge=0.5, le=1)
    """Belief from which a piece is decided before all its views are in."""
    min_views: int = Field(2, ge=1, le=100)
    """Views needed for an early decision."""
    max_views: int = Field(6, ge=1, le=100)
    """Views after which no more are asked for."""
    same_view_mm: float = Field(40, ge=0, le=1000)
    """Views that lie nearer than this count less; 0: each counts in full."""


class Frames(Branch):
    """Which frames are used."""

    max_age_ms: int = Field(250, ge=1, le=10_000)
    """Age from which a frame is refused."""


class Journal(Branch):
    """Where outcomes are written down."""

    path: Path | None = None
    """The SQLite file; left out: no journal."""
    flush_ms: int = Field(5000, ge=10, le=60_000)
    """Time between two writes; a power cut loses what came since the last. An SD card lasts longer
    with a longer time: a piece written by itself costs 9 kB, with nine others 2 kB."""
    most_mb: float = Field(100, ge=1, le=100_000)
    """Megabytes that the file may hold, some 4,000 pieces each; then the oldest make room."""


class Review(Branch):
    """Which crops are kept for a person to look at and sort; a card wears out by what is written.

    They wait in the folder's `new/`, the oldest giving way to the newest; moved into a folder named
    by its label, a crop is left alone and is what the model can be taught with.
    """

    folder: Path | None = None
    """Where they are kept; left out: none are."""
    below_frac: float = Field(0.9, ge=0, le=1)
    """Confidence below which the crop of a sorted piece is kept, as an unsure one's always is."""
    control_frac: float = Field(0.02, ge=0, le=1)
    """Share of the pieces with more confidence whose crop is kept too."""
    most_files: int = Field(500, ge=1, le=10_000)
    """How many crops may wait in `new/`."""
    most_per_label: int = Field(200, ge=1, le=10_000)
    """How many of those may be likeliest one and the same label."""
    most_mb: float = Field(100, ge=2, le=100_000)
    """Megabytes that may wait in `new/`."""
    daily_mb: float = Field(200, ge=1, le=100_000)
    """Megabytes of crops that may be written in a day; what comes above that is not kept."""
