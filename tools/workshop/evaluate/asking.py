"""Ask a bundle about the pictures of a place, here or on the workers of a cluster.

Each picture is decoded, cut and scored by itself, on one thread and in a batch of one, so its
scores do not depend on who else is asked or where. The bundle travels with the work: a worker needs
no copy of it. A picture that cannot be decoded is an answer, not an error.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import Bundle
from sorterd.classifiers.tflite import TfliteClassifier, open_part
from sorterd.clock import RealClock
from sorterd.core.judging import Evidence, JudgingRules
from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.recordings.pictures import Unusable
from sorterd.vision.crops import Cropper
from tools.workshop.decoding import decoded
from tools.workshop.evaluate.looking import Cut, Pixels, box_of, posed
from tools.workshop.places import Place

# A station's frame is as wide as this; larger photographs are decoded smaller where that is free.
FRAME_PX = 640

# Opening a model turns the process's standard error aside for a moment: one thread at a time.
_opening = threading.Lock()

# A look at a thread takes well below a millisecond, unless the machine is overworked.
_TRIES, _PAUSE_NS = 200, 2_000_000

Scores = npt.NDArray[np.float32]
Given = TypeVar("Given")


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A model at work in one thread, with the crops that fit it."""

    classifier: TfliteClassifier
    cropper: Cropper
    shower: Cropper
    """Makes the same crops as plain RGB pixels."""

    def scores(self, pixels: Pixels, box: Box) -> Scores:
        """Score one region: float32[labels]."""
        self.crop(pixels, box)
        return self.invoke()

    def invoke(self) -> Scores:
        """Score the region that was cropped last: float32[labels]."""
        return np.array(_patiently(lambda: self.classifier.scores(1, 1))[0], np.float32)

    def crop(self, pixels: Pixels, box: Box) -> None:
        """Write a region into the model's input."""
        self.cropper.write(pixels, box, self.classifier.slots(1)[0])

    def shown(self, pixels: Pixels, box: Box) -> Pixels:
        """What the model sees of a region, for people: uint8[H, W, 3], BGR."""
        spec = self.classifier.spec
        seen = np.empty((spec.height_px, spec.width_px, 3), np.uint8)
        self.shower.write(pixels, box, seen)
        return np.ascontiguousarray(seen[:, :, ::-1])


class Carried:
    """A bundle that can be sent to another machine and is opened there once for each thread.

    Args:
        bundle: Loaded; its model is read now.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._model = bundle.model_path.read_bytes()
        self._here = threading.local()

    def __getstate__(self) -> tuple[Bundle, bytes]:
        return self._bundle, self._model

    def __setstate__(self, state: tuple[Bundle, bytes]) -> None:
        self._bundle, self._model = state
        self._here = threading.local()

    @property
    def rules(self) -> JudgingRules:
        """How the station would judge what this bundle says, every view counting in full."""
        manifest = self._bundle.manifest
        return JudgingRules(
            labels=manifest.labels,
            stages=self._bundle.stages,
            stage_one_frac=manifest.thresholds.stage_one_frac,
            stage_two_frac=manifest.thresholds.stage_two_frac,
            sure_frac=1.0,
            min_views=1,
            max_views=1,
            same_view_mm=1.0,
        )

    def opened(self) -> Opened:
        """This thread's own.

        Raises:
            BundleFault: The model does not fit its manifest or its golden answers.
            DeviceUnavailable: No runtime works here.
        """
        if not hasattr(self._here, "opened"):
            with _opening:
                self._here.opened = self._open()
        opened: Opened = self._here.opened
        return opened

    def _open(self) -> Opened:
        # The file is mapped when the interpreter is built and may go then; where a system holds on
        # to it (Windows), it stays until the temporary folder is emptied.
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            here = replace(self._bundle, folder=Path(folder))
            here.model_path.parent.mkdir(parents=True, exist_ok=True)
            here.model_path.write_bytes(self._model)
            classifier = _patiently(
                lambda: open_part(
                    here, runtime="auto", threads=1, batch_sizes=(1,), clock=RealClock()
                )
            )
        made, spec = self._bundle.manifest.preprocessing, classifier.spec
        plain = InputSpec(spec.width_px, spec.height_px, "uint8", gain=1.0, offset=0.0)
        croppers = [
            Cropper(wanted, margin_frac=made.margin_frac, padding=made.padding)
            for wanted in (spec, plain)
        ]
        return Opened(classifier, *croppers)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was said to one picture in one cut.

    Attributes:
        scores: float32[labels]; of several views, what they say together.
        float_scores: The same by the float model, if there is one.
        prepared_ns: Decoding, finding the piece and cropping the first view.
        invoked_ns: The model on the first view.
    """

    scores: Scores
    float_scores: Scores | None
    prepared_ns: int
    invoked_ns: int


