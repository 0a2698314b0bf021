"""Pictures with boxes and masks as COCO JSON (cocodataset.org, "Data format"): written, read back.

Masks are uncompressed run lengths: exact, with holes, and read by pycocotools as they are. Ids
begin at 1: categories in the order given, images in the order in which they were added, annotations
by image. So the same additions give the same bytes, and annotations of several images may be mixed.
Nothing here opens a picture.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from sorterd.core.records import Box
from tools.workshop.faults import WorkshopFault

Mask = npt.NDArray[np.uint8]
Notes = Mapping[str, str | int | float]
"""What a program wants to say beside COCO's own keys; other readers skip it."""


class CocoFile:
    """A COCO file in the making.

    Args:
        categories: The labels; their places give the category ids, from 1.

    Raises:
        ValueError: A label is there twice: a caller's bug, as are all of this class.
    """

    def __init__(self, categories: Sequence[str]) -> None:
        self._categories = {label: place for place, label in enumerate(categories, start=1)}
        if len(self._categories) != len(categories):
            raise ValueError(f"a category is there twice: {', '.join(categories)}")
        self._images: dict[str, dict[str, Any]] = {}
        self._sizes: list[tuple[int, int]] = []
        self._annotations: list[dict[str, Any]] = []

    def image(self, file: str, width_px: int, height_px: int, notes: Notes | None = None) -> int:
        """Add an image; one that is there already keeps its id.

        Args:
            file: Its name or key, with forward slashes.
            width_px: Its columns.
            height_px: Its rows.
            notes: Further keys for it.

        Returns:
            Its id, from 1.

        Raises:
            ValueError: It is there with another size.
        """
        size = (width_px, height_px)
        if file not in self._images:
            self._sizes.append(size)
            self._images[file] = {
                **(notes or {}),
                "id": len(self._sizes),
                "file_name": file,
                "width": width_px,
                "height": height_px,
            }
        image_id = int(self._images[file]["id"])
        if self._sizes[image_id - 1] != size:
            raise ValueError(f"{file} is there with another size than {size}")
        return image_id

    def annotation(
        self,
        image_id: int,
        category: str,
        box: Box,
        mask: Mask | None = None,
        score: float | None = None,
        *,
        notes: Notes | None = None,
    ) -> None:
        """Add one thing in an image.

        Args:
            image_id: As `image` gave it.
            category: One of the labels.
            box: Where it is, pixels of the image.
            mask: uint8[H, W] of the whole image, not 0 where it is; None if only its box is known.
            score: Belief in it, 0 to 1; None for the truth.
            notes: Further keys for it.

        Raises:
            ValueError: The image is unknown, or the mask has another size than it.
            KeyError: There is no such category.
        """
        if not 1 <= image_id <= len(self._sizes):
            raise ValueError(f"no image {image_id}")
        width_px, height_px = self._sizes[image_id - 1]
        if mask is not None and mask.shape != (height_px, width_px):
            raise ValueError(f"a mask of {mask.shape} for an image {width_px} x {height_px}")
        self._annotations.append(
            {
                **(notes or {}),
                "image_id": image_id,
                "category_id": self._categories[category],
                "bbox": [box.left_px, box.top_px, box.width_px, box.height_px],
                "area": box.width_px * box.height_px if mask is None else cv2.countNonZero(mask),
                "iscrowd": 0,
                "segmentation": [] if mask is None else _run_lengths(mask),
                **({} if score is None else {"score": round(float(score), 6)}),
            }
        )

    def content(self) -> bytes:
        """The file: ids rising; one image or annotation a line, so that a change shows."""
        # Sorting is stable: of one image, annotations stay as they were added.
        annotations = sorted(self._annotations, key=lambda each: int(each["image_id"]))
        parts = {
            "categories": [
                {"id": place, "name": label, "supercategory": "waste"}
                for label, place in self._categories.items()
            ],
            "images": list(self._images.values()),
            "annotations": [{"id": n, **each} for n, each in enumerate(annotations, start=1)],
        }
        lists = [
            f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, rows)) + "\n]"
            for name, rows in parts.items()
        ]
        return ("{\n" + ",\n".join(lists) + "\n}\n").encode()


