"""A folder of composed scenes as it is written, and taken up again after a stop.

    frames/00000.jpg     what the camera sees
    masks/00000.png      uint8: 0 is ground, n the scene's n-th piece
    grounds/00000_0.jpg  the empty ground before that, oldest first, if the recipe wants any
    records/00000.json   what is true of the scene; written last, so that what it names is there
    scenes.json          all of it as COCO
    provenance.csv       where each piece and each ground comes from
    compose.json         recipe, seed and photographs that all of it was made from

A scene whose record is there is not made again. A folder that was made from another recipe, seed
or other photographs is refused, or made anew when that is asked for. Read back by
`tools.workshop.compose.composed`.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from sorterd.core.records import Box
from tools.workshop.compose.coco import CocoFile, Notes
from tools.workshop.compose.composing import Scene
from tools.workshop.compose.recipes import Recipe
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

Pixels = npt.NDArray[np.uint8]

SCENES: Final = "scenes.json"
_MADE: Final = "compose.json"
_JPEG_QUALITY: Final = 92
# Rises when the same recipe and seed begin to give other scenes.
_VERSION: Final = 1
_OURS: Final = re.compile(r"(frames|masks|grounds|records)/(\d{5,})(_\d+)?\.(jpg|png|json)")


class Piece(BaseModel):
    """One piece in a scene's record; as `composing.Instance`."""

    label: str
    box: tuple[int, int, int, int]
    visible_frac: float
    source: str
    sha256: str


class Record(BaseModel):
    """What is true of one scene, as it is kept."""

    made: str
    width_px: int
    height_px: int
    ground: str
    ground_source: str
    travel_px: float
    smear_px: float
    empty: int
    pieces: list[Piece]


