"""Seek one label in one picture: how much a model believes in it, and where.

A picture is looked at whole and in the box of its piece, through the station's own crops; the
higher score counts. Pictures that the rules keep come with their content and with the box in
their own pixels, so that nobody needs to open them again. Nothing here writes.
"""

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from sorterd.clock import RealClock
from sorterd.core.records import Box
from sorterd.recordings.pictures import Unusable, decode_picture
from tools.workshop.decoding import decoded
from tools.workshop.evaluate.asking import FRAME_PX, Carried, Opened
from tools.workshop.evaluate.looking import CUTS, box_of
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place
from tools.workshop.sift.ledger import Decision

# Opening a model turns the process's standard error aside for a moment: one thread at a time.
_opening = threading.Lock()
# No picture has a longer side: it is decoded as large as it is.
_LONGEST_PX = 1 << 30


@dataclass(frozen=True, slots=True)
class Rules:
    """What becomes of a score.

    Attributes:
        threshold_frac: Above it, not at it, a picture is found.
        review_frac: Lowest and highest score that a person shall decide about, both included;
            goes before the threshold. None if there are none.
    """

    threshold_frac: float
    review_frac: tuple[float, float] | None = None

    def decision(self, score_frac: float) -> Decision:
        """Decide about a picture that could be decoded."""
        if self.review_frac is not None:
            low_frac, high_frac = self.review_frac
            if low_frac <= score_frac <= high_frac:
                return "review"
        return "found" if score_frac > self.threshold_frac else "passed"


@dataclass(frozen=True, slots=True)
class Sought:
    """What was seen in one picture.

    Attributes:
        key: Of its file.
        took_ns: Reading, decoding and scoring.
        why: What is wrong with it; empty if nothing is.
        score_frac: Belief in the label, 0 to 1, of six decimals: the higher of both views.
        likeliest: The label that was believed in most in that view.
        box: That view, pixels of the whole picture; None if the picture is not kept.
        size_px: Width and height of the picture; zeros if it is not kept.
        content: The file; empty if it is not kept.
    """

    key: str
    took_ns: int = 0
    why: str = ""
    score_frac: float = 0.0
    likeliest: str = ""
    box: Box | None = None
    size_px: tuple[int, int] = (0, 0)
    content: bytes = field(default=b"", repr=False)


class Seeker:
    """Looks at a picture by its key: the work for `spreading.in_order`.

    Args:
        bundle: The model.
        source: Where the pictures are; on a cluster, as its workers see it.
        label: One of the bundle's.
        rules: Say which pictures are kept.
    """

    def __init__(self, bundle: Carried, source: Place, label: str, rules: Rules) -> None:
        self._bundle = bundle
        self._source = source
        self._label = label
        self._rules = rules

    def __call__(self, key: str) -> Sought:
        """Look at one picture.

        Raises:
            WorkshopFault: The source cannot be read from here.
        """
        with _opening:
            opened = self._bundle.opened()
        clock = RealClock()
        begun_ns = clock.now_ns()
        sought = self._sought(opened, key)
        return replace(sought, took_ns=clock.now_ns() - begun_ns)

    def _sought(self, opened: Opened, key: str) -> Sought:
        if (folder := self._source.local) is not None and not folder.is_dir():
            # Without this a worker that lacks the folder would call every picture broken.
            raise WorkshopFault(
                f"no folder {folder} on a machine that works for this one: "
                "mount it there, or read from a bucket"
            )
        pixels = decoded(self._source, key, longer_px=FRAME_PX)
        if isinstance(pixels, Unusable):
            return Sought(key, why=pixels.why)
        labels = self._bundle.rules.labels
        place = labels.index(self._label)
        views = dict.fromkeys(box_of(pixels, cut) for cut in CUTS)
        said = {box: opened.scores(pixels, box) for box in views}
        # The piece comes last, and says more about where than the whole does: of equals, it.
        box = max(reversed(views), key=lambda each: float(said[each][place]))
        score_frac = round(float(said[box][place]), 6)
        likeliest = labels[int(said[box].argmax())]
        sought = Sought(key, score_frac=score_frac, likeliest=likeliest)
        if self._rules.decision(score_frac) == "passed":
            return sought
        return self._kept(sought, box, (pixels.shape[1], pixels.shape[0]))

    def _kept(self, sought: Sought, box: Box, seen_px: tuple[int, int]) -> Sought:
        """Add what a copy needs."""
        content = self._source.read(sought.key)
        size_px = seen_px
        if max(seen_px) >= FRAME_PX:  # it may have been decoded at a part of its size
            whole = decode_picture(content, Path(sought.key), longer_px=_LONGEST_PX)
            if isinstance(whole, Unusable):
                return Sought(sought.key, why=whole.why)
            size_px = (whole.shape[1], whole.shape[0])
        across, down = size_px[0] / seen_px[0], size_px[1] / seen_px[1]
        left_px, top_px = round(box.left_px * across), round(box.top_px * down)
        own = Box(
            left_px,
            top_px,
            max(1, round(box.right_px * across) - left_px),
            max(1, round(box.bottom_px * down) - top_px),
        )
        return replace(sought, box=own, size_px=size_px, content=content)
