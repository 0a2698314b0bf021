"""The last layers of a model: read as float, and replaced by others in the model's own numbers.

Each head is one dense layer over the embedding, `numbers = weights @ embedding + bias`. In an int8
model the weights have one scale a row, the bias counts in `input scale * weight scale` (TensorFlow
Lite's 8-bit quantisation specification), and the output's own scale is chosen anew from the numbers
that the new layer gives.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tools.workshop.export.flat_model import FlatModel
from tools.workshop.faults import WorkshopFault

Numbers = npt.NDArray[np.float32]

# Of the range of the numbers, added at both ends: other crops give other numbers. A level of a
# head whose numbers go from -12 to 12 is then 0.11, below what a temperature of 1 shows.
HEAD_ROOM_FRAC: Final = 0.1
# XNNPACK takes no factor below 2^-32 between a layer's sums and its output.
_LEAST_SCALE: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A dense layer.

    Attributes:
        weights: float32[outputs, inputs].
        bias: float32[outputs].
    """

    weights: Numbers
    bias: Numbers

    def __call__(self, embeddings: Numbers) -> Numbers:
        """What it gives for some embeddings, float32[n, outputs]."""
        return np.asarray(embeddings @ self.weights.T + self.bias, np.float32)


def read_dense(model: FlatModel, output: int) -> Dense:
    """The dense layer that makes an output.

    Args:
        model: Taken apart.
        output: The output's place among the model's outputs.

    Raises:
        WorkshopFault: No plain dense layer makes it.
    """
    layer = _layer(model, output)
    embedding, kernel = int(layer.inputs[0]), int(layer.inputs[1])
    weights = model.constant(kernel)
    if weights is None or weights.ndim != 2:
        raise _odd(model, output)
    numbers = weights.astype(np.float32)
    scales = np.ones(1, np.float32)
    if weights.dtype != np.float32:
        scales, _ = model.scale_of(kernel)
        numbers *= scales[:, None]
    bias = np.zeros(len(weights), np.float32)
    if _bias_of(layer) >= 0:
        levels = model.constant(_bias_of(layer))
        if levels is None:
            raise _odd(model, output)
        bias = levels.astype(np.float32)
        if levels.dtype == np.int32:
            bias *= scales * model.scale_of(embedding)[0]
    return Dense(numbers, bias)


def embedding_of(model: FlatModel, output: int) -> int:
    """The tensor that a head reads."""
    return int(_layer(model, output).inputs[0])


def put_dense(model: FlatModel, output: int, dense: Dense, numbers: Numbers) -> None:
    """Replace the dense layer that makes an output.

    Args:
        model: Changed.
        output: The output's place among the model's outputs.
        dense: The new layer, of the old one's shape.
        numbers: float32[n, outputs], what the new layer gives for typical crops; an int8 output's
            scale is chosen from their range. Those outside it are clipped.

    Raises:
        WorkshopFault: No plain dense layer makes it.
        ValueError: The new layer has another shape.
    """
    layer = _layer(model, output)
    if dense.weights.shape != read_dense(model, output).weights.shape:
        raise ValueError(f"a layer of {dense.weights.shape} does not fit output {output}")
    embedding, given = int(layer.inputs[0]), int(layer.outputs[0])
    # The constants are added, not written over: another layer may read the same ones.
    old = [int(tensor) for tensor in layer.inputs[1:]]
    if model.dtype(given) == np.float32:
        kernel = model.add_constant(f"taught_weights_{output}", dense.weights.astype(np.float32))
        bias = model.add_constant(f"taught_bias_{output}", dense.bias.astype(np.float32))
    else:
        steps = model.scale_of(embedding)[0]
        peaks = np.abs(dense.weights).max(axis=1) / 127
        # A bias of 32 bits must hold what the row's scale makes of it.
        room = np.abs(dense.bias) / (steps * 2.0**30)
        scales = np.maximum(np.maximum(peaks, room), _LEAST_SCALE).astype(np.float32)
        kernel = model.add_constant(
            f"taught_weights_{output}",
            np.round(dense.weights / scales[:, None]).astype(np.int8),
            model.quantisation(scales),
        )
        bias = model.add_constant(
            f"taught_bias_{output}",
            np.round(dense.bias / (scales * steps)).astype(np.int32),
            model.quantisation(scales * steps),
        )
        _set_range(model, output, numbers)
    layer.inputs = np.array([embedding, kernel, bias], np.int32)
    _forget(model, old)


def _layer(model: FlatModel, output: int) -> Any:  # noqa: ANN401  # the schema has no types
    """The dense operator behind an output; a change of numbers may lie between."""
    kinds = model.schema.BuiltinOperator
    tensor = int(model.graph.outputs[output])
    while makers := model.makers(tensor):
        if model.kind(makers[0]) != kinds.QUANTIZE:
            break
        tensor = int(makers[0].inputs[0])
    if not makers or model.kind(makers[0]) != kinds.FULLY_CONNECTED:
        raise _odd(model, output)
    options = makers[0].builtinOptions
    if options is not None and options.fusedActivationFunction:
        raise _odd(model, output)
    if model.dtype(int(makers[0].inputs[0])) != model.dtype(int(makers[0].outputs[0])):
        raise _odd(model, output)
    return makers[0]


def _bias_of(layer: Any) -> int:  # noqa: ANN401  # the schema's classes have no types
    return int(layer.inputs[2]) if len(layer.inputs) > 2 else -1


def _odd(model: FlatModel, output: int) -> WorkshopFault:
    return WorkshopFault(
        f"{model.where}: output {output} is not made by a plain dense layer, "
        "so it cannot be taught: train the bundle with tools/train.py"
    )


def _set_range(model: FlatModel, output: int, numbers: Numbers) -> None:
    """Give the layer's output, and what only changes its numbers, a scale for these numbers."""
    low, high = min(0.0, float(numbers.min())), max(0.0, float(numbers.max()))
    spare = HEAD_ROOM_FRAC * max(high - low, 1e-3)
    low, high = low - spare, high + spare
    scale = (high - low) / 255
    tensor = int(model.graph.outputs[output])
    while True:
        limits = np.iinfo(model.dtype(tensor).name)
        model.graph.tensors[tensor].quantization = model.quantisation(
            scale, round(limits.min - low / scale)
        )
        maker = model.makers(tensor)[0]
        if model.kind(maker) == model.schema.BuiltinOperator.FULLY_CONNECTED:
            return
        tensor = int(maker.inputs[0])


def _forget(model: FlatModel, tensors: list[int]) -> None:
    """Empty the buffers of constants that no operator reads any more."""
    for tensor in tensors:
        if tensor < 0 or model.users(tensor):
            continue
        buffer = model.graph.tensors[tensor].buffer
        others = [
            place
            for place, one in enumerate(model.graph.tensors)
            if one.buffer == buffer and place != tensor and model.users(place)
        ]
        if not others:
            model.model.buffers[buffer].data = None
