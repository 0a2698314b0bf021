from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import assert_never

import pytest

from sorterd.core.batching import Cost
from sorterd.core.beam import Beam
from sorterd.core.belt import Belt
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.records import (
    BeamBroken,
    Drop,
    EndPiece,
    Event,
    FrameCame,
    FrameSeen,
    GateMoved,
    LookAt,
    MoveGate,
    Movement,
    Outcome,
    Pulse,
    Reason,
    Region,
    RunBatch,
    ScoresReady,
    Stop,
    Tick,
)
from sorterd.core.scheduling import GatePlan
from sorterd.core.sorter import BeltStation, Sorter

MS = 1_000_000
COSTS = {1: Cost(20 * MS, 30 * MS), 4: Cost(40 * MS, 60 * MS)}


@pytest.fixture
def station(belt: Belt, judging: JudgingRules, bins: Bins) -> BeltStation:
    """Return a station whose three gates stand at 450, 600 and 750 mm."""
    places = {"metal": 450.0, "glass": 600.0, "compost": 750.0}
    gates = {
        name: GatePlan(name, at_mm, move_ns=120 * MS, margin_mm=15.0, recover_ns=120 * MS)
        for name, at_mm in places.items()
    }
    return BeltStation(
        belt=belt,
        gates=gates,
        bins=bins,
        judging=judging,
        lead_ns=40 * MS,
        moving_at_once=2,
        max_age_ns=250 * MS,
        stall_ns=500 * MS,
    )


@pytest.fixture
def subject(station: BeltStation) -> Sorter:
    """Return a sorter before its first event."""
    return Sorter(station, COSTS)


@dataclass
class Line:
    """A belt with pieces of 60 mm, a model that tells their labels and gates that obey.

    Attributes:
        sorter: The sorter.
        region: Builds regions.
        scored: Builds answers.
        pieces: Label of each piece, by how far (mm) the belt has run when its front enters.
        halts: When (ms) the belt stands.
        latency_ms: What the model needs.
        answers: Whether the model answers at all.
        movement: What gates do with a pulse; None for nothing.
        told_early: Whether the sorter is told of a frame before it is looked at.
    """

    sorter: Sorter
    region: Callable[..., Region]
    scored: Callable[..., ScoresReady]
    pieces: dict[float, str] = field(default_factory=lambda: {0.0: "can"})
    halts: tuple[int, int] = (0, 0)
    latency_ms: float = 20.0
    answers: bool = True
    movement: Movement | None = Movement.OPENED
    told_early: bool = False
    now_ns: int = 0
    waiting: list[Event] = field(default_factory=list)
    frames: dict[int, tuple[Region, ...]] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    pulses: list[Pulse] = field(default_factory=list)
    batches: list[tuple[int, RunBatch]] = field(default_factory=list)

    def travel_mm(self, t_ms: float) -> float:
        """Return how far the belt has run."""
        begin_ms, length_ms = self.halts
        return 0.2 * (t_ms - min(max(t_ms - begin_ms, 0.0), length_ms))

    def run(self, from_ms: int, to_ms: int, *, every_ms: int = 33) -> None:
        """Let frames come, and in between all that falls due."""
        for t_ms in range(from_ms, to_ms, every_ms):
            self.until(t_ms * MS + 5 * MS)
            self.show(t_ms)

    def show(self, t_ms: int) -> None:
        """Let one frame come."""
        fronts_mm = [self.travel_mm(t_ms) - offset_mm for offset_mm in self.pieces]
        shown = [self.region(front_mm) for front_mm in fronts_mm if 1 <= front_mm < 379]
        if self.told_early:
            self.tell(FrameCame(t_ms, t_ms * MS, t_ms * MS + MS))
        self.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, tuple(shown)))

    def until(self, t_ns: int) -> None:
        """Let all come that falls due before an instant."""
        while True:
            dues = [event.now_ns for event in self.waiting]
            wake_ns = self.sorter.wake_ns
            due_ns = min([*dues, *([] if wake_ns is None else [wake_ns])], default=t_ns)
            if due_ns >= t_ns:
                return
            first = next((event for event in self.waiting if event.now_ns == due_ns), None)
            if first is not None:
                self.waiting.remove(first)
            self.tell(first or Tick(due_ns))

    def tell(self, event: Event) -> None:
        """Tell the sorter, and do what it wants done."""
        self.now_ns = event.now_ns
        for command in self.sorter.step(event):
            match command:
                case RunBatch():
                    self.batches.append((self.now_ns, command))
                    if self.answers:
                        self._score(command)
                case MoveGate(pulse):
                    self.pulses.append(pulse)
                    if self.movement is not None:
                        self.answer(pulse, self.movement)
                case EndPiece(outcome):
                    self.outcomes.append(outcome)
                case LookAt():
                    pass
                case _:
                    assert_never(command)

    def answer(self, pulse: Pulse, movement: Movement) -> None:
        """Let a gate answer when its pulse begins."""
        self.waiting.append(GateMoved(pulse.pulse, pulse.gate, movement, 0, pulse.start_ns))

    def _score(self, batch: RunBatch) -> None:
        """Let the model answer with the label of the piece that each crop shows."""
        labels = []
        for crop in batch.crops:
            front_mm = self.travel_mm(crop.sequence)
            middle_mm = (crop.box.left_px + crop.box.right_px) / 4
            near = min(self.pieces, key=lambda offset: abs(front_mm - offset - 30 - middle_mm))
            labels.append(self.pieces[near])
        done_ms = self.now_ns / MS + self.latency_ms
        self.waiting.append(self.scored(batch, *labels, now_ms=done_ms, took_ms=self.latency_ms))


