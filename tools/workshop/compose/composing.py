"""Compose one scene: a ground, pieces laid on it, a camera over it, and the truth about all of it.

A scene follows from recipe, stock and generator alone: `np.random.default_rng([seed, index])` gives
the same scene again, on any machine of the same kind, in whatever order or thread. The pictures of
the empty ground are drawn last, so their number does not change the scene.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box
from sorterd.simulation.sprites import Sprite
from sorterd.simulation.surface import rail
from tools.workshop.compose.grounds import BELTS
from tools.workshop.compose.laying import Flat, Shadow, Table, flat
from tools.workshop.compose.lenses import Camera, draw_camera
from tools.workshop.compose.recipes import PieceRules, Recipe, SeriesRules

Pixels = npt.NDArray[np.uint8]

# A photograph enlarged further than this shows that it is one.
_MOST_ENLARGED = 1.6
# A running ground of 640 x 480 is 6 MB at most; past that it begins anew.
_MOST_VIEWS = 5
# Places that are tried for a piece; then it is left out.
_TRIES = 24


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A piece to lay, and where it comes from.

    Attributes:
        sprite: The piece.
        source: The photograph's address, or `drawn`.
        sha256: Of the photograph; empty for a drawing.
    """

    sprite: Sprite
    source: str
    sha256: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A ground to lay pieces on.

    Attributes:
        kind: As a recipe names it.
        pixels: uint8[H, L, 3], BGR; L at least the view's columns.
        source: The photograph's address, or `drawn`.
    """

    kind: str
    pixels: Pixels
    source: str


class Stock(Protocol):
    """Where pieces and grounds come from. Any thread; what is taken follows from `rng` alone."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that may come, in the order of the alphabet."""

    def item(self, rng: np.random.Generator) -> Item:
        """Take a piece."""

    def ground(self, view_px: tuple[int, int], length_px: int, rng: np.random.Generator) -> Ground:
        """Take a ground.

        Args:
            view_px: Rows and columns that are seen at a time.
            length_px: Columns wanted; a photograph gives those of the view only.
            rng: Decides which.
        """


@dataclass(frozen=True, slots=True)
class Instance:
    """One piece as far as it is seen in a scene.

    Attributes:
        label: What it is.
        box: The tight box of its mask.
        visible_frac: How much of it is seen, of all of it in and outside the frame.
        source: Where it comes from.
        sha256: Of the photograph; empty for a drawing.
    """

    label: str
    box: Box
    visible_frac: float
    source: str
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A composed picture and what is true of it.

    Attributes:
        pixels: uint8[H, W, 3], BGR.
        ids: uint8[H, W]; 0 is ground, n the n-th of `instances`, from 1. No pixel is two pieces'.
        instances: The pieces that are seen, the lowest first.
        ground: Kind of the ground.
        ground_source: Where the ground comes from.
        travel_px: How far the ground moves from a picture to the next.
        smear_px: How far it moves in one exposure.
        empty: The empty ground as the same camera saw it before, oldest first.
    """

    pixels: Pixels
    ids: Pixels
    instances: tuple[Instance, ...]
    ground: str
    ground_source: str
    travel_px: float
    smear_px: float
    empty: tuple[Pixels, ...]

    def mask(self, place: int) -> Pixels:
        """The mask of one of `instances`, uint8[H, W], 1 inside."""
        return np.asarray(self.ids == place + 1, np.uint8)


def compose_scene(recipe: Recipe, stock: Stock, rng: np.random.Generator) -> Scene:
    """Compose one scene.

    Args:
        recipe: What it is made of.
        stock: Gives pieces and grounds; see `tools.workshop.compose.stock.open_stock`.
        rng: Decides everything.

    Returns:
        The scene. It may hold fewer pieces than were drawn for it: one that finds no place that
        keeps the recipe's limits is left out, and one that is hidden whole is not listed.
    """
    frame, series = recipe.frame, recipe.series
    for_ground, for_pieces, for_camera, for_noise = rng.spawn(4)
    travel_px = for_camera.uniform(*series.travel_px)
    smear_px = for_camera.uniform(*series.smear_px)
    # A ground that runs is drawn as long as it is seen, within what memory allows.
    length_px = frame.width_px + ceil(
        min(series.pictures * travel_px, _MOST_VIEWS * frame.width_px)
    )
    ground = stock.ground((frame.height_px, frame.width_px), length_px, for_ground)
    rails = _rails(recipe, ground.kind, for_ground)
    camera = draw_camera(
        recipe.camera,
        (frame.height_px, frame.width_px),
        for_camera,
        ground_level=float(ground.pixels.mean()),
        smear_px=smear_px,
        flicker_frac=series.flicker_frac,
    )
    loop = _Loop(ground.pixels, frame.width_px)
    lying = loop.cut(series.pictures * travel_px).astype(np.float32)
    # Pieces lie between the rails: what is under one is hidden.
    between = slice(len(rails), frame.height_px - len(rails))
    table = Table(lying[between])
    laid = _lay_all(recipe, stock, table, for_pieces)
    lying[between] = table.picture
    ids, instances = _truth(table, laid, len(rails))
    return Scene(
        pixels=camera.see(lying, for_noise, rails),
        ids=ids,
        instances=instances,
        ground=ground.kind,
        ground_source=ground.source,
        travel_px=travel_px,
        smear_px=smear_px,
        empty=tuple(_empty(series, loop, travel_px, camera, rails, for_noise)),
    )


class _Loop:
    """A ground that may run to the right for ever: where it ends, its mirror image follows."""

    def __init__(self, pixels: Pixels, view_px: int) -> None:
        self._length_px, self._view_px = pixels.shape[1], view_px
        self._strip: Pixels = np.concatenate([pixels, pixels[:, ::-1], pixels], axis=1)

    def cut(self, travel_px: float) -> Pixels:
        start = round(self._length_px - self._view_px - travel_px) % (2 * self._length_px)
        return self._strip[:, start : start + self._view_px]


def _empty(
    series: SeriesRules,
    loop: _Loop,
    travel_px: float,
    camera: Camera,
    rails: Pixels,
    rng: np.random.Generator,
) -> Iterator[Pixels]:
    for place in range(series.pictures):
        yield camera.see(loop.cut(place * travel_px), rng, rails)


def _rails(recipe: Recipe, kind: str, rng: np.random.Generator) -> Pixels:
    """One rail, uint8[h, W, 3]; h is 0 where there is none."""
    frame = recipe.frame
    wanted = kind in BELTS and rng.random() < frame.rail_frac
    rail_px = int(rng.integers(frame.height_px // 60, frame.height_px // 14 + 1)) if wanted else 0
    return rail(frame.width_px, rail_px, rng)


def _lay_all(recipe: Recipe, stock: Stock, table: Table, rng: np.random.Generator) -> list[Item]:
    """Lay pieces until there are as many as the recipe's chance wants, or no place is found."""
    rules = recipe.pieces
    shadow = Shadow(
        darkness_frac=rng.uniform(*recipe.shadow.darkness_frac),
        angle_rad=rng.uniform(0, 2 * np.pi),
        reach_frac=rng.uniform(*recipe.shadow.reach_frac),
        soft_frac=rng.uniform(*recipe.shadow.soft_frac),
    )
    laid: list[Item] = []
    for _ in range(int(rng.integers(rules.count[0], rules.count[1] + 1))):
        # A generator of its own: what one piece draws does not move the next.
        (own,) = rng.spawn(1)
        item = stock.item(own)
        piece = _made_flat(item.sprite, rules, own)
        if piece is None:
            continue
        gap_px = None if own.random() < rules.overlapping_frac else rules.gap_px
        at = _place(piece, table, rules, gap_px, own)
        if at is not None:
            table.lay(piece, at, shadow)
            laid.append(item)
    return laid


