"""Which pictures were taken in one go, as far as files say so.

One photograph cut into several pictures, the frames of one video, a burst, somebody's shoot of one
afternoon: they share light, place and things, so who has seen one has half seen the others.
What says so, the surest first: the data set's own table, names that state it, the camera's clock.

A plain number in a name (cardboard123, IMG_5510) says nothing: it counts a whole collection.
"""

import re
from calendar import timegm
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final

from tools.workshop.explore.inspection import Inspected, Taken
from tools.workshop.origins import Origins
from tools.workshop.split.groups import Bond

GAP_S: Final = 60
"""Pictures of one camera with no longer pause between them are one session."""

# A copy or a crop of Roboflow: the first photograph's name, then .rf. and a hash for each copy.
_COPY = re.compile(r"(?P<session>.+)\.rf\.[0-9a-f]{8,}.*")
# A shoot that has an identity of its own (a UUID, alone or after a date), then a counter.
_SHOOT = re.compile(
    r"(?P<session>(?:.*[_-])?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})[_-].*\d.*",
    re.IGNORECASE,
)
# Frames of a video, views of a thing: a word for it, then a counter at the end of the name.
_FRAME = re.compile(
    r"(?P<session>.+)[_\- ](?:frame|frm|burst|view|crop|shot)[_\- ]?\d+", re.IGNORECASE
)
# frame_0001 alone is a frame of whatever its folder was filled from.
_ONLY_FRAME = re.compile(r"frame[_\- ]?\d+", re.IGNORECASE)
# IMG_20240326_153012.jpg, PXL_20240326_153012345, 2024-03-26 15.30.12, 20240326-153012.
_TIMED = re.compile(
    r"(?P<camera>.*?)(?<!\d)(?P<year>20\d\d)[-_.]?(?P<month>[01]\d)[-_.]?(?P<day>[0-3]\d)[-_ T]?"
    r"(?P<hour>[0-2]\d)[-_.:]?(?P<minute>[0-5]\d)[-_.:]?(?P<second>[0-5]\d)(?:\d{3})?(?!\d)"
)


def session_bonds(
    pictures: Sequence[Inspected],
    origins: Origins,
    *,
    gap_s: int = GAP_S,
    by_name: bool = True,
) -> list[Bond]:
    """Bonds between pictures of one session.

    Args:
        pictures: In any order; bonds name their places.
        origins: The table beside them, if there is one.
        gap_s: Longest pause in a session, by the clock of one camera; 0 asks no clock.
        by_name: Whether names are asked, and times in names.
    """
    sessions: dict[str, list[int]] = defaultdict(list)
    clocked: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, one in enumerate(pictures):
        if session := origins.session(one.row.key):
            sessions[session].append(place)
        if by_name and (session := named_session(one.row.key)):
            sessions[f"name {session}"].append(place)
        taken = one.taken or (taken_by_name(one.row.key) if by_name else None)
        if gap_s and taken is not None:
            clocked[taken.camera].append((taken.second_s, place))
    bonds = [
        Bond(first, second, f"same session ({session})", session=True)
        for session, places in sessions.items()
        for first, second in pairwise(places)
    ]
    for camera, instants in clocked.items():
        instants.sort()
        bonds += [
            Bond(before, after, f"same session (within {gap_s} s, {camera})", session=True)
            for (early_s, before), (late_s, after) in pairwise(instants)
            if late_s - early_s <= gap_s
        ]
    return bonds


def named_session(key: str) -> str:
    """The session that a file's name states; empty if it states none."""
    path = PurePosixPath(key)
    for form in (_COPY, _SHOOT, _FRAME):
        if said := form.fullmatch(path.stem):
            return said["session"]
    return str(path.parent) if _ONLY_FRAME.fullmatch(path.stem) else ""


def taken_by_name(key: str) -> Taken | None:
    """The instant that a file's name states, by the clock of whoever named it."""
    said = _TIMED.match(PurePosixPath(key).stem)
    if said is None or not (1 <= int(said["month"]) <= 12 and 1 <= int(said["day"]) <= 31):
        return None
    if int(said["hour"]) > 23:
        return None
    parts = ("year", "month", "day", "hour", "minute", "second")
    return Taken(f"name {said['camera']}", timegm(tuple(int(said[part]) for part in parts)))
