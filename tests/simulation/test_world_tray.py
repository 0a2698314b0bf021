"""The simulated tray of a lid station."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.simulation.scene import Look, TrayScene
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.sprites import Sprite, trimmed
from sorterd.simulation.travel import NS_PER_MS, NS_PER_S
from sorterd.simulation.tray_world import TrayWorld

LIDS = {"left": "glass", "right": "metal"}
MOVE_NS = 200 * NS_PER_MS
START_NS = 7_003_000_019
LOOK = Look(
    surface_level=60.0,
    texture_levels=0.0,
    scratches=0,
    light_drift_frac=0.0,
    vignette_frac=0.0,
    noise_levels=0.0,
    shadow_frac=0.0,
)
SCENE = TrayScene(
    width_px=160,
    height_px=120,
    look=LOOK,
    pieces=4,
    first_ms=200,
    slide_ms=400,
    pause_ms=300,
    patience_ms=1000,
    two_at_once_frac=0.0,
)


class Cards:
    """A source of white cards of 10 to 24 mm."""

    def take(self, rng: np.random.Generator) -> Sprite:
        """Return one."""
        height, width = (int(each) for each in rng.integers(20, 48, 2))
        alpha = np.full((height, width), 255, np.uint8)
        return trimmed("jar", np.full((height, width, 3), 250, np.uint8), alpha, 2.0)


def servos() -> dict[str, SimulatedServo]:
    """Make a servo for each lid."""
    return {lid: SimulatedServo(MOVE_NS) for lid in LIDS}


def world(
    scene: TrayScene = SCENE, moved_by: dict[str, SimulatedServo] | None = None, seed: int = 3
) -> TrayWorld:
    """Build a small tray."""
    return TrayWorld(
        scene,
        Cards(),
        seed,
        lids=LIDS,
        end_bin="landfill",
        servos=moved_by or servos(),
        start_ns=START_NS,
    )


def at(since_ms: int) -> int:
    """Return the instant so many milliseconds after the start."""
    return START_NS + since_ms * NS_PER_MS


def open_lid(servo: SimulatedServo, since_ms: int, open_ms: int = 700) -> None:
    """Open a lid and shut it again."""
    servo.command(opening=True, t_ns=at(since_ms))
    servo.command(opening=False, t_ns=at(since_ms + open_ms))


def test_piece_slides_in_and_lies_still() -> None:
    """It should show nothing, then a piece that moves, then one that lies still in its box."""
    subject = world()
    assert subject.picture(at(190)).max() < 100
    sliding = [subject.picture(at(ms)) for ms in range(300, 600, 50)]
    assert all((one != other).any() for one, other in pairwise(sliding))
    lying = [subject.picture(at(ms)) for ms in (650, 900, 1200)]
    assert all((lying[0] == other).all() for other in lying[1:])
    box = subject.box(1, at(900))
    assert box is not None
    rows, columns = np.nonzero(lying[1][..., 0] > 150)
    assert (columns.min(), rows.min()) == pytest.approx((box.left_px, box.top_px), abs=2)
    assert (columns.max() + 1, rows.max() + 1) == pytest.approx(
        (box.right_px, box.bottom_px), abs=2
    )


def test_piece_falls_through_an_open_lid() -> None:
    """It should fall into a lid's bin at the instant at which that lid is fully open."""
    moved_by = servos()
    open_lid(moved_by["right"], 900)
    subject = world(moved_by=moved_by)
    (landing,) = subject.landings(at(1500))
    assert (landing.number, landing.label, landing.bin) == (1, "jar", "metal")
    assert landing.at_ns == pytest.approx(at(1100), abs=5 * NS_PER_MS)
    assert subject.place(1, landing.at_ns - 1) is not None
    assert subject.place(1, landing.at_ns) is None
    assert subject.picture(at(1150)).max() < 100


def test_patience_ends() -> None:
    """It should take a piece to the end bin by hand once the patience is over."""
    landings = world().landings(at(2500))
    assert [landing.bin for landing in landings] == ["landfill"]
    assert landings[0].at_ns == pytest.approx(at(600 + 1000 + 400), abs=10 * NS_PER_MS)


