"""What holds for the belt's sorter in every world that Hypothesis can think of.

The made-up worlds keep to what the sorter is promised: the belt's speed stays within its tolerance,
and two pieces in one lane lie at least 6 mm apart, so that they show as two regions. Pieces that
touch, and a belt that halts, have their examples in tests/core.
"""

from dataclasses import replace
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.records import RunBatch
from sorterd.core.sorter import Sorter
from tests.properties.belt_world import COSTS, World, any_worlds, dim_worlds
from tests.properties.claims import (
    no_piece_falls_into_a_wrong_bin,
    pulses_never_overlap_and_leave_the_lead,
)
from tests.properties.player import Played, Player, held, shifted

SECOND_NS = 1_000_000_000


class Told(Sorter):
    """A sorter that remembers which pieces it numbered, and which turned out to be fragments."""

    def __init__(self, world: World) -> None:
        super().__init__(world.station, COSTS)
        self.most = 0
        self.absorbed: set[int] = set()

    def look(self) -> None:
        """Remember what there is."""
        self.most = max([self.most, *self._tracker.tracks])
        self.absorbed.update(self._tracker.absorbed)


def run(world: World) -> Played:
    """Play a world to its end."""
    player = Player(
        Sorter(world.station, COSTS),
        latencies_ms=world.latencies_ms,
        answers=world.answers,
        score=world.score,
    )
    return player.play(world.frames(), world.end_ns)


@settings(derandomize=True, deadline=None, max_examples=90)
@given(world=any_worlds(), by_s=st.integers(-6, 1_000_000))
def test_same_events_same_commands_at_any_time(world: World, by_s: int) -> None:
    """It should do the same whenever it is told the same: it knows no absolute time.

    Played twice, with a constant added to every time, so nothing but what it is told can tell.
    """
    by_ns = by_s * SECOND_NS
    moved = replace(world, origin_ns=world.origin_ns + by_ns)

    commands = [(at + by_ns, shifted(each, by_ns)) for at, each in run(world).commands]

    assert run(moved).commands == commands


@settings(derandomize=True, deadline=None, max_examples=250)
@given(world=any_worlds())
def test_whatever_fails_a_piece_ends_once_and_in_no_wrong_bin(world: World) -> None:
    """It should end every piece once, in time and in no wrong bin, whatever goes wrong.

    Frames are dropped, the model stalls, gates refuse, fail or keep silent. A number that turned
    out to be a fragment of another piece was no piece.
    """
    told = Told(world)
    player = Player(
        told,
        latencies_ms=world.latencies_ms,
        answers=world.answers,
        score=world.score,
        watch=lambda _now_ns, _batch: told.look(),
    )
    played = player.play(world.frames(), world.end_ns)

    ended = [outcome.piece for outcome in played.outcomes]
    assert sorted([*ended, *told.absorbed]) == list(range(1, told.most + 1))
    assert told.views(world.end_ns) == ()
    pulses_never_overlap_and_leave_the_lead(world, played)
    no_piece_falls_into_a_wrong_bin(world, played)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(world=dim_worlds())
def test_dropped_frames_never_send_a_piece_to_a_wrong_bin(world: World) -> None:
    """It should at worst lose a piece to the end bin, also a neighbour that it never saw.

    That holds while the belt's speed keeps within its tolerance and no pieces touch.
    """
    played = run(world)

    pulses_never_overlap_and_leave_the_lead(world, played)
    no_piece_falls_into_a_wrong_bin(world, played)


@settings(derandomize=True, deadline=None, max_examples=10)
@given(world=any_worlds(), rounds=st.integers(10, 25))
def test_memory_is_bounded_by_the_pieces_on_the_belt(world: World, rounds: int) -> None:
    """It should hold no more after many pieces than after few, but for those on the belt."""
    length_mm = world.pieces[-1].offset_mm + 130.0
    pieces = tuple(
        replace(piece, offset_mm=piece.offset_mm + number * length_mm)
        for number in range(rounds)
        for piece in world.pieces
    )
    long = replace(world, pieces=pieces, stop_ms=None)
    sorter = Sorter(long.station, COSTS)
    empty, looks = held(sorter), count()

    def watch(now_ns: int, batch: RunBatch | None) -> None:
        # A piece is a track, its evidence and 0.3 s of middles, 65 things at most were seen; the
        # rest is for counters, unseen stretches of belt and pulses that are not over. It is counted
        # now and then, for that costs more than sorting.
        if next(looks) % 5 == 0:
            assert batch or held(sorter) <= empty + 20 + 80 * len(sorter.views(now_ns))

    player = Player(
        sorter,
        latencies_ms=long.latencies_ms,
        answers=long.answers,
        score=long.score,
        watch=watch,
    )
    player.play(long.frames(), long.end_ns)
    assert held(sorter) <= empty + 20
