"""Which TFLite runtime works here: tflite-runtime, or its successor ai-edge-litert.

A runtime counts as usable once an Interpreter of it was built. Importing proves nothing:
tflite-runtime beside numpy 2 imports and dies when it is used.

Nothing here runs a model.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import BundleFault
from sorterd.ports import DeviceUnavailable

Runtime = Literal["auto", "ai-edge-litert", "tflite-runtime"]
MODULES: Final = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}
"""In the order in which `auto` tries them."""


class Interpreter(Protocol):
    """What both runtimes' interpreters have in common, as far as it is used."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each input."""
        ...

    def get_output_details(self) -> list[dict[str, Any]]:
        """The same of each output."""
        ...

    def resize_tensor_input(self, input_index: int, tensor_size: list[int]) -> None:
        """Change an input's shape; the tensors must be allocated again."""
        ...

    def allocate_tensors(self) -> None:
        """Take the memory."""
        ...

    def tensor(self, tensor_index: int) -> Callable[[], npt.NDArray[np.generic]]:
        """Return what gives a view of a tensor; no view may be kept over `invoke`."""
        ...

    def invoke(self) -> None:
        """Run the model."""
        ...


@dataclass(frozen=True, slots=True)
class UsableRuntime:
    """A runtime that has built an Interpreter of this model.

    Attributes:
        name: As in the settings.
        build: Makes one more Interpreter.
    """

    name: str
    build: Callable[[], Interpreter]


def usable_runtime(wanted: Runtime, model: Path, threads: int) -> UsableRuntime:
    """Find the first runtime that builds an Interpreter of this model.

    Args:
        wanted: One by name, or "auto" for either.
        model: A .tflite file.
        threads: Of each Interpreter.

    Raises:
        DeviceUnavailable: None works here.
        BundleFault: The runtime works, and the file is not a model.
    """
    tried = []
    for name in MODULES if wanted == "auto" else (wanted,):
        try:
            make = import_module(MODULES[name]).Interpreter
            build = partial(make, model_path=str(model), num_threads=threads)
            build()
        # A numpy 1 runtime beside numpy 2 fails in any of these ways.
        except (ImportError, AttributeError, SystemError) as fault:
            tried.append(f"{name}: {one_line(fault)}")
            continue
        except (ValueError, RuntimeError) as fault:
            raise BundleFault(
                f"{model} is not a model that {name} can read ({one_line(fault)}): "
                "install the bundle anew"
            ) from fault
        return UsableRuntime(name, build)
    missing = "ai-edge-litert" if wanted == "auto" else wanted
    raise DeviceUnavailable(
        f"no TFLite runtime works here ({'; '.join(tried)}): "
        f"{Path(sys.executable).name} -m pip install {missing}"
    )


def one_line(fault: BaseException) -> str:
    """What a runtime said, fit for a message of one line."""
    return " ".join(str(fault).split())[:200] or type(fault).__name__


@contextmanager
def without_chatter() -> Iterator[None]:
    """Keep the runtimes' own INFO lines off the terminal; whatever else was written is passed on.

    They are written by C++ straight to the process's standard error, so that is what is turned
    aside, for the short time of opening.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            aside.seek(0)
            for line in aside:
                if not line.startswith(b"INFO: "):
                    os.write(2, line)