class Ask:
    """The question put to each picture: the work for `tools.workshop.spreading`.

    Several views are the picture in several poses (`looking.POSES`). Their log-scores are added up
    by the station's own `Evidence`, each in full. A station adds up frames of one passing piece,
    which resemble each other more than these do and which it therefore counts for less.

    Args:
        place: Where the pictures are; on a cluster, as its workers see it.
        bundle: Asked.
        cuts: Each gives one `Look`.
        views: Poses of each picture, 1 to 8.
        float_bundle: Asked about the same crops, for comparison.
    """

    def __init__(
        self,
        place: Place,
        bundle: Carried,
        *,
        cuts: tuple[Cut, ...],
        views: int = 1,
        float_bundle: Carried | None = None,
    ) -> None:
        self._place = place
        self._bundle = bundle
        self._cuts = cuts
        self._views = views
        self._float = float_bundle

    def __call__(self, key: str) -> tuple[Look, ...] | Unusable:
        """Look at one picture.

        Returns:
            A look for each cut; or why there is none.
        """
        opened = self._bundle.opened()
        clock = RealClock()
        begun_ns = clock.now_ns()
        pixels = decoded(self._place, key, longer_px=FRAME_PX)
        if isinstance(pixels, Unusable):
            return pixels
        decoded_ns = clock.now_ns() - begun_ns
        return tuple(self._look(opened, pixels, cut, decoded_ns) for cut in self._cuts)

    def _look(self, opened: Opened, pixels: Pixels, cut: Cut, decoded_ns: int) -> Look:
        clock = RealClock()
        begun_ns = clock.now_ns()
        box = box_of(pixels, cut)
        opened.crop(pixels, box)
        cropped_ns = clock.now_ns()
        first = opened.invoke()
        invoked_ns = clock.now_ns() - cropped_ns
        others = [posed(pixels, box, pose) for pose in range(1, self._views)]
        said = [first, *(opened.scores(*other) for other in others)]
        by_float: Scores | None = None
        if self._float is not None:
            floats = self._float.opened()
            views = [(pixels, box), *others]
            by_float = self._together([floats.scores(*view) for view in views])
        return Look(self._together(said), by_float, decoded_ns + cropped_ns - begun_ns, invoked_ns)

    def _together(self, views: list[Scores]) -> Scores:
        """What several views say; one view says what it says, without the floor of `Evidence`."""
        if len(views) == 1:
            return views[0]
        evidence = Evidence(self._bundle.rules)
        for place, scores in enumerate(views):
            given = tuple(float(score) for score in scores)
            evidence.add(given, along_mm=float(place), exposed_ns=place)
        return np.array(evidence.verdict.scores, np.float32)


def shown(place: Place, bundle: Carried, key: str, cut: Cut) -> Pixels | Unusable:
    """What the model saw of one picture, for people: uint8[H, W, 3], BGR.

    Raises:
        WorkshopFault: The place cannot be read.
    """
    pixels = decoded(place, key, longer_px=FRAME_PX)
    if isinstance(pixels, Unusable):
        return pixels
    return bundle.opened().shown(pixels, box_of(pixels, cut))


def _patiently(call: Callable[[], Given]) -> Given:
    """Run a model where somebody may be looking.

    A worker of a cluster looks now and then into what its threads are doing (Dask's profiler), and
    while it looks it holds on to their variables. If a view of the model's memory is among them
    the interpreter refuses to run; a moment later it does.
    """
    clock = RealClock()
    for _ in range(_TRIES - 1):
        try:
            return call()
        except RuntimeError as fault:
            if "reference" not in str(fault):
                raise
        clock.sleep_until(clock.now_ns() + _PAUSE_NS)
    return call()
