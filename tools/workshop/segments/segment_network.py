"""The network that says of each place whether a piece covers it: MobileNetV2, read at four depths.

After Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation" (2015):
features of several depths are each projected by a 1x1 convolution, brought to one size and summed.
What is deep knows what lies there, what is shallow knows where it ends. The sum becomes one number
a place, above 0 where a piece is; a place is two pixels of the input wide, or pieces that touch
would grow together.

TensorFlow is imported when the network is made, not with this file.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.workshop.faults import WorkshopFault

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float32]
Untyped = Any
"""Of TensorFlow and Keras, which ship no types."""

GAIN, OFFSET = 1 / 127.5, -1.0
"""A pixel value x enters the network as `x * GAIN + OFFSET`, as MobileNetV2 was taught."""
STRIDE = 2
"""Pixels of the input for one place of the output."""
# Layer of MobileNetV2 and its stride; the blocks below the last of them are not used at all.
_SHALLOW = "expanded_conv_project_BN"
_DEPTHS = (("block_3_expand_relu", 4), ("block_6_expand_relu", 8), ("block_13_expand_relu", 16))
# Blocks below keep what ImageNet taught them: edges and colours, the dearest to train.
_FIRST_TAUGHT_BLOCK = 3
# Channels of the sum, and of the finest map.
_WIDTH, _FINE_WIDTH = 48, 16
# The share of places that hold a piece, from which the last layer starts.
_USUAL_COVER_FRAC = 0.15


class SegmentNetwork:
    """A segmentation network in training.

    Args:
        width_px: Columns of the input, a multiple of 32.
        height_px: Rows of the input, a multiple of 16.
        weights: An .h5 file for MobileNetV2 without its top, "imagenet", or "none".
        alpha: Width of MobileNetV2; 1.0 fits the weights.
        seed: For everything random in here.

    Attributes:
        model: Takes float32[n, height_px, width_px, 3], gives float32[n, rows, columns, 1].

    Raises:
        WorkshopFault: TensorFlow is not installed, the weights do not load, or the size does not
            fit the strides.
    """

    def __init__(
        self, *, width_px: int, height_px: int, weights: str, alpha: float, seed: int
    ) -> None:
        try:
            keras, tf = import_module("keras"), import_module("tensorflow")
        except ImportError as fault:
            raise WorkshopFault(
                "TensorFlow is not installed: python -m pip install 'sorterd[train]'"
            ) from fault
        if width_px % 16 or height_px % 16:
            raise WorkshopFault(
                f"an input of {width_px} by {height_px} pixels: give multiples of 16, "
                "the stride of the deepest features"
            )
        self._keras: Any = keras
        self._tf: Any = tf
        self.size_px = width_px, height_px
        keras.utils.set_random_seed(seed)
        body = _body(keras, (height_px, width_px, 3), weights, alpha)
        taught = False
        for layer in body.layers:
            taught = taught or layer.name.startswith(f"block_{_FIRST_TAUGHT_BLOCK}_")
            layer.trainable = taught and not isinstance(layer, keras.layers.BatchNormalization)
        self.model: Any = keras.Model(body.input, _head(keras, body))
        # Traced once, for batches of any size.
        self._asked: Any = tf.function(
            lambda numbers: self.model(numbers, training=False),
            input_signature=[tf.TensorSpec((None, height_px, width_px, 3))],
            autograph=False,
        )

    def begin(self, *, rate: float, steps: int) -> None:
        """Make ready for `steps` steps of training, at a rate that falls to nothing."""
        keras = self._keras
        falling = keras.optimizers.schedules.CosineDecay(
            rate / 10,
            max(1, steps - steps // 20),
            alpha=0.01,
            warmup_target=rate,
            warmup_steps=max(1, steps // 20),
        )
        # The rate is set anew for each step: as a schedule it would be worked out for every weight.
        optimizer = keras.optimizers.AdamW(weight_decay=1e-4)
        tf, variables = self._tf, self.model.trainable_variables
        # Made now: weights that appear in the first step let it be traced twice.
        optimizer.build(variables)

        def step(numbers: Untyped, targets: Untyped, counts: Untyped) -> Untyped:
            with tf.GradientTape() as tape:
                loss = _loss(tf, self.model(numbers, training=False), targets, counts)
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        def loss(numbers: Untyped, targets: Untyped, counts: Untyped) -> Untyped:
            return _loss(tf, self.model(numbers, training=False), targets, counts)

        width_px, height_px = self.size_px
        places = (None, height_px // STRIDE, width_px // STRIDE)
        shown = [tf.TensorSpec(shape) for shape in ((None, height_px, width_px, 3), places, places)]
        learn = tf.function(step, input_signature=shown, autograph=False)

        def next_step(numbers: Numbers, targets: Numbers, counts: Numbers) -> float:
            optimizer.learning_rate = falling(optimizer.iterations)
            return float(learn(numbers, targets, counts))

        self._step: Callable[[Numbers, Numbers, Numbers], float] = next_step
        self._loss: Any = tf.function(loss, input_signature=shown, autograph=False)

    def learn(self, pixels: Pixels, targets: Numbers, counts: Numbers) -> float:
        """One step.

        Args:
            pixels: uint8[n, height_px, width_px, 3], RGB.
            targets: float32[n, rows, columns]: how much of each place a piece covers, 0 to 1.
            counts: float32[n, rows, columns]: how much each place counts, about 1.

        Returns:
            The loss before the step.
        """
        return self._step(as_numbers(pixels), targets, counts)

    def loss(self, pixels: Pixels, targets: Numbers, counts: Numbers) -> float:
        """The loss of pictures that are not learned from; arguments as of `learn`."""
        return float(self._loss(as_numbers(pixels), targets, counts))

    def numbers(self, pixels: Pixels) -> Numbers:
        """The float network's answers to uint8[n, H, W, 3] RGB: float32[n, rows, columns]."""
        given = [
            self._asked(as_numbers(pixels[start : start + 16]))
            for start in range(0, len(pixels), 16)
        ]
        return np.asarray(np.concatenate(given)[..., 0], np.float32)

    def to_int8(self, samples: Iterable[Pixels]) -> bytes:
        """Export as a full int8 .tflite for one picture at a time.

        Args:
            samples: Training pictures, uint8[H, W, 3] RGB each: they set the ranges.
        """
        tf, (width_px, height_px) = self._tf, self.size_px
        one = tf.function(
            lambda numbers: {"segments": self.model(numbers, training=False)},
            input_signature=[tf.TensorSpec((1, height_px, width_px, 3), name="keras_tensor")],
            autograph=False,
        )
        # Of the network only its numbers: all that hangs on a Keras model takes twice as long.
        told = tf.Module()
        told.numbers = [part.value for part in self.model.variables]
        shown = [as_numbers(sample[None]) for sample in samples]
        with TemporaryDirectory() as folder:
            tf.saved_model.save(told, folder, one.get_concrete_function())
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([sample] for sample in shown)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            return bytes(converter.convert())

    def keep(self, path: Path) -> None:
        """Write the weights down, to come back to them; the name ends in `.weights.h5`."""
        self.model.save_weights(path)

    def recall(self, path: Path) -> None:
        """Take weights that `keep` wrote.

        Raises:
            WorkshopFault: They are not there, or are those of another network.
        """
        try:
            self.model.load_weights(path)
        except (OSError, ValueError) as fault:
            line = str(fault).splitlines()[0]
            raise WorkshopFault(f"the weights {path} do not load: {line}") from fault


