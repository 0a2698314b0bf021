"""What the segmentation network is shown: views of composed scenes, and what it should say to them.

A scene enters the network as a frame does at the station, through `sorterd.vision.crops`; its mask
of instances goes the same way. Where two pieces nearly touch, a crack of bare belt is cut between
them and counts several times over, so that neighbours come apart (after Ronneberger, Fischer and
Brox, "U-Net", 2015). Nothing here trains.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from tqdm import tqdm

from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.vision.crops import PADDING, Cropper
from tools.workshop.compose.composed import ComposedScene
from tools.workshop.segments.segment_network import STRIDE, Numbers, Pixels

# Pixels of the network's input: half the crack between pieces that touch, how far the pull that
# parts them reaches, and how much the narrowest gap counts beside open belt.
_CRACK_PX = 2.5
_PULL_PX = 4.0
_PULL = 10.0
# The share of looks at a part of a scene only, and the least part, of either side.
_PART_FRAC = 0.35
_LEAST_PART = 0.55


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One scene with its truth, 1.2 MB at 640 by 480.

    Attributes:
        pixels: uint8[H, W, 3], BGR.
        instances: uint8[H, W]: 0 is ground, each other number one piece, as far as it is seen.
    """

    pixels: Pixels
    instances: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What one step learns from.

    Attributes:
        pixels: uint8[n, H, W, 3], RGB.
        targets: float32[n, rows, columns]: how much of each place a piece covers, 0 to 1.
        counts: float32[n, rows, columns]: how much each place counts.
    """

    pixels: Pixels
    targets: Numbers
    counts: Numbers


class SegmentLessons:
    """Makes batches of lessons; another look at each scene in every epoch.

    Args:
        lessons: The scenes, one or more.
        width_px: Columns of the network's input.
        height_px: Rows of it.
    """

    def __init__(self, lessons: Sequence[Lesson], *, width_px: int, height_px: int) -> None:
        self._lessons = lessons
        self._spec = input_spec(width_px, height_px)

    def steps(self, batch: int) -> int:
        """How many batches an epoch has."""
        return -(-len(self._lessons) // batch)

    def epoch(self, batch: int, seed: Sequence[int]) -> Iterator[Batch]:
        """Every scene once, in an order and seen in a way that `seed` decides."""
        order = np.random.default_rng([*seed, 0]).permutation(len(self._lessons))

        def look(place: int) -> tuple[Pixels, Numbers, Numbers]:
            rng = np.random.default_rng([*seed, 1, place])
            return _looked_at(self._lessons[place], self._spec, rng)

        # OpenCV lets go of the interpreter's lock: the next batch is made while this one is learnt.
        with ThreadPoolExecutor(2) as threads:
            starts = range(0, len(order), batch)
            coming = [threads.map(look, order[s : s + batch].tolist()) for s in starts[:1]]
            for start in starts:
                if start + batch < len(order):
                    following = order[start + batch : start + 2 * batch].tolist()
                    coming.append(threads.map(look, following))
                pixels, targets, counts = zip(*coming.pop(0), strict=True)
                yield Batch(np.stack(pixels), np.stack(targets), np.stack(counts))


def read_lessons(scenes: Sequence[ComposedScene]) -> list[Lesson]:
    """Open composed scenes to learn from.

    Raises:
        WorkshopFault: A picture is missing or damaged.
    """

    def opened(scene: ComposedScene) -> Lesson:
        return Lesson(scene.pixels(), scene.ids())

    with ThreadPoolExecutor(2) as threads:
        each = threads.map(opened, scenes)
        return list(tqdm(each, desc="opening", total=len(scenes), unit="scene"))


def input_spec(width_px: int, height_px: int) -> InputSpec:
    """A model's input that keeps the pixel values as they are."""
    return InputSpec(width_px, height_px, "uint8", gain=1.0, offset=0.0)


def whole_view(lesson: Lesson, width_px: int, height_px: int) -> tuple[Pixels, Numbers, Numbers]:
    """A scene as the network sees it whole: pixels, targets, counts of one place of a `Batch`."""
    return _seen(lesson.pixels, lesson.instances, input_spec(width_px, height_px))


def _looked_at(
    lesson: Lesson, spec: InputSpec, rng: np.random.Generator
) -> tuple[Pixels, Numbers, Numbers]:
    """A scene mirrored, turned half round, in part, in other light, as chance has it."""
    pixels, instances = lesson.pixels, lesson.instances
    if rng.random() < _PART_FRAC:
        rows, columns = instances.shape
        height, width = (round(s * rng.uniform(_LEAST_PART, 1)) for s in (rows, columns))
        top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
        part = np.s_[top : top + height, left : left + width]
        pixels, instances = pixels[part], instances[part]
    steps = int(rng.choice([-1, 1])), int(rng.choice([-1, 1]))
    pixels, instances = pixels[:: steps[0], :: steps[1]], instances[:: steps[0], :: steps[1]]
    gains = rng.uniform(0.7, 1.25) * rng.normal(1.0, 0.06, 3)
    table = np.clip(np.arange(256)[:, None] * gains + rng.normal(0, 6), 0, 255).astype(np.uint8)
    lit = cv2.LUT(np.ascontiguousarray(pixels), table[:, None, :])
    return _seen(np.asarray(lit, np.uint8), np.ascontiguousarray(instances), spec)


def _seen(pixels: Pixels, instances: Pixels, spec: InputSpec) -> tuple[Pixels, Numbers, Numbers]:
    rows, columns = instances.shape
    whole = Box(0, 0, columns, rows)
    slot = np.empty((spec.height_px, spec.width_px, 3), np.uint8)
    Cropper(spec, margin_frac=0.0, padding=PADDING).write(pixels, whole, slot)
    targets, counts = truth_of(_fitted(instances, spec))
    return slot, targets, counts


def _fitted(instances: Pixels, spec: InputSpec) -> Pixels:
    """The mask where the cropper puts the pixels; nothing lies beside it."""
    rows, columns = instances.shape
    fit = min(spec.height_px / rows, spec.width_px / columns)
    height = min(spec.height_px, max(1, round(rows * fit)))
    width = min(spec.width_px, max(1, round(columns * fit)))
    fitted = np.zeros((spec.height_px, spec.width_px), np.uint8)
    top, left = (spec.height_px - height) // 2, (spec.width_px - width) // 2
    fitted[top : top + height, left : left + width] = cv2.resize(
        instances, (width, height), interpolation=cv2.INTER_NEAREST
    )
    return fitted


def truth_of(instances: Pixels) -> tuple[Numbers, Numbers]:
    """What the network should say to a mask of instances, and how much each place counts.

    Args:
        instances: uint8[H, W] in the network's input.

    Returns:
        float32[H / 2, W / 2] twice: targets and counts of a `Batch`.
    """
    nearest = np.full(instances.shape, np.inf, np.float32)
    second = nearest.copy()
    for number in np.unique(instances[instances > 0]):
        away = np.asarray(
            cv2.distanceTransform((instances != number).astype(np.uint8), cv2.DIST_L2, 3),
            np.float32,
        )
        second = np.minimum(second, np.maximum(nearest, away))
        nearest = np.minimum(nearest, away)
    between = nearest + second
    covered = (instances > 0) & (between > _CRACK_PX)
    pull = np.where(covered, 0.0, _PULL * np.exp(-((between / _PULL_PX) ** 2)))
    size = instances.shape[1] // STRIDE, instances.shape[0] // STRIDE
    targets = cv2.resize(covered.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    counts = 1.0 + cv2.resize(pull.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(targets, np.float32), np.asarray(counts, np.float32)
