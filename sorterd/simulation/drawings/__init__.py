"""Pieces drawn by the project itself: seven labels, several forms each, no two alike.

Every form is drawn in millimetres on a `Canvas` by its label's file and averaged down to pixels.
The same generator state gives the same bytes. Nothing here loads a picture.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from sorterd.simulation.drawings import (
    bottles,
    cardboard,
    fruit,
    glass,
    metal,
    paper,
    residue,
    scraps,
    tubs,
    wrappers,
)
from sorterd.simulation.drawings.canvas import Canvas
from sorterd.simulation.sprites import Sprite

Form = Callable[[np.random.Generator, float], Canvas]

LABELS: Final = ("cardboard", "glass", "metal", "organic", "paper", "plastic", "trash")

# A form listed twice is drawn twice as often.
FORMS: Final[Mapping[str, tuple[Form, ...]]] = MappingProxyType(
    {
        "cardboard": cardboard.FORMS,
        "glass": glass.FORMS,
        "metal": metal.FORMS,
        "organic": fruit.FORMS + scraps.FORMS,
        "paper": paper.FORMS,
        "plastic": bottles.FORMS + tubs.FORMS,
        "trash": wrappers.FORMS + residue.FORMS,
    }
)


def draw(label: str, rng: np.random.Generator, *, resolution_px_per_mm: float = 2.0) -> Sprite:
    """Draw one piece of a label.

    Args:
        label: One of `LABELS`.
        rng: All that varies comes from here: form, colour, proportion, wear, light.
        resolution_px_per_mm: Fineness of the sprite; above 0. Drawing takes time with its square.

    Returns:
        The piece, 40 to 125 mm on its longer side, mostly lying along the columns: turn it.

    Raises:
        ValueError: No such label, or the resolution is not above 0: a caller's bug.
    """
    forms = FORMS.get(label)
    if forms is None:
        raise ValueError(f"nothing is drawn for {label!r}: one of {', '.join(LABELS)}")
    if resolution_px_per_mm <= 0:
        raise ValueError(f"a resolution of {resolution_px_per_mm} px/mm draws nothing")
    form = forms[int(rng.integers(len(forms)))]
    return form(rng, resolution_px_per_mm).sprite(label)
