"""Regions: drawn belts with known pieces, under every light and wear a real one meets."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sorterd.core.records import Box
from sorterd.vision.background import Background
from sorterd.vision.lobes import count_lobes
from sorterd.vision.regions import Finding, RegionFinder, RegionRules

Picture = npt.NDArray[np.uint8]
Paint = Callable[[npt.NDArray[np.float32]], None]

WIDTH, HEIGHT = 640, 480
BELT = (112.0, 118.0, 120.0)
FRAME_NS = 33_333_333
# What takes long is learned by time, not by frames: ten a second do.
SLOW_NS = 100_000_000
ODD_START_NS = 7_003_000_019


def nothing(_: npt.NDArray[np.float32]) -> None:
    """Leave the belt as it is."""


def box_at(
    left: float,
    top: float = 200,
    wide: int = 100,
    high: int = 80,
    colour: Sequence[float] = (40, 160, 200),
) -> Paint:
    """Return a painter of one flat box; its right and bottom edges are left + wide, top + high."""

    def paint(picture: npt.NDArray[np.float32]) -> None:
        x, y = max(round(left), 0), max(round(top), 0)
        picture[y : max(round(top) + high, 0), x : max(round(left) + wide, 0)] = colour

    return paint


def flat(mask: Picture, contrast: float) -> Paint:
    """Return a painter of one flat shape, so much brighter than the belt."""

    def paint(picture: npt.NDArray[np.float32]) -> None:
        picture[mask > 0] = np.array(BELT) + contrast

    return paint


def both(*paints: Paint) -> Paint:
    """Return a painter that paints one after the other."""

    def paint(picture: npt.NDArray[np.float32]) -> None:
        for each in paints:
            each(picture)

    return paint


@cache
def sensor_noise() -> list[npt.NDArray[np.float32]]:
    """Return the noise of five frames, which come again and again."""
    rng = np.random.default_rng(6)
    return [rng.normal(0, 3.0, (HEIGHT, WIDTH, 3)).astype(np.float32) for _ in range(5)]


# Tests that stand together ask for the same belt.
@lru_cache(maxsize=2)
def drawn_belt(texture: float, scratches: int) -> npt.NDArray[np.float32]:
    """Return a long stretch of belt, for all to look at and none to paint on."""
    rng = np.random.default_rng(5)
    belt = np.full((HEIGHT, 2400, 3), BELT, np.float32)
    if texture:
        grain = rng.normal(0, 1, belt.shape[:2]).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), 6).astype(np.float32)
        belt += (grain * (texture / grain.std()))[:, :, np.newaxis]
    worn = np.zeros(belt.shape[:2], np.uint8)
    for _ in range(scratches):
        start = rng.integers((0, 0), (2400, HEIGHT))
        end = start + rng.integers(-150, 150, 2)
        cv2.line(worn, start.tolist(), end.tolist(), (50,), 2)
    belt += worn[:, :, np.newaxis]
    belt.setflags(write=False)
    return belt


class Station:
    """A drawn belt under a finder; every `look` is one frame later."""

    def __init__(
        self,
        *,
        texture: float = 0.0,
        scratches: int = 0,
        step_px: int = 13,
        frame_ns: int = FRAME_NS,
        rules: RegionRules | None = None,
    ) -> None:
        self.finder = RegionFinder(rules or RegionRules(view=Box(0, 0, WIDTH, HEIGHT)))
        self.now_ns = ODD_START_NS
        self._belt = drawn_belt(texture, scratches)
        self._noise = sensor_noise()
        self._step_px = step_px
        self._frame_ns = frame_ns
        self._frames = 0
        self._at_px = 0

    def look(self, paint: Paint = nothing, *, gain: float = 1.0, moving: bool = True) -> Finding:
        """Show the next frame."""
        self._frames += 1
        self._at_px += self._step_px * moving
        left = self._at_px % (self._belt.shape[1] - WIDTH)
        picture = self._belt[:, left : left + WIDTH]
        if paint is not nothing:
            picture = picture.copy()
            paint(picture)
        noise = self._noise[self._frames % 5]
        pixels = cv2.addWeighted(picture, gain, noise, 1.0, 0.0, dtype=cv2.CV_8U)
        self.now_ns += self._frame_ns
        return self.finder.find(np.asarray(pixels, np.uint8), self.now_ns)

    def settle(self, seconds: float = 1.5) -> "Station":
        """Let it learn an empty belt."""
        for _ in range(round(seconds * 1e9 / self._frame_ns)):
            self.look()
        return self


def edges(box: Box) -> npt.NDArray[np.int_]:
    """Return left, top, right, bottom."""
    return np.array((box.left_px, box.top_px, box.right_px, box.bottom_px))


def test_learns_first() -> None:
    """It should say that it is learning for half a second, then see an empty belt."""
    station = Station()

    learning = [station.look().learning for _ in range(30)]

    assert all(learning[:15])
    assert not any(learning[20:])
    assert station.look() == Finding()


@pytest.mark.parametrize("contrast", [-60, -25, 25, 60])
def test_boxes_are_tight(contrast: int) -> None:
    """It should find drawn discs and boxes within 4 pixels, whichever way they lie."""
    station = Station().settle()
    rng = np.random.default_rng(abs(contrast))
    for number in range(20):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        middle = rng.uniform((150, 140), (490, 340))
        if number % 2:
            cv2.circle(
                mask, np.rint(middle).astype(int).tolist(), int(rng.integers(15, 90)), (1,), -1
            )
        else:
            size = rng.uniform((40, 40), (180, 120))
            corners = cv2.boxPoints((middle.tolist(), size.tolist(), rng.uniform(0, 90)))
            cv2.fillPoly(mask, [corners.astype(np.int32)], (1,))
        left, top, wide, high = cv2.boundingRect(mask)

        finding = station.look(flat(mask, contrast))

        (region,) = finding.regions
        truth = np.array((left, top, left + wide, top + high))
        assert np.abs(edges(region.box) - truth).max() <= 4
        assert region.area_px == pytest.approx(np.count_nonzero(mask), rel=0.12, abs=100)
        assert region.lobes == 1


def test_every_size_of_frame() -> None:
    """It should be as exact in other sizes of frame as the step of its grid allows."""
    for wide, high in ((160, 120), (320, 240), (1280, 720)):
        view = Box(wide // 16, high // 12, wide * 7 // 8, high * 5 // 6)
        finder = RegionFinder(RegionRules(view=view, min_area_px=wide * high // 800))
        belt = np.full((high, wide, 3), 120, np.uint8)
        for number in range(30):
            finder.find(belt, number * FRAME_NS)
        shown = belt.copy()
        shown[high // 2 : high * 3 // 4, wide // 2 : wide * 3 // 4] = 200

        (region,) = finder.find(shown, 30 * FRAME_NS).regions

        truth = np.array((wide // 2, high // 2, wide * 3 // 4, high * 3 // 4))
        assert np.abs(edges(region.box) - truth).max() <= max(2, wide // 320)


def test_piece_at_the_edge_of_the_view() -> None:
    """It should report a piece that is coming in, its box ending at the view's edge."""
    view = Box(22, 31, 601, 423)
    station = Station(rules=RegionRules(view=view)).settle()

    (entering,) = station.look(box_at(-30)).regions
    (leaving,) = station.look(box_at(590, 420)).regions

    assert entering.box.left_px == view.left_px
    assert (leaving.box.right_px, leaving.box.bottom_px) == (view.right_px, view.bottom_px)