@pytest.fixture
def line(
    subject: Sorter, region: Callable[..., Region], scored: Callable[..., ScoresReady]
) -> Line:
    """Return a line with one can."""
    return Line(subject, region, scored)


def only(line: Line) -> Outcome:
    """Return the one outcome there is."""
    (outcome,) = line.outcomes
    return outcome


def test_piece_is_sorted(line: Line) -> None:
    """It should send a can into the metal bin, in time, and write down how."""
    line.run(0, 3500)

    outcome = only(line)
    assert (outcome.bin, outcome.reason, outcome.verdict.label) == ("metal", Reason.SORTED, "can")
    assert outcome.pulse == line.pulses[0]
    assert outcome.opened_late_ns == 0
    assert outcome.crops == 2
    # The middle passes the gate at 450 mm after 2.4 s.
    assert (outcome.pulse.open_ns + outcome.pulse.close_ns) / 2 == pytest.approx(
        2400 * MS, rel=0.01
    )
    assert outcome.decided_ns is not None
    assert outcome.deadline_ns is not None
    assert outcome.decided_ns < outcome.deadline_ns < outcome.pulse.start_ns
    assert outcome.evidence_ns is not None
    assert outcome.first_seen_ns < outcome.evidence_ns < outcome.decided_ns
    assert outcome.ended_ns == outcome.pulse.clear_ns


def test_pulse_is_sent_at_the_last_moment_that_leaves_the_lead(line: Line) -> None:
    """It should wait with the pulse while the belt may still show another arrival."""
    line.run(0, 1800)
    assert not line.pulses

    line.run(1815, 2600)
    (pulse,) = line.pulses
    assert 40 * MS <= pulse.start_ns - 1985 * MS <= 120 * MS


def test_what_belongs_in_the_end_bin_moves_nothing(line: Line) -> None:
    """It should let a rag run on, and end it where the belt ends."""
    line.pieces = {0.0: "rag"}
    line.run(0, 5000)

    assert only(line).reason is Reason.BELONGS_IN_END_BIN
    assert not line.pulses
    # Its rear is at 900 mm after 4.8 s.
    assert only(line).ended_ns == pytest.approx(4800 * MS, rel=0.01)


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


