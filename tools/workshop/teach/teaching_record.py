"""What is kept of a teaching: its figures as JSON holds them, and its story for the card."""

from argparse import Namespace
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import Bundle
from tools.workshop.evaluate.measuring import Share
from tools.workshop.teach.crop_sets import Crops
from tools.workshop.teach.refitting import Strength
from tools.workshop.teach.taught_crops import ChosenCrops
from tools.workshop.teach.teaching import CrossValidated, Half

Record = dict[str, object]


def story(
    old: Bundle,
    chosen: ChosenCrops,
    said: CrossValidated,
    strength: Strength,
    options: Namespace,
) -> str:
    """What the card says of the teaching."""
    return f"""Taught from version {old.manifest.version} by `tools/teach.py`: the layers below the
last are the same, the heads were refitted to
{len(chosen.rows)} labelled crops ({chosen.counted}), at {strength}, the crops
counting {options.weight:g} beside what the bundle rehearses.

Before, the crops were right {said.before}.
After, {said.after}, each crop asked of heads that had
not seen it (nested cross-validation, {options.folds} folds, crops of one piece together).
The thresholds are those of version {old.manifest.version}; the temperatures were chosen on the same
unseen answers."""


def per_label(labels: Sequence[str], crops: Crops, answers: npt.NDArray[np.int64]) -> Record:
    """How many of each label's crops heads that had not seen them got right."""
    rows: Record = {}
    for place, label in enumerate(labels):
        shown = crops.places == place
        if shown.any():
            rows[label] = figure(Share(int((answers[shown] == place).sum()), int(shown.sum())))
    return rows


def figure(share: Share) -> Record:
    """A share with its 95% interval."""
    low, high = share.interval
    return {"right": share.right, "n": share.n, "frac": share.frac, "low": low, "high": high}


def half_record(half: Half) -> Record:
    """One half of a study."""
    return {
        "before": figure(half.before),
        "after": figure(half.after),
        "strength": {"trust_frac": half.strength.trust_frac, "ridge": half.strength.ridge},
    }


def spread(shares: Sequence[Share]) -> dict[str, float]:
    """Mean and worst of the halves, and Wilson's interval for their mean on one half's pictures."""
    fracs = [share.frac for share in shares]
    n = min(share.n for share in shares)
    mean = float(np.mean(fracs))
    # Halves of the same crops are not independent: more of them make the mean no surer than the
    # crops of one half are.
    low, high = Share(round(mean * n), n).interval
    return {"mean": mean, "worst": min(fracs), "best": max(fracs), "low": low, "high": high}


def in_words(found: dict[str, float]) -> str:
    """What `spread` found, in one line."""
    return (
        f"mean {found['mean']:.1%}, worst {found['worst']:.1%}, best {found['best']:.1%} "
        f"(95% interval of the mean on one half's pictures {found['low']:.1%} to "
        f"{found['high']:.1%})"
    )
