"""Composed scenes read back: what `tools/compose.py` wrote, opened one picture at a time.

Training and evaluation read scenes from here, whether they lie on this machine or in a bucket.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sorterd.recordings.pictures import Unusable, decode_picture
from tools.workshop.compose.coco import CocoAnnotation, read_coco
from tools.workshop.compose.scene_folder import SCENES
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ComposedScene:
    """One scene in a folder; its pictures are decoded when they are asked for.

    Attributes:
        place: The folder.
        frame: Key of its picture.
        mask: Key of its picture of ids.
        width_px: Columns of its pictures.
        height_px: Rows of its pictures.
        ground: Kind of its ground, as a recipe names it.
        travel_px: How far the ground moves from one picture to the next.
        interval_ms: From one picture to the next.
        empty: Keys of the pictures of the empty ground, oldest first; the scene comes next.
        pieces: What lies there, the lowest first; the n-th has the id n, from 1.
    """

    place: Place
    frame: str
    mask: str
    width_px: int
    height_px: int
    ground: str
    travel_px: float
    interval_ms: int
    empty: tuple[str, ...]
    pieces: tuple[CocoAnnotation, ...]

    def pixels(self) -> Pixels:
        """The picture, uint8[H, W, 3], BGR.

        Raises:
            WorkshopFault: It is missing or damaged.
        """
        return self._decoded(self.frame)

    def ids(self) -> Pixels:
        """Which piece is seen where, uint8[H, W]; 0 is ground.

        Raises:
            WorkshopFault: It is missing or damaged.
        """
        # Three equal channels: the decoder of photographs gives no other.
        return np.ascontiguousarray(self._decoded(self.mask)[:, :, 0])

    def empty_pixels(self, place: int) -> Pixels:
        """One picture of the empty ground, uint8[H, W, 3], BGR.

        Raises:
            WorkshopFault: It is missing or damaged.
        """
        return self._decoded(self.empty[place])

    def _decoded(self, key: str) -> Pixels:
        found = decode_picture(
            self.place.read(key),
            Path(f"{self.place}/{key}"),
            longer_px=max(self.width_px, self.height_px),
        )
        if isinstance(found, Unusable):
            raise WorkshopFault(f"{found}: compose the scenes again")
        if found.shape[:2] != (self.height_px, self.width_px):
            raise WorkshopFault(f"{self.place}/{key} has another size than {SCENES} says")
        return found


def read_scenes(place: Place) -> tuple[tuple[str, ...], list[ComposedScene]]:
    """Read what a folder of composed scenes holds; decodes no picture.

    Returns:
        Every label that may come, and the scenes in order.

    Raises:
        WorkshopFault: It is no such folder.
    """
    if not place.has(SCENES):
        raise WorkshopFault(f"{place} has no {SCENES}: make it with tools/compose.py")
    coco = read_coco(place.read(SCENES), f"{place}/{SCENES}")
    scenes = []
    for image in coco.images:
        notes, name = image.notes, Path(image.file)
        if "mask_file" not in notes or "ground" not in notes:
            raise WorkshopFault(
                f"{place}/{SCENES}: {image.file} has no mask_file: make it with tools/compose.py"
            )
        count = int(notes.get("empty_pictures", 0))
        scenes.append(
            ComposedScene(
                place=place,
                frame=image.file,
                mask=str(notes["mask_file"]),
                width_px=image.width_px,
                height_px=image.height_px,
                ground=str(notes["ground"]),
                travel_px=float(notes.get("travel_px", 0)),
                interval_ms=int(notes.get("interval_ms", 100)),
                empty=tuple(f"grounds/{name.stem}_{k}{name.suffix}" for k in range(count)),
                pieces=image.annotations,
            )
        )
    return coco.categories, scenes
