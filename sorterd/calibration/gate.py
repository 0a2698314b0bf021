"""Place a gate, or a light barrier, by pieces that run past it, and say how far that may be off.

Who tells the instant decides how good it is. A light barrier at the gate is exact. So is a moment
read off a film. A hand on a key is not: a person who is startled reacts 200 ms late (40 mm at
200 mm/s); one who watches the piece come presses about with it, a little before or after, and
several runs average that out. What all of a person's runs have in common stays.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import hypot, sqrt
from statistics import mean, median
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.calibration.gate_runs import GateRun, GateRuns
from sorterd.calibration.plots import GREEN, Track, plot
from sorterd.calibration.results import Entry, Results, rounded, said
from sorterd.calibration.spots import Spot
from sorterd.calibration.spread import Measured, NotMeasured, error_of_mean
from sorterd.ports import Frame
from sorterd.settings import Settings
from sorterd.vision.lettering import measured, shade, write
from sorterd.vision.plan import AMBER, INK

REACTION_S: Final = 0.2
"""One press of a key may be so late; the usual figure for a simple reaction."""
HABIT_S: Final = 0.05
"""What a person's presses are late or early by in common, when they see the piece come; assumed."""
INSTANT_S: Final = 0.02
"""A moment read off a film of 30 frames a second, or a light barrier's with its filter."""

