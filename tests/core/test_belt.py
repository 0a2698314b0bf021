from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.belt import Belt, Direction, Span
from sorterd.core.records import Box

BOXES = st.builds(
    Box, st.integers(-300, 900), st.integers(-300, 700), st.integers(1, 200), st.integers(1, 200)
)


def facing(belt: Belt, direction: Direction) -> Belt:
    """Return the same belt, filmed by a camera that is turned."""
    if direction in {Direction.UP, Direction.DOWN}:
        view = Box(0, 0, belt.height_px, belt.width_px)
        belt = replace(belt, width_px=belt.height_px, height_px=belt.width_px, view=view)
    return replace(belt, direction=direction)


def turned(box: Box, belt: Belt, direction: Direction) -> Box:
    """Return where a box of the picture of a belt to the right lies in the turned picture."""
    wide, high = box.width_px, box.height_px
    match direction:
        case Direction.RIGHT:
            return box
        case Direction.DOWN:  # clockwise
            return Box(belt.height_px - box.bottom_px, box.left_px, high, wide)
        case Direction.LEFT:  # half a turn
            return Box(belt.width_px - box.right_px, belt.height_px - box.bottom_px, wide, high)
        case Direction.UP:  # counter-clockwise
            return Box(box.top_px, belt.width_px - box.right_px, high, wide)


@settings(derandomize=True, deadline=None)
@given(box=BOXES, direction=st.sampled_from(Direction))
def test_box_and_span_round_trip(belt: Belt, box: Box, direction: Direction) -> None:
    """It should give back every box, whichever way the belt runs."""
    each = facing(belt, direction)

    assert each.box(each.span(box)) == box


@settings(derandomize=True, deadline=None)
@given(box=BOXES, direction=st.sampled_from(Direction))
def test_every_direction_is_the_one_to_the_right_turned(
    belt: Belt, box: Box, direction: Direction
) -> None:
    """It should place a piece alike, however the camera is turned."""
    there = facing(belt, direction).span(turned(box, belt, direction))

    assert there == belt.span(box)


def test_belt_to_the_right_is_canonical(belt: Belt) -> None:
    """It should take columns for along and rows for across, in millimetres."""
    assert belt.span(Box(10, 20, 100, 40)) == Span(5.0, 55.0, 10.0, 30.0)


def test_view_is_part_of_the_belt(belt: Belt) -> None:
    """It should measure from the frame's edge, not from the view's."""
    narrow = replace(belt, view=Box(40, 0, 500, 480), direction=Direction.LEFT)

    assert narrow.view_span == Span(50.0, 300.0, 0.0, 240.0)


@settings(derandomize=True, deadline=None)
@given(box=BOXES)
def test_visible_part_lies_in_the_view(belt: Belt, box: Box) -> None:
    """It should cut off what lies outside and leave at least a pixel."""
    cut = belt.visible(belt.span(box))

    assert 0 <= cut.left_px < cut.right_px <= 640
    assert 0 <= cut.top_px < cut.bottom_px <= 480


def test_span_knows_its_middle_and_hull() -> None:
    """It should do plain geometry."""
    one, other = Span(0.0, 40.0, 10.0, 30.0), Span(50.0, 60.0, 20.0, 60.0)

    assert (one.along_mm, one.across_mm, one.length_mm) == (20.0, 20.0, 40.0)
    assert one.moved(5.0) == Span(5.0, 45.0, 10.0, 30.0)
    assert one.hull(other) == Span(0.0, 60.0, 10.0, 60.0)
    assert one.overlap_across_frac(other) == pytest.approx(0.5)
    assert other.overlap_across_frac(one) == pytest.approx(0.5)
    assert one.overlap_across_frac(Span(0.0, 1.0, 90.0, 90.0)) == 0.0
