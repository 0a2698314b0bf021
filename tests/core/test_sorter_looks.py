"""Which frames and crops a belt's sorter asks for, and what it does without answers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sorterd.core.batching import Cost
from sorterd.core.records import Drop, FrameCame, FrameSeen, LookAt, Reason, Region, ScoresReady
from sorterd.core.sorter import BeltStation, Sorter
from tests.core.line import COSTS, Line
from tests.core.surroundings import MS, only


def test_piece_is_counted_once_and_scored_apart(line: Line) -> None:
    """It should ask again only once the view is another (counted twice, 15)."""
    line.run(0, 3500, every_ms=16)

    crops = [crop for _, batch in line.batches for crop in batch.crops]
    assert [outcome.piece for outcome in line.outcomes] == [1]
    assert crops[1].box.left_px - crops[0].box.left_px >= 20


def test_entering_piece_is_not_scored(line: Line) -> None:
    """It should look at a piece once all of it is in view."""
    line.run(0, 3500)

    first = line.batches[0][1].crops[0]
    assert first.box.left_px > 1
    assert first.box.width_px == pytest.approx(120, abs=3)


def test_early_decision_gives_up_waiting_crops(line: Line) -> None:
    """It should ask for no more once it is sure."""
    line.run(0, 3500)

    assert len(line.batches) == 2
    assert line.sorter.frames_needed() == frozenset()


def test_known_piece_is_scored_before_the_frame_is_looked_at(line: Line) -> None:
    """It should cut a second view where the piece must be by now, beside the look."""
    line.told_early = True
    line.run(0, 3500)

    first, second = line.batches
    assert (first[0] // MS - 5, second[0] // MS - 1) == (
        first[1].crops[0].sequence,
        second[1].crops[0].sequence,
    )
    front_px = 2 * line.travel_mm(second[1].crops[0].sequence)
    assert second[1].crops[0].box.right_px == pytest.approx(front_px, abs=4)
    assert only(line).reason is Reason.SORTED
    assert only(line).crops == 2


def test_the_same_comes_of_frames_that_are_told_early(
    line: Line,
    station: BeltStation,
    region: Callable[..., Region],
    scored: Callable[..., ScoresReady],
) -> None:
    """It should decide alike, only sooner, whether or not it may expect pieces."""
    pieces = {0.0: "can", 150.0: "jar", 320.0: "rag", 500.0: "pear"}
    late = Line(sorter=Sorter(station, COSTS), scored=scored, region=region, pieces=pieces)
    late.run(0, 8000)
    line.told_early, line.pieces = True, pieces
    line.run(0, 8000)

    assert [each.bin for each in line.outcomes] == [each.bin for each in late.outcomes]
    for early, slow in zip(line.outcomes, late.outcomes, strict=True):
        assert early.decided_ns is not None
        assert slow.decided_ns is not None
        assert early.decided_ns <= slow.decided_ns


@pytest.mark.parametrize("width_mm", [None, 120.0])
def test_crop_of_a_piece_that_was_not_there_counts_for_nothing(
    line: Line, region: Callable[..., Region], width_mm: float | None
) -> None:
    """It should forget the scores of a place that the frame shows empty, or else than expected."""
    t_ms = 0
    while len(line.batches) < 2:
        t_ms += 33
        line.until(t_ms * MS)
        line.tell(FrameCame(t_ms, t_ms * MS, t_ms * MS + MS))
        if len(line.batches) < 2:
            line.show(t_ms)
    front_mm = line.travel_mm(t_ms)
    shown = () if width_mm is None else (region(front_mm, width_mm=width_mm),)
    line.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, shown))
    line.run(t_ms + 33, 3500)

    assert line.sorter.drops[Drop.CROP_NOT_THERE] == 1
    assert only(line).crops == 2
    assert len(line.batches) == 3


def test_too_old_a_frame_is_not_looked_at(line: Line) -> None:
    """It should ask for no look at what it could not act on (frame is old, 2)."""
    fresh = line.sorter.step(FrameCame(1, 0, 250 * MS))
    old = line.sorter.step(FrameCame(2, 33 * MS, 284 * MS))

    assert fresh == (LookAt(1),)
    assert old == ()
    assert line.sorter.drops == {Drop.FRAME_TOO_OLD: 1}
    assert line.sorter.frames_seen == 1


def test_empty_belt_is_looked_at_less_often(line: Line) -> None:
    """It should need no frame until the belt has run a little, and every one once a piece shows."""
    line.pieces = {100.0: "can"}
    rests = [line.sorter.rests_until_ns]
    for from_ms, to_ms in ((0, 1), (33, 600), (600, 4000)):
        line.run(from_ms, to_ms)
        rests.append(line.sorter.rests_until_ns)

    assert rests[:3] == [None, 200 * MS, None]
    assert rests[3] is not None
    assert rests[3] > 3900 * MS


@pytest.mark.parametrize(("speed_mm_s", "rest_ms"), [(400.0, 100), (100.0, 200)])
def test_rest_on_an_empty_belt_is_short(
    station: BeltStation, seen: Callable[..., FrameSeen], speed_mm_s: float, rest_ms: int
) -> None:
    """It should rest for an eighth of the view, and on a slow belt no longer than 200 ms."""
    subject = Sorter(replace(station, belt=replace(station.belt, speed_mm_s=speed_mm_s)), COSTS)
    subject.step(seen(1000))

    assert subject.rests_until_ns == (1000 + rest_ms) * MS


def test_waiting_crop_shows_the_piece_as_it_is(line: Line) -> None:
    """It should score the newest view once the runtime is free, not the one that began to wait."""
    line.pieces = {0.0: "can", 140.0: "jar"}
    line.latency_ms = 400.0
    line.run(0, 3500)

    assert len(line.batches) > 2
    for sent_ns, batch in line.batches:
        for crop in batch.crops:
            in_view = line.travel_mm(sent_ns / MS) - list(line.pieces)[crop.piece - 1] < 310
            assert sent_ns - crop.exposed_ns <= 40 * MS or not in_view


def test_model_too_slow_to_be_asked_is_named(line: Line, station: BeltStation) -> None:
    """It should not start what cannot end before the deadline."""
    line.sorter = Sorter(station, {1: Cost(5000 * MS, 5000 * MS)})
    line.run(0, 5000)

    assert only(line).reason is Reason.NO_TIME
    assert not line.batches
    assert line.sorter.drops[Drop.CROP_NO_TIME] > 0


def test_crop_aims_at_the_first_gate_it_can_meet(line: Line, station: BeltStation) -> None:
    """It should still look at a pear when the model is too slow for the gates before its own."""
    line.sorter = Sorter(replace(station, stall_ns=9000 * MS), {1: Cost(2000 * MS, 2200 * MS)})
    line.pieces = {0.0: "pear"}
    line.latency_ms = 2000.0
    line.run(0, 6000)

    assert only(line).reason is Reason.SORTED


def test_stall_is_named(line: Line) -> None:
    """It should give up the piece inside a stalled runtime, and those that come after."""
    line.latency_ms = None
    line.pieces = {0.0: "can", 200.0: "jar"}
    line.run(0, 1000)
    begun_ns, _ = line.batches[0]
    assert line.sorter.stalled

    line.run(1023, 6000)
    assert [outcome.reason for outcome in line.outcomes] == [Reason.RUNTIME_STALLED] * 2
    assert line.outcomes[0].decided_ns == begun_ns + 500 * MS
    assert line.sorter.drops[Drop.CROP_STALLED] == 1


def test_refused_frames_are_counted(line: Line, seen: Callable[..., FrameSeen]) -> None:
    """It should act on no frame that is too old, out of order or covered (frame is old, 2)."""
    line.tell(seen(0, line.region(200.0), covered=True))
    line.tell(replace(seen(33, line.region(200.0)), now_ns=400 * MS))
    line.tell(replace(seen(300), now_ns=401 * MS))
    line.tell(replace(seen(250, line.region(200.0)), now_ns=402 * MS))

    assert line.sorter.views(402 * MS) == ()
    assert line.sorter.frames_seen == 4
    assert line.sorter.drops == {
        Drop.FRAME_COVERED: 1,
        Drop.FRAME_TOO_OLD: 1,
        Drop.FRAME_OUT_OF_ORDER: 1,
    }
