"""Which piece broke the beam, and what a sorter makes of it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sorterd.core.beam import Beam
from sorterd.core.belt import Direction
from sorterd.core.records import BeamBroken, Drop, Reason
from sorterd.core.sorter import Sorter
from tests.properties.belt_world import COSTS, MS, TruePiece, World
from tests.properties.player import Played, Player


@pytest.mark.parametrize(
    ("fronts_mm", "answer"),
    [
        ({}, Drop.BEAM_NO_PIECE),
        ({1: 479.0, 2: 300.0}, Drop.BEAM_NO_PIECE),
        ({1: 480.0}, 1),
        ({1: 300.0, 2: 519.0}, 2),
        ({1: 505.0, 2: 481.0}, Drop.BEAM_AMBIGUOUS),
    ],
)
def test_the_piece_whose_front_should_be_there(
    fronts_mm: Mapping[int, float], answer: int | Drop
) -> None:
    """It should name a piece only if no other could have been it."""
    assert Beam(500.0, 20.0).piece_at(fronts_mm) == answer


# A jar's gate stands at 560 mm; the front of this one enters the picture once the belt has run 0.
JAR = TruePiece("jar", 0.0, 60.0, 40.0, 60.0)
WORLD = World(direction=Direction.RIGHT, pieces=(JAR,), beam=Beam(420.0, 30.0))
BREAKS_MS = 2100
"""When the jar's front is at 420 mm, at 200 mm/s."""


def play(*edges_ms: tuple[int, int], world: World = WORLD) -> tuple[Sorter, Played]:
    """Play a world in which the beam tells of edges: (instant, when it is known)."""
    sorter = Sorter(world.station, COSTS)
    player = Player(sorter, latencies_ms=(20,), answers=("opens",), score=world.score)
    edges = [
        BeamBroken(world.origin_ns + t_ms * MS, world.origin_ns + known_ms * MS)
        for t_ms, known_ms in edges_ms
    ]
    return sorter, player.play(world.frames(), world.end_ns, edges)


@pytest.mark.parametrize(("off_ms", "late_ms"), [(-60, 3), (-60, 200), (80, 3)])
def test_the_gate_stands_open_for_where_the_beam_found_the_piece(off_ms: int, late_ms: int) -> None:
    """It should open earlier for a piece that was ahead then, shut later for one that lagged."""
    _, without = play()
    subject, played = play((BREAKS_MS + off_ms, BREAKS_MS + off_ms + late_ms))
    ((_, before),), ((_, pulse),) = without.pulses, played.pulses

    assert subject.placed == 1
    assert (pulse.open_ns - before.open_ns) / MS == pytest.approx(min(off_ms, 0), abs=8)
    assert (pulse.close_ns - before.close_ns) / MS == pytest.approx(max(off_ms, 0), abs=8)
    assert [outcome.reason for outcome in played.outcomes] == [Reason.SORTED]


@pytest.mark.parametrize(
    ("edges_ms", "placed", "drop"),
    [
        ([(1500, 1500)], 0, Drop.BEAM_NO_PIECE),
        ([(BREAKS_MS, BREAKS_MS), (BREAKS_MS + 40, BREAKS_MS + 40)], 1, Drop.BEAM_AGAIN),
        ([(BREAKS_MS, BREAKS_MS + 251)], 0, Drop.BEAM_NOT_NOW),
        ([(BREAKS_MS + 1, BREAKS_MS)], 0, Drop.BEAM_NOT_NOW),
    ],
)
def test_edges_that_place_nothing_are_counted(
    edges_ms: list[tuple[int, int]], placed: int, drop: Drop
) -> None:
    """It should count why, and make the pulse that it makes without them."""
    subject, played = play(*edges_ms)
    before = play(*edges_ms[:placed])[1]

    assert (subject.placed, subject.drops[drop]) == (placed, 1)
    assert played.pulses == before.pulses


def test_a_pulse_that_was_sent_is_not_changed() -> None:
    """It should leave a piece alone whose pulse is on its way."""
    # The pulse begins at 560 - 15 mm less 120 ms, and is sent 160 ms before.
    world = replace(WORLD, beam=Beam(500.0, 30.0))
    subject, played = play((2500, 2500), world=world)

    assert (subject.placed, subject.drops[Drop.BEAM_TOO_LATE]) == (0, 1)
    assert played.pulses == play(world=world)[1].pulses


def test_a_piece_found_too_near_its_gate_keeps_its_pulse() -> None:
    """It should not give a piece up that the beam sees where its gate can no longer serve it."""
    # The pictures put it at 466 mm; at 513 the deadline of its gate has passed.
    world = replace(WORLD, beam=Beam(520.0, 70.0))
    subject, played = play((2330, 2330), world=world)

    assert (subject.placed, subject.drops[Drop.BEAM_TOO_LATE]) == (0, 1)
    assert [outcome.reason for outcome in played.outcomes] == [Reason.SORTED]


def test_two_that_could_have_been_it_are_both_left_alone() -> None:
    """It should place neither of two that lie side by side."""
    beside = TruePiece("can", 10.0, 60.0, 140.0, 60.0)
    subject, _ = play((BREAKS_MS, BREAKS_MS), world=replace(WORLD, pieces=(JAR, beside)))

    assert (subject.placed, subject.drops[Drop.BEAM_AMBIGUOUS]) == (0, 1)


def test_a_station_without_a_beam_counts_what_it_is_told() -> None:
    """It should take no edge for a piece's if the settings have no trigger."""
    subject, _ = play((BREAKS_MS, BREAKS_MS), world=replace(WORLD, beam=None))

    assert (subject.placed, subject.drops[Drop.BEAM_NO_PIECE]) == (0, 1)


# One to a gate past a beam at 500 mm, one to the end bin, one to a gate before it.
ROW = (
    TruePiece("jar", 0.0, 60.0, 40.0, 60.0),
    TruePiece("rag", 300.0, 60.0, 40.0, 60.0),
    TruePiece("can", 600.0, 60.0, 40.0, 60.0),
)
JAR_MS, RAG_MS = 2500, 4000


@pytest.mark.parametrize(
    ("edges_ms", "silent"), [((), 2), ((JAR_MS,), 1), ((RAG_MS,), 0), ((JAR_MS, RAG_MS), 0)]
)
def test_pieces_that_pass_in_silence_are_counted(edges_ms: tuple[int, ...], silent: int) -> None:
    """It should count those since the beam was last broken, and none whose gate comes before it."""
    world = replace(WORLD, pieces=ROW, beam=Beam(500.0, 30.0))
    subject, played = play(*((t_ms, t_ms) for t_ms in edges_ms), world=world)

    assert [outcome.bin for outcome in played.outcomes] == ["glass", "metal", "landfill"]
    assert subject.beam_silent == silent
