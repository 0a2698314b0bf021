"""The road without threads: a frame in, commands out; a job in, scores out.

`Pipeline` belongs to the sort thread. It keeps the pixels that the mind (the
sorter) only knows by number, for as long as the mind may still ask for them, and
no longer. `answer` belongs to the infer thread, which owns the interpreter: the
input that crops are written into is the interpreter's own memory, so cropping
happens where inference does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sorterd.core.mind import Mind
from sorterd.core.records import (
    Box,
    Command,
    EndPiece,
    Event,
    FrameCame,
    FrameSeen,
    LookAt,
    MoveGate,
    PieceView,
    RunBatch,
    ScoresReady,
    Tick,
)
from sorterd.ports import Classifier, Clock, Frame
from sorterd.vision.best_crops import BestCrops
from sorterd.vision.crops import Cropper
from sorterd.vision.regions import Finding

AnyMind = Mind[Any]
"""The sorter of either kind of station."""

Onlooker = Callable[[Frame, tuple[PieceView, ...], int], None]
"""Shown every frame with its pieces and the present; must not wait."""


class Finder(Protocol):
    """Turns the pixels of frames into regions. One thread; frames in the order of exposure."""

    def find(self, pixels: npt.NDArray[np.uint8], exposed_ns: int, /) -> Finding:
        """Look at one frame, uint8[H, W, 3] BGR, neither written to nor kept.

        Raises:
            ValueError: The frame does not hold the view: a caller's bug.
            DeviceFault: The finder has a model, and its runtime failed.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A batch with its pixels, for the infer thread; the frames are only read.

    Attributes:
        batch: Its number.
        size: Batch size of the interpreter to use.
        cuts: Whole frames, uint8[H, W, 3] BGR, each with the box to crop.
    """

    batch: int
    size: int
    cuts: tuple[tuple[npt.NDArray[np.uint8], Box], ...]


Todo = Job | MoveGate | EndPiece
"""What the pipeline wants done by whoever runs it."""


class Pipeline:
    """One station's road, without threads.

    Args:
        finder: Finds the regions of a frame.
        mind: Decides.
        clock: Tells when a frame has been looked at.
        best_crops: Keeps each piece's best crop until it ends; None if nobody wants them.
    """

    def __init__(
        self,
        finder: Finder,
        mind: AnyMind,
        clock: Clock,
        best_crops: BestCrops | None = None,
    ) -> None:
        self._finder = finder
        self._clock = clock
        self._best_crops = best_crops
        self._pixels: dict[int, npt.NDArray[np.uint8]] = {}
        self.mind = mind
        self.not_needed = 0
        """Frames that were not worth seeing."""
        self.looked_ns: int | None = None
        """Exposure of the newest frame that was really looked at; one that was refused was not."""

    def worth_seeing(self, frame: Frame) -> bool:
        """Whether a frame is to be seen; what is not is counted. One thread; it may be another's.

        An empty belt is looked at less often, so that it costs next to nothing.
        """
        until_ns = self.mind.rests_until_ns
        worth = until_ns is None or frame.exposed_ns >= until_ns
        self.not_needed += not worth
        return worth

    def see(self, frame: Frame) -> Iterator[Todo]:
        """Take a frame all the way.

        Yields:
            What is to be done, each as soon as it is known: do it before asking for the next, for
            the frame is looked at in between. Must be taken to its end.

        Raises:
            DeviceFault: The finder's runtime failed.
        """
        self._pixels[frame.sequence] = frame.pixels
        came = FrameCame(frame.sequence, frame.exposed_ns, self._clock.now_ns())
        for command in self.mind.step(came):
            if isinstance(command, LookAt):
                yield from self._look_at(frame)
            else:
                yield from self._todo(command)
        self._forget_pixels()

    def step(self, event: Event) -> list[Todo]:
        """Pass one event to the mind; give pixels to the batch it asks for."""
        todo = [each for command in self.mind.step(event) for each in self._todo(command)]
        self._forget_pixels()
        return todo

    def _look_at(self, frame: Frame) -> list[Todo]:
        finding = self._finder.find(frame.pixels, frame.exposed_ns)
        if finding.learning:
            self.looked_ns = frame.exposed_ns
            # It says nothing of pieces; what runs by meanwhile counts as belt that nobody has seen.
            return self.step(Tick(self._clock.now_ns()))
        todo = self.step(
            FrameSeen(
                sequence=frame.sequence,
                exposed_ns=frame.exposed_ns,
                now_ns=self._clock.now_ns(),
                regions=finding.regions,
                covered=finding.covered,
            )
        )
        if finding.covered or self.mind.newest_frame_ns == frame.exposed_ns:
            self.looked_ns = frame.exposed_ns
        return todo

    def _todo(self, command: Command) -> Iterator[Todo]:
        match command:
            case RunBatch():
                yield self._job(command)
            case EndPiece():
                if self._best_crops is not None:
                    self._best_crops.end(command.outcome.piece)
                yield command
            case MoveGate():
                yield command
            case LookAt():
                raise AssertionError("only a frame that has come can be looked at")

    def _forget_pixels(self) -> None:
        needed = self.mind.frames_needed()
        self._pixels = {key: self._pixels[key] for key in self._pixels if key in needed}

    def _job(self, batch: RunBatch) -> Job:
        if self._best_crops is not None:
            for crop in batch.crops:
                self._best_crops.look(crop, self._pixels[crop.sequence])
        cuts = tuple((self._pixels[crop.sequence], crop.box) for crop in batch.crops)
        return Job(batch.batch, batch.size, cuts)


def answer(
    job: Job,
    classifier: Classifier,
    cropper: Cropper,
    clock: Clock,
    *,
    cropped: Callable[[], None] = lambda: None,
) -> ScoresReady:
    """Crop and score one batch.

    Args:
        job: The batch.
        classifier: Owned by the calling thread.
        cropper: Owned by the calling thread.
        clock: Tells how long it took.
        cropped: Called when all that is left to do is the runtime's, which needs no interpreter
            lock of Python's.

    Returns:
        The scores, with the time that cropping and inference held the runtime.

    Raises:
        DeviceFault: The runtime failed.
    """
    began_ns = clock.now_ns()
    slots = classifier.slots(job.size)
    for index, (pixels, box) in enumerate(job.cuts):
        cropper.write(pixels, box, slots[index])
    del slots  # the interpreter refuses to run while its input is referenced
    cropped()
    rows = classifier.scores(job.size, len(job.cuts))
    now_ns = clock.now_ns()
    return ScoresReady(
        batch=job.batch,
        now_ns=now_ns,
        scores=tuple(map(tuple, rows.tolist())),
        took_ns=now_ns - began_ns,
    )
