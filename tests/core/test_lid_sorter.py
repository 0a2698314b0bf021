from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from sorterd.core.batching import Cost
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.lid_sorter import LidPlan, LidSorter, LidStation
from sorterd.core.records import (
    Box,
    Crop,
    Drop,
    FrameSeen,
    GateMoved,
    Movement,
    Reason,
    Region,
    ScoresReady,
    Stop,
)
from tests.core.surroundings import MS, NOT_OPENED, Surroundings, only

COSTS = {1: Cost(20 * MS, 30 * MS)}
HERE = Box(100, 100, 80, 60)
THERE = Box(400, 200, 80, 60)


@pytest.fixture
def station(judging: JudgingRules, bins: Bins) -> LidStation:
    """Return a station with three lids that open for a second."""
    lids = {name: LidPlan(name, 200 * MS, 300 * MS) for name in ("metal", "glass", "compost")}
    return LidStation(
        mm_per_px=0.5,
        lids=lids,
        bins=bins,
        judging=judging,
        still_ns=300 * MS,
        patience_ns=2000 * MS,
        open_ns=1000 * MS,
        lead_ns=40 * MS,
        max_age_ns=250 * MS,
        stall_ns=500 * MS,
    )


@pytest.fixture
def subject(station: LidStation) -> LidSorter:
    """Return a sorter before its first event."""
    return LidSorter(station, COSTS)


@dataclass(kw_only=True)
class Desk(Surroundings):
    """A camera over the place where pieces are put down.

    Attributes:
        label: What the model says.
    """

    label: str = "can"

    def show(self, *boxes: Box, from_ms: int, to_ms: int, lobes: int = 1) -> None:
        """Let frames of these regions come, and in between all that falls due."""
        regions = tuple(Region(box, box.width_px * box.height_px, lobes) for box in boxes)
        for t_ms in range(from_ms, to_ms, 33):
            self.until(t_ms * MS + 5 * MS)
            self.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, regions))

    def labels_of(self, crops: Sequence[Crop]) -> list[str]:
        """Return the one label for each."""
        return [self.label] * len(crops)


@pytest.fixture
def desk(subject: LidSorter, scored: Callable[..., ScoresReady]) -> Desk:
    """Return a desk before anything was put down."""
    return Desk(sorter=subject, scored=scored)


def test_piece_that_rests_alone_opens_its_lid(desk: Desk) -> None:
    """It should open the right lid for its time, and write the piece down once it is shut."""
    desk.show(HERE, from_ms=0, to_ms=700)
    (pulse,) = desk.pulses
    assert pulse.gate == "metal"
    assert pulse.close_ns - pulse.open_ns == 1000 * MS
    assert pulse.open_ns - pulse.start_ns == 200 * MS

    desk.show(from_ms=700, to_ms=3000)
    outcome = only(desk)
    assert (outcome.bin, outcome.reason, outcome.opened_late_ns) == ("metal", Reason.SORTED, 0)
    assert outcome.ended_ns >= pulse.clear_ns
    assert outcome.crops == len(desk.batches)
    assert outcome.length_mm == 40.0
    assert (outcome.last_along_mm, outcome.last_across_mm) == (70.0, 65.0)


def test_lid_is_given_its_notice(desk: Desk) -> None:
    """It should open no earlier than one lead after the decision."""
    desk.show(HERE, from_ms=0, to_ms=700)
    desk.show(from_ms=700, to_ms=3000)

    assert only(desk).decided_ns is not None
    assert desk.pulses[0].start_ns - (only(desk).decided_ns or 0) == 40 * MS


def test_piece_that_moves_is_not_looked_at(desk: Desk) -> None:
    """It should wait until a piece lies still."""
    for number in range(30):
        begin_ms = 33 * number
        desk.show(Box(10 + 20 * number, 100, 80, 60), from_ms=begin_ms, to_ms=begin_ms + 1)
    assert not desk.batches

    desk.show(Box(600, 100, 80, 60), from_ms=990, to_ms=1400)
    assert desk.batches[0][1].crops[0].exposed_ns >= 1257 * MS


@pytest.mark.parametrize("latency_ms", [20.0, 400.0])
def test_views_of_a_lying_piece_are_ten_a_second(desk: Desk, latency_ms: float) -> None:
    """It should not look at the same picture at the camera's rate, nor line up views."""
    desk.label, desk.latency_ms = "no label", latency_ms
    desk.show(HERE, from_ms=0, to_ms=700)

    exposed = [crop.exposed_ns for _, batch in desk.batches for crop in batch.crops]
    assert all(later - earlier >= 100 * MS for earlier, later in pairwise(exposed))
    assert not desk.sorter.drops


