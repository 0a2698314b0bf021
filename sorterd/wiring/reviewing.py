"""Both ends of a review: what the road fills with crops, and the sink that keeps them."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sorterd.settings import Settings
from sorterd.vision.best_crops import BestCrops
from sorterd.wiring.models import Model
from sorterd.wiring.units import MB_BYTES

if TYPE_CHECKING:
    from sorterd.sinks.review import Review


@dataclass(frozen=True, slots=True)
class Reviewing:
    """Both ends of a review: what the road fills, and the sink that writes it down."""

    best_crops: BestCrops
    sink: "Review"

    @property
    def summary(self) -> str:
        """One line for a person: what was kept, and what was not."""
        return self.sink.summary(self.best_crops.lost)


def open_reviewing(
    settings: Settings, model: Model, folder: Path, *, run: int, seed: int
) -> Reviewing:
    """Open a review folder for the station's crops.

    Args:
        settings: Say which crops are kept, and how many.
        model: Opened.
        folder: Where; the settings' own is for a real station.
        run: The journal's; 0 without one.
        seed: Of the share of sure pieces that is left to chance.

    Raises:
        DeviceUnavailable: It cannot be written to, or its list is another program's.
    """
    manifest, review = model.bundle.manifest, settings.review
    shape = manifest.preprocessing
    best_crops = BestCrops(
        margin_frac=shape.margin_frac, side_px=max(shape.width_px, shape.height_px)
    )
    # By name, for the 5 ms that their imports take: few stations keep crops.
    part = import_module("sorterd.sinks.review")
    room = import_module("sorterd.sinks.review_folder").Room
    sink = part.open_review(
        folder,
        best_crops.take,
        part.Choice(below_frac=review.below_frac, control_frac=review.control_frac, seed=seed),
        part.Origin(run, model.bundle.labels, manifest.name, manifest.version),
        room(review.most_files, review.most_per_label, round(review.most_mb * MB_BYTES)),
        round(review.daily_mb * MB_BYTES),
    )
    return Reviewing(best_crops, sink)
