"""The end of a training: what is chosen, and what stops a bundle from being written."""

import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.classifiers.bundle import load
from tools.workshop.evaluate.thresholds import Costs
from tools.workshop.faults import WorkshopFault
from tools.workshop.train.card import Story
from tools.workshop.train.examination import ON_BELTS, VALIDATION
from tools.workshop.train.finishing import Finished, finish
from tools.workshop.train.kinds import Kind, Kinds
from tools.workshop.train.network import Network
from tools.workshop.train.photographs import Photograph
from tools.workshop.train.pictures import Pool

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny" / "heads"
KINDS: Kinds = {
    "red": Kind(stage="recyclable", bin="packaging"),
    "green": Kind(stage="organic", bin="compost"),
    "blue": Kind(stage="landfill", bin="landfill"),
}
EACH = 20


def colours(seed: int) -> Pool:
    """Return crops of three colours, RGB, a little uneven."""
    labels = np.repeat(np.arange(3), EACH)
    noise = np.random.default_rng(seed).integers(0, 40, (len(labels), 16, 16, 3))
    pixels = noise + 180 * np.eye(3, dtype=np.int64)[labels][:, None, None]
    return Pool(pixels.astype(np.uint8), labels)


class FloatNetwork:
    """Stands for the network in training: says the true label, but for `wrong` pictures."""

    def __init__(self, wrong: int) -> None:
        self._wrong = wrong

    def answers(self, pixels: npt.NDArray[np.uint8], *, title: str) -> dict[str, Any]:
        """Return sure numbers for both heads."""
        assert len(pixels) == 3 * EACH, title
        said = np.repeat(np.arange(3), EACH)
        said[: self._wrong] = 1
        # Places of red, green and blue in the order of stage one: recyclable, organic, landfill.
        two = 8.0 * np.eye(3, dtype=np.float32)[said]
        return {"stage_two": two, "stage_one": two[:, [1, 0, 2]]}


def finished(folder: Path, wrong: int, *, gated: bool) -> Finished:
    """Finish a bundle round the tiny model, beside a float network that differs in places."""
    folder.mkdir()
    shutil.copy(TINY / "model.tflite", folder)
    pool = colours(1)
    pixels = np.ascontiguousarray(pool.pixels[:, :, :, ::-1])
    shown = [
        Photograph(str(place), list(KINDS)[label], held_out=False, pixels=picture)
        for place, (picture, label) in enumerate(zip(pixels, pool.labels, strict=True))
    ]
    return finish(
        folder,
        load(TINY).manifest,
        cast("Network", FloatNetwork(wrong)),
        kinds=KINDS,
        pools={VALIDATION: pool, ON_BELTS: colours(2)},
        photographs=shown,
        rehearsed=colours(3),
        costs=Costs(),
        story=Story("A tiny network", "made", "measured", ["colours"]),
        gated=gated,
    )


def test_a_finished_bundle_opens_and_tells_its_figures(tmp_path: Path) -> None:
    """It should be a bundle as a station opens it, with its rehearsal and its figures."""
    done = finished(tmp_path / "bundle", 0, gated=True)

    read = load(tmp_path / "bundle")
    assert read.manifest.rehearsal == "rehearsal.npz"
    assert [one.right_frac for one in read.manifest.accuracy] == [1.0, 1.0]
    assert done.evaluations[VALIDATION].parity is not None
    assert "agree on 100.0%" in (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")


def test_int8_that_is_too_far_from_float_is_not_written(tmp_path: Path) -> None:
    """It should stop at the parity gate, in one line, before there is a manifest."""
    with pytest.raises(WorkshopFault, match=r"int8 is too far from float: they agree on 95\.0%"):
        finished(tmp_path / "bundle", 3, gated=True)

    assert not (tmp_path / "bundle" / "README.md").exists()
    assert not (tmp_path / "bundle" / "manifest.toml").exists()


def test_without_the_gate_the_card_tells_of_it(tmp_path: Path) -> None:
    """It should write the bundle, and how far int8 is from float."""
    finished(tmp_path / "bundle", 3, gated=False)

    card = (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")
    assert "int8 and float agree on 95.0%" in card
