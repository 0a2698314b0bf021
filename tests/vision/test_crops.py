"""A crop is the region, in the model's numbers, and nothing else."""

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.vision.crops import PADDING, Cropper

Dtype = Literal["int8", "uint8", "float32"]
GAIN, OFFSET = 1 / 127.5, -1.0
PLAIN = InputSpec(32, 24, "uint8", gain=1.0, offset=0.0)
SPECS = {
    "int8, one bit flipped": InputSpec(32, 24, "int8", GAIN, OFFSET, 1 / 127.5, -1),
    "int8, by table": InputSpec(32, 24, "int8", GAIN, OFFSET, scale=0.02, zero_point=3),
    "uint8, as it is": InputSpec(32, 24, "uint8", GAIN, OFFSET, scale=1 / 127.5, zero_point=128),
    "uint8, by table": InputSpec(32, 24, "uint8", GAIN, OFFSET, scale=0.01, zero_point=120),
    "float32": InputSpec(32, 24, "float32", GAIN, OFFSET),
}


@pytest.fixture
def frame() -> npt.NDArray[np.uint8]:
    """Return a frame of noise."""
    return np.random.default_rng(3).integers(0, 256, (120, 160, 3), dtype=np.uint8)


def cropped(
    pixels: npt.NDArray[np.uint8], box: Box, spec: InputSpec, margin_frac: float = 0.1
) -> npt.NDArray[np.generic]:
    """Write one crop into the middle slot of three, and check that the others stay as they were."""
    batch = np.full((3, spec.height_px, spec.width_px, 3), 77, spec.dtype)
    Cropper(spec, margin_frac=margin_frac).write(pixels, box, batch[1])
    assert (batch[[0, 2]] == 77).all()
    return np.asarray(batch[1])


def test_colours_are_turned_from_bgr_to_rgb() -> None:
    """It should hand the model red first."""
    blue = np.zeros((40, 40, 3), np.uint8)
    blue[:, :, 0] = 200

    crop = cropped(blue, Box(5, 5, 20, 15), PLAIN, margin_frac=0.0)

    assert crop[12, 16].tolist() == [0, 0, 200]


@pytest.mark.parametrize("name", SPECS)
def test_numbers_are_the_models(name: str, frame: npt.NDArray[np.uint8]) -> None:
    """It should be the plain crop put through the declared formula, at most one level off."""
    spec, box = SPECS[name], Box(20, 30, 50, 60)
    plain = cropped(frame, box, PLAIN)

    crop = cropped(frame, box, spec)

    expected = spec.levels()[plain]
    tolerance = 1e-6 if spec.dtype == "float32" else 1.0
    assert crop.dtype == spec.dtype
    assert np.abs(crop.astype(np.float64) - expected).max() <= tolerance


@pytest.mark.parametrize(
    ("box", "columns", "rows"), [(Box(0, 50, 160, 40), 32, 8), (Box(60, 0, 40, 120), 8, 24)]
)
def test_shape_is_kept_by_padding(box: Box, columns: int, rows: int) -> None:
    """It should pad a long region with grey instead of squeezing it."""
    white = np.full((120, 160, 3), 255, np.uint8)

    crop = cropped(white, box, PLAIN, margin_frac=0.0)

    inside = crop == 255
    assert inside.any(axis=(1, 2)).sum() == rows
    assert inside.any(axis=(0, 2)).sum() == columns
    assert (crop[~inside] == PADDING).all()


def test_margin_is_a_share_of_the_longer_side() -> None:
    """It should show a tenth of the longer side around the box."""
    black = np.zeros((200, 200, 3), np.uint8)
    black[50:150, 75:125] = 255

    crop = cropped(black, Box(75, 50, 50, 100), InputSpec(120, 120, "uint8", 1.0, 0.0))

    lit = crop[:, :, 0] == 255
    assert abs(int(lit.any(axis=1).sum()) - 100) <= 2
    assert abs(int(lit.any(axis=0).sum()) - 50) <= 2


@given(
    left_px=st.integers(-200, 159),
    top_px=st.integers(-150, 119),
    width_px=st.integers(1, 400),
    height_px=st.integers(1, 300),
)
def test_any_box_that_touches_the_frame_gives_a_crop(
    left_px: int, top_px: int, width_px: int, height_px: int
) -> None:
    """It should clip the box to the frame, never wrap around it or fail."""
    box = Box(left_px, top_px, max(width_px, 1 - left_px), max(height_px, 1 - top_px))
    grey = np.full((120, 160, 3), 200, np.uint8)

    crop = cropped(grey, box, PLAIN)

    assert set(np.unique(crop).tolist()) <= {200, PADDING}
    assert (crop == 200).any()


