"""A piece run past a gate: followed through the view as the road follows it, then expected.

The finder, the tracker and the odometer are the road's own, so a gate's place comes out as the
road will use it: where the road believes the front of a piece to be at the instant at which it
really passes the gate. What the finder adds to a piece's outline, and what the belt's speed is off
by, is off by as much again when the gate is moved, and cancels.

One piece at a time: with two on the way nobody can tell which was meant.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sorterd.core.belt import NS_PER_S, Belt
from sorterd.core.odometer import Odometer
from sorterd.core.records import Box
from sorterd.core.track import Track as Piece
from sorterd.core.tracking import Tracker
from sorterd.ports import Frame
from sorterd.settings import Settings
from sorterd.vision.regions import RegionFinder
from sorterd.wiring.plans import belt_of, region_rules

# Fewer sightings are a fly, or a piece that nobody followed through the view.
_LEAST_SIGHTINGS: Final = 5
# A piece that left the view so long ago fell off the belt somewhere.
_FORGET_NS: Final = 60 * NS_PER_S


@dataclass(frozen=True, slots=True, eq=False)
class GateRun:
    """One piece that passed the gate.

    Attributes:
        at_mm: Where the road takes the piece's front to have been at that instant.
        unseen_mm: The way that the camera did not see.
        fronts: Where its front was seen, while the whole piece was: seconds before it passed the
            gate (so below 0), and millimetres.
        pixels: uint8[H, W, 3], BGR: the last frame that shows all of it.
        box: Where it lies in that frame.
        speed_mm_s: Its own speed through the view; None if it was seen for too short a time.
    """

    at_mm: float
    unseen_mm: float
    fronts: tuple[tuple[float, float], ...]
    pixels: npt.NDArray[np.uint8]
    box: Box
    speed_mm_s: float | None


@dataclass(slots=True, eq=False)
class _Seen:
    """A piece's sightings that showed all of it."""

    fronts: list[tuple[int, float]]
    pixels: npt.NDArray[np.uint8]
    box: Box


class GateRuns:
    """Follows pieces, and places a gate by each that passes it. One thread.

    Args:
        settings: Of the station; its belt and view must be right already.

    Attributes:
        learning: Whether the empty belt is not known yet.
    """

    def __init__(self, settings: Settings) -> None:
        self._belt: Belt = belt_of(settings)
        self._odometer = Odometer(self._belt)
        self._tracker = Tracker(self._belt, self._odometer)
        self._finder = RegionFinder(region_rules(settings))
        self._seen: dict[int, _Seen] = {}
        self._done: set[int] = set()
        self.learning = True

    def see(self, frame: Frame) -> None:
        """Look at one frame; they come in the order of exposure."""
        finding = self._finder.find(frame.pixels, frame.exposed_ns)
        self.learning = finding.learning
        if finding.learning or finding.covered:
            return
        for sighting in self._tracker.see(finding.regions, frame.exposed_ns):
            if sighting.whole:
                piece = sighting.track.piece
                seen = self._seen.setdefault(piece, _Seen([], frame.pixels, sighting.box))
                seen.fronts.append((frame.exposed_ns, sighting.span.front_mm))
                seen.pixels, seen.box = frame.pixels, sighting.box
        self._forget(frame.exposed_ns)

    def on_the_way(self) -> list[Piece]:
        """Return the pieces that may be about to pass the gate."""
        return [
            piece
            for piece in self._tracker.tracks.values()
            if piece.piece in self._seen
            and piece.piece not in self._done
            and piece.sightings >= _LEAST_SIGHTINGS
        ]

    def passed(self, t_ns: int) -> GateRun | str:
        """Take in that a piece's front passed the gate.

        Args:
            t_ns: When, on the clock that stamped the frames. All frames until then were seen.

        Returns:
            The run; or, in words for a person, why it does not count.
        """
        pieces = self.on_the_way()
        # They are followed on: a piece that is still in view must not count as another.
        self._done.update(piece.piece for piece in pieces)
        if not pieces:
            return "no piece was seen before: lay one on the belt before it comes into view"
        if len(pieces) > 1:
            return f"{len(pieces)} pieces were on the way: run one at a time"
        (piece,) = pieces
        if piece.spoilt:
            return "the piece touched another, or looked like two: take a plain, compact one"
        at_mm = self._tracker.places.span(piece, t_ns).front_mm
        seen = self._seen[piece.piece]
        return GateRun(
            at_mm=at_mm,
            unseen_mm=at_mm - self._belt.view_span.front_mm,
            fronts=tuple(((seen_ns - t_ns) / NS_PER_S, front) for seen_ns, front in seen.fronts),
            pixels=seen.pixels,
            box=seen.box,
            speed_mm_s=_speed(seen.fronts),
        )

    def _forget(self, now_ns: int) -> None:
        gone = [
            piece
            for piece, track in self._tracker.tracks.items()
            if track.vanished or now_ns - track.last_seen_ns > _FORGET_NS
        ]
        for piece in gone:
            self._tracker.forget(piece)
        self._done &= self._tracker.tracks.keys()
        self._seen = {
            piece: seen for piece, seen in self._seen.items() if piece in self._tracker.tracks
        }


def _speed(fronts: list[tuple[int, float]]) -> float | None:
    """The least squares speed of a front, mm/s."""
    t_s = np.array([(t_ns - fronts[0][0]) / NS_PER_S for t_ns, _ in fronts])
    t_s -= t_s.mean()
    if len(fronts) < _LEAST_SIGHTINGS or not t_s.any():
        return None
    return float((t_s * np.array([front for _, front in fronts])).sum() / (t_s**2).sum())