def test_two_at_once_open_nothing(desk: Desk) -> None:
    """It should refuse both, and write both down when they are taken away (two items, 16)."""
    desk.show(HERE, THERE, from_ms=0, to_ms=2000)
    assert not desk.pulses
    desk.show(from_ms=2000, to_ms=2500)

    assert [each.reason for each in desk.outcomes] == [Reason.TWO_AT_ONCE] * 2
    assert not desk.batches


def test_second_piece_beside_an_undecided_one_opens_nothing(desk: Desk) -> None:
    """It should open no lid while it cannot say which piece it is for."""
    desk.latency_ms = 150.0
    desk.show(HERE, from_ms=0, to_ms=250)
    desk.show(HERE, THERE, from_ms=250, to_ms=1500)

    assert not desk.pulses


def test_one_region_of_two_bodies_opens_nothing(desk: Desk) -> None:
    """It should see two that touch (two items, 16)."""
    desk.show(HERE, from_ms=0, to_ms=1000, lobes=2)
    desk.show(from_ms=1000, to_ms=1500)

    assert only(desk).reason is Reason.TWO_AT_ONCE


def test_piece_that_was_taken_away_is_named(desk: Desk) -> None:
    """It should open nothing for a piece that lay still and is no longer there."""
    desk.latency_ms = 400.0
    desk.show(HERE, from_ms=0, to_ms=400)
    desk.show(from_ms=400, to_ms=1500)

    assert only(desk).reason is Reason.TAKEN_AWAY
    assert not desk.pulses


def test_piece_that_is_gone_by_the_end_of_patience_is_named(desk: Desk) -> None:
    """It should decide nothing for a piece that the same late look shows to be gone."""
    desk.label = "no label"
    desk.show(HERE, from_ms=0, to_ms=700)
    desk.tell(FrameSeen(2400, 2400 * MS, 2405 * MS, ()))

    assert only(desk).reason is Reason.TAKEN_AWAY


def test_hand_that_passes_vanishes(desk: Desk) -> None:
    """It should not call what never lay still a piece that was taken."""
    desk.show(HERE, from_ms=1000, to_ms=1200)
    desk.show(from_ms=1200, to_ms=1600)

    assert only(desk).reason is Reason.VANISHED


def test_patience_ends(desk: Desk) -> None:
    """It should decide by what it has when the person has waited long enough."""
    desk.label = "no label"
    desk.show(HERE, from_ms=0, to_ms=4000)
    desk.show(from_ms=4000, to_ms=4500)

    assert only(desk).reason is Reason.UNSURE
    assert only(desk).decided_ns is not None
    assert (only(desk).decided_ns or 0) <= 2300 * MS
    assert not desk.pulses


def test_as_many_looks_as_may_be_end_the_wait(desk: Desk, judging: JudgingRules) -> None:
    """It should not wait for the end of patience once further looks would not count."""
    desk.label = "none of them"
    desk.show(HERE, from_ms=0, to_ms=1500)
    desk.show(from_ms=1500, to_ms=2000)

    assert (only(desk).reason, only(desk).crops) == (Reason.UNSURE, judging.max_views)
    assert (only(desk).decided_ns or 0) < 1000 * MS


def test_patience_ends_without_frames(desk: Desk, station: LidStation) -> None:
    """It should ask to be woken when its patience is over, though the camera is dead."""
    desk.sorter = LidSorter(station, {1: Cost(9000 * MS, 9000 * MS)})
    desk.show(HERE, from_ms=0, to_ms=400)
    desk.until(5000 * MS)
    desk.tell(Stop(5000 * MS))

    assert only(desk).reason is Reason.NO_TIME
    assert only(desk).decided_ns == 2300 * MS
    assert desk.sorter.drops[Drop.CROP_NO_TIME] > 0


def test_what_belongs_in_the_end_bin_opens_nothing(desk: Desk) -> None:
    """It should leave it to the person to take a rag away."""
    desk.label = "rag"
    desk.show(HERE, from_ms=0, to_ms=1500)
    assert not desk.outcomes
    desk.show(from_ms=1500, to_ms=2000)

    assert only(desk).reason is Reason.BELONGS_IN_END_BIN


