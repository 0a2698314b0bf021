"""The kinds of waste that a bundle tells apart: each label with its stage-one answer and its bin.

The seven that sorterd ships, or those of a person's own station from a YAML file:

    glass: {stage: recyclable, bin: glass}
    peel:  {stage: organic, bin: compost}
    other: {stage: landfill, bin: landfill}

Labels keep the order of the file; it becomes the order of the scores.
"""

from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from sorterd.classifiers.bundle import STAGES, Stage
from tools.workshop.faults import WorkshopFault

END_BIN: Final = "landfill"


class Kind(BaseModel):
    """What is to happen with one label."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    stage: Stage
    bin: str = Field(min_length=1)


Kinds = dict[str, Kind]

SHIPPED: Final[Kinds] = {
    "cardboard": Kind(stage="recyclable", bin="paper"),
    "glass": Kind(stage="recyclable", bin="glass"),
    "metal": Kind(stage="recyclable", bin="packaging"),
    "organic": Kind(stage="organic", bin="compost"),
    "paper": Kind(stage="recyclable", bin="paper"),
    "plastic": Kind(stage="recyclable", bin="packaging"),
    "trash": Kind(stage="landfill", bin="landfill"),
}


def read_kinds(path: Path | None) -> Kinds:
    """The kinds of a YAML file, or those shipped.

    Raises:
        WorkshopFault: The file is not there or is not as it must be; the line names the key.
    """
    if path is None:
        return SHIPPED
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        kinds = RootModel[Kinds].model_validate(told).root
    except ValidationError as fault:
        first = fault.errors()[0]
        key = ".".join(str(step) for step in first["loc"]) or "the file"
        raise WorkshopFault(
            f"{path}: {key}: {first['msg']}: write `label: {{stage: recyclable, bin: glass}}`"
        ) from fault
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise WorkshopFault(f"{path} cannot be read ({fault}): give a YAML file") from fault
    if len(kinds) < 2:
        raise WorkshopFault(f"{path} names {len(kinds)} label: there must be two or more")
    return kinds


def stage_places(kinds: Kinds) -> list[int]:
    """For each label, the place of its stage in `STAGES`."""
    return [STAGES.index(kind.stage) for kind in kinds.values()]
