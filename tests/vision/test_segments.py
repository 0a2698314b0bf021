"""The finder that knows pieces by their looks: drawn masks in, regions out."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.vision.regions import Finding, RegionRules
from sorterd.vision.segments import SegmentFinder

Picture = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 640, 480
WHOLE = Box(0, 0, WIDTH, HEIGHT)


class Brightness:
    """A model that takes what is brighter than level 100 for a piece, a place for 2 x 2 pixels."""

    def __init__(self, width_px: int = 320, height_px: int = 240) -> None:
        self.spec = InputSpec(width_px, height_px, "uint8", gain=1.0, offset=0.0)
        self._slot = np.zeros((height_px, width_px, 3), np.uint8)
        self.asked = 0

    def slot(self) -> npt.NDArray[np.generic]:
        """Return the input."""
        return self._slot

    def numbers(self) -> npt.NDArray[np.float32]:
        """Return a hundredth of the brightness above 100."""
        self.asked += 1
        size = self.spec.width_px // 2, self.spec.height_px // 2
        mean = cv2.resize(self._slot, size, interpolation=cv2.INTER_AREA).mean(axis=2)
        return np.asarray(mean / 100 - 1, np.float32)


def finder(
    view: Box = WHOLE,
    *,
    apart: float = 0.0,
    covered_frac: float = 0.6,
    max_area_px: int | None = None,
    model: Brightness | None = None,
) -> SegmentFinder:
    """Return a finder over the drawn model; padding (level 128) is a piece to it."""
    rules = RegionRules(view=view, covered_frac=covered_frac, max_area_px=max_area_px)
    return SegmentFinder(model or Brightness(), rules, threshold=0.0, apart=apart)


def dark() -> Picture:
    """Return an empty frame."""
    return np.full((HEIGHT, WIDTH, 3), 20, np.uint8)


def edges(box: Box) -> npt.NDArray[np.int_]:
    """Return left, top, right, bottom."""
    return np.array((box.left_px, box.top_px, box.right_px, box.bottom_px))


def test_boxes_and_areas_are_those_of_the_pieces() -> None:
    """It should find discs and turned boxes within 4 pixels, with their area."""
    subject, rng = finder(), np.random.default_rng(4)
    for number in range(20):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        middle = rng.uniform((150, 140), (490, 340))
        if number % 2:
            radius = int(rng.integers(15, 90))
            cv2.circle(mask, np.rint(middle).astype(int).tolist(), radius, (1,), -1)
        else:
            size = rng.uniform((40, 40), (180, 120))
            corners = cv2.boxPoints((middle.tolist(), size.tolist(), rng.uniform(0, 90)))
            cv2.fillPoly(mask, [corners.astype(np.int32)], (1,))
        frame = dark()
        frame[mask > 0] = 240
        left, top, wide, high = cv2.boundingRect(mask)

        (region,) = subject.find(frame, 0).regions

        assert np.abs(edges(region.box) - (left, top, left + wide, top + high)).max() <= 6
        assert region.area_px == pytest.approx(np.count_nonzero(mask), rel=0.15, abs=150)
        assert region.lobes == 1


@pytest.mark.parametrize(
    ("size", "view", "model"),
    [
        ((480, 640), Box(0, 0, 640, 480), (320, 240)),
        ((480, 640), Box(37, 101, 571, 203), (320, 240)),
        ((720, 1280), Box(0, 0, 1280, 720), (320, 240)),
        ((720, 1280), Box(401, 3, 300, 700), (320, 240)),
        ((120, 160), Box(0, 0, 160, 120), (160, 128)),
    ],
)
def test_places_are_right_in_every_shape_of_view(
    size: tuple[int, int], view: Box, model: tuple[int, int]
) -> None:
    """It should place a box where the piece is, wherever the model's input leaves room beside."""
    least = RegionRules(view=view, min_area_px=100, covered_frac=0.9, thin_px=2)
    subject = SegmentFinder(Brightness(*model), least, threshold=0.4, apart=0.4)
    left, top = view.left_px + view.width_px // 3, view.top_px + view.height_px // 4
    right, bottom = view.left_px + view.width_px * 3 // 4, view.top_px + view.height_px * 3 // 4
    frame = np.full((*size, 3), 20, np.uint8)
    frame[top:bottom, left:right] = 255

    (region,) = subject.find(frame, 0).regions

    # Half a place of the model, and one of the fine grid, in pixels of the frame.
    most = max(view.width_px / model[0], view.height_px / model[1], 1) + 1
    most += max(view.width_px, view.height_px) / 320
    assert np.abs(edges(region.box) - (left, top, right, bottom)).max() <= most + 1