def test_unsure_piece_runs_on(line: Line) -> None:
    """It should move nothing for a piece whose views say nothing, once it has seen enough."""
    line.pieces = {0.0: "no label"}
    line.run(0, 5000)

    assert only(line).reason is Reason.UNSURE
    assert only(line).crops == 5
    assert not line.pulses


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
    late = Line(Sorter(station, COSTS), region, scored, pieces)
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
    line.answers = False
    line.pieces = {0.0: "can", 200.0: "jar"}
    line.run(0, 1000)
    begun_ns, _ = line.batches[0]
    assert line.sorter.stalled

    line.run(1023, 6000)
    assert [outcome.reason for outcome in line.outcomes] == [Reason.RUNTIME_STALLED] * 2
    assert line.outcomes[0].decided_ns == begun_ns + 500 * MS
    assert line.sorter.drops[Drop.CROP_STALLED] == 1


def test_stale_answer_decides_nothing(line: Line) -> None:
    """It should not hear scores that come after the stall was called (stale command, 18)."""
    line.latency_ms = 700.0
    line.run(0, 5000)

    assert only(line).reason is Reason.RUNTIME_STALLED
    assert only(line).crops == 0
    assert not line.sorter.stalled


def test_answer_after_the_decision_changes_nothing(line: Line, station: BeltStation) -> None:
    """It should decide at the deadline by what it has, and write down by what it decided."""
    line.sorter = Sorter(replace(station, stall_ns=9000 * MS), COSTS)
    line.run(0, 390)
    line.pieces, line.latency_ms = {0.0: "rag"}, 2000.0
    line.run(390, 3500)

    assert len(line.batches) == 2
    assert (only(line).bin, only(line).verdict.label) == ("metal", "can")
    assert only(line).crops == 1


def test_piece_never_whole_is_named(line: Line) -> None:
    """It should not judge what only ever showed in part."""
    line.show(250)
    line.until(1600 * MS)
    line.show(1650)
    line.until(6000 * MS)

    assert only(line).reason is Reason.NEVER_WHOLE


def test_touching_pieces_run_on(line: Line) -> None:
    """It should judge neither of two that one region covers (two items, 16)."""
    for t_ms in range(400, 1600, 33):
        front_mm = line.travel_mm(t_ms)
        apart = (line.region(front_mm), line.region(front_mm - 62.0))
        joined = (line.region(front_mm, 122.0),)
        shown = apart if t_ms < 800 else joined
        line.until(t_ms * MS)
        line.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, shown))
    line.until(7000 * MS)

    assert [outcome.reason for outcome in line.outcomes] == [Reason.TOUCHING] * 2
    assert not line.pulses


def test_outline_of_two_bodies_is_not_judged(line: Line) -> None:
    """It should ask nothing about two that show as one from the first, and say why (16)."""
    line.region = partial(line.region, lobes=2)
    line.run(0, 5000)

    assert only(line).reason is Reason.TOUCHING
    assert not line.batches


def test_fly_is_named(line: Line) -> None:
    """It should end what vanishes, at once, and forget it though the model stalls over it."""
    line.answers = False
    line.tell(FrameSeen(1, 0, 5 * MS, (line.region(200.0),)))
    line.pieces = {}
    line.run(33, 300)
    assert only(line).reason is Reason.VANISHED

    line.run(300, 600)
    assert line.sorter.stalled


def test_neighbour_is_not_swept(line: Line) -> None:
    """It should let a can run on rather than sweep a rag that follows closely."""
    line.pieces = {0.0: "can", 80.0: "rag"}
    line.run(0, 6000)

    assert [each.reason for each in line.outcomes] == [Reason.TOO_CLOSE, Reason.BELONGS_IN_END_BIN]


@pytest.mark.parametrize("again_ms", [2300, 4000])
def test_neighbour_that_nobody_saw_is_not_swept(line: Line, again_ms: int) -> None:
    """It should not move for a piece behind which the belt ran by unseen, though it is seen now."""
    line.pieces = {0.0: "jar"}
    line.run(200, 400)
    line.run(again_ms, 6000)

    assert only(line).verdict.label == "jar"
    assert only(line).reason is Reason.TOO_CLOSE
    assert not line.pulses


