"""The network: MobileNetV2, a fitted last layer, a careful fine-tuning, a full int8 export.

The order matters (measured, see models/waste/README.md): a last layer fitted by logistic
regression first, then the upper blocks at a small falling rate with batch norm frozen. The whole
network at once from a random last layer was 13 points worse.

TensorFlow and scikit-learn are imported when the network is made, not with this file.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tools.workshop.faults import WorkshopFault
from tools.workshop.lessons import Lessons
from tools.workshop.pictures import Pool

Pixels = npt.NDArray[np.uint8]
GAIN, OFFSET = 1 / 127.5, -1.0
# Blocks below keep what ImageNet taught them: edges and colours, half of the arithmetic.
FIRST_TAUGHT_BLOCK = 5
# Regularisation of the last layer; 0.003 to 0.3 differ by less than a point on the validation rows.
LAST_LAYER_C = 0.02
SMOOTHING = 0.05
DROPPED_FRAC = 0.2


class Network:
    """A classifier in training.

    Args:
        labels: How many outputs.
        size_px: Side of the input.
        weights: An .h5 file for the layers below the last, "imagenet", or "none".
        alpha: Width of MobileNetV2; 1.0 fits the weights.
        seed: For everything random in here.

    Raises:
        WorkshopFault: TensorFlow is not installed, or the weights do not load.
    """

    def __init__(self, labels: int, *, size_px: int, weights: str, alpha: float, seed: int) -> None:
        try:
            keras = import_module("keras")
        except ImportError as fault:
            raise WorkshopFault(
                "TensorFlow is not installed: python -m pip install 'sorterd[train]'"
            ) from fault
        self._keras: Any = keras
        keras.utils.set_random_seed(seed)
        shape = (size_px, size_px, 3)
        try:
            self._body: Any = keras.applications.MobileNetV2(
                alpha=alpha,
                include_top=False,
                input_shape=shape,
                weights="imagenet" if weights == "imagenet" else None,
            )
            if weights not in {"imagenet", "none"}:
                self._body.load_weights(weights)
        except (OSError, ValueError) as fault:
            line = str(fault).splitlines()[0]
            raise WorkshopFault(f"the weights {weights} do not load: {line}") from fault
        pooled = keras.layers.GlobalAveragePooling2D()(self._body.output)
        self._features: Any = keras.Model(self._body.input, pooled)
        self._last: Any = keras.layers.Dense(labels, name="logits")
        dropped = keras.layers.Dropout(DROPPED_FRAC)(pooled)
        self.model: Any = keras.Model(self._body.input, self._last(dropped))

    def features(self, pixels: Pixels, *, title: str) -> npt.NDArray[np.float32]:
        """What the layers below the last one make of the crops: float32[N, 1280]."""
        return _in_batches(self._features.predict_on_batch, pixels, title)

    def logits(self, pixels: Pixels, *, title: str) -> npt.NDArray[np.float32]:
        """The float network's answers: float32[N, labels]."""
        return _in_batches(self.model.predict_on_batch, pixels, title)

    def fit_last_layer(self, pools: Sequence[Pool], weights: Sequence[float]) -> None:
        """Fit the last layer alone, by logistic regression on the features.

        Args:
            pools: What to fit on.
            weights: How much one picture of each pool counts.
        """
        features = np.concatenate([self.features(p.pixels, title="features") for p in pools])
        labels = np.concatenate([p.labels for p in pools])
        counts = np.concatenate(
            [np.full(len(p.labels), w) for p, w in zip(pools, weights, strict=True)]
        )
        spread = features.std(axis=0) + 1e-3
        middle = features.mean(axis=0)
        fitted = import_module("sklearn.linear_model").LogisticRegression(
            C=LAST_LAYER_C, max_iter=400
        )
        fitted.fit((features - middle) / spread, labels, sample_weight=counts)
        kernel = (fitted.coef_ / spread).T
        self._last.set_weights([kernel, fitted.intercept_ - middle @ kernel])

    def fine_tune(
        self,
        lessons: Lessons,
        *,
        epochs: int,
        batch: int,
        rate: float,
        seed: int,
        after_epoch: Callable[[int], None],
    ) -> None:
        """Teach the upper blocks at a rate that falls to nothing; batch norm stays as it is."""
        keras = self._keras
        taught = False
        for layer in self._body.layers:
            taught = taught or layer.name.startswith(f"block_{FIRST_TAUGHT_BLOCK}_")
            layer.trainable = taught and not isinstance(layer, keras.layers.BatchNormalization)
        steps = lessons.steps(batch)
        falling = keras.optimizers.schedules.CosineDecay(
            rate / 10,
            epochs * steps - steps // 3,
            alpha=0.01,
            warmup_target=rate,
            warmup_steps=steps // 3,
        )
        self.model.compile(
            keras.optimizers.AdamW(falling, weight_decay=1e-3),
            keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING),
        )
        targets = np.eye(len(lessons.index), dtype=np.float32)
        for epoch in range(epochs):
            bar = tqdm(
                lessons.epoch(batch, (seed, epoch)), total=steps, desc=f"epoch {epoch + 1}/{epochs}"
            )
            losses = []
            for pixels, labels in bar:
                self.model.reset_metrics()
                losses.append(float(self.model.train_on_batch(as_numbers(pixels), targets[labels])))
                bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}")
            after_epoch(epoch)

    def to_int8(self, samples: Pixels) -> bytes:
        """Export as a full int8 .tflite with a free batch size.

        Args:
            samples: uint8[N, size, size, 3], RGB, from the training pictures: they set the ranges.
        """
        tf = import_module("tensorflow")
        # The way over a saved model is the one that Keras 3 and this converter agree on.
        with TemporaryDirectory() as folder:
            self.model.export(folder, verbose=False)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([as_numbers(one[None])] for one in samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            return bytes(converter.convert())


def as_numbers(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Pixel values as MobileNetV2 wants them, -1 to 1."""
    return np.asarray(pixels.astype(np.float32) * GAIN + OFFSET, np.float32)


def _in_batches(
    predict: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
    pixels: Pixels,
    title: str,
) -> npt.NDArray[np.float32]:
    starts = tqdm(range(0, len(pixels), 64), desc=title, leave=False)
    return np.concatenate([predict(as_numbers(pixels[s : s + 64])) for s in starts])
