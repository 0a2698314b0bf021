"""Part the one thing in a photograph from the plain surface on which it lies.

The surface is taken from the photograph's border: a colour that changes slowly, so that a lamp to
one side or a vignette do not matter. What differs from it in colour, or is fenced in by hard edges
(white paper on a white board), is probably the thing; darker but soft and of the same colour is
shadow. GrabCut settles the outline at a reduced size. Where the border shows no one surface, or
what is left could not be one thing, the photograph stays whole: odd photographs are normal.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
_Plane = npt.NDArray[np.float32]
_Mask = npt.NDArray[np.bool_]

# Outlines are settled at this longer side: a piece on a belt is hardly seen finer, and
# all of it takes 14 ms instead of 64 at 320.
_LONGER_PX: Final = 144
# Of the border, this much must be one surface (a thing may reach the edge of its photograph).
_LEAST_SURFACE_FRAC: Final = 0.5
# Lab units: a colour this far from the surface is another thing; noise and JPEG stay below half.
_OTHER_COLOUR: Final = 11.0
# A thing smaller or larger than this share of the photograph was not cut well.
_LEAST_FRAC: Final = 0.012
_MOST_FRAC: Final = 0.86
# More of the border than this inside the thing: it is a close-up, there is nothing to cut.
_MOST_BORDER_FRAC: Final = 0.45
# A surface with more colour than this (Lab) may be the thing itself, filling the photograph: then
# only what is large and lies within it is believed to be another thing.
_TINTED: Final = 15.0
_LEAST_TINTED_FRAC: Final = 0.12
_MOST_TINTED_BORDER_FRAC: Final = 0.2
# More of the evidence than this outside what was cut: something of the thing is missing.
_MOST_MISSED_FRAC: Final = 0.25
# Sobel magnitude of an edge, Lab units: about 2 a pixel; a soft shadow has less.
_EDGE: Final = 18.0
# Lab lightness; soft shadows under a room's lamp stay within.
_DEEPEST_SHADOW: Final = 28.0
# Corners of what stays whole are rounded by this share of its shorter side.
_ROUND_FRAC: Final = 0.06


def part_from_background(pixels: Pixels) -> tuple[Pixels, bool]:
    """Find the one thing in a photograph.

    Takes 15 to 40 ms whatever the photograph's size, and gives the same again for the same pixels.

    Args:
        pixels: uint8[H, W, 3], BGR; H and W at least 16.

    Returns:
        The cover, uint8[H, W], 255 inside the thing and soft at its edge; and whether the
        photograph stays whole: then all of it is covered but for slightly rounded corners.
    """
    height, width = pixels.shape[:2]
    shrink = min(1.0, _LONGER_PX / max(height, width))
    size = (max(8, round(width * shrink)), max(8, round(height * shrink)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    body = _body(small)
    if body is None:
        return _rounded(height, width), True
    soft = cv2.GaussianBlur(body.astype(np.float32), (0, 0), 1.0)
    grown = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
    # The blurred outline is made steep again: an edge of about one small pixel, a little inside.
    cover = np.clip((grown - 0.5) * 2.2 + 0.4, 0, 1)
    return np.asarray(np.round(cover * 255), np.uint8), False


def _body(small: Pixels) -> _Mask | None:
    """The thing's mask at the reduced size, or None if it cannot be told."""
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)
    surface, trust_frac = _surface(lab)
    if trust_frac < _LEAST_SURFACE_FRAC:
        return None
    clues = _clues(lab - surface)
    marks = _marks(clues)
    if not (np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).any() and (marks == cv2.GC_BGD).any()):
        return None
    # GrabCut begins with k-means, whose seeds come from OpenCV's own generator.
    cv2.setRNGSeed(1)
    empty = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, marks, (0, 0, 0, 0), *empty, 2, cv2.GC_INIT_WITH_MASK)
    body = _one_thing(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)))
    if body is None or _missed_frac(clues.evidence, body) > _MOST_MISSED_FRAC:
        # White on white: its print was found and its sheet was not. Its outline still shows.
        body = _around(clues.evidence)
    tinted = float(np.hypot(surface[:, :, 1], surface[:, :, 2]).mean()) > _TINTED
    return body if _plausible(body, tinted=tinted) else None


