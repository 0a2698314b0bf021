"""The overlay: everything the station knows can be seen, and the frame stays as it was."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.core.records import NO_EVIDENCE, Box, PieceView, Reason, Verdict
from sorterd.vision.lettering import measured
from sorterd.vision.overlay import STRIP_PX, GateView, StationPlan, draw
from sorterd.vision.plan import AMBER, RED
from sorterd.vision.strip import state_colour

Picture = npt.NDArray[np.uint8]

NOW_NS = 7_003_000_019
GATES = (
    GateView("one", "paper", 0.0, 450.0),
    GateView("two", "glass", 0.0, 560.0),
    GateView("three", "compost", 0.0, 780.0),
)
PLAN = StationPlan(gates=GATES, end_bin="landfill", view_mm=320.0, length_mm=900.0)
LIDS = replace(PLAN, view_mm=None, length_mm=None)
SURE = Verdict("glass", 0.93, "recyclable", 0.97, (0.93, 0.07))


def frame(width: int = 640, height: int = 480) -> Picture:
    """Return an even grey picture."""
    return np.full((height, width, 3), 110, np.uint8)


def piece(**known: object) -> PieceView:
    """Return a piece in the middle of the picture, decided for glass."""
    usual = PieceView(
        piece=7,
        box=Box(250, 200, 120, 90),
        along_mm=155.0,
        verdict=SURE,
        bin="glass",
        reason=None,
        due_ns=NOW_NS + 1_200_000_000,
    )
    return replace(usual, **known)  # type: ignore[arg-type]  # each test names what it changes


def has(picture: Picture, colour: tuple[int, int, int]) -> int:
    """Count the pixels of exactly one colour."""
    return int(np.count_nonzero((picture == np.array(colour)).all(axis=2)))


@pytest.mark.parametrize(("width", "height"), [(640, 480), (321, 241), (64, 48), (1920, 1080)])
@pytest.mark.parametrize("plan", [None, PLAN, LIDS])
def test_sizes(width: int, height: int, plan: StationPlan | None) -> None:
    """It should return a new picture with the strip below, for any size of frame and station."""
    pixels = frame(width, height)
    pixels.setflags(write=False)
    views = (piece(), piece(piece=8, box=Box(-60, -20, 100, 60)), piece(piece=9, box=None))

    drawn = draw(pixels, views, plan, now_ns=NOW_NS)

    assert drawn.shape == (height + (STRIP_PX if plan else 0), width, 3)
    assert drawn.dtype == np.uint8
    assert (pixels == 110).all()


def test_a_piece_is_outlined_in_the_colour_of_its_bin() -> None:
    """It should draw the outline around the piece's box, in the bin's colour, and not over it."""
    view = piece()

    drawn = draw(frame(), (view,), PLAN, now_ns=NOW_NS)

    assert view.box is not None
    inside = drawn[view.box.top_px + 3 : 287, view.box.left_px + 3 : 367]
    rim = drawn[view.box.top_px - 1, view.box.left_px + 20 : 340]
    assert (inside == 110).all()
    assert (rim == PLAN.colour_of("glass")).all()


def test_states_have_colours_of_their_own() -> None:
    """It should tell apart a piece that waits, each bin, the end bin, and why it failed."""
    views = (
        piece(bin=None, verdict=NO_EVIDENCE),
        piece(bin="paper"),
        piece(bin="glass", reason=Reason.SORTED),
        piece(bin="landfill", reason=Reason.BELONGS_IN_END_BIN),
        piece(bin="landfill", reason=Reason.UNSURE),
    )

    colours = [state_colour(view, PLAN) for view in views]

    assert len(set(colours)) == 5
    assert colours[-1] == RED


def test_what_a_card_says_changes_the_picture() -> None:
    """It should show label, confidence, bin, reason and time left: each makes another picture."""
    views = (
        piece(),
        piece(verdict=replace(SURE, label="paper")),
        piece(verdict=replace(SURE, confidence_frac=0.71)),
        piece(bin="paper"),
        piece(bin="landfill", reason=Reason.TOO_CLOSE),
        piece(bin="landfill", reason=Reason.GATE_LATE),
        piece(due_ns=NOW_NS + 300_000_000),
        piece(due_ns=None),
        piece(bin=None, verdict=NO_EVIDENCE),
    )

    drawn = {draw(frame(), (view,), None, now_ns=NOW_NS).tobytes() for view in views}

    assert len(drawn) == len(views)


def test_time_left_is_told_from_now() -> None:
    """It should draw the same for every start of the clock, and say nothing of a time gone by."""
    late_ns = NOW_NS + 10**15
    moved = piece(due_ns=late_ns + 1_200_000_000)

    assert np.array_equal(
        draw(frame(), (piece(),), PLAN, now_ns=NOW_NS),
        draw(frame(), (moved,), PLAN, now_ns=late_ns),
    )
    assert np.array_equal(
        draw(frame(), (piece(due_ns=NOW_NS - 1),), PLAN, now_ns=NOW_NS),
        draw(frame(), (piece(due_ns=None),), PLAN, now_ns=NOW_NS),
    )


def test_cards_stay_in_the_picture_and_apart() -> None:
    """It should keep every card readable: inside the picture and clear of the others."""
    boxes = [Box(left, top, 60, 40) for left in (-10, 280, 600) for top in (-10, 60, 220, 450)]
    views = tuple(piece(piece=number, box=box) for number, box in enumerate(boxes))
    alone = [draw(frame(), (view,), None, now_ns=NOW_NS) for view in views]

    together = draw(frame(), views, None, now_ns=NOW_NS)

    stripe = PLAN.colour_of("nothing known")
    assert stripe
    for picture in alone:
        assert has(picture, AMBER) > 100
    # Twelve cards cover as much as twelve cards do one by one: none lies on another.
    dark = [int((picture.max(axis=2) < 60).sum()) for picture in (*alone, together)]
    assert dark[-1] > 0.93 * sum(dark[:-1])


def test_gates_are_drawn_as_they_stand() -> None:
    """It should draw an arm closed, moving and open differently, in the open gate's own colour."""
    strips = []
    for open_frac in (0.0, 0.5, 1.0):
        plan = replace(PLAN, gates=(replace(GATES[0], open_frac=open_frac), *GATES[1:]))
        strips.append(draw(frame(), (), plan, now_ns=NOW_NS)[480:])
    closed, moving, opened = strips

    assert has(moving, AMBER) > 60
    assert has(closed, AMBER) == has(opened, AMBER) == 0
    assert has(opened, PLAN.colour_of("paper")) > has(closed, PLAN.colour_of("paper")) + 60