def test_neighbour_out_of_view_is_known_by_what_was_seen(line: Line, station: BeltStation) -> None:
    """It should decide what no look can make surer, lest a gate spare what is bound for it."""
    never_sure = replace(station.judging, sure_frac=1.1, max_views=99)
    line.sorter = Sorter(replace(station, judging=never_sure), COSTS)
    line.pieces = {0.0: "jar", 80.0: "jar"}
    line.run(0, 6000)

    assert [each.reason for each in line.outcomes] == [Reason.SORTED, Reason.GATE_RECOVERING]


def test_gate_that_recovers_is_named(line: Line) -> None:
    """It should keep a gate for the first of two that follow closely."""
    line.pieces = {0.0: "can", 80.0: "can"}
    line.run(0, 6000)

    assert [each.reason for each in line.outcomes] == [Reason.SORTED, Reason.GATE_RECOVERING]


def test_gates_that_may_not_move_at_once(line: Line, station: BeltStation) -> None:
    """It should let one of two run on whose gates would move together."""
    line.sorter = Sorter(replace(station, moving_at_once=1), COSTS)
    line.pieces = {0.0: "jar", 150.0: "can"}
    line.run(0, 6000)

    assert sorted(each.reason for each in line.outcomes) == [Reason.SORTED, Reason.TOO_MANY_MOVING]


@pytest.mark.parametrize(
    ("movement", "reason"),
    [
        (Movement.REFUSED_LATE, Reason.GATE_LATE),
        (Movement.FAULT, Reason.GATE_FAULT),
        (Movement.ABANDONED, Reason.STOPPED),
        (None, Reason.GATE_FAULT),
    ],
)
def test_gate_that_does_not_open_is_named(
    line: Line, movement: Movement | None, reason: Reason
) -> None:
    """It should know a piece in the end bin whose gate was late, failed or kept silent (18)."""
    line.movement = movement
    line.run(0, 6000)

    assert (only(line).bin, only(line).reason) == ("landfill", reason)
    assert only(line).pulse is not None


def test_answer_of_another_pulse_changes_nothing(line: Line) -> None:
    """It should know its own pulse by number (stale command, 18)."""
    line.run(0, 2100)
    line.tell(GateMoved(99, "metal", Movement.FAULT, 0, 2100 * MS))
    line.run(2101, 4000)

    assert only(line).reason is Reason.SORTED


def test_late_opening_is_written_down(line: Line) -> None:
    """It should keep how late the gate began to move."""
    line.movement = None
    line.run(0, 2100)
    (pulse,) = line.pulses
    line.tell(GateMoved(pulse.pulse, "metal", Movement.OPENED, 3 * MS, pulse.start_ns + 3 * MS))
    line.tell(GateMoved(pulse.pulse, "metal", Movement.CLOSED, 0, pulse.close_ns))
    line.until(4000 * MS)

    assert only(line).opened_late_ns == 3 * MS


def test_halted_belt_takes_the_deadline_with_it(line: Line) -> None:
    """It should sort a piece in view after a halt as if nothing had been."""
    line.halts = (1000, 2000)
    line.run(0, 6000)

    assert only(line).reason is Reason.SORTED
    (pulse,) = line.pulses
    assert (pulse.open_ns + pulse.close_ns) / 2 == pytest.approx(4400 * MS, rel=0.01)


def test_halt_is_known_to_pieces_past_the_view(line: Line) -> None:
    """It should move the deadline of a piece the camera no longer sees, too."""
    line.pieces = {0.0: "pear", 400.0: "rag"}
    line.halts = (2600, 2000)
    line.run(0, 9000)

    assert [each.reason for each in line.outcomes] == [Reason.SORTED, Reason.BELONGS_IN_END_BIN]
    (pulse,) = line.pulses
    # The pear's middle passes 750 mm after 3.9 s of running.
    assert (pulse.open_ns + pulse.close_ns) / 2 == pytest.approx(5900 * MS, rel=0.01)


