import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.batching import BatchDesk, Cost, choose
from sorterd.core.records import Box, Crop, Drop, RunBatch, ScoresReady

MS = 1_000_000
# A runtime with a fixed cost a call, so that a larger batch is cheaper a crop.
COSTS = {
    1: Cost(20 * MS, 30 * MS),
    2: Cost(25 * MS, 40 * MS),
    4: Cost(40 * MS, 60 * MS),
}


def crop(piece: int, due_ms: float, *, sequence: int = 1, views: int = 0) -> Crop:
    """Return a piece's wish to be scored in time."""
    return Crop(piece, sequence, 0, Box(0, 0, 9, 9), round(due_ms * MS), views)


def answer(batch: RunBatch, took_ms: float) -> ScoresReady:
    """Return the answer to a batch."""
    took_ns = round(took_ms * MS)
    return ScoresReady(batch.batch, took_ns, ((1.0,),) * len(batch.crops), took_ns)


@pytest.fixture
def subject() -> BatchDesk:
    """Return a desk that calls a stall after half a second."""
    return BatchDesk(COSTS, stall_ns=500 * MS)


def run(subject: BatchDesk, *took_ms: float, pieces: int = 1) -> int:
    """Let crops without hurry wait and be answered, in a time by size; return the batch's size."""
    for piece in range(1, pieces + 1):
        subject.offer(crop(piece, 1e6))
    batch = subject.next_batch(0)
    assert batch is not None
    took = dict(zip(COSTS, took_ms * 3, strict=False))[batch.size]
    assert subject.answered(answer(batch, took)) == batch
    for piece in range(1, pieces + 1):
        subject.withdraw(piece)
    return batch.size


def test_nothing_waits_for_a_fuller_batch(subject: BatchDesk) -> None:
    """It should start at once while the runtime is free, and only then."""
    assert subject.next_batch(0) is None
    subject.offer(crop(1, 500))
    batch = subject.next_batch(0)
    assert batch == RunBatch(1, 1, (crop(1, 500),))

    subject.offer(crop(2, 500))
    assert subject.next_batch(0) is None
    assert subject.holds(1)
    assert subject.waits(2)


def test_most_urgent_go_first() -> None:
    """It should take the earliest deadlines, whatever order they came in."""
    chosen = choose([crop(number, 900 - number) for number in range(1, 9)], COSTS, now_ns=0)

    assert chosen is not None
    size, crops = chosen
    assert size == 4
    assert [each.piece for each in crops] == [8, 7, 6, 5]


def test_each_piece_gets_one_look_before_any_gets_another() -> None:
    """It should put pieces that nobody has looked at before those that only lack a second view."""
    waiting = [crop(1, 100, views=1), crop(2, 900), crop(3, 800)]

    chosen = choose(waiting, COSTS, now_ns=0)

    assert chosen is not None
    assert [each.piece for each in chosen[1]] == [3, 2]


def test_what_the_newest_frame_shows_goes_first() -> None:
    """It should look at what is fresh, and at what is gone from view when nothing fresh waits."""
    waiting = [crop(1, 100, sequence=4), crop(2, 900, sequence=5), crop(3, 200, sequence=3)]

    chosen = choose(waiting, COSTS, now_ns=0)

    assert chosen is not None
    assert [each.piece for each in chosen[1]] == [2, 1]


def test_size_goes_by_cost_per_crop() -> None:
    """It should take the larger batch only where it is cheaper a crop."""
    waiting = [crop(number, 900) for number in (1, 2, 3, 4)]
    flat = {size: Cost(20 * size * MS, 30 * size * MS) for size in (1, 2, 4)}
    near = {1: Cost(1000, 1000), 2: Cost(1960, 1960)}

    assert choose(waiting, COSTS, now_ns=0) == (4, tuple(waiting))
    assert choose(waiting, flat, now_ns=0) == (1, (waiting[0],))
    # 2% cheaper is not worth the later first answer.
    assert choose(waiting, near, now_ns=0) == (1, (waiting[0],))


def test_urgent_piece_gets_a_small_batch() -> None:
    """It should not make the first crop wait for others when it has no time for them."""
    waiting = [crop(1, 45), crop(2, 900), crop(3, 900), crop(4, 900)]

    assert choose(waiting, COSTS, now_ns=0) == (2, (waiting[0], waiting[1]))
    assert choose(waiting, COSTS, now_ns=10 * MS) == (1, (waiting[0],))


