"""Make the tiny bundles of tests/classifiers/tiny: 16x16 pixels, told apart by their mean colour.

    python tools/tiny_bundles.py

One each for int8, uint8 and float32, with weights set by hand, so that a test knows what they must
answer. Needs the extra `train`; run again only when the manifest's form changes.
"""

import shutil
import sys
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import (
    Bundle,
    GoldenAnswer,
    Manifest,
    Preprocessing,
    Source,
    Thresholds,
    load,
)
from sorterd.classifiers.tflite import open_part
from sorterd.clock import RealClock
from tools.training.bundling import seal

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "classifiers" / "tiny"
LABELS = ("red", "green", "blue")
SIZE_PX = 16
# How sure it is of a pure colour: logits of 6, -2, -2.
STEEPNESS = 4.0


def main() -> None:
    """Write all three."""
    tf, keras = import_module("tensorflow"), import_module("keras")
    picture = keras.Input((SIZE_PX, SIZE_PX, 3))
    last = keras.layers.Dense(len(LABELS))
    mean = keras.layers.GlobalAveragePooling2D()(picture)
    network = keras.Model(picture, last(mean))
    last.set_weights([STEEPNESS * np.eye(3), np.full(3, 2.0)])
    rng = np.random.default_rng(1)
    samples = rng.integers(0, 2, (64, 1, 1, 3)) * np.ones((1, SIZE_PX, SIZE_PX, 1)) * 2 - 1
    for dtype in ("int8", "uint8", "float32"):
        folder = FOLDER / dtype
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
        _write_manifest(folder, dtype)
    shutil.rmtree(FOLDER / "export")


def _write_manifest(folder: Path, dtype: str) -> None:
    draft = _manifest(dtype, ())
    one = open_part(
        Bundle(folder, draft, ()), runtime="auto", threads=1, batch_sizes=(1,), clock=RealClock()
    )
    answers = []
    for place, label in enumerate(LABELS):
        crop = np.full((SIZE_PX, SIZE_PX, 3), 40, np.uint8)
        crop[:, :, place] = 230
        numbers = crop / 127.5 - 1
        if dtype != "float32":
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
    seal(folder, _manifest(dtype, tuple(answers)))
    load(folder)


def _manifest(dtype: str, answers: tuple[GoldenAnswer, ...]) -> Manifest:
    return Manifest(
        name=f"tiny {dtype}",
        version="1",
        model="model.tflite",
        labels=LABELS,
        temperature=1.0,
        stages={"red": "recyclable", "green": "organic", "blue": "landfill"},
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