def plainly(
    pixels: npt.NDArray[np.uint8], box: Box, spec: InputSpec, *, margin_frac: float, padding: int
) -> npt.NDArray[np.generic]:
    """Crop step by step, each on whole arrays of its own: what `write` must give, byte for byte."""
    margin_px = round(margin_frac * max(box.width_px, box.height_px))
    region = pixels[
        max(0, box.top_px - margin_px) : box.bottom_px + margin_px,
        max(0, box.left_px - margin_px) : box.right_px + margin_px,
    ]
    fit = min(spec.height_px / region.shape[0], spec.width_px / region.shape[1])
    rows = min(spec.height_px, max(1, round(region.shape[0] * fit)))
    columns = min(spec.width_px, max(1, round(region.shape[1] * fit)))
    how = cv2.INTER_AREA if fit < 0.5 else cv2.INTER_LINEAR
    inner = cv2.cvtColor(cv2.resize(region, (columns, rows), interpolation=how), cv2.COLOR_BGR2RGB)
    table = spec.levels()
    whole = np.full((spec.height_px, spec.width_px, 3), table[padding], spec.dtype)
    top, left = (spec.height_px - rows) // 2, (spec.width_px - columns) // 2
    levels = inner.astype(np.int32)
    # The input that is the picture but for one bit may be a level beside the table.
    if spec.dtype == "float32":
        numbers: npt.NDArray[np.generic] = inner * np.float32(spec.gain) + np.float32(spec.offset)
    elif spec in (SPECS["int8, one bit flipped"], SPECS["uint8, as it is"]):
        numbers = levels - (128 if spec.dtype == "int8" else 0)
    else:
        numbers = table[inner]
    whole[top : top + rows, left : left + columns] = numbers.astype(spec.dtype)
    return whole


@given(
    name=st.sampled_from(sorted(SPECS)),
    left_px=st.integers(-40, 159),
    top_px=st.integers(-40, 119),
    width_px=st.integers(1, 200),
    height_px=st.integers(1, 160),
    margin_frac=st.floats(0.0, 0.5),
    padding=st.integers(0, 255),
)
def test_every_byte_is_that_of_the_plain_way(
    name: str,
    left_px: int,
    top_px: int,
    width_px: int,
    height_px: int,
    margin_frac: float,
    padding: int,
) -> None:
    """It should save time and nothing else, at any size, margin and padding."""
    box = Box(left_px, top_px, max(width_px, 1 - left_px), max(height_px, 1 - top_px))
    noise = np.random.default_rng(5).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    spec = SPECS[name]
    slot = np.full((spec.height_px, spec.width_px, 3), 7, spec.dtype)

    Cropper(spec, margin_frac=margin_frac, padding=padding).write(noise, box, slot)

    expected = plainly(noise, box, spec, margin_frac=margin_frac, padding=padding)
    assert slot.tobytes() == expected.tobytes()


def test_scratch_memory_leaves_no_trace(frame: npt.NDArray[np.uint8]) -> None:
    """It should write the same crop whatever was cropped before, and leave the frame as it was."""
    before = frame.copy()
    cropper = Cropper(PLAIN)
    slot = np.zeros((24, 32, 3), np.uint8)
    first = slot.copy()
    cropper.write(frame, Box(10, 10, 90, 20), first)

    cropper.write(frame, Box(0, 0, 160, 120), slot)
    cropper.write(frame, Box(10, 10, 90, 20), slot)

    assert (slot == first).all()
    assert (frame == before).all()


@pytest.mark.parametrize("box", [Box(160, 0, 10, 10), Box(-30, 0, 10, 10), Box(0, 500, 5, 5)])
def test_a_box_outside_the_frame_is_a_bug(box: Box, frame: npt.NDArray[np.uint8]) -> None:
    """It should refuse a region that shows nothing."""
    with pytest.raises(ValueError, match="outside a frame of 160x120"):
        cropped(frame, box, PLAIN)


@pytest.mark.parametrize(
    "slot", [np.zeros((32, 24, 3), np.uint8), np.zeros((24, 32, 3), np.int8)], ids=["tall", "int8"]
)
def test_a_wrong_slot_is_a_bug(slot: npt.NDArray[np.generic], frame: npt.NDArray[np.uint8]) -> None:
    """It should refuse a slot that is not the declared one."""
    with pytest.raises(ValueError, match="does not fit"):
        Cropper(PLAIN).write(frame, Box(0, 0, 10, 10), slot)
