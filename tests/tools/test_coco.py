"""COCO files: what is written is read back, and what contradicts itself is refused in one line."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.core.records import Box
from tools.workshop.compose.coco import CocoFile, read_coco
from tools.workshop.faults import WorkshopFault

SOME = Box(1, 2, 3, 4)


def blobs(height_px: int, width_px: int, seed: int, share: float) -> npt.NDArray[np.uint8]:
    """Return a mask of noise, so with holes and many bodies."""
    chosen = np.random.default_rng(seed).random((height_px, width_px)) < share
    return chosen.astype(np.uint8)


@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000), st.sampled_from([0, 0.03, 0.5, 1])
)
def test_any_mask_comes_back_as_it_was(
    height_px: int, width_px: int, seed: int, share: float
) -> None:
    """It should give back every mask pixel for pixel, the empty and the full one too."""
    mask = blobs(height_px, width_px, seed, share)
    coco = CocoFile(["can"])
    coco.annotation(
        coco.image("a.png", width_px, height_px),
        "can",
        SOME,
        np.where(mask > 0, np.uint8(255), np.uint8(0)),
    )

    (image,) = read_coco(coco.content()).images

    (found,) = image.annotations
    read = found.mask()
    assert read is not None
    assert np.array_equal(read, mask)
    assert found.area_px == mask.sum()


def test_runs_go_down_the_columns_and_begin_outside() -> None:
    """It should write run lengths as pycocotools reads them: by columns, first those outside."""
    coco = CocoFile(["can"])
    mask = np.array([[1, 0, 0], [1, 1, 0]], np.uint8)
    coco.annotation(coco.image("a.png", 3, 2), "can", Box(0, 0, 2, 2), mask)

    (annotation,) = json.loads(coco.content())["annotations"]

    assert annotation["segmentation"] == {"size": [2, 3], "counts": [0, 2, 1, 1, 2]}
    assert annotation["area"] == 3
    assert annotation["bbox"] == [0, 0, 2, 2]


def test_everything_else_comes_back_too() -> None:
    """It should keep labels, sizes, boxes, scores, notes, and which thing is in which image."""
    coco = CocoFile(["jar", "can"])
    first = coco.image("x/2.jpg", 64, 48, {"scene": 7})
    second = coco.image("x/10.jpg", 32, 20)
    coco.annotation(second, "can", SOME, score=0.25)
    coco.annotation(first, "jar", Box(0, 0, 64, 48), notes={"visible_frac": 0.5})
    coco.annotation(second, "jar", Box(5, 5, 1, 1))

    read = read_coco(coco.content())

    assert read.categories == ("jar", "can")
    assert [(i.file, i.width_px, i.height_px) for i in read.images] == [
        ("x/2.jpg", 64, 48),
        ("x/10.jpg", 32, 20),
    ]
    assert read.images[0].notes == {"scene": 7}
    assert [(a.category, a.box, a.score, a.mask()) for a in read.images[1].annotations] == [
        ("can", SOME, 0.25, None),
        ("jar", Box(5, 5, 1, 1), None, None),
    ]
    assert read.images[0].annotations[0].notes == {"visible_frac": 0.5}


def test_ids_do_not_hang_on_how_images_were_mixed() -> None:
    """It should give the same bytes in whatever order the images' things were added."""

    def made(order: list[int]) -> bytes:
        coco = CocoFile(["can"])
        ids = [coco.image(f"{n}.png", 8, 8) for n in range(3)]
        for place in order:
            coco.annotation(ids[place], "can", Box(place, 0, 1, 1))
        return coco.content()

    assert made([0, 1, 2]) == made([2, 0, 1])
    rows = json.loads(made([2, 0, 1]))["annotations"]
    assert [(row["id"], row["image_id"]) for row in rows] == [(1, 1), (2, 2), (3, 3)]


def test_an_image_added_again_keeps_its_id() -> None:
    """It should know an image by its name, and refuse it with another size."""
    coco = CocoFile(["can"])
    assert coco.image("a.png", 8, 6) == coco.image("a.png", 8, 6) == 1
    with pytest.raises(ValueError, match="another size"):
        coco.image("a.png", 6, 8)


@pytest.mark.parametrize("mask_shape", [(8, 6), (4, 4)])
def test_a_mask_must_be_the_images(mask_shape: tuple[int, int]) -> None:
    """It should refuse a mask that is no mask of the whole image."""
    coco = CocoFile(["can"])
    image_id = coco.image("a.png", 8, 6)
    with pytest.raises(ValueError, match="mask"):
        coco.annotation(image_id, "can", SOME, np.ones(mask_shape, np.uint8))


def test_a_polygon_of_others_becomes_a_mask() -> None:
    """It should read masks that other programs drew as corners, and boxes of fractions."""
    coco = CocoFile(["can"])
    coco.annotation(coco.image("a.png", 20, 10), "can", SOME)
    file = json.loads(coco.content())
    file["annotations"][0] |= {
        "segmentation": [[2.0, 1.0, 7.0, 1.0, 7.0, 5.0, 2.0, 5.0]],
        "bbox": [2.2, 1.0, 4.6, 3.5],
    }

    (found,) = read_coco(json.dumps(file).encode()).images[0].annotations

    expected = np.zeros((10, 20), np.uint8)
    expected[1:6, 2:8] = 1
    read = found.mask()
    assert read is not None
    assert np.array_equal(read, expected)
    assert found.box == Box(2, 1, 5, 4)


def _unknown_image(file: dict[str, Any]) -> None:
    file["annotations"][0]["image_id"] = 9


def _unknown_category(file: dict[str, Any]) -> None:
    file["annotations"][0]["category_id"] = 9


def _other_mask(file: dict[str, Any]) -> None:
    file["annotations"][0]["segmentation"] = {"size": [8, 8], "counts": [3, 5]}


def _packed_mask(file: dict[str, Any]) -> None:
    file["annotations"][0]["segmentation"] = {"size": [8, 8], "counts": "PPYo0"}


def _odd_corners(file: dict[str, Any]) -> None:
    file["annotations"][0]["segmentation"] = [[1, 2, 3, 4, 5, 6, 7]]


def _no_box(file: dict[str, Any]) -> None:
    del file["annotations"][0]["bbox"]


def _same_ids(file: dict[str, Any]) -> None:
    file["images"] *= 2


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_unknown_image, "annotations.0: no image 9"),
        (_unknown_category, "annotations.0: no category 9"),
        (_other_mask, "annotations.0: its mask"),
        (_packed_mask, "annotations.0.segmentation"),
        (_odd_corners, "annotations.0.segmentation"),
        (_no_box, "annotations.0.bbox"),
        (_same_ids, "an id twice"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    spoil: Callable[[dict[str, Any]], None], named: str
) -> None:
    """It should end in one line that names the file and the place in it."""
    coco = CocoFile(["can"])
    coco.annotation(coco.image("a.png", 8, 8), "can", SOME)
    file = json.loads(coco.content())
    spoil(file)

    with pytest.raises(WorkshopFault) as fault:
        read_coco(json.dumps(file).encode(), "x/scenes.json")

    assert "x/scenes.json" in str(fault.value)
    assert named in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"{}"])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    """It should say which file is none."""
    with pytest.raises(WorkshopFault, match=r"scenes\.json is no COCO file"):
        read_coco(content, "scenes.json")
