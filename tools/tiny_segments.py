#!/usr/bin/env python3
"""Make the tiny segments model of tests/classifiers/tiny_segments: what is not mid grey is a piece.

    python tools/tiny_segments.py

160 by 120 pixels in, 80 by 60 places out, int8, with weights set by hand, so that a test knows
what it must answer: the sum over the channels of how far a place is from level 112, less 60, in
grey levels. Needs the extra `train`; run again only when the manifest's form changes.
"""

import os
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "classifiers" / "tiny_segments"
WIDTH_PX, HEIGHT_PX = 160, 120
GREY, LEAST = 112.0, 60.0
# Of mid grey: a pixel value x enters as x / 127.5 - 1.
LEVELS = 127.5


def main() -> None:
    """Write the model."""
    tf, keras = import_module("tensorflow"), import_module("keras")
    picture = keras.Input((HEIGHT_PX, WIDTH_PX, 3), batch_size=1)
    places = keras.layers.AveragePooling2D(2)(picture)
    apart = keras.layers.Conv2D(6, 1, activation="relu")
    summed = keras.layers.Conv2D(1, 1)
    network = keras.Model(picture, {"segments": summed(apart(places))})
    both_ways = np.concatenate([np.eye(3), -np.eye(3)], axis=1)[None, None]
    grey = GREY / LEVELS - 1
    apart.set_weights([both_ways, np.array([-grey] * 3 + [grey] * 3)])
    summed.set_weights([np.full((1, 1, 6, 1), LEVELS), np.array([-LEAST])])
    rng = np.random.default_rng(1)
    # From mid grey to every colour, or the levels of int8 would not reach what is no piece.
    colours = grey + rng.uniform(-1, 1, (32, 3)) * np.linspace(0, 1, 32)[:, None]
    samples = colours[:, None, None, None] * np.ones((1, 1, HEIGHT_PX, WIDTH_PX, 1))
    with TemporaryDirectory() as export:
        network.export(export, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(export)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([each.astype("float32")] for each in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        model = converter.convert()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "segments.tflite").write_bytes(model)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
