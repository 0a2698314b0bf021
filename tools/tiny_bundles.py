#!/usr/bin/env python3
"""Make the tiny bundles of tests/classifiers/tiny: 16x16 pixels, told apart by their mean colour.

    python tools/tiny_bundles.py

One each for int8, uint8 and float32 with one head, and `heads` with both heads and the embedding
(float32), all with weights set by hand, so that a test knows what they must answer. Needs the
extra `train`; run again only when the manifest's form changes.
"""

import shutil
import sys
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import (
    STAGES,
    Bundle,
    GoldenAnswer,
    Manifest,
    Preprocessing,
    Source,
    Stage,
    Temperatures,
    Thresholds,
    load,
)
from sorterd.classifiers.tflite import open_part
from sorterd.clock import RealClock
from tools.workshop.bundling import seal
from tools.workshop.signatures import outputs_of

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "classifiers" / "tiny"
LABELS = ("red", "green", "blue")
KINDS: dict[str, Stage] = {"red": "recyclable", "green": "organic", "blue": "landfill"}
SIZE_PX = 16
# How sure it is of a pure colour: logits of 6, -2, -2.
STEEPNESS = 4.0


def main() -> None:
    """Write all three."""
    tf, keras = import_module("tensorflow"), import_module("keras")
    picture = keras.Input((SIZE_PX, SIZE_PX, 3))
    last = keras.layers.Dense(len(LABELS))
    mean = keras.layers.GlobalAveragePooling2D()(picture)
    first = keras.layers.Dense(len(STAGES))
    one, two = first(mean), last(mean)
    last.set_weights([STEEPNESS * np.eye(3), np.full(3, 2.0)])
    # red is recyclable, green organic, blue landfill: the answers of stage one in another order.
    order = [LABELS.index(label) for stage in STAGES for label in LABELS if KINDS[label] == stage]
    first.set_weights([STEEPNESS * np.eye(3)[:, order], np.full(3, 2.0)])
    rng = np.random.default_rng(1)
    samples = rng.integers(0, 2, (64, 1, 1, 3)) * np.ones((1, SIZE_PX, SIZE_PX, 1)) * 2 - 1
    for name in ("int8", "uint8", "float32", "heads"):
        dtype = "float32" if name == "heads" else name
        given = {"stage_two": two}
        if name == "heads":
            given |= {"stage_one": one, "embedding": mean}
        network = keras.Model(picture, given)
        folder = FOLDER / name
        (folder / "golden").mkdir(parents=True, exist_ok=True)
        export = folder.with_name("export")
        network.export(export, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(export))
        if dtype != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: (
                [s[None].astype("float32")] for s in samples
            )
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.as_dtype(dtype)
            converter.inference_output_type = tf.as_dtype(dtype)
        (folder / "model.tflite").write_bytes(converter.convert())
        _write_manifest(folder, name)
    shutil.rmtree(FOLDER / "export")


def _write_manifest(folder: Path, name: str) -> None:
    draft = _manifest(name, ())
    one = open_part(
        Bundle(folder, draft, ()), runtime="auto", threads=1, batch_sizes=(1,), clock=RealClock()
    )
    answers = []
    for place, label in enumerate(LABELS):
        crop = np.full((SIZE_PX, SIZE_PX, 3), 40, np.uint8)
        crop[:, :, place] = 230
        numbers = crop / 127.5 - 1
        if one.spec.dtype != "float32":
            numbers = np.round(numbers / one.spec.scale) + one.spec.zero_point
        one.slots(1)[0] = numbers
        scores = one.scores(1, 1)[0]
        _, packed = cv2.imencode(".png", crop[:, :, ::-1])
        (folder / "golden" / f"{label}.png").write_bytes(packed.tobytes())
        answers.append(
            GoldenAnswer(
                file=f"golden/{label}.png", scores=tuple(round(float(s), 4) for s in scores)
            )
        )
    one.close()
    seal(folder, _manifest(name, tuple(answers)))
    load(folder)


def _manifest(name: str, answers: tuple[GoldenAnswer, ...]) -> Manifest:
    return Manifest(
        name=f"tiny {name}",
        version="1",
        model="model.tflite",
        labels=LABELS,
        outputs=outputs_of(FOLDER / name / "model.tflite"),
        temperatures=Temperatures(stage_two=1.0),
        stages=KINDS,
        bins={"red": "packaging", "green": "compost", "blue": "landfill"},
        end_bin="landfill",
        golden_tolerance=0.05,
        preprocessing=Preprocessing(
            width_px=SIZE_PX,
            height_px=SIZE_PX,
            gain=1 / 127.5,
            offset=-1.0,
            margin_frac=0.1,
            padding=128,
        ),
        thresholds=Thresholds(stage_one_frac=0.6, stage_two_frac=0.6),
        accuracy=(),
        golden=answers or (GoldenAnswer(file="model.tflite", scores=(0.0, 0.0, 0.0)),),
        provenance=(
            Source(what="weights set by hand", where="tools/tiny_bundles.py", licence="MIT"),
        ),
        sha256={file.file: "0" * 64 for file in answers} | {"model.tflite": "0" * 64},
    )


if __name__ == "__main__":
    main()
