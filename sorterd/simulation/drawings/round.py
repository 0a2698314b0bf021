"""Bodies of revolution lying on their side: bottles, cans, jars, tins, tubes, carrots.

The body's axis is the canvas's x axis. Its outline is a profile of radii; what its surface shows
follows from how far around it a point lies, so prints bend as they do on a real can.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, Plane, bump, plane


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """A body on a canvas.

    Attributes:
        mask: Where it is, float32[h, w].
        across: From -1 at one edge to 1 at the other, float32[h, w].
        facing: How much the surface faces the viewer: 0 at the edges, 1 on the axis.
    """

    mask: Plane
    across: Plane
    facing: Plane


def turned(canvas: Canvas, profile: Sequence[tuple[float, float]], soft_mm: float = 1.0) -> Round:
    """Lay a body on the canvas's axis.

    Args:
        canvas: Where it will be painted; nothing is painted yet.
        profile: (place along x, radius), millimetres, x rising.
        soft_mm: Corners of the profile are rounded over about this length.
    """
    places, radii = zip(*profile, strict=True)
    radius = plane(np.interp(canvas.x[0], places, radii, left=0.0, right=0.0))[None, :]
    if soft_mm > 0:
        # Ends stay where they are: only what lies between is smoothed.
        smooth = plane(
            cv2.GaussianBlur(
                radius, (0, 0), soft_mm * canvas.px_per_mm / 2, borderType=cv2.BORDER_REPLICATE
            )
        )
        radius = np.where(radius > 0, np.maximum(smooth, radius * 0.8), 0)
    inside = radius - np.abs(canvas.y)
    across = np.clip(canvas.y / np.maximum(radius, 0.2), -1, 1)
    return Round(
        mask=canvas.edge(inside) * (radius > 0),
        across=across,
        facing=np.sqrt(1 - across * across),
    )


def streak(body: Round, place: float, wide: float) -> Plane:
    """A long reflection along the body at `place` across (-1 to 1), about `wide` broad."""
    return bump(body.across - place, wide) * body.mask


def round_light(body: Round, side: float, depth: float = 0.6) -> Plane:
    """Brightness of a dull round body lit from `side` (-1 to 1 across); about 1 where it is lit."""
    facing = body.facing * (1 - abs(side) * 0.5) + body.across * (side * 0.6)
    return (1 - depth) + (depth * 1.15) * np.clip(facing, 0, 1)


def wrapped(canvas: Canvas, body: Round, flat: Plane, left_mm: float, right_mm: float) -> Plane:
    """Bend a flat picture around the body between two places along it.

    Args:
        canvas: The body's canvas.
        body: What to wrap.
        flat: float32[rows, columns] or [rows, columns, 3]; its rows go half-way round.
        left_mm: Where the first column lies along x.
        right_mm: Where the last column lies along x.

    Returns:
        float32[h, w] or [h, w, 3]: what shows at each place; 0 outside the band.
    """
    rows, columns = flat.shape[:2]
    u = (canvas.x - left_mm) / (right_mm - left_mm) * (columns - 1)
    v = (np.arcsin(body.across) / np.pi + 0.5) * (rows - 1)
    u_all = np.ascontiguousarray(np.broadcast_to(plane(u), canvas.shape))
    return plane(cv2.remap(flat, u_all, plane(v), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT))