def test_what_is_put_down_on_a_halted_belt_is_scored(line: Line) -> None:
    """It should look without a deadline to meet, and sort it once the belt runs again."""
    line.halts = (1200, 2000)
    line.run(0, 2000)
    line.pieces[140.0] = "jar"
    line.run(2000, 8000)

    sent_ns, batch = next(sent for sent in line.batches if sent[0] > 2000 * MS)
    assert sent_ns < 2040 * MS
    assert batch.crops[0].due_ns == sent_ns + 500 * MS
    assert [each.reason for each in line.outcomes] == [Reason.SORTED] * 2


def test_pulse_sent_before_a_halt_is_taken_back(line: Line) -> None:
    """It should not believe a piece sorted that the belt did not bring to the open gate."""
    line.pieces = {0.0: "pear", 600.0: "rag"}
    line.halts = (3600, 2000)
    line.run(0, 11_000)

    assert len(line.pulses) == 1
    assert line.pulses[0].clear_ns < 5600 * MS
    assert [outcome.piece for outcome in line.outcomes] == [1, 2]
    assert line.outcomes[0].reason is Reason.NO_TIME
    # It ends where the belt ends: 960 mm of running and 2 s of standing.
    assert line.outcomes[0].ended_ns == pytest.approx(6800 * MS, rel=0.02)


def test_beam_places_what_runs_on(line: Line, station: BeltStation) -> None:
    """It should believe a beam past every gate, and end a piece that lags where it may be."""
    line.sorter = Sorter(replace(station, beam=Beam(800.0, 30.0)), COSTS)
    line.pieces = {0.0: "rag"}
    line.run(0, 4000)
    line.tell(BeamBroken(4040 * MS, 4041 * MS))
    line.run(4041, 5500)

    assert line.sorter.placed == 1
    # Its front is where the pictures put it 40 ms before; its rear is at 900 mm after 4.8 s.
    assert only(line).ended_ns == pytest.approx(4840 * MS, abs=12 * MS)


def test_stop_ends_every_piece(line: Line) -> None:
    """It should leave no piece without an outcome, wherever it is, and plan nothing new."""
    line.pieces = {0.0: "can", 200.0: "jar", 420.0: "pear"}
    line.run(0, 2250)
    line.tell(Stop(2250 * MS))

    assert [each.reason for each in line.outcomes] == [
        Reason.SORTED,
        Reason.STOPPED,
        Reason.STOPPED,
    ]
    assert line.sorter.views(2250 * MS) == ()


def test_events_after_a_stop_are_harmless(line: Line) -> None:
    """It should hear late answers of model and gates without a word."""
    line.run(0, 2000)
    line.tell(Stop(2000 * MS))
    line.until(9000 * MS)

    assert only(line).reason is Reason.STOPPED


def test_heap_runs_on(line: Line) -> None:
    """It should judge nothing in a heap of more pieces than it can follow."""
    for t_ms in (0, 33, 66):
        heap = tuple(
            line.region(42.0 + 30 * column, 12.0, across_mm=10.0 + 22 * row, width_mm=10.0)
            for column in range(9)
            for row in range(8)
        )
        line.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, heap))
    line.until(9000 * MS)
    line.tell(Stop(9000 * MS))

    assert len(line.outcomes) == 72
    assert {outcome.reason for outcome in line.outcomes} == {Reason.AMBIGUOUS}


def test_view_shows_where_pieces_are_by_now(line: Line) -> None:
    """It should tell whoever looks what is known of each piece."""
    line.run(0, 1000)
    (view,) = line.sorter.views(1100 * MS)
    assert (view.piece, view.verdict.label, view.bin, view.reason) == (1, "can", "metal", None)
    assert view.along_mm == pytest.approx(190.0, abs=4.0)
    assert view.box is not None
    assert view.box.right_px == pytest.approx(440, abs=8)

    line.run(1023, 2000)
    (gone,) = line.sorter.views(2000 * MS)
    assert gone.box is None


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