def as_numbers(pixels: Pixels) -> Numbers:
    """Pixel values as the network wants them, -1 to 1."""
    return np.asarray(pixels.astype(np.float32) * GAIN + OFFSET, np.float32)


def _body(keras: Untyped, shape: tuple[int, int, int], weights: str, alpha: float) -> Untyped:
    """MobileNetV2 up to the deepest features that are used."""
    try:
        whole = keras.applications.MobileNetV2(
            alpha=alpha,
            include_top=False,
            input_shape=shape,
            weights="imagenet" if weights == "imagenet" else None,
        )
        if weights not in {"imagenet", "none"}:
            whole.load_weights(weights)
    except (OSError, ValueError) as fault:
        line = str(fault).splitlines()[0]
        raise WorkshopFault(f"the weights {weights} do not load: {line}") from fault
    return keras.Model(whole.input, whole.get_layer(_DEPTHS[-1][0]).output)


def _head(keras: Untyped, body: Untyped) -> Untyped:
    """Each depth projected, brought to stride 4 and summed; then the finest map with its own."""
    layers = keras.layers
    parts = []
    for name, stride in _DEPTHS:
        part = layers.Conv2D(_WIDTH, 1, name=f"from_stride_{stride}")(body.get_layer(name).output)
        if stride > _DEPTHS[0][1]:
            larger = stride // _DEPTHS[0][1]
            part = layers.UpSampling2D(larger, interpolation="bilinear")(part)
        parts.append(part)
    summed = layers.ReLU(6.0)(layers.Add()(parts))
    for place in range(2):
        # A look at the neighbours: what ends here, what begins there.
        seen = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(summed)
        seen = layers.Conv2D(_WIDTH, 1, name=f"neighbours_{place + 1}")(seen)
        summed = layers.ReLU(6.0)(layers.Add()([summed, seen]))
    coarse = layers.Conv2D(_FINE_WIDTH, 1, name="to_fine")(summed)
    coarse = layers.UpSampling2D(2, interpolation="bilinear")(coarse)
    own = layers.Conv2D(_FINE_WIDTH, 1, name="from_stride_2")(body.get_layer(_SHALLOW).output)
    fine = layers.ReLU(6.0)(layers.Add()([coarse, own]))
    fine = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(fine)
    fine = layers.ReLU(6.0)(layers.Conv2D(_FINE_WIDTH, 1, name="edges")(fine))
    odds = np.log(_USUAL_COVER_FRAC / (1 - _USUAL_COVER_FRAC))
    start = keras.initializers.Constant(float(odds))
    return layers.Conv2D(1, 1, bias_initializer=start, name="segments")(fine)


def _loss(tf: Untyped, logits: Untyped, targets: Untyped, counts: Untyped) -> Untyped:
    """Weighted cross-entropy, and one minus Dice: small pieces count as much as large ones."""
    given = logits[..., 0]
    crossed = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=given)
    entropy = tf.reduce_sum(crossed * counts) / tf.reduce_sum(counts)
    belief = tf.sigmoid(given) * counts
    both = tf.reduce_sum(belief * targets, axis=(1, 2))
    either = tf.reduce_sum(belief, axis=(1, 2)) + tf.reduce_sum(targets * counts, axis=(1, 2))
    # A picture with no piece at all has a Dice of 1 if nothing is believed.
    places = tf.cast(tf.size(targets[0]), tf.float32)
    least = 0.002 * places
    return entropy + 1.0 - tf.reduce_mean((2 * both + least) / (either + least))
