"""What holds when more comes along the belt than the model can look at."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.batching import Cost
from sorterd.core.belt import Direction
from sorterd.core.records import Drop, Reason, RunBatch
from sorterd.core.sorter import Sorter
from tests.properties.belt_world import JUDGING, LABELS, MS, SPEED_MM_S, TruePiece, World
from tests.properties.player import Player

PIECES = 20
SPACING_MM = 130.0
# Each piece asks for two views at the least, so a model that needs this long for one just keeps up.
ENOUGH_MS = SPACING_MM / SPEED_MM_S * 1000 / JUDGING.min_views


@st.composite
def crowds(draw: st.DrawFn, most: float = 10.0) -> tuple[World, dict[int, Cost]]:
    """Draw a row of pieces and a model that needs 2 to `most` times as long as it may."""
    times = draw(st.floats(2.0, most))
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=PIECES, max_size=PIECES))
    pieces = tuple(
        TruePiece(label, number * SPACING_MM, 50.0, 40.0, 60.0)
        for number, label in enumerate(labels)
    )
    typical_ms = times * ENOUGH_MS
    shares = draw(st.lists(st.floats(0.7, 1.2), min_size=1, max_size=6))
    # What one more crop in a call costs, of what the call costs: a processor, or an accelerator.
    share_each = draw(st.sampled_from((1.0, 0.6, 0.1)))
    costs = {
        size: Cost(round(cost_ms * MS), round(1.2 * cost_ms * MS))
        for size in (1, 2, 4)
        if (cost_ms := typical_ms * (1 + share_each * (size - 1)))
    }
    world = World(
        direction=Direction.RIGHT,
        pieces=pieces,
        period_ms=draw(st.sampled_from((33, 50, 100))),
        noise_px=2,
        seed=draw(st.integers(0, 99)),
        latencies_ms=tuple(round(typical_ms * share) for share in shares),
        stall_ms=30_000,
    )
    return world, costs


@settings(derandomize=True, deadline=None, max_examples=30)
@given(crowd=crowds())
def test_overload_loses_bins_but_no_deadline(crowd: tuple[World, dict[int, Cost]]) -> None:
    """It should start nothing that cannot end in time, end every piece, and act on no old view."""
    world, costs = crowd
    sorter = Sorter(world.station, costs)

    def watch(now_ns: int, batch: RunBatch | None) -> None:
        if batch is not None:
            ends_ns = now_ns + sorter._desk.costs[batch.size].worst_ns
            assert ends_ns <= min(crop.due_ns for crop in batch.crops)

    player = Player(
        sorter,
        latencies_ms=world.latencies_ms,
        answers=world.answers,
        score=world.score,
        watch=watch,
    )
    played = player.play(world.frames(), world.end_ns)

    assert sorted(outcome.piece for outcome in played.outcomes) == list(range(1, PIECES + 1))
    for piece in world.pieces:
        own = world.station.bins.of_label[piece.label]
        assert world.fell_into(piece, played) in {own, world.station.bins.end_bin}
    # The model is behind at all times, and yet no view is older than the way to the last gate.
    way_ns = round(world.station.gates["compost"].at_mm / SPEED_MM_S * 1e9)
    for outcome in played.outcomes:
        assert outcome.decided_ns is not None
        if outcome.evidence_ns is not None:
            assert outcome.decided_ns - outcome.evidence_ns <= way_ns
        if outcome.reason is Reason.SORTED:
            assert outcome.deadline_ns is not None
            assert outcome.decided_ns <= outcome.deadline_ns


@settings(derandomize=True, deadline=None, max_examples=15)
@given(crowd=crowds(most=6.0))
def test_overload_keeps_the_model_at_work(crowd: tuple[World, dict[int, Cost]]) -> None:
    """It should look at as many pieces as the model can, also where only far gates can be met.

    Beyond six times not even the last gate can be met by the model's worst.
    """
    world, costs = crowd
    sorter = Sorter(world.station, costs)
    player = Player(
        sorter, latencies_ms=world.latencies_ms, answers=world.answers, score=world.score
    )
    played = player.play(world.frames(), world.end_ns)

    looked = sum(outcome.crops > 0 for outcome in played.outcomes)
    seen_ns = max(outcome.last_seen_ns for outcome in played.outcomes) - world.origin_ns
    calls = seen_ns / (max(world.latencies_ms) * MS)
    assert looked >= min(0.8 * PIECES, 0.7 * calls)
    assert sorter.drops[Drop.CROP_SUPERSEDED] > 0