def test_a_piece_at_the_edge_ends_with_the_view() -> None:
    """It should end a region where the view ends, with nothing from beside it."""
    view = Box(22, 32, 600, 420)
    frame = dark()
    frame[20:120, 0:100] = 240
    frame[400:470, 560:640] = 240

    entering, leaving = finder(view).find(frame, 0).regions

    assert (entering.box.left_px, entering.box.top_px) == (view.left_px, view.top_px)
    assert (leaving.box.right_px, leaving.box.bottom_px) == (view.right_px, view.bottom_px)


def test_bodies_that_touch_come_apart_where_they_are_sure() -> None:
    """It should part two bodies joined by a doubtful bridge, and keep one that is sure all over."""
    frame = dark()
    frame[200:300, 100:200] = 250
    frame[200:300, 210:310] = 250
    frame[200:300, 200:210] = 130

    joined = finder(apart=0.0).find(frame, 0).regions
    left, right = sorted(finder(apart=1.2).find(frame, 0).regions, key=lambda r: r.box.left_px)

    assert len(joined) == 1
    assert np.abs(edges(left.box) - (100, 200, 205, 300)).max() <= 6
    assert np.abs(edges(right.box) - (205, 200, 310, 300)).max() <= 6
    assert left.area_px + right.area_px == pytest.approx(joined[0].area_px, rel=0.02)


def test_a_weak_spot_at_the_rim_is_no_second_piece() -> None:
    """It should not part a piece because a crumb of it is sure of itself."""
    frame = dark()
    frame[200:300, 100:200] = 250
    frame[200:300, 200:260] = 130
    frame[248:252, 250:254] = 255

    assert len(finder(apart=1.2).find(frame, 0).regions) == 1


def test_two_bodies_that_did_not_come_apart_are_told() -> None:
    """It should count the bodies of an outline as the other finder does."""
    frame = dark()
    cv2.circle(frame, (240, 240), 60, (250, 250, 250), -1)
    cv2.circle(frame, (350, 240), 60, (250, 250, 250), -1)

    (region,) = finder().find(frame, 0).regions

    assert region.lobes == 2


def test_holes_are_filled_and_dirt_is_passed_over() -> None:
    """It should give a ring its inside, and pass over specks and scratches."""
    frame = dark()
    cv2.circle(frame, (300, 240), 70, (250, 250, 250), 16)
    cv2.line(frame, (20, 20), (600, 60), (250, 250, 250), 2)
    frame[400:412, 500:512] = 250

    (region,) = finder().find(frame, 0).regions

    assert region.area_px == pytest.approx(np.pi * 78**2, rel=0.06)


@pytest.mark.parametrize("draw", ["hand", "one", "confetti"])
def test_too_much_covers(draw: str) -> None:
    """It should say that the view is covered: by its share, by one thing, by too many."""
    frame = dark()
    if draw == "hand":
        frame[:, :500] = 240
    elif draw == "one":
        frame[100:400, 100:400] = 240
    else:
        for top in range(10, HEIGHT - 40, 50):
            for left in range(10, WIDTH - 40, 50):
                frame[top : top + 26, left : left + 26] = 250

    assert finder(max_area_px=60_000).find(frame, 0) == Finding(covered=True)


def test_the_model_is_asked_once_a_frame() -> None:
    """It should ask for an empty frame too, and never twice."""
    model = Brightness()
    subject = finder(model=model)

    assert subject.find(dark(), 0) == Finding()
    assert subject.find(dark(), 1) == Finding()
    assert model.asked == 2


def test_levels_in_the_wrong_order() -> None:
    """It should refuse to part bodies below the threshold."""
    with pytest.raises(ValueError, match="apart"):
        finder(apart=-1.0)


def test_cover_is_what_regions_are_made_of() -> None:
    """It should show the places of pieces on the fine grid."""
    frame = dark()
    frame[100:200, 100:300] = 240

    cover = finder().cover(frame)

    assert cover.shape == (240, 320)
    assert np.count_nonzero(cover) == pytest.approx(50 * 100, rel=0.06)
    assert cover[75, 100] == 255
