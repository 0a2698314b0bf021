"""What a taught bundle must still know: its golden inputs, and pictures that a person names."""

from argparse import Namespace
from dataclasses import dataclass

import numpy as np

from sorterd.classifiers.bundle import Bundle
from sorterd.classifiers.tflite import TfliteClassifier
from tools.workshop.evaluate.chosen_pictures import ChosenPictures, choose_pictures
from tools.workshop.evaluate.measuring import answers_of
from tools.workshop.places import Place
from tools.workshop.teach.crop_sets import Crops
from tools.workshop.teach.embedding import Embedded, embed


@dataclass(frozen=True, slots=True)
class GoldenPictures:
    """Pictures of the old kind, with labels.

    Attributes:
        pictures: Which.
        seed: Of the command; decides nothing while each is shown once, as it is.
    """

    pictures: ChosenPictures
    seed: int

    @property
    def name(self) -> str:
        """What they are called in figures."""
        return f"golden pictures ({self.pictures.described})"

    def asked(self, bundle: Bundle, classifier: TfliteClassifier) -> Embedded:
        """Show them to a bundle, whole."""
        made = bundle.manifest.preprocessing
        place, rows = self.pictures.place, self.pictures.rows
        return embed(classifier, made, place, rows, cut="whole", views=1, seed=self.seed)


def golden_pictures(options: Namespace, bundle: Bundle) -> GoldenPictures | None:
    """The pictures that the command line names, if it names any.

    Raises:
        WorkshopFault: They are not there, or have labels that the bundle does not know.
    """
    if options.golden is None:
        return None
    pictures = choose_pictures(
        Place(options.golden),
        bundle.labels,
        list_file=options.golden_list,
        official=options.golden_official,
    )
    return GoldenPictures(pictures, options.seed)


def golden_inputs(bundle: Bundle, classifier: TfliteClassifier) -> Crops:
    """The bundle's golden inputs, each with the label that the bundle takes it for."""
    parts = answers_of(classifier, np.stack([golden.pixels for golden in bundle.golden]))
    embeddings = np.concatenate([part["embedding"] for part in parts])
    said = np.array([int(golden.scores.argmax()) for golden in bundle.golden])
    return Crops(embeddings[:, None], said, np.arange(len(said)))
