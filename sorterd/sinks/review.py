"""Crops worth a person's look: those of pieces that the model was unsure of, and a few others.

A piece is worth a look when its verdict is unsure, when its confidence is low, and, at a small
share drawn by chance, when it is sure: without those nobody learns what the model is sure of and
wrong about. A piece that shared its pictures with another, or that was none, shows nothing that
could be labelled and is left out.

The rule: nobody waits for this sink. Its pictures come from the road as small copies that were let
go when it did not take them; what the disk does not take is held for another try, up to a bound,
and beyond that the oldest is dropped and counted. `flush` alone tells of a disk that fails.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Outcome, Reason
from sorterd.ports import DeviceFault
from sorterd.sinks.allowance import Allowance
from sorterd.sinks.review_folder import (
    NEW,
    ReviewFolder,
    ReviewRow,
    Room,
    name_of,
    open_review_folder,
)

# Crops after which it flushes by itself, and that are held at most while they cannot be written:
# as encoded, some 0.1 MB each.
BATCH = 8
HELD = 64

TakePicture = Callable[[int], npt.NDArray[np.uint8] | None]
"""Gives the picture of a piece that has ended, uint8[h, w, 3], BGR; None if there is none."""


class Why(StrEnum):
    """Why a crop is worth a look."""

    UNSURE = "unsure"
    """No label reached its threshold."""
    LOW = "low"
    """It was sorted by a label whose confidence is low."""
    CONTROL = "control"
    """Drawn by chance from the pieces whose verdict was sure."""


# What their pictures show is not one piece of their own.
_NOTHING_TO_LABEL = frozenset(
    {Reason.TOUCHING, Reason.AMBIGUOUS, Reason.TWO_AT_ONCE, Reason.VANISHED}
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which pieces are worth a look.

    Attributes:
        below_frac: A labelled piece with less confidence than this is.
        control_frac: Share of the sure ones that is, 0 to 1.
        seed: Of the share that is left to chance.
    """

    below_frac: float
    control_frac: float
    seed: int

    def why(self, outcome: Outcome) -> Why | None:
        """Return why a piece is worth a look; None if it is not."""
        verdict = outcome.verdict
        if not verdict.scores or outcome.reason in _NOTHING_TO_LABEL:
            return None
        if verdict.label is None:
            return Why.UNSURE
        if verdict.confidence_frac < self.below_frac:
            return Why.LOW
        # By the piece's own number: whether another was kept must not change whether this one is.
        drawn = np.random.default_rng((self.seed, outcome.piece)).random()
        return Why.CONTROL if drawn < self.control_frac else None


@dataclass(frozen=True, slots=True)
class Origin:
    """What the rows of one run share.

    Attributes:
        run: Its number in the journal; 0 without one.
        labels: The bundle's, in the order of the scores.
        bundle: The bundle's name.
        version: Its version.
    """

    run: int
    labels: Sequence[str]
    bundle: str
    version: str


class Review:
    """Meets `ports.Sink`. Made by `open_review`; belongs to one thread afterwards.

    Attributes:
        kept: How many crops were written, by why.
        dropped: How many were given up because they could not be written.
        over: How many were not kept because the day's allowance was used up.
        fault: Why the last of those that were not yet written was not; None if all were.
    """

    def __init__(
        self,
        path: Path,
        folder: ReviewFolder,
        take: TakePicture,
        choice: Choice,
        origin: Origin,
        allowance: Allowance,
    ) -> None:
        self.kept: Counter[Why] = Counter()
        self.dropped = 0
        self.over = 0
        self.fault: DeviceFault | None = None
        self._path = path
        self._folder = folder
        self._take = take
        self._choice = choice
        self._origin = origin
        self._allowance = allowance
        self._held: deque[tuple[Why, bytes, ReviewRow]] = deque()
        self._since_flush = 0
        self._closed = False

    def write(self, outcome: Outcome) -> None:
        """Take one outcome, and its picture if it is worth a look.

        It is written by the next flush, or by this call when a batch is full.

        Raises:
            DeviceFault: It was closed.
        """
        if self._closed:
            raise DeviceFault(f"review {self._path}: it was closed; open it again")
        pixels = self._take(outcome.piece)
        why = self._choice.why(outcome)
        if pixels is None or why is None:
            return
        _, encoded = cv2.imencode(".png", pixels)
        picture = encoded.tobytes()
        if not self._allowance.take(len(picture), outcome.ended_ns):
            self.over += 1
            return
        if len(self._held) == HELD:
            self._held.popleft()
            self.dropped += 1
        self._held.append((why, picture, self._row(outcome, why, picture)))
        self._since_flush += 1
        if self._since_flush >= BATCH:
            with suppress(DeviceFault):
                self.flush()

    def flush(self) -> None:
        """Write what was taken.

        Raises:
            DeviceFault: It could not all be written; the rest is kept for another try.
        """
        self._since_flush = 0
        try:
            while self._held:
                why, picture, row = self._held[0]
                self.kept[why] += self._folder.add(picture, row)
                self._held.popleft()
        except OSError as error:
            self.fault = DeviceFault(
                f"review {self._path}: {len(self._held)} crops could not be written"
                f" ({error.strerror or error}); make room, or look at the folder's rights"
            )
            raise self.fault from error
        if not self.dropped:
            self.fault = None

    def close(self) -> None:
        """Flush and let go; what cannot be written now is dropped. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        with suppress(DeviceFault):
            self.flush()
        self.dropped += len(self._held)
        self._held.clear()

    def summary(self, lost: int) -> str:
        """Return one line for a person: what was kept, and what was not.

        Args:
            lost: Pictures that the road let go before this sink took them.
        """
        why = ", ".join(f"{count} {each}" for each, count in sorted(self.kept.items()) if count)
        line = f"{self.kept.total()} crops to look at in {self._path / NEW}"
        line += f": {why}" if why else ""
        line += f"; {self.dropped + lost} dropped" if self.dropped + lost else ""
        return line + (f"; {self.over} above what may be written in a day" if self.over else "")

    def _row(self, outcome: Outcome, why: Why, picture: bytes) -> ReviewRow:
        verdict, origin = outcome.verdict, self._origin
        scores = dict(zip(origin.labels, verdict.scores, strict=True))
        return ReviewRow(
            file=name_of(outcome.piece, picture),
            run=origin.run,
            piece=outcome.piece,
            first_seen_ns=outcome.first_seen_ns,
            ended_ns=outcome.ended_ns,
            why=why.value,
            likeliest=max(scores, key=lambda label: scores[label]),
            verdict=verdict.label or "",
            confidence_frac=verdict.confidence_frac,
            stage_one=verdict.stage_one or "",
            stage_one_frac=verdict.stage_one_frac,
            scores=json.dumps(
                {label: round(score, 4) for label, score in scores.items()}, ensure_ascii=False
            ),
            reason=outcome.reason.value,
            bundle=origin.bundle,
            version=origin.version,
        )


def open_review(
    path: Path,
    take: TakePicture,
    choice: Choice,
    origin: Origin,
    room: Room,
    daily_bytes: int | None = None,
) -> Review:
    """Open a review folder, make it if there is none.

    Args:
        path: The folder; the one above it exists.
        take: Gives the picture of a piece that has ended; called on the thread that writes.
        choice: Which pieces are worth a look.
        origin: What the rows of this run share.
        room: How much may wait to be looked at.
        daily_bytes: What may be written in a day; None for as much as comes.

    Raises:
        DeviceUnavailable: It cannot be written to, or its list is another program's.
    """
    folder = open_review_folder(path, room)
    return Review(path, folder, take, choice, origin, Allowance(daily_bytes))
