"""What composed scenes are made of, as a person writes it in YAML.

Every key is checked: one that is unknown, out of its range or contradicts another is one line that
names it. Folders in a recipe are relative to the recipe's own folder; addresses of buckets stay as
they are. Examples with every key: tools/recipes.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sorterd.simulation.drawings import LABELS
from tools.workshop.faults import WorkshopFault

GroundKind = Literal[
    "belt",
    "ribbed",
    "stained",
    "checks",
    "stripes",
    "wood",
    "cloth",
    "gravel",
    "leaves",
    "photos",
]
# Longer sides of the frames that cameras of stations give; memory is bounded by it.
_LONGEST_PX: Final = 4096


def _rising(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError(f"from {span[0]:g} to {span[1]:g} is no span: write the smaller first")
    return span


Frac = Annotated[float, Field(ge=0, le=1)]
Above = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotBelow = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FracSpan = Annotated[tuple[Frac, Frac], AfterValidator(_rising)]
AboveSpan = Annotated[tuple[Above, Above], AfterValidator(_rising)]
NotBelowSpan = Annotated[tuple[NotBelow, NotBelow], AfterValidator(_rising)]
DegreeSpan = Annotated[
    tuple[Annotated[float, Field(ge=-360, le=360)], Annotated[float, Field(ge=-360, le=360)]],
    AfterValidator(_rising),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemSource(_Part):
    """Where pieces come from: a folder of photographs, or drawings.

    Attributes:
        folder: One folder of photographs per label; local or in a bucket.
        list: A list file of tools/split.py; only what it names is used. Goes with `folder`.
        drawings: Labels to draw, or "all".
        labels: Only these labels of the folder; None for all.
        accept: Flags that keep no photograph of this folder away; see `fitness.FLAGS`.
        most_per_label: At most this many photographs of a label are looked at; None for all.
        weight: How often it is drawn from, against the others.
    """

    folder: str | None = None
    list: str | None = None
    drawings: tuple[str, ...] | Literal["all"] | None = None
    labels: tuple[str, ...] | None = None
    accept: tuple[Literal["text", "transparent", "scale", "cropped", "bodies"], ...] = ()
    most_per_label: Annotated[int, Field(ge=1)] | None = None
    weight: Above = 1.0

    @field_validator("drawings")
    @classmethod
    def _can_be_drawn(
        cls, wanted: tuple[str, ...] | Literal["all"] | None
    ) -> tuple[str, ...] | None:
        if wanted == "all":
            return LABELS
        if wanted is not None and (unknown := [each for each in wanted if each not in LABELS]):
            raise ValueError(f"nobody can draw {unknown[0]}: take some of {', '.join(LABELS)}")
        return wanted

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.folder is None) == (self.drawings is None):
            raise ValueError("give either folder or drawings")
        if self.folder is None and (self.list or self.labels or self.accept or self.most_per_label):
            raise ValueError("list, labels, accept and most_per_label go with folder")
        return self


class GroundSource(_Part):
    """What pieces lie on.

    Attributes:
        kind: One that is drawn, or `photos` for a folder of pictures.
        folder: Goes with `photos`; local or in a bucket.
        weight: How often it is taken, against the others.
    """

    kind: GroundKind
    folder: str | None = None
    weight: Above = 1.0

    @model_validator(mode="after")
    def _folder_for_photos(self) -> Self:
        if (self.kind == "photos") != (self.folder is not None):
            raise ValueError("folder goes with kind: photos, and only with it")
        return self


class FrameRules(_Part):
    """The pictures that are made.

    Attributes:
        width_px: Columns.
        height_px: Rows.
        ending: Their format. JPEG is written at quality 92.
        rail_frac: Chance that the rails beside a belt are in view; not on photos.
    """

    width_px: Annotated[int, Field(ge=64, le=_LONGEST_PX)] = 640
    height_px: Annotated[int, Field(ge=64, le=_LONGEST_PX)] = 480
    ending: Literal["jpg", "png"] = "jpg"
    rail_frac: Frac = 0.25


class PieceRules(_Part):
    """How many pieces lie there, and how.

    Attributes:
        count: Fewest and most pieces in a scene; 0 makes empty scenes too.
        longer_px: Longer side of a piece. Photographs are enlarged 1.6 times at most.
        turn_deg: How far a piece is turned, against the clock.
        mirrored_frac: Chance that it is mirrored.
        overlapping_frac: Chance that a piece may lie on others; else it keeps `gap_px` from them.
        gap_px: Least ground between pieces that do not overlap.
        least_visible_frac: No piece is hidden or cut off by the frame further than to this share.
        brightness: Factor on a piece's own brightness.
        contrast: Factor on a piece's own contrast.
    """

    count: Annotated[
        tuple[Annotated[int, Field(ge=0, le=250)], Annotated[int, Field(ge=0, le=250)]],
        AfterValidator(_rising),
    ] = (1, 6)
    longer_px: AboveSpan = (60.0, 220.0)
    turn_deg: DegreeSpan = (0.0, 360.0)
    mirrored_frac: Frac = 0.5
    overlapping_frac: Frac = 0.25
    gap_px: Annotated[int, Field(ge=0, le=200)] = 14
    least_visible_frac: Frac = 0.5
    brightness: AboveSpan = (0.8, 1.1)
    contrast: AboveSpan = (0.85, 1.15)


class ShadowRules(_Part):
    """The soft shadow beside a piece; one lamp a scene.

    Attributes:
        darkness_frac: How much light is kept away right beside a piece.
        reach_frac: How far it falls, share of the piece's shorter side.
        soft_frac: How soft it is, share of the piece's shorter side.
    """

    darkness_frac: FracSpan = (0.1, 0.6)
    reach_frac: FracSpan = (0.0, 0.10)
    soft_frac: FracSpan = (0.02, 0.08)


class CameraRules(_Part):
    """What the camera makes of it; one camera a scene.

    Attributes:
        brightness: Factor on all.
        contrast: Factor on the distance from middle grey.
        warmth_frac: Spread of the colour cast, share of the red and blue gain.
        slope_frac: How much brighter one side is, as one lamp makes it.
        vignette_frac: How much darker the corners are.
        defocus_px: Standard deviation of the lens's blur.
        noise_levels: Standard deviation of the noise in middle grey, grey levels.
    """

    brightness: AboveSpan = (0.75, 1.15)
    contrast: AboveSpan = (0.85, 1.1)
    warmth_frac: Annotated[float, Field(ge=0, le=0.3)] = 0.05
    slope_frac: FracSpan = (0.0, 0.18)
    vignette_frac: FracSpan = (0.0, 0.2)
    defocus_px: Annotated[
        tuple[Annotated[float, Field(ge=0, le=20)], Annotated[float, Field(ge=0, le=20)]],
        AfterValidator(_rising),
    ] = (0.0, 1.0)
    noise_levels: NotBelowSpan = (0.5, 4.0)


class SeriesRules(_Part):
    """What the same camera saw before the pieces came: pictures of the empty ground.

    Attributes:
        pictures: How many; 0 for none.
        interval_ms: From one to the next, and from the last to the scene itself.
        travel_px: How far the ground moves to the right in that time; 0 for one that stands.
        smear_px: How far it moves while the sensor collects light; smears all that lies on it.
        flicker_frac: Spread of the light from picture to picture.
    """

    pictures: Annotated[int, Field(ge=0, le=1000)] = 0
    interval_ms: Annotated[int, Field(ge=1, le=60_000)] = 100
    travel_px: NotBelowSpan = (0.0, 0.0)
    smear_px: Annotated[
        tuple[Annotated[float, Field(ge=0, le=200)], Annotated[float, Field(ge=0, le=200)]],
        AfterValidator(_rising),
    ] = (0.0, 0.0)
    flicker_frac: Annotated[float, Field(ge=0, le=0.2)] = 0.004


class Recipe(_Part):
    """All that scenes are made of; with a seed it fixes every one of them.

    Attributes:
        items: Where pieces come from.
        grounds: What they lie on.
        frame: The pictures.
        pieces: How many, how large, how near.
        shadow: Their shadows.
        camera: Light, lens and sensor.
        series: Pictures of the empty ground.
    """

    items: Annotated[tuple[ItemSource, ...], Field(min_length=1)]
    grounds: Annotated[tuple[GroundSource, ...], Field(min_length=1)]
    frame: FrameRules = FrameRules()
    pieces: PieceRules = PieceRules()
    shadow: ShadowRules = ShadowRules()
    camera: CameraRules = CameraRules()
    series: SeriesRules = SeriesRules()

    def with_items(self, folder: str, list_file: str | None = None) -> "Recipe":
        """The same with another folder in the place of every folder of items.

        Raises:
            WorkshopFault: It has no folder of items.
        """
        if not any(each.folder for each in self.items):
            raise WorkshopFault("--items: the recipe draws from no folder: add one to its items")
        change = {"folder": folder, "list": list_file}
        items = (e.model_copy(update=change) if e.folder else e for e in self.items)
        return self.model_copy(update={"items": tuple(items)})

    def with_grounds(self, folder: str) -> "Recipe":
        """The same with another folder in the place of every folder of grounds.

        Raises:
            WorkshopFault: It has no folder of grounds.
        """
        if not any(each.folder for each in self.grounds):
            raise WorkshopFault("--grounds: the recipe has no ground of kind photos: add one")
        change = {"folder": folder}
        grounds = (e.model_copy(update=change) if e.folder else e for e in self.grounds)
        return self.model_copy(update={"grounds": tuple(grounds)})

    def digest(self) -> str:
        """A name for exactly this recipe."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        WorkshopFault: It cannot be read, or a key in it is wrong; the line names the key.
    """
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        raise WorkshopFault(f"{path} cannot be read ({why}): give a recipe in YAML") from fault
    except yaml.YAMLError as fault:
        raise WorkshopFault(f"{path} is no YAML ({fault}): repair it") from fault
    try:
        recipe = Recipe.model_validate(written)
    except ValidationError as fault:
        raise WorkshopFault(f"{path}: {_first_fault(fault, written)}") from fault
    return _placed(recipe, path.parent)


def _first_fault(fault: ValidationError, written: object) -> str:
    if not isinstance(written, dict):
        return "a recipe begins with the keys items and grounds: see tools/recipes"
    first: Any = fault.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the recipe"
    if first["type"] == "extra_forbidden":
        return f"{where}: no such key; see tools/recipes for those there are"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def _placed(recipe: Recipe, base: Path) -> Recipe:
    """The recipe with its folders as seen from where the command runs."""

    def placed(address: str | None) -> str | None:
        local = address is not None and "://" not in address
        return str(base / address) if local and address is not None else address

    items = (
        each.model_copy(update={"folder": placed(each.folder), "list": placed(each.list)})
        for each in recipe.items
    )
    grounds = (each.model_copy(update={"folder": placed(each.folder)}) for each in recipe.grounds)
    return recipe.model_copy(update={"items": tuple(items), "grounds": tuple(grounds)})
