"""What differs between two settings, and what of it concerns the devices.

The rule: a change takes effect between two frames if it is known to concern
neither a camera, a gate nor a file with one writer. Every other one, those of
keys that are yet to come included, opens the station anew.
"""

from dataclasses import dataclass
from typing import Final

from sorterd.settings.faults import key_text
from sorterd.settings.layers import Keys, leaves
from sorterd.settings.load import Settings

_BETWEEN_FRAMES: Final = frozenset(
    {
        ("name",),
        ("regions",),
        ("belt",),
        ("tray",),
        ("lead_ms",),
        ("bins",),
        ("end_bin",),
        ("model",),
        ("judging",),
        ("frames",),
        ("journal", "path"),
        ("journal", "most_mb"),
        ("trigger", "at_mm"),
        ("trigger", "tolerance_mm"),
        ("view", "mm_per_px"),
        ("view", "region_of_interest"),
    }
)
"""What no device, and nobody who moves one, has been told of."""

_OF_A_GATE: Final = frozenset({"at_mm", "margin_mm", "recover_ms"})
"""The same of each gate: its place on the belt is the sorter's alone."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs.

    Attributes:
        keys: Every setting that differs, by its full name.
        anew: Those of them for which the devices must be opened anew.
    """

    keys: tuple[str, ...]
    anew: tuple[str, ...]


def changes(before: Settings, after: Settings) -> Changes:
    """Return what differs between the settings of a running station and new ones."""
    old, new = (leaves(each.model_dump(mode="json")) for each in (before, after))
    # A table can become empty, so keys of either are looked at.
    differ = [keys for keys in {**old, **new} if old.get(keys, old) != new.get(keys, new)]
    anew = [keys for keys in differ if not _between_frames(keys)]
    if before.review.folder is not None or after.review.folder is not None:
        # Its list has one writer, and pieces are counted anew in what follows.
        anew.append(("review",))
    return Changes(tuple(map(key_text, differ)), tuple(map(key_text, anew)))


def _between_frames(keys: Keys) -> bool:
    match keys:
        case ("gates", _, key):
            return key in _OF_A_GATE
        case _:
            return keys[:1] in _BETWEEN_FRAMES or keys[:2] in _BETWEEN_FRAMES