def test_next_piece_waits_for_the_lids() -> None:
    """It should put the next piece down only a pause after every lid is shut."""
    moved_by = servos()
    open_lid(moved_by["left"], 900, open_ms=2000)
    subject = world(moved_by=moved_by)
    shut_ms = 900 + 2000 + 200
    assert subject.present(at(shut_ms + 250)) == ()
    assert subject.present(at(shut_ms + 350)) == (2,)


def test_nobody_reaches_into_a_moving_lid() -> None:
    """It should leave a piece to a lid that has begun to open when the patience ends."""
    moved_by = servos()
    open_lid(moved_by["left"], 1590)
    assert world(moved_by=moved_by).landings(at(2500))[0].bin == "glass"


def test_two_at_once() -> None:
    """It should now and then put two pieces side by side, and take both away together."""
    subject = world(replace(SCENE, two_at_once_frac=1.0))
    assert subject.present(at(900)) == (1, 2)
    one, other = (subject.box(number, at(900)) for number in (1, 2))
    assert one is not None
    assert other is not None
    assert one.right_px < other.left_px
    landings = subject.landings(at(2500))
    assert [(landing.bin, landing.swept) for landing in landings] == 2 * [("landfill", False)]


def test_two_fall_together() -> None:
    """It should drop both through a lid that opens under them; the second is swept."""
    moved_by = servos()
    open_lid(moved_by["left"], 900)
    subject = world(replace(SCENE, two_at_once_frac=1.0), moved_by)
    landings = subject.landings(at(1500))
    assert [(landing.bin, landing.swept) for landing in landings] == [
        ("glass", False),
        ("glass", True),
    ]


def test_over() -> None:
    """It should be over once the last piece has landed, or after the feed's end."""
    subject = world()
    last_ns = subject.landings(at(60_000))[-1].at_ns
    assert not world().over(last_ns - NS_PER_MS)
    assert subject.over(last_ns)
    fed = world(replace(SCENE, pieces=1000, feed_ms=3000))
    assert not fed.over(at(3000))
    assert fed.over(at(6000))
    assert 1 <= len(fed.landings(at(6000))) <= 3


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(LIDS)), st.integers(0, 12_000)), max_size=5),
    st.lists(st.integers(0, 15_000), max_size=6),
)
def test_each_piece_lands_once(openings: list[tuple[str, int]], asked_ms: list[int]) -> None:
    """It should land each piece exactly once, whoever looks and when."""
    moved_by = servos()
    for lid, since_ms in sorted(openings, key=lambda opening: opening[1]):
        servo = moved_by[lid]
        if not servo.movements or servo.movements[-1].t_ns <= at(since_ms):
            open_lid(servo, since_ms)
    watched, unwatched = world(moved_by=moved_by), world(moved_by=moved_by)
    for since_ms in asked_ms:
        watched.picture(at(since_ms))
    landings = watched.landings(at(60_000))
    assert [landing.number for landing in landings] == [1, 2, 3, 4]
    assert landings == unwatched.landings(at(60_000))


def test_same_seed_same_pixels() -> None:
    """It should show the same pixels for the same seed, and others for another."""
    noisy = replace(SCENE, look=Look())
    t_ns = at(900)
    assert (world(noisy).picture(t_ns) == world(noisy).picture(t_ns)).all()
    assert (world(noisy).picture(t_ns) != world(noisy, seed=4).picture(t_ns)).any()
    assert (world(noisy).picture(t_ns) != world(noisy).picture(t_ns + NS_PER_S)).any()


def test_lids_must_have_servos() -> None:
    """It should refuse a lid without a servo, and know no piece that has not come."""
    with pytest.raises(ValueError, match="right"):
        TrayWorld(
            SCENE,
            Cards(),
            1,
            lids=LIDS,
            end_bin="landfill",
            servos={"left": SimulatedServo(MOVE_NS)},
            start_ns=0,
        )
    with pytest.raises(KeyError):
        world().piece(1)
