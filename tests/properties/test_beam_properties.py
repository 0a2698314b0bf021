"""What holds whatever a light barrier tells: one that is dirty, stuck, bouncing, or misplaced.

An edge may come at any instant, known at once or late. What it may do at worst is to cost belt: a
gate stands open a little longer, so a neighbour that lies near may have to give way.
"""

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.beam import Beam
from sorterd.core.records import BeamBroken
from sorterd.core.sorter import Sorter
from tests.properties.belt_world import (
    COSTS,
    DIRECTION,
    LABELS,
    NOISE_PX,
    SEED,
    SPEEDS_FRAC,
    TruePiece,
    World,
    any_worlds,
    dim_worlds,
)
from tests.properties.claims import (
    no_piece_falls_into_a_wrong_bin,
    pulses_never_overlap_and_leave_the_lead,
)
from tests.properties.player import MS, Played, Player, shifted

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Barrier:
    """A world with a beam, and what the beam tells.

    Attributes:
        world: Its beam is there.
        edges_ms: When it tells of an edge, and by how much later than the edge's instant.
    """

    world: World
    edges_ms: tuple[tuple[int, int], ...]

    def edges(self) -> list[BeamBroken]:
        """Return what the sorter is told."""
        origin_ns = self.world.origin_ns
        return [
            BeamBroken(origin_ns + (told_ms - late_ms) * MS, origin_ns + told_ms * MS)
            for told_ms, late_ms in self.edges_ms
        ]

    def run(self, sorter: Sorter | None = None) -> Played:
        """Play it to its end."""
        world = self.world
        player = Player(
            sorter or Sorter(world.station, COSTS),
            latencies_ms=world.latencies_ms,
            answers=world.answers,
            score=world.score,
        )
        return player.play(world.frames(), world.end_ns, self.edges())


BEAMS = st.builds(Beam, st.floats(1, 800), st.floats(1, 60))
# A stuck beam tells again and again; -5 ms is an instant that has not come.
EDGES_MS = st.lists(
    st.tuples(st.integers(0, 9000), st.sampled_from((0, 0, 2, 40, 300, -5))), max_size=40
).map(tuple) | st.builds(
    lambda first_ms, every_ms: tuple((first_ms + n * every_ms, 0) for n in range(300)),
    st.integers(0, 1000),
    st.integers(5, 60),
)


def barriers(worlds: st.SearchStrategy[World]) -> st.SearchStrategy[Barrier]:
    """Draw worlds with a beam that tells anything."""
    return st.builds(
        lambda world, beam, edges_ms: Barrier(replace(world, beam=beam), edges_ms),
        worlds,
        BEAMS,
        EDGES_MS,
    )


@st.composite
def sparse_worlds(draw: st.DrawFn) -> World:
    """Draw worlds in which no piece has to give way to another, nor a gate to recover."""
    pieces = tuple(
        TruePiece(draw(st.sampled_from(LABELS)), number * 500.0, float(length_mm), 40.0, 60.0)
        for number, length_mm in enumerate(draw(st.lists(st.integers(30, 100), max_size=3)) or [50])
    )
    return World(
        direction=draw(DIRECTION),
        pieces=pieces,
        speeds_frac=draw(SPEEDS_FRAC),
        period_ms=draw(st.integers(17, 50)),
        noise_px=draw(NOISE_PX),
        seed=draw(SEED),
    )


@settings(derandomize=True, deadline=None, max_examples=40)
@given(barrier=barriers(any_worlds()), by_s=st.integers(-6, 1_000_000))
def test_same_events_same_commands_at_any_time(barrier: Barrier, by_s: int) -> None:
    """It should do the same whenever it is told the same: it knows no other clock."""
    by_ns = by_s * SECOND_NS
    moved = replace(
        barrier, world=replace(barrier.world, origin_ns=barrier.world.origin_ns + by_ns)
    )

    commands = [(at + by_ns, shifted(each, by_ns)) for at, each in barrier.run().commands]

    assert moved.run().commands == commands


@settings(derandomize=True, deadline=None, max_examples=150)
@given(barrier=barriers(dim_worlds() | any_worlds()))
def test_a_wrong_beam_costs_a_piece_its_bin_at_worst(barrier: Barrier) -> None:
    """It should end each piece once, in time and in no wrong bin, and count every edge."""
    world = barrier.world
    sorter = Sorter(world.station, COSTS)
    played = barrier.run(sorter)

    ended = [outcome.piece for outcome in played.outcomes]
    assert len(set(ended)) == len(ended)
    assert sorter.views(world.end_ns) == ()
    told = sum(edge.now_ns < world.end_ns for edge in barrier.edges())
    dropped = sum(n for drop, n in sorter.drops.items() if drop.startswith("beam_"))
    assert sorter.placed + dropped == told
    pulses_never_overlap_and_leave_the_lead(world, played)
    no_piece_falls_into_a_wrong_bin(world, played)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(barrier=barriers(sparse_worlds()))
def test_a_wrong_beam_takes_no_piece_that_lies_alone_from_its_bin(barrier: Barrier) -> None:
    """It should sort what it sorts without a beam, whatever the beam tells."""
    without = Barrier(replace(barrier.world, beam=None), ()).run()
    played = barrier.run()

    for piece in barrier.world.pieces:
        before = barrier.world.fell_into(piece, without)
        assert barrier.world.fell_into(piece, played) == before


class Watched(Sorter):
    """A sorter that holds what a beam does to a piece against the beam's tolerance."""

    def look(self) -> None:
        """Look at every piece that there is."""
        for track in self._tracker.tracks.values():
            pictures = self._tracker.places.span(track, self._now_ns)
            reach = self._tracker.places.reach(track, self._now_ns)
            assert self._station.beam is not None
            slack_mm = self._station.beam.tolerance_mm + 1e-6
            assert reach.rear_mm <= pictures.rear_mm
            assert pictures.front_mm <= reach.front_mm
            assert reach.length_mm - pictures.length_mm <= slack_mm


@settings(derandomize=True, deadline=None, max_examples=40)
@given(world=any_worlds(), beam=BEAMS, edges_ms=EDGES_MS)
def test_a_beam_adds_its_tolerance_at_most(
    world: World, beam: Beam, edges_ms: tuple[tuple[int, int], ...]
) -> None:
    """It should never move a piece by more, nor away from where the pictures put it."""
    barrier = Barrier(replace(world, beam=beam), edges_ms)
    watched = Watched(barrier.world.station, COSTS)
    player = Player(
        watched,
        latencies_ms=world.latencies_ms,
        answers=world.answers,
        score=world.score,
        watch=lambda _now_ns, _batch: watched.look(),
    )
    player.play(barrier.world.frames(), barrier.world.end_ns, barrier.edges())
