"""What is shown to a network in training: mixed pictures keep the labels honest."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tools.workshop.train.lessons import mixed


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 8))
def test_mixed_targets_follow_the_pixels(seed: int, count: int) -> None:
    """It should give each label the share of the picture that shows it."""
    rng = np.random.default_rng(seed)
    # Picture n is all of one grey, so a mean grey tells how much of each is there.
    greys = np.arange(count, dtype=np.float64) * 20
    pixels = np.ones((count, 32, 32, 3)) * greys[:, None, None, None]

    seen, targets = mixed(pixels.astype(np.uint8), np.eye(count, dtype=np.float32), rng)

    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-5)
    # Blending rounds to whole levels, at most half a level off.
    np.testing.assert_allclose(seen.mean(axis=(1, 2, 3)), targets @ greys, atol=0.6)


def test_the_same_seed_mixes_the_same() -> None:
    """It should depend on nothing but the seed."""
    pixels = np.random.default_rng(3).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    targets = np.eye(4, dtype=np.float32)

    first = mixed(pixels, targets, np.random.default_rng(5))
    second = mixed(pixels, targets, np.random.default_rng(5))

    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
