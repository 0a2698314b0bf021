"""The simulated light barrier: what the simulated belt makes it tell."""

from dataclasses import replace

import numpy as np
import pytest

from sorterd.clock import ManualClock
from sorterd.simulation.barrier import Passing, passings
from sorterd.simulation.belt_world import BeltEnds, BeltWorld
from sorterd.simulation.scene import BeltScene
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.sprites import Sprite, trimmed
from sorterd.simulation.world import GatePlace
from sorterd.triggers.simulated import Settings, SimulatedTrigger, open_part

MS = 1_000_000
SCENE = BeltScene(width_px=160, height_px=120, pieces=12, first_ms=0, gap_mm=120.0)
AT_MM = 150.0


class Cards:
    """A source of cards of 10 to 24 mm."""

    def take(self, rng: np.random.Generator) -> Sprite:
        """Return one."""
        height, width = (int(each) for each in rng.integers(20, 48, 2))
        alpha = np.full((height, width), 255, np.uint8)
        return trimmed("paper", np.full((height, width, 3), 250, np.uint8), alpha, 2.0)


def world(scene: BeltScene = SCENE, servo: SimulatedServo | None = None) -> BeltWorld:
    """Build a small belt with a gate before the beam."""
    ends = BeltEnds((GatePlace("paper", 110.0, "paper"),), 400.0, "landfill")
    servos = {"paper": servo or SimulatedServo(100 * MS)}
    return BeltWorld(scene, Cards(), 3, ends=ends, servos=servos, start_ns=0)


def told_ns(trigger: SimulatedTrigger) -> list[int]:
    """Let all of it happen, and return what was told."""
    told: list[int] = []
    trigger.listen(told.append)
    while (next_ns := trigger.next_ns) is not None:
        trigger.act(next_ns)
    return told


def opened(belt: BeltWorld, **given: float) -> SimulatedTrigger:
    """Open a light barrier across a belt."""
    settings = Settings.model_validate({"jitter_ms": 0} | given)
    return open_part(settings, ManualClock(), passings(belt, AT_MM), 1)


def test_the_front_of_each_piece_is_told() -> None:
    """It should tell of the very instant at which the first of a piece is there."""
    alone = replace(SCENE, burst_frac=0, touching_frac=0, overlapping_frac=0)
    belt = world(alone)
    told = told_ns(opened(belt))

    assert len(told) == 12
    for number, t_ns in enumerate(told, 1):
        span = belt.span(number, t_ns)
        assert span is not None
        assert span.front_mm == pytest.approx(AT_MM, abs=0.05)


def test_of_pieces_that_touch_only_the_first_is_told() -> None:
    """It should not be broken again by what comes while something stands in it."""
    belt = world(replace(SCENE, overlapping_frac=1.0, burst_frac=0, touching_frac=0))

    assert len(told_ns(opened(belt))) == 6


def test_what_a_gate_took_before_is_not_told() -> None:
    """It should be broken by what comes so far alone."""
    servo = SimulatedServo(100 * MS)
    servo.command(opening=True, t_ns=0)

    assert told_ns(opened(world(servo=servo))) == []


def test_jitter_and_missing_edges_are_the_seeds() -> None:
    """It should tell near the true instants, leave some out, and do the same for the same seed."""
    true = told_ns(opened(world()))
    jittered = told_ns(opened(world(), jitter_ms=2))
    some = told_ns(opened(world(), missing_frac=0.5))

    assert jittered == told_ns(opened(world(), jitter_ms=2))
    assert jittered != true
    assert all(abs(one - other) <= 2 * MS for one, other in zip(jittered, true, strict=True))
    assert set(some) < set(true)


def test_in_real_time_it_runs_until_it_is_closed() -> None:
    """It should tell each in its time, and end when told to."""
    clock = ManualClock()
    start_ns = clock.now_ns()
    endless = (Passing(start_ns + n * 300 * MS, lambda: True) for n in range(1, 1000))
    trigger = open_part(Settings(jitter_ms=0), clock, endless, 1)
    told: list[tuple[int, int]] = []

    def tell(t_ns: int) -> None:
        told.append((t_ns, clock.now_ns()))
        if len(told) == 3:
            trigger.close()

    trigger.listen(tell)
    trigger.run()

    assert [t_ns - start_ns for t_ns, _ in told] == [300 * MS, 600 * MS, 900 * MS]
    assert all(known_ns == t_ns for t_ns, known_ns in told)
