"""The network: a backbone, two fitted heads, a careful fine-tuning, a full int8 export.

One network answers both stages in one call: head `stage_one` (organic, recyclable, landfill), head
`stage_two` (the labels), and the embedding that both see. The order of the training matters
(measured, see models/waste/README.md): heads fitted by logistic regression first, then the upper
blocks at a falling rate with batch norm frozen. The whole network at once from random heads was 13
points worse.

TensorFlow and scikit-learn are imported when the network is made, not with this file.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.classifiers.bundle import STAGES
from tools.workshop.faults import WorkshopFault
from tools.workshop.train.backbones import Backbone
from tools.workshop.train.lessons import Lessons
from tools.workshop.train.pictures import Pool

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float32]
Untyped = Any
"""Of TensorFlow and Keras, which ship no types."""
# Regularisation of the fitted heads; 0.003 to 0.3 differ by less than a point on validation.
HEAD_C = 0.02
SMOOTHING = 0.05
DROPPED_FRAC = 0.2
# Stage two is the harder question; stage one mostly follows from it.
STAGE_ONE_WEIGHT = 0.5


class Network:
    """A classifier in training.

    Args:
        backbone: The layers below the heads.
        stage_of: For each label, the place of its stage in `STAGES`.
        size_px: Side of the input.
        width: Of the backbone; 1.0 fits the published weights.
        weights: For the backbone: a file, "imagenet", or "none".
        seed: For everything random in here.

    Raises:
        WorkshopFault: TensorFlow is not installed, or the weights do not load.
    """

    def __init__(
        self,
        backbone: Backbone,
        stage_of: Sequence[int],
        *,
        size_px: int,
        width: float,
        weights: str,
        seed: int,
    ) -> None:
        try:
            keras, tf = import_module("keras"), import_module("tensorflow")
        except ImportError as fault:
            raise WorkshopFault(
                "TensorFlow is not installed: python -m pip install 'sorterd[train]'"
            ) from fault
        self._keras: Untyped = keras
        self._tf: Untyped = tf
        self._backbone = backbone
        self._stage_of = np.array(stage_of)
        keras.utils.set_random_seed(seed)
        self._body: Untyped = backbone.build(size_px, width, weights)
        pooled = keras.layers.GlobalAveragePooling2D()(self._body.output)
        self._one: Untyped = keras.layers.Dense(len(STAGES), name="stage_one")
        self._two: Untyped = keras.layers.Dense(len(stage_of), name="stage_two")
        dropped = keras.layers.Dropout(DROPPED_FRAC)(pooled)
        heads = [self._one(dropped), self._two(dropped)]
        self._taught: Untyped = keras.Model(self._body.input, heads)
        given = {"stage_one": self._one(pooled), "stage_two": self._two(pooled)}
        self._whole: Untyped = keras.Model(self._body.input, {**given, "embedding": pooled})
        # Traced once, for batches of any size, and exported as it is asked.
        self._asked: Untyped = tf.function(
            lambda numbers: self._whole(numbers, training=False),
            input_signature=[
                tf.TensorSpec((None, size_px, size_px, 3), name=self._body.input.name)
            ],
            autograph=False,
        )

    def answers(self, pixels: Pixels, *, title: str) -> dict[str, Numbers]:
        """What the float network gives: its outputs by name, float32[N, width] each.

        Args:
            pixels: uint8[N, size, size, 3], RGB.
            title: For the progress bar.
        """
        starts = tqdm(range(0, len(pixels), 64), desc=title, leave=False)
        parts = [self._asked(self._as_numbers(pixels[s : s + 64])) for s in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def fit_heads(self, pools: Sequence[Pool], weights: Sequence[float]) -> None:
        """Fit both heads alone, by logistic regression on the embeddings.

        Args:
            pools: What to fit on.
            weights: How much one picture of each pool counts.
        """
        seen = [self.answers(pool.pixels, title="embeddings")["embedding"] for pool in pools]
        embeddings = np.concatenate(seen)
        labels = np.concatenate([pool.labels for pool in pools])
        counts = np.concatenate(
            [np.full(len(p.labels), w) for p, w in zip(pools, weights, strict=True)]
        )
        spread, middle = embeddings.std(axis=0) + 1e-3, embeddings.mean(axis=0)
        regression = import_module("sklearn.linear_model").LogisticRegression
        for head, truth in ((self._one, self._stage_of[labels]), (self._two, labels)):
            fitted = regression(C=HEAD_C, max_iter=400)
            fitted.fit((embeddings - middle) / spread, truth, sample_weight=counts)
            kernel, bias = head.get_weights()
            # Two classes come as one row; a class that is nowhere keeps the weights it has.
            rows, starts = fitted.coef_, fitted.intercept_
            if len(fitted.classes_) == 2:
                rows, starts = np.vstack([-rows, rows]) / 2, np.concatenate([-starts, starts]) / 2
            kernel[:, fitted.classes_] = (rows / spread).T
            bias[fitted.classes_] = starts - middle @ kernel[:, fitted.classes_]
            head.set_weights([kernel, bias])

    def fine_tune(
        self,
        lessons: Lessons,
        *,
        first_block: int,
        epochs: int,
        batch: int,
        rate: float,
        seed: int,
        after_epoch: Callable[[int, float], bool],
    ) -> None:
        """Teach the upper blocks at a rate that falls to nothing; batch norm stays as it is.

        Args:
            lessons: What is shown.
            first_block: Blocks below keep what ImageNet taught them.
            epochs: Passes over the lessons.
            batch: Pictures in a step.
            rate: The highest learning rate, after a third of the first epoch.
            seed: Of the order of the lessons.
            after_epoch: Told the epoch's number and mean loss; ends the teaching by True.
        """
        keras = self._keras
        taught = False
        for layer in self._body.layers:
            taught = taught or layer.name.startswith(self._backbone.block.format(first_block))
            layer.trainable = taught and not isinstance(layer, keras.layers.BatchNormalization)
        steps = lessons.steps(batch)
        falling = keras.optimizers.schedules.CosineDecay(
            rate / 10,
            epochs * steps - steps // 3,
            alpha=0.01,
            warmup_target=rate,
            warmup_steps=steps // 3,
        )
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
        # The rate is set anew for each step: as a schedule it would be worked out for every weight.
        optimizer = keras.optimizers.AdamW(weight_decay=1e-3)
        tf, variables = self._tf, self._taught.trainable_variables
        # Made now: weights that appear in the first step let it be traced twice.
        optimizer.build(variables)

        def step(numbers: Untyped, stages: Untyped, labels: Untyped) -> Untyped:
            with tf.GradientTape() as tape:
                one, two = self._taught(numbers, training=True)
                missed = STAGE_ONE_WEIGHT * loss(stages, one) + loss(labels, two)
            optimizer.apply(tape.gradient(missed, variables), variables)
            return missed

        # Not by compile() of Keras: it traces a step twice, and hands these convolutions to XLA,
        # which took ten times as long for them on a processor with no more than AVX2.
        learn = tf.function(step, autograph=False, reduce_retracing=True)
        to_stages = np.eye(len(STAGES), dtype=np.float32)[self._stage_of]
        for epoch in range(epochs):
            bar = tqdm(
                lessons.epoch(batch, (seed, epoch)), total=steps, desc=f"epoch {epoch + 1}/{epochs}"
            )
            losses = []
            for pixels, targets in bar:
                optimizer.learning_rate = falling(optimizer.iterations)
                missed = learn(self._as_numbers(pixels), targets @ to_stages, targets)
                losses.append(float(missed))
                bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}")
            if after_epoch(epoch, float(np.mean(losses))):
                break

    def weights(self) -> list[npt.NDArray[np.generic]]:
        """A copy of everything that was learned."""
        return [np.array(part) for part in self._taught.get_weights()]

    def set_weights(self, weights: Sequence[npt.NDArray[np.generic]]) -> None:
        """Go back to what `weights` gave."""
        self._taught.set_weights(list(weights))

    def to_tflite(self, samples: Pixels) -> tuple[bytes, bytes]:
        """Export with a free batch size and named outputs.

        Args:
            samples: uint8[N, size, size, 3], RGB, from the training pictures: they set the ranges.

        Returns:
            The full int8 model, and the float model that it is held against.
        """
        tf, asked = self._tf, self._asked.get_concrete_function()
        # Of the network only its numbers: all that hangs on a Keras model takes twice as long.
        told = tf.Module()
        told.numbers = [part.value for part in self._whole.variables]
        # The way over a saved model is the one that Keras 3 and this converter agree on.
        with TemporaryDirectory() as folder:
            tf.saved_model.save(told, folder, asked)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            plain = bytes(converter.convert())
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: (
                [self._as_numbers(one[None])] for one in samples
            )
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            return bytes(converter.convert()), plain

    def _as_numbers(self, pixels: npt.NDArray[np.generic]) -> Numbers:
        numbers = pixels.astype(np.float32) * self._backbone.gain + self._backbone.offset
        return np.asarray(numbers, np.float32)