def test_nothing_is_counted_while_the_lid_is_open(desk: Desk) -> None:
    """It should take no falling piece and no lid for another piece (counted twice, 15)."""
    desk.show(HERE, from_ms=0, to_ms=700)
    open_ms = desk.pulses[0].open_ns // MS
    desk.show(HERE, from_ms=700, to_ms=open_ms)
    desk.show(Box(100, 180, 90, 90), from_ms=open_ms, to_ms=open_ms + 60)
    desk.show(from_ms=open_ms + 60, to_ms=open_ms + 700)
    desk.show(Box(80, 300, 200, 100), from_ms=open_ms + 700, to_ms=open_ms + 1250)
    desk.show(from_ms=open_ms + 1250, to_ms=open_ms + 3000)

    assert only(desk).reason is Reason.SORTED
    assert len(desk.pulses) == 1


def test_next_piece_waits_for_the_lid_to_shut(desk: Desk) -> None:
    """It should judge what was put down while a lid was open once that is over."""
    desk.show(HERE, from_ms=0, to_ms=800)
    desk.show(from_ms=800, to_ms=1200)
    desk.label = "jar"
    desk.show(THERE, from_ms=1200, to_ms=3000)
    desk.show(from_ms=3000, to_ms=6000)

    assert [each.bin for each in desk.outcomes] == ["metal", "glass"]
    assert desk.pulses[0].clear_ns <= desk.pulses[1].start_ns


def test_piece_beside_a_falling_one_waits_for_its_lid(desk: Desk) -> None:
    """It should not give up a piece because another's lid is still open."""
    desk.show(HERE, from_ms=0, to_ms=440)
    desk.show(HERE, THERE, from_ms=440, to_ms=441)
    desk.until(800 * MS)
    desk.label = "jar"
    desk.show(THERE, from_ms=800, to_ms=3500)
    desk.show(from_ms=3500, to_ms=7000)

    assert [each.bin for each in desk.outcomes] == ["metal", "glass"]


@pytest.mark.parametrize("movement", [Movement.OPENED, Movement.REFUSED_LATE])
def test_next_lid_opens_once_the_first_is_shut_without_a_frame(
    desk: Desk, movement: Movement
) -> None:
    """It should ask to be woken for a piece that waits for another's lid, sure of it by then."""
    desk.movement = movement
    desk.show(HERE, from_ms=0, to_ms=440)
    desk.show(HERE, THERE, from_ms=440, to_ms=441)
    desk.show(THERE, from_ms=800, to_ms=1300)
    desk.until(3000 * MS)

    first, second = desk.pulses
    assert second.start_ns == first.clear_ns + 40 * MS
    assert (first.pulse, second.pulse) == (1, 2)


def test_no_lid_opens_while_another_is_open(desk: Desk, station: LidStation) -> None:
    """It should open nothing for a piece whose time is over before the other's lid is shut."""
    desk.sorter = LidSorter(replace(station, patience_ns=500 * MS), COSTS)
    desk.show(HERE, from_ms=0, to_ms=440)
    desk.show(HERE, THERE, from_ms=440, to_ms=441)
    desk.show(THERE, from_ms=800, to_ms=2500)
    desk.show(from_ms=2500, to_ms=3000)

    assert [each.reason for each in desk.outcomes] == [Reason.SORTED, Reason.GATE_RECOVERING]
    assert len(desk.pulses) == 1


def test_piece_that_does_not_fall_ends_once(desk: Desk) -> None:
    """It should open no second time for what still lies there, nor write it down again (15)."""
    desk.show(HERE, from_ms=0, to_ms=5000)
    desk.tell(Stop(5000 * MS))

    assert only(desk).reason is Reason.SORTED
    assert len(desk.pulses) == 1


def test_next_piece_at_once_is_a_piece_of_its_own(desk: Desk) -> None:
    """It should not take a piece that follows within a blink for the one that fell."""
    desk.show(HERE, from_ms=0, to_ms=800)
    desk.label = "jar"
    desk.show(THERE, from_ms=850, to_ms=3500)
    desk.show(from_ms=3500, to_ms=7000)

    assert [(each.piece, each.bin) for each in desk.outcomes] == [(1, "metal"), (2, "glass")]


@pytest.mark.parametrize(("movement", "reason"), NOT_OPENED)
def test_lid_that_does_not_open_is_named(
    desk: Desk, movement: Movement | None, reason: Reason
) -> None:
    """It should not call a piece sorted whose lid was late, failed or kept silent (18)."""
    desk.movement = movement
    desk.show(HERE, from_ms=0, to_ms=4000)
    desk.show(from_ms=4000, to_ms=4500)

    assert (only(desk).bin, only(desk).reason) == ("landfill", reason)