class SceneFolder:
    """Composed scenes being written. Any thread, but each scene by one.

    Args:
        place: The folder; made if it is not there.
        recipe: What the scenes are made of.
        seed: Of all of them.
        stock: A name for exactly the photographs that they are made of.
        again: Make all anew, whatever the folder was made from.

    Raises:
        WorkshopFault: It was made from something else, or holds something else altogether.
    """

    def __init__(self, place: Place, recipe: Recipe, *, seed: int, stock: str, again: bool) -> None:
        self._place = place
        self._ending = recipe.frame.ending
        self._interval_ms = recipe.series.interval_ms
        made = {"version": _VERSION, "seed": seed, "pictures": stock, "recipe": _unplaced(recipe)}
        content = (json.dumps(made, indent=1) + "\n").encode()
        self._digest = hashlib.sha256(content).hexdigest()
        if place.has(_MADE):
            before = place.read(_MADE)
            if before == content and not again:
                return
            if not again:
                raise WorkshopFault(
                    f"{place} was made from something else ({_difference(before, made)}): give "
                    "another --out, or --again to make it anew"
                )
        elif (folder := place.local) is not None and folder.is_dir() and any(folder.iterdir()):
            raise WorkshopFault(f"{place} holds something else: give a new folder as --out")
        self._clear()
        place.write(_MADE, content)

    def has(self, index: int) -> bool:
        """Whether a scene is there whole, made from this."""
        if not self._place.has(_record_key(index)):
            return False
        record = self._record(index)
        return (
            record is not None
            and record.made == self._digest
            and all(map(self._place.has, self._pictures(index, record.empty)))
        )

    def write(self, index: int, scene: Scene) -> None:
        """Write one scene.

        Raises:
            WorkshopFault: It cannot be written; then it counts as not there.
        """
        pictures = (scene.pixels, scene.ids, *scene.empty)
        keys = self._pictures(index, len(scene.empty))
        for key, pixels in zip(keys, pictures, strict=True):
            self._place.write(key, _packed(key, pixels))
        record = Record(
            made=self._digest,
            width_px=scene.pixels.shape[1],
            height_px=scene.pixels.shape[0],
            ground=scene.ground,
            ground_source=scene.ground_source,
            travel_px=round(scene.travel_px, 3),
            smear_px=round(scene.smear_px, 3),
            empty=len(scene.empty),
            pieces=[
                Piece(
                    label=one.label,
                    box=(one.box.left_px, one.box.top_px, one.box.width_px, one.box.height_px),
                    visible_frac=one.visible_frac,
                    source=one.source,
                    sha256=one.sha256,
                )
                for one in scene.instances
            ],
        )
        self._place.write(_record_key(index), record.model_dump_json(indent=1).encode())

    def finish(self, count: int, labels: Sequence[str]) -> list[Record]:
        """Write what tells of all scenes together.

        Args:
            count: How many there are, from the first.
            labels: Every label that may come.

        Returns:
            Their records.

        Raises:
            WorkshopFault: A scene is missing, or something cannot be written.
        """
        coco, records = CocoFile(labels), []
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("frame", "piece", "label", "source", "sha256", "visible_frac"))
        for index in range(count):
            record = self._record(index)
            if record is None:
                raise WorkshopFault(f"{self._place}/{_record_key(index)} is damaged: use --again")
            frame, mask = self._pictures(index, 0)
            ids = self._ids(mask)
            image_id = coco.image(
                frame,
                record.width_px,
                record.height_px,
                {
                    "mask_file": mask,
                    "ground": record.ground,
                    "ground_source": record.ground_source,
                    "empty_pictures": record.empty,
                    "interval_ms": self._interval_ms,
                    "travel_px": record.travel_px,
                    "smear_px": record.smear_px,
                },
            )
            rows.writerow((frame, 0, record.ground, record.ground_source, "", ""))
            for number, one in enumerate(record.pieces, start=1):
                notes: Notes = {"visible_frac": one.visible_frac, "source": one.source}
                mask_of_it = np.asarray(ids == number, np.uint8)
                coco.annotation(image_id, one.label, Box(*one.box), mask_of_it, notes=notes)
                rows.writerow((frame, number, one.label, one.source, one.sha256, one.visible_frac))
            records.append(record)
        self._place.write("provenance.csv", table.getvalue().encode())
        self._place.write(SCENES, coco.content())
        return records

    def _pictures(self, index: int, empty: int) -> list[str]:
        """The keys of a scene's pictures: frame, mask, and those of the empty ground."""
        keys = [f"frames/{index:05d}.{self._ending}", f"masks/{index:05d}.png"]
        return keys + [f"grounds/{index:05d}_{k}.{self._ending}" for k in range(empty)]

    def _record(self, index: int) -> Record | None:
        """A scene's record; None if it is damaged."""
        try:
            return Record.model_validate_json(self._place.read(_record_key(index)))
        except ValidationError:
            return None

    def _ids(self, key: str) -> Pixels:
        content = np.frombuffer(self._place.read(key), np.uint8)
        ids: object = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if content.size else None
        if not isinstance(ids, np.ndarray):
            raise WorkshopFault(f"{self._place}/{key} is damaged: remove it and run again")
        return np.asarray(ids, np.uint8)

    def _clear(self) -> None:
        """Remove what an older run left on this machine; in a bucket it is written over."""
        folder = self._place.local
        if folder is None or not folder.is_dir():
            return
        # Records first: without its record no scene counts, whatever stops this.
        for key in sorted(self._place.keys(), reverse=True):
            if _OURS.fullmatch(key) or key in {SCENES, "provenance.csv"}:
                (folder / key).unlink(missing_ok=True)


def _record_key(index: int) -> str:
    return f"records/{index:05d}.json"


def _unplaced(recipe: Recipe) -> dict[str, Any]:
    """A recipe without where its photographs lie: which they are is told by the stock's name."""
    plain: dict[str, Any] = recipe.model_dump(mode="json")
    for source in (*plain["items"], *plain["grounds"]):
        for key in ("folder", "list"):
            source.pop(key, None)
    return plain


def _difference(before: bytes, made: dict[str, Any]) -> str:
    """The first key whose value is another, as a person writes it."""
    try:
        then = json.loads(before)
    except ValueError:
        return f"{_MADE} is damaged"
    old, new = dict(_leaves(then)), dict(_leaves(made))
    for key in (*new, *old):
        if old.get(key) != new.get(key):
            if key == "pictures":
                return "other pictures"
            return f"{key} was {old.get(key, 'not given')}, is {new.get(key, 'not given')}"
    return "its order of keys"


def _leaves(value: object, at: str = "") -> list[tuple[str, object]]:
    if isinstance(value, dict):
        named = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        named = [(str(place), each) for place, each in enumerate(value)]
    else:
        return [(at, value)]
    found = []
    for key, each in named:
        found += _leaves(each, f"{at}.{key}" if at else key)
    return found


def _packed(key: str, pixels: Pixels) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if key.endswith("jpg") else []
    return cv2.imencode(Path(key).suffix, pixels, quality)[1].tobytes()
