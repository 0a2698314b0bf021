"""What a bundle keeps of the pictures it learned from, so that teaching it does not make it forget.

`rehearsal.npz` holds two arrays: `embeddings`, float16[n, width], as the bundle's own int8 model
gives them (no pictures can be made from them), and `places`, int64[n], the place of each one's
label. It is written when a bundle is trained and only read when it is taught. Teaching does not add
its own crops to it: the next teaching would be tested on what it rehearses.
"""

import zipfile
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import Bundle
from tools.workshop.faults import WorkshopFault

FILE: Final = "rehearsal.npz"
# 7 labels of 1280 numbers are then about 0.8 MB. Against 60 of each, pseudo-stations were 1 to 3
# points better and forgot nothing: at the boldest strength photographs as in training went from
# 1.5 points lost to 0.5 gained.
MOST_PER_LABEL: Final = 300

Numbers = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]


def write_rehearsal(folder: Path, embeddings: Numbers, places: Places, *, seed: int = 1) -> str:
    """Write the rehearsal of a bundle that is being made.

    Args:
        folder: Of the bundle; the manifest's `rehearsal` is to be what is returned.
        embeddings: float32[n, width], of training pictures, as the bundle's own model gives them
            (the `embedding` of `TfliteClassifier.answers`): whole photographs and pieces on belts
            alike, so that what is rehearsed is all that the bundle can do.
        places: int64[n], the place of each one's label in the manifest.
        seed: Decides which are kept where a label has more than 300.

    Returns:
        The file's name in the bundle.
    """
    rng = np.random.default_rng(seed)
    kept: list[int] = []
    for place in np.unique(places):
        of_label = rng.permutation(np.flatnonzero(places == place))
        kept += sorted(int(row) for row in of_label[:MOST_PER_LABEL])
    np.savez_compressed(
        folder / FILE, embeddings=embeddings[kept].astype(np.float16), places=places[kept]
    )
    return FILE


def read_rehearsal(bundle: Bundle, width: int) -> tuple[Numbers, Places]:
    """The rehearsal of a bundle: float32[n, width] and int64[n]; no rows where it has none.

    Args:
        bundle: Loaded.
        width: Of its embedding.

    Raises:
        WorkshopFault: The file is not what this module writes.
    """
    if bundle.manifest.rehearsal is None:
        return np.empty((0, width), np.float32), np.empty(0, np.int64)
    path = bundle.folder / bundle.manifest.rehearsal
    try:
        with np.load(path) as packed:
            embeddings = packed["embeddings"].astype(np.float32)
            places = packed["places"].astype(np.int64)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as fault:
        raise WorkshopFault(
            f"{path} is no rehearsal of embeddings: train the bundle anew"
        ) from fault
    known = (places >= 0) & (places < len(bundle.labels))
    if embeddings.shape != (len(places), width) or not known.all():
        raise WorkshopFault(f"{path} does not fit its bundle: train the bundle anew")
    return embeddings, places