# More than a hand's: runs that spread so widely were not of one gate.
_WILD_S: Final = 0.5
_SLIP_FRAC: Final = 0.03

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Where a gate is.

    Attributes:
        at_mm: From the edge at which the belt enters the picture.
        runs: What it was measured by.
        by_hand: Whether a person pressed a key, as against an exact instant.
    """

    at_mm: Measured
    runs: tuple[GateRun, ...]
    by_hand: bool


def watch(
    frames: Iterable[Frame],
    runs: GateRuns,
    marks: Callable[[], int | None],
    *,
    wanted: int,
    tell: Tell,
    say: Tell,
) -> list[GateRun]:
    """Follow pieces until enough of them have passed the gate.

    Args:
        frames: In the order of exposure.
        runs: Follows the pieces.
        marks: Returns the next instant at which a piece passed the gate, each once; None if there
            is none yet. They rise.
        wanted: End after so many runs that count.
        tell: Told how it goes.
        say: Told what a person must know of a run.
    """
    found: list[GateRun] = []
    due_ns = marks()

    def settle(until_ns: int | None) -> None:
        nonlocal due_ns
        while due_ns is not None and (until_ns is None or due_ns <= until_ns):
            run = runs.passed(due_ns)
            if isinstance(run, GateRun):
                found.append(run)
                say(f"run {len(found)}: {run.at_mm:.1f} mm")
            else:
                say(f"this one does not count: {run}")
            due_ns = marks()

    # Ctrl-C ends the watching; what was seen counts.
    with suppress(KeyboardInterrupt):
        for frame in frames:
            # A frame that was exposed before the instant may come after it.
            settle(frame.exposed_ns - 1)
            if len(found) >= wanted:
                return found
            runs.see(frame)
            due_ns = marks() if due_ns is None else due_ns
            tell(_so_far(runs, found, wanted))
    settle(None)
    return found


def place(found: Sequence[GateRun], settings: Settings, *, by_hand: bool) -> Placed:
    """Return the gate's place by its runs.

    Raises:
        NotMeasured: There is none, or they cannot be of one gate.
    """
    if not found:
        raise NotMeasured(
            "no piece was followed past the gate: keep the belt empty for two seconds, then let one"
            " piece ride through the whole picture, and tell when its front passes the gate"
        )
    speed_mm_s = settings.belt.speed_mm_s
    places = [run.at_mm for run in found]
    middle = median(places)
    if max(abs(place - middle) for place in places) > _WILD_S * speed_mm_s:
        told = ", ".join(f"{place:.0f}" for place in places)
        raise NotMeasured(f"the runs do not agree ({told} mm): run one piece at a time, and again")
    single_mm = (REACTION_S if by_hand else INSTANT_S) * speed_mm_s
    common_mm = (HABIT_S if by_hand else 0.0) * speed_mm_s
    count = len(places)
    # Two runs may agree by chance; from the third on their spread is what counts.
    spread_mm = error_of_mean(places) if count > 2 else single_mm / sqrt(count)
    return Placed(Measured(mean(places), hypot(spread_mm, common_mm)), tuple(found), by_hand)


def results(spot: Spot, placed: Placed, settings: Settings) -> Results:
    """Return the fragment and its pictures."""
    runs = ", ".join(f"{run.at_mm:.1f}" for run in placed.runs)
    by = "by hand: reaction time is in the error" if placed.by_hand else "by exact instants"
    belt = settings.belt
    goes_with = (
        f"Goes with view.mm_per_px = {settings.view.mm_per_px:g}, belt.speed_mm_s = "
        f"{belt.speed_mm_s:g}, belt.direction = {belt.direction}: measure again if they change."
    )
    about = [f"Measured by sorterd calibrate: {spot.title}, {by}; runs (mm): {runs}.", goes_with]
    tables = {spot.table: [Entry("at_mm", rounded(placed.at_mm), said(placed.at_mm))]}
    pictures = {"piece": _piece_picture(placed.runs[-1], spot), "runs": _runs_picture(placed, spot)}
    return Results(spot.name, about, tables, pictures)


def told(spot: Spot, placed: Placed) -> list[str]:
    """Return the result for a person, a line each."""
    count = len(placed.runs)
    return [f"{spot.title} is at {said(placed.at_mm, 'mm')}, by {count} run{'s' * (count > 1)}"]


def advice(spot: Spot, placed: Placed, settings: Settings) -> list[str]:
    """Return what a person should know or mend, a line each."""
    lines = []
    belt = settings.belt
    if placed.at_mm.error > spot.slack_mm:
        lines.append(
            f"+-{placed.at_mm.error:.0f} mm is more than {spot.slack_key} = {spot.slack_mm:g}:"
            " more runs narrow it (--runs), a light barrier more"
        )
    speeds = [run.speed_mm_s for run in placed.runs if run.speed_mm_s is not None]
    if speeds and abs(mean(speeds) / belt.speed_mm_s - 1) > _SLIP_FRAC:
        lines.append(
            f"the pieces rode at {mean(speeds):.0f} mm/s, belt.speed_mm_s is {belt.speed_mm_s:g}:"
            " calibrate the belt first (sorterd calibrate belt), and take a piece that neither"
            " rolls nor slips"
        )
    if min(run.unseen_mm for run in placed.runs) < 0:
        lines.append("it is within the picture: pieces must have left that before anything acts")
    if placed.at_mm.value > belt.length_mm:
        lines.append(
            f"belt.length_mm = {belt.length_mm:g} is less: correct it, or the place is wrong"
        )
    return lines


def _so_far(runs: GateRuns, found: Sequence[GateRun], wanted: int) -> str:
    if runs.learning:
        return "learning the empty belt: keep it empty"
    on_the_way = len(runs.on_the_way())
    what = {0: "let one piece ride through the picture", 1: "a piece is on its way to the gate"}
    told = what.get(on_the_way, f"{on_the_way} pieces are on the way: one at a time")
    return f"run {len(found) + 1} of {wanted}: {told}"


def _piece_picture(run: GateRun, spot: Spot) -> npt.NDArray[np.uint8]:
    """The last look at a whole piece, with how far it was from the gate by then."""
    canvas = run.pixels.copy()
    box = run.box
    corners = (box.left_px, box.top_px), (box.right_px - 1, box.bottom_px - 1)
    for colour, wide in ((INK, 4), (GREEN, 2)):
        cv2.rectangle(canvas, *corners, colour, wide, cv2.LINE_AA)
    before_s, front_mm = run.fronts[-1]
    text = (
        f"front at {front_mm:.1f} mm; {-before_s:.2f} s later at {spot.title}, {run.at_mm:.1f} mm"
    )
    height_px, width_px = canvas.shape[:2]
    shade(canvas, 0, height_px - 26, width_px, 26, 0.75)
    write(canvas, measured(text, 0.45, room_px=width_px - 16), 8, height_px - 9, AMBER)
    return canvas


def _runs_picture(placed: Placed, spot: Spot) -> npt.NDArray[np.uint8]:
    tracks = [Track(run.fronts, (run.fronts[0], (0.0, run.at_mm))) for run in placed.runs]
    title = f"front of the piece, mm, until it passed {spot.title}: {said(placed.at_mm, 'mm')}"
    return plot(title, tracks)
