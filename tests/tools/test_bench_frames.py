from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.records import Box
from sorterd.settings import Settings
from sorterd.vision.regions import RegionFinder
from sorterd.wiring.plans import region_rules
from tools.workshop.bench.frames import (
    FRAME_NS,
    HEIGHT_PX,
    MOST_PIECES,
    USUAL_COUNT,
    WIDTH_PX,
    belt_frames,
    empty_frames,
)

# 640 px hold a piece that travels 40 px in three frames; the last columns are an edge, not a piece.
TRAVEL_PX = 40 / 3
EDGE_PX = 4


def regions_in(frames: list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]) -> list[list[Box]]:
    """What the station's own finder sees once it has learned the empty belt."""
    finder = RegionFinder(region_rules(Settings()))
    shown = [*empty_frames(), *frames]
    found = [finder.find(pixels, number * FRAME_NS) for number, pixels in enumerate(shown)]
    seen = found[len(shown) - len(frames) :]
    assert not any(each.learning or each.covered for each in seen)
    return [[region.box for region in each.regions] for each in seen]


def whole(boxes: list[Box]) -> list[Box]:
    """Those that the view holds all of."""
    return [box for box in boxes if box.left_px >= EDGE_PX and box.right_px <= WIDTH_PX - EDGE_PX]


@pytest.mark.parametrize("pieces", [0, 1, 4, 8])
def test_frames_hold_as_many_whole_pieces_as_asked(pieces: int) -> None:
    """It should keep the number of whole pieces in view, also from the last frame to the first."""
    frames = belt_frames(pieces, count=USUAL_COUNT // 2)
    counts = [len(whole(boxes)) for boxes in regions_in(frames * 2)]
    assert sum(count == pieces for count in counts) >= 0.9 * len(counts)
    assert all(abs(count - pieces) <= 1 for count in counts)


def test_pieces_are_of_a_size_that_a_model_sees() -> None:
    """It should draw pieces of 50 to 110 pixels, well apart."""
    for boxes in regions_in(belt_frames(8, count=21)):
        for box in whole(boxes):
            assert 50 <= box.width_px <= 110
            assert 50 <= box.height_px <= 110


def test_a_piece_moves_by_the_belts_travel() -> None:
    """It should move every piece by 13.3 pixels a frame, from the last frame into the first too."""
    frames = belt_frames(1, count=42)
    tracks = [
        [box.left_px + box.right_px for box in whole(boxes)] for boxes in regions_in(frames * 2)
    ]
    moved = [
        (after[0] - before[0]) / 2
        for before, after in pairwise(tracks)
        if len(before) == len(after) == 1 and after[0] > before[0]
    ]
    assert len(moved) > 60
    assert np.mean(moved) == pytest.approx(TRAVEL_PX, abs=0.2)
    # The finder works on every second pixel.
    assert all(abs(step_px - TRAVEL_PX) <= 6 for step_px in moved)


@settings(max_examples=4, deadline=None)
@given(pieces=st.integers(0, MOST_PIECES), count=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_frames_follow_from_the_seed(pieces: int, count: int, seed: int) -> None:
    """It should draw the same frames again, of the station's size, that nobody can write to."""
    frames, again = (belt_frames(pieces, count=count, seed=seed) for _ in range(2))
    assert len(frames) == count
    for one, other in zip(frames, again, strict=True):
        assert one.shape == (HEIGHT_PX, WIDTH_PX, 3)
        assert one.dtype == np.uint8
        assert not one.flags.writeable
        assert np.array_equal(one, other)


def test_another_seed_is_another_belt() -> None:
    """It should draw other pixels from another seed."""
    first, second = (belt_frames(1, count=1, seed=seed)[0] for seed in (1, 2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(("pieces", "count"), [(-1, 1), (MOST_PIECES + 1, 1), (1, 0)])
def test_frames_refuse_what_no_view_holds(pieces: int, count: int) -> None:
    """It should refuse more pieces than fit, and no frame."""
    with pytest.raises(ValueError, match="frames of"):
        belt_frames(pieces, count=count)