def test_smallest_batch_need_not_be_the_quickest() -> None:
    """It should give up no crop that a larger batch can still score in time."""
    subject = BatchDesk({1: Cost(20 * MS, 60 * MS), 2: Cost(25 * MS, 40 * MS)}, stall_ns=500 * MS)
    subject.offer(crop(1, 45))

    assert subject.next_batch(0) == RunBatch(1, 2, (crop(1, 45),))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 9), st.integers(10, 300), st.integers(1, 200)),
        max_size=40,
    )
)
def test_no_batch_is_started_that_cannot_end_in_time(
    steps: list[tuple[int, int, int, int]],
) -> None:
    """It should keep every deadline by the worst cost it knows, whatever calls have taken."""
    desk = BatchDesk(COSTS, stall_ns=500 * MS)
    now_ns = 0
    for later_ms, piece, notice_ms, took_ms in steps:
        now_ns += later_ms * MS
        desk.offer(crop(piece, now_ns / MS + notice_ms))
        batch = desk.next_batch(now_ns)
        if batch is not None:
            assert now_ns + desk.costs[batch.size].worst_ns <= batch.crops[0].due_ns
            assert batch.crops[0].due_ns == min(each.due_ns for each in batch.crops)
            now_ns += took_ms * MS
            desk.answered(answer(batch, took_ms))


def test_every_drop_is_counted(subject: BatchDesk) -> None:
    """It should say of each crop that was not scored why not."""
    for sequence in (1, 2, 3):
        subject.offer(crop(1, 500, sequence=sequence))
    assert subject.drops == {Drop.CROP_SUPERSEDED: 2}
    assert subject.frames_needed() == {3}

    for _ in range(3):
        subject.withdraw(1)
    assert subject.drops[Drop.CROP_NOT_NEEDED] == 1

    subject.offer(crop(2, 29))
    assert subject.next_batch(0) is None
    assert subject.drops[Drop.CROP_NO_TIME] == 1

    subject.offer(crop(3, 100))
    assert subject.next_batch(0) is not None
    subject.stall(500 * MS)
    assert subject.drops[Drop.CROP_STALLED] == 1
    assert subject.frames_needed() == frozenset()


def test_costs_follow_what_calls_take() -> None:
    """It should learn a slower worst at once, and the median in some calls."""
    subject = BatchDesk({1: COSTS[1]}, stall_ns=500 * MS)
    run(subject, 60)
    assert subject.costs[1].worst_ns == 60 * MS
    assert subject.costs[1].typical_ns == 24 * MS

    for _ in range(60):
        run(subject, 60)
    assert subject.costs[1].typical_ns == pytest.approx(60 * MS, rel=0.01)


def test_one_hiccup_is_forgotten() -> None:
    """It should not take a second's hiccup for the cost of every call."""
    subject = BatchDesk({1: COSTS[1]}, stall_ns=500 * MS)
    run(subject, 1000)
    assert subject.one_ns == 4 * COSTS[1].typical_ns

    for _ in range(300):
        run(subject, 20)
    assert subject.one_ns < 32 * MS


def test_slow_spell_does_not_idle_the_runtime_for_ever(subject: BatchDesk) -> None:
    """It should come back to what was measured at start when all that waits is given up."""
    for _ in range(80):
        run(subject, 400)
    assert subject.one_ns > 300 * MS

    given_up = 0
    while True:
        subject.offer(crop(1, 100))
        if subject.next_batch(0) is not None:
            break
        given_up += 1
    assert given_up < 40


def test_slow_spell_does_not_spoil_a_size_for_ever(subject: BatchDesk) -> None:
    """It should come back to the larger batch, which is not measured while it is not used."""
    for _ in range(20):
        run(subject, 20, 25, 400, pieces=4)
    assert run(subject, 20, 25, 400, pieces=4) < 4

    sizes = [run(subject, 20, 25, 40, pieces=4) for _ in range(200)]
    assert sizes[-1] == 4


def test_giving_up_makes_no_cost_dearer(subject: BatchDesk) -> None:
    """It should ease costs towards what was measured at start, never raise them."""
    for _ in range(80):
        run(subject, 5)
    before_ns = subject.one_ns
    subject.offer(crop(1, 0))
    subject.next_batch(0)

    assert subject.one_ns <= before_ns


def test_giving_up_makes_no_cost_cheaper_than_measured(subject: BatchDesk) -> None:
    """It should not come to believe in time for crops that there is no time for."""
    for _ in range(40):
        subject.offer(crop(1, 0))
        subject.next_batch(0)

    assert subject.costs == COSTS