def test_piece_ends_when_its_lid_is_shut_without_a_frame(desk: Desk) -> None:
    """It should ask to be woken when the lid is shut again."""
    desk.show(HERE, from_ms=0, to_ms=700)
    desk.until(5000 * MS)

    assert only(desk).ended_ns == desk.pulses[0].clear_ns


def test_silent_lid_is_noticed_without_frames(desk: Desk) -> None:
    """It should ask to be woken when a lid has been silent for too long."""
    desk.movement = None
    desk.show(HERE, from_ms=0, to_ms=700)
    desk.until(5000 * MS)
    desk.tell(Stop(5000 * MS))

    assert only(desk).reason is Reason.GATE_FAULT


def test_word_of_a_lid_is_waited_for(desk: Desk) -> None:
    """It should give a slow answer half a second past the end of its pulse."""
    desk.movement = None
    desk.show(HERE, from_ms=0, to_ms=700)
    (pulse,) = desk.pulses
    word_ns = pulse.clear_ns + 499 * MS
    desk.waiting.append(GateMoved(pulse.pulse, pulse.gate, Movement.OPENED, 0, word_ns))
    desk.until(5000 * MS)

    assert (only(desk).reason, only(desk).ended_ns) == (Reason.SORTED, word_ns)


def test_stall_is_noticed_without_frames(desk: Desk) -> None:
    """It should ask to be woken for a stall before its patience is over."""
    desk.latency_ms = None
    desk.show(HERE, from_ms=0, to_ms=400)
    sent_ns = desk.batches[0][1].crops[0].exposed_ns + 5 * MS
    desk.until(5000 * MS)
    desk.tell(Stop(5000 * MS))

    assert (only(desk).reason, only(desk).decided_ns) == (
        Reason.RUNTIME_STALLED,
        sent_ns + 500 * MS,
    )


def test_stall_is_named(desk: Desk) -> None:
    """It should give up the piece inside a stalled runtime, and the one that comes after."""
    desk.latency_ms = None
    desk.show(HERE, from_ms=0, to_ms=1000)
    assert desk.sorter.stalled
    desk.show(from_ms=1000, to_ms=1500)
    desk.show(THERE, from_ms=1500, to_ms=4500)
    desk.show(from_ms=4500, to_ms=5000)

    assert [each.reason for each in desk.outcomes] == [Reason.RUNTIME_STALLED] * 2


def test_stop_ends_every_piece_once(desk: Desk) -> None:
    """It should leave no piece without an outcome, and end none twice."""
    desk.show(HERE, from_ms=0, to_ms=200)
    desk.tell(Stop(200 * MS))

    assert only(desk).reason is Reason.STOPPED
    assert desk.sorter.views(200 * MS) == ()
    desk.until(9000 * MS)
    assert len(desk.outcomes) == 1


def test_stop_before_a_lid_opens_is_named(desk: Desk) -> None:
    """It should not call a piece sorted whose lid was told to open and has not."""
    desk.movement = None
    desk.show(HERE, from_ms=0, to_ms=700)
    desk.tell(Stop(700 * MS))

    assert desk.pulses
    assert (only(desk).bin, only(desk).reason) == ("landfill", Reason.STOPPED)


def test_stop_does_not_forget_an_open_lid(desk: Desk) -> None:
    """It should write down as sorted a piece whose lid stands open already."""
    desk.show(HERE, from_ms=0, to_ms=900)
    desk.tell(Stop(900 * MS))

    assert only(desk).reason is Reason.SORTED


def test_view_shows_what_lies_there(desk: Desk) -> None:
    """It should tell whoever looks what is known of the piece."""
    desk.show(HERE, from_ms=0, to_ms=700)

    (view,) = desk.sorter.views(700 * MS)
    assert (view.piece, view.box, view.bin, view.verdict.label) == (1, HERE, "metal", "can")


def test_refused_frames_are_counted(desk: Desk, seen: Callable[..., FrameSeen]) -> None:
    """It should act on no covered or old frame (frame is old, 2)."""
    desk.tell(seen(0, Region(HERE, 9), covered=True))
    desk.tell(replace(seen(33, Region(HERE, 9)), now_ns=400 * MS))

    assert desk.sorter.views(400 * MS) == ()
    assert desk.sorter.frames_seen == 2
    assert desk.sorter.drops == {Drop.FRAME_COVERED: 1, Drop.FRAME_TOO_OLD: 1}