def test_outside_the_view_is_nothing() -> None:
    """It should not look at what happens beside the belt."""
    station = Station(rules=RegionRules(view=Box(0, 100, WIDTH, 300))).settle()

    assert station.look(box_at(300, top=10)).regions == ()


@pytest.mark.parametrize(("texture", "scratches"), [(0.0, 0), (8.0, 0), (0.0, 60), (4.0, 80)])
def test_worn_belt_makes_no_pieces(texture: float, scratches: int) -> None:
    """It should see nothing on a running, patterned, scratched belt, and still see a piece."""
    station = Station(texture=texture, scratches=scratches).settle(3)

    empty = [len(station.look().regions) for _ in range(150)]
    shown = [len(station.look(box_at(60 + 13 * number)).regions) for number in range(30)]

    assert sum(empty) == 0
    assert shown == [1] * 30


def test_pattern_survives_a_stop() -> None:
    """It should not take a stopped belt's still picture for all there is to the belt."""
    station = Station(texture=8.0, frame_ns=SLOW_NS).settle(25)
    for _ in range(200):
        station.now_ns += 1_000_000_000
        station.look(moving=False)

    again = [station.look() for _ in range(90)]

    assert sum(len(finding.regions) for finding in again) == 0
    assert not any(finding.covered for finding in again)