def _border(shape: tuple[int, ...]) -> _Mask:
    """A frame along the edges, a twentieth of the shorter side wide."""
    wide = max(2, min(shape) // 20)
    frame = np.ones(shape, np.bool_)
    frame[wide:-wide, wide:-wide] = False
    return frame


def _surface(lab: _Plane) -> tuple[_Plane, float]:
    """The surface's colour everywhere, float32[h, w, 3], and how much of the border it explains.

    A second-degree polynomial of place is fitted to the border and fitted again to what it
    explained (iteratively reweighted least squares), from the border's commonest colour on.
    """
    h, w = lab.shape[:2]
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    terms = np.stack((np.ones_like(x), x, y, x * y, x * x, y * y), axis=-1)
    border = _border((h, w))
    seen, places = lab[border].astype(np.float64), terms[border]
    away = np.linalg.norm(seen - _commonest(seen), axis=1)
    kept = away < 2 * _OTHER_COLOUR
    for _ in range(4):
        if kept.sum() < 4 * terms.shape[-1]:
            return lab, 0.0
        # A little ridge keeps the far side sane where a thing hides all of one edge.
        ridge = np.diag([0, 1, 1, 4, 4, 4]) * 0.002 * kept.sum()
        inside = places[kept]
        factors = np.linalg.solve(inside.T @ inside + ridge, inside.T @ seen[kept])
        away = np.linalg.norm((seen - places @ factors) * (0.6, 1, 1), axis=1)
        kept = away < _OTHER_COLOUR
    return (terms @ factors).astype(np.float32), float(kept.mean())


def _commonest(colours: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The colour that most others are near, of a sample of 64."""
    sample = colours[:: max(1, len(colours) // 64)]
    apart = np.linalg.norm(sample[:, None] - sample[None], axis=2)
    return np.asarray(sample[(apart < _OTHER_COLOUR).sum(axis=1).argmax()], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Clues:
    """What the small photograph shows about each pixel.

    Attributes:
        away: How far its colour is from the surface's, shadows left out; Lab units.
        darker: How much darker it is than the surface, Lab units; 0 where it is brighter.
        probable: Off in colour, or fenced in.
        evidence: Off in colour, or at an edge: anything but bare surface and shadow.
    """

    away: _Plane
    darker: _Plane
    probable: _Mask
    evidence: _Mask


def _clues(off: _Plane) -> _Clues:
    """Read the clues from the difference to the surface, float32[h, w, 3] in Lab."""
    steep = np.zeros(off.shape[:2], np.float32)
    for part in cv2.split(off):
        along, across = cv2.Sobel(part, cv2.CV_32F, 1, 0), cv2.Sobel(part, cv2.CV_32F, 0, 1)
        steep = np.maximum(steep, cv2.magnitude(along, across))
    edges = np.asarray(steep > max(_EDGE, 4 * float(np.median(steep))), np.bool_)
    level = off[:, :, 0]
    darker = np.maximum(-level, 0)
    # Shadows darken and hardly colour: darkness counts little until no shadow is that deep.
    dark = np.maximum(darker * 0.35, darker - _DEEPEST_SHADOW)
    chroma = np.hypot(off[:, :, 1], off[:, :, 2])
    away = np.hypot(chroma * 1.2, np.maximum(level, 0) + dark)
    probable = _opened((away > _OTHER_COLOUR) | _fenced(edges), 3)
    return _Clues(away, darker, probable, _without_specks(edges | probable))


def _marks(clues: _Clues) -> Pixels:
    """What GrabCut starts from."""
    near_clue = cv2.dilate(clues.evidence.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    bare = (clues.away < 0.6 * _OTHER_COLOUR) & ~near_clue
    core = cv2.erode((clues.away > 2.2 * _OTHER_COLOUR).astype(np.uint8), np.ones((3, 3), np.uint8))
    marks = np.full(bare.shape, cv2.GC_PR_BGD, np.uint8)
    marks[clues.probable] = cv2.GC_PR_FGD
    marks[core > 0] = cv2.GC_FGD
    marks[bare & ((clues.darker < 6) | _border(bare.shape))] = cv2.GC_BGD
    return marks


def _opened(mask: _Mask, size: int) -> _Mask:
    """The mask without what is narrower than `size`."""
    kernel = np.ones((size, size), np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0, np.bool_)


def _without_specks(mask: _Mask) -> _Mask:
    """The mask without bodies of a few pixels: dust, grain, JPEG."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] >= max(6, 0.0006 * mask.size)
    large[0] = False
    return np.asarray(large[pieces] if count > 1 else mask, np.bool_)


def _missed_frac(evidence: _Mask, body: _Mask) -> float:
    """How much of the evidence lies outside the body and its rim."""
    grown = cv2.dilate(body.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return float((evidence & ~grown).sum() / max(1, evidence.sum()))


def _around(evidence: _Mask) -> _Mask:
    """The convex hull of all evidence."""
    hull = cv2.convexHull(np.argwhere(evidence)[:, ::-1].astype(np.int32))
    body = np.zeros(evidence.shape, np.uint8)
    cv2.fillConvexPoly(body, hull, (1,))
    return body > 0


def _plausible(body: _Mask, *, tinted: bool) -> bool:
    """Whether this could be one whole thing on a surface, and not a detail of a close-up."""
    frac, border_frac = body.mean(), body[_border(body.shape)].mean()
    if tinted and (frac < _LEAST_TINTED_FRAC or border_frac > _MOST_TINTED_BORDER_FRAC):
        return False
    return bool(_LEAST_FRAC <= frac <= _MOST_FRAC and border_frac <= _MOST_BORDER_FRAC)


def _fenced(edges: _Mask) -> _Mask:
    """What cannot be reached from outside without crossing an edge, gaps of some pixels closed."""
    closed = cv2.morphologyEx(edges.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    count, pieces = cv2.connectedComponents(1 - closed, connectivity=4)
    outside = np.zeros(count, np.bool_)
    for side in (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]):
        outside[side] = True
    outside[0] = False
    inner = np.asarray(~outside[pieces], np.uint8)
    # The closing made the fence wider; take that back.
    return np.asarray(cv2.erode(inner, np.ones((3, 3), np.uint8)) > 0, np.bool_)


def _one_thing(found: _Mask) -> _Mask | None:
    """The largest body, large and central ones first, without holes; None if it is no one thing."""
    h, w = found.shape
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    closed = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel)
    count, pieces, stats, middles = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return None
    off_centre = np.hypot(middles[1:, 0] / w - 0.5, middles[1:, 1] / h - 0.5)
    largest = 1 + int((stats[1:, cv2.CC_STAT_AREA] * np.exp(-4 * off_centre**2)).argmax())
    outlines, _ = cv2.findContours(
        (pieces == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    body = np.zeros((h, w), np.uint8)
    cv2.drawContours(body, outlines, -1, (1,), cv2.FILLED)
    return body > 0


def _rounded(height: int, width: int) -> Pixels:
    """All of the photograph but its corners."""
    cover = np.zeros((height, width), np.uint8)
    radius = max(1, round(min(height, width) * _ROUND_FRAC))
    cv2.rectangle(cover, (radius, 0), (width - 1 - radius, height - 1), (255,), cv2.FILLED)
    cv2.rectangle(cover, (0, radius), (width - 1, height - 1 - radius), (255,), cv2.FILLED)
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(cover, (x, y), radius, (255,), cv2.FILLED, cv2.LINE_AA)
    return cover
