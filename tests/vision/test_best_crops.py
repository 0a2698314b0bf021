"""The best look at each piece: which it is, that it is a copy, that none is kept for ever."""

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.core.records import Box, Crop
from sorterd.ports import InputSpec
from sorterd.vision.best_crops import MOST_HANDED_OVER, MOST_ON_THE_WAY, BestCrops
from sorterd.vision.crops import Cropper

SPEC = InputSpec(64, 64, "int8", gain=1 / 127.5, offset=-1.0, scale=1 / 127.5, zero_point=0)
Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def subject() -> BestCrops:
    """What a model of 64 by 64 pixels would be given."""
    return BestCrops(margin_frac=0.1, side_px=64)


def frame(seed: int = 1) -> Pixels:
    """Return a frame of noise."""
    return np.random.default_rng(seed).integers(0, 256, (240, 320, 3), dtype=np.uint8)


def crop(piece: int, box: Box) -> Crop:
    """Return the wish for one crop."""
    return Crop(piece, sequence=1, exposed_ns=5, box=box, due_ns=9)


def test_the_largest_crop_that_lies_inside_is_kept(subject: BestCrops) -> None:
    """It should prefer what touches no edge, then what is larger, whatever comes first."""
    shows = [
        (frame(1), Box(0, 50, 90, 90)),
        (frame(2), Box(20, 50, 40, 60)),
        (frame(3), Box(60, 50, 50, 60)),
        (frame(4), Box(90, 50, 45, 60)),
        (frame(5), Box(230, 50, 90, 60)),
    ]
    for pixels, box in shows:
        subject.look(crop(7, box), pixels)
    subject.end(7)

    taken = subject.take(7)

    assert taken is not None
    assert np.array_equal(taken, frame(3)[44:116, 54:116])


def test_a_picture_is_a_copy(subject: BestCrops) -> None:
    """It should not hold on to the frame, whose memory the camera uses again."""
    pixels = frame()
    subject.look(crop(1, Box(50, 50, 40, 40)), pixels)
    before = pixels[46:94, 46:94].copy()
    pixels[:] = 0
    subject.end(1)

    taken = subject.take(1)

    assert taken is not None
    assert np.array_equal(taken, before)


@pytest.mark.parametrize("box", [Box(50, 60, 40, 70), Box(3, 5, 100, 50), Box(0, 100, 20, 20)])
def test_cropped_again_it_is_what_the_model_saw(subject: BestCrops, box: Box) -> None:
    """It should give the model the very same input when all of the picture is cropped."""
    cropper = Cropper(SPEC, margin_frac=0.1)
    seen, again = np.empty((2, 64, 64, 3), np.int8)
    cropper.write(frame(), box, seen)
    subject.look(crop(1, box), frame())
    subject.end(1)
    taken = subject.take(1)
    assert taken is not None

    cropper.write(taken, Box(0, 0, taken.shape[1], taken.shape[0]), again)

    assert np.array_equal(seen, again)


@pytest.mark.parametrize(("width_px", "height_px"), [(280, 200), (300, 12), (107, 108), (200, 160)])
def test_a_large_piece_is_made_smaller(subject: BestCrops, width_px: int, height_px: int) -> None:
    """It should bound the picture by twice the model's side, and not go below that side."""
    subject.look(crop(1, Box(10, 10, width_px, height_px)), frame())
    subject.end(1)

    taken = subject.take(1)

    assert taken is not None
    assert 64 <= max(taken.shape[:2]) <= 128
    assert taken.flags.owndata


def test_a_piece_has_its_own_picture_once(subject: BestCrops) -> None:
    """It should give each piece its own, nothing before it has ended and nothing twice."""
    subject.look(crop(1, Box(50, 50, 40, 40)), frame(1))
    subject.look(crop(2, Box(50, 50, 40, 40)), frame(2))
    assert subject.take(1) is None
    subject.end(2)
    subject.end(1)
    subject.end(3)

    first, second = subject.take(1), subject.take(2)

    assert first is not None
    assert second is not None
    assert np.array_equal(first, frame(1)[46:94, 46:94])
    assert np.array_equal(second, frame(2)[46:94, 46:94])
    assert [subject.take(piece) for piece in (1, 2, 3)] == [None, None, None]
    assert subject.lost == 0


def test_pictures_that_nobody_takes_are_let_go(subject: BestCrops) -> None:
    """It should keep the newest, and count the others."""
    for piece in range(MOST_HANDED_OVER + 3):
        subject.look(crop(piece, Box(50, 50, 10, 10)), frame())
        subject.end(piece)

    kept = [piece for piece in range(MOST_HANDED_OVER + 3) if subject.take(piece) is not None]

    assert kept == list(range(3, MOST_HANDED_OVER + 3))
    assert subject.lost == 3


def test_pieces_that_never_end_are_let_go(subject: BestCrops) -> None:
    """It should keep the newest of more pieces than any belt holds."""
    for piece in range(MOST_ON_THE_WAY + 2):
        subject.look(crop(piece, Box(50, 50, 10, 10)), frame())
    for piece in range(MOST_ON_THE_WAY + 2):
        subject.end(piece)

    kept = [piece for piece in range(MOST_ON_THE_WAY + 2) if subject.take(piece) is not None]

    assert kept == list(range(2, MOST_ON_THE_WAY + 2))
    assert subject.lost == 2


def test_a_taken_picture_makes_room(subject: BestCrops) -> None:
    """It should lose nothing, however many come, while somebody takes them."""
    for piece in range(5 * MOST_HANDED_OVER):
        subject.look(crop(piece, Box(50, 50, 10, 10)), frame())
        subject.end(piece)
        assert subject.take(piece) is not None

    assert subject.lost == 0