def test_stall_is_noticed_within_its_budget_and_once(subject: BatchDesk) -> None:
    """It should name the crops that are lost, when the time is over and not before."""
    subject.offer(crop(1, 900))
    batch = subject.next_batch(100 * MS)
    assert batch is not None
    due_ns = subject.wake_ns
    assert due_ns == 600 * MS
    assert subject.stall(due_ns - 1) == ()

    assert subject.stall(600 * MS) == batch.crops
    assert subject.stalled
    assert subject.stall(601 * MS) == ()
    assert subject.wake_ns is None
    assert subject.next_batch(601 * MS) is None


def test_answer_after_a_stall_ends_it_and_counts_for_nothing(subject: BatchDesk) -> None:
    """It should go on with the runtime, but not with scores that were given up."""
    subject.offer(crop(1, 900))
    batch = subject.next_batch(0)
    assert batch is not None
    subject.stall(500 * MS)

    assert subject.answered(answer(batch, 700)) is None
    assert not subject.stalled
    subject.offer(crop(2, 2000))
    assert subject.next_batch(700 * MS) is not None


def test_answer_to_another_batch_counts_for_nothing(subject: BatchDesk) -> None:
    """It should know its own batch by number (stale command, 18)."""
    subject.offer(crop(1, 900))
    batch = subject.next_batch(0)
    assert batch is not None

    assert subject.answered(ScoresReady(99, 0, ((1.0,),), 1)) is None
    assert subject.holds(1)
    assert subject.answered(answer(batch, 20)) == batch
    assert subject.answered(answer(batch, 20)) is None


@pytest.fixture
def quick() -> BatchDesk:
    """Return the desk of a runtime that answers in 2 ms, 3 at worst."""
    return BatchDesk({1: Cost(2 * MS, 3 * MS)}, stall_ns=500 * MS)


def out(desk: BatchDesk, now_ms: float) -> RunBatch:
    """Return the batch that goes out."""
    batch = desk.next_batch(round(now_ms * MS))
    assert batch is not None
    return batch


def test_next_batch_lies_ready_behind_a_quick_one(quick: BatchDesk) -> None:
    """It should send out one more before the answer, and no third."""
    for piece in (1, 2, 3):
        quick.offer(crop(piece, 900))
    first, second = out(quick, 0), out(quick, 0)
    assert quick.holds(1)
    assert quick.holds(2)
    assert quick.next_batch(0) is None

    assert quick.answered(answer(first, 2)) == first
    assert out(quick, 2).crops == (crop(3, 900),)
    assert quick.answered(answer(second, 4)) == second


def test_nothing_lies_ready_behind_a_slow_one(subject: BatchDesk) -> None:
    """It should choose late where a call takes long, so that what it chooses is fresh."""
    subject.offer(crop(1, 900))
    out(subject, 0)
    subject.offer(crop(2, 900))

    assert subject.next_batch(0) is None


def test_batch_that_would_begin_too_late_does_not_lie_ready(quick: BatchDesk) -> None:
    """It should count the rest of the call before against the deadline."""
    quick.offer(crop(1, 900))
    out(quick, 0)
    quick.offer(crop(2, 5))
    assert quick.next_batch(0) is None

    quick.offer(crop(2, 6))
    assert out(quick, 0).crops == (crop(2, 6),)


def test_stall_loses_what_lies_ready_as_well(quick: BatchDesk) -> None:
    """It should give up both, hear neither, and go on once both have come back."""
    quick.offer(crop(1, 9000))
    quick.offer(crop(2, 9000))
    first, second = out(quick, 0), out(quick, 0)
    assert quick.stall(500 * MS) == first.crops + second.crops

    assert quick.answered(answer(first, 600)) is None
    assert quick.next_batch(601 * MS) is None
    assert quick.answered(answer(second, 602)) is None
    quick.offer(crop(3, 9000))
    assert out(quick, 603).crops == (crop(3, 9000),)
    assert quick.drops[Drop.CROP_STALLED] == 2


def test_what_lies_ready_has_its_own_budget(quick: BatchDesk) -> None:
    """It should wait for the second batch from when it began, not from when it was sent."""
    quick.offer(crop(1, 9000))
    quick.offer(crop(2, 9000))
    first, _ = out(quick, 0), out(quick, 0)
    quick.answered(answer(first, 300))

    assert quick.wake_ns == 800 * MS