def _made_flat(sprite: Sprite, rules: PieceRules, rng: np.random.Generator) -> Flat | None:
    low, high = rules.longer_px
    longer_px = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    longer_px = min(longer_px, _MOST_ENLARGED * max(sprite.alpha.shape))
    mirrored = rng.random() < rules.mirrored_frac
    piece = flat(sprite, longer_px, rng.uniform(*rules.turn_deg))
    if piece is None:
        return None
    colour, cover = piece.colour, piece.cover
    if mirrored:
        colour, cover = colour[:, ::-1], cover[:, ::-1]
    contrast, brightness = rng.uniform(*rules.contrast), rng.uniform(*rules.brightness)
    middle = np.float32(colour[cover > 0].mean())
    lit = ((colour - middle) * np.float32(contrast) + middle) * np.float32(brightness)
    return Flat(np.clip(lit, 0, 255), np.ascontiguousarray(cover))


def _place(
    piece: Flat, table: Table, rules: PieceRules, gap_px: int | None, rng: np.random.Generator
) -> tuple[int, int] | None:
    """A place that keeps the limits: its middle anywhere in the frame."""
    height, width = piece.cover.shape
    rows, columns = table.on_top.shape
    for x, y in rng.uniform(0, 1, (_TRIES, 2)) * (columns, rows):
        at = (round(x - width / 2), round(y - height / 2))
        if table.fits(piece, at, least_visible_frac=rules.least_visible_frac, gap_px=gap_px):
            return at
    return None


def _truth(table: Table, laid: list[Item], edge_px: int) -> tuple[Pixels, tuple[Instance, ...]]:
    """Ids without gaps, and what they stand for; hidden pieces are dropped."""
    ids = np.zeros((table.on_top.shape[0] + 2 * edge_px, table.on_top.shape[1]), np.uint8)
    between = ids[edge_px : len(ids) - edge_px]
    instances: list[Instance] = []
    for number, item in enumerate(laid, start=1):
        visible_frac = table.visible_frac(number)
        if not visible_frac:
            continue
        between[table.on_top == number] = len(instances) + 1
        own = np.asarray(ids == len(instances) + 1, np.uint8)
        box = Box(*cv2.boundingRect(own))
        instances.append(
            Instance(item.sprite.label, box, round(visible_frac, 4), item.source, item.sha256)
        )
    return ids, tuple(instances)
