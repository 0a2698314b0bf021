"""Which TFLite runtime works here: tflite-runtime, or its successor ai-edge-litert; on what device.

A runtime counts as usable once an Interpreter of it was built. Importing proves nothing:
tflite-runtime beside numpy 2 imports and dies when it is used. An accelerator is reached through
its delegate, a shared library that is named in the settings.

Models are opened by path: both runtimes then map the file into memory instead of reading it, so its
pages are shared with the page cache and with every further interpreter (`/proc/self/maps` shows it,
and a test looks there). Nothing here runs a model.
"""

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
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

_PACKAGES: Final = {
    "libedgetpu": "Debian package libedgetpu1-std, from https://packages.cloud.google.com/apt"
}
"""Where a delegate's library comes from, by its name."""


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
        build: Makes one more Interpreter, with a delegate of its own where one was named.
        delegate: The delegate's library; None for the processor.
    """

    name: str
    build: Callable[[], Interpreter]
    delegate: str | None = None


def usable_runtime(
    wanted: Runtime, model: Path, threads: int, delegate: str | None = None
) -> UsableRuntime:
    """Find the first runtime that builds an Interpreter of this model.

    Args:
        wanted: One by name, or "auto" for either.
        model: A .tflite file.
        threads: Of each Interpreter.
        delegate: An accelerator's library (`libedgetpu.so.1`), by path or as the system's loader
            finds it; None for the processor.

    Raises:
        DeviceUnavailable: None works here, or the delegate does not.
        BundleFault: The runtime works, and the file is not a model.
    """
    tried = []
    for name in MODULES if wanted == "auto" else (wanted,):
        try:
            module = import_module(MODULES[name])
            build = partial(module.Interpreter, model_path=str(model), num_threads=threads)
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
        if delegate is None:
            return UsableRuntime(name, build)
        with_delegate = partial(_build_with, delegate, module, build, name)
        with_delegate()
        return UsableRuntime(name, with_delegate, delegate)
    missing = "ai-edge-litert" if wanted == "auto" else wanted
    raise DeviceUnavailable(
        f"no TFLite runtime works here ({'; '.join(tried)}): "
        f"{Path(sys.executable).name} -m pip install {missing}"
    )


def _build_with(
    delegate: str, module: ModuleType, build: Callable[..., Interpreter], runtime: str
) -> Interpreter:
    """Build an Interpreter that gives the delegate what it wants of the model."""
    _check_library(delegate)
    try:
        # The Interpreter keeps it alive.
        return build(experimental_delegates=[module.load_delegate(delegate)])
    except (ValueError, RuntimeError) as fault:
        what = f"gave {runtime} no device: is it plugged in, and may this user open it?"
        raise _unavailable(delegate, what, one_line(fault)) from fault


def _check_library(delegate: str) -> None:
    """Load it once before the runtime does, whose own failure leaves a traceback behind."""
    try:
        library = ctypes.CDLL(delegate)
    except OSError as fault:
        # The loader gives no error number. A library that is there may itself need one that is not.
        absent = str(fault).startswith(f"{delegate}:") and "No such file" in str(fault)
        if not absent:
            what = "is not a library that can be loaded here"
            raise _unavailable(delegate, what, one_line(fault)) from fault
        package = _PACKAGES.get(Path(delegate).name.partition(".so")[0])
        remedy = f"install it ({package})" if package else "install it, or correct its name"
        raise DeviceUnavailable(
            f"model.delegate {delegate}: there is no such library; {remedy}, "
            "or leave model.delegate out for the processor"
        ) from fault
    for function in ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate"):
        if not hasattr(library, function):
            raise _unavailable(delegate, "is a library but no TFLite delegate", f"no {function}")


def _unavailable(delegate: str, what: str, why: str) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"model.delegate {delegate} {what} ({why}); "
        "correct it, or leave model.delegate out for the processor"
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
