"""What grows is round, spotted and bent: skins and strips for fruit, peels and leaves."""

import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, Plane, bump
from sorterd.simulation.drawings.colours import Colour


def ball(
    canvas: Canvas,
    x: float,
    y: float,
    along: float,
    across: float,
    skin: list[Plane] | Colour,
    *,
    gloss: float,
) -> None:
    """A round fruit: shaded dome with a soft highlight."""
    mask = canvas.ellipse(x, y, along, across)
    dx, dy = (
        (canvas.x - x) / along,
        (canvas.y - y) / across,
    )
    up = np.sqrt(np.clip(1 - dx * dx - dy * dy, 0, 1))
    lx, ly, lz = canvas.light
    light = 0.4 + 0.68 * np.clip(dx * lx + dy * ly + up * lz, 0, 1)
    canvas.lay(mask, [light * c for c in skin])
    away = np.hypot(dx - (lx * 0.62), dy - (ly * 0.62))
    canvas.shine(bump(away, 0.16) * gloss * mask)


def spots(
    canvas: Canvas, mask: Plane, colour: Colour, grain_mm: float, above: float, opacity: float
) -> None:
    """Tint blotches of about `grain_mm`; the higher `above`, the fewer."""
    canvas.tint(
        np.clip((canvas.noise(grain_mm) - above) * 3, 0, 1) * mask,
        colour,
        opacity,
    )


def ribbon(path: list[tuple[float, float]], widths: list[float]) -> list[tuple[float, float]]:
    """Return the outline of a strip that follows a path with these half widths."""
    at = np.array(path)
    along = np.gradient(at, axis=0)
    normal = np.stack((-along[:, 1], along[:, 0]), axis=1) / np.maximum(
        np.hypot(*along.T)[:, None], 1e-6
    )
    half = np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(widths)), widths)[:, None]
    return [
        (float(x), float(y))
        for x, y in np.concatenate((at + normal * half, (at - normal * half)[::-1]))
    ]
