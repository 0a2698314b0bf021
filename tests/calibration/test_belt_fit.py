"""The belt's numbers from a board that rides on it, against a truth that was drawn."""

from collections.abc import Callable
from dataclasses import replace
from math import cos, pi, radians

import numpy as np
import pytest

from sorterd.calibration.belt_fit import BeltFit, fit_belt, fit_still
from sorterd.calibration.board import BoardEye, Look
from sorterd.calibration.spread import Measured, NotMeasured
from sorterd.core.belt import Direction
from sorterd.simulation.travel import Travel
from tests.calibration.riding_board import Riding

# Small pictures of the usual view: a marker's cell is 4 pixels, about the least that can be read.
SMALL = Riding(mm_per_px=1.0, width_px=320, height_px=240, rate_hz=15.0, exposure_ms=6.0)


def seen(riding: Riding, seed: int = 0) -> list[Look]:
    """Draw a pass and look at it."""
    eye = BoardEye()
    return [look for frame in riding.film(seed) if (look := eye.look(frame)) is not None]


def speed(fit: BeltFit) -> Measured:
    """Return the speed that was measured."""
    assert fit.speed_mm_s is not None
    return fit.speed_mm_s


@pytest.mark.parametrize("direction", Direction)
def test_a_drawn_pass_gives_scale_speed_and_direction(direction: Direction) -> None:
    """It should be right within its errors, though blurred, noisy, askew and a little tilted."""
    riding = replace(
        SMALL,
        direction=direction,
        board_deg=33.0,
        askew_deg=1.5,
        keystone_frac=0.01,
        noise_levels=4.0,
    )

    fit = fit_belt(seen(riding))

    assert fit.direction is direction
    assert fit.mm_per_px.value == pytest.approx(1.0, abs=fit.mm_per_px.error)
    assert fit.mm_per_px.error < 0.005
    true_mm_s = 200 * cos(radians(1.5))  # along the axis that the station follows
    assert speed(fit).value == pytest.approx(true_mm_s, abs=speed(fit).error)
    assert speed(fit).value == pytest.approx(true_mm_s, rel=0.001)
    assert fit.askew_deg.value == pytest.approx(1.5, abs=0.1)
    assert fit.squareness.off_mm < 0.5


def test_errors_hold_the_truth() -> None:
    """It should state errors that hold in 19 of 20 cases, on a belt that wavers within a pass."""
    held_scale, held_speed = 0, 0
    for seed in range(40):
        wavering, mean_mm_s = _wavering(seed, 0.02)
        riding = Riding(wavering=wavering, board_deg=float(seed))
        looks = riding.looks(seed, noise_px=0.3)
        fit = fit_belt(looks)
        first_s, last_s = ((looks[n].exposed_ns - riding.start_ns) / 1e9 for n in (0, -1))
        off_mm_s = abs(speed(fit).value - mean_mm_s(first_s, last_s))
        held_scale += abs(fit.mm_per_px.value - 0.5) <= fit.mm_per_px.error
        held_speed += off_mm_s <= speed(fit).error

    assert held_scale >= 38
    assert held_speed >= 38


def _wavering(
    seed: int, size_frac: float
) -> tuple[Callable[[float], float], Callable[[float, float], float]]:
    phase = float(np.random.default_rng(seed).uniform(0, 2 * pi))
    omega = 2 * pi / 0.9  # a roller's turn

    def run_mm(t_s: float) -> float:
        return 200 * (t_s + size_frac / omega * (cos(phase) - cos(omega * t_s + phase)))

    def mean_mm_s(first_s: float, last_s: float) -> float:
        return (run_mm(last_s) - run_mm(first_s)) / (last_s - first_s)

    return run_mm, mean_mm_s


def test_three_passes_tell_a_wandering_belts_speed() -> None:
    """It should hold the mean speed of a belt that wanders for seconds and minutes."""
    held = 0
    for seed in range(20):
        fit = fit_belt(_three_passes(seed))
        assert len(fit.rides) == 3
        held += abs(speed(fit).value - 200) <= speed(fit).error

    assert held >= 19


def _three_passes(seed: int) -> list[Look]:
    travel = Travel(200.0, 0.01, (), np.random.default_rng(seed))
    looks = []
    for number in range(3):
        begun_s = number * 9.7

        def run_mm(t_s: float, begun_s: float = begun_s) -> float:
            whole_mm = travel.travel_mm(round((t_s + begun_s) * 1e9))
            return whole_mm - travel.travel_mm(round(begun_s * 1e9))

        riding = Riding(
            wavering=run_mm,
            start_ns=7_003_000_019 + round(begun_s * 1e9),
            board_deg=4.0 + 3 * number,
        )
        looks += riding.looks(10 * seed + number)
    return looks


