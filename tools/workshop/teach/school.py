"""One teaching from beginning to end: look at the crops, measure, refit, write, and say so.

What is printed here is what a person sees of it; every figure is in the record as well.
"""

from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import Bundle, Output, Source, Temperatures, load
from sorterd.classifiers.tflite import TfliteClassifier
from sorterd.clock import RealClock
from tools.workshop.export.flat_model import FlatModel
from tools.workshop.export.phone_model import heads_of
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place
from tools.workshop.teach.embedding import VIEWS, Embedded, embed
from tools.workshop.teach.golden_sets import golden_inputs, golden_pictures
from tools.workshop.teach.last_layer import Dense, embedding_of, read_dense
from tools.workshop.teach.refitting import Kept, Refitter, Strength
from tools.workshop.teach.rehearsal import read_rehearsal
from tools.workshop.teach.taught_bundle import (
    Loss,
    Taught,
    TooMuchLost,
    next_version,
    opened,
    write_taught,
)
from tools.workshop.teach.taught_crops import check_pieces, choose_crops
from tools.workshop.teach.teaching import (
    CrossValidated,
    cross_validated,
    halves,
    taught_heads,
    temperatures_for,
)
from tools.workshop.teach.teaching_record import (
    Record,
    figure,
    half_record,
    in_words,
    per_label,
    spread,
    story,
)


