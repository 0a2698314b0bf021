"""Drawn pieces: whole, of a plausible size, the same for the same seed, each like its label."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.simulation.drawings import FORMS, LABELS, draw
from sorterd.simulation.drawings.bottles import water_bottle
from sorterd.simulation.drawings.canvas import Canvas
from sorterd.simulation.drawings.glass import bottle
from sorterd.simulation.sprites import SEEN_ALPHA, Sprite, trimmed

Form = Callable[[np.random.Generator, float], Canvas]
EACH_FORM = [
    pytest.param(label, form, id=f"{label}-{form.__name__}")
    for label, forms in FORMS.items()
    for form in dict.fromkeys(forms)
]


def as_bytes(sprite: Sprite) -> tuple[str, bytes, bytes, float, float]:
    """Return all that a sprite is, to be compared."""
    return (
        sprite.label,
        sprite.pixels.tobytes(),
        sprite.alpha.tobytes(),
        sprite.length_mm,
        sprite.width_mm,
    )


def hues(sprite: Sprite) -> npt.NDArray[np.float64]:
    """Return the mean colour of what can be seen, BGR."""
    seen = sprite.alpha > 128
    return np.asarray(sprite.pixels[seen].mean(axis=0), np.float64)


def test_labels_have_forms() -> None:
    """It should know how to draw each label in several ways."""
    assert tuple(FORMS) == LABELS
    assert all(len(set(forms)) >= 4 for forms in FORMS.values())


@pytest.mark.parametrize(("label", "form"), EACH_FORM)
def test_pieces_are_whole_and_plausible(label: str, form: Form) -> None:
    """It should draw a tight, hand-sized piece of which nothing is cut off by the canvas."""
    for seed in range(4):
        canvas = form(np.random.default_rng(seed), 1.0)
        rim = np.concatenate([canvas.cover[[0, -1]].ravel(), canvas.cover[:, [0, -1]].ravel()])
        assert rim.max() < 0.2
        sprite = canvas.sprite(label)
        assert sprite.label == label
        assert 40 <= max(sprite.length_mm, sprite.width_mm) <= 125
        assert min(sprite.length_mm, sprite.width_mm) >= 12
        seen = sprite.alpha >= SEEN_ALPHA
        assert all(side.any() for side in (seen[0], seen[-1], seen[:, 0], seen[:, -1]))
        # Even clear glass and thin film hide part of the belt: a station must be able to see it.
        assert sprite.alpha[seen].mean() > 90


@given(label=st.sampled_from(LABELS), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_same_seed_same_bytes(label: str, seed: int) -> None:
    """It should draw the same bytes for generators in the same state, and the next piece anew."""
    first, second = np.random.default_rng(seed), np.random.default_rng(seed)
    piece = as_bytes(draw(label, first, resolution_px_per_mm=1.0))
    assert piece == as_bytes(draw(label, second, resolution_px_per_mm=1.0))
    assert piece != as_bytes(draw(label, first, resolution_px_per_mm=1.0))


@pytest.mark.parametrize("resolution_px_per_mm", [0.5, 1.3, 2.0, 3.0])
def test_resolution_is_kept(resolution_px_per_mm: float) -> None:
    """It should give so many pixels a millimetre as asked for, in uint8 that cannot be written."""
    for label in LABELS:
        sprite = draw(label, np.random.default_rng(3), resolution_px_per_mm=resolution_px_per_mm)
        rows, columns = sprite.alpha.shape
        assert sprite.pixels.shape == (rows, columns, 3)
        assert sprite.pixels.dtype == sprite.alpha.dtype == np.uint8
        assert (columns, rows) == pytest.approx(
            (sprite.length_mm * resolution_px_per_mm, sprite.width_mm * resolution_px_per_mm)
        )
        assert not sprite.pixels.flags.writeable
        assert not sprite.alpha.flags.writeable
        assert not sprite.whole


def test_pieces_of_a_label_differ() -> None:
    """It should not draw the same piece twice in a row of 20."""
    rng = np.random.default_rng(0)
    for label in LABELS:
        pieces = {as_bytes(draw(label, rng, resolution_px_per_mm=0.5)) for _ in range(20)}
        assert len(pieces) == 20


def test_clear_plastic_and_glass_differ_by_construction() -> None:
    """It should end a clear plastic bottle in an opaque cap, and a glass one in an open mouth."""
    for seed in range(12):
        plastic = water_bottle(np.random.default_rng(seed), 1.0).sprite("plastic").alpha
        glass = bottle(np.random.default_rng(seed), 1.0).sprite("glass").alpha
        middle = np.s_[plastic.shape[0] // 2 - 2 : plastic.shape[0] // 2 + 3, -8:-3]
        assert plastic[middle].mean() > 245
        # Its wall is thicker, and so denser, at the edges than in the middle.
        body = glass[:, 10:20].mean(axis=1)
        assert max(body[1:4].mean(), body[-4:-1].mean()) > body[len(body) // 2 - 2 :][:5].mean()


def test_materials_have_their_colours() -> None:
    """It should draw cardboard brown and writing paper nearly white."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        blue, green, red = hues(draw("cardboard", rng, resolution_px_per_mm=0.5))
        assert red > green > blue
        assert red - blue > 25
    bright = [hues(draw("paper", rng, resolution_px_per_mm=0.5)).mean() for _ in range(20)]
    assert np.median(bright) > 150


def test_wrong_orders_are_bugs() -> None:
    """It should refuse a label that nobody draws, and a resolution of nothing."""
    with pytest.raises(ValueError, match=r"'banana'.*cardboard"):
        draw("banana", np.random.default_rng(0))
    with pytest.raises(ValueError, match="px/mm"):
        draw("glass", np.random.default_rng(0), resolution_px_per_mm=0.0)


def test_trimmed_box_is_tight() -> None:
    """It should keep the tight box alone, copied, and refuse what shows nothing."""
    alpha = np.zeros((20, 30), np.uint8)
    alpha[5:9, 10:22] = 255
    pixels = np.zeros((20, 30, 3), np.uint8)
    sprite = trimmed("metal", pixels, alpha, 2.0)
    assert (sprite.length_mm, sprite.width_mm) == (6.0, 2.0)
    assert sprite.alpha.shape == (4, 12)
    pixels[:] = 9
    assert not sprite.pixels.any()
    with pytest.raises(ValueError, match="shows nothing"):
        trimmed("metal", pixels, np.zeros_like(alpha), 2.0)
