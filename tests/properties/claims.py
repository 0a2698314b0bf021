"""What must hold of every world that was played on a belt, with or without a light barrier."""

from itertools import pairwise

from tests.properties.belt_world import World
from tests.properties.player import Played


def pulses_never_overlap_and_leave_the_lead(world: World, played: Played) -> None:
    """Hold every pulse against the ones before: one at a time for a gate, one for a piece."""
    pulses = played.pulses
    for at_ns, pulse in pulses:
        assert at_ns + world.station.lead_ns <= pulse.start_ns
        assert pulse.start_ns < pulse.open_ns < pulse.close_ns < pulse.clear_ns
    for gate in {pulse.gate for _, pulse in pulses}:
        mine = [pulse for _, pulse in pulses if pulse.gate == gate]
        assert all(one.clear_ns <= other.start_ns for one, other in pairwise(mine))
    assert len({pulse.piece for _, pulse in pulses}) == len(pulses)


def no_piece_falls_into_a_wrong_bin(world: World, played: Played) -> None:
    """Hold where each piece really fell against where it belongs.

    That is the gate that was more than half open when its middle passed.
    """
    for piece in world.pieces:
        own = world.station.bins.of_label[piece.label]
        assert world.fell_into(piece, played) in {own, world.station.bins.end_bin, None}