@dataclass(frozen=True, slots=True)
class CocoAnnotation:
    """One thing in an image.

    Attributes:
        category: Its label.
        box: Where it is; boxes of fractions are widened to whole pixels.
        area_px: As the file states it.
        score: Belief in it; None if the file has none.
        notes: What the file says beside COCO's own keys.
    """

    category: str
    box: Box
    area_px: float
    score: float | None
    notes: Mapping[str, Any]
    _shape: tuple[int, int]
    _segmentation: "list[list[float]] | _RunLengths | None" = field(repr=False)

    def mask(self) -> Mask | None:
        """Where it is, uint8[H, W] of the whole image, 1 inside; None if only its box is known."""
        if not self._segmentation:
            return None
        if isinstance(self._segmentation, _RunLengths):
            return _from_run_lengths(self._segmentation)
        mask = np.zeros(self._shape, np.uint8)
        corners = [np.array(each, np.float64).reshape(-1, 2) for each in self._segmentation]
        cv2.fillPoly(mask, [np.rint(each).astype(np.int32) for each in corners], (1,))
        return mask


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image with what is in it.

    Attributes:
        file: Its name or key.
        width_px: Its columns.
        height_px: Its rows.
        annotations: In the order of the file.
        notes: What the file says beside COCO's own keys.
    """

    file: str
    width_px: int
    height_px: int
    annotations: tuple[CocoAnnotation, ...]
    notes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Coco:
    """What a COCO file holds.

    Attributes:
        categories: The labels, by their ids.
        images: In the order of the file.
    """

    categories: tuple[str, ...]
    images: tuple[CocoImage, ...]


def read_coco(content: bytes, name: str = "the COCO file") -> Coco:
    """Read a COCO file: masks as polygons or uncompressed run lengths.

    Args:
        content: The file.
        name: What to call it in a fault.

    Raises:
        WorkshopFault: It is no such file, or it contradicts itself; the line names the place.
    """
    try:
        read = _File.model_validate_json(content)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise WorkshopFault(
            f"{name} is no COCO file that can be read ({where}: {first['msg']}): repair or "
            "remake it, masks as polygons or uncompressed run lengths"
        ) from fault
    labels = {each.id: each.name for each in read.categories}
    shapes = {each.id: (each.height, each.width) for each in read.images}
    if len(shapes) < len(read.images) or len(labels) < len(read.categories):
        raise WorkshopFault(f"{name} gives an id twice: repair or remake it")
    found: dict[int, list[CocoAnnotation]] = {image_id: [] for image_id in shapes}
    for place, each in enumerate(read.annotations):
        where = f"{name}, annotations.{place}"
        if each.image_id not in shapes:
            raise WorkshopFault(f"{where}: no image {each.image_id}: repair or remake the file")
        if each.category_id not in labels:
            raise WorkshopFault(
                f"{where}: no category {each.category_id}: repair or remake the file"
            )
        shape = shapes[each.image_id]
        if isinstance(each.segmentation, _RunLengths) and not each.segmentation.fits(shape):
            raise WorkshopFault(f"{where}: its mask does not fit its image: remake the file")
        found[each.image_id].append(_annotation(each, labels[each.category_id], shape))
    images = (
        CocoImage(
            each.file_name, each.width, each.height, tuple(found[each.id]), each.model_extra or {}
        )
        for each in read.images
    )
    return Coco(tuple(labels[at] for at in sorted(labels)), tuple(images))


class _Part(BaseModel):
    """COCO files carry much that is not needed here; it is kept as notes."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _RunLengths(_Part):
    size: tuple[int, int]
    counts: list[Annotated[int, Field(ge=0)]]

    def fits(self, shape: tuple[int, int]) -> bool:
        return self.size == shape and sum(self.counts) == shape[0] * shape[1]


def _paired(corners: list[float]) -> list[float]:
    if len(corners) < 6 or len(corners) % 2:
        raise ValueError(f"a polygon of {len(corners)} numbers")
    return corners


_Corners = Annotated[list[FiniteFloat], AfterValidator(_paired)]


class _Category(_Part):
    id: int
    name: str


class _Image(_Part):
    id: int
    file_name: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class _Annotation(_Part):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
    segmentation: list[_Corners] | _RunLengths | None = None
    area: float | None = None
    iscrowd: int = 0
    score: float | None = None


class _File(_Part):
    categories: list[_Category]
    images: list[_Image]
    annotations: list[_Annotation]


def _annotation(each: _Annotation, label: str, shape: tuple[int, int]) -> CocoAnnotation:
    left, top, width, height = each.bbox
    box = Box(
        floor(left),
        floor(top),
        max(1, ceil(left + width) - floor(left)),
        max(1, ceil(top + height) - floor(top)),
    )
    area_px = width * height if each.area is None else each.area
    notes = each.model_extra or {}
    return CocoAnnotation(label, box, area_px, each.score, notes, shape, each.segmentation)


def _run_lengths(mask: Mask) -> dict[str, list[int]]:
    """Lengths of runs down the columns, the first of them outside the mask (it may be 0)."""
    flat = np.asarray(mask > 0).ravel(order="F")
    turns = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate(([0], turns, [flat.size]))).tolist()
    return {"size": list(mask.shape), "counts": [0, *lengths] if flat[:1].any() else lengths}


def _from_run_lengths(runs: _RunLengths) -> Mask:
    inside = np.arange(len(runs.counts)) % 2
    return np.repeat(inside, runs.counts).astype(np.uint8).reshape(runs.size, order="F")