def test_missing_frames_change_nothing() -> None:
    """It should go by the instants of the frames, not by their number."""
    looks = Riding().looks(3)
    whole, holed = fit_belt(looks), fit_belt([*looks[:9], looks[12], *looks[16:]])

    assert speed(holed).value == pytest.approx(speed(whole).value, rel=2e-4)
    assert holed.mm_per_px.value == pytest.approx(whole.mm_per_px.value, rel=2e-4)


def test_a_hand_and_a_wrong_frame_change_nothing() -> None:
    """It should leave out looks that do not keep to the ride: before it lies, or read wrongly."""
    looks = Riding().looks(3)
    true = fit_belt(looks)
    carried = [
        replace(look, in_picture_px=look.in_picture_px + np.array([0.0, 40.0 * (6 - n)]))
        for n, look in enumerate(looks[:6])
    ]
    carried += looks[6:20]
    wrong = replace(looks[20], in_picture_px=looks[20].in_picture_px + np.array([25.0, 0.0]))

    fit = fit_belt([*carried, wrong, *looks[21:]])

    assert speed(fit).value == pytest.approx(speed(true).value, rel=5e-4)
    assert abs(fit.askew_deg.value) < 0.1


def test_adding_a_constant_to_every_instant_changes_nothing() -> None:
    """It should read no clock and know no absolute time."""
    early, late = fit_belt(Riding(start_ns=5).looks(1)), fit_belt(Riding(start_ns=10**18).looks(1))

    assert speed(late).value == pytest.approx(speed(early).value, rel=1e-6)


def test_a_tilted_camera_is_told_from_a_bending_lens() -> None:
    """It should say by how much, at which edge, and what a lens would leave."""
    tilted = fit_belt(Riding(keystone_frac=0.08).looks(2)).squareness
    bent = fit_belt([_bent(look) for look in Riding().looks(2)]).squareness

    assert tilted.larger_at == "right"
    assert 0.04 < tilted.slant_frac < 0.10
    assert tilted.unbent_mm < 0.3
    assert tilted.off_mm > 1.0
    assert bent.unbent_mm > 0.7 * bent.off_mm > 0.7


def _bent(look: Look) -> Look:
    from_middle = look.in_picture_px - (320.0, 240.0)
    reach = (from_middle**2).sum(axis=1, keepdims=True) / 400**2
    return replace(look, in_picture_px=(320.0, 240.0) + from_middle * (1 - 0.06 * reach))


def test_a_longer_print_makes_everything_longer() -> None:
    """It should take the print's own length into scale and speed, and the ruler into the errors."""
    looks = Riding().looks(0)
    usual, shrunk = fit_belt(looks), fit_belt(looks, Measured(0.97, 0.0025))

    assert shrunk.mm_per_px.value == pytest.approx(0.97 * usual.mm_per_px.value, rel=1e-6)
    assert speed(shrunk).value == pytest.approx(0.97 * speed(usual).value, rel=1e-6)
    assert shrunk.mm_per_px.error_frac > 0.0025 > usual.mm_per_px.error_frac


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([], "no frame shows the board"),
        (Riding().looks(0)[:4], "4 frames show the board, and 6 of one even ride are needed"),
        (Riding(wavering=lambda _: 270.0).looks(0, noise_px=0.05), "lay still"),
        (Riding(wavering=lambda t_s: 262 + 4 * t_s).looks(0), "moved by 2"),
    ],
    ids=["no board", "too few", "still", "hardly moved"],
)
def test_what_is_no_measurement_says_what_to_do(looks: list[Look], told: str) -> None:
    """It should say in one line what is missing and what to do."""
    with pytest.raises(NotMeasured, match=told) as raised:
        fit_belt(looks)

    assert "\n" not in str(raised.value)
    assert ":" in str(raised.value)


def test_a_board_that_lies_still_gives_the_scale() -> None:
    """It should measure a tray's scale without any belt."""
    fit = fit_still(Riding(wavering=lambda _: 270.0).looks(0))

    assert fit.speed_mm_s is None
    assert fit.mm_per_px.value == pytest.approx(0.5, abs=fit.mm_per_px.error)
    with pytest.raises(NotMeasured, match="no frame shows the board"):
        fit_still([])
