"""The simulated belt: its pictures and its truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.belt import Direction
from sorterd.simulation.belt_world import BeltEnds, BeltWorld
from sorterd.simulation.scene import BeltScene, Look
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.sprites import Sprite, trimmed
from sorterd.simulation.travel import NS_PER_MS, NS_PER_S
from sorterd.simulation.world import GatePlace

LABELS = ("can", "jar", "rag")
GATES = (GatePlace("jars", 160.0, "glass"), GatePlace("cans", 120.0, "metal"))
ENDS = BeltEnds(GATES, 220.0, "landfill")
# 80 x 60 mm in few pixels: a whole world costs milliseconds.
SCENE = BeltScene(
    width_px=160,
    height_px=120,
    pieces=6,
    first_ms=100,
    gap_mm=60.0,
    clear_mm=25.0,
    rail_mm=2.0,
    turning_frac=0.5,
)
PLAIN = replace(
    SCENE,
    exposure_ms=0.0,
    rail_mm=0.0,
    look=Look(
        surface_level=60.0,
        texture_levels=0.0,
        scratches=0,
        light_drift_frac=0.0,
        vignette_frac=0.0,
        noise_levels=0.0,
        shadow_frac=0.0,
    ),
)
START_NS = 7_003_000_019


class Cards:
    """A source of white cards of 10 to 24 mm."""

    def take(self, rng: np.random.Generator) -> Sprite:
        """Return one."""
        height, width = (int(each) for each in rng.integers(20, 48, 2))
        label = LABELS[int(rng.integers(len(LABELS)))]
        alpha = np.full((height, width), 255, np.uint8)
        return trimmed(label, np.full((height, width, 3), 250, np.uint8), alpha, 2.0)


def servos() -> dict[str, SimulatedServo]:
    """Make a servo for each gate."""
    return {gate.name: SimulatedServo(100 * NS_PER_MS) for gate in GATES}


def world(
    scene: BeltScene = SCENE,
    *,
    seed: int = 3,
    moved_by: dict[str, SimulatedServo] | None = None,
    start_ns: int = START_NS,
) -> BeltWorld:
    """Build a small belt."""
    return BeltWorld(
        scene, Cards(), seed, ends=ENDS, servos=moved_by or servos(), start_ns=start_ns
    )


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 50), st.lists(st.integers(0, 5 * NS_PER_S), min_size=1, max_size=4))
def test_same_seed_same_pixels(seed: int, since_ns: list[int]) -> None:
    """It should show the same pixels for the same instant, whatever was asked before."""
    one, other = world(seed=seed), world(seed=seed, start_ns=0)
    shown = {each: one.picture(START_NS + each) for each in since_ns}
    for each in sorted(since_ns):
        assert (other.picture(each) == shown[each]).all()


def test_pictures_differ() -> None:
    """It should show another picture for another seed and another instant."""
    subject = world()
    t_ns = START_NS + NS_PER_S
    assert (subject.picture(t_ns) != subject.picture(t_ns + 1)).any()
    assert (subject.picture(t_ns) != world(seed=4).picture(t_ns)).any()


@pytest.mark.parametrize("direction", Direction)
def test_pieces_lie_where_the_truth_says(direction: Direction) -> None:
    """It should paint each piece into its box, whichever way the belt runs."""
    scene = replace(PLAIN, direction=direction, burst_frac=0, touching_frac=0, overlapping_frac=0)
    subject = world(scene)
    checked = 0
    for step in range(40):
        t_ns = START_NS + step * 50 * NS_PER_MS
        picture = subject.picture(t_ns)
        assert picture.shape == (120, 160, 3)
        for number in subject.present(t_ns):
            box = subject.box(number, t_ns)
            assert box is not None
            if box.left_px < 3 or box.top_px < 3 or box.right_px > 157 or box.bottom_px > 117:
                continue
            around = np.s_[box.top_px - 3 : box.bottom_px + 3, box.left_px - 3 : box.right_px + 3]
            rows, columns = np.nonzero(picture[around][..., 0] > 150)
            assert rows.min() == pytest.approx(3, abs=1.5)
            assert columns.min() == pytest.approx(3, abs=1.5)
            assert rows.max() - rows.min() + 1 == pytest.approx(box.height_px, abs=2)
            assert columns.max() - columns.min() + 1 == pytest.approx(box.width_px, abs=2)
            checked += 1
    assert checked >= 5


def test_empty_at_first() -> None:
    """It should show an empty belt until the first piece enters."""
    subject = world(replace(PLAIN, first_ms=1500))
    for since_ms in range(0, 1500, 100):
        assert subject.picture(START_NS + since_ms * NS_PER_MS).max() < 100
    later = [subject.picture(START_NS + ms * NS_PER_MS).max() for ms in range(1500, 2000, 50)]
    assert max(later) > 200


def test_noise_and_light_stay_within_bounds() -> None:
    """It should neither darken nor brighten on average, and be as noisy as told."""
    look = replace(PLAIN.look, noise_levels=4.0)
    subject = world(replace(PLAIN, look=look, first_ms=60_000))
    one, other = (subject.picture(START_NS + each).astype(float) for each in (0, NS_PER_S))
    assert one.mean() == pytest.approx(59, abs=1)
    assert (one - other).std() == pytest.approx(4.0 * 2**0.5, rel=0.05)


def test_movement_smears() -> None:
    """It should smear what moves along the belt, and nothing while the belt stands."""

    def edge_columns(scene: BeltScene) -> int:
        picture = world(scene).picture(START_NS + 620 * NS_PER_MS)
        return int(((picture[..., 0] > 80) & (picture[..., 0] < 235)).sum())

    sharp = replace(PLAIN, turning_frac=0.0)
    long_ms = replace(sharp, exposure_ms=40.0)
    halted = replace(long_ms, halts=((600, 100),))
    assert edge_columns(long_ms) > 2 * edge_columns(sharp)
    assert edge_columns(halted) < 1.5 * edge_columns(replace(sharp, halts=((600, 100),)))


def test_halt_holds_the_pieces() -> None:
    """It should hold every piece, also a turning one, while the belt stands."""
    subject = world(replace(PLAIN, halts=((500, 400),)))
    first, last = (subject.picture(START_NS + ms * NS_PER_MS) for ms in (510, 890))
    assert (first == last).all()


def test_shut_gates_let_everything_run_to_the_end() -> None:
    """It should drop every piece into the end bin if no gate moves."""
    subject = world()
    landings = subject.landings(START_NS + 60 * NS_PER_S)
    assert [landing.number for landing in landings] == [1, 2, 3, 4, 5, 6]
    assert {landing.bin for landing in landings} == {"landfill"}
    assert not any(landing.swept for landing in landings)


def test_open_gate_takes_everything() -> None:
    """It should let the first open gate take all; by one opening, all but the first are swept."""
    moved_by = servos()
    moved_by["cans"].command(opening=True, t_ns=START_NS)
    landings = world(moved_by=moved_by).landings(START_NS + 60 * NS_PER_S)
    assert {landing.bin for landing in landings} == {"metal"}
    assert [landing.swept for landing in landings] == [False] + 5 * [True]


def test_half_open_gate_takes_nothing() -> None:
    """It should divert a piece only while the gate stands more than half open."""
    pass_ns = world().landings(START_NS + 60 * NS_PER_S)[0].at_ns
    taken = []
    for early_ms in (40, 60):
        moved_by = servos()
        # The end is 60 mm behind the gate at 160 mm: 300 ms at 200 mm/s, give or take the jitter.
        subject = world(moved_by=moved_by)
        moved_by["jars"].command(
            opening=True, t_ns=pass_ns - 300 * NS_PER_MS - early_ms * NS_PER_MS
        )
        taken.append(subject.landings(START_NS + 60 * NS_PER_S)[0].bin)
    assert taken == ["landfill", "glass"]


COMMANDS = st.lists(
    st.tuples(st.sampled_from(["cans", "jars"]), st.booleans(), st.integers(0, 5 * NS_PER_S)),
    max_size=12,
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(COMMANDS, st.lists(st.integers(0, 20 * NS_PER_S), max_size=5))
def test_each_piece_lands_once(commands: list[tuple[str, bool, int]], asked_ns: list[int]) -> None:
    """It should land each piece exactly once, and never change what it has told."""
    moved_by = servos()
    for name, opening, since_ns in sorted(commands, key=lambda command: command[2]):
        moved_by[name].command(opening=opening, t_ns=START_NS + since_ns)
    subject, untold = world(moved_by=moved_by), world(moved_by=moved_by)
    earlier = [(each, subject.landings(START_NS + each)) for each in asked_ns]
    landings = subject.landings(START_NS + 60 * NS_PER_S)
    assert sorted(landing.number for landing in landings) == [1, 2, 3, 4, 5, 6]
    assert landings == untold.landings(START_NS + 60 * NS_PER_S)
    for since_ns, told in earlier:
        assert told == tuple(each for each in landings if each.at_ns <= START_NS + since_ns)
    for landing in landings:
        assert landing.label == subject.piece(landing.number).label
        assert subject.place(landing.number, landing.at_ns) is None
        assert subject.place(landing.number, landing.at_ns - 1) is not None


def test_over_when_the_last_has_landed() -> None:
    """It should be over from the instant at which the last piece falls."""
    subject = world()
    last_ns = subject.landings(START_NS + 60 * NS_PER_S)[-1].at_ns
    assert not world().over(last_ns - 1)
    assert world().over(last_ns)


def test_feed_ends() -> None:
    """It should be over soon after the feed has ended, however many pieces there are."""
    subject = world(replace(SCENE, pieces=1000, feed_ms=2000))
    assert not subject.over(START_NS + 2 * NS_PER_S)
    assert subject.over(START_NS + 6 * NS_PER_S)
    assert 2 <= len(subject.landings(START_NS + 6 * NS_PER_S)) < 20


def test_memory_is_bounded() -> None:
    """It should keep pictures only of pieces near the view."""
    subject = world(replace(SCENE, pieces=200))
    kept = []
    for step in range(600):
        subject.picture(START_NS + step * 100 * NS_PER_MS)
        kept.append(len(subject._cutouts))
    assert subject.over(START_NS + 120 * NS_PER_S)
    assert max(kept) <= 6


def test_gates_must_fit() -> None:
    """It should refuse a gate without a servo, or one behind the belt's end."""
    for ends, moved_by in ((ENDS, {}), (replace(ENDS, end_mm=150.0), servos())):
        with pytest.raises(ValueError, match="gate"):
            BeltWorld(SCENE, Cards(), 1, ends=ends, servos=moved_by, start_ns=0)


@pytest.mark.parametrize("size_px", [(16, 16), (31, 200), (1280, 96)])
@pytest.mark.parametrize("mm_per_px", [0.1, 3.0])
@pytest.mark.parametrize("direction", Direction)
def test_any_view(size_px: tuple[int, int], mm_per_px: float, direction: Direction) -> None:
    """It should show a belt in a picture of any size and scale."""
    width_px, height_px = size_px
    scene = replace(
        SCENE,
        width_px=width_px,
        height_px=height_px,
        mm_per_px=mm_per_px,
        direction=direction,
        rail_mm=8.0,
        touching_frac=0.5,
    )
    subject = world(scene)
    for since_ms in (0, 150, 300):
        picture = subject.picture(START_NS + since_ms * NS_PER_MS)
        assert picture.shape == (height_px, width_px, 3)
