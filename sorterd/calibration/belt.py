"""Calibrate a belt: watch the board ride by, and say what it measured.

One pass is enough for a number with an error; three show what the belt does from one minute to
the next. Whatever ends the watching (the recording, enough passes, the time, Ctrl-C), what was
seen until then is used.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np

from sorterd.calibration.belt_fit import BeltFit, fit_belt, fit_still
from sorterd.calibration.belt_pictures import board_picture, fit_picture
from sorterd.calibration.board import RULER_MM, BoardEye, Look
from sorterd.calibration.results import Entry, Results, rounded, said
from sorterd.calibration.spread import Measured, NotMeasured
from sorterd.ports import Frame

RULER_ERROR_MM: Final = 0.25
"""A person reads a ruler to a quarter of a millimetre."""

# Without the board for so long, a pass is over.
_GONE_NS: Final = 1_000_000_000
# A look says too little alone to be shown as a result; every tenth is often enough for a person.
_TELL_EVERY: Final = 10
# What makes a result unwise to use as it is.
_ASKEW_DEG: Final = 3.0
_OFF_MM: Final = 2.0
_UNEVEN_FRAC: Final = 0.05
_SPEED_ERROR_FRAC: Final = 0.02
# A simulated belt that wanders by 1% for seconds and minutes: of one pass's errors 46 in 100 held
# the mean speed of an hour, of three passes' all.
_WANDERS: Final = 3

Tell = Callable[[str], None]
"""Shows how it goes, in one line that the next one replaces."""


@dataclass(slots=True, eq=False)
class Sighted:
    """What was seen of the board.

    Attributes:
        looks: In the order of exposure.
        best: The frame that shows most of the board, and its look.
        frames: How many frames were looked at.
        mirrored: Whether one of them shows the board in a mirror.
        passes: How many passes are over.
    """

    looks: list[Look]
    best: tuple[Frame, Look] | None = None
    frames: int = 0
    mirrored: bool = False
    passes: int = 0


def watch(
    frames: Iterable[Frame], eye: BoardEye, *, still: bool, passes: int | None, tell: Tell
) -> Sighted:
    """Look for the board in frames.

    Args:
        frames: In the order of exposure.
        eye: Finds it.
        still: Whether the board only lies there.
        passes: End when the board has gone by so often; None to go on to the end.
        tell: Told how it goes.
    """
    seen = Sighted([])
    new = 0
    # Whoever has seen enough presses Ctrl-C: what was seen counts.
    with suppress(KeyboardInterrupt):
        for frame in frames:
            look = eye.look(frame)
            if look is not None:
                seen.looks.append(look)
                new += 1
                if seen.best is None or _shows_more(frame, look, seen.best[1]):
                    seen.best = frame, look
            elif seen.frames % _TELL_EVERY == 0 and not seen.looks and not seen.mirrored:
                seen.mirrored = eye.mirrored(frame)
            seen.frames += 1
            if seen.looks and frame.exposed_ns - seen.looks[-1].exposed_ns > _GONE_NS:
                seen.passes += new > 0
                new = 0
            if seen.frames % _TELL_EVERY == 0:
                tell(_so_far(seen, still=still))
            if passes is not None and (seen.passes >= passes or (still and new >= 3 * _TELL_EVERY)):
                break
    return seen


def measure(seen: Sighted, *, still: bool, measured_mm: float | None) -> BeltFit:
    """Return what the board said.

    Raises:
        NotMeasured: It was not seen well enough; in one line, with what to do.
    """
    if not seen.looks and seen.mirrored:
        raise NotMeasured(
            "the picture is mirrored, so that no marker can be read: take the mirroring (hflip or"
            " vflip alone) out of the camera's settings"
        )
    fit = fit_still if still else fit_belt
    if measured_mm is None:
        return fit(seen.looks)
    return fit(seen.looks, Measured(measured_mm / RULER_MM, RULER_ERROR_MM / RULER_MM))


def results(
    fit: BeltFit, seen: Sighted, *, size_px: tuple[int, int], measured_mm: float | None
) -> Results:
    """Return the fragment and its pictures."""
    passes = f"{len(fit.rides)} pass{'es' if len(fit.rides) > 1 else ''}"
    about = [
        f"Measured by sorterd calibrate belt: {passes}, {fit.looks} frames, {fit.corners} corners.",
        "Errors (+-) hold in 95 of 100 cases.",
    ]
    if measured_mm is None:
        about.append(f"The print was not measured: true if its line is {RULER_MM:g} mm long.")
    else:
        about.append(f"The print's line of {RULER_MM:g} mm measured {measured_mm:g} mm.")
    width_px, height_px = size_px
    tables = {
        "view": [
            Entry("width_px", width_px),
            Entry("height_px", height_px),
            Entry("mm_per_px", rounded(fit.mm_per_px), said(fit.mm_per_px)),
        ]
    }
    if fit.speed_mm_s is not None:
        askew = f"{said(fit.askew_deg)} degrees askew"
        tables["belt"] = [
            Entry("speed_mm_s", rounded(fit.speed_mm_s), said(fit.speed_mm_s)),
            Entry("direction", str(fit.direction), askew),
        ]
    pictures = {"fit": fit_picture(fit, width_px, height_px)}
    if seen.best is not None:
        pictures = {"board": board_picture(seen.best[0].pixels, seen.best[1], fit)} | pictures
    return Results("belt", about, tables, pictures)


def told(fit: BeltFit) -> list[str]:
    """Return the result for a person, a line each."""
    lines = [f"scale      {said(fit.mm_per_px, 'mm per pixel')}"]
    if fit.speed_mm_s is not None:
        lines += [
            f"speed      {said(fit.speed_mm_s, 'mm/s')}, uneven by {fit.jitter_frac:.1%}",
            f"direction  {fit.direction}, {said(fit.askew_deg)} degrees askew",
        ]
    lines.append(
        f"places     within {fit.squareness.off_mm:.1f} mm wherever the board was seen (95%)"
    )
    return lines


def advice(fit: BeltFit, *, measured_mm: float | None) -> list[str]:
    """Return what a person should know or mend before relying on it, a line each."""
    lines = []
    square = fit.squareness
    if measured_mm is None:
        lines.append(
            f"the print was not measured: printers shrink pages by up to 6%; lay a ruler on the"
            f" {RULER_MM:g} mm line and give --measured MM"
        )
    if square.off_mm > _OFF_MM and square.unbent_mm < square.off_mm / 2:
        lines.append(
            f"the camera is not square to the belt: a pixel at the {square.larger_at} is"
            f" {square.slant_frac:.1%} larger than opposite; turn it until this is below 1%"
        )
    elif square.off_mm > _OFF_MM:
        lines.append(
            f"the lens bends the picture: places are off by up to {square.off_mm:.1f} mm; move the"
            " camera away and use the middle of its picture"
        )
    if fit.speed_mm_s is None:
        return lines
    if abs(fit.askew_deg.value) > _ASKEW_DEG:
        way = "against the clock" if fit.askew_deg.value > 0 else "with the clock"
        lines.append(
            f"the belt runs {abs(fit.askew_deg.value):.1f} degrees askew in the picture, and the"
            f" station knows only right, left, up and down: turn the camera so that the picture's"
            f" content turns {way}"
        )
    if fit.jitter_frac > _UNEVEN_FRAC:
        lines.append(
            f"the belt runs unevenly, by {fit.jitter_frac:.0%}: tighten it, or raise"
            " belt.speed_tolerance_frac"
        )
    if len(fit.rides) < _WANDERS:
        lines.append(
            "the error of the speed is that of these seconds; three passes also tell how the belt"
            " wanders from minute to minute"
        )
    if fit.speed_mm_s.error_frac > _SPEED_ERROR_FRAC:
        lines.append(
            f"the speed is known to {fit.speed_mm_s.error_frac:.1%} only: let the board ride by"
            " five times or more (--passes)"
        )
    return lines


def _shows_more(frame: Frame, look: Look, best: Look) -> bool:
    """Whether it shows more of the board than the best so far, or as much, but more centred."""
    more = len(look.in_picture_px) - len(best.in_picture_px)
    middle_px = np.array(frame.pixels.shape[1::-1]) / 2
    off_px, best_off_px = (
        float(np.hypot(*(each.in_picture_px.mean(axis=0) - middle_px))) for each in (look, best)
    )
    return more > 0 or (more == 0 and off_px < best_off_px)


def _so_far(seen: Sighted, *, still: bool) -> str:
    corners = len(seen.looks[-1].in_picture_px) if seen.looks else 0
    line = f"{seen.frames} frames, {len(seen.looks)} with the board ({corners} corners)"
    try:
        fit = (fit_still if still else fit_belt)(seen.looks)
    except NotMeasured:
        return line
    line += f"  {fit.mm_per_px.value:.4f} mm/px"
    if fit.speed_mm_s is not None:
        line += f"  {fit.speed_mm_s.value:.1f} mm/s {fit.direction}"
    return line