def test_seam_is_not_a_piece() -> None:
    """It should pass over a seam right across the view, and still see a piece lying on it."""
    station = Station().settle()

    def seam(picture: npt.NDArray[np.float32]) -> None:
        picture[:, 300:314] -= 60

    bare = station.look(seam)
    laden = station.look(both(seam, box_at(260)))

    assert bare.regions == ()
    (region,) = laden.regions
    assert np.abs(edges(region.box) - (260, 200, 360, 280)).max() <= 6


def test_light_that_drifts_makes_no_pieces() -> None:
    """It should learn light that changes by a third within half a minute."""
    station = Station(texture=3.0, frame_ns=SLOW_NS).settle()

    found = [station.look(gain=1 + number / 900).regions for number in range(300)]

    assert not any(found)


@pytest.mark.parametrize("gain", [0.5, 0.75, 1.3, 1.7])
@pytest.mark.parametrize("frames", [1, 5])
def test_sudden_light_makes_no_pieces(gain: float, frames: int) -> None:
    """It should follow a lamp or an auto exposure, and keep the piece that lies there."""
    station = Station(texture=3.0).settle()

    empty = [
        station.look(gain=1 + (gain - 1) * min(1, number / frames)).regions for number in range(45)
    ]
    station = Station(texture=3.0).settle()
    laden = [
        station.look(box_at(100 + 4 * number), gain=1 if number < 10 else gain)
        for number in range(45)
    ]

    assert not any(empty)
    assert [len(finding.regions) for finding in laden] == [1] * 45


def test_flicker_makes_no_pieces() -> None:
    """It should bear lamps that flicker by a tenth from frame to frame."""
    station = Station(texture=3.0).settle()

    assert not any(station.look(gain=1 + 0.1 * (n % 2)).regions for n in range(60))


def test_hand_covers_and_is_not_learned() -> None:
    """It should report nothing under a moving hand, and know the belt as soon as it has gone."""
    station = Station(texture=3.0, frame_ns=SLOW_NS).settle()
    skin = np.random.default_rng(1).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    skin = cv2.GaussianBlur(skin, (0, 0), 15).astype(np.float32) * 400
    twice = np.hstack((skin, skin))[:, :, np.newaxis] + np.array((90, 120, 170), np.float32)

    def hand(number: int) -> Paint:
        def paint(picture: npt.NDArray[np.float32]) -> None:
            left = -7 * number % WIDTH
            picture[:, :600] = twice[:, left : left + 600]

        return paint

    under = [station.look(hand(number)) for number in range(100)]
    after = station.look()
    laden = station.look(box_at(200))

    assert all(finding == Finding(covered=True) for finding in under)
    assert after == Finding()
    assert len(laden.regions) == 1