def test_lids_are_drawn_as_they_stand() -> None:
    """It should draw a lid closed, moving and open differently."""
    drawn = [
        draw(
            frame(),
            (),
            replace(LIDS, gates=(replace(GATES[0], open_frac=open_frac), *GATES[1:])),
            now_ns=NOW_NS,
        )
        for open_frac in (0.0, 0.5, 1.0)
    ]

    assert has(drawn[1], AMBER) > 60
    assert len({picture.tobytes() for picture in drawn}) == 3


def test_pieces_travel_along_the_strip_to_scale() -> None:
    """It should show a piece where it is on the belt, also when no camera sees it any more."""
    empty = draw(frame(), (), PLAN, now_ns=NOW_NS)[480:]
    middles = []
    for along_mm in (100.0, 200.0, 700.0):
        view = piece(box=None, along_mm=along_mm)
        strip = draw(frame(), (view,), PLAN, now_ns=NOW_NS)[480:]
        _, columns = np.nonzero((strip != empty).any(axis=2))
        middles.append((columns.min() + columns.max()) / 2)

    assert middles[2] - middles[1] == pytest.approx(5 * (middles[1] - middles[0]), abs=3)
    assert np.array_equal(
        draw(frame(), (piece(box=None, along_mm=905.0),), PLAN, now_ns=NOW_NS)[480:], empty
    )


def test_a_station_with_one_gate_or_none() -> None:
    """It should draw stations of any number of gates, and more bins than it has colours."""
    many = tuple(GateView(f"g{n}", f"bin {n}", n / 11, 80.0 * n) for n in range(1, 12))
    for gates in ((), GATES[:1], many):
        for plan in (replace(PLAN, gates=gates), replace(LIDS, gates=gates)):
            assert draw(frame(), (), plan, now_ns=NOW_NS).shape == (480 + STRIP_PX, 640, 3)


def test_text_fits_its_room() -> None:
    """It should shrink, then shorten what is too wide, and replace what the font does not have."""
    for text in ("packaging", "a very long name of a bin indeed", "W" * 80):
        line = measured(text, 0.4, room_px=60)
        assert line.width_px <= 60
        assert line.text

    assert measured("café", 0.4).text == "caf?"
    assert measured("paper", 0.4, room_px=200).scale == 0.4
