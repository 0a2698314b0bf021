"""Weights of a PyTorch file are read without PyTorch, and nothing in the file is run."""

import io
import os
import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tools.workshop.faults import WorkshopFault
from tools.workshop.train.torch_weights import read_weights


class _Call:
    """Something whose pickle asks for a call, as a tensor's does."""

    def __init__(self, function: Any, *arguments: object) -> None:  # noqa: ANN401  # a pickle's
        self._call = (function, arguments)

    def __reduce__(self) -> Any:  # noqa: ANN401  # a pickle's
        return self._call


class _Storage:
    def __init__(self, key: str, count: int) -> None:
        self.key, self.count = key, count


class _Pickler(pickle.Pickler):
    def persistent_id(self, thing: object) -> object:
        if isinstance(thing, _Storage):
            return ("storage", sys.modules["torch"].FloatStorage, thing.key, "cpu", thing.count)
        return None


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401  # a stand-in module
    """Return modules with the names that a tensor's pickle has in it."""
    module, inner = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def rebuild(*_: object) -> None:
        """Stand for what makes a tensor."""

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    rebuild.__name__ = "_rebuild_tensor_v2"
    vars(inner)["_rebuild_tensor_v2"] = rebuild
    storage = type("FloatStorage", (), {"__module__": "torch"})
    vars(module)["FloatStorage"] = storage
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", inner)
    return rebuild


def written(state: object, storages: dict[str, npt.NDArray[np.float32]]) -> bytes:
    """Return a file in PyTorch's older form."""
    file = io.BytesIO()
    for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(head, file, protocol=2)
    _Pickler(file, protocol=2).dump(state)
    pickle.dump(list(storages), file, protocol=2)
    for numbers in storages.values():
        file.write(struct.pack("<q", numbers.size) + numbers.astype("<f4").tobytes())
    return file.getvalue()


def test_a_transposed_view_is_read_by_its_strides(torch: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """It should follow offset and strides: a converted convolution is a view of its storage."""
    numbers = np.arange(7, dtype=np.float32)
    tensor = _Call(torch, _Storage("0", 7), 1, (3, 2), (1, 3), False, OrderedDict())
    path = tmp_path / "w.pth"
    path.write_bytes(written(OrderedDict(w=tensor), {"0": numbers}))

    found = read_weights(path)

    np.testing.assert_array_equal(found["w"], numbers[1:].reshape(2, 3).T)


def test_a_view_beyond_its_storage_is_refused(torch: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """It should not read memory that is not the tensor's."""
    tensor = _Call(torch, _Storage("0", 4), 2, (3,), (1,), False, OrderedDict())
    path = tmp_path / "w.pth"
    path.write_bytes(written(OrderedDict(w=tensor), {"0": np.zeros(4, np.float32)}))

    with pytest.raises(WorkshopFault, match="reaches beyond"):
        read_weights(path)


def test_code_in_the_file_is_refused_and_not_run(torch: Any, tmp_path: Path) -> None:  # noqa: ANN401, ARG001
    """It should let nothing through the unpickler but what tensors are made of."""
    mark = tmp_path / "run"
    path = tmp_path / "w.pth"
    path.write_bytes(written(_Call(os.mkdir, str(mark)), {}))

    with pytest.raises(WorkshopFault, match="are not a state dictionary"):
        read_weights(path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x80\x02K\x01."], ids=["none", "zip", "cut"])
def test_other_files_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    """It should name the file."""
    path = tmp_path / "w.pth"
    path.write_bytes(content)

    with pytest.raises(WorkshopFault) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
