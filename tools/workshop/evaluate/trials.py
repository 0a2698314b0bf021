"""Measure a bundle on chosen pictures: ask about each, here or on a cluster, and count.

A picture that cannot be decoded is named and left out. Nothing here prints, writes or decides
whether a figure is good enough.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from sorterd.classifiers.bundle import Bundle
from sorterd.classifiers.runtimes import without_chatter
from sorterd.recordings.pictures import Unusable
from tools.workshop.decoding import decoded
from tools.workshop.evaluate.asking import FRAME_PX, Ask, Carried, Look, shown
from tools.workshop.evaluate.chosen_pictures import ChosenPictures
from tools.workshop.evaluate.evaluation import Evaluation, Said, evaluate
from tools.workshop.evaluate.looking import Cut, Pixels
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place
from tools.workshop.signatures import outputs_of
from tools.workshop.spreading import in_order

_NAMED = 5
"""So many broken pictures are named in a sentence; the record names all."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A bundle, measured.

    Attributes:
        bundle: Which one.
        pictures: What it was asked about.
        broken: Pictures that were left out because they cannot be decoded, by their keys.
        evaluations: How pictures were cut -> every figure.
        views: Poses of each picture that were looked at.
        runtime: What ran the model.
        cluster: Where, unless it was here.
    """

    bundle: Bundle
    pictures: ChosenPictures
    broken: tuple[Unusable, ...]
    evaluations: Mapping[Cut, Evaluation]
    views: int
    runtime: str
    cluster: str | None

    @property
    def empty(self) -> tuple[str, ...]:
        """The bundle's labels that no picture shows."""
        counts = next(iter(self.evaluations.values())).joint.counts.sum(axis=1)
        return tuple(label for label, n in zip(self.bundle.labels, counts, strict=True) if not n)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was measured and what was not, a sentence each."""
        thresholds, broken = self.bundle.manifest.thresholds, self.broken
        used = len(self.pictures.rows) - len(broken)
        number = "1 picture" if used == 1 else f"{used} pictures"
        poses = f", each in {self.views} poses, log-scores added up" if self.views > 1 else ""
        notes = [
            f"{self.bundle.name} on {self.pictures.described}: {number}{poses}.",
            f"Its thresholds: {thresholds.stage_one_frac:g} and {thresholds.stage_two_frac:g}.",
        ]
        if broken:
            some = "; ".join(str(one) for one in broken[:_NAMED])
            more = f"; and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
            notes.append(f"Left out, because they cannot be decoded: {len(broken)} ({some}{more}).")
        if self.empty:
            notes.append(f"No pictures of {', '.join(self.empty)}: their recall is not known.")
        return tuple(notes)

    @property
    def timing_note(self) -> str:
        """On what the times were taken."""
        where = f"this machine of {os.cpu_count()} cores, beside whatever else it does"
        if self.cluster is not None:
            where = f"the workers of {self.cluster}"
        return (
            f"One picture at a time on one thread ({self.runtime}), on {where}. "
            "A Raspberry Pi takes longer: measure there."
        )


def hold_trial(
    bundle: Bundle,
    pictures: ChosenPictures,
    *,
    cuts: tuple[Cut, ...],
    views: int = 1,
    float_model: Path | None = None,
    cluster: str | None = None,
) -> Trial:
    """Ask about every picture and count.

    Args:
        bundle: Loaded.
        pictures: What to ask about.
        cuts: How each is cut; each cut is counted by itself.
        views: Poses of each picture, 1 to 8.
        float_model: A .tflite to compare with.
        cluster: Address of a Dask scheduler; None works here. The figures are the same.

    Raises:
        BundleFault, DeviceUnavailable, DeviceFault: The bundle cannot be asked.
        WorkshopFault: The float model does not fit, no picture can be decoded, or the place or the
            cluster cannot be used.
    """
    carried = Carried(bundle)
    # A bundle that does not open is said before any picture is read.
    runtime = carried.opened().classifier.runtime
    by_float = None if float_model is None else _float_of(bundle, float_model)
    place = pictures.place
    if cluster is not None and place.local is not None:
        # A worker runs in another folder; a link may lead elsewhere there, so it is not followed.
        place = Place(str(place.local.absolute()))
    ask = Ask(place, carried, cuts=cuts, views=views, float_bundle=by_float)
    looks, broken = _asked(ask, pictures, cluster)
    evaluations = {
        cut: evaluate(_said(pictures, looks, number, bundle), bundle.manifest)
        for number, cut in enumerate(cuts)
    }
    return Trial(bundle, pictures, broken, evaluations, views, runtime, cluster)


def wrong_pictures(trial: Trial, cut: Cut, most: int) -> list[tuple[Pixels, str]]:
    """The surest wrong ones as the model saw them, uint8[H, W, 3] BGR, with captions.

    Raises:
        WorkshopFault: The place cannot be read.
    """
    carried = Carried(trial.bundle)
    wrong = trial.evaluations[cut].wrong[:most]
    pictures = []
    for one in tqdm(wrong, desc=f"wrong ones, {cut}", unit="picture"):
        pixels = shown(trial.pictures.place, carried, one.key, cut)
        if not isinstance(pixels, Unusable):
            caption = f"{one.truth}, said {one.said} {one.confidence_frac:.2f}: {one.key}"
            pictures.append((pixels, caption))
    return pictures


def _float_of(bundle: Bundle, model: Path) -> Carried:
    """The bundle with a float model in the place of its own, opened here once."""
    if not model.is_file():
        raise WorkshopFault(f"no float model {model}: give the .tflite that training left")
    own = bundle.manifest.outputs
    try:
        with without_chatter():
            outputs = outputs_of(model)
    except WorkshopFault:
        # A model with one output needs no names.
        if len(own) > 1:
            raise
        outputs = own
    except (ValueError, RuntimeError) as fault:
        raise WorkshopFault(f"{model} is not a model that opens ({fault}): check it") from fault
    heads = {"stage_one", "stage_two"}
    if heads & set(outputs) != heads & set(own):
        raise WorkshopFault(
            f"{model} gives {', '.join(outputs)}, the bundle {', '.join(own)}: give its own float"
        )
    update = {"model": model.name, "outputs": outputs}
    carried = Carried(Bundle(model.parent, bundle.manifest.model_copy(update=update), ()))
    if carried.opened().classifier.spec.dtype != "float32":
        raise WorkshopFault(f"{model} is not a float model: give the one from before int8")
    return carried


def _asked(
    ask: Ask, pictures: ChosenPictures, cluster: str | None
) -> tuple[dict[str, tuple[Look, ...]], tuple[Unusable, ...]]:
    """Look at every picture; what is broken is kept apart."""
    keys = [row.key for row in pictures.rows]
    answers = tqdm(
        in_order(ask, keys, cluster=cluster), desc="looking", total=len(keys), unit="picture"
    )
    looks: dict[str, tuple[Look, ...]] = {}
    broken = []
    for key, answer in zip(keys, answers, strict=True):
        if not isinstance(answer, Unusable):
            looks[key] = answer
            continue
        broken.append(Unusable(Path(key), answer.why))
        if cluster is not None:
            _check_broken_here_too(pictures.place, key, answer, cluster)
    if not looks:
        raise WorkshopFault(f"every picture of {pictures.described} is broken, as {broken[0]}")
    return looks, tuple(broken)


def _check_broken_here_too(place: Place, key: str, there: Unusable, cluster: str) -> None:
    """A worker without the folder would call every picture broken."""
    if not isinstance(decoded(place, key, longer_px=FRAME_PX), Unusable):
        raise WorkshopFault(
            f"a worker of {cluster} cannot read {there}, which is fine here: "
            "mount the folder there under the same path, or use a bucket"
        )


def _said(
    pictures: ChosenPictures, looks: Mapping[str, Sequence[Look]], number: int, bundle: Bundle
) -> Said:
    """What was said in one cut, as arrays."""
    rows = [row for row in pictures.rows if row.key in looks]
    seen = [looks[row.key][number] for row in rows]
    floats = [look.float_scores for look in seen if look.float_scores is not None]
    return Said(
        keys=[row.key for row in rows],
        truth=np.array([bundle.labels.index(row.label) for row in rows], np.int64),
        scores=np.stack([look.scores for look in seen]),
        float_scores=np.stack(floats) if floats else None,
        prepared_ns=np.array([look.prepared_ns for look in seen], np.int64),
        invoked_ns=np.array([look.invoked_ns for look in seen], np.int64),
    )