def test_new_belt_is_learned_anew() -> None:
    """It should take for the belt what covers the view and keeps still for seconds."""
    station = Station().settle()
    other = np.random.default_rng(2).uniform(60, 220, (HEIGHT // 40, WIDTH // 40, 3))
    tiles = np.kron(other, np.ones((40, 40, 1))).astype(np.float32)

    def paint(picture: npt.NDArray[np.float32]) -> None:
        picture[:] = tiles

    first = [station.look(paint, moving=False) for _ in range(60)]
    for _ in range(90):
        station.look(paint, moving=False)
    after = station.look(paint, moving=False)
    laden = station.look(both(paint, box_at(200, colour=(0, 0, 0))), moving=False)

    assert all(finding.covered for finding in first)
    assert after == Finding()
    assert len(laden.regions) == 1


def test_oversize_region_covers() -> None:
    """It should call the view covered when one region is larger than any piece."""
    rules = RegionRules(view=Box(0, 0, WIDTH, HEIGHT), max_area_px=30_000)
    station = Station(rules=rules).settle()

    assert station.look(box_at(100, 100, 200, 200)) == Finding(covered=True)
    assert len(station.look(box_at(100, 100, 150, 150)).regions) == 1


@pytest.mark.parametrize("drift", [-0.25, 0.0, 0.25])
def test_stopped_piece_does_not_melt(drift: float) -> None:
    """It should see a piece as sharp after ten minutes of standstill, and no trace once it goes."""
    station = Station(texture=3.0).settle()
    first = station.look(box_at(200), moving=False)
    for second in range(300):
        station.now_ns += 2_000_000_000
        last = station.look(box_at(200), moving=False, gain=1 + drift * second / 300)

    after = [len(station.look(gain=1 + drift).regions) for _ in range(90)]

    assert len(first.regions) == len(last.regions) == 1
    assert np.abs(edges(last.regions[0].box) - edges(first.regions[0].box)).max() <= 8
    assert sum(after) <= 15
    assert not any(after[60:])


@pytest.mark.parametrize("start_px", [0, 3, 10])
def test_ghost_of_a_first_piece_is_healed(start_px: int) -> None:
    """It should forget a piece that lay in view at the start once it has moved off its place."""
    station = Station(texture=3.0)
    for number in range(30):
        station.look(box_at(50 + start_px * number))
    left = 50 + start_px * 30

    counts = [len(station.look(box_at(left + 10 * n)).regions) for n in range(27)]
    gone = [len(station.look().regions) for _ in range(30)]

    assert max(counts) <= 2
    assert counts[20:26] == [1] * 6
    assert not any(gone[10:])


def test_learning_follows_time_not_frames() -> None:
    """It should learn as much from few frames far apart as from many close together."""
    rng = np.random.default_rng(3)
    belt = np.full((48, 64, 3), 100, np.uint8)
    patch = belt.copy()
    patch[10:20, 10:20] += 12
    learned = []
    for gaps_ns in (np.full(600, 16_666_667), rng.integers(10_000_000, 900_000_000, 22)):
        background = Background(sensitivity=18, learn_ns=5_000_000_000)
        now_ns = 0
        while not background.ready:
            background.gather(belt, now_ns)
            now_ns += 100_000_000
        end_ns = now_ns + 10_000_000_000
        for gap_ns in gaps_ns:
            now_ns = min(now_ns + int(gap_ns), end_ns)
            for band in background.take_turns(now_ns):
                background.learn(band, patch[band.rows], None, now_ns)
        learned.append(background.mean[15, 15, 0])

    assert learned[0] > 108
    assert abs(int(learned[0]) - int(learned[1])) <= 1


def test_learning_is_spread_over_frames() -> None:
    """It should never learn much of the picture in one frame, and all of it often enough."""
    belt = np.full((240, 320, 3), 100, np.uint8)
    background = Background(sensitivity=18, learn_ns=20_000_000_000)
    now_ns = ODD_START_NS
    while not background.ready:
        background.gather(belt, now_ns)
        now_ns += FRAME_NS
    learned_ns, most_rows, longest_ns = np.full(240, now_ns), 0, 0
    for _ in range(30 * 40):
        now_ns += FRAME_NS
        turns = background.take_turns(now_ns)
        for band in turns:
            background.learn(band, belt[band.rows], None, now_ns)
            longest_ns = max(longest_ns, now_ns - int(learned_ns[band.rows].min()))
            learned_ns[band.rows] = now_ns
        most_rows = max(most_rows, sum(band.rows.stop - band.rows.start for band in turns))

    assert most_rows <= 60
    # A sixteenth of the time constant, and the frame that it is waited for.
    assert longest_ns <= 1_250_000_000 + 2 * FRAME_NS


def test_a_gap_in_the_frames_is_learned_once() -> None:
    """It should learn each place once after a gap, however long the gap was."""
    belt = np.full((48, 64, 3), 100, np.uint8)
    background = Background(sensitivity=18, learn_ns=20_000_000_000)
    for number in range(20):
        background.gather(belt, number * FRAME_NS)

    turns = background.take_turns(3_600_000_000_000)

    assert sorted(row for band in turns for row in range(48)[band.rows]) == list(range(48))
    assert background.take_turns(3_600_000_000_000 + 1) == []


@pytest.mark.parametrize("colour", [(40.0, 160.0, 200.0), (55.0, 58.0, 59.0), (30.0, 30.0, 34.0)])
def test_soft_shadow_does_not_widen_a_box(colour: tuple[float, float, float]) -> None:
    """It should keep to the piece when a soft shadow, a third darker, lies beside it."""
    station = Station().settle()
    solid = np.zeros((HEIGHT, WIDTH), np.float32)
    solid[200:280, 200:320] = 1
    shadow = 0.35 * cv2.GaussianBlur(np.roll(solid, (10, 16), (0, 1)), (0, 0), 12)

    def paint(picture: npt.NDArray[np.float32]) -> None:
        picture *= (1 - shadow)[:, :, np.newaxis]
        picture[solid > 0] = colour

    def shade(picture: npt.NDArray[np.float32]) -> None:
        picture *= (1 - shadow)[:, :, np.newaxis]

    (region,) = station.look(paint).regions
    alone = station.look(shade)

    assert np.abs(edges(region.box) - (200, 200, 320, 280)).max() <= 12
    assert alone.regions == ()


@pytest.mark.parametrize("angle", [0, 25, 45, 70])
def test_clear_gap_parts_two_pieces(angle: float) -> None:
    """It should keep two pieces apart across 12 pixels, and join the parts of one across 6."""
    station = Station().settle()
    along = np.array((np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))))

    def pair(gap_px: float) -> Paint:
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        for side in (-1, 1):
            middle = (320, 240) + side * along * (40 + gap_px / 2)
            corners = cv2.boxPoints((middle.tolist(), (80, 80), angle))
            cv2.fillPoly(mask, [np.rint(corners * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)

        def paint(picture: npt.NDArray[np.float32]) -> None:
            picture += 70 * (mask / np.float32(255))[:, :, np.newaxis]

        return paint

    assert len(station.look(pair(12)).regions) == 2
    assert len(station.look(pair(6)).regions) == 1


def test_bottle_with_a_clear_middle_is_one() -> None:
    """It should see one piece where only the rim, cap and label of a bottle differ."""
    station = Station().settle()

    def bottle(picture: npt.NDArray[np.float32]) -> None:
        inside = picture[190:250, 210:370].copy()
        picture[182:258, 202:378] += 60
        picture[190:250, 210:370] = inside
        picture[205:235, 378:400] = (180, 60, 40)

    (region,) = station.look(bottle).regions

    assert np.abs(edges(region.box) - (202, 182, 400, 258)).max() <= 4
    assert region.lobes == 1


def _rim(inside_levels: float) -> Paint:
    """Return a painter of a thin bright ring around something that is not quite belt."""
    ring, disc = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    cv2.circle(ring, (320, 240), 44, (255,), 2, cv2.LINE_AA)
    cv2.circle(disc, (320, 240), 44, (1,), -1)

    def paint(picture: npt.NDArray[np.float32]) -> None:
        picture += (inside_levels * disc + 60 * (ring / np.float32(255)))[:, :, np.newaxis]

    return paint


def test_clear_glass_is_its_rim_and_what_it_holds() -> None:
    """It should see glass by a thin rim, alone or around a label, and no ring of scratches."""
    station = Station().settle()
    glass = np.array((275, 195, 366, 286))

    (alone,) = station.look(_rim(9)).regions
    (labelled,) = station.look(both(_rim(0), box_at(295, 220, 50, 40))).regions

    assert np.abs(edges(alone.box) - glass).max() <= 4
    assert np.abs(edges(labelled.box) - glass).max() <= 4
    assert station.look(_rim(0)).regions == ()


def _touching(rng: np.random.Generator, *, discs: bool) -> Picture:
    mask = np.zeros((200, 260), np.uint8)
    small = rng.uniform(0.8, 1.0)
    turn = rng.uniform(0, 180)
    if discs:
        cv2.circle(mask, (90, 100), 40, (255,), -1)
        cv2.circle(mask, (130 + round(40 * small), 100), round(40 * small), (255,), -1)
    else:
        # Two boxes that meet by a corner, each lying as it likes.
        for middle, size in ((85.0, 66.0), (150.0, 66.0 * small)):
            corners = cv2.boxPoints(((middle, 100), (size, size * 0.8), 45 + rng.uniform(-15, 15)))
            cv2.fillPoly(mask, [corners.astype(np.int32)], (255,))
    turned = cv2.warpAffine(mask, cv2.getRotationMatrix2D((130, 100), turn, 0.7), (260, 200))
    return _cut(np.asarray(turned, np.uint8))


def _cut(mask: Picture) -> Picture:
    left, top, wide, high = cv2.boundingRect(mask)
    return np.where(mask[top : top + high, left : left + wide] > 127, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("kind", ["discs", "boxes"])
def test_two_that_touch_are_two(kind: str) -> None:
    """It should see most touching pairs of like size as two."""
    rng = np.random.default_rng(11)

    counts = [count_lobes(_touching(rng, discs=kind == "discs")) for _ in range(40)]

    assert counts.count(2) >= 34
    assert max(counts) == 2


def test_single_pieces_are_one() -> None:
    """It should call bottles, crumpled and bent shapes one piece each."""
    rng = np.random.default_rng(12)
    counts = []
    for number in range(120):
        mask = np.zeros((300, 300), np.uint8)
        if number % 3 == 0:
            long, wide = rng.uniform(110, 200), rng.uniform(0.28, 0.45)
            neck, shoulder = rng.uniform(0.3, 0.55), rng.uniform(0.55, 0.7)
            outline = [
                (0, -wide),
                (shoulder, -wide),
                (shoulder + 0.12, -wide * neck),
                (1, -wide * neck),
            ]
            points = np.array(outline + [(x, -y) for x, y in reversed(outline)]) * (long, long / 2)
            points -= (long / 2, 0)
        elif number % 3 == 1:
            turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
            dents = sum(rng.normal() * np.cos(n * turn + rng.uniform(0, 6)) for n in range(2, 7))
            reach = 60 * (1 + 0.2 * dents / np.abs(dents).max())
            points = np.stack((reach * np.cos(turn), reach * np.sin(turn) * rng.uniform(0.6, 1)), 1)
        else:
            bow = np.linspace(-1, 1, 40) * np.deg2rad(rng.uniform(30, 60))
            spine = 90 * np.stack((np.cos(bow) - 1, np.sin(bow)), 1)
            for x, y in spine + 150:
                cv2.circle(mask, (round(x), round(y)), round(rng.uniform(14, 17)), (255,), -1)
            points = np.zeros((3, 2))
        cv2.fillPoly(mask, [np.rint(points + 150).astype(np.int32)], (255,))
        turn_by = cv2.getRotationMatrix2D((150, 150), rng.uniform(0, 360), 0.8)
        turned = np.asarray(cv2.warpAffine(mask, turn_by, (300, 300)), np.uint8)
        counts.append(count_lobes(_cut(turned)))

    assert counts == [1] * 120


def test_frame_is_not_touched() -> None:
    """It should leave the pixels as they were, and say the same of the same frames twice."""
    findings = []
    for _ in range(2):
        finder = RegionFinder(RegionRules(view=Box(0, 0, WIDTH, HEIGHT)))
        rng = np.random.default_rng(8)
        seen = []
        for number in range(40):
            pixels = rng.integers(110, 122, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            pixels[100:200, 10 * number : 10 * number + 80] = 30
            pixels.setflags(write=False)
            seen.append(finder.find(pixels, number * FRAME_NS))
        findings.append(seen)

    assert findings[0] == findings[1]
    assert any(finding.regions for finding in findings[0])


def test_frame_too_small_for_the_view() -> None:
    """It should refuse a frame that does not hold its view, and a view too small to look at."""
    finder = RegionFinder(RegionRules(view=Box(0, 0, WIDTH, HEIGHT)))

    with pytest.raises(ValueError, match="does not hold the view"):
        finder.find(np.zeros((100, 100, 3), np.uint8), 0)
    with pytest.raises(ValueError, match="too small"):
        RegionFinder(RegionRules(view=Box(0, 0, 1, 400)))


def test_many_changed_zones_are_bounded_work() -> None:
    """It should call a view strewn with small things covered, not list hundreds of pieces."""
    station = Station().settle()

    def confetti(picture: npt.NDArray[np.float32]) -> None:
        for top in range(10, HEIGHT - 40, 50):
            for left in range(10, WIDTH - 40, 50):
                picture[top : top + 24, left : left + 24] = 250

    assert station.look(confetti) == Finding(covered=True)
