"""A .tflite taken apart into tensors, operators and buffers, changed, and put together again.

This is how a bundle's last layers are taught, and how it is exported, without TensorFlow: the file
is one flatbuffer, and the runtime's own wheel carries the classes that read and write it. Nothing
here knows what a layer means; `last_layer.py` and `phone_model.py` do.

A tensor's numbers lie in a buffer. The converter lets equal constants share a tensor, and tensors
share a buffer, so what is written goes into a buffer of its own and never changes another layer.
"""

import struct
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tools.workshop.faults import WorkshopFault

IDENTIFIER: Final = b"TFL3"
_SCHEMA: Final = "ai_edge_litert.schema_py_generated"
# A buffer whose numbers lie behind the flatbuffer says where; 0 and 1 stand for "inside it".
_LEAST_OFFSET: Final = 2


class FlatModel:
    """One model, taken apart. Tensors are told by their place in the file.

    Args:
        path: A .tflite file.

    Attributes:
        schema: The module with the format's classes and names.
        model: `ModelT` of that schema; all of the file.
        graph: Its one `SubGraphT`.
        where: What to call the model in a message.

    Raises:
        WorkshopFault: The file is no model of one graph, or the runtime that knows the format is
            missing.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.schema: Any = import_module(_SCHEMA)
        except ImportError as fault:
            raise WorkshopFault(
                f"{path} cannot be changed here, as ai-edge-litert knows its format and is not "
                "installed: python -m pip install ai-edge-litert"
            ) from fault
        self.where = str(path)
        content = _read(path)
        try:
            self.model: Any = self.schema.ModelT.InitFromObj(self.schema.Model.GetRootAs(content))
        # What the flatbuffers library raises where a file ends too early or points out of itself.
        except (struct.error, ValueError, IndexError, TypeError, AttributeError) as fault:
            raise WorkshopFault(f"{path} is a broken .tflite: install the bundle anew") from fault
        if len(self.model.subgraphs or ()) != 1:
            raise WorkshopFault(f"{path} is no model of one graph: export it anew")
        self.graph: Any = self.model.subgraphs[0]
        for buffer in self.model.buffers:
            if buffer.offset >= _LEAST_OFFSET:
                part = content[buffer.offset : buffer.offset + buffer.size]
                buffer.data = np.frombuffer(part, np.uint8)
                buffer.offset = buffer.size = 0

    def packed(self) -> bytes:
        """The whole model as a file's content."""
        builder = import_module("flatbuffers").Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())

    def constant(self, tensor: int) -> npt.NDArray[np.generic] | None:
        """A tensor's numbers in its own shape, or None where they are computed."""
        one = self.graph.tensors[tensor]
        data = self.model.buffers[one.buffer].data
        if data is None:
            return None
        return np.asarray(data, np.uint8).view(self.dtype(tensor)).reshape(_shape(one))

    def dtype(self, tensor: int) -> np.dtype[np.generic]:
        """What a tensor's numbers are.

        Raises:
            WorkshopFault: A kind that no bundle's last layers have.
        """
        kinds = {
            self.schema.TensorType.FLOAT32: np.float32,
            self.schema.TensorType.INT8: np.int8,
            self.schema.TensorType.UINT8: np.uint8,
            self.schema.TensorType.INT32: np.int32,
        }
        kind = self.graph.tensors[tensor].type
        if kind not in kinds:
            raise WorkshopFault(
                f"{self.where}: tensor {tensor} is of kind {kind}, not float32, int8, uint8 or "
                "int32: export the model as one of those"
            )
        return np.dtype(kinds[kind])

    def makers(self, tensor: int) -> list[Any]:
        """The operators that compute a tensor: none or one."""
        return [one for one in self.graph.operators if tensor in one.outputs]

    def users(self, tensor: int) -> list[Any]:
        """The operators that read a tensor."""
        return [one for one in self.graph.operators if tensor in one.inputs]

    def kind(self, operator: Any) -> int:  # noqa: ANN401  # the schema's classes have no types
        """Which operator it is, as `schema.BuiltinOperator` counts them."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        return int(max(code.builtinCode, code.deprecatedBuiltinCode))

    def add_constant(
        self, name: str, numbers: npt.NDArray[np.generic], quantisation: object = None
    ) -> int:
        """A new constant tensor in a buffer of its own; returns its place."""
        tensor = self.add_tensor(name, numbers.shape, numbers.dtype, quantisation)
        buffer = self.model.buffers[self.graph.tensors[tensor].buffer]
        buffer.data = np.frombuffer(np.ascontiguousarray(numbers).tobytes(), np.uint8)
        return tensor

    def add_tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: npt.DTypeLike,
        quantisation: object = None,
    ) -> int:
        """A new tensor with nothing in it yet; returns its place."""
        kinds = self.schema.TensorType
        one = self.schema.TensorT()
        one.name = name.encode()
        one.shape = np.array(shape, np.int32)
        one.hasRank = True
        one.type = getattr(kinds, np.dtype(dtype).name.upper())
        one.quantization = quantisation
        one.buffer = len(self.model.buffers)
        self.model.buffers.append(self.schema.BufferT())
        self.graph.tensors.append(one)
        return len(self.graph.tensors) - 1

    def add_operator(
        self,
        kind: int,
        version: int,
        *,
        reads: int,
        gives: int,
        options: object = None,
        options_kind: int = 0,
    ) -> Any:  # noqa: ANN401  # the schema's classes have no types
        """A new operator with one input and one output; it is not yet in the graph's order."""
        one = self.schema.OperatorT()
        one.opcodeIndex = self._code(kind, version)
        one.inputs = np.array([reads], np.int32)
        one.outputs = np.array([gives], np.int32)
        one.builtinOptions = options
        one.builtinOptionsType = options_kind
        return one

    def quantisation(self, scales: npt.ArrayLike, zero_point: int = 0) -> Any:  # noqa: ANN401
        """How a tensor's levels are read: one scale, or one for each row."""
        one = self.schema.QuantizationParametersT()
        one.scale = np.atleast_1d(np.asarray(scales, np.float32))
        one.zeroPoint = np.full(len(one.scale), zero_point, np.int64)
        one.quantizedDimension = 0
        return one

    def scale_of(self, tensor: int) -> tuple[npt.NDArray[np.float32], int]:
        """A tensor's scales, float32[1] or one for each row, and its zero point.

        Raises:
            WorkshopFault: It has none.
        """
        found = self.graph.tensors[tensor].quantization
        if found is None or found.scale is None or not len(found.scale):
            raise WorkshopFault(
                f"{self.where}: tensor {tensor} has levels and no scale: export the model anew"
            )
        return np.asarray(found.scale, np.float32), int(found.zeroPoint[0])

    def _code(self, kind: int, version: int) -> int:
        for place, code in enumerate(self.model.operatorCodes):
            if code.builtinCode == kind and code.version >= version:
                return place
        code = self.schema.OperatorCodeT()
        code.builtinCode = kind
        # Readers older than the wide field look at this one; 127 stands for "see the wide one".
        code.deprecatedBuiltinCode = min(kind, 127)
        code.version = version
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise WorkshopFault(
            f"{path} cannot be read ({fault.strerror}): give a bundle that is there"
        ) from fault
    if content[4:8] != IDENTIFIER:
        raise WorkshopFault(f"{path} is no .tflite: give a bundle with a model in it")
    return content


def _shape(tensor: Any) -> tuple[int, ...]:  # noqa: ANN401  # the schema's classes have no types
    return tuple(int(edge) for edge in tensor.shape) if tensor.shape is not None else ()
