"""The infer thread, and how batches are handed to it.

It owns the interpreter, and the input that crops are cut into, which is the interpreter's own
memory. Batches are answered in the order in which they were sent; nothing here chooses them.
"""

import threading
from dataclasses import dataclass
from functools import partial

from sorterd.core.records import ScoresReady
from sorterd.mailbox import Bell, Mailbox
from sorterd.pipeline import Job, answer
from sorterd.ports import Classifier, Clock
from sorterd.vision.crops import Cropper

# One that runs and one that lies ready: more are never out (`BatchDesk`).
ROOM = 2
# A crop takes 0.1 ms. An infer thread that a busy machine holds up must not hold up the sorter.
CROPPING_NS = 2_000_000


@dataclass(frozen=True, slots=True)
class Scorer:
    """A model, and what cuts crops into its input. Belongs to the infer thread."""

    classifier: Classifier
    cropper: Cropper


class Inference:
    """Answers batches.

    Args:
        clock: The real clock.
        scorer: Owned by the thread that calls `run`.
        answers: Where the scores go.
    """

    def __init__(self, clock: Clock, scorer: Scorer, answers: Mailbox[ScoresReady]) -> None:
        self._clock = clock
        self._scorer = scorer
        self._answers = answers
        self._bell = Bell(clock)
        self.jobs: Mailbox[Job | Scorer] = Mailbox(self._bell, ROOM)
        self._over = threading.Event()
        self._cropped_bell = Bell(clock)
        self._cropped_batch = 0
        self._answered_batch = 0

    def run(self) -> None:
        """Answer until `stop`. The infer thread.

        Raises:
            DeviceFault: The runtime failed.
        """
        while not self._over.is_set():
            self._bell.wait_until(None)
            while (job := self.jobs.take()) is not None:
                if isinstance(job, Scorer):
                    self._scorer.classifier.close()
                    self._scorer = job
                else:
                    self._answer(job)

    def send(self, job: Job) -> None:
        """Hand over a batch; if the runtime is free, return once it is cropped. Sort thread.

        The lock of Python's interpreter goes to whoever is there when it falls free. A look at a
        frame, which is what the sort thread turns to next, is many short calls into OpenCV, between
        which a thread that has to wake up first never gets the lock: the infer thread was held up
        for all of a look, 0.6 ms. It needs 0.1 ms of the lock, and then none until it has scores.
        """
        free = self._answered_batch == job.batch - 1
        self.jobs.put(job)
        until_ns = self._clock.now_ns() + CROPPING_NS
        while free and self._cropped_batch < job.batch and self._clock.now_ns() < until_ns:
            self._cropped_bell.wait_until(until_ns)

    def change(self, scorer: Scorer) -> None:
        """Have another model answer from now on; the old one is closed. Sort thread.

        No batch may be out: batches are counted from 1 again.
        """
        self._cropped_batch = self._answered_batch = 0
        self.jobs.put(scorer)

    def stop(self) -> None:
        """Let `run` return. Any thread."""
        self._over.set()
        self._bell.ring()

    def _answer(self, job: Job) -> None:
        classifier, cropper = self._scorer.classifier, self._scorer.cropper
        cropped = partial(self._cropped, job.batch)
        ready = answer(job, classifier, cropper, self._clock, cropped=cropped)
        self._answered_batch = job.batch
        self._answers.put(ready)

    def _cropped(self, batch: int) -> None:
        self._cropped_batch = batch
        self._cropped_bell.ring()
