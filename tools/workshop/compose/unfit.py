"""The table of examined photographs, and a sheet of those that were found unfit.

The table also spares work: what was measured of a photograph is found again by its content.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Final

import cv2
import numpy as np

from sorterd.recordings.pictures import Unusable
from sorterd.simulation.background import part_from_background
from tools.workshop.compose.fitness import FLAGS, Fitness
from tools.workshop.compose.sheets import Pixels, contact_sheet
from tools.workshop.compose.stock import Examined
from tools.workshop.decoding import decoded
from tools.workshop.places import Place

SOURCES: Final = "sources.csv"
UNFIT: Final = "unfit.png"
# Examples of each flag on the sheet.
_SHOWN: Final = 12
_THUMBNAIL_PX: Final = 200
_SHARES: Final = tuple(field.name for field in fields(Fitness) if field.name != "whole")


def as_table(examined: Sequence[Examined]) -> bytes:
    """One row a photograph: what it is, whether it is used, its flags, and what was measured."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("file", "label", "used", "flags", "whole", *_SHARES, "sha256"))
    for one in examined:
        flags = ("broken: " + one.fault,) if one.fitness is None else one.fitness.flags
        rows.writerow(
            (
                one.key,
                one.label,
                "yes" if one.fit else "no",
                " ".join(flags),
                "" if one.fitness is None else int(one.fitness.whole),
                *(
                    "" if one.fitness is None else round(getattr(one.fitness, name), 5)
                    for name in _SHARES
                ),
                one.sha256,
            )
        )
    return text.getvalue().encode()


def known_from(place: Place) -> dict[str, Fitness]:
    """What an earlier run measured, by sha256; empty if it left no table that can be read."""
    if not place.has(SOURCES):
        return {}
    known = {}
    try:
        for row in csv.DictReader(io.StringIO(place.read(SOURCES).decode())):
            if row["whole"]:
                shares = {name: float(row[name]) for name in _SHARES}
                known[row["sha256"]] = Fitness(whole=row["whole"] == "1", **shares)
    except (KeyError, ValueError, TypeError, csv.Error):
        return {}
    return known


def unfit_sheet(examined: Sequence[Examined]) -> Pixels:
    """Examples of every flag, one flag after another, the cut outlined; fit ones come last."""
    shown = []
    groups: Mapping[str, list[Examined]] = {
        **{flag: [one for one in examined if _has(one, flag)] for flag in FLAGS},
        "fit": [one for one in examined if one.fit],
    }
    for flag, group in groups.items():
        count = min(_SHOWN, len(group))
        for place in range(count):
            one = group[place * len(group) // count]
            pixels = decoded(one.place, one.key, longer_px=_THUMBNAIL_PX)
            if not isinstance(pixels, Unusable):
                shown.append((_outlined(pixels, one), f"{flag}: {one.key}"))
    return contact_sheet(shown, columns=_SHOWN // 2, cell_px=(_THUMBNAIL_PX, _THUMBNAIL_PX))


def _has(one: Examined, flag: str) -> bool:
    return one.fitness is not None and flag in one.fitness.flags


def _outlined(pixels: Pixels, one: Examined) -> Pixels:
    if one.fitness is None or one.fitness.whole:
        return pixels
    alpha, _ = part_from_background(pixels)
    outlines, _ = cv2.findContours(
        np.asarray(alpha > 127, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    seen = pixels.copy()
    cv2.drawContours(seen, outlines, -1, (60, 60, 255), 2)
    return seen
