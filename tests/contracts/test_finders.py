"""What holds for every finder: one suite over differencing and over the segments model."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sorterd.classifiers.bundle import Segments
from sorterd.classifiers.segmenter import open_segmenter
from sorterd.clock import ManualClock
from sorterd.core.records import Box
from sorterd.pipeline import Finder
from sorterd.settings.tree import Regions
from sorterd.vision.regions import Finding, RegionFinder, RegionRules
from sorterd.vision.segments import SegmentFinder

Picture = npt.NDArray[np.uint8]
Kind = Literal["difference", "segments"]

TINY = Path(__file__).parent.parent / "classifiers" / "tiny_segments" / "segments.tflite"
WIDTH, HEIGHT = 640, 480
BELT, PIECE = (112, 112, 112), (40, 160, 230)
FRAME_NS = 33_333_333
# Of the tiny model a place is 8 pixels of a frame: half of it, and one of the fine grid.
OFF_PX = 6
VIEW = Box(16, 32, 608, 424)


def with_difference(rules: RegionRules) -> Finder:
    """Return a finder that has learned the empty belt."""
    finder = RegionFinder(rules)
    for number in range(30):
        finder.find(belt(), number * FRAME_NS)
    return finder


def with_segments(rules: RegionRules) -> Finder:
    """Return a finder with the tiny model: what is not mid grey is a piece."""
    told = Segments(
        model=TINY.name,
        width_px=160,
        height_px=120,
        gain=1 / 127.5,
        offset=-1.0,
        threshold=60.0,  # halfway up the edge of a piece
        apart=60.0,
    )
    model = open_segmenter(TINY, told, runtime="auto", threads=1, clock=ManualClock())
    return SegmentFinder(model, rules, threshold=told.threshold, apart=told.apart)


OPENERS: dict[str, Callable[[RegionRules], Finder]] = {
    "difference": with_difference,
    "segments": with_segments,
}


@pytest.fixture(params=OPENERS)
def opener(request: pytest.FixtureRequest) -> Callable[[RegionRules], Finder]:
    """Return what opens one kind of finder."""
    return OPENERS[request.param]


@pytest.fixture
def subject(opener: Callable[[RegionRules], Finder]) -> Finder:
    """Open one kind of finder over nearly the whole frame."""
    return opener(RegionRules(view=VIEW))


def belt() -> Picture:
    """Return an empty frame."""
    return np.full((HEIGHT, WIDTH, 3), BELT, np.uint8)


def laden(*boxes: tuple[int, int, int, int]) -> Picture:
    """Return a frame with flat pieces at these (left, top, right, bottom)."""
    frame = belt()
    for left, top, right, bottom in boxes:
        frame[top:bottom, left:right] = PIECE
    return frame


def later(number: int) -> int:
    """Return the instant of the n-th frame after the belt was learned."""
    return (30 + number) * FRAME_NS


def edges(box: Box) -> npt.NDArray[np.int_]:
    """Return left, top, right, bottom."""
    return np.array((box.left_px, box.top_px, box.right_px, box.bottom_px))


def test_every_finder_has_its_row() -> None:
    """It should run this suite on every finder that the settings can name."""
    assert set(OPENERS) == set(get_args(Regions.model_fields["finder"].annotation))


def test_an_empty_belt_shows_nothing(subject: Finder) -> None:
    """It should find nothing where nothing is."""
    assert [subject.find(belt(), later(n)) for n in range(5)] == [Finding()] * 5


def test_one_piece_is_one_region_around_it(subject: Finder) -> None:
    """It should give one tight region, its area that of the piece, one body in it."""
    rng = np.random.default_rng(3)
    for number in range(12):
        left, top = (int(edge) for edge in rng.integers((40, 60), (420, 300)))
        wide, high = (int(side) for side in rng.integers(50, 140, 2))

        finding = subject.find(laden((left, top, left + wide, top + high)), later(number))

        (region,) = finding.regions
        assert not finding.covered
        assert not finding.learning
        off_px = np.abs(edges(region.box) - (left, top, left + wide, top + high)).max()
        assert off_px <= OFF_PX
        assert region.area_px == pytest.approx(wide * high, rel=0.2)
        assert region.lobes == 1


def test_a_clear_gap_parts_pieces(subject: Finder) -> None:
    """It should give each of several pieces its own region."""
    boxes = [(60, 60, 140, 160), (172, 60, 280, 160), (60, 300, 280, 400), (400, 200, 560, 380)]

    regions = subject.find(laden(*boxes), later(0)).regions

    found = sorted(tuple(edges(region.box)) for region in regions)
    assert np.abs(np.array(found) - np.array(sorted(boxes))).max() <= OFF_PX


def test_pieces_that_touch_are_told(subject: Finder) -> None:
    """It should part two discs that touch, or say that their region holds two bodies."""
    frame = belt()
    for middle in ((240, 240), (350, 240)):
        cv2.circle(frame, middle, 60, PIECE, -1)

    regions = subject.find(frame, later(0)).regions

    assert sum(region.lobes for region in regions) == 2


def test_a_piece_at_the_edge_ends_with_the_view(subject: Finder) -> None:
    """It should end a region where the view ends, and report nothing from beside it."""
    frame = laden((0, 100, 90, 200), (560, 400, 640, 480), (200, 0, 300, 24))

    entering, leaving = subject.find(frame, later(0)).regions

    assert entering.box.left_px == VIEW.left_px
    assert (leaving.box.right_px, leaving.box.bottom_px) == (VIEW.right_px, VIEW.bottom_px)


def test_dirt_is_no_piece(subject: Finder) -> None:
    """It should pass over what is smaller than the rules say."""
    assert subject.find(laden((300, 200, 312, 212)), later(0)).regions == ()


def test_nothing_is_left_of_a_piece_that_has_gone(subject: Finder) -> None:
    """It should show every frame for itself: gone is gone, moved is moved."""
    places = (60, 220, 380)
    for number, left in enumerate(places):
        (region,) = subject.find(laden((left, 200, left + 100, 300)), later(2 * number)).regions
        assert abs(region.box.left_px - left) <= OFF_PX
        assert subject.find(belt(), later(2 * number + 1)) == Finding()


def test_a_hand_covers(subject: Finder) -> None:
    """It should list no pieces when nearly all of the view is something else."""
    frame, rng = belt(), np.random.default_rng(2)
    sleeve = np.kron(rng.integers(150, 256, (12, 15, 3)), np.ones((40, 40, 1)))
    frame[:, :600] = sleeve.astype(np.uint8)

    assert subject.find(frame, later(0)) == Finding(covered=True)


def test_the_same_frames_show_the_same(opener: Callable[[RegionRules], Finder]) -> None:
    """It should be deterministic, and leave the pixels as they were."""
    frames = [laden((40 + 9 * n, 100, 160 + 9 * n, 220)) for n in range(10)]
    for frame in frames:
        frame.setflags(write=False)
    findings = []
    for _ in range(2):
        finder = opener(RegionRules(view=VIEW))
        findings.append([finder.find(frame, later(n)) for n, frame in enumerate(frames)])

    assert findings[0] == findings[1]
    assert all(len(finding.regions) == 1 for finding in findings[0])


@pytest.mark.parametrize(("width_px", "height_px"), [(160, 120), (320, 240), (1280, 960)])
def test_every_size_of_frame(width_px: int, height_px: int) -> None:
    """It should be as exact in other sizes of frame as its places allow."""
    view = Box(0, 0, width_px, height_px)
    rules = RegionRules(view=view, min_area_px=width_px * height_px // 800, thin_px=2, join_px=2)
    empty = np.full((height_px, width_px, 3), BELT, np.uint8)
    shown = empty.copy()
    truth = (width_px // 2, height_px // 4, width_px * 3 // 4, height_px // 2)
    shown[truth[1] : truth[3], truth[0] : truth[2]] = PIECE
    difference = RegionFinder(rules)
    for number in range(30):
        difference.find(empty, number * FRAME_NS)

    for finder in (difference, with_segments(rules)):
        (region,) = finder.find(shown, later(0)).regions

        assert np.abs(edges(region.box) - truth).max() <= max(2, OFF_PX * width_px // 640)


def test_a_frame_too_small_for_the_view(opener: Callable[[RegionRules], Finder]) -> None:
    """It should refuse a frame that does not hold its view, and a view too small to look at."""
    finder = opener(RegionRules(view=VIEW))

    with pytest.raises(ValueError, match="does not hold the view"):
        finder.find(np.zeros((100, 100, 3), np.uint8), later(0))
    with pytest.raises(ValueError, match="too small"):
        opener(RegionRules(view=Box(0, 0, 1, 400)))