class School:
    """A bundle, its crops, and what is to be done with them.

    Args:
        folder: Of the bundle.
        options: Of the command line; see tools/teach.py.

    Raises:
        BundleFault, DeviceUnavailable: The bundle cannot be opened.
        WorkshopFault: It cannot be taught, or not from these crops.
    """

    def __init__(self, folder: Path, options: Namespace) -> None:
        self._options = options
        self._begun_ns = RealClock().now_ns()
        self._bundle = load(folder)
        heads = _heads(self._bundle)
        self._place = Place(options.crops)
        self._chosen = choose_crops(self._place, self._bundle.labels)
        self._golden = golden_pictures(options, self._bundle)
        self._classifier = opened(self._bundle)
        seen = embed(
            self._classifier,
            self._bundle.manifest.preprocessing,
            self._place,
            self._chosen.rows,
            cut=options.cut,
            views=VIEWS,
            seed=options.seed,
        )
        self._crops = seen.crops
        check_pieces(self._place, self._crops, self._bundle.labels)
        self._looked_ns = RealClock().now_ns()
        rehearsal = read_rehearsal(self._bundle, self._crops.embeddings.shape[2])
        known = golden_inputs(self._bundle, self._classifier)
        self._remembered: Embedded | None = None
        if self._golden is not None:
            self._remembered = self._golden.asked(self._bundle, self._classifier)
            known = known.beside(self._remembered.crops)
        self._refitter = Refitter(
            self._bundle.manifest,
            heads,
            rehearsal,
            weight=options.weight,
            kept=Kept(known, options.most_loss),
        )
        pieces = len(np.unique(self._crops.groups))
        print(f"{len(self._crops)} crops of {pieces} pieces: {self._chosen.counted}")
        if self._chosen.unsorted:
            print(f"{self._chosen.unsorted} in new/ have no label yet: left out")
        if not len(rehearsal[1]):
            print(f"{self._bundle.name} carries no rehearsal: it can only be taught carefully")

    def held(self) -> Record:
        """Teach, or study what teaching would give.

        Returns:
            Every figure.

        Raises:
            TooMuchLost: The old golden set lost more than allowed; nothing was written.
        """
        # The tables are small: a second thread costs more than it brings, and on a busy machine
        # the threads of linear algebra wait for one another most of the time (measured: 0.03 s
        # against 0.4 s a fit).
        import_module("scipy.optimize")  # brings a second linear algebra, which is limited as well
        with import_module("threadpoolctl").threadpool_limits(limits=1):
            done = self._taught() if self._options.out is not None else self._studied()
        looked_s = (self._looked_ns - self._begun_ns) / 1e9
        took_s = (RealClock().now_ns() - self._begun_ns) / 1e9
        print(f"took {took_s:.1f} s, of which {looked_s:.1f} s to look at the crops")
        return {
            "bundle": self._bundle.name,
            "crops": str(self._place),
            "n": len(self._crops),
            "pieces": len(np.unique(self._crops.groups)),
            "rehearsal": bool(self._bundle.manifest.rehearsal),
            **done,
            "took_s": round(took_s, 2),
        }

    def _taught(self) -> Record:
        options, bundle, crops = self._options, self._bundle, self._crops
        said = cross_validated(self._refitter, crops, folds=options.folds, seed=options.seed)
        print(f"before: right {said.before} of them")
        print(f"after:  right {said.after}, cross-validated")
        temperatures = temperatures_for(bundle.manifest, said, crops)
        losses, strength = self._written(said, temperatures)
        print(f"all of them taught at {strength}")
        for loss in losses:
            print(
                f"{loss.pictures}: {loss.before.right} right before, {loss.after.right} after, "
                f"of {loss.before.n}"
            )
        print(f"{options.out} is {bundle.manifest.name} {next_version(bundle.manifest.version)}")
        return {
            "before": figure(said.before),
            "after": figure(said.after),
            "per_label": per_label(bundle.labels, crops, said.answers),
            "strength": {"trust_frac": strength.trust_frac, "ridge": strength.ridge},
            "temperatures": temperatures.model_dump(),
            "golden": [
                {
                    "pictures": one.pictures,
                    "before": figure(one.before),
                    "after": figure(one.after),
                }
                for one in losses
            ],
            "version": next_version(bundle.manifest.version),
        }

    def _written(
        self, said: CrossValidated, temperatures: Temperatures
    ) -> tuple[Sequence[Loss], Strength]:
        """Write the best refit that keeps as int8, too, what must be kept."""
        options, place = self._options, self._place.address
        refused: list[TooMuchLost] = []
        for heads, strength in taught_heads(self._refitter, self._crops, seed=options.seed):
            taught = Taught(
                heads=heads,
                numbers=self._typical(heads),
                temperatures=temperatures,
                figures={f"the crops of {place}, cross-validated": said.after},
                crops=Source(
                    what=f"{len(self._crops)} labelled crops, taught to the last layers: "
                    f"{self._chosen.counted}",
                    where=place,
                    licence=options.licence,
                ),
                story=story(self._bundle, self._chosen, said, strength, options),
            )
            try:
                losses = write_taught(
                    self._bundle,
                    taught,
                    options.out,
                    most_loss_frac=options.most_loss,
                    losses_of=self._lost,
                )
            except TooMuchLost as fault:
                refused.append(fault)
            else:
                return losses, strength
        raise refused[0]

    def _studied(self) -> Record:
        options = self._options
        found = list(halves(self._refitter, self._crops, repeats=options.study, seed=options.seed))
        for number, half in enumerate(found, 1):
            print(
                f"half {number}: {half.before.frac:.1%} before, {half.after.frac:.1%} after "
                f"(n = {half.after.n}; {half.strength})"
            )
        before, after = (
            spread([one.before for one in found]),
            spread([one.after for one in found]),
        )
        print(f"before: {in_words(before)}")
        print(f"after:  {in_words(after)}")
        return {"halves": [half_record(one) for one in found], "before": before, "after": after}

    def _typical(self, heads: dict[Output, Dense]) -> dict[str, npt.NDArray[np.float32]]:
        """What the new heads say to all that is known: their outputs must hold it."""
        shown = self._refitter.lesson(self._crops).shown
        return {name: head(shown) for name, head in heads.items()}

    def _lost(self, asked: TfliteClassifier) -> list[Loss]:
        """What the golden pictures lose with another bundle."""
        if self._golden is None or self._remembered is None:
            return []
        now = self._golden.asked(self._bundle, asked)
        return [Loss(self._golden.name, self._remembered.right, now.right)]


def _heads(bundle: Bundle) -> dict[Output, Dense]:
    """The bundle's dense layers.

    Raises:
        WorkshopFault: It gives no embedding, or its heads are not plain layers over it.
    """
    outputs = bundle.manifest.outputs
    if "embedding" not in outputs:
        raise WorkshopFault(
            f"{bundle.folder} gives no embedding, so it cannot be taught: train it anew with "
            "tools/train.py"
        )
    model = FlatModel(bundle.model_path)
    heads = {name: read_dense(model, outputs.index(name)) for name in heads_of(bundle.manifest)}
    seen = {embedding_of(model, outputs.index(name)) for name in heads}
    if len(seen) > 1:
        raise WorkshopFault(
            f"{bundle.folder}: its heads do not see the same embedding, so it cannot be taught: "
            "train it anew with tools/train.py"
        )
    return heads
