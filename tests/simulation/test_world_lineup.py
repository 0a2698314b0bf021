"""How pieces lie on the simulated belt."""

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sorterd.simulation.cutout import turned
from sorterd.simulation.lineup import Lineup
from sorterd.simulation.scene import BeltScene
from sorterd.simulation.sprites import Sprite, trimmed
from sorterd.simulation.world import TruePiece

ACROSS_MM = 240.0
RAIL_MM = 8.0


class OddShapes:
    """A source of plain L-shaped pieces, so that neither boxes nor hulls are the whole truth."""

    def take(self, rng: np.random.Generator) -> Sprite:
        """Return one, 30 to 120 mm long."""
        height, width = (int(each) for each in rng.integers(60, 240, 2))
        alpha = np.full((height, width), 255, np.uint8)
        alpha[: height // 2, width // 3 :] = 0
        return trimmed("rag", np.full((height, width, 3), 200, np.uint8), alpha, 2.0)


def lineup(scene: BeltScene, seed: int = 5, last_mm: float | None = None) -> Lineup:
    """Build a lineup whose first piece begins at 300 mm."""
    source = OddShapes()
    return Lineup(scene, source, seed, across_mm=ACROSS_MM, first_mm=300.0, last_mm=last_mm)


def pieces(subject: Lineup) -> list[TruePiece]:
    """Return all of a lineup."""
    subject.extend_to(1_000_000)
    return [subject.piece(number) for number in range(1, len(subject) + 1)]


def along_mm(piece: TruePiece) -> tuple[float, float]:
    """Return where a piece begins and ends on the belt, front first; a turning one at most."""
    if piece.spin_deg_s:
        reach = float(np.hypot(*piece.outline_mm.T).max())
        return piece.offset_mm - reach, piece.offset_mm + reach
    xs = turned(piece.outline_mm, piece.angle_deg)[:, 0]
    # What reaches forward on the belt has a larger x, and a smaller belt offset.
    return piece.offset_mm - float(xs.max()), piece.offset_mm - float(xs.min())


def silhouette(subject: Lineup, piece: TruePiece, origin_mm: float) -> npt.NDArray[np.uint8]:
    """Draw what a piece covers on two metres of belt around an origin, two pixels a millimetre."""
    sprite = subject.sprite(piece.number)
    height, width = sprite.alpha.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), piece.angle_deg, 1.0)
    turn[0, 2] += 1000 - (piece.offset_mm - origin_mm) * 2 - (width - 1) / 2
    turn[1, 2] += piece.across_mm * 2 - (height - 1) / 2
    drawn = cv2.warpAffine(sprite.alpha, turn, (2000, round(ACROSS_MM * 2)))
    return np.asarray(drawn >= 128, np.uint8)


def test_lineup_does_not_depend_on_who_asks() -> None:
    """It should be the same whether it grows in small steps or is asked for its last piece."""
    scene = BeltScene(pieces=60, touching_frac=0.2, burst_frac=0.3)
    grown, asked = lineup(scene), lineup(scene)
    for rear_mm in range(0, 40_000, 37):
        grown.extend(rear_mm)
    asked.piece(60)
    for one, other in zip(pieces(grown), pieces(asked), strict=True):
        assert one.offset_mm == other.offset_mm
        assert (one.across_mm, one.angle_deg, one.touches) == (
            other.across_mm,
            other.angle_deg,
            other.touches,
        )


def test_seeds_differ() -> None:
    """It should lay them out otherwise for another seed."""
    one, other = (pieces(lineup(BeltScene(pieces=5), seed)) for seed in (1, 2))
    assert [each.offset_mm for each in one] != [each.offset_mm for each in other]


def test_first_piece_begins_where_told() -> None:
    """It should leave the belt empty up to the first piece's front."""
    first = pieces(lineup(BeltScene(pieces=1, turning_frac=0)))[0]
    assert along_mm(first)[0] >= 300.0
    assert along_mm(first)[0] == pytest.approx(300.0, abs=first.longest_mm / 2)


def test_single_pieces_keep_clear() -> None:
    """It should leave the clear stretch between single pieces, on average as far as told."""
    scene = BeltScene(pieces=300, burst_frac=0, touching_frac=0, overlapping_frac=0)
    laid = pieces(lineup(scene))
    for ahead, behind in pairwise(laid):
        assert along_mm(behind)[0] - along_mm(ahead)[1] >= scene.clear_mm - 1.0
        assert not ahead.touches
    mean_mm = (laid[-1].offset_mm - laid[0].offset_mm) / (len(laid) - 1)
    assert mean_mm == pytest.approx(scene.gap_mm, rel=0.1)


def test_pieces_keep_off_the_rails() -> None:
    """It should lay every piece between the rails, also while it turns."""
    for piece in pieces(lineup(BeltScene(pieces=120, turning_frac=0.5))):
        ys = piece.across_mm + turned(piece.outline_mm, piece.angle_deg)[:, 1]
        assert ys.min() > RAIL_MM
        assert ys.max() < ACROSS_MM - RAIL_MM


@pytest.mark.parametrize("how", ["touching", "overlapping"])
def test_pairs_touch(how: str) -> None:
    """It should lay pairs so that their outlines just meet, or cover each other."""
    scene = BeltScene(
        pieces=20,
        burst_frac=0,
        touching_frac=float(how == "touching"),
        overlapping_frac=float(how == "overlapping"),
    )
    subject = lineup(scene)
    laid = pieces(subject)
    for front, rear in zip(laid[::2], laid[1::2], strict=True):
        assert (front.touches, rear.touches) == ((rear.number,), (front.number,))
        ahead = silhouette(subject, front, front.offset_mm)
        behind = silhouette(subject, rear, front.offset_mm)
        shared_px = cv2.countNonZero(cv2.bitwise_and(ahead, behind))
        near_px = cv2.countNonZero(cv2.bitwise_and(cv2.dilate(ahead, np.ones((9, 9))), behind))
        assert near_px > 0
        # Meeting outlines may share the blur of their edges.
        assert (shared_px < 300) if how == "touching" else (shared_px > 100)


def test_shares_are_of_pieces() -> None:
    """It should have as many pieces in pairs as the scene says."""
    scene = BeltScene(pieces=600, touching_frac=0.2, overlapping_frac=0.1, burst_frac=0.2)
    touching = sum(1 for piece in pieces(lineup(scene)) if piece.touches)
    assert touching / 600 == pytest.approx(0.3, abs=0.07)


def test_feed_ends() -> None:
    """It should let no group begin behind the last place, and name no partner that stays away."""
    scene = BeltScene(touching_frac=0.5)
    laid = pieces(lineup(scene, last_mm=5_000.0))
    assert laid
    numbers = {piece.number for piece in laid}
    for piece in laid:
        assert set(piece.touches) <= numbers
        if not piece.touches:
            assert along_mm(piece)[0] <= 5_000.0 + 600  # a burst that has begun comes whole


def test_unknown_piece() -> None:
    """It should not know a piece that does not come."""
    with pytest.raises(KeyError):
        lineup(BeltScene(pieces=3)).piece(4)


def test_only_few_drawings_are_kept() -> None:
    """It should keep records of many pieces, but pictures of few."""
    subject = lineup(BeltScene(pieces=100))
    subject.piece(100)
    assert subject.sprite.cache_info().currsize <= 8
