"""Copy what a sifting keeps, and describe the copies: boxes as COCO JSON, doubts as a CSV.

A copy has the key of its original. Where another picture has that name already, the copy's name
ends in the first digits of its checksum, so the same picture always gets the same name. Nothing
here removes a copy or writes over another picture.
"""

import hashlib
from pathlib import PurePosixPath
from typing import Final

from tools.workshop.compose.coco import CocoFile
from tools.workshop.places import Place
from tools.workshop.sift.ledger import Row, as_table

BOXES: Final = "boxes.json"
REVIEW_LIST: Final = "review.csv"
_REVIEW_COLUMNS: Final = ("copied_as", "label", "score", "likeliest", "source", "key")


def copy_in(place: Place, key: str, content: bytes) -> tuple[str, bool]:
    """Put a picture into a place unless it is there.

    Args:
        place: Of the copies.
        key: Of the original.
        content: Of its file.

    Returns:
        The copy's name, and whether it had to be written.

    Raises:
        WorkshopFault: The place cannot be read or written.
    """
    path = PurePosixPath(key)
    digest = hashlib.sha256(content).hexdigest()
    for name in (key, str(path.with_name(f"{path.stem}-{digest[:12]}{path.suffix}"))):
        if not place.has(name):
            place.write(name, content)
            return name, True
        if place.read(name) == content:
            return name, False
    raise AssertionError(f"two pictures with the checksum {digest}")


def describe_found(place: Place, rows: list[Row]) -> None:
    """Write the boxes of what was found, beside the copies.

    Raises:
        WorkshopFault: The file cannot be written; the older one is as it was.
    """
    found = {row.copied_as: row for row in rows if row.decision == "found" and row.copied_as}
    if not found and not place.has(BOXES):
        return
    coco = CocoFile(sorted({row.label for row in found.values()}))
    for name, row in found.items():
        if row.box is not None and row.width_px is not None and row.height_px is not None:
            image_id = coco.image(name, row.width_px, row.height_px)
            coco.annotation(image_id, row.label, row.box, score=row.score)
    place.write(BOXES, coco.content())


def describe_review(place: Place, rows: list[Row]) -> None:
    """Write the list of what a person shall decide about, beside the copies.

    Raises:
        WorkshopFault: The file cannot be written; the older one is as it was.
    """
    doubtful = {row.copied_as: row for row in rows if row.decision == "review" and row.copied_as}
    if doubtful or place.has(REVIEW_LIST):
        place.write(REVIEW_LIST, as_table(list(doubtful.values()), _REVIEW_COLUMNS))
