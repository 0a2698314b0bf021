"""Change a bundle's model into the form that phones and other programs expect.

One picture at a time, pixels in, shares out: the embedding is dropped, each head ends in a softmax
at the bundle's own temperature, and int8 stays inside. MediaPipe Tasks (1.2.2) takes uint8 or
float32 pictures and gives uint8 or float32 scores and nothing else, so an int8 model gets its
change of numbers at both ends. Scores are float32: in steps of 1/256 they would not add up to 1.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from sorterd.classifiers.bundle import Manifest, Output
from tools.workshop.export.flat_model import FlatModel
from tools.workshop.faults import WorkshopFault

HEADS: Final[tuple[Output, ...]] = ("stage_one", "stage_two")
INPUT: Final = "image"
SIGNATURE: Final = "serving_default"
# Versions of the operators that know int8 (schema's history in tflite's op_version.cc).
_QUANTIZE_VERSION, _DEQUANTIZE_VERSION, _SOFTMAX_VERSION = 1, 2, 1


def heads_of(manifest: Manifest) -> tuple[Output, ...]:
    """The heads that an exported model has, in the order of its outputs."""
    return tuple(name for name in HEADS if name in manifest.outputs)


def for_phones(model: FlatModel, manifest: Manifest) -> None:
    """Change a model in place.

    Args:
        model: Of a bundle.
        manifest: Of the same bundle.

    Raises:
        WorkshopFault: Its outputs are not those of the manifest.
    """
    if len(model.graph.outputs) != len(manifest.outputs):
        raise WorkshopFault(
            f"{model.where} has {len(model.graph.outputs)} outputs, its manifest names "
            f"{len(manifest.outputs)}: install the bundle anew"
        )
    tensors = dict(zip(manifest.outputs, map(int, model.graph.outputs), strict=True))
    temperatures = manifest.temperatures.model_dump()
    ends = [
        _softened(model, tensors[name], name, temperatures[name]) for name in heads_of(manifest)
    ]
    begin = _from_pixels(model, manifest)
    model.graph.inputs = np.array([begin], np.int32)
    model.graph.outputs = np.array(ends, np.int32)
    _fix_batch(model)
    _sign(model, begin, heads_of(manifest), ends)


def _softened(model: FlatModel, tensor: int, name: str, temperature: float) -> int:
    """Add softmax(numbers / temperature) behind a tensor; returns where it comes out."""
    kinds = model.schema.BuiltinOperator
    shape = [int(edge) for edge in model.graph.tensors[tensor].shape]
    if model.dtype(tensor) != np.float32:
        numbers = model.add_tensor(f"{name}_numbers", shape, np.float32)
        model.graph.operators.append(
            model.add_operator(kinds.DEQUANTIZE, _DEQUANTIZE_VERSION, reads=tensor, gives=numbers)
        )
        tensor = numbers
    shares = model.add_tensor(name, shape, np.float32)
    options = model.schema.SoftmaxOptionsT()
    options.beta = 1.0 / temperature
    model.graph.operators.append(
        model.add_operator(
            kinds.SOFTMAX,
            _SOFTMAX_VERSION,
            reads=tensor,
            gives=shares,
            options=options,
            options_kind=model.schema.BuiltinOptions.SoftmaxOptions,
        )
    )
    return shares


def _from_pixels(model: FlatModel, manifest: Manifest) -> int:
    """Let an int8 model take pixels as they are; returns the input."""
    tensor = int(model.graph.inputs[0])
    if model.dtype(tensor) != np.int8:
        model.graph.tensors[tensor].name = INPUT.encode()
        return tensor
    # What a pixel means as a number is the manifest's; QUANTIZE brings that to the model's levels.
    wanted = manifest.preprocessing
    zero_point = int(np.clip(round(-wanted.offset / wanted.gain), 0, 255))
    pixels = model.add_tensor(
        INPUT,
        [int(edge) for edge in model.graph.tensors[tensor].shape],
        np.uint8,
        model.quantisation(wanted.gain, zero_point),
    )
    model.graph.operators.insert(
        0,
        model.add_operator(
            model.schema.BuiltinOperator.QUANTIZE, _QUANTIZE_VERSION, reads=pixels, gives=tensor
        ),
    )
    return pixels


def _fix_batch(model: FlatModel) -> None:
    """One picture at a time: the shapes hold 1 where the batch was free."""
    for one in model.graph.tensors:
        if one.shapeSignature is not None:
            one.shape = np.where(np.asarray(one.shapeSignature) < 0, 1, one.shape).astype(np.int32)
            one.shapeSignature = None


def _sign(model: FlatModel, begin: int, names: Sequence[str], ends: Sequence[int]) -> None:
    """Name input and outputs for programs that ask by name."""

    def named(name: str, tensor: int) -> object:
        entry = model.schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), tensor
        return entry

    signature = model.schema.SignatureDefT()
    signature.signatureKey = SIGNATURE.encode()
    signature.subgraphIndex = 0
    signature.inputs = [named(INPUT, begin)]
    signature.outputs = [named(name, end) for name, end in zip(names, ends, strict=True)]
    model.model.signatureDefs = [signature]
